#include "dockerfile/lint_from.h"

#include <algorithm>

#include "base/text.h"
#include "base/unicode.h"
#include "dockerfile/flags.h"
#include "oci/reference.h"

namespace lichen::dockerfile {

void lint_default_args(const Stages& stages, const std::vector<std::string>& defaults,
                       const Expander& expander, Linter& linter) {
  std::vector<std::string> env = defaults;
  for (const auto& [arg, lines] : stages.global_args) {
    for (const ArgItem& item : arg.items) {
      if (!item.value) continue;
      const auto value = expander.word(*item.value, variables_of(env));
      if (!value) return;  // the build says it, in its own words
      oci::set_env(env, item.key, value->text);
    }
  }
  for (const Stage& stage : stages.stages) {
    const auto base = expander.word(stage.from.base, variables_of(env));
    if (!base) return;
    if (!base->text.empty() && oci::parse_reference(base->text)) continue;
    linter.warn(
        Rule::kInvalidDefaultArgInFrom,
        "Default value for ARG " + stage.from.base + " results in empty or invalid base image name",
        {.lines = stage.lines});
  }
}

namespace {

std::vector<std::string> known_args(const std::vector<std::string>& globals,
                                    const std::vector<std::string>& declared) {
  std::vector<std::string> known = declared;
  for (const std::string& entry : globals) known.emplace_back(oci::env_key(entry));
  return known;
}

}  // namespace

std::string suggested_arg(const Expansion& expansion, const std::vector<std::string>& globals,
                          const std::vector<std::string>& declared) {
  for (const std::string& name : expansion.unmatched)
    if (const std::string near = did_you_mean(name, known_args(globals, declared)); !near.empty())
      return near;
  return {};
}

void lint_from_variables(const Expansion& expansion, const std::vector<std::string>& globals,
                         const std::vector<std::string>& declared, const LintSite& site,
                         Linter& linter) {
  if (expansion.unmatched.empty()) return;
  const std::vector<std::string> known = known_args(globals, declared);
  for (const std::string& name : expansion.unmatched) {
    if (std::find(known.begin(), known.end(), name) != known.end()) continue;
    const std::string near = closest(name, known);
    linter.warn(Rule::kUndefinedArgInFrom,
                "FROM argument '" + name + "' is not declared" +
                    (near.empty() ? "" : " (did you mean " + near + "?)"),
                site);
  }
}

void lint_from_platform(const std::string& written, const Expansion& expansion,
                        const std::string& stage_name, const std::vector<std::string>& globals,
                        const LintSite& site, Linter& linter) {
  constexpr std::string_view kTarget = "TARGETPLATFORM";
  if (expansion.matched.empty() && expansion.unmatched.empty()) {
    const auto platform = oci::parse_platform(expansion.text);
    if (!platform) return;
    // A stage that is named after its platform means it.
    if (stage_name.find(platform->os) != std::string::npos ||
        stage_name.find(platform->architecture) != std::string::npos)
      return;
    linter.warn(
        Rule::kFromPlatformFlagConstDisallowed,
        "FROM --platform flag should not use constant value " + unicode::quote(expansion.text),
        site);
    return;
  }
  const bool only_target = expansion.unmatched.empty() && expansion.matched.size() == 1 &&
                           *expansion.matched.begin() == kTarget;
  if (only_target && oci::find_env(globals, kTarget) == expansion.text)
    linter.warn(Rule::kRedundantTargetPlatform,
                "Setting platform to predefined " + written +
                    " in FROM is redundant as this is the default behavior",
                site);
}

void lint_image_platform(const std::string& image, const oci::Platform& want,
                         const oci::Platform& have, const LintSite& site, Linter& linter) {
  if (want.os == have.os && want.architecture == have.architecture) return;
  linter.warn(Rule::kInvalidBaseImagePlatform,
              "Base image " + image + " was pulled with platform " +
                  unicode::quote(oci::to_text(have)) + ", expected " +
                  unicode::quote(oci::to_text(want)) + " for current build",
              site);
}

}  // namespace lichen::dockerfile
