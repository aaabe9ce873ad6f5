#include "graph/ignore.h"

#include <algorithm>

#include "base/text.h"
#include "base/unicode.h"
#include "graph/ignore_pattern.h"

namespace lichen::graph {

namespace {

// Lexically clean, relative or absolute: "a/./b/../c" -> "a/c", "" -> ".".
std::string clean(std::string_view path) {
  if (starts_with(path, "/")) return clean_path(path);
  std::vector<std::string> kept;
  for (std::string& part : split(path, '/')) {
    if (part.empty() || part == ".") continue;
    if (part == ".." && !kept.empty() && kept.back() != "..")
      kept.pop_back();
    else
      kept.push_back(std::move(part));
  }
  return kept.empty() ? "." : join(kept, "/");
}

}  // namespace

struct Ignore::Patterns {
  struct Rule {
    IgnorePattern pattern;
    bool readmits = false;
  };
  std::vector<std::string> written;
  std::vector<Rule> rules;
};

Ignore::Ignore() : patterns_(std::make_shared<const Patterns>()) {}
Ignore::~Ignore() = default;
Ignore::Ignore(Ignore&&) noexcept = default;
Ignore& Ignore::operator=(Ignore&&) noexcept = default;

Result<Ignore> Ignore::parse(std::string_view text) {
  return from_patterns(read(text));
}

std::vector<std::string> Ignore::read(std::string_view text) {
  if (starts_with(text, "\xef\xbb\xbf")) text.remove_prefix(3);
  std::vector<std::string> patterns;
  for (const std::string& line : split(text, '\n')) {
    if (starts_with(line, "#")) continue;
    std::string_view pattern = unicode::trim(line);
    if (pattern.empty()) continue;
    const bool readmits = starts_with(pattern, "!");
    if (readmits) pattern = unicode::trim(pattern.substr(1));
    std::string cleaned;
    if (!pattern.empty()) {
      cleaned = clean(pattern);
      if (cleaned.size() > 1 && cleaned[0] == '/') cleaned.erase(0, 1);
    }
    patterns.push_back((readmits ? "!" : "") + cleaned);
  }
  return patterns;
}

Result<Ignore> Ignore::from_patterns(const std::vector<std::string>& patterns) {
  auto compiled = std::make_shared<Patterns>();
  compiled->written = patterns;
  for (const std::string& written : patterns) {
    const std::string_view trimmed = unicode::trim(written);
    if (trimmed.empty()) continue;
    std::string pattern = clean(trimmed);
    const bool readmits = pattern[0] == '!';
    if (readmits) {
      if (pattern.size() == 1) return fail(Errc::kInvalid, "illegal exclusion pattern: \"!\"");
      pattern.erase(0, 1);
    }
    auto rule = IgnorePattern::parse(pattern);
    if (!rule) return fail(std::move(rule).error().in("pattern " + unicode::quote(written)));
    compiled->rules.push_back({std::move(*rule), readmits});
  }
  Ignore ignore;
  ignore.patterns_ = std::move(compiled);
  return ignore;
}

bool Ignore::excludes(std::string_view path) const {
  // The path and its parents, longest first; the last pattern that matches any of them decides.
  std::vector<std::string_view> candidates = {path};
  for (std::size_t slash = path.rfind('/'); slash != std::string_view::npos && slash > 0;
       slash = path.rfind('/', slash - 1))
    candidates.push_back(path.substr(0, slash));
  bool excluded = false;
  for (const Patterns::Rule& rule : patterns_->rules) {
    if (rule.readmits != excluded) continue;  // would change nothing
    const bool matched = std::any_of(
        candidates.begin(), candidates.end(),
        [&rule](std::string_view candidate) { return rule.pattern.matches(candidate); });
    if (matched) excluded = !rule.readmits;
  }
  return excluded;
}

bool Ignore::can_skip_directory(std::string_view directory) const {
  if (!excludes(directory)) return false;
  const std::string inside = std::string(directory) + "/";
  for (const Patterns::Rule& rule : patterns_->rules) {
    if (!rule.readmits) continue;
    const std::string_view prefix = rule.pattern.literal_prefix();
    if (starts_with(prefix, inside) || starts_with(inside, prefix)) return false;
  }
  return true;
}

std::size_t Ignore::size() const {
  return patterns_->rules.size();
}
bool Ignore::readmits() const {
  return std::any_of(patterns_->rules.begin(), patterns_->rules.end(),
                     [](const Patterns::Rule& rule) { return rule.readmits; });
}
const std::vector<std::string>& Ignore::patterns() const {
  return patterns_->written;
}

}  // namespace lichen::graph
