// parser/: the syntax tree, its dump, the word splitter.
#include "dockerfile/parser.h"

#include "area.h"
#include "base/text.h"
#include "dockerfile/ast_json.h"
#include "dockerfile/words.h"

namespace lichen::conformance {

namespace {

// The data leaves out what is empty, as dockerfile::to_json does, and says nothing of lines inside
// ONBUILD.
Json simple(Json node) {
  for (auto item = node.begin(); item != node.end();) {
    if (item->is_null() || ((item->is_array() || item->is_object()) && item->empty()))
      item = node.erase(item);
    else
      ++item;
  }
  if (node.contains("args"))
    for (Json& arg : node["args"])
      if (arg.is_object()) {
        arg["sub"] = simple(arg["sub"]);
        arg["sub"].erase("lines");
      }
  return node;
}

void compare_trees(const Json& want, const dockerfile::Ast& ast, Case& one) {
  const Json got = Json::parse(dockerfile::to_json(ast));
  if (got["nodes"].size() != want["nodes"].size())
    return one.differs("got " + std::to_string(got["nodes"].size()) + " nodes, want " +
                       std::to_string(want["nodes"].size()));
  for (std::size_t i = 0; i < want["nodes"].size(); ++i)
    one.equal("node " + std::to_string(i), simple(got["nodes"][i]), simple(want["nodes"][i]));
  for (const char* key : {"escape", "lines", "warnings"})
    if (want.contains(key))
      one.equal(key, got[key], want[key].is_null() ? Json::array() : want[key]);
}

void run_file(Area& area, const std::string& file) {
  area.run(file, std::filesystem::path(file).filename().string(), [&](Case& one) {
    const auto ast = dockerfile::parse(read_file(area.folder() / file / "Dockerfile"));
    if (!one.ok(ast)) return;
    if (area.exists(file + "/result"))
      one.equal("dump", to_text(*ast), read_file(area.folder() / file / "result"));
    compare_trees(Json::parse(read_file(area.folder() / file / "ast.json")), *ast, one);
  });
}

template <class Run>
void each_folder(Area& area, const std::string& parent, Run run) {
  area.seen(parent);
  if (!area.exists(parent)) return;
  std::set<std::string> names;
  for (const auto& entry : std::filesystem::directory_iterator(area.folder() / parent))
    names.insert(entry.path().filename().string());
  if (names.empty()) area.fail("parser/" + parent + ": no cases");
  for (const std::string& name : names) run(parent + "/" + name);
}

}  // namespace

Tally run_parser(const std::filesystem::path& folder, const Exceptions& exceptions) {
  Area area("parser", folder, exceptions);
  area.each_case("parse_cases.json", [](const Json& in, const Json& want, Case& one) {
    const auto ast = dockerfile::parse(in.at("input").get<std::string>());
    if (one.refused(want, ast) || !one.ok(ast)) return;
    compare_trees(want, *ast, one);
    if (want.contains("dump")) one.equal("dump", to_text(*ast), want["dump"]);
  });
  area.each_case("split_words.json", [](const Json& in, const Json& want, Case& one) {
    one.equal("words", dockerfile::split_words(in.at("input").get<std::string>(), '\\'),
              want.at("words"));
  });
  each_folder(area, "testfiles", [&area](const std::string& file) { run_file(area, file); });
  each_folder(area, "testfiles-negative", [&area](const std::string& file) {
    area.run(file, std::filesystem::path(file).filename().string(), [&](Case& one) {
      const auto ast = dockerfile::parse(read_file(area.folder() / file / "Dockerfile"));
      one.refused({{"error", trim(read_file(area.folder() / file / "error"))}}, ast);
    });
  });
  area.seen("testfile-line");
  if (area.exists("testfile-line")) run_file(area, "testfile-line");
  return area.finish();
}

}  // namespace lichen::conformance
