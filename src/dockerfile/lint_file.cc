#include "dockerfile/lint_file.h"

#include <algorithm>
#include <set>

#include "base/text.h"
#include "base/unicode.h"

namespace lichen::dockerfile {

namespace {

LintSite site_of(const Node& node) {
  return {.lines = node.lines, .comments = &node.comments, .keyword = node.keyword};
}

bool is_lower(const std::string& word) {
  return word == to_lower(word);
}
bool is_upper(const std::string& word) {
  return word == unicode::to_upper(word);
}

}  // namespace

void lint_continuations(const Ast& ast, Linter& linter) {
  for (const SyntaxWarning& warning : ast.warnings)
    linter.warn(Rule::kNoEmptyContinuation, "Empty continuation line",
                {.lines = {warning.line, warning.line}});
}

void lint_node(const Node& node, Linter& linter) {
  const std::string keyword = to_lower(node.keyword);
  if (keyword == "maintainer")
    linter.warn(Rule::kMaintainerDeprecated,
                "Maintainer instruction is deprecated in favor of using label", site_of(node));
  if (keyword != "from") return;
  if (node.args.size() == 3 && !is_lower(node.args[2]))
    linter.warn(Rule::kStageNameCasing, "Stage name '" + node.args[2] + "' should be lowercase",
                site_of(node));
  // A FROM of mixed case is another rule's matter.
  if (node.args.size() < 3 || (!is_lower(node.keyword) && !is_upper(node.keyword))) return;
  const std::string& as = node.args[1];
  if (is_lower(node.keyword) ? !is_lower(as) : !is_upper(as))
    linter.warn(Rule::kFromAsCasing,
                "'" + as + "' and '" + node.keyword + "' keywords' casing do not match",
                site_of(node));
}

void lint_description(const Node& node, const Instruction& instruction, Linter& linter) {
  std::vector<std::string> names;
  std::string keyword = "FROM";
  if (const auto* from = std::get_if<From>(&instruction.body)) {
    if (!from->name.empty()) names = {from->name};
  } else if (const auto* arg = std::get_if<Arg>(&instruction.body)) {
    keyword = "ARG";
    for (const ArgItem& item : arg->items) names.push_back(item.key);
  }
  if (names.empty() || node.comments.empty()) return;
  const std::string& comment = node.comments.back();
  if (std::find(names.begin(), names.end(), comment.substr(0, comment.find(' '))) != names.end())
    return;
  linter.warn(Rule::kInvalidDefinitionDescription,
              "Comment for " + keyword + " should follow the format: `# " +
                  (names.size() > 1 ? "<arg_key>" : names[0]) + " <description>`",
              site_of(node));
}

void lint_stage_names(const Stages& stages, Linter& linter) {
  std::set<std::string> seen;
  for (const Stage& stage : stages.stages) {
    const std::string& name = stage.from.name;
    if (name.empty()) continue;
    const LintSite site{.lines = stage.lines};
    if (name == "scratch" || name == "context")
      linter.warn(
          Rule::kReservedStageName,
          "Stage name should not use the same name as reserved stage " + unicode::quote(name),
          site);
    if (!seen.insert(name).second)
      linter.warn(Rule::kDuplicateStageName,
                  "Duplicate stage name " + unicode::quote(name) + ", stage names should be unique",
                  site);
  }
}

void lint_casing(const Stages& stages, Linter& linter) {
  struct Written {
    const std::string& keyword;
    Lines lines;
  };
  std::vector<Written> all;
  for (const Stage& stage : stages.stages) {
    all.push_back({stage.keyword, stage.lines});
    for (const Instruction& command : stage.commands)
      all.push_back({command.keyword, command.lines});
  }
  std::size_t lower = 0, upper = 0;
  for (const Written& one : all) {
    if (is_lower(one.keyword))
      ++lower;
    else if (is_upper(one.keyword))
      ++upper;
  }
  const bool wants_lower = lower > upper;
  for (const Written& one : all)
    if (wants_lower ? !is_lower(one.keyword) : !is_upper(one.keyword))
      linter.warn(Rule::kConsistentInstructionCasing,
                  "Command '" + one.keyword + "' should match the case of the command majority (" +
                      (wants_lower ? "lowercase" : "uppercase") + ")",
                  {.lines = one.lines});
}

}  // namespace lichen::dockerfile
