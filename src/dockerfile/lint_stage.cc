#include "dockerfile/lint_stage.h"

#include <algorithm>

#include "base/text.h"
#include "base/unicode.h"
#include "graph/sensitive.h"

namespace lichen::dockerfile {

namespace {

void lint_secret(std::string_view instruction, const std::string& name, const LintSite& site,
                 Linter& linter) {
  if (!graph::is_secret_name(name)) return;
  linter.warn(Rule::kSecretsUsedInArgOrEnv,
              "Do not use ARG or ENV instructions for sensitive data (" + std::string(instruction) +
                  " " + unicode::quote(name) + ")",
              site);
}

void lint_legacy(const Pair& pair, const LintSite& site, Linter& linter) {
  if (!pair.no_delim) return;
  const std::string keyword(site.keyword);
  linter.warn(Rule::kLegacyKeyValueFormat,
              "\"" + keyword + " key=value\" should be used instead of legacy \"" + keyword +
                  " key value\" format",
              site);
}

// As a source of COPY means it: without "./", "//" and "..", "." for nothing.
std::string clean_source(const std::string& source) {
  const std::string clean = clean_path(source);
  if (starts_with(source, "/")) return clean;
  return clean == "/" ? "." : clean.substr(1);
}

bool ignores_all(const graph::Ignore& ignore) {
  for (const std::string& pattern : ignore.patterns())
    if (pattern == "*" || pattern == "**" || pattern == "**/*") return true;
  return false;
}

}  // namespace

void lint_variables(const std::set<std::string>& unmatched, const std::vector<ArgItem>& args,
                    const std::vector<std::string>& env, const LintSite& site, Linter& linter) {
  std::vector<std::string> known;
  for (const std::string& name : unmatched) {
    const bool declared = std::any_of(args.begin(), args.end(),
                                      [&name](const ArgItem& arg) { return arg.key == name; });
    if (declared) continue;
    // These two steer the builder and have no value in the stage.
    if (name == "BUILDKIT_SBOM_SCAN_CONTEXT" || name == "BUILDKIT_SBOM_SCAN_STAGE") continue;
    if (known.empty())
      for (const std::string& entry : env) known.emplace_back(oci::env_key(entry));
    const std::string near = closest(name, known);
    linter.warn(Rule::kUndefinedVar,
                "Usage of undefined variable '$" + name + "'" +
                    (near.empty() ? "" : " (did you mean $" + near + "?)"),
                site);
  }
}

void lint_command(const CommandLine& command, const std::vector<std::string>& shell,
                  const LintSite& site, Linter& linter) {
  if (!command.shell_form || !shell.empty()) return;
  linter.warn(Rule::kJsonArgsRecommended,
              "JSON arguments recommended for " + std::string(site.keyword) +
                  " to prevent unintended behavior related to OS signals",
              site);
}

void lint_used_once(std::optional<Lines>& previous, const LintSite& site, Linter& linter) {
  // The earlier one is to blame: it is the one that counts for nothing.
  if (previous)
    linter.warn(Rule::kMultipleInstructionsDisallowed,
                "Multiple " + std::string(site.keyword) +
                    " instructions should not be used in the same stage because only the last one "
                    "will be used",
                {.lines = *previous, .comments = site.comments, .keyword = site.keyword});
  previous = site.lines;
}

void lint_env(const std::vector<Pair>& pairs, const LintSite& site, Linter& linter) {
  for (const Pair& pair : pairs) {
    lint_legacy(pair, site, linter);
    lint_secret("ENV", pair.key, site, linter);
  }
}

void lint_label(const std::vector<Pair>& pairs, const LintSite& site, Linter& linter) {
  for (const Pair& pair : pairs) lint_legacy(pair, site, linter);
}

void lint_arg(const std::string& name, const LintSite& site, Linter& linter) {
  lint_secret("ARG", name, site, linter);
}

void lint_workdir(const std::string& path, bool& is_set, const LintSite& site, Linter& linter) {
  if (!is_set && !starts_with(path, "/"))
    linter.warn(Rule::kWorkdirRelativePath,
                "Relative workdir " + unicode::quote(path) +
                    " can have unexpected results if the base image changes",
                site);
  is_set = true;
}

void lint_expose(const std::vector<std::string>& words, const LintSite& site, Linter& linter) {
  for (const std::string& word : words) {
    const std::size_t colon = word.rfind(':');
    const std::string port = colon == std::string::npos ? word : word.substr(colon + 1);
    const std::size_t slash = port.find('/');
    const std::string protocol = slash == std::string::npos ? "" : port.substr(slash + 1);
    if (protocol != to_lower(protocol))
      linter.warn(Rule::kExposeProtoCasing,
                  "Defined protocol '" + word + "' in EXPOSE instruction should be lowercase",
                  site);
    // ":80" has a place for a host's port, but none in it.
    if (colon != std::string::npos && word.find_first_not_of(':') < colon)
      linter.warn(Rule::kExposeInvalidFormat,
                  "EXPOSE instruction should not define an IP address or host-port mapping, found "
                  "'" +
                      word + "'",
                  site);
  }
}

void lint_copy_source(const std::string& source, bool add, const graph::Ignore& ignore,
                      const LintSite& site, Linter& linter) {
  // With "!" a directory may be left out and a file in it not: nothing can be said then.
  const std::vector<std::string>& patterns = ignore.patterns();
  if (std::any_of(patterns.begin(), patterns.end(),
                  [](const std::string& pattern) { return starts_with(pattern, "!"); }))
    return;
  const std::string path = clean_source(source);
  if ((path == "." || path == "/") && !ignores_all(ignore)) return;
  if (!ignore.excludes(path)) return;
  linter.warn(Rule::kCopyIgnoredFile,
              std::string("Attempting to ") + (add ? "Add" : "Copy") + " file " +
                  unicode::quote(path) + " that is excluded by .dockerignore",
              site);
}

}  // namespace lichen::dockerfile
