// Paths as text, before any file is looked at. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lichen::bare {

// The rest of `path` when it is `prefix` or beneath it: "" or "/…". The prefix "" or "/" is above
// every absolute path.
std::optional<std::string_view> beneath(std::string_view path, std::string_view prefix);

// "/a/./b//../c/" -> {"/a/c", turns {"/a/b"}, slash_at_end}: right when no symlink is on the way.
// Of an absolute path; the root is "".
struct Lexical {
  std::string path;
  std::vector<std::string> turns;  // "/a/b": where a ".." went up from
  bool slash_at_end = false;       // must be a directory: ends with "/" or "/."
};
Lexical to_lexical(std::string_view path);

// The directory part of "/a/b": "/a"; of "/a": "".
std::string_view parent_of(std::string_view path);
std::string_view name_of(std::string_view path);

// What a name in a process's directory of /proc is, by the path below /proc: "12/fd/3",
// "12/task/13/cwd". The kernel resolves such links without looking at their text.
enum class Magic { kNone, kCwd, kRoot, kExe, kFile };  // kFile: fd/N, map_files/…, ns/…
Magic magic_of(std::string_view path_in_proc);

// The process that a path below /proc begins with; 0: none.
int process_of(std::string_view path_in_proc);

}  // namespace lichen::bare
