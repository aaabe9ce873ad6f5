// Physical lines -> logical lines: the byte-order mark, directives, comments, continuations and
// bodies of heredocs. Keeps a view of the text; one thread.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "dockerfile/ast.h"
#include "dockerfile/directives.h"

namespace lichen::dockerfile {

struct LogicalLine {
  std::string text;
  std::vector<std::string> comments;  // directly above
  Lines lines;
  bool empty_continuation = false;  // a blank line was inside
};

class Lexer {
 public:
  explicit Lexer(std::string_view text);

  // nullopt at the end of the text.
  Result<std::optional<LogicalLine>> next();
  // The lines up to `terminator`, line ends included.
  Result<std::string> heredoc(std::string_view terminator, bool chomp);

  char escape() const { return escape_; }
  int line() const { return line_; }               // the last that was read
  Lines lines() const { return {first_, line_}; }  // what next() was busy with

 private:
  Result<std::optional<std::string_view>> physical();  // with its line end
  Result<bool> directive(std::string_view line);
  bool take_continuation(std::string_view& line) const;

  std::string_view rest_;
  DirectiveReader directives_;
  char escape_ = '\\';
  int line_ = 0;
  int first_ = 0;
};

}  // namespace lichen::dockerfile
