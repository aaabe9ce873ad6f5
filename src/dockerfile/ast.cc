#include "dockerfile/ast.h"

#include "base/text.h"
#include "base/unicode.h"

namespace lichen::dockerfile {

std::string Heredoc::body() const {
  if (!chomp) return content;
  std::string text;
  bool at_start = true;
  for (const char c : content) {
    if (at_start && c == '\t') continue;
    text += c;
    at_start = c == '\n';
  }
  return text;
}

std::string to_text(const Ast& ast) {
  std::string text;
  for (const Node& top : ast.nodes) {
    std::size_t depth = 0;
    for (const Node* node = &top; node != nullptr; node = node->child.get(), ++depth) {
      text += (depth > 0 ? " (" : "(") + to_lower(node->keyword);
      if (!node->flags.empty()) text += " " + unicode::quote_list(node->flags);
      for (const std::string& arg : node->args) text += " " + unicode::quote(arg);
    }
    text += std::string(depth, ')') + "\n";
  }
  return text;
}

}  // namespace lichen::dockerfile
