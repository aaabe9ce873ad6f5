#include "graph/ignore_pattern.h"

#include <algorithm>

#include "base/text.h"

namespace lichen::graph {

namespace {

using Kind = GlobItem::Kind;

// Length of the class that starts `text`; parse_glob has accepted it.
std::size_t class_length(std::string_view text) {
  std::size_t at = 1;
  if (at < text.size() && text[at] == '^') ++at;
  for (const std::size_t first = at; at < text.size(); ++at) {
    if (text[at] == ']' && at > first) return at + 1;
    if (text[at] == '\\') ++at;
  }
  return text.size();
}

void append_literal(std::string& out, char32_t c) {
  if (c < 0x80 && std::string_view(".+()|{}$").find(static_cast<char>(c)) != std::string_view::npos)
    out += '\\';
  unicode::append(out, c);
}

// What stands behind the last item that is not a character.
std::string literal_tail(const std::vector<GlobItem>& items) {
  std::size_t first = items.size();
  constexpr char32_t kLast = 0x10ffff;  // above: a byte that is none of a character
  while (first > 0 && items[first - 1].kind == Kind::kLiteral && items[first - 1].value <= kLast)
    --first;
  std::string tail;
  for (; first < items.size(); ++first) unicode::append(tail, items[first].value);
  return tail;
}

}  // namespace

Result<IgnorePattern> IgnorePattern::parse(std::string_view pattern) {
  IgnorePattern result;
  result.text_ = pattern;
  result.prefix_ = std::min(pattern.find_first_of("*?[\\"), pattern.size());
  TRY(parse_glob(pattern));  // refuses what is malformed
  std::string_view rest = pattern;
  while (!rest.empty()) {
    if (starts_with(rest, "**")) {
      const bool at_start = rest.size() == pattern.size();
      rest.remove_prefix(2);
      if (starts_with(rest, "/")) rest.remove_prefix(1);  // "**/" is "**"
      if (!rest.empty()) {
        result.items_.push_back({.kind = Kind::kDirs});
        result.type_ = Type::kGlob;
      } else if (result.type_ == Type::kExact) {
        result.type_ = Type::kPrefix;
      } else {
        result.type_ = Type::kGlob;
      }
      if (rest.empty()) result.items_.push_back({.kind = Kind::kAll});
      if (at_start) result.type_ = Type::kSuffix;
      continue;
    }
    const std::size_t length = rest[0] == '['    ? class_length(rest)
                               : rest[0] == '\\' ? 1 + unicode::decode(rest.substr(1)).length
                                                 : unicode::decode(rest).length;
    std::vector<GlobItem> items = TRY(parse_glob(rest.substr(0, length)));
    for (GlobItem& item : items) {
      if (item.kind != Kind::kLiteral || rest[0] == '\\' || rest[0] == ']')
        result.type_ = Type::kGlob;
      for (const unicode::Range& range : item.ranges)
        if (range.first > range.last) return fail(Errc::kInvalid, "syntax error in pattern");
      result.items_.push_back(std::move(item));
    }
    rest.remove_prefix(length);
  }
  result.tail_ = literal_tail(result.items_);
  return result;
}

bool IgnorePattern::matches(std::string_view path) const {
  switch (type_) {
    case Type::kExact:
      return path == text_;
    case Type::kPrefix:  // "dir/**"
      return starts_with(path, std::string_view(text_).substr(0, text_.size() - 2));
    case Type::kSuffix: {  // "**/name"
      const std::string_view suffix = std::string_view(text_).substr(2);
      return ends_with(path, suffix) || (starts_with(suffix, "/") && path == suffix.substr(1));
    }
    case Type::kGlob:
      return starts_with(path, literal_prefix()) && ends_with(path, tail_) &&
             glob_match(items_, path);
  }
  return false;
}

std::string_view IgnorePattern::literal_prefix() const {
  return std::string_view(text_).substr(0, prefix_);
}

std::string IgnorePattern::regex() const {
  std::string out = "^";
  for (const GlobItem& item : items_) {
    switch (item.kind) {
      case Kind::kLiteral:
        append_literal(out, item.value);
        break;
      case Kind::kOne:
        out += "[^/]";
        break;
      case Kind::kStar:
        out += "[^/]*";
        break;
      case Kind::kDirs:
        out += "(.*/)?";
        break;
      case Kind::kAll:
        out += ".*";
        break;
      case Kind::kClass:
        out += item.negated ? "[^" : "[";
        for (const unicode::Range& range : item.ranges) {
          append_literal(out, range.first);
          if (range.first == range.last) continue;
          out += '-';
          append_literal(out, range.last);
        }
        out += ']';
        break;
    }
  }
  return out + "$";
}

const char* to_text(IgnorePattern::Type type) {
  switch (type) {
    case IgnorePattern::Type::kExact:
      return "exact";
    case IgnorePattern::Type::kPrefix:
      return "prefix";
    case IgnorePattern::Type::kSuffix:
      return "suffix";
    case IgnorePattern::Type::kGlob:
      return "regexp";
  }
  return "";
}

}  // namespace lichen::graph
