// Lint: what is legal in a Dockerfile but likely a mistake. The rules, their names, wording and
// places are BuildKit's build checks, so that `# check=skip=…` and scripts keep their meaning.
//
//   Linter linter(TRY(parse_lint_options("skip=JSONArgsRecommended;error=true")));
//   linter.warn(Rule::kMaintainerDeprecated, "…", {lines, &comments});
//   if (auto error = linter.error()) …
//
// This header has the rules and their options. What each rule looks at is in lint_file.h (the file
// as it is written), lint_from.h (FROM) and lint_stage.h (instructions with their variables
// expanded). All pure; a Linter belongs to one thread.
#pragma once

#include <array>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dockerfile/ast.h"

namespace lichen::dockerfile {

enum class Rule {
  kStageNameCasing,
  kFromAsCasing,
  kNoEmptyContinuation,
  kConsistentInstructionCasing,
  kDuplicateStageName,
  kReservedStageName,
  kJsonArgsRecommended,
  kMaintainerDeprecated,
  kUndefinedArgInFrom,
  kWorkdirRelativePath,
  kUndefinedVar,
  kMultipleInstructionsDisallowed,
  kLegacyKeyValueFormat,
  kInvalidBaseImagePlatform,
  kRedundantTargetPlatform,
  kSecretsUsedInArgOrEnv,
  kInvalidDefaultArgInFrom,
  kFromPlatformFlagConstDisallowed,
  kCopyIgnoredFile,
  kInvalidDefinitionDescription,
  kExposeProtoCasing,
  kExposeInvalidFormat,
};

struct RuleInfo {
  Rule rule;
  std::string_view name, description;
  std::string_view slug;      // of its page; empty: it has none
  bool experimental = false;  // only reported when asked for
};
const std::vector<RuleInfo>& all_rules();  // in the order of Rule
const RuleInfo& info(Rule rule);
std::string url_of(const RuleInfo& rule);  // "" without a page

// The value of `# check=…` and of the build argument BUILDKIT_DOCKERFILE_CHECK:
// "skip=A,B;experimental=C;error=true", "skip=all", "experimental=all".
struct LintOptions {
  std::optional<std::vector<std::string>> skip, experimental;
  bool skip_all = false, experimental_all = false;
  bool error = false;  // a warning fails the build
};
Result<LintOptions> parse_lint_options(std::string_view text);
// Those of a whole Dockerfile: its check directive, unless the build argument is given.
Result<LintOptions> lint_options_of(std::string_view dockerfile, const std::string* build_argument);

// What a build warns about: a rule's finding, or (without `rule`) something else.
struct Warning {
  std::string text;
  Lines lines;  // from 0: about the whole build
  std::string rule, description, url;

  friend bool operator==(const Warning&, const Warning&) = default;
};
// "RULE: TEXT (line N)".
std::string to_text(const Warning& warning);
// Appends those of `more` that `warnings` has not yet: a build for several platforms reports each
// once.
void merge_warnings(std::vector<Warning>& warnings, std::vector<Warning> more);

// The instruction that a rule looks at.
struct LintSite {
  Lines lines;
  // The comments directly above it: "check=…" in them counts for this instruction only. Borrowed.
  const std::vector<std::string>* comments = nullptr;
  std::string_view keyword = {};  // as written
};

class Linter {
 public:
  Linter() = default;
  explicit Linter(LintOptions options) : options_(std::move(options)) {}

  // Reports, unless options or the site's comments silence the rule.
  void warn(Rule rule, std::string detail, const LintSite& site);

  const std::vector<Warning>& warnings() const { return warnings_; }
  // With error=true, and warnings: what the build fails with. `lines` is where the first one is.
  std::optional<Error> error(Lines& lines) const;

 private:
  LintOptions options_;
  std::vector<Warning> warnings_;
};

}  // namespace lichen::dockerfile
