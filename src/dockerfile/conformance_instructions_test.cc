// Instructions, heredocs, directives and whole files against the shared conformance data.
#include "base/text.h"
#include "dockerfile/conformance_cases.h"
#include "dockerfile/directives.h"
#include "dockerfile/flags.h"
#include "dockerfile/heredoc.h"
#include "dockerfile/history.h"
#include "dockerfile/instruction.h"
#include "dockerfile/parser.h"
#include "dockerfile/ports.h"
#include "dockerfile/testing.h"
#include "dockerfile/words.h"
#include "oci/types.h"

namespace lichen::dockerfile::conformance {
namespace {

using Texts = std::vector<std::string>;

struct ToJson {
  static Json optional(const std::optional<bool>& value) { return value ? Json(*value) : Json(); }
  static Json list(const Texts& values) { return values.empty() ? Json() : Json(values); }
  static Json of(const std::vector<Pair>& pairs) {
    Json json = Json::array();
    for (const Pair& pair : pairs) json.push_back({{"key", pair.key}, {"value", pair.value}});
    return json;
  }
  static Json of(const char* cmd, const CommandLine& command) {
    return {{"cmd", cmd}, {"cmdline", command.words}, {"shell_form", command.shell_form}};
  }
  Json operator()(const From& from) const {
    return {{"cmd", "FROM"}, {"base", from.base}, {"name", from.name}, {"platform", from.platform}};
  }
  Json operator()(const Arg& arg) const {
    Json args = Json::array();
    for (const ArgItem& item : arg.items)
      args.push_back({{"key", item.key}, {"value", item.value ? Json(*item.value) : Json()}});
    return {{"cmd", "ARG"}, {"args", args}};
  }
  Json operator()(const Env& env) const { return {{"cmd", "ENV"}, {"pairs", of(env.pairs)}}; }
  Json operator()(const Label& label) const {
    return {{"cmd", "LABEL"}, {"pairs", of(label.pairs)}};
  }
  Json operator()(const CopyFiles& copy) const {
    Json json = {{"cmd", copy.add ? "ADD" : "COPY"},
                 {"sources", list(copy.sources)},
                 {"dest", copy.dest},
                 {"chown", copy.chown},
                 {"chmod", copy.chmod},
                 {"exclude", list(copy.exclude)},
                 {"link", copy.link}};
    for (const InlineFile& file : copy.inline_files)
      json["inline"].push_back({{"path", file.path}, {"data", file.data}, {"expand", file.expand}});
    if (copy.add) {
      json["checksum"] = copy.checksum;
      json["keep_git_dir"] = optional(copy.keep_git_dir);
      json["unpack"] = optional(copy.unpack);
    } else {
      json["from"] = copy.from;
      json["parents"] = copy.parents;
    }
    return json;
  }
  Json operator()(const Run& run) const {
    Json json = of("RUN", run.command);
    json["network"] = run.network.empty() ? "default" : run.network;
    json["security"] = run.security.empty() ? "sandbox" : run.security;
    json["flags_used"] = run.flags_used;
    for (const Heredoc& file : run.files)
      json["files"].push_back({{"name", file.name}, {"data", file.content}, {"chomp", file.chomp}});
    return json;
  }
  Json operator()(const Cmd& cmd) const { return of("CMD", cmd.command); }
  Json operator()(const Entrypoint& entrypoint) const {
    return of("ENTRYPOINT", entrypoint.command);
  }
  Json operator()(const Shell& shell) const { return {{"cmd", "SHELL"}, {"shell", shell.words}}; }
  Json operator()(const Workdir& workdir) const {
    return {{"cmd", "WORKDIR"}, {"path", workdir.path}};
  }
  Json operator()(const User& user) const { return {{"cmd", "USER"}, {"user", user.user}}; }
  Json operator()(const Volume& volume) const {
    return {{"cmd", "VOLUME"}, {"volumes", volume.paths}};
  }
  Json operator()(const Expose& expose) const {
    return {{"cmd", "EXPOSE"}, {"ports", expose.ports}};
  }
  Json operator()(const StopSignal& stop) const {
    return {{"cmd", "STOPSIGNAL"}, {"signal", stop.signal}};
  }
  Json operator()(const HealthCheck& health) const {
    const oci::Healthcheck& check = health.check;
    return {{"cmd", "HEALTHCHECK"},
            {"test", check.test},
            {"interval_ns", check.interval_ns},
            {"timeout_ns", check.timeout_ns},
            {"start_period_ns", check.start_period_ns},
            {"start_interval_ns", check.start_interval_ns},
            {"retries", check.retries}};
  }
  Json operator()(const OnBuild& onbuild) const {
    return {{"cmd", "ONBUILD"}, {"expression", onbuild.trigger}};
  }
  Json operator()(const Maintainer& maintainer) const {
    return {{"cmd", "MAINTAINER"}, {"value", maintainer.value}};
  }
};

// Documentation comments, the old-form mark, mounts and devices come with later work: they are
// taken out of what the data wants. An empty list and none are one.
void simplify(Json& json) {
  for (const char* key : {"doc", "no_delim", "mounts", "mount_error", "devices"}) json.erase(key);
  for (auto item = json.begin(); item != json.end();) {
    if (item->is_null() || (item->is_array() && item->empty())) {
      item = json.erase(item);
      continue;
    }
    if (item->is_array())
      for (Json& one : *item)
        if (one.is_object()) simplify(one);
    ++item;
  }
}

bool is_about_mounts_or_devices(const Json& want) {
  const std::string error = want.value("error", "");
  return starts_with(error, "'from' doesn't support") ||
         error == "failed to parse csv devices: EOF";
}

TEST_F(Conformance, Instructions) {
  each_case("instructions/parse.json", [](const Json& in, const Json& want) {
    const auto ast = parse(in["input"].get<std::string>());
    if (want.value("stage", "") == "parse") return expect_error(want, ast);
    ASSERT_TRUE(ast) << ast.error().message;
    ASSERT_EQ(ast->nodes.size(), want["instructions"].size());
    for (std::size_t i = 0; i < ast->nodes.size(); ++i) {
      Json wanted = want["instructions"][i];
      if (is_about_mounts_or_devices(wanted)) continue;
      const auto got = parse_instruction(ast->nodes[i]);
      if (wanted.contains("error")) {
        expect_error(wanted, got);
        const Lines& lines = ast->nodes[i].lines;
        EXPECT_EQ((Json{lines.first, lines.last}), wanted["lines"]);
        continue;
      }
      ASSERT_TRUE(got) << got.error().message;
      Json json = std::visit(ToJson(), got->body);
      simplify(json);
      simplify(wanted);
      EXPECT_EQ(json, wanted);
    }
  });
}

TEST_F(Conformance, InstructionNodes) {
  each_case("instructions/nodes.json", [](const Json& in, const Json& want) {
    if (!in.contains("value")) return;  // helpers that lichen does not have
    Node node{.keyword = in["value"], .args = in["args"].get<Texts>()};
    const auto got = parse_instruction(node);
    if (wants_error(want)) return expect_error(want, got);
    ASSERT_TRUE(got) << got.error().message;
    if (want.contains("test")) {
      EXPECT_EQ(Json(std::get<HealthCheck>(got->body).check.test), want["test"]);
    }
  });
}

TEST_F(Conformance, Flags) {
  each_case("instructions/bflags.json", [](const Json& in, const Json& want) {
    std::vector<FlagRow> known;
    std::vector<std::string> names;
    for (const Json& flag : in["flags"]) names.push_back(flag["name"]);
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string type = in["flags"][i]["type"];
      known.push_back({names[i], type == "bool"     ? FlagKind::kBool
                                 : type == "string" ? FlagKind::kText
                                                    : FlagKind::kList});
    }
    Texts given = in["args"].get<Texts>();
    given.erase(std::remove(given.begin(), given.end(), "--"), given.end());  // the parser's
    const auto flags = Flags::parse(given, known);
    if (wants_error(want)) return expect_error(want, flags);
    ASSERT_TRUE(flags) << flags.error().message;
    if (want.contains("used")) {
      EXPECT_EQ(Json(flags->used()), want["used"]);
    }
    if (want.contains("values"))
      for (const auto& [name, value] : want["values"].items())
        if (flags->has(name)) {
          EXPECT_EQ(
              value.is_boolean() ? Json(flags->boolean(name).value()) : Json(flags->text(name)),
              value);
        }
  });
}

TEST_F(Conformance, Heredocs) {
  each_case("instructions/heredoc_word.json", [](const Json& in, const Json& want) {
    const auto got = parse_heredoc(in["input"].get<std::string>());
    if (wants_error(want)) return expect_error(want, got);
    ASSERT_TRUE(got) << got.error().message;
    ASSERT_EQ(!*got, want["heredoc"].is_null());
    if (*got) {
      EXPECT_EQ((Json{{"name", (*got)->name},
                      {"fd", (*got)->fd},
                      {"expand", (*got)->expand},
                      {"chomp", (*got)->chomp}}),
                want["heredoc"]);
    }
  });
  each_case("instructions/heredocs_from_line.json", [](const Json& in, const Json& want) {
    Texts names;
    const auto heredocs = heredocs_of_line(in["input"].get<std::string>());
    ASSERT_TRUE(heredocs);
    for (const Heredoc& heredoc : *heredocs) names.push_back(heredoc.name);
    EXPECT_EQ(Json(names), want["names"]);
  });
}

TEST_F(Conformance, Words) {
  each_case("instructions/json_arrays.json", [](const Json& in, const Json& want) {
    const auto got = parse_json_array(in["input"].get<std::string>());
    if (wants_error(want)) return expect_error(want, got);
    ASSERT_TRUE(got && *got);
    EXPECT_EQ(Json(**got), want["values"]);
  });
  each_case("instructions/name_values.json", [](const Json& in, const Json& want) {
    const auto got =
        split_name_values(in["input"].get<std::string>(), in["key"].get<std::string>(), '\\');
    if (wants_error(want)) return expect_error(want, got);
    Json triples = Json::array();
    for (const NameValue& pair : *got) triples.push_back({pair.name, pair.value, pair.separator});
    EXPECT_EQ(triples, want["triples"]);
  });
  each_case("instructions/expose_ports.json", [](const Json& in, const Json& want) {
    const auto got = parse_ports(split_blanks(in["input"].get<std::string>()));
    if (wants_error(want)) return expect_error(want, got);
    ASSERT_TRUE(got) << got.error().message;
    EXPECT_EQ(Json(*got), want["ports"]);
  });
}

TEST_F(Conformance, Directives) {
  each_case("instructions/directives.json", [](const Json& in, const Json& want) {
    const std::string text = in["input"];
    const std::string fn = in["fn"];
    if (fn == "parse_all") {
      const auto got = parse_directives(text);
      if (wants_error(want)) return expect_error(want, got);
      Json directives = Json::array();
      for (const Directive& one : *got)
        directives.push_back({{"line", one.line}, {"name", one.name}, {"value", one.value}});
      EXPECT_EQ(directives, want["directives"]);
    } else if (fn == "detect_syntax") {
      const auto got = detect_syntax(text);
      ASSERT_EQ(got.has_value(), want["ok"].get<bool>());
      if (!got) return;
      EXPECT_EQ(got->value, want["value"]);
      EXPECT_EQ(got->cmdline, want["cmdline"]);
      EXPECT_EQ(got->line, want["line"]);
    } else {
      const auto got = find_directive(text, in["key"].get<std::string>());
      ASSERT_EQ(got.has_value(), want["ok"].get<bool>());
      if (got) {
        EXPECT_EQ(got->value.substr(0, got->value.find(' ')), want["value"]);
      }
    }
  });
}

TEST_F(Conformance, WholeFiles) {
  each_case("instructions/convert.json", [](const Json& in, const Json& want) {
    const std::string text = in["input"];
    FakeImages images;
    const auto got =
        lower({.dockerfile = text, .file = "Dockerfile", .target = in.value("target", "")}, images);
    // Sources that lichen has not yet: refused by name.
    if (want.contains("ok") && text.find("ADD http") != std::string::npos) {
      ASSERT_FALSE(got);
      EXPECT_EQ(got.error().code, Errc::kUnsupported);
      return;
    }
    if (text.find("SOURCE_DATE_EPOCH=mysource") != std::string::npos) {
      EXPECT_FALSE(got);
      return;
    }
    if (wants_error(want)) return expect_error(want, got);
    ASSERT_TRUE(got) << to_text(got.error());
    if (want.contains("labels")) {
      EXPECT_EQ(Json(got->config.labels), want["labels"]);
    }
  });
  each_case("instructions/error_lines.json", [](const Json& in, const Json& want) {
    FakeImages images;
    const auto got = lower({.dockerfile = in["input"], .file = "Dockerfile"}, images);
    ASSERT_FALSE(got);
    EXPECT_EQ(got.error().context.front(),
              "Dockerfile:" + std::to_string(want["error_lines"][0].get<int>()));
  });
}

TEST_F(Conformance, ImageConfig) {
  each_case("instructions/image_config.json", [](const Json& in, const Json& want) {
    const std::string fn = in["fn"];
    if (fn == "add_env") {
      Texts env = in["env"].get<Texts>();
      oci::set_env(env, in["key"].get<std::string>(), in["value"].get<std::string>());
      EXPECT_EQ(Json(env), want["env"]);
    } else if (fn == "healthcheck_history") {
      const oci::Healthcheck check{.test = in["test"].get<Texts>(),
                                   .interval_ns = 1'000'000'000,
                                   .timeout_ns = 10'000'000'000,
                                   .start_period_ns = 3'000'000'000,
                                   .start_interval_ns = 100'000'000,
                                   .retries = in["retries"]};
      EXPECT_EQ(history::of_healthcheck(check), want["created_by"]);
    }
  });
}

}  // namespace
}  // namespace lichen::dockerfile::conformance
