#include "bare/path.h"

#include <charconv>

namespace lichen::bare {

namespace {

// Takes the first name off `path`.
std::string_view take_name(std::string_view& path) {
  while (!path.empty() && path.front() == '/') path.remove_prefix(1);
  const std::string_view name = path.substr(0, path.find('/'));
  path.remove_prefix(name.size());
  return name;
}

}  // namespace

std::optional<std::string_view> beneath(std::string_view path, std::string_view prefix) {
  if (prefix == "/") prefix = {};
  if (path.substr(0, prefix.size()) != prefix) return std::nullopt;
  path.remove_prefix(prefix.size());
  if (path == "/" && prefix.empty()) path = {};
  if (!path.empty() && path.front() != '/') return std::nullopt;
  return path;
}

Lexical to_lexical(std::string_view path) {
  Lexical lexical;
  lexical.path.reserve(path.size());
  while (!path.empty()) {
    const std::string_view name = take_name(path);
    lexical.slash_at_end = name.empty() || name == "." || name == "..";
    if (name.empty() || name == ".") continue;
    if (name == "..") {
      lexical.turns.push_back(lexical.path);
      lexical.path.resize(parent_of(lexical.path).size());
      continue;
    }
    lexical.path += '/';
    lexical.path += name;
  }
  return lexical;
}

std::string_view parent_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return path.substr(0, slash == path.npos ? 0 : slash);
}

std::string_view name_of(std::string_view path) {
  const std::size_t slash = path.rfind('/');
  return slash == path.npos ? path : path.substr(slash + 1);
}

int process_of(std::string_view path_in_proc) {
  const std::string_view name = take_name(path_in_proc);
  int number = 0;
  const auto [end, error] = std::from_chars(name.data(), name.data() + name.size(), number);
  return error == std::errc() && end == name.data() + name.size() && number > 0 ? number : 0;
}

Magic magic_of(std::string_view path_in_proc) {
  if (process_of(path_in_proc) == 0) return Magic::kNone;
  take_name(path_in_proc);
  std::string_view name = take_name(path_in_proc);
  if (name == "task") {
    if (process_of(path_in_proc) == 0) return Magic::kNone;
    take_name(path_in_proc);
    name = take_name(path_in_proc);
  }
  const std::string_view second = take_name(path_in_proc);
  if (!take_name(path_in_proc).empty()) return Magic::kNone;
  if (second.empty()) {
    if (name == "cwd") return Magic::kCwd;
    if (name == "root") return Magic::kRoot;
    return name == "exe" ? Magic::kExe : Magic::kNone;
  }
  return name == "fd" || name == "map_files" || name == "ns" ? Magic::kFile : Magic::kNone;
}

}  // namespace lichen::bare
