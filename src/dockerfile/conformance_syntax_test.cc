// Parser, shell words and .dockerignore against the shared conformance data.
#include "base/text.h"
#include "dockerfile/conformance_cases.h"
#include "dockerfile/expand.h"
#include "dockerfile/parser.h"
#include "dockerfile/pattern.h"
#include "dockerfile/words.h"
#include "graph/ignore.h"
#include "graph/ignore_pattern.h"

namespace lichen::dockerfile::conformance {
namespace {

using Texts = std::vector<std::string>;

Json json_of(const Node& node) {
  Json json = {{"value", node.keyword},
               {"original", node.original},
               {"lines", {node.lines.first, node.lines.last}}};
  if (!node.flags.empty()) json["flags"] = node.flags;
  if (node.json) json["attributes"] = {{"json", true}};
  if (!node.comments.empty()) json["comments"] = node.comments;
  for (const Heredoc& heredoc : node.heredocs)
    json["heredocs"].push_back({{"name", heredoc.name},
                                {"fd", heredoc.fd},
                                {"expand", heredoc.expand},
                                {"chomp", heredoc.chomp},
                                {"content", heredoc.content}});
  if (!node.args.empty()) json["args"] = node.args;
  if (node.child) {
    Json sub = json_of(*node.child);
    sub.erase("lines");
    json["args"] = Json::array({{{"sub", std::move(sub)}}});
  }
  return json;
}

// The data leaves out what is empty, and says nothing of lines inside ONBUILD.
Json without_empty(Json node) {
  for (auto item = node.begin(); item != node.end();) {
    if (item->is_null() || (item->is_array() && item->empty()) ||
        (item->is_object() && item->empty()))
      item = node.erase(item);
    else
      ++item;
  }
  if (node.contains("args"))
    for (Json& arg : node["args"])
      if (arg.is_object()) {
        arg["sub"] = without_empty(arg["sub"]);
        arg["sub"].erase("lines");
      }
  return node;
}

void expect_ast(const Json& want, const Ast& ast) {
  ASSERT_EQ(ast.nodes.size(), want["nodes"].size());
  for (std::size_t i = 0; i < ast.nodes.size(); ++i)
    EXPECT_EQ(json_of(ast.nodes[i]), without_empty(want["nodes"][i]));
  if (want.contains("escape")) {
    EXPECT_EQ(std::string(1, ast.escape), want["escape"]);
  }
  if (want.contains("lines") && want["lines"].is_array()) {
    EXPECT_EQ((Json{ast.lines.first, ast.lines.last}), want["lines"]);
  }
  if (!want.contains("warnings")) return;
  ASSERT_EQ(ast.warnings.size(), want["warnings"].size());
  for (std::size_t i = 0; i < ast.warnings.size(); ++i) {
    EXPECT_EQ(ast.warnings[i].text, want["warnings"][i]["short"]);
    EXPECT_EQ(ast.warnings[i].line, want["warnings"][i]["line"]);
  }
}

TEST_F(Conformance, ParserCases) {
  each_case("parser/parse_cases.json", [](const Json& in, const Json& want) {
    const auto ast = parse(in["input"].get<std::string>());
    if (wants_error(want)) return expect_error(want, ast);
    ASSERT_TRUE(ast) << ast.error().message;
    expect_ast(want, *ast);
    if (want.contains("dump")) {
      EXPECT_EQ(to_text(*ast), want["dump"]);
    }
  });
}

TEST_F(Conformance, ParserFiles) {
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder() / "parser/testfiles")) {
    SCOPED_TRACE(entry.path().filename().string());
    const auto ast = parse(read_file(entry.path() / "Dockerfile"));
    ASSERT_TRUE(ast) << ast.error().message;
    EXPECT_EQ(to_text(*ast), read_file(entry.path() / "result"));
    expect_ast(Json::parse(read_file(entry.path() / "ast.json")), *ast);
    ++files;
  }
  EXPECT_GT(files, 0);
  const auto lines = parse(read_file(folder() / "parser/testfile-line/Dockerfile"));
  ASSERT_TRUE(lines);
  expect_ast(Json::parse(read_file(folder() / "parser/testfile-line/ast.json")), *lines);
}

TEST_F(Conformance, ParserRefusesFiles) {
  int files = 0;
  for (const auto& entry :
       std::filesystem::directory_iterator(folder() / "parser/testfiles-negative")) {
    SCOPED_TRACE(entry.path().filename().string());
    const auto ast = parse(read_file(entry.path() / "Dockerfile"));
    ASSERT_FALSE(ast);
    EXPECT_EQ(ast.error().message, trim(read_file(entry.path() / "error")));
    ++files;
  }
  EXPECT_GT(files, 0);
}

// Real Dockerfiles: every one that the reference parses has its dump.
TEST_F(Conformance, ParserCorpus) {
  int files = 0;
  for (const std::string& line : split(read_file(folder() / "corpus-dumps.jsonl"), '\n')) {
    if (line.empty()) continue;
    const Json one = Json::parse(line);
    SCOPED_TRACE(one["file"].get<std::string>());
    const auto ast = parse(read_file(folder() / "corpus" / one["file"].get<std::string>()));
    ASSERT_TRUE(ast) << ast.error().message;
    EXPECT_EQ(to_text(*ast), one["dump"]);
    ++files;
  }
  EXPECT_GT(files, 0);
}

TEST_F(Conformance, SplitWords) {
  each_case("parser/split_words.json", [](const Json& in, const Json& want) {
    EXPECT_EQ(Json(split_words(in["input"].get<std::string>(), '\\')), want["words"]);
  });
}

void expect_expansion(const Expander& expander, const Json& in, const Json& want) {
  const Texts env = in["env"].get<Texts>();
  const auto got = expander.word(in["input"].get<std::string>(), variables_of(env));
  if (wants_error(want)) return expect_error(want, got);
  ASSERT_TRUE(got) << got.error().message;
  if (want.contains("result")) {
    EXPECT_EQ(got->text, want["result"]);
  }
  if (want.contains("words")) {
    EXPECT_EQ(Json(got->words), want["words"]);
  }
  if (want.contains("matched")) {
    EXPECT_EQ(Json(got->matched), want["matched"]);
  }
  if (want.contains("unmatched")) {
    EXPECT_EQ(Json(got->unmatched), want["unmatched"]);
  }
}

TEST_F(Conformance, ShellWords) {
  for (const char* file : {"shell/env_word.json", "shell/modifiers.json", "shell/words.json"})
    each_case(file, [](const Json& in, const Json& want) {
      if (in.value("platform", "") == "windows") return;  // a Windows shell has other rules
      expect_expansion({}, in, want);
    });
}

TEST_F(Conformance, ShellProbes) {
  each_case("shell/probes.json", [](const Json& in, const Json& want) {
    expect_expansion({}, in, want["word"]);
    expect_expansion({}, in, want["words"]);
    expect_expansion({.escape = '`'}, in, want["word_escape_backtick"]);
    expect_expansion({.skip_quotes = true}, in, want["word_skip_process_quotes"]);
    expect_expansion({.raw_quotes = true, .skip_unset = true}, in,
                     want["word_raw_quotes_skip_unset"]);
  });
}

// lichen matches globs without regular expressions or reversed text: only errors compare.
TEST_F(Conformance, ShellPatterns) {
  each_case("shell/patterns.json", [](const Json& in, const Json& want) {
    if (in.contains("fn")) return;
    EXPECT_EQ(!Pattern::parse(in["input"].get<std::string>()), wants_error(want));
  });
}

TEST_F(Conformance, IgnoreFiles) {
  each_case("dockerignore/ignorefile.json", [](const Json& in, const Json& want) {
    // A lone "!" is refused by Ignore, after reading.
    std::string text = in["input"].get<std::string>();
    const auto ignore = graph::Ignore::parse(text);
    const auto wanted = want.value("patterns", Texts());
    if (std::find(wanted.begin(), wanted.end(), "!") != wanted.end() || wants_error(want)) {
      EXPECT_FALSE(ignore);
    } else {
      EXPECT_EQ(ignore.value().patterns(), wanted);
    }
  });
}

TEST_F(Conformance, IgnoreMatches) {
  each_case("dockerignore/match.json", [](const Json& in, const Json& want) {
    const auto ignore = graph::Ignore::from_patterns(in["patterns"].get<Texts>());
    if (wants_error(want)) {
      EXPECT_FALSE(ignore);
    } else if (want.contains("match")) {
      ASSERT_TRUE(ignore) << ignore.error().message;
      EXPECT_EQ(ignore->excludes(in["path"].get<std::string>()), want["match"]);
    } else {
      EXPECT_TRUE(ignore);
    }
  });
}

TEST_F(Conformance, IgnorePatterns) {
  constexpr const char* kNames[] = {"exact", "prefix", "suffix", "regexp"};
  each_case("dockerignore/compile.json", [&](const Json& in, const Json& want) {
    const auto pattern = graph::IgnorePattern::parse(in["input"].get<std::string>());
    ASSERT_TRUE(pattern) << pattern.error().message;
    EXPECT_EQ(kNames[static_cast<int>(pattern->type())], want["match_type"]);
    if (pattern->type() == graph::IgnorePattern::Type::kGlob) {
      EXPECT_EQ(pattern->regex(), want["regex_unix"]);
    }
  });
}

}  // namespace
}  // namespace lichen::dockerfile::conformance
