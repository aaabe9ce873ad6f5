#include "cli/refused_flags.h"

#include <algorithm>

#include "base/csv.h"
#include "base/text.h"

namespace lichen::cli {

namespace {

using AsksNothing = bool (*)(const std::string& value);

bool never(const std::string&) {
  return false;
}
bool when_empty(const std::string& value) {
  return value.empty();
}
bool when_false(const std::string& value) {
  return !parse_bool(value).value_or(true);
}
bool when_default(const std::string& value) {
  return value.empty() || value == "default";
}
bool when_unlimited(const std::string& value) {
  return value.empty() || value == "0" || value == "-1";
}
// "type=sbom,disabled=true", "false".
bool when_disabled(const std::string& value) {
  const auto fields = parse_csv(value);
  return when_false(value) ||
         (fields && std::any_of(fields->begin(), fields->end(), [](const std::string& field) {
            constexpr std::string_view kKey = "disabled=";
            return starts_with(field, kKey) &&
                   parse_bool(field.substr(kKey.size())).value_or(false);
          }));
}

struct Reason {
  const char *text, *hint;
};
constexpr Reason kNotYet{"not supported yet", ""};
constexpr Reason kNoCgroup{
    "not supported: lichen has no cgroup of its own, nor the right to make one",
    "limit lichen as a whole: systemd-run --user --scope -p MemoryMax=2G lichen build …; or a step "
    "by --ulimit"};

struct Refused {
  const char* name;
  AsksNothing asks_nothing;
  Reason reason;
  const char* value = "VALUE";  // "": a switch
  char letter = 0;
};
constexpr Refused kRefused[] = {
    {"add-history", never, kNotYet},
    {"authfile", never, kNotYet},
    {"cgroup-parent", when_empty, kNoCgroup},
    {"cpu-period", when_unlimited, kNoCgroup},
    {"cpu-quota", when_unlimited, kNoCgroup},
    {"cpu-shares", when_unlimited, kNoCgroup, "VALUE", 'c'},
    {"cpuset-cpus", when_empty, kNoCgroup},
    {"cpuset-mems", when_empty, kNoCgroup},
    {"creds", never, kNotYet},
    {"format", never, kNotYet},
    {"ignorefile", never, kNotYet},
    {"isolation", when_default, kNotYet},
    {"memory", when_unlimited, kNoCgroup, "VALUE", 'm'},
    {"memory-swap", when_unlimited, kNoCgroup},
    {"policy", when_disabled, kNotYet},
    {"resource", when_empty, kNoCgroup},
    {"security-opt", when_empty, kNotYet},
    {"source-policy-file", never, kNotYet},
    {"squash", when_false, kNotYet, ""},
    {"stream", when_false, kNotYet, ""},
    {"timestamp", never, kNotYet},
};

}  // namespace

std::vector<Flag> refused_build_flags() {
  std::vector<Flag> flags;
  for (const Refused& refused : kRefused)
    flags.push_back({refused.name, refused.letter, refused.value, "",
                     [refused](const std::string& value) -> Result<void> {
                       if (refused.asks_nothing(value)) return {};
                       return fail(Errc::kUnsupported, refused.reason.text, refused.reason.hint);
                     }});
  return flags;
}

}  // namespace lichen::cli
