// linter/: the build checks and their options. Base images are made up: none is asked for over a
// network, and no rule but InvalidBaseImagePlatform looks at more than their presence.
#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <regex>
#include <tuple>

#include "area.h"
#include "base/text.h"
#include "dockerfile/lint.h"
#include "dockerfile/lint_report.h"
#include "dockerfile/testing.h"
#include "ops/selection.h"
#include "os/file.h"

namespace lichen::conformance {

namespace {

using dockerfile::Frontend;
using dockerfile::Warning;

Frontend frontend_of(const Json& in) {
  Frontend request{.dockerfile = in.at("input").get<std::string>(), .file = "Dockerfile"};
  request.dockerignore = in.value("dockerignore", "");
  if (!in.contains("opts")) return request;
  for (const auto& [key, value] : in["opts"].items()) {
    if (key == "target") request.target = value.get<std::string>();
    if (starts_with(key, "build-arg:"))
      request.build_args[key.substr(10)] = value.get<std::string>();
  }
  return request;
}

// Cases without options were recorded with two platforms.
std::vector<std::optional<oci::Platform>> platforms_of(const Json& in) {
  if (!in.contains("opts")) return {{{"linux", "amd64"}}, {{"linux", "arm64"}}};
  if (!in["opts"].contains("platform")) return {{{"linux", "amd64"}}};
  std::vector<std::optional<oci::Platform>> platforms;
  for (const std::string& one : split(in["opts"]["platform"].get<std::string>(), ','))
    platforms.push_back(oci::parse_platform(one).value());
  return platforms;
}

// In the order of lines, where the data has them in that of BuildKit's work.
Json json_of(const std::vector<Warning>& warnings) {
  std::vector<Json> all;
  for (const Warning& warning : warnings)
    if (!warning.rule.empty())
      all.push_back(
          {{"rule", warning.rule}, {"detail", warning.text}, {"line", warning.lines.first}});
  std::sort(all.begin(), all.end(), [](const Json& a, const Json& b) {
    return std::tuple(a["line"].get<int>(), a.dump()) < std::tuple(b["line"].get<int>(), b.dump());
  });
  return all;
}

Json sorted(const Json& want) {
  std::vector<Warning> warnings;
  for (const Json& one : want)
    warnings.push_back({.text = one.at("detail"),
                        .lines = {one.at("line"), one.at("line")},
                        .rule = one.at("rule"),
                        .description = {},
                        .url = {}});
  return json_of(warnings);
}

// COPY and ADD from a context that holds the Dockerfile alone, as in the tests that the data is
// from.
std::optional<std::pair<Error, int>> missing_source(const graph::Graph& graph,
                                                    const std::string& dockerignore) {
  const std::filesystem::path context =
      std::filesystem::temp_directory_path() / ("conformance." + std::to_string(::getpid()));
  std::filesystem::create_directories(context);
  std::ofstream(context / "Dockerfile") << "FROM scratch";
  const auto ignore = graph::Ignore::parse(dockerignore);
  const auto root = os::open(context.string(), O_PATH | O_DIRECTORY);
  std::optional<std::pair<Error, int>> missing;
  for (std::size_t i = 0; i < graph.vertices.size() && ignore && root && !missing; ++i) {
    const graph::Vertex& vertex = graph.vertices[i];
    const auto* file = std::get_if<graph::FileOp>(&vertex.op);
    if (file == nullptr) continue;
    for (const graph::FileAction& action : file->actions) {
      const auto* copy = std::get_if<graph::Copy>(&action);
      if (copy == nullptr || !copy->input) continue;
      const auto* source =
          std::get_if<graph::SourceOp>(&graph.vertices[vertex.inputs[*copy->input].vertex].op);
      if (source == nullptr || source->identifier != "local://context") continue;
      const auto found =
          ops::select({.root = *root, .ignore = &*ignore, .is_context = true}, *copy);
      if (!found) missing.emplace(found.error(), graph.metadata[i].first_line);
      if (missing) break;
    }
  }
  std::filesystem::remove_all(context);
  return missing;
}

int line_of(const Error& error) {
  for (const std::string& place : error.context)
    if (starts_with(place, "Dockerfile:")) return std::atoi(place.c_str() + 11);
  return 0;
}

struct Built {
  std::vector<Warning> warnings;
  std::string error;  // "": none
  int line = 0;       // of the error
};

// What a build says before it runs a step, and while it looks for what COPY takes.
Built build(const Json& in) {
  Built built;
  for (const auto& platform : platforms_of(in)) {
    Frontend request = frontend_of(in);
    request.platform = platform;
    dockerfile::FakeImages images;
    std::vector<Warning> warnings;
    const auto lowered = dockerfile::lower(request, images, &warnings);
    dockerfile::merge_warnings(built.warnings, std::move(warnings));
    if (!lowered) {
      built.error = to_text(lowered.error());
      built.line = line_of(lowered.error());
    } else if (const auto missing = missing_source(lowered->graph, request.dockerignore)) {
      built.error = to_text(missing->first);
      built.line = missing->second;
    }
  }
  return built;
}

// The client's words, and the name that BuildKit has for a context in its cache: lichen has
// neither.
std::string without_wrapping(std::string text) {
  for (const std::string_view part :
       {"failed to solve: ",
        "failed to compute cache key: failed to calculate checksum of ref "
        "[^\\s]+ "})
    if (starts_with(text, part)) text.erase(0, part.size());
  return text;
}

void compare_build(const Json& want, const Built& built, Case& one) {
  const std::string contained = without_wrapping(want.value("build_error_contains", ""));
  const std::string pattern = without_wrapping(want.value("build_error_regex", ""));
  if (contained.empty() && pattern.empty()) return one.equal("error", built.error, "");
  if (built.error.find(contained) == std::string::npos)
    one.differs("error: " + built.error + " does not contain " + contained);
  if (!std::regex_search(built.error, std::regex(pattern)))
    one.differs("error: " + built.error + " does not match " + pattern);
  if (want.contains("build_error_line"))
    one.equal("line of the error", built.line, want["build_error_line"]);
}

// --check: all stages, and no error where the build only would fail while it runs.
void compare_check(const Json& in, const Json& want, Case& one) {
  std::vector<Warning> warnings;
  for (const auto& platform : platforms_of(in)) {
    Frontend request = frontend_of(in);
    request.platform = platform;
    dockerfile::FakeImages images;
    dockerfile::merge_warnings(warnings, dockerfile::lint(request, images).warnings);
  }
  const char* key = want.contains("check_call_warnings") ? "check_call_warnings" : "warnings";
  one.equal("warnings of --check", json_of(warnings), sorted(want.at(key)));
}

// An example's comment tells what else it needs.
std::vector<Warning> lint_example(std::string text) {
  Frontend request{.dockerfile = text, .file = "Dockerfile"};
  request.platform = oci::Platform{"linux", "amd64"};
  dockerfile::FakeImages images;
  constexpr std::string_view kIgnore = "# .dockerignore: ";
  const std::string first = text.substr(0, text.find('\n'));
  if (starts_with(first, kIgnore)) request.dockerignore = first.substr(kIgnore.size());
  if (first.find("only linux/arm64") != std::string::npos) {
    const std::string image = "example.test/arm-only";
    dockerfile::ResolvedImage arm = images.resolve(image, *request.platform).value();
    arm.config.platform.architecture = "arm64";
    images.images[image] = arm;
  }
  return dockerfile::lint(request, images).warnings;
}

void check_rule(const Json& rule, Case& one) {
  const std::string name = rule.at("name");
  const dockerfile::RuleInfo* info = nullptr;
  for (const dockerfile::RuleInfo& known : dockerfile::all_rules())
    if (known.name == name) info = &known;
  if (info == nullptr) return one.differs("no such rule");
  one.equal("experimental", info->experimental, rule.at("experimental"));
  one.equal("on without asking", !info->experimental, rule.at("default_on"));
  one.equal("slug", info->slug.empty() ? Json() : Json(info->slug), rule.at("url_slug"));
  for (const char* key : {"bad", "good"}) {
    const auto warnings = lint_example(rule.at(key));
    const bool found =
        std::any_of(warnings.begin(), warnings.end(),
                    [&name](const Warning& warning) { return warning.rule == name; });
    one.equal(std::string("found in the ") + key + " example", found, key == std::string("bad"));
  }
}

Json names_json(const std::optional<std::vector<std::string>>& names) {
  return names ? Json(*names) : Json();
}

}  // namespace

Tally run_linter(const std::filesystem::path& folder, const Exceptions& exceptions) {
  Area area("linter", folder, exceptions);
  area.each_case("cases.json", [](const Json& in, const Json& want, Case& one) {
    const Built built = build(in);
    one.equal("warnings", json_of(built.warnings), sorted(want.at("warnings")));
    compare_build(want, built, one);
    compare_check(in, want, one);
  });
  area.each_case("options.json", [](const Json& in, const Json& want, Case& one) {
    const auto options = dockerfile::parse_lint_options(in.at("input").get<std::string>());
    if (one.refused(want, options) || !one.ok(options)) return;
    one.equal("options",
              {{"skip", names_json(options->skip)},
               {"skip_all", options->skip_all},
               {"experimental", names_json(options->experimental)},
               {"experimental_all", options->experimental_all},
               {"error_on_warn", options->error}},
              want);
  });
  area.seen("rules.json");
  if (area.exists("rules.json")) {
    const Json rules = Json::parse(read_file(folder / "rules.json"), nullptr, false);
    if (!rules.is_array() || rules.empty()) area.fail("linter/rules.json: no list of rules");
    for (const Json& rule : rules)
      area.run("rules.json", rule.value("name", "?"),
               [&rule](Case& one) { check_rule(rule, one); });
    if (rules.size() != dockerfile::all_rules().size())
      area.fail("linter/rules.json: " + std::to_string(rules.size()) + " rules, lichen has " +
                std::to_string(dockerfile::all_rules().size()));
  }
  return area.finish();
}

}  // namespace lichen::conformance
