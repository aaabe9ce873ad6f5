// dockerignore/: reading ignore files, compiling patterns, matching.
#include "area.h"
#include "graph/ignore.h"
#include "graph/ignore_pattern.h"

namespace lichen::conformance {

Tally run_dockerignore(const std::filesystem::path& folder, const Exceptions& exceptions) {
  using Texts = std::vector<std::string>;
  Area area("dockerignore", folder, exceptions);
  area.each_case("ignorefile.json", [](const Json& in, const Json& want, Case& one) {
    const auto text = in.at("input").get<std::string>();
    if (one.refused(want, graph::Ignore::parse(text))) return;
    one.equal("patterns", graph::Ignore::read(text), want.at("patterns"));
  });
  area.each_case("match.json", [](const Json& in, const Json& want, Case& one) {
    const auto ignore = graph::Ignore::from_patterns(in.at("patterns").get<Texts>());
    if (one.refused(want, ignore) || !one.ok(ignore)) return;
    if (want.contains("match"))
      one.equal("match", ignore->excludes(in.at("path").get<std::string>()), want["match"]);
    if (want.contains("pattern_count"))
      one.equal("pattern_count", ignore->size(), want["pattern_count"]);
    if (want.contains("has_exclusions"))
      one.equal("has_exclusions", ignore->readmits(), want["has_exclusions"]);
  });
  // "regex_windows" is for another system.
  area.each_case("compile.json", [](const Json& in, const Json& want, Case& one) {
    const auto pattern = graph::IgnorePattern::parse(in.at("input").get<std::string>());
    if (one.refused(want, pattern) || !one.ok(pattern)) return;
    one.equal("match_type", to_text(pattern->type()), want.at("match_type"));
    const bool is_glob = pattern->type() == graph::IgnorePattern::Type::kGlob;
    one.equal("regex", is_glob ? pattern->regex() : "", want.at("regex_unix"));
  });
  return area.finish();
}

}  // namespace lichen::conformance
