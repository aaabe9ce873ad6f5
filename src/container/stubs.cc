#include "container/stubs.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/path.h"
#include "base/text.h"
#include "os/file.h"

namespace lichen::container {

namespace {

constexpr char kOpaque[] = "user.overlay.opaque";

std::string path_of(const os::UniqueFd& file) {
  char text[4096];
  const ssize_t size = ::readlink(os::proc_path(file).c_str(), text, sizeof text);
  return size > 0 && size < static_cast<ssize_t>(sizeof text)
             ? std::string(text, static_cast<std::size_t>(size))
             : std::string();
}

bool is_same(const struct ::timespec& a, const struct ::timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

void set_times(const os::UniqueFd& directory, const struct ::stat& status) {
  const struct ::timespec times[2] = {status.st_atim, status.st_mtim};
  ::futimens(directory.get(), times);
}

}  // namespace

void remove_stubs(const os::UniqueFd& root, const std::vector<std::string>& created) {
  for (auto path = created.rbegin(); path != created.rend(); ++path) {
    const std::string relative = clean_path(*path).substr(1);
    const std::string parent = parent_of(relative), name = name_of(relative);
    const auto directory =
        os::open_beneath(root, parent.empty() ? "." : parent, O_RDONLY | O_DIRECTORY);
    if (!directory) continue;
    const auto before = os::fstat(*directory);
    const auto status = os::lstatat(*directory, name);
    if (!before || !status || !*status) continue;
    const bool is_directory = S_ISDIR((*status)->st_mode);
    if (!is_directory && (!S_ISREG((*status)->st_mode) || (*status)->st_size != 0)) continue;
    if (::unlinkat(directory->get(), name.c_str(), is_directory ? AT_REMOVEDIR : 0) == 0)
      set_times(*directory, *before);
  }
}

CopiedUpDirectories::CopiedUpDirectories(const os::UniqueFd& root, const os::UniqueFd& upper,
                                         const std::vector<std::string>& targets)
    : root_(root), upper_(upper) {
  for (const std::string& target : targets) {
    const std::string path = clean_path(target);
    for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
         slash = path.find('/', slash + 1))
      add(path.substr(0, slash));
  }
  std::sort(directories_.begin(), directories_.end(),
            [](const Directory& a, const Directory& b) { return a.path < b.path; });
}

void CopiedUpDirectories::add(const std::string& path) {
  const auto directory = os::open_beneath(root_, path, O_PATH | O_DIRECTORY);
  if (!directory) return;
  // Symlinks on the way are resolved: the upper layer has the directory under its own name.
  const std::string top = path_of(root_), real = path_of(*directory);
  if (top.empty() || !starts_with(real, top + "/")) return;
  for (std::string name = real.substr(top.size() + 1); !name.empty(); name = parent_of(name)) {
    const auto is_known = [&name](const Directory& known) { return known.path == name; };
    if (std::any_of(directories_.begin(), directories_.end(), is_known)) continue;
    const auto here = os::open_beneath(root_, name, O_PATH | O_DIRECTORY);
    const auto status = here ? os::fstat(*here) : Result<struct ::stat>(fail(Errc::kNotFound, ""));
    if (status) directories_.push_back({.path = name, .before = *status, .settled = *status});
  }
}

void CopiedUpDirectories::settle() {
  for (Directory& directory : directories_) {
    const auto here = os::open_beneath(root_, directory.path, O_RDONLY | O_DIRECTORY);
    const auto now = here ? os::fstat(*here) : Result<struct ::stat>(fail(Errc::kNotFound, ""));
    if (!now || is_same(now->st_ctim, directory.before.st_ctim)) continue;
    set_times(*here, directory.before);
    directory.settled = os::fstat(*here).value_or(*now);
  }
}

void CopiedUpDirectories::forget_changed() {
  std::erase_if(directories_, [&](const Directory& directory) {
    const auto here = os::open_beneath(root_, directory.path, O_PATH | O_DIRECTORY);
    const auto now = here ? os::fstat(*here) : Result<struct ::stat>(fail(Errc::kNotFound, ""));
    return !now || !is_same(now->st_ctim, directory.settled.st_ctim);
  });
}

void CopiedUpDirectories::prune(const owners::Sidecar& kept) const {
  for (auto directory = directories_.rbegin(); directory != directories_.rend(); ++directory) {
    const auto is_here = [&](const owners::Change& one) { return one.path == directory->path; };
    if (std::any_of(kept.begin(), kept.end(), is_here)) continue;
    const std::string parent = parent_of(directory->path), name = name_of(directory->path);
    const auto above =
        os::open_beneath(upper_, parent.empty() ? "." : parent, O_PATH | O_DIRECTORY);
    if (!above) continue;
    const auto now = os::lstatat(*above, name);
    const struct ::stat& before = directory->before;
    if (!now || !*now || (*now)->st_mode != before.st_mode || (*now)->st_uid != before.st_uid ||
        (*now)->st_gid != before.st_gid)
      continue;
    const auto here = os::openat(*above, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    if (!here) continue;
    const auto opaque = os::get_xattr(*here, kOpaque);
    if (!opaque || *opaque == "y") continue;               // another directory than before
    ::unlinkat(above->get(), name.c_str(), AT_REMOVEDIR);  // refuses what is not empty
  }
}

}  // namespace lichen::container
