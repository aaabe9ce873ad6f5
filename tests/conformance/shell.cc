// shell/: expansion of variables and quotes, and the glob patterns of ${v#p}.
#include "area.h"
#include "base/text.h"
#include "base/unicode.h"
#include "dockerfile/expand.h"
#include "dockerfile/pattern.h"

namespace lichen::conformance {

namespace {

using dockerfile::Expander;
using dockerfile::Pattern;
using Texts = std::vector<std::string>;

void compare_expansion(const Expander& expander, const Json& in, const Json& want, Case& one) {
  const auto env = in.at("env").get<Texts>();
  const auto got = expander.word(in.at("input").get<std::string>(), dockerfile::variables_of(env));
  if (one.refused(want, got) || !one.ok(got)) return;
  if (want.contains("result")) one.equal("result", got->text, want["result"]);
  if (want.contains("words")) one.equal("words", got->words, want["words"]);
  if (want.contains("matched")) one.equal("matched", got->matched, want["matched"]);
  if (want.contains("unmatched")) one.equal("unmatched", got->unmatched, want["unmatched"]);
}

// lichen has no expression and no reversed text; what those are for must come out: see pattern.h.
void compare_pattern(const Json& in, const Json& want, Case& one) {
  const auto input = in.at("input").get<std::string>();
  const std::string fn = in.value("fn", "");
  if (fn.empty()) {
    const auto got = Pattern::parse(input);
    if (one.refused(want, got) || !one.ok(got)) return;
    one.equal("regex", got->regex(in.at("greedy"), in.at("anchored")), want.at("regex"));
    return;
  }
  const auto result = want.at("result").get<std::string>();
  if (fn == "reverse_string") {
    // Taken from its end one character at a time, the text gives the reversed text.
    const auto any = Pattern::parse("?");
    std::string rest = input, reversed;
    while (!rest.empty()) {
      const std::string shorter = any->trim_suffix(rest, false).value();
      if (shorter.size() >= rest.size()) break;
      reversed += rest.substr(shorter.size());
      rest = shorter;
    }
    return one.equal("result", reversed, result);
  }
  if (fn == "reverse_pattern") {
    // The reversed pattern is well-formed when the pattern is, and reversed again is the pattern.
    const auto forward = Pattern::parse(input), backward = Pattern::parse(result);
    one.equal("well-formed", forward.has_value(), backward.has_value());
    if (forward && backward)
      one.equal("regex", forward->reversed().regex(true, false), backward->regex(true, false));
    return;
  }
  one.differs("unknown function " + fn);
}

// shell/envVarTest: "PLATFORM|WORD|RESULT", A: all, U: unix, W: windows.
void run_env_var_lines(Area& area) {
  const std::string file = "envVarTest";
  area.seen(file);
  if (!area.exists(file)) return;
  const Json env = {"PWD=/home", "SHELL=bash", "KOREAN=\xed\x95\x9c\xea\xb5\xad\xec\x96\xb4",
                    "NULL="};
  int number = 0;
  for (const std::string& line : split(read_file(area.folder() / file), '\n')) {
    ++number;
    if (trim(line).empty() || starts_with(line, "#")) continue;
    area.run(file, file + ":" + std::to_string(number), [&](Case& one) {
      const Texts cells = split(line, '|');
      if (cells.size() != 3) return one.differs("not of three columns");
      const std::string want(trim(cells[2]));
      const Json in = {{"input", std::string(trim(cells[1]))}, {"env", env}};
      compare_expansion({}, in, want == "error" ? Json{{"error", true}} : Json{{"result", want}},
                        one);
    });
  }
}

// shell/wordsTest: "ENV NAME=VALUE" for the lines that follow, and "WORD | WORDS".
void run_words_lines(Area& area) {
  const std::string file = "wordsTest";
  area.seen(file);
  if (!area.exists(file)) return;
  Json env = Json::array();
  int number = 0;
  for (const std::string& line : split(read_file(area.folder() / file), '\n')) {
    ++number;
    if (line.empty() || starts_with(line, "#")) continue;
    if (starts_with(line, "ENV ")) {
      env.push_back(line.substr(4));
      continue;
    }
    area.run(file, file + ":" + std::to_string(number), [&](Case& one) {
      const Texts cells = split(line, '|');
      if (cells.size() != 2) return one.differs("not of two columns");
      std::string_view want = cells[1];
      want.remove_prefix(std::min(want.find_first_not_of(' '), want.size()));
      compare_expansion({}, {{"input", std::string(trim(cells[0]))}, {"env", env}},
                        {{"words", split(want, ',')}}, one);
    });
  }
}

}  // namespace

Tally run_shell(const std::filesystem::path& folder, const Exceptions& exceptions) {
  const Expander heredoc{.raw_quotes = true, .skip_unset = true};
  Area area("shell", folder, exceptions);
  for (const char* file : {"env_word.json", "modifiers.json"})
    area.each_case(file, [](const Json& in, const Json& want, Case& one) {
      compare_expansion({}, in, want, one);
    });
  area.each_whole_case("words.json", [&](const Json& whole, Case& one) {
    compare_expansion({}, whole["in"], whole["want"], one);
    if (whole.contains("want_raw_quotes_skip_unset"))
      compare_expansion(heredoc, whole["in"], whole["want_raw_quotes_skip_unset"], one);
  });
  area.each_case("probes.json", [&](const Json& in, const Json& want, Case& one) {
    compare_expansion({}, in, want.at("word"), one);
    compare_expansion({}, in, want.at("words"), one);
    compare_expansion({.escape = '`'}, in, want.at("word_escape_backtick"), one);
    compare_expansion({.skip_quotes = true}, in, want.at("word_skip_process_quotes"), one);
    compare_expansion(heredoc, in, want.at("word_raw_quotes_skip_unset"), one);
  });
  area.each_case("patterns.json", compare_pattern);
  run_env_var_lines(area);
  run_words_lines(area);
  return area.finish();
}

}  // namespace lichen::conformance
