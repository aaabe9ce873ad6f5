#include "store/root.h"

#include <sys/stat.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cstdint>
#include <cstdlib>
#include <vector>

#include "base/text.h"
#include "os/file.h"

namespace lichen::store {

namespace {

// A base image with a package manager does not fit into less.
constexpr std::uint64_t kLittleBytes = std::uint64_t{256} << 20;

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

struct Candidate {
  std::string path;
  // Others can make files beside it, so whoever was there first may not be us.
  bool is_public = false;
};

std::vector<Candidate> candidates() {
  std::vector<Candidate> list;
  // Relative values are to be ignored, says the XDG base directory specification.
  if (const std::string data = variable("XDG_DATA_HOME"); starts_with(data, "/"))
    list.push_back({data + "/lichen"});
  if (const std::string home = variable("HOME"); is_home(home))
    list.push_back({home + "/.local/share/lichen"});
  const std::string name = "/lichen-" + std::to_string(::geteuid());
  std::vector<std::string> places{"/var/tmp", "/tmp"};
  if (const std::string tmp = variable("TMPDIR"); !tmp.empty()) places.insert(places.begin(), tmp);
  for (const std::string& place : places) list.push_back({place + name, true});
  return list;
}

bool is_private(const std::string& path) {
  struct ::stat status {};
  return ::lstat(path.c_str(), &status) == 0 && S_ISDIR(status.st_mode) &&
         status.st_uid == ::geteuid() && (status.st_mode & 022) == 0;
}

std::uint64_t free_bytes(std::string path) {
  struct ::statvfs status {};
  while (::statvfs(path.c_str(), &status) < 0) {
    const std::size_t slash = path.rfind('/');
    if (slash == std::string::npos || path.size() == 1) return 0;
    path.resize(slash == 0 ? 1 : slash);
  }
  return std::uint64_t{status.f_bavail} * status.f_frsize;
}

bool make(const std::string& path, bool is_public) {
  if (!os::mkdirs(path, 0700) || (is_public && !is_private(path))) return false;
  return ::access(path.c_str(), R_OK | W_OK | X_OK) == 0;
}

}  // namespace

Result<std::string> choose_root(const std::string& flag) {
  if (!flag.empty()) return absolute(flag);
  if (const std::string root = variable("LICHEN_ROOT"); !root.empty()) return absolute(root);

  // A store that is there stays where it is. A new one goes where there is room, if there is any.
  struct Small {
    std::string path;
    bool is_public = false;
    std::uint64_t bytes = 0;
  };
  std::vector<Small> small;
  std::vector<std::string> tried;
  for (const Candidate& candidate : candidates()) {
    const std::string path = TRY(absolute(candidate.path));
    tried.push_back(path);
    const std::uint64_t bytes = free_bytes(path);
    if (bytes < kLittleBytes && !os::exists(path + "/version"))
      small.push_back({path, candidate.is_public, bytes});
    else if (make(path, candidate.is_public))
      return path;
  }
  while (!small.empty()) {
    auto best = small.begin();
    for (auto it = small.begin(); it != small.end(); ++it)
      if (it->bytes > best->bytes) best = it;
    if (make(best->path, best->is_public)) return best->path;
    small.erase(best);
  }
  return fail(Errc::kDenied, "no place for the store can be written: " + join(tried, ", "),
              "say where with --root or LICHEN_ROOT");
}

}  // namespace lichen::store
