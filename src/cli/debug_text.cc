#include "cli/debug_text.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "dockerfile/ast_json.h"
#include "dockerfile/expand.h"
#include "dockerfile/parser.h"
#include "graph/ignore.h"
#include "graph/ignore_pattern.h"

namespace lichen::cli {

namespace {

using Json = nlohmann::ordered_json;

std::string line_of(const Json& json, int indent = -1) {
  return json.dump(indent, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json expansion_json(const std::string& word, const std::vector<std::string>& env) {
  const auto got = dockerfile::Expander().word(word, dockerfile::variables_of(env));
  if (!got) return {{"input", word}, {"error", got.error().message}};
  return {{"input", word},
          {"result", got->text},
          {"words", got->words},
          {"matched", got->matched},
          {"unmatched", got->unmatched}};
}

}  // namespace

Result<std::string> ast_text(const std::string& dockerfile, bool as_json) {
  dockerfile::Lines where;
  auto ast = dockerfile::parse(dockerfile, &where);
  if (!ast) return fail(std::move(ast).error().in("line " + std::to_string(where.first)));
  if (as_json) return line_of(Json::parse(dockerfile::to_json(*ast)), 1);
  std::vector<std::string> lines = split(to_text(*ast), '\n');
  for (std::string& line : lines) line = printable(line);
  return join(lines, "\n");
}

std::string words_text(const std::string& lines) {
  std::vector<std::string> env;
  std::string out;
  for (const std::string& line : split(lines, '\n')) {
    if (line.empty() || line[0] == '#') continue;
    if (starts_with(line, "ENV "))
      env.push_back(line.substr(4));
    else
      out += line_of(expansion_json(line, env));
  }
  return out;
}

Result<std::string> ignore_text(const std::string& file, const std::vector<std::string>& paths) {
  const auto ignore = TRY(graph::Ignore::parse(file));
  std::string out;
  if (paths.empty()) {
    for (const std::string& pattern : ignore.patterns()) {
      const bool readmits = starts_with(pattern, "!");
      const auto compiled =
          TRY(graph::IgnorePattern::parse(std::string_view(pattern).substr(readmits ? 1 : 0)));
      out += line_of({{"pattern", pattern},
                      {"match_type", to_text(compiled.type())},
                      {"regex", compiled.regex()}});
    }
    return out;
  }
  for (const std::string& path : paths)
    out += line_of({{"path", path}, {"match", ignore.excludes(path)}});
  return out;
}

}  // namespace lichen::cli
