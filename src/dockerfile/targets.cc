#include "dockerfile/targets.h"

#include "base/base64.h"
#include "dockerfile/call_json.h"
#include "dockerfile/excerpt.h"
#include "dockerfile/parser.h"
#include "dockerfile/stage.h"

namespace lichen::dockerfile {

namespace {

Result<Stages> read_stages(const std::string& text, Lines& where) {
  const Ast ast = TRY(parse(text, &where));
  std::vector<Instruction> instructions;
  for (const Node& node : ast.nodes) {
    where = node.lines;
    instructions.push_back(TRY(parse_instruction(node)));
  }
  return group_stages(std::move(instructions), where);
}

}  // namespace

Result<Targets> list_targets(const Frontend& request) {
  Lines where;
  auto stages = read_stages(request.dockerfile, where);
  if (!stages)
    return fail(located(std::move(stages).error(), request.file, request.dockerfile, where));
  Targets targets;
  for (const Stage& stage : stages->stages)
    targets.push_back({.name = stage.from.name,
                       .base = stage.from.base,
                       .platform = stage.from.platform,
                       .description = stage.from.doc,
                       .is_default = stage.index + 1 == stages->stages.size(),
                       .lines = stage.lines});
  return targets;
}

std::string to_text(const Targets& targets) {
  std::vector<std::vector<std::string>> rows = {{"TARGET", "DESCRIPTION"}};
  for (const Target& target : targets) {
    std::string name = target.name;
    if (target.is_default) name += name.empty() ? "(default)" : " (default)";
    rows.push_back({name, target.description});
  }
  return table(rows, 3);
}

std::string to_json(const Targets& targets, const Frontend& request) {
  CallJson json = {{"targets", CallJson::array()}};
  for (const Target& target : targets) {
    CallJson one = CallJson::object();
    if (!target.name.empty()) one["name"] = target.name;
    if (target.is_default) one["default"] = true;
    if (!target.description.empty()) one["description"] = target.description;
    one["base"] = target.base;
    if (!target.platform.empty()) one["platform"] = target.platform;
    one["location"] = location_json(target.lines);
    json["targets"].push_back(std::move(one));
  }
  json["sources"] = CallJson::array({base64_encode(request.dockerfile)});
  return dump(json);
}

}  // namespace lichen::dockerfile
