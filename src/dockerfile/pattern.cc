#include "dockerfile/pattern.h"

#include <algorithm>
#include <optional>

#include "base/unicode.h"

namespace lichen::dockerfile {

namespace {

// Work (characters times pattern items) that one match may cost. Real patterns need a few hundred.
constexpr std::size_t kMaxSteps = 20'000'000;

std::u32string to_runes(std::string_view text) {
  std::u32string runes;
  while (!text.empty()) {
    const unicode::Rune rune = unicode::decode(text);
    // An invalid byte keeps its identity above the Unicode range.
    runes += rune.valid ? rune.value : 0x110000 + rune.value;
    text.remove_prefix(rune.length);
  }
  return runes;
}

std::string to_bytes(std::u32string_view runes) {
  std::string text;
  for (const char32_t c : runes) {
    if (c >= 0x110000)
      text += static_cast<char>(c - 0x110000);
    else
      unicode::append(text, c);
  }
  return text;
}

tl::unexpected<Error> too_costly() {
  return fail(Errc::kInvalid, "the pattern is too expensive to match");
}

// "$name" and "${name}" name groups, of which there are none but 0; "$$" is a dollar.
std::u32string fill(std::u32string_view replacement, std::u32string_view match) {
  std::u32string out;
  const auto is_name = [](char32_t c) {
    return unicode::is_letter(c) || unicode::is_digit(c) || c == '_';
  };
  while (!replacement.empty()) {
    if (replacement[0] != '$' || replacement.size() == 1) {
      out += replacement[0];
      replacement.remove_prefix(1);
      continue;
    }
    if (replacement[1] == '$') {
      out += U'$';
      replacement.remove_prefix(2);
      continue;
    }
    const bool brace = replacement[1] == '{';
    const std::size_t start = brace ? 2 : 1;
    std::size_t end = start;
    while (end < replacement.size() && is_name(replacement[end])) ++end;
    if (end == start || (brace && (end == replacement.size() || replacement[end] != '}'))) {
      out += U'$';
      replacement.remove_prefix(1);
      continue;
    }
    if (replacement.substr(start, end - start) == U"0") out += match;
    replacement.remove_prefix(end + (brace ? 1 : 0));
  }
  return out;
}

// Ends of matches that start at the front of `text`: the set of reached pattern positions is moved
// over the text character by character, so the work is bounded by their product.
template <class Items>
std::optional<std::size_t> match_front(const Items& items, std::u32string_view text, bool longest,
                                       std::size_t& steps) {
  const std::size_t count = items.size();
  std::vector<char> here(count + 1, 0);
  std::vector<char> next(count + 1, 0);
  std::optional<std::size_t> found;
  here[0] = 1;
  for (std::size_t at = 0;; ++at) {
    bool alive = false;
    for (std::size_t i = 0; i < count; ++i) {
      if (here[i] && items[i].is_any()) here[i + 1] = 1;
      alive = alive || here[i];
    }
    steps += count + 1;
    if (here[count]) {
      found = at;
      if (!longest) return found;
    }
    if (at == text.size() || !alive || steps > kMaxSteps) return found;
    std::fill(next.begin(), next.end(), 0);
    for (std::size_t i = 0; i < count; ++i) {
      if (!here[i] || !items[i].takes(text[at])) continue;
      next[items[i].is_any() ? i : i + 1] = 1;
    }
    here.swap(next);
  }
}

}  // namespace

Result<Pattern> Pattern::parse(std::string_view text) {
  Pattern pattern;
  const std::u32string runes = to_runes(text);
  for (std::size_t i = 0; i < runes.size(); ++i) {
    char32_t c = runes[i];
    if (c == '*') {
      if (pattern.items_.empty() || pattern.items_.back().kind != Kind::kAny)
        pattern.items_.push_back({Kind::kAny, 0});
    } else if (c == '?') {
      pattern.items_.push_back({Kind::kOne, 0});
    } else {
      if (c == '\\') {
        c = ++i < runes.size() ? runes[i] : 0xfffd;
        if (c != '*' && c != '?' && c != '\\' && c != '}' && c != '/')
          return fail(Errc::kInvalid, "invalid escape '\\" + to_bytes({&c, 1}) + "'");
      }
      pattern.items_.push_back({Kind::kLiteral, c});
    }
  }
  return pattern;
}

Result<std::string> Pattern::trim_prefix(std::string_view value, bool longest) const {
  const std::u32string runes = to_runes(value);
  std::size_t steps = 0;
  const auto end = match_front(items_, runes, longest, steps);
  if (steps > kMaxSteps) return too_costly();
  return to_bytes(std::u32string_view(runes).substr(end.value_or(0)));
}

Result<std::string> Pattern::trim_suffix(std::string_view value, bool longest) const {
  std::u32string runes = to_runes(value);
  std::reverse(runes.begin(), runes.end());
  std::string rest = TRY(reversed().trim_prefix(to_bytes(runes), longest));
  runes = to_runes(rest);
  std::reverse(runes.begin(), runes.end());
  return to_bytes(runes);
}

Pattern Pattern::reversed() const {
  Pattern pattern = *this;
  std::reverse(pattern.items_.begin(), pattern.items_.end());
  return pattern;
}

std::string Pattern::regex(bool greedy, bool anchored) const {
  std::string out = anchored ? "^" : "";
  for (const Item& item : items_) {
    if (item.is_any()) {
      out += greedy ? ".*" : ".*?";
    } else if (item.kind == Kind::kOne) {
      out += '.';
    } else {
      if (item.value < 0x80 &&
          std::string_view("*?\\[]{}.+()|^$").find(static_cast<char>(item.value)) !=
              std::string_view::npos)
        out += '\\';
      out += to_bytes({&item.value, 1});
    }
  }
  return out;
}

Result<std::string> Pattern::replace(std::string_view value, std::string_view replacement,
                                     bool all) const {
  const std::u32string runes = to_runes(value);
  const std::u32string with = to_runes(replacement);
  std::u32string out;
  std::size_t steps = 0;
  bool after_match = false;  // an empty match right after a match does not count
  for (std::size_t at = 0; at <= runes.size();) {
    const std::u32string_view rest = std::u32string_view(runes).substr(at);
    const auto length = match_front(items_, rest, true, steps);
    if (steps > kMaxSteps) return too_costly();
    if (length && !(*length == 0 && after_match)) {
      out += all ? fill(with, rest.substr(0, *length)) : with;
      at += *length;
      after_match = *length > 0;
      if (!all) {
        out += std::u32string_view(runes).substr(at);
        return to_bytes(out);
      }
      if (*length > 0) continue;
    }
    if (at < runes.size()) out += runes[at];
    ++at;
    after_match = false;
  }
  return to_bytes(out);
}

}  // namespace lichen::dockerfile
