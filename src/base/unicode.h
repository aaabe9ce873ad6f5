// Unicode facts that the Dockerfile language rests on (Go's unicode package gives them meaning
// there): letters of variable names, blanks between words, and Go's quoting (%q) of texts in
// messages and history. Pure; thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lichen::unicode {

struct Range {
  char32_t first, last;
};

bool is_letter(char32_t c);
bool is_digit(char32_t c);
bool is_printable(char32_t c);
bool is_space(char32_t c);

// One character of UTF-8; an invalid byte is itself with `valid` false and length 1.
struct Rune {
  char32_t value = 0;
  std::size_t length = 1;
  bool valid = true;
};
Rune decode(std::string_view text);  // text is not empty
void append(std::string& text, char32_t c);

std::string_view trim(std::string_view text);
std::string_view trim_left(std::string_view text);
std::size_t count_leading_spaces(std::string_view text);  // in bytes
std::string to_upper(std::string_view text);              // ASCII only

std::string quote(std::string_view text);                       // Go's %q
std::string quote_list(const std::vector<std::string>& words);  // Go's %q of a slice: ["a" "b"]
std::string plain_list(const std::vector<std::string>& words);  // Go's %v of a slice: [a b]

}  // namespace lichen::unicode
