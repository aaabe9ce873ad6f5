// The first line of a script, "#!/bin/sh -e", as the kernel reads it (fs/binfmt_script.c, Linux
// 5.11). Pure; bytes are hostile.
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace lichen::bare {

inline constexpr std::size_t kScriptHeadBytes = 256;  // all that the kernel looks at

struct Script {
  std::string interpreter;
  std::optional<std::string> argument;  // all the rest of the line is one
  friend bool operator==(const Script&, const Script&) = default;
};

bool is_script(std::string_view head);  // may still be a malformed one: ENOEXEC
// `head`: the first kScriptHeadBytes of the file, or all of a shorter one.
std::optional<Script> parse_script(std::string_view head);

}  // namespace lichen::bare
