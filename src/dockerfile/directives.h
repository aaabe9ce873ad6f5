// Parser directives: "# name=value" comments in the unbroken block at the top of a Dockerfile
// (syntax, escape, check). Pure.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lichen::dockerfile {

struct Directive {
  std::string name;  // lower case
  std::string value;
  int line = 0;
};

class DirectiveReader {
 public:
  // `prefix` starts a comment: "#" or "//".
  explicit DirectiveReader(std::string_view prefix = "#") : prefix_(prefix) {}
  // Lines in order; nullopt for a line that is none, after which none is any more.
  Result<std::optional<Directive>> line(std::string_view text);

 private:
  std::string_view prefix_;
  std::set<std::string> seen_;
  int line_ = 0;
  bool done_ = false;
};

Result<std::vector<Directive>> parse_directives(std::string_view text);
std::optional<Directive> find_directive(std::string_view text, std::string_view name);

// The front end that a text asks for: "# syntax=", "//syntax=" or JSON {"syntax": …}, a first line
// "#!…" skipped. `value` is the reference, without the words behind it.
struct Syntax {
  std::string value, cmdline;
  int line = 0;
};
std::optional<Syntax> detect_syntax(std::string_view text);

// `syntax` means the front end that lichen has: docker/dockerfile of any version, its upstream
// name, either from a registry that mirrors docker.io (mirror.example/hub/docker/dockerfile:1), or
// dockerfile.v0.
bool is_builtin_syntax(std::string_view reference);

}  // namespace lichen::dockerfile
