#include "graph/glob.h"

#include <algorithm>
#include <array>
#include <utility>

#include "graph/ignore.h"

namespace lichen::graph {

namespace {

tl::unexpected<Error> malformed() {
  return fail(Errc::kInvalid, "syntax error in pattern");
}

// A character of a class, maybe escaped, taken off `text`.
Result<char32_t> take_class_character(std::string_view& text) {
  if (text.empty() || text[0] == '-' || text[0] == ']') return malformed();
  if (text[0] == '\\') text.remove_prefix(1);
  if (text.empty()) return malformed();
  const unicode::Rune rune = unicode::decode(text);
  if (!rune.valid) return malformed();
  text.remove_prefix(rune.length);
  if (text.empty()) return malformed();  // no "]" follows
  return rune.value;
}

// What stands behind "[", up to and with "]".
Result<GlobItem> take_class(std::string_view& text) {
  GlobItem item{.kind = GlobItem::Kind::kClass};
  if (!text.empty() && text[0] == '^') {
    item.negated = true;
    text.remove_prefix(1);
  }
  for (;;) {
    if (!text.empty() && text[0] == ']' && !item.ranges.empty()) {
      text.remove_prefix(1);
      return item;
    }
    const char32_t first = TRY(take_class_character(text));
    char32_t last = first;
    if (text[0] == '-') {
      text.remove_prefix(1);
      last = TRY(take_class_character(text));
    }
    item.ranges.push_back({first, last});
  }
}

}  // namespace

bool GlobItem::takes(char32_t c) const {
  switch (kind) {
    case Kind::kLiteral:
      return c == value;
    case Kind::kOne:
    case Kind::kStar:
      return c != '/';
    case Kind::kClass:
      return negated != std::any_of(ranges.begin(), ranges.end(), [c](const unicode::Range& range) {
               return range.first <= c && c <= range.last;
             });
    case Kind::kDirs:
    case Kind::kAll:
      return true;
  }
  return false;
}

bool glob_match(const std::vector<GlobItem>& items, std::string_view text) {
  using Kind = GlobItem::Kind;
  const std::size_t count = items.size();
  // here[i]: item i is next; inside[i]: within the text that the kDirs item i takes.
  // Four sets; few patterns are so long that they need more room than this.
  constexpr std::size_t kRoom = 128;
  std::array<char, 4 * kRoom> room;
  std::vector<char> large;
  char* sets = room.data();
  if (count >= kRoom) {
    large.resize(4 * (count + 1));
    sets = large.data();
  }
  std::fill(sets, sets + 4 * (count + 1), 0);
  char *here = sets, *next = here + count + 1, *inside = next + count + 1,
       *next_inside = inside + count + 1;
  here[0] = 1;
  const auto skip_optional = [&items, count](char* set) {
    for (std::size_t i = 0; i < count; ++i) {
      const Kind kind = items[i].kind;
      if (set[i] && (kind == Kind::kStar || kind == Kind::kAll || kind == Kind::kDirs))
        set[i + 1] = 1;
    }
  };
  skip_optional(here);
  while (!text.empty()) {
    const unicode::Rune rune = unicode::decode(text);
    text.remove_prefix(rune.length);
    const char32_t c = rune.valid ? rune.value : 0x110000 + rune.value;
    std::fill(next, next + count + 1, 0);
    std::fill(next_inside, next_inside + count + 1, 0);
    bool alive = false;
    for (std::size_t i = 0; i < count; ++i) {
      const GlobItem& item = items[i];
      if (item.kind == Kind::kDirs) {
        if (!here[i] && !inside[i]) continue;
        next_inside[i] = 1;
        if (c == '/') next[i + 1] = 1;
        alive = true;
      } else if (here[i] && item.takes(c)) {
        next[item.kind == Kind::kStar || item.kind == Kind::kAll ? i : i + 1] = 1;
        alive = true;
      }
    }
    if (!alive) return false;
    skip_optional(next);
    std::swap(here, next);
    std::swap(inside, next_inside);
  }
  return here[count] != 0;
}

Result<std::vector<GlobItem>> parse_glob(std::string_view pattern) {
  std::vector<GlobItem> items;
  while (!pattern.empty()) {
    const char first = pattern[0];
    if (first == '*' || first == '?') {
      items.push_back({.kind = first == '*' ? GlobItem::Kind::kStar : GlobItem::Kind::kOne});
      pattern.remove_prefix(1);
      continue;
    }
    if (first == '[') {
      pattern.remove_prefix(1);
      items.push_back(TRY(take_class(pattern)));
      continue;
    }
    if (first == '\\') pattern.remove_prefix(1);
    if (pattern.empty()) return malformed();
    const unicode::Rune rune = unicode::decode(pattern);
    items.push_back({.value = rune.valid ? rune.value : 0x110000 + rune.value});
    pattern.remove_prefix(rune.length);
  }
  return items;
}

Result<bool> match_wildcard(std::string_view pattern, std::string_view name) {
  return glob_match(TRY(parse_glob(pattern)), name);
}

bool has_wildcard(std::string_view text) {
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\')
      ++i;
    else if (text[i] == '*' || text[i] == '?' || text[i] == '[')
      return true;
  }
  return false;
}

}  // namespace lichen::graph
