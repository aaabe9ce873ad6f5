// corpus/: real Dockerfiles with the dump of their trees and the outcome of their instructions.
// What the index says of builds (stage_info, offline_debian_…) is a heuristic for those who choose
// files to build; the warnings of lint_parse_level belong to the area linter.
#include "area.h"
#include "base/text.h"
#include "dockerfile/parser.h"
#include "dockerfile/stage.h"

namespace lichen::conformance {

namespace {

Json stages_of(const dockerfile::Stages& stages) {
  Json json = Json::array();
  for (const dockerfile::Stage& stage : stages.stages) {
    Json commands = Json::array();
    for (const dockerfile::Instruction& command : stage.commands) {
      const std::size_t end = command.code.find_first_of(" \t");
      commands.push_back(command.code.substr(0, end));  // as written
    }
    json.push_back({{"base", stage.from.base},
                    {"name", stage.from.name},
                    {"platform", stage.from.platform},
                    {"commands", commands}});
  }
  return json;
}

void compare_file(const std::string& text, const Json& index, const Json& dump, Case& one) {
  const auto ast = dockerfile::parse(text);
  if (!one.ok(ast)) return;
  one.equal("bytes", text.size(), index.at("bytes"));
  one.equal("dump", to_text(*ast), dump);
  one.equal("nodes", ast->nodes.size(), index.at("node_count"));
  one.equal("lines", {ast->lines.first, ast->lines.last}, index.at("lines"));
  one.equal("escape", std::string(1, ast->escape), index.at("escape"));
  Json warnings = Json::array();
  for (const dockerfile::SyntaxWarning& warning : ast->warnings)
    warnings.push_back({{"short", warning.text}, {"line", warning.line}});
  one.equal("warnings", warnings, index.at("warnings"));

  std::vector<dockerfile::Instruction> instructions;
  for (const dockerfile::Node& node : ast->nodes) {
    auto instruction = dockerfile::parse_instruction(node);
    if (!instruction) {
      one.equal("instructions_error",
                "dockerfile parse error on line " + std::to_string(node.lines.first) + ": " +
                    instruction.error().message,
                index.value("instructions_error", Json()));
      return;
    }
    instructions.push_back(std::move(*instruction));
  }
  dockerfile::Lines where;
  const auto stages = dockerfile::group_stages(std::move(instructions), where);
  if (!one.ok(stages)) return;
  one.equal("instructions_error", Json(), index.value("instructions_error", Json()));
  one.equal("stages", stages_of(*stages), index.value("stages", Json()));
  one.equal("meta_args", stages->global_args.size(), index.value("meta_args", Json()));
}

}  // namespace

Tally run_corpus(const std::filesystem::path& folder, const Exceptions& exceptions) {
  Area area("corpus", folder / "corpus", exceptions);
  const Json index = Json::parse(read_file(folder / "corpus-index.json"), nullptr, false);
  if (!index.is_array()) area.fail("corpus-index.json: no JSON array");
  std::map<std::string, Json> dumps;
  for (const std::string& line : split(read_file(folder / "corpus-dumps.jsonl"), '\n')) {
    if (line.empty()) continue;
    const Json one = Json::parse(line, nullptr, false);
    if (one.is_object() && one.contains("file") && one.contains("dump"))
      dumps[one["file"]] = one["dump"];
    else
      area.fail("corpus-dumps.jsonl: a line without file or dump");
  }
  for (const Json& row : index.is_array() ? index : Json::array()) {
    const std::string file = row.value("file", "");
    area.seen(file);
    area.run(file, file, [&](Case& one) {
      if (!area.exists(file)) return one.differs("the file is not there");
      const auto dump = dumps.extract(file);
      compare_file(read_file(area.folder() / file), row, dump ? dump.mapped() : Json(), one);
    });
  }
  for (const auto& [file, dump] : dumps)
    area.fail("corpus-dumps.jsonl: " + file + " is not in the index");
  return area.finish();
}

}  // namespace lichen::conformance
