#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <map>
#include <memory>
#include <set>

#include "base/text.h"
#include "os/file.h"
#include "store/layer_file.h"
#include "store/tree.h"

namespace lichen::store {

namespace {

// One file of the merged view.
struct MergedFile {
  const os::UniqueFd& directory;  // the layer's directory that has it
  const std::string& name;
  const std::string& path;
  const struct ::stat& status;
};

class Visitor {
 public:
  Visitor() = default;
  Visitor(const Visitor&) = delete;
  Visitor& operator=(const Visitor&) = delete;
  virtual ~Visitor() = default;
  virtual Result<void> visit(const MergedFile& file) = 0;  // directories before what is in them
  virtual Result<void> leave(const MergedFile&) { return {}; }
};

// Walks the stack as overlayfs would show it. `stack`: this directory in each layer that still
// counts here, top first.
Result<void> walk(const std::vector<std::shared_ptr<os::UniqueFd>>& stack, const std::string& path,
                  Visitor& visitor) {
  std::map<std::string, std::size_t> names;  // -> the layer that shows it; sorted
  for (std::size_t layer = 0; layer < stack.size(); ++layer)
    for (const os::DirectoryEntry& entry : TRY(os::read_directory(*stack[layer])))
      names.try_emplace(entry.name, layer);
  for (const auto& [name, layer] : names) {
    const auto status = TRY(os::lstatat(*stack[layer], name));
    if (!status || is_whiteout(*status)) continue;
    const std::string child = beneath(path, name);
    const MergedFile file{*stack[layer], name, child, *status};
    auto visited = visitor.visit(file);
    if (!visited) return fail(std::move(visited).error().in("/" + printable(child)));
    if (!S_ISDIR(status->st_mode)) continue;
    std::vector<std::shared_ptr<os::UniqueFd>> below;
    for (std::size_t other = layer; other < stack.size(); ++other) {
      const auto there = TRY(os::lstatat(*stack[other], name));
      if (!there) continue;
      if (!S_ISDIR(there->st_mode)) break;  // a file or whiteout hides what is under it
      below.push_back(std::make_shared<os::UniqueFd>(
          TRY(os::openat(*stack[other], name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))));
      if (TRY(is_opaque(*below.back()))) break;
    }
    TRY(walk(below, child, visitor));
    TRY(visitor.leave(file));
  }
  return {};
}

Result<void> walk_stack(const std::vector<std::string>& lower, Visitor& visitor) {
  std::vector<std::shared_ptr<os::UniqueFd>> stack;
  for (const std::string& directory : lower)
    stack.push_back(
        std::make_shared<os::UniqueFd>(TRY(os::open(directory, O_RDONLY | O_DIRECTORY))));
  return walk(stack, "", visitor);
}

class TarVisitor final : public Visitor {
 public:
  TarVisitor(TierKind tier, const owners::Owners& owners, const DiffOptions& options,
             archive::TarWriter& tar)
      : tier_(tier), owners_(owners), options_(options), tar_(tar) {}
  Result<void> visit(const MergedFile& file) override {
    if (S_ISSOCK(file.status.st_mode)) return {};
    archive::Entry entry = TRY(
        entry_of(file.directory, file.name, file.status, tier_, owners_.find(file.path), options_));
    entry.path = file.path;
    return write_entry(std::move(entry), file.directory, file.name, file.status, first_names_,
                       tar_);
  }

 private:
  TierKind tier_;
  const owners::Owners& owners_;
  const DiffOptions& options_;
  archive::TarWriter& tar_;
  std::map<std::pair<dev_t, ino_t>, std::string> first_names_;
};

// Files of our own under `root`: content, mode and mtime, but no owners. Nothing that is there is
// followed.
class LocalVisitor final : public Visitor {
 public:
  LocalVisitor(os::UniqueFd root, const owners::Owners& owners)
      : root_(std::move(root)), owners_(owners) {}

  Result<void> visit(const MergedFile& file) override {
    const os::UniqueFd directory = TRY(parent(file.path));
    const mode_t mode = file.status.st_mode;
    const owners::Record* record = owners_.find(file.path);
    if (S_ISDIR(mode)) {
      const auto there = TRY(os::lstatat(directory, file.name));
      if (there && !S_ISDIR(there->st_mode)) TRY(os::remove_tree(directory, file.name));
      if (::mkdirat(directory.get(), file.name.c_str(), 0700) < 0 && errno != EEXIST)
        return fail(os_error("mkdir", file.path));
      return {};
    }
    if (record != nullptr && record->type != 0) {
      skipped_.push_back("/" + printable(file.path) + ": a device cannot be made here");
      return {};
    }
    TRY(os::remove_tree(directory, file.name));
    if (S_ISLNK(mode)) {
      const std::string target = TRY(os::readlinkat(file.directory, file.name));
      if (::symlinkat(target.c_str(), directory.get(), file.name.c_str()) < 0)
        return fail(os_error("symlink", file.path));
      return times(directory, file);
    }
    if (S_ISFIFO(mode)) {
      if (::mknodat(directory.get(), file.name.c_str(), S_IFIFO | (mode & 0777), 0) < 0)
        return fail(os_error("mkfifo", file.path));
      return times(directory, file);
    }
    if (!S_ISREG(mode)) return {};
    const os::UniqueFd from = TRY(os::openat(file.directory, file.name, O_RDONLY | O_NOFOLLOW));
    const os::UniqueFd to =
        TRY(os::openat(directory, file.name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
    (void)TRY(os::copy_content(from, to));
    if (::fchmod(to.get(), mode & 07777) < 0) return fail(os_error("chmod", file.path));
    return times(directory, file);
  }

  Result<void> leave(const MergedFile& file) override {
    const os::UniqueFd directory = TRY(parent(file.path));
    if (::fchmodat(directory.get(), file.name.c_str(), file.status.st_mode & 07777, 0) < 0)
      return fail(os_error("chmod", file.path));
    return times(directory, file);
  }

  std::vector<std::string> take_skipped() { return std::move(skipped_); }

 private:
  Result<os::UniqueFd> parent(const std::string& path) const {
    const std::string directory = parent_of(path);
    return os::open_beneath(root_, directory.empty() ? "." : directory,
                            O_PATH | O_DIRECTORY | O_NOFOLLOW);
  }
  static Result<void> times(const os::UniqueFd& directory, const MergedFile& file) {
    const struct ::timespec both[2] = {file.status.st_mtim, file.status.st_mtim};
    if (::utimensat(directory.get(), file.name.c_str(), both, AT_SYMLINK_NOFOLLOW) < 0)
      return fail(os_error("utimens", file.path));
    return {};
  }

  os::UniqueFd root_;
  const owners::Owners& owners_;
  std::vector<std::string> skipped_;
};

}  // namespace

Result<void> write_tree(const std::vector<std::string>& lower, TierKind tier,
                        const owners::Owners& owners, const DiffOptions& options,
                        archive::TarWriter& tar) {
  TarVisitor visitor(tier, owners, options, tar);
  return walk_stack(lower, visitor);
}

Result<std::vector<std::string>> copy_tree_local(const std::vector<std::string>& lower, TierKind,
                                                 const owners::Owners& owners,
                                                 const std::string& directory) {
  LocalVisitor visitor(TRY(os::open(directory, O_PATH | O_DIRECTORY)), owners);
  TRY(walk_stack(lower, visitor));
  return visitor.take_skipped();
}

}  // namespace lichen::store
