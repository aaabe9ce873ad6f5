#include "dockerfile/parser.h"

#include <optional>
#include <utility>

#include "base/text.h"
#include "base/unicode.h"
#include "dockerfile/directives.h"
#include "dockerfile/heredoc.h"
#include "dockerfile/lexer.h"
#include "dockerfile/words.h"

namespace lichen::dockerfile {

namespace {

enum class Grammar {
  kUnknown,
  kString,        // the rest of the line
  kBlanks,        // words at blanks
  kWords,         // words with quotes
  kNameValues,    // ENV, LABEL
  kJsonOrString,  // RUN, CMD, …
  kJsonOrBlanks,  // COPY, ADD, VOLUME
  kHealthcheck,   // a word, then kJsonOrString
  kInstruction,   // ONBUILD
};

struct Row {
  std::string_view keyword;
  Grammar grammar;
  bool heredocs;
};
constexpr Row kRows[] = {
    {"add", Grammar::kJsonOrBlanks, true},         {"arg", Grammar::kWords, false},
    {"cmd", Grammar::kJsonOrString, false},        {"copy", Grammar::kJsonOrBlanks, true},
    {"entrypoint", Grammar::kJsonOrString, false}, {"env", Grammar::kNameValues, false},
    {"expose", Grammar::kBlanks, false},           {"from", Grammar::kBlanks, false},
    {"healthcheck", Grammar::kHealthcheck, false}, {"label", Grammar::kNameValues, false},
    {"maintainer", Grammar::kString, false},       {"onbuild", Grammar::kInstruction, false},
    {"run", Grammar::kJsonOrString, true},         {"shell", Grammar::kJsonOrString, false},
    {"stopsignal", Grammar::kString, false},       {"user", Grammar::kString, false},
    {"volume", Grammar::kJsonOrBlanks, false},     {"workdir", Grammar::kString, false},
};
constexpr Row kUnknown{"", Grammar::kUnknown, false};

const Row& row_of(std::string_view keyword) {
  const std::string lower = to_lower(keyword);
  for (const Row& row : kRows)
    if (row.keyword == lower) return row;
  return kUnknown;
}

bool takes_heredocs(const Node& node) {
  const Node& used = node.child ? *node.child : node;
  return row_of(used.keyword).heredocs && !used.json;
}

Result<Node> parse_node(std::string_view line, char escape, bool nested);

// Fills args (and json) of `node` from the text behind keyword and flags.
Result<void> parse_args(Node& node, std::string_view text, char escape, bool nested) {
  const Row& row = row_of(node.keyword);
  switch (row.grammar) {
    case Grammar::kUnknown:
      node.args = {""};
      return {};
    case Grammar::kString:
      if (!text.empty()) node.args = {std::string(text)};
      return {};
    case Grammar::kBlanks:
      if (!text.empty()) node.args = split_blanks(text);
      return {};
    case Grammar::kWords:
      node.args = split_words(text, escape);
      return {};
    case Grammar::kNameValues: {
      const std::string keyword = unicode::to_upper(row.keyword);
      std::vector<NameValue> pairs = TRY(split_name_values(text, keyword, escape));
      for (NameValue& pair : pairs)
        for (std::string* part : {&pair.name, &pair.value, &pair.separator})
          node.args.push_back(std::move(*part));
      return {};
    }
    case Grammar::kHealthcheck: {
      std::size_t end = 0;
      while (end < text.size() && unicode::count_leading_spaces(text.substr(end)) == 0) ++end;
      if (end == 0) return {};
      node.args = {std::string(text.substr(0, end))};
      text = unicode::trim_left(text.substr(end));
      [[fallthrough]];
    }
    case Grammar::kJsonOrString:
    case Grammar::kJsonOrBlanks: {
      if (text.empty()) return {};
      if (auto values = TRY(parse_json_array(text))) {
        node.json = true;
        for (std::string& value : *values) node.args.push_back(std::move(value));
      } else if (row.grammar == Grammar::kJsonOrBlanks) {
        node.args = split_blanks(text);
      } else {
        node.args.emplace_back(text);
      }
      return {};
    }
    case Grammar::kInstruction:
      if (text.empty()) return {};
      // ONBUILD ONBUILD is refused later; deeper nesting is not worth a tree.
      if (nested) {
        node.args = {std::string(text)};
        return {};
      }
      node.child = std::make_shared<const Node>(TRY(parse_node(text, escape, true)));
      return {};
  }
  return {};
}

Result<Node> parse_node(std::string_view line, char escape, bool nested) {
  Command command = split_command(line);
  Node node{.keyword = std::move(command.keyword),
            .flags = std::move(command.flags),
            .original = std::string(line)};
  TRY(parse_args(node, command.args, escape, nested));
  return node;
}

}  // namespace

Result<Ast> parse(std::string_view text, Lines* where) {
  Lines unused;
  Lines& position = where != nullptr ? *where : unused;
  Ast ast;
  Lexer lexer(text);
  for (;;) {
    auto line = lexer.next();
    position = lexer.lines();
    if (!line) return fail(std::move(line).error());
    if (!*line) break;
    Node node = TRY(parse_node((*line)->text, lexer.escape(), false));
    node.comments = std::move((*line)->comments);
    if (takes_heredocs(node) && node.original.find("<<") != std::string::npos) {
      std::vector<Heredoc> heredocs = TRY(heredocs_of_line(node.original));
      for (Heredoc& heredoc : heredocs) {
        auto body = lexer.heredoc(heredoc.name, heredoc.chomp);
        position.last = lexer.line();
        if (!body) return fail(std::move(body).error());
        heredoc.content = std::move(*body);
        node.heredocs.push_back(std::move(heredoc));
      }
    }
    node.lines = {(*line)->lines.first, lexer.line()};
    if ((*line)->empty_continuation)
      ast.warnings.push_back(
          {"Empty continuation line found in: " + node.original, (*line)->lines.last});
    ast.nodes.push_back(std::move(node));
  }
  if (ast.nodes.empty()) {
    position = {lexer.line(), lexer.line()};
    return fail(Errc::kInvalid, "file with no instructions");
  }
  ast.escape = lexer.escape();
  ast.lines = {ast.nodes.front().lines.first, ast.nodes.back().lines.last};
  return ast;
}

}  // namespace lichen::dockerfile
