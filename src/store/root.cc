#include "store/root.h"

#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <vector>

#include "base/text.h"
#include "os/file.h"

namespace lichen::store {

namespace {

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

Result<std::string> absolute(const std::string& path) {
  if (starts_with(path, "/")) return clean_path(path);
  char* cwd = ::getcwd(nullptr, 0);
  if (cwd == nullptr) return fail(os_error("getcwd", path));
  std::string clean = clean_path(path, cwd);
  std::free(cwd);
  return clean;
}

bool is_home(const std::string& path) {
  struct ::stat status {};
  return starts_with(path, "/") && clean_path(path) != "/" && ::stat(path.c_str(), &status) == 0 &&
         S_ISDIR(status.st_mode);
}

}  // namespace

Result<std::string> choose_root(const std::string& flag) {
  if (!flag.empty()) return absolute(flag);
  if (const std::string root = variable("LICHEN_ROOT"); !root.empty()) return absolute(root);

  std::vector<std::string> candidates;
  // Relative values are to be ignored, says the XDG base directory specification.
  if (const std::string data = variable("XDG_DATA_HOME"); starts_with(data, "/"))
    candidates.push_back(data + "/lichen");
  if (const std::string home = variable("HOME"); is_home(home))
    candidates.push_back(home + "/.local/share/lichen");
  const std::string tmp = variable("TMPDIR");
  candidates.push_back((tmp.empty() ? "/var/tmp" : tmp) + "/lichen-" + std::to_string(::geteuid()));
  for (const std::string& candidate : candidates) {
    const std::string path = TRY(absolute(candidate));
    if (os::mkdirs(path, 0700) && ::access(path.c_str(), W_OK | X_OK) == 0) return path;
  }
  return fail(Errc::kDenied, "no place for the store can be written: " + join(candidates, ", "),
              "say where with --root or LICHEN_ROOT");
}

}  // namespace lichen::store
