// The syntax tree of a Dockerfile: one node an instruction, nothing interpreted yet. Positions are
// 1-based physical lines. Values; safe to share between threads when const.
#pragma once

#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace lichen::dockerfile {

struct Lines {
  int first = 0, last = 0;

  friend bool operator==(const Lines&, const Lines&) = default;
};

struct Heredoc {
  std::string name;     // unquoted
  unsigned fd = 0;      // digits before <<; 0 if none
  bool expand = true;   // no part of the word is quoted
  bool chomp = false;   // <<-
  std::string content;  // the body as written, line ends and tabs included

  // The body as it is used: without leading tabs if `chomp`.
  std::string body() const;
};

struct Node {
  std::string keyword;  // as written
  std::vector<std::string> flags;
  std::vector<std::string> args;
  bool json = false;                  // the arguments came as a JSON array
  std::shared_ptr<const Node> child;  // ONBUILD's instruction, instead of args
  std::string original;               // the logical line, without heredoc bodies
  std::vector<std::string> comments;  // the comment block directly above, without "#"
  std::vector<Heredoc> heredocs;
  Lines lines;
};

struct SyntaxWarning {
  std::string text;
  int line = 0;
};

struct Ast {
  std::vector<Node> nodes;
  char escape = '\\';
  Lines lines;
  std::vector<SyntaxWarning> warnings;
};

// One instruction a line, as BuildKit's parser tests print it; `lichen debug ast`.
std::string to_text(const Ast& ast);

}  // namespace lichen::dockerfile
