// instructions/: typed instructions, flags, heredocs, directives, git references, whole files.
#include "area.h"
#include "base/text.h"
#include "dockerfile/directives.h"
#include "dockerfile/flags.h"
#include "dockerfile/git_reference.h"
#include "dockerfile/heredoc.h"
#include "dockerfile/instruction.h"
#include "dockerfile/mount.h"
#include "dockerfile/parser.h"
#include "dockerfile/ports.h"
#include "dockerfile/words.h"
#include "instruction_json.h"

namespace lichen::conformance {

namespace {

using dockerfile::Node;
using Texts = std::vector<std::string>;

std::string input_of(const Json& in) {
  return in.at("input").get<std::string>();
}

void compare_instructions(const Json& in, const Json& want, Case& one) {
  const auto ast = dockerfile::parse(input_of(in));
  if (want.value("stage", "") == "parse") {
    one.refused(want, ast);
    return;
  }
  if (!one.ok(ast)) return;
  const Json& wanted = want.at("instructions");
  if (ast->nodes.size() != wanted.size())
    return one.differs("got " + std::to_string(ast->nodes.size()) + " instructions, want " +
                       std::to_string(wanted.size()));
  const Error* first_error = nullptr;
  std::vector<Result<dockerfile::Instruction>> all;
  for (const Node& node : ast->nodes) all.push_back(dockerfile::parse_instruction(node));
  for (std::size_t i = 0; i < all.size(); ++i) {
    const auto& got = all[i];
    if (!got && first_error == nullptr) first_error = &got.error();
    if (one.refused(wanted[i], got)) {
      const dockerfile::Lines& lines = ast->nodes[i].lines;
      if (wanted[i].contains("lines"))
        one.equal("lines", {lines.first, lines.last}, wanted[i]["lines"]);
      continue;
    }
    if (!one.ok(got)) continue;
    Json simple = wanted[i];
    drop_empty(simple);
    one.equal("instruction " + std::to_string(i), json_of(*got), simple);
  }
  one.compare_error(want, first_error);
}

// Nodes that no text gives, and helpers: by the instruction that shows what the helper does.
void compare_node(const Json& in, const Json& want, Case& one) {
  const auto args = in.value("args", Texts());
  if (in.contains("flag")) {
    const Node node{.keyword = "healthcheck",
                    .flags = {"--" + in["flag"].get<std::string>() + "=" +
                              in.at("flag_value").get<std::string>()},
                    .args = {"CMD", "x"}};
    const auto got = dockerfile::parse_instruction(node);
    if (!one.refused(want, got)) one.ok(got);
    return;
  }
  if (in.value("fn", "") == "join_args") {
    const Json attributes = in.at("attributes");
    const Node node{.keyword = "cmd",
                    .args = args,
                    .json = attributes.is_object() && attributes.value("json", false)};
    const auto got = dockerfile::parse_instruction(node);
    if (one.ok(got))
      one.equal("args", std::get<dockerfile::Cmd>(got->body).command.words, want.at("args"));
    return;
  }
  const Node node{.keyword = in.at("value"), .args = args, .original = in.value("original", "")};
  const auto got = dockerfile::parse_instruction(node);
  if (one.refused(want, got) || !one.ok(got)) return;
  for (const auto& [key, value] : want.items())
    one.equal(key, json_of(*got).value(key, Json()), value);
}

void compare_flags(const Json& in, const Json& want, Case& one) {
  using dockerfile::FlagKind;
  std::vector<std::string> names;
  for (const Json& flag : in.at("flags")) names.push_back(flag.at("name"));
  std::vector<dockerfile::FlagRow> known;
  Json defaults = Json::object();
  for (std::size_t i = 0; i < names.size(); ++i) {
    const Json& flag = in["flags"][i];
    const std::string type = flag.at("type");
    if (type != "bool" && type != "string" && type != "strings")
      return one.differs("unknown type of flag: " + type);
    known.push_back({names[i], type == "bool"     ? FlagKind::kBool
                               : type == "string" ? FlagKind::kText
                                                  : FlagKind::kList});
    defaults[names[i]] = flag.value("default", Json());
  }
  auto given = in.at("args").get<Texts>();
  // The parser ends the flags there.
  given.erase(std::find(given.begin(), given.end(), "--"), given.end());
  const auto flags = dockerfile::Flags::parse(given, known);
  if (one.refused(want, flags) || !one.ok(flags)) return;
  if (want.contains("ok")) one.equal("ok", true, want["ok"]);
  if (want.contains("used")) one.equal("used", flags->used(), want["used"]);
  const Json values = want.value("values", Json::object());
  for (const auto& [name, value] : values.items()) {
    Json got = defaults.value(name, Json());
    if (flags->has(name)) {
      if (value.is_boolean())
        got = flags->boolean(name).value_or(false);
      else if (value.is_array())
        got = flags->list(name);
      else
        got = flags->text(name);
    }
    one.equal(name, got, value);
  }
}

void compare_directives(const Json& in, const Json& want, Case& one) {
  const std::string fn = in.at("fn");
  if (fn == "parse_all") {
    const auto got = dockerfile::parse_directives(input_of(in));
    if (one.refused(want, got) || !one.ok(got)) return;
    Json directives = Json::array();
    for (const dockerfile::Directive& directive : *got)
      directives.push_back(
          {{"line", directive.line}, {"name", directive.name}, {"value", directive.value}});
    return one.equal("directives", directives, want.at("directives"));
  }
  Json got = {{"ok", false}, {"value", ""}, {"cmdline", ""}};
  if (fn == "detect_syntax") {
    if (const auto syntax = dockerfile::detect_syntax(input_of(in)))
      got = {{"ok", true},
             {"value", syntax->value},
             {"cmdline", syntax->cmdline},
             {"line", syntax->line}};
  } else if (fn == "parse_directive") {
    if (const auto found =
            dockerfile::find_directive(input_of(in), in.at("key").get<std::string>()))
      got = {{"ok", true},
             {"value", found->value.substr(0, found->value.find(' '))},
             {"cmdline", found->value},
             {"line", found->line}};
  } else {
    return one.differs("unknown function " + fn);
  }
  one.equal(fn, got, want);
}

Json json_of_git(const dockerfile::GitReference& git) {
  Json json = {{"remote", git.remote},   {"short_name", git.short_name}, {"ref", git.ref},
               {"sub_dir", git.sub_dir}, {"checksum", git.checksum},     {"mtime", git.mtime}};
  if (git.keep_git_dir) json["keep_git_dir"] = *git.keep_git_dir;
  if (git.submodules) json["submodules"] = *git.submodules;
  if (git.fetch_by_commit) json["fetch_by_commit"] = true;
  if (git.looks_local) json["indistinguishable_from_local"] = true;
  if (git.unencrypted) json["unencrypted_tcp"] = true;
  for (auto item = json.begin(); item != json.end();)
    item = *item == "" ? json.erase(item) : std::next(item);
  return json;
}

void run_lines(Area& area) {
  area.each_case("heredoc_word.json", [](const Json& in, const Json& want, Case& one) {
    const auto got = dockerfile::parse_heredoc(input_of(in));
    if (one.refused(want, got) || !one.ok(got)) return;
    Json heredoc;
    if (*got)
      heredoc = {{"name", (*got)->name},
                 {"fd", (*got)->fd},
                 {"expand", (*got)->expand},
                 {"chomp", (*got)->chomp}};
    one.equal("heredoc", heredoc, want.at("heredoc"));
  });
  area.each_case("heredocs_from_line.json", [](const Json& in, const Json& want, Case& one) {
    const auto got = dockerfile::heredocs_of_line(input_of(in));
    if (one.refused(want, got) || !one.ok(got)) return;
    Texts names;
    for (const dockerfile::Heredoc& heredoc : *got) names.push_back(heredoc.name);
    one.equal("names", names, want.at("names"));
  });
  area.each_case("heredoc_chomp.json", [](const Json& in, const Json& want, Case& one) {
    const dockerfile::Heredoc heredoc{.chomp = true, .content = input_of(in)};
    one.equal("body", heredoc.body(), want.is_object() && want.size() == 1 ? *want.begin() : want);
  });
  area.each_case("json_arrays.json", [](const Json& in, const Json& want, Case& one) {
    const auto got = dockerfile::parse_json_array(input_of(in));
    // What is no array at all is no error here: the shell form.
    if (got && !*got) return one.equal("values", Json(), want.value("values", Json()));
    if (one.refused(want, got) || !one.ok(got)) return;
    one.equal("values", **got, want.at("values"));
  });
  area.each_case("name_values.json", [](const Json& in, const Json& want, Case& one) {
    const auto got =
        dockerfile::split_name_values(input_of(in), in.at("key").get<std::string>(), '\\');
    if (one.refused(want, got) || !one.ok(got)) return;
    Json triples = Json::array();
    for (const auto& pair : *got) triples.push_back({pair.name, pair.value, pair.separator});
    one.equal("triples", triples, want.at("triples"));
  });
  area.each_case("expose_ports.json", [](const Json& in, const Json& want, Case& one) {
    const auto got = dockerfile::parse_ports(dockerfile::split_blanks(input_of(in)));
    if (one.refused(want, got) || !one.ok(got)) return;
    one.equal("ports", *got, want.at("ports"));
  });
  area.each_case("devices.json", [](const Json& in, const Json& want, Case& one) {
    const auto got = dockerfile::parse_device(input_of(in));
    if (one.refused(want, got) || !one.ok(got)) return;
    one.equal("device", {{"name", got->name}, {"required", got->required}}, want);
  });
  area.each_case("directives.json", compare_directives);
  area.each_case("git_ref.json", [](const Json& in, const Json& want, Case& one) {
    const auto got = dockerfile::parse_git_reference(input_of(in));
    if (one.refused(want, got) || !one.ok(got)) return;
    one.equal("git", *got ? json_of_git(**got) : Json(), want.at("git"));
  });
  area.each_case("git_fragment.json", [](const Json& in, const Json& want, Case& one) {
    const auto text = in.at("ref").get<std::string>();
    const auto got = dockerfile::parse_git_reference(text);
    const bool ok = got && *got;
    one.equal("ok", ok, want.at("ok"));
    one.equal("result", ok ? (*got)->fragment_form(in.at("with_subdir")) : text, want.at("result"));
  });
}

}  // namespace

Tally run_instructions(const std::filesystem::path& folder, const Exceptions& exceptions) {
  Area area("instructions", folder, exceptions);
  area.each_case("parse.json", compare_instructions);
  area.each_case("nodes.json", compare_node);
  area.each_case("bflags.json", compare_flags);
  run_lines(area);
  run_whole_files(area);
  return area.finish();
}

}  // namespace lichen::conformance
