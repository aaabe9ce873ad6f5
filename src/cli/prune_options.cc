#include "cli/prune_options.h"

#include <charconv>
#include <set>

#include "base/rfc3339.h"
#include "base/text.h"
#include "cli/environment_flags.h"
#include "cli/format.h"
#include "dockerfile/mount.h"

namespace lichen::cli {

namespace {

using store::UsageKind;

// What BuildKit calls things, as kinds of `lichen du`.
Result<std::set<UsageKind>> kinds_of(const std::string& type) {
  using Kinds = std::set<UsageKind>;
  if (type == "regular")
    return Kinds{UsageKind::kStep, UsageKind::kBase, UsageKind::kSource, UsageKind::kDownload};
  if (type == "exec.cachemount") return Kinds{UsageKind::kCacheMount};
  if (type == "source.git.checkout") return Kinds{UsageKind::kGit};
  if (type == "source.local") return Kinds{UsageKind::kContext};
  return fail(Errc::kInvalid, "there is no type \"" + type + "\"",
              "regular, exec.cachemount, source.git.checkout or source.local");
}

Result<std::int64_t> parse_until(const std::string& text, std::int64_t now) {
  // A date is its beginning, and a time without a zone is of UTC.
  for (const char* rest : {"", "Z", "T00:00:00Z"})
    if (const auto time = parse_rfc3339(text + rest)) return *time;
  if (const auto duration = parse_duration(text)) return now - *duration;
  return fail(Errc::kInvalid, "\"" + text + "\" is neither a duration nor a time",
              "such as 24h, 7d, 2026-01-31 or 2026-01-31T12:00:00Z");
}

Result<void> take_filter(const std::string& text, std::int64_t now, store::PruneRequest& request) {
  const std::size_t equals = text.find('=');
  const std::string key = text.substr(0, equals);
  const std::string value = equals == std::string::npos ? "" : text.substr(equals + 1);
  if (key == "until" || key == "unused-for") {
    request.before = TRY(parse_until(value, now));
    return {};
  }
  if (key != "type")
    return fail(Errc::kUnsupported, "filter \"" + key + "\" is not supported",
                "until=24h and type=exec.cachemount are");
  request.kinds.merge(TRY(kinds_of(value)));
  return {};
}

struct Written {
  PruneOptions options;
  bool all = false;
};

Syntax prune_syntax(Written& written, std::int64_t now) {
  PruneOptions& options = written.options;
  store::Limits& limits = options.request.limits;
  Syntax syntax{
      .name = "prune",
      .summary = "Removes what no image with a name needs, or so much that limits are kept.",
      .text =
          "That is cached steps, unpacked base images, cache mounts, fetched repositories\n"
          "and downloads, and images without a name. With --all images go, too, and the\n"
          "store is empty then. With limits, what was used least recently goes first. What\n"
          "a running build uses stays. On a terminal it asks first.",
      .most = 0};
  syntax.flags = {
      switch_flag("all", 'a', "images with names, too", written.all),
      switch_flag("force", 'f', "do not ask", options.force),
      {"filter", 0, "until=24h|type=TYPE",
       "only what was not used for so long (or since a time: 2026-01-31), or is of this type; "
       "repeatable",
       [&options, now](const std::string& text) {
         return take_filter(text, now, options.request);
       }},
      space_flag("max-used-space", "remove until the store takes no more", limits.max_used),
      space_flag("min-free-space", "remove until the file system has so much free",
                 limits.min_free),
      space_flag("reserved-space", "keep so much in any case", limits.reserved),
      space_flag("keep-storage", "", limits.reserved),
      switch_flag("verbose", 'v', "list what was removed", options.verbose),
      tier_flag(options.environment.tier),
      root_flag(options.environment.root),
  };
  syntax.examples = {{"lichen prune", "everything but images with names"},
                     {"lichen prune -f --filter until=72h", "what was not used for three days"},
                     {"lichen prune -f --max-used-space 20GB", "the oldest, down to 20 GB"},
                     {"lichen prune -f --filter type=exec.cachemount", "cache mounts alone"},
                     {"lichen prune --all", "an empty store"}};
  return syntax;
}

}  // namespace

Flag space_flag(std::string name, std::string help, std::uint64_t& to) {
  return {std::move(name), 0, "BYTES", std::move(help),
          [&to](const std::string& text) -> Result<void> {
            to = static_cast<std::uint64_t>(TRY(dockerfile::parse_bytes(text)));
            return {};
          }};
}

Result<std::int64_t> parse_duration(const std::string& text) {
  constexpr std::pair<char, std::int64_t> kUnits[] = {
      {'w', 604'800}, {'d', 86'400}, {'h', 3'600}, {'m', 60}, {'s', 1}};
  constexpr std::int64_t kMost = 1'000'000'000;
  std::int64_t total = 0;
  const char* at = text.data();
  const char* const end = at + text.size();
  bool good = at != end;
  while (good && at != end) {
    std::int64_t count = 0;
    const auto [unit, error] = std::from_chars(at, end, count);
    good = error == std::errc() && count >= 0 && count <= kMost && unit != end;
    if (!good) break;
    const std::int64_t before = total;
    for (const auto& [letter, seconds] : kUnits)
      if (*unit == letter) total += count * seconds;
    good = count == 0 || total != before;
    at = unit + 1;
  }
  if (!good)
    return fail(Errc::kInvalid, "\"" + text + "\" is no duration", "such as 24h, 90m or 7d");
  return total;
}

Result<PruneOptions> parse_prune(const std::vector<std::string>& args, std::int64_t now) {
  Written written;
  const Parsed parsed = TRY(parse_flags(prune_syntax(written, now), args));
  written.options.help = parsed.help;
  if (written.all) written.options.request.scope = store::PruneRequest::Scope::kAll;
  return std::move(written.options);
}

std::string prune_help() {
  Written written;
  return help_text(prune_syntax(written, 0));
}

}  // namespace lichen::cli
