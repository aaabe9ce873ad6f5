#include "dockerfile/ast_json.h"

#include <nlohmann/json.hpp>

namespace lichen::dockerfile {

namespace {

using Json = nlohmann::ordered_json;

Json json_of(const Node& node) {
  Json json = {{"value", node.keyword}};
  if (!node.flags.empty()) json["flags"] = node.flags;
  if (node.child)
    json["args"] = Json::array({{{"sub", json_of(*node.child)}}});
  else if (!node.args.empty())
    json["args"] = node.args;
  if (node.json) json["attributes"] = {{"json", true}};
  json["original"] = node.original;
  if (!node.comments.empty()) json["comments"] = node.comments;
  for (const Heredoc& heredoc : node.heredocs)
    json["heredocs"].push_back({{"name", heredoc.name},
                                {"fd", heredoc.fd},
                                {"expand", heredoc.expand},
                                {"chomp", heredoc.chomp},
                                {"content", heredoc.content}});
  if (node.lines.first > 0) json["lines"] = {node.lines.first, node.lines.last};
  return json;
}

}  // namespace

std::string to_json(const Ast& ast) {
  Json json = {{"escape", std::string(1, ast.escape)},
               {"lines", {ast.lines.first, ast.lines.last}},
               {"warnings", Json::array()},
               {"nodes", Json::array()}};
  for (const SyntaxWarning& warning : ast.warnings)
    json["warnings"].push_back({{"short", warning.text}, {"line", warning.line}});
  for (const Node& node : ast.nodes) json["nodes"].push_back(json_of(node));
  return json.dump(-1, ' ', false, Json::error_handler_t::replace);
}

}  // namespace lichen::dockerfile
