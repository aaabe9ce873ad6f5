#include "dockerfile/lint.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "base/unicode.h"
#include "dockerfile/directives.h"

namespace lichen::dockerfile {

namespace {

constexpr char kRulePages[] = "https://docs.docker.com/go/dockerfile/rule/";

std::vector<std::string> names(std::string_view text) {
  std::vector<std::string> names = split(text, ',');
  for (std::string& name : names) name = std::string(unicode::trim(name));
  return names;
}

Result<bool> truth(std::string_view text) {
  for (const std::string_view yes : {"1", "t", "T", "TRUE", "true", "True"})
    if (text == yes) return true;
  for (const std::string_view no : {"0", "f", "F", "FALSE", "false", "False"})
    if (text == no) return false;
  return fail(Errc::kInvalid,
              "strconv.ParseBool: parsing " + unicode::quote(text) + ": invalid syntax");
}

bool contains(const std::optional<std::vector<std::string>>& names, std::string_view name) {
  return names && std::find(names->begin(), names->end(), name) != names->end();
}

bool allows(const LintOptions& options, const RuleInfo& rule) {
  if (rule.experimental)
    return options.experimental_all || contains(options.experimental, rule.name);
  return !options.skip_all && !contains(options.skip, rule.name);
}

void add_names(std::optional<std::vector<std::string>>& to,
               const std::optional<std::vector<std::string>>& more) {
  if (!more) return;
  if (!to) to.emplace();
  to->insert(to->end(), more->begin(), more->end());
}

// `options` and what "check=…" comments of one instruction add. What cannot be read adds nothing:
// it is only a comment.
LintOptions with_comments(LintOptions options, const std::vector<std::string>& comments) {
  constexpr std::string_view kPrefix = "check=";
  for (const std::string& comment : comments) {
    if (!starts_with(comment, kPrefix)) continue;
    const std::string_view rest = std::string_view(comment).substr(kPrefix.size());
    const auto more = parse_lint_options(rest.substr(0, rest.find_first_of(" \t")));
    if (!more) continue;
    add_names(options.skip, more->skip);
    add_names(options.experimental, more->experimental);
    options.skip_all = options.skip_all || more->skip_all;
    options.experimental_all = options.experimental_all || more->experimental_all;
  }
  return options;
}

}  // namespace

const std::vector<RuleInfo>& all_rules() {
  static const std::vector<RuleInfo> rules = {
      {Rule::kStageNameCasing, "StageNameCasing", "Stage names should be lowercase",
       "stage-name-casing"},
      {Rule::kFromAsCasing, "FromAsCasing",
       "The 'as' keyword should match the case of the 'from' keyword", "from-as-casing"},
      {Rule::kNoEmptyContinuation, "NoEmptyContinuation",
       "Empty continuation lines will become errors in a future release", "no-empty-continuation"},
      {Rule::kConsistentInstructionCasing, "ConsistentInstructionCasing",
       "All commands within the Dockerfile should use the same casing (either upper or lower)",
       "consistent-instruction-casing"},
      {Rule::kDuplicateStageName, "DuplicateStageName", "Stage names should be unique",
       "duplicate-stage-name"},
      {Rule::kReservedStageName, "ReservedStageName",
       "Reserved words should not be used as stage names", "reserved-stage-name"},
      {Rule::kJsonArgsRecommended, "JSONArgsRecommended",
       "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to "
       "OS signals",
       "json-args-recommended"},
      {Rule::kMaintainerDeprecated, "MaintainerDeprecated",
       "The MAINTAINER instruction is deprecated, use a label instead to define an image author",
       "maintainer-deprecated"},
      {Rule::kUndefinedArgInFrom, "UndefinedArgInFrom", "FROM command must use declared ARGs",
       "undefined-arg-in-from"},
      {Rule::kWorkdirRelativePath, "WorkdirRelativePath",
       "Relative workdir without an absolute workdir declared within the build can have "
       "unexpected results if the base image changes",
       "workdir-relative-path"},
      {Rule::kUndefinedVar, "UndefinedVar", "Variables should be defined before their use",
       "undefined-var"},
      {Rule::kMultipleInstructionsDisallowed, "MultipleInstructionsDisallowed",
       "Multiple instructions of the same type should not be used in the same stage",
       "multiple-instructions-disallowed"},
      {Rule::kLegacyKeyValueFormat, "LegacyKeyValueFormat",
       "Legacy key/value format with whitespace separator should not be used",
       "legacy-key-value-format"},
      {Rule::kInvalidBaseImagePlatform, "InvalidBaseImagePlatform",
       "Base image platform does not match expected target platform", ""},
      {Rule::kRedundantTargetPlatform, "RedundantTargetPlatform",
       "Setting platform to predefined $TARGETPLATFORM in FROM is redundant as this is the "
       "default behavior",
       "redundant-target-platform"},
      {Rule::kSecretsUsedInArgOrEnv, "SecretsUsedInArgOrEnv",
       "Sensitive data should not be used in the ARG or ENV commands",
       "secrets-used-in-arg-or-env"},
      {Rule::kInvalidDefaultArgInFrom, "InvalidDefaultArgInFrom",
       "Default value for global ARG results in an empty or invalid base image name",
       "invalid-default-arg-in-from"},
      {Rule::kFromPlatformFlagConstDisallowed, "FromPlatformFlagConstDisallowed",
       "FROM --platform flag should not use a constant value",
       "from-platform-flag-const-disallowed"},
      {Rule::kCopyIgnoredFile, "CopyIgnoredFile",
       "Attempting to Copy file that is excluded by .dockerignore", "copy-ignored-file"},
      {Rule::kInvalidDefinitionDescription, "InvalidDefinitionDescription",
       "Comment for build stage or argument should follow the format: `# <arg/stage name> "
       "<description>`. If this is not intended to be a description comment, add an empty line or "
       "comment between the instruction and the comment.",
       "invalid-definition-description", true},
      {Rule::kExposeProtoCasing, "ExposeProtoCasing",
       "Protocol in EXPOSE instruction should be lowercase", "expose-proto-casing"},
      {Rule::kExposeInvalidFormat, "ExposeInvalidFormat",
       "IP address and host-port mapping should not be used in EXPOSE instruction. This will "
       "become an error in a future release",
       "expose-invalid-format"},
  };
  return rules;
}

const RuleInfo& info(Rule rule) {
  const RuleInfo& found = all_rules()[static_cast<std::size_t>(rule)];
  LICHEN_ASSERT(found.rule == rule);
  return found;
}

std::string url_of(const RuleInfo& rule) {
  return rule.slug.empty() ? "" : kRulePages + std::string(rule.slug) + "/";
}

Result<LintOptions> parse_lint_options(std::string_view text) {
  LintOptions options;
  text = unicode::trim(text);
  for (int part = 1; !text.empty() || part > 1; ++part) {
    // The third takes all that is left.
    const std::size_t end = part < 3 ? text.find(';') : std::string_view::npos;
    const std::string_view option = text.substr(0, end);
    const std::size_t equals = option.find('=');
    if (equals == std::string_view::npos)
      return fail(Errc::kInvalid, "invalid check option " + unicode::quote(option));
    const std::string_view key = unicode::trim(option.substr(0, equals));
    const std::string_view value = unicode::trim(option.substr(equals + 1));
    if (key == "skip" || key == "experimental") {
      if (value == "all")
        (key == "skip" ? options.skip_all : options.experimental_all) = true;
      else
        (key == "skip" ? options.skip : options.experimental) = names(value);
    } else if (key == "error") {
      auto error = truth(value);
      if (!error)
        return fail(Errc::kInvalid, "failed to parse check option " + unicode::quote(option) +
                                        ": " + error.error().message);
      options.error = *error;
    } else {
      return fail(Errc::kInvalid, "invalid check option " + unicode::quote(key));
    }
    if (end == std::string_view::npos) break;
    text.remove_prefix(end + 1);
  }
  return options;
}

Result<LintOptions> lint_options_of(std::string_view dockerfile,
                                    const std::string* build_argument) {
  std::string text, origin = "check options";
  if (build_argument != nullptr) {
    text = *build_argument;
    origin = "build-arg:BUILDKIT_DOCKERFILE_CHECK";
  } else if (const auto directive = find_directive(dockerfile, "check")) {
    text = directive->value;
  }
  auto options = parse_lint_options(text);
  if (!options)
    return fail(Errc::kInvalid, "failed to parse " + origin + ": " + options.error().message);
  return options;
}

std::string to_text(const Warning& warning) {
  std::string text = warning.rule.empty() ? warning.text : warning.rule + ": " + warning.text;
  if (warning.lines.first > 0) text += " (line " + std::to_string(warning.lines.first) + ")";
  return text;
}

void merge_warnings(std::vector<Warning>& warnings, std::vector<Warning> more) {
  for (Warning& warning : more)
    if (std::find(warnings.begin(), warnings.end(), warning) == warnings.end())
      warnings.push_back(std::move(warning));
}

void Linter::warn(Rule rule, std::string detail, const LintSite& site) {
  const RuleInfo& about = info(rule);
  const bool allowed = site.comments == nullptr || site.comments->empty()
                           ? allows(options_, about)
                           : allows(with_comments(options_, *site.comments), about);
  if (!allowed) return;
  warnings_.push_back({.text = std::move(detail),
                       .lines = site.lines,
                       .rule = std::string(about.name),
                       .description = std::string(about.description),
                       .url = url_of(about)});
}

std::optional<Error> Linter::error(Lines& lines) const {
  if (!options_.error || warnings_.empty()) return std::nullopt;
  std::set<std::string> rules;
  lines = warnings_.front().lines;
  for (const Warning& warning : warnings_) {
    rules.insert(warning.rule);
    if (warning.lines.first < lines.first) lines = warning.lines;
  }
  return Error{.code = Errc::kInvalid,
               .message = "lint violation found for rules: " +
                          join(std::vector<std::string>(rules.begin(), rules.end()), ", ")};
}

}  // namespace lichen::dockerfile
