#include "cli/ulimit_flag.h"

#include <algorithm>
#include <charconv>

#include "base/hint.h"
#include "base/text.h"
#include "os/limits.h"

namespace lichen::cli {

namespace {

Result<std::int64_t> parse_value(const std::string& text) {
  if (text == "unlimited" || text == "infinity") return -1;
  std::int64_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value < -1)
    return fail(Errc::kInvalid, "\"" + printable(text) + "\" is not a limit",
                "a number, or -1: unlimited");
  return value;
}

bool is_less(std::int64_t one, std::int64_t other) {
  return static_cast<std::uint64_t>(one) < static_cast<std::uint64_t>(other);  // -1 is the most
}

Result<void> check_name(const std::string& name) {
  if (!os::find_resource(name))
    return fail(Errc::kInvalid, "there is no resource \"" + printable(name) + "\"",
                hint_for(name, os::resource_names()));
  // Where there is no root a step's processes carry their identity in it (emulate/credentials.h).
  if (name == "rttime")
    return fail(Errc::kUnsupported, "rttime is not supported: lichen needs it itself");
  return {};
}

}  // namespace

Result<graph::Ulimit> parse_ulimit(const std::string& text) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos)
    return fail(Errc::kInvalid, "\"" + printable(text) + "\" is not TYPE=SOFT[:HARD]",
                "such as nofile=1024:2048");
  graph::Ulimit limit{.name = text.substr(0, equals)};
  TRY(check_name(limit.name));
  const std::vector<std::string> values = split(text.substr(equals + 1), ':');
  if (values.size() > 2)
    return fail(Errc::kInvalid, "\"" + printable(text) + "\" has more than SOFT:HARD");
  limit.soft = TRY(parse_value(values.front()));
  limit.hard = TRY(parse_value(values.back()));
  if (is_less(limit.hard, limit.soft))
    return fail(Errc::kInvalid,
                "the soft limit must not be more than the hard limit: " + printable(text));
  return limit;
}

Flag ulimit_flag(std::vector<graph::Ulimit>& limits) {
  return {"ulimit", 0, "TYPE=SOFT[:HARD]",
          "a resource limit of what runs, such as nofile=1024:2048; repeatable",
          [&limits](const std::string& text) -> Result<void> {
            graph::Ulimit limit = TRY(parse_ulimit(text));
            const auto at = std::lower_bound(
                limits.begin(), limits.end(), limit.name,
                [](const graph::Ulimit& one, const std::string& name) { return one.name < name; });
            if (at != limits.end() && at->name == limit.name)
              *at = std::move(limit);
            else
              limits.insert(at, std::move(limit));
            return {};
          }};
}

}  // namespace lichen::cli
