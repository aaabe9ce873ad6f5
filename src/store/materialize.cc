// A stack of layers as a real tree. Directory after directory, each by its path from the roots: no
// descriptor stays open while what is beneath is done.
//
// A tree of links that another step has left is made right instead of made: a name that is the
// layer's own file already stays, all else is replaced or goes.

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <ctime>
#include <map>
#include <utility>

#include "base/path.h"
#include "base/text.h"
#include "os/file.h"
#include "store/layers.h"
#include "store/names.h"
#include "store/workspace.h"

namespace lichen::store {

namespace {

class Maker {
 public:
  Maker(const Layers& layers, os::UniqueFd root, Workspace& space)
      : layers_(layers), root_(std::move(root)), space_(space) {}

  Result<void> make();

 private:
  using Entry = MergedDirectory::Entry;
  struct Task {
    std::string path;
    Layers::Parts parts;
  };

  // The names of a directory that an earlier step has left.
  using Names = std::unordered_map<std::string, Name>;

  Result<void> make_directory(const Task& task);
  Result<Names> names_in(const os::UniqueFd& directory) const;
  Result<bool> has_entry(const os::UniqueFd& to, const std::string& name, const Entry& entry,
                         Names& left);
  Result<void> make_entry(const os::UniqueFd& from, const os::UniqueFd& to, const std::string& path,
                          const std::string& name, Entry& entry);
  Result<void> copy(const os::UniqueFd& from, const os::UniqueFd& to, const std::string& path,
                    const std::string& name, const Entry& entry);
  Result<bool> link_copy(const os::UniqueFd& to, const std::string& path, const std::string& name,
                         const Entry& entry);
  Result<void> remember(const os::UniqueFd& to, const std::string& name, const Entry& entry);
  Result<void> finish_directory(const os::UniqueFd& from, const os::UniqueFd& to, const Task& task,
                                Layers::Parts parts);
  Result<void> set_attributes(const os::UniqueFd& from, const os::UniqueFd& to,
                              const Layers::Parts& parts) const;
  void let_time_pass() const;

  bool keeps_owners() const { return space_.how == Materialize::kCopy; }

  const Layers& layers_;
  os::UniqueFd root_;
  Workspace& space_;
  bool is_reused_ = false;
  std::vector<bool> is_near_;  // by layer: on the tree's file system
  std::vector<Task> tasks_;
  std::map<std::pair<std::size_t, ino_t>, std::string> linked_;  // copies of files with more names
  struct ::timespec latest_ {};
};

bool is_later(const struct ::timespec& a, const struct ::timespec& b) {
  return std::pair(a.tv_sec, a.tv_nsec) > std::pair(b.tv_sec, b.tv_nsec);
}

Result<void> Maker::make() {
  const dev_t device = TRY(os::fstat(root_)).st_dev;
  for (std::size_t layer : layers_.root())
    is_near_.push_back(TRY(os::fstat(layers_.fd(layer))).st_dev == device);
  is_reused_ = space_.how == Materialize::kLink && !TRY(read_names(root_)).empty();
  tasks_.push_back({"", layers_.root()});
  while (!tasks_.empty()) {
    const Task task = std::move(tasks_.back());
    tasks_.pop_back();
    auto made = make_directory(task);
    if (!made) return fail(std::move(made).error().in("/" + printable(task.path)));
  }
  let_time_pass();
  return {};
}

Result<void> Maker::make_directory(const Task& task) {
  const os::UniqueFd to = TRY(
      os::openat(root_, task.path.empty() ? "." : task.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  Names left = TRY(names_in(to));
  if (task.parts.empty()) return finish_directory(to, to, task, {});
  MergedDirectory merged = TRY(merge_directory(layers_, task.parts, task.path));
  for (auto& [name, entry] : merged.entries) {
    if (TRY(has_entry(to, name, entry, left))) {
      if (entry.type == DT_DIR)
        tasks_.push_back({beneath(task.path, name), std::move(entry.parts)});
      else
        ++space_.frozen[entry.inode];
      continue;
    }
    std::size_t part = 0;
    while (merged.parts[part] != entry.layer) ++part;
    TRY(make_entry(merged.fds[part], to, task.path, name, entry));
  }
  for (const auto& [name, was] : left) TRY(os::remove_tree(to, name));
  if (space_.how == Materialize::kLink)
    for (const auto& [inode, count] : merged.hidden) space_.frozen[inode] += count;
  return finish_directory(merged.fds[0], to, task, merged.parts);
}

Result<Maker::Names> Maker::names_in(const os::UniqueFd& directory) const {
  Names names;
  if (!is_reused_) return names;
  for (Name& name : TRY(read_names(directory))) names.emplace(name.text, std::move(name));
  return names;
}

// What is there is taken out of `left`, and when it is not the entry, out of the tree.
Result<bool> Maker::has_entry(const os::UniqueFd& to, const std::string& name, const Entry& entry,
                              Names& left) {
  const auto found = left.find(name);
  if (found == left.end() || entry.type == DT_CHR) return false;
  const Name was = std::move(found->second);
  left.erase(found);
  const bool is_link = entry.type != DT_FIFO && entry.type != DT_DIR && is_near_[entry.layer] &&
                       was.inode == entry.inode;
  if (was.type == entry.type && (is_link || entry.type == DT_DIR)) return true;
  TRY(os::remove_tree(to, name));
  return false;
}

Result<void> Maker::make_entry(const os::UniqueFd& from, const os::UniqueFd& to,
                               const std::string& path, const std::string& name, Entry& entry) {
  switch (entry.type) {
    case DT_DIR:
      if (::mkdirat(to.get(), name.c_str(), 0700) < 0) return fail(os_error("mkdir", name));
      tasks_.push_back({beneath(path, name), std::move(entry.parts)});
      return {};
    case DT_REG:
    case DT_LNK:
    case DT_FIFO:
    case DT_SOCK:
      break;
    default:
      return {};  // a whiteout, or what no layer should have
  }
  // What goes through a FIFO changes its times: the layer's own must not be the one that is used.
  const bool is_linked = entry.type != DT_FIFO && is_near_[entry.layer];
  if (space_.how == Materialize::kLink && is_linked) {
    if (::linkat(from.get(), name.c_str(), to.get(), name.c_str(), 0) == 0) {
      ++space_.frozen[entry.inode];
      return {};
    }
    // Too many links; another mount of the file system; one that has no links or forbids this one.
    if (errno != EMLINK && errno != EXDEV && errno != EPERM && errno != EOPNOTSUPP)
      return fail(os_error("link", name));
  }
  return copy(from, to, path, name, entry);
}

// Names of one file in a layer become names of one copy.
Result<void> Maker::copy(const os::UniqueFd& from, const os::UniqueFd& to, const std::string& path,
                         const std::string& name, const Entry& entry) {
  const auto status = TRY(os::lstatat(from, name));
  if (!status) return fail(Errc::kInvalid, printable(name) + " vanished");
  if (status->st_nlink > 1 && TRY(link_copy(to, path, name, entry)))
    return remember(to, name, entry);
  TRY(copy_file(from, name, to, name, *status, keeps_owners()));
  return remember(to, name, entry);
}

Result<bool> Maker::link_copy(const os::UniqueFd& to, const std::string& path,
                              const std::string& name, const Entry& entry) {
  const std::string own = beneath(path, name);
  const auto [first, is_first] = linked_.try_emplace({entry.layer, entry.inode}, own);
  if (is_first) return false;
  if (::linkat(root_.get(), first->second.c_str(), to.get(), name.c_str(), 0) == 0) return true;
  if (errno != EMLINK && errno != EPERM && errno != EOPNOTSUPP) return fail(os_error("link", name));
  first->second = own;
  return false;
}

Result<void> Maker::remember(const os::UniqueFd& to, const std::string& name, const Entry& entry) {
  const auto status = TRY(os::lstatat(to, name));
  if (!status) return fail(Errc::kInvalid, printable(name) + " vanished");
  space_.copies[status->st_ino] = {.layer = entry.layer,
                                   .source = entry.inode,
                                   .changed = status->st_ctim,
                                   .modified = status->st_mtim,
                                   .links = status->st_nlink,
                                   .size = status->st_size,
                                   .mode = status->st_mode,
                                   .uid = status->st_uid,
                                   .gid = status->st_gid};
  if (is_later(status->st_ctim, latest_)) latest_ = status->st_ctim;
  return {};
}

// `from` is the topmost layer's, and `to` itself when there is none.
Result<void> Maker::finish_directory(const os::UniqueFd& from, const os::UniqueFd& to,
                                     const Task& task, Layers::Parts parts) {
  TRY(set_attributes(from, to, parts));
  struct statx made {};
  if (::statx(to.get(), "", AT_EMPTY_PATH, kHarvestMask, &made) < 0)
    return fail(os_error("statx", ""));
  space_.frozen_directories.insert(made.stx_ino);
  space_.directories[made.stx_ino] = {.path = task.path,
                                      .parts = std::move(parts),
                                      .born = made.stx_btime,
                                      .changed = made.stx_ctime};
  const struct ::timespec changed {
    made.stx_ctime.tv_sec, static_cast<long>(made.stx_ctime.tv_nsec)
  };
  if (is_later(changed, latest_)) latest_ = changed;
  return {};
}

Result<void> Maker::set_attributes(const os::UniqueFd& from, const os::UniqueFd& to,
                                   const Layers::Parts& parts) const {
  struct ::stat status = TRY(os::fstat(from));
  if (parts.empty()) status.st_mode = 0755;  // of a tree without layers
  if (keeps_owners() && ::fchown(to.get(), status.st_uid, status.st_gid) < 0)
    return fail(os_error("chown", ""));
  if (is_reused_) TRY(remove_xattrs(to));
  if (!parts.empty()) TRY(copy_xattrs(from, to, keeps_owners()));
  const struct ::stat now = TRY(os::fstat(to));
  const bool is_moded = ((now.st_mode ^ status.st_mode) & 07777) == 0;
  if (!is_moded && ::fchmod(to.get(), status.st_mode & 07777) < 0)
    return fail(os_error("chmod", ""));
  const struct ::timespec times[2] = {status.st_mtim, status.st_mtim};
  const bool is_dated = !is_later(now.st_mtim, times[0]) && !is_later(times[0], now.st_mtim);
  if (!is_dated && ::futimens(to.get(), times) < 0) return fail(os_error("utimens", ""));
  return {};
}

// Whatever changes from now on gets a later ctime: the kernel's clock for them ticks every few
// milliseconds. Bounded, for file systems that have a clock of their own.
void Maker::let_time_pass() const {
  constexpr int kMaxWaits = 20;
  constexpr struct ::timespec kWait { 0, 1'000'000 };
  for (int wait = 0; wait < kMaxWaits; ++wait) {
    struct ::timespec now {};
    ::clock_gettime(CLOCK_REALTIME_COARSE, &now);
    if (is_later(now, latest_)) break;
    ::nanosleep(&kWait, nullptr);
  }
}

}  // namespace

Result<Workspace> materialize(const std::vector<std::string>& lower, const std::string& directory,
                              Materialize how) {
  if (::mkdir(directory.c_str(), 0700) < 0 && errno != EEXIST)
    return fail(os_error("mkdir", directory));
  Workspace space{.path = directory, .how = how};
  const Layers layers = TRY(Layers::open(lower));
  Maker maker(layers, TRY(os::open(directory, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)), space);
  TRY(maker.make());
  return space;
}

Result<void> copy_up(const os::UniqueFd& directory, const std::string& name) {
  constexpr char kCopy[] = ".lichen-copy";
  const auto status = TRY(os::lstatat(directory, name));
  if (!status) return fail(Errc::kNotFound, printable(name) + " is not there");
  const struct ::stat parent = TRY(os::fstat(directory));
  TRY(copy_file(directory, name, directory, kCopy, *status, false));
  if (::renameat(directory.get(), kCopy, directory.get(), name.c_str()) < 0) {
    const int failure = errno;
    ::unlinkat(directory.get(), kCopy, 0);
    return fail(os_error(failure, "rename", name));
  }
  const struct ::timespec times[2] = {parent.st_mtim, parent.st_mtim};
  if (::utimensat(AT_FDCWD, os::proc_path(directory).c_str(), times, 0) < 0)
    return fail(os_error("utimens", name));
  return {};
}

}  // namespace lichen::store
