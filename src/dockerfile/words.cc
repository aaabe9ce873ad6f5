#include "dockerfile/words.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/unicode.h"

namespace lichen::dockerfile {

namespace {

constexpr std::string_view kBlanks = "\t\v\f\r ";

bool is_ascii_space(char c) {
  return c == '\n' || kBlanks.find(c) != std::string_view::npos;
}

// The text before and after the first run of blanks; nullopt without one.
std::optional<std::pair<std::string_view, std::string_view>> cut_at_blanks(std::string_view text) {
  const std::size_t blank = text.find_first_of(kBlanks);
  if (blank == std::string_view::npos) return std::nullopt;
  const std::size_t next = text.find_first_not_of(kBlanks, blank);
  return std::pair(text.substr(0, blank),
                   next == std::string_view::npos ? std::string_view() : text.substr(next));
}

// Takes leading "--…" words off `text`.
std::vector<std::string> take_flags(std::string_view& text) {
  std::vector<std::string> flags;
  for (;;) {
    text = unicode::trim_left(text);
    if (!starts_with(text, "--")) return flags;
    std::string word;
    char quote = 0;
    std::size_t at = 0;
    bool quoted = false;
    for (; at < text.size(); ++at) {
      char c = text[at];
      if (quote == 0 && is_ascii_space(c)) break;
      if (quote == 0 && (c == '\'' || c == '"')) {
        quote = c;
        quoted = true;
        continue;
      }
      if (c == quote && quote != 0) {
        quote = 0;
        continue;
      }
      if (c == '\\') {
        if (++at == text.size()) break;
        c = text[at];
      }
      word += c;
    }
    text.remove_prefix(std::min(at, text.size()));
    if (word == "--") return flags;
    if (quoted || !word.empty()) flags.push_back(std::move(word));
  }
}

// One JSON string at the front of `text`, taken off it; nullopt if it is not well-formed.
std::optional<std::string> take_json_string(std::string_view& text) {
  std::string value;
  const auto hex = [&text](std::size_t at) -> std::optional<char32_t> {
    if (at + 4 > text.size()) return std::nullopt;
    char32_t code = 0;
    for (const char c : text.substr(at, 4)) {
      const std::size_t digit = std::string_view("0123456789abcdef").find(to_lower({&c, 1}));
      if (digit == std::string_view::npos) return std::nullopt;
      code = code * 16 + static_cast<char32_t>(digit);
    }
    return code;
  };
  for (std::size_t at = 1; at < text.size(); ++at) {
    const char c = text[at];
    if (c == '"') {
      text.remove_prefix(at + 1);
      return value;
    }
    if (static_cast<unsigned char>(c) < 0x20) return std::nullopt;
    if (c != '\\') {
      value += c;
      continue;
    }
    if (++at == text.size()) return std::nullopt;
    constexpr std::string_view kNames = "\"\\/bfnrt";
    constexpr std::string_view kValues = "\"\\/\b\f\n\r\t";
    if (const std::size_t known = kNames.find(text[at]); known != std::string_view::npos) {
      value += kValues[known];
      continue;
    }
    if (text[at] != 'u') return std::nullopt;
    const auto code = hex(at + 1);
    if (!code) return std::nullopt;
    at += 4;
    char32_t rune = *code;
    if (rune >= 0xd800 && rune < 0xe000) {
      // A pair makes one character; half of one is the replacement character.
      const auto low =
          rune < 0xdc00 && text.substr(at + 1, 2) == "\\u" ? hex(at + 3) : std::nullopt;
      if (low && *low >= 0xdc00 && *low < 0xe000) {
        rune = 0x10000 + ((rune - 0xd800) << 10) + (*low - 0xdc00);
        at += 6;
      } else {
        rune = 0xfffd;
      }
    }
    unicode::append(value, rune);
  }
  return std::nullopt;
}

}  // namespace

std::vector<std::string> split_words(std::string_view text, char escape) {
  std::vector<std::string> words;
  std::string word;
  char quote = 0;
  while (!text.empty()) {
    const unicode::Rune rune = unicode::decode(text);
    const std::string_view written = text.substr(0, rune.length);
    text.remove_prefix(rune.length);
    if (quote == 0 && rune.valid && unicode::is_space(rune.value)) {
      if (!word.empty()) words.push_back(std::move(word));
      word.clear();
      continue;
    }
    const bool ascii = rune.value < 0x80;
    const char c = ascii ? static_cast<char>(rune.value) : '\0';
    if (ascii && c == escape && quote != '\'') {
      if (text.empty()) break;  // an escape character at the end means nothing
      word += written;
      const std::size_t length = unicode::decode(text).length;
      word += text.substr(0, length);
      text.remove_prefix(length);
      continue;
    }
    if (quote == 0 && (c == '\'' || c == '"'))
      quote = c;
    else if (quote != 0 && c == quote)
      quote = 0;
    word += written;
  }
  if (!word.empty()) words.push_back(std::move(word));
  return words;
}

std::vector<std::string> split_blanks(std::string_view text) {
  std::vector<std::string> words;
  while (auto cut = cut_at_blanks(text)) {
    words.emplace_back(cut->first);
    text = cut->second;
  }
  words.emplace_back(text);
  return words;
}

Command split_command(std::string_view line) {
  line = unicode::trim(line);
  Command command;
  const auto cut = cut_at_blanks(line);
  command.keyword = cut ? cut->first : line;
  if (!cut) return command;
  std::string_view rest = cut->second;
  command.flags = take_flags(rest);
  command.args = unicode::trim(rest);
  return command;
}

Result<std::vector<NameValue>> split_name_values(std::string_view text, std::string_view keyword,
                                                 char escape) {
  std::vector<NameValue> pairs;
  const std::vector<std::string> words = split_words(text, escape);
  if (words.empty()) return pairs;
  if (words[0].find('=') == std::string::npos) {
    const auto cut = cut_at_blanks(text);
    if (!cut) return fail(Errc::kInvalid, std::string(keyword) + " must have two arguments");
    pairs.push_back({std::string(cut->first), std::string(cut->second), ""});
    return pairs;
  }
  for (const std::string& word : words) {
    const std::size_t equals = word.find('=');
    if (equals == std::string::npos)
      return fail(Errc::kInvalid, "Syntax error - can't find = in " + unicode::quote(word) +
                                      ". Must be of the form: name=value");
    pairs.push_back({word.substr(0, equals), word.substr(equals + 1), "="});
  }
  return pairs;
}

Result<std::optional<std::vector<std::string>>> parse_json_array(std::string_view text) {
  using Found = std::optional<std::vector<std::string>>;
  text = unicode::trim_left(text);
  if (!starts_with(text, "[")) return Found();
  const std::string_view whole = text;
  // Anything but strings: fatal if the text is JSON at all, else the shell form.
  const auto other = [&whole]() -> Result<Found> {
    if (nlohmann::json::accept(whole))
      return fail(Errc::kInvalid,
                  "when using JSON array syntax, arrays must be comprised of strings only");
    return Found();
  };
  std::vector<std::string> values;
  const auto skip = [&text] {
    text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  };
  text.remove_prefix(1);
  skip();
  if (starts_with(text, "]")) {
    text.remove_prefix(1);
  } else {
    for (;;) {
      if (!starts_with(text, "\"")) return other();
      auto value = take_json_string(text);
      if (!value) return Found();
      values.push_back(std::move(*value));
      skip();
      const char next = text.empty() ? '\0' : text[0];
      if (next != ',' && next != ']') return Found();
      text.remove_prefix(1);
      if (next == ']') break;
      skip();
    }
  }
  skip();
  if (!text.empty()) return Found();
  return Found(std::move(values));
}

}  // namespace lichen::dockerfile
