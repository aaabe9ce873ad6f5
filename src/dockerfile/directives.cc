#include "dockerfile/directives.h"

#include <nlohmann/json.hpp>

#include "base/text.h"
#include "base/unicode.h"
#include "oci/reference.h"

namespace lichen::dockerfile {

namespace {

constexpr std::string_view kNames[] = {"syntax", "escape", "check"};

bool is_alnum(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

// The lines of `text` up to the first that is no comment, at most: directives end there.
template <class Visit>
void each_line(std::string_view text, Visit visit) {
  if (starts_with(text, "\xef\xbb\xbf")) text.remove_prefix(3);
  while (!text.empty()) {
    const std::size_t end = std::min(text.find('\n'), text.size());
    std::string_view line = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    while (ends_with(line, "\r")) line.remove_suffix(1);
    if (!visit(line)) return;
  }
}

std::optional<Directive> find_with_prefix(std::string_view text, std::string_view name,
                                          std::string_view prefix) {
  DirectiveReader reader(prefix);
  std::optional<Directive> found;
  each_line(text, [&](std::string_view line) {
    auto directive = reader.line(line);
    if (!directive || !*directive) return false;
    if ((*directive)->name == name) found = std::move(**directive);
    return !found;
  });
  return found;
}

}  // namespace

Result<std::optional<Directive>> DirectiveReader::line(std::string_view text) {
  using Found = std::optional<Directive>;
  ++line_;
  if (done_) return Found();
  done_ = true;
  if (!starts_with(text, prefix_)) return Found();
  static constexpr std::string_view kBlanks = " \t\v\f\r";
  const auto skip = [&text] {
    text.remove_prefix(std::min(text.find_first_not_of(kBlanks), text.size()));
  };
  text.remove_prefix(prefix_.size());
  skip();
  std::size_t end = 0;
  while (end < text.size() && is_alnum(text[end])) ++end;
  if (end == 0 || (text[0] >= '0' && text[0] <= '9')) return Found();
  const std::string name = to_lower(text.substr(0, end));
  text.remove_prefix(end);
  skip();
  if (!starts_with(text, "=")) return Found();
  text.remove_prefix(1);
  if (text.empty()) return Found();
  std::string_view value = unicode::trim(text);
  if (value.empty()) value = text.substr(0, 1);  // a value of blanks is one blank
  if (std::find(std::begin(kNames), std::end(kNames), name) == std::end(kNames)) return Found();
  if (!seen_.insert(name).second)
    return fail(Errc::kInvalid, "only one " + name + " parser directive can be used");
  done_ = false;
  return Found(Directive{name, std::string(value), line_});
}

Result<std::vector<Directive>> parse_directives(std::string_view text) {
  DirectiveReader reader;
  std::vector<Directive> directives;
  std::optional<Error> error;
  each_line(text, [&](std::string_view line) {
    auto directive = reader.line(line);
    if (!directive) error = std::move(directive).error();
    if (!directive || !*directive) return false;
    directives.push_back(std::move(**directive));
    return true;
  });
  if (error) return fail(std::move(*error));
  return directives;
}

std::optional<Directive> find_directive(std::string_view text, std::string_view name) {
  return find_with_prefix(text, name, "#");
}

std::optional<Syntax> detect_syntax(std::string_view text) {
  int skipped = 0;
  if (starts_with(text, "#!")) {
    text.remove_prefix(std::min(text.find('\n'), text.size() - 1) + 1);
    skipped = 1;
  }
  for (const std::string_view prefix : {"#", "//"}) {
    if (auto directive = find_with_prefix(text, "syntax", prefix)) {
      const std::string value = directive->value.substr(0, directive->value.find(' '));
      return Syntax{value, directive->value, directive->line + skipped};
    }
  }
  if (starts_with(unicode::trim_left(text), "{")) {
    const auto json = nlohmann::json::parse(text, nullptr, false);
    if (json.is_object() && json.contains("syntax") && json["syntax"].is_string()) {
      const auto cmdline = json["syntax"].get<std::string>();
      return Syntax{cmdline.substr(0, cmdline.find(' ')), cmdline, 1};
    }
  }
  return std::nullopt;
}

bool is_builtin_syntax(std::string_view reference) {
  if (reference == "dockerfile.v0") return true;
  const auto parsed = oci::parse_reference(reference);
  if (!parsed) return false;
  const std::string path = "/" + parsed->repository;
  return ends_with(path, "/docker/dockerfile") || ends_with(path, "/docker/dockerfile-upstream");
}

}  // namespace lichen::dockerfile
