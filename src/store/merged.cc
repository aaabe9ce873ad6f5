#include "store/merged.h"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>
#include <map>

#include "base/path.h"
#include "base/text.h"
#include "os/file.h"
#include "store/attributes.h"
#include "store/emit.h"
#include "store/tree.h"
#include "store/tree_paths.h"

namespace lichen::store {

namespace {

Result<void> walk(const Layers& layers, const Layers::Parts& parts, const std::string& path,
                  MergedVisitor& visitor) {
  std::map<std::string, std::size_t> names;  // with the topmost layer that has them
  struct ::stat own {};
  for (const std::size_t layer : parts) {
    const os::UniqueFd fd = TRY(layers.open_in(layer, path, O_RDONLY | O_DIRECTORY));
    if (layer == parts.front()) {
      own = TRY(os::fstat(fd));
      TRY(visitor.enter(fd, path, own));
    }
    for (os::DirectoryEntry& entry : TRY(os::read_directory(fd)))
      names.try_emplace(std::move(entry.name), layer);
  }
  for (const auto& [name, layer] : names) {
    const std::string child = beneath(path, name);
    const auto status = TRY(os::lstatat(layers.fd(layer), child));
    if (!status) return fail(Errc::kInvalid, "/" + printable(child) + " vanished");
    if (is_whiteout(*status)) continue;
    if (S_ISDIR(status->st_mode))
      TRY(walk(layers, TRY(layers.enter(parts, child)), child, visitor));
    else
      TRY(visitor.file(layers.fd(layer), child, *status));
  }
  return visitor.leave(path, own);
}

class TarVisitor final : public MergedVisitor {
 public:
  TarVisitor(Tier tier, const owners::Owners& owners, const DiffOptions& options,
             archive::TarWriter& tar)
      : tier_(tier),
        owners_(owners),
        placed_(!options.place.empty()),
        emitter_(tier, owners, options, tar) {}

  Result<void> enter(const os::UniqueFd& fd, const std::string& path,
                     const struct ::stat& status) override {
    // A root as every tree has it needs no entry.
    const Identity identity = identity_of(tier_, status, owners_.find(path));
    if (path.empty() && !placed_ && identity.mode == 0755 && identity.uid == 0 && identity.gid == 0)
      return {};
    return emitter_.directory(fd, path, status);
  }
  Result<void> leave(const std::string&, const struct ::stat&) override { return {}; }
  Result<void> file(const os::UniqueFd& layer, const std::string& path,
                    const struct ::stat& status) override {
    return emitter_.file(layer, path, path, status);
  }

 private:
  Tier tier_;
  const owners::Owners& owners_;
  bool placed_;
  Emitter emitter_;
};

class PathVisitor final : public MergedVisitor {
 public:
  Result<void> enter(const os::UniqueFd&, const std::string& path, const struct ::stat&) override {
    if (!path.empty()) paths_.push_back({path, true});
    return {};
  }
  Result<void> leave(const std::string&, const struct ::stat&) override { return {}; }
  Result<void> file(const os::UniqueFd&, const std::string& path, const struct ::stat&) override {
    paths_.push_back({path, false});
    return {};
  }
  std::vector<TreePath> take() { return std::move(paths_); }

 private:
  std::vector<TreePath> paths_;
};

class DigestVisitor final : public MergedVisitor {
 public:
  Result<void> enter(const os::UniqueFd&, const std::string&, const struct ::stat&) override {
    return {};
  }
  Result<void> leave(const std::string&, const struct ::stat&) override { return {}; }
  Result<void> file(const os::UniqueFd& layer, const std::string& path,
                    const struct ::stat& status) override {
    if (!S_ISREG(status.st_mode)) return {};
    os::FileSource bytes(TRY(os::openat(layer, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)), path);
    HashingSource hashing(bytes);
    files_.push_back({path, TRY(hashing.drain())});
    return {};
  }
  std::vector<TreeFile> take() { return std::move(files_); }

 private:
  std::vector<TreeFile> files_;
};

// Files of the caller out of an image. Every directory on the way is one that it made or found, and
// is no symlink.
class LocalVisitor final : public MergedVisitor {
 public:
  LocalVisitor(Tier tier, const owners::Owners& owners, const os::UniqueFd& to)
      : tier_(tier), owners_(owners), to_(to) {}

  Result<void> enter(const os::UniqueFd&, const std::string& path, const struct ::stat&) override {
    if (path.empty()) return {};  // the caller's own directory stays as it is
    const auto there = TRY(os::lstatat(to_, path));
    if (there && S_ISDIR(there->st_mode)) return {};
    if (there && ::unlinkat(to_.get(), path.c_str(), 0) < 0) return fail(os_error("remove", path));
    if (::mkdirat(to_.get(), path.c_str(), 0700) < 0) return fail(os_error("mkdir", path));
    return {};
  }
  Result<void> leave(const std::string& path, const struct ::stat& status) override {
    if (path.empty()) return {};
    return finish(path, status);
  }
  Result<void> file(const os::UniqueFd& layer, const std::string& path,
                    const struct ::stat& status) override {
    const Identity identity = identity_of(tier_, status, owners_.find(path));
    if (identity.type == S_IFCHR || identity.type == S_IFBLK || identity.type == S_IFSOCK) {
      warnings_.push_back("/" + printable(path) + " was left out: it is a " +
                          (identity.type == S_IFSOCK ? "socket" : "device"));
      return {};
    }
    if (const auto there = TRY(os::lstatat(to_, path))) {
      if (S_ISDIR(there->st_mode))
        return fail(Errc::kInvalid, "there is a directory in the way of " + printable(path));
      if (::unlinkat(to_.get(), path.c_str(), 0) < 0) return fail(os_error("remove", path));
    }
    if (status.st_nlink > 1) {
      const auto [first, is_first] = linked_.try_emplace({status.st_dev, status.st_ino}, path);
      if (!is_first) {
        if (::linkat(to_.get(), first->second.c_str(), to_.get(), path.c_str(), 0) == 0) return {};
        if (errno != EPERM && errno != EMLINK && errno != EOPNOTSUPP)
          return fail(os_error("link", path));
      }
    }
    return make(layer, path, status);
  }

  std::vector<std::string> take_warnings() { return std::move(warnings_); }

 private:
  Result<void> make(const os::UniqueFd& layer, const std::string& path,
                    const struct ::stat& status) {
    if (S_ISLNK(status.st_mode)) {
      const std::string target = TRY(os::readlinkat(layer, path));
      if (::symlinkat(target.c_str(), to_.get(), path.c_str()) < 0)
        return fail(os_error("symlink", path));
    } else if (S_ISFIFO(status.st_mode)) {
      if (::mknodat(to_.get(), path.c_str(), S_IFIFO | 0600, 0) < 0)
        return fail(os_error("mkfifo", path));
    } else {
      const os::UniqueFd from = TRY(os::openat(layer, path, O_RDONLY | O_NOFOLLOW));
      const os::UniqueFd to =
          TRY(os::openat(to_, path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
      (void)TRY(os::copy_content(from, to));
    }
    return finish(path, status);
  }
  Result<void> finish(const std::string& path, const struct ::stat& status) {
    const mode_t mode = identity_of(tier_, status, owners_.find(path)).mode;
    if (!S_ISLNK(status.st_mode) && ::fchmodat(to_.get(), path.c_str(), mode, 0) < 0)
      return fail(os_error("chmod", path));
    const struct ::timespec times[2] = {status.st_mtim, status.st_mtim};
    if (::utimensat(to_.get(), path.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
      return fail(os_error("utimens", path));
    return {};
  }

  Tier tier_;
  const owners::Owners& owners_;
  const os::UniqueFd& to_;
  std::map<std::pair<dev_t, ino_t>, std::string> linked_;
  std::vector<std::string> warnings_;
};

}  // namespace

Result<void> walk_merged(const Layers& layers, MergedVisitor& visitor) {
  if (layers.empty()) return {};
  return walk(layers, layers.root(), "", visitor);
}

Result<std::vector<TreePath>> list_tree(const std::vector<std::string>& layers) {
  PathVisitor visitor;
  TRY(walk_merged(TRY(Layers::open(layers)), visitor));
  return visitor.take();
}

Result<std::vector<TreeFile>> digest_tree(const std::vector<std::string>& layers) {
  DigestVisitor visitor;
  TRY(walk_merged(TRY(Layers::open(layers)), visitor));
  return visitor.take();
}

Result<void> write_tree(const std::vector<std::string>& layers, Tier tier,
                        const owners::Owners& owners, const DiffOptions& options,
                        archive::TarWriter& tar) {
  TarVisitor visitor(tier, owners, options, tar);
  return walk_merged(TRY(Layers::open(layers)), visitor);
}

Result<std::vector<std::string>> copy_tree_local(const std::vector<std::string>& layers, Tier tier,
                                                 const owners::Owners& owners,
                                                 const std::string& directory) {
  const os::UniqueFd to = TRY(os::open(directory, O_RDONLY | O_DIRECTORY));
  LocalVisitor visitor(tier, owners, to);
  TRY(walk_merged(TRY(Layers::open(layers)), visitor));
  return visitor.take_warnings();
}

}  // namespace lichen::store
