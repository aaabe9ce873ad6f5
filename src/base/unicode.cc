#include "base/unicode.h"

#include <cstdio>

namespace lichen::unicode {

bool is_space(char32_t c) {
  return (c >= '\t' && c <= '\r') || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
         (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f || c == 0x205f ||
         c == 0x3000;
}

Rune decode(std::string_view text) {
  const auto byte = [&text](std::size_t i) { return static_cast<unsigned char>(text[i]); };
  const unsigned char first = byte(0);
  const Rune invalid{first, 1, false};
  if (first < 0x80) return {first, 1, true};
  const std::size_t length = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : 2;
  if (first < 0xc2 || first > 0xf4 || text.size() < length) return invalid;
  char32_t value = first & (0xffU >> (length + 1));
  for (std::size_t i = 1; i < length; ++i) {
    if ((byte(i) & 0xc0) != 0x80) return invalid;
    value = (value << 6) | (byte(i) & 0x3fU);
  }
  constexpr char32_t kSmallest[] = {0, 0, 0x80, 0x800, 0x10000};
  if (value < kSmallest[length] || value > 0x10ffff || (value >= 0xd800 && value < 0xe000))
    return invalid;
  return {value, length, true};
}

void append(std::string& text, char32_t c) {
  if (c < 0x80) {
    text += static_cast<char>(c);
    return;
  }
  if (c < 0x800) {
    text += static_cast<char>(0xc0 | (c >> 6));
  } else {
    if (c < 0x10000) {
      text += static_cast<char>(0xe0 | (c >> 12));
    } else {
      text += static_cast<char>(0xf0 | (c >> 18));
      text += static_cast<char>(0x80 | ((c >> 12) & 0x3f));
    }
    text += static_cast<char>(0x80 | ((c >> 6) & 0x3f));
  }
  text += static_cast<char>(0x80 | (c & 0x3f));
}

std::size_t count_leading_spaces(std::string_view text) {
  std::size_t at = 0;
  while (at < text.size()) {
    const Rune rune = decode(text.substr(at));
    if (!rune.valid || !is_space(rune.value)) break;
    at += rune.length;
  }
  return at;
}

std::string_view trim_left(std::string_view text) {
  return text.substr(count_leading_spaces(text));
}

std::string_view trim(std::string_view text) {
  text = trim_left(text);
  for (;;) {
    // Step back over one character: at most three continuation bytes and their first byte.
    std::size_t start = text.size();
    while (start > 0 && text.size() - start < 4) {
      --start;
      if ((static_cast<unsigned char>(text[start]) & 0xc0) != 0x80) break;
    }
    if (start == text.size()) return text;
    const Rune rune = decode(text.substr(start));
    if (!rune.valid || start + rune.length != text.size() || !is_space(rune.value)) return text;
    text.remove_suffix(rune.length);
  }
}

std::string to_upper(std::string_view text) {
  std::string upper(text);
  for (char& c : upper)
    if (c >= 'a' && c <= 'z') c = static_cast<char>(c - 'a' + 'A');
  return upper;
}

std::string quote(std::string_view text) {
  constexpr std::string_view kEscaped = "\"\\\a\b\f\n\r\t\v";
  constexpr std::string_view kLetters = "\"\\abfnrtv";
  std::string quoted = "\"";
  char buffer[16];
  while (!text.empty()) {
    const Rune rune = decode(text);
    const std::size_t special =
        rune.value < 0x80 ? kEscaped.find(static_cast<char>(rune.value)) : std::string_view::npos;
    if (special != std::string_view::npos) {
      quoted += {'\\', kLetters[special]};
    } else if (rune.valid && is_printable(rune.value)) {
      quoted += text.substr(0, rune.length);
    } else {
      const bool byte = !rune.valid || rune.value < 0x80;
      const char* format = byte ? "\\x%02x" : rune.value < 0x10000 ? "\\u%04x" : "\\U%08x";
      std::snprintf(buffer, sizeof buffer, format, static_cast<unsigned>(rune.value));
      quoted += buffer;
    }
    text.remove_prefix(rune.length);
  }
  return quoted + '"';
}

std::string quote_list(const std::vector<std::string>& words) {
  std::string text = "[";
  for (const std::string& word : words) {
    if (text.size() > 1) text += ' ';
    text += quote(word);
  }
  return text + "]";
}

std::string plain_list(const std::vector<std::string>& words) {
  std::string text = "[";
  for (std::size_t i = 0; i < words.size(); ++i) {
    if (i > 0) text += ' ';
    text += words[i];
  }
  return text + "]";
}

}  // namespace lichen::unicode
