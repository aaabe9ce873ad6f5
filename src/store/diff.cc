// A layer directory as a layer's tar. Only the layer itself is walked; lower layers are asked only
// where it hides something of theirs.

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "base/path.h"
#include "base/text.h"
#include "os/file.h"
#include "store/attributes.h"
#include "store/emit.h"
#include "store/layers.h"
#include "store/tree.h"

namespace lichen::store {

namespace {

constexpr char kWhiteout[] = ".wh.";
// From here down a directory's descriptor is closed while its children are walked: a hostile tree
// is deeper than the limit of open files.
constexpr int kMaxOpenDepth = 64;

class Differ {
 public:
  Differ(const os::UniqueFd& root, const Layers& lower, Emitter& emitter)
      : root_(root), lower_(lower), emitter_(emitter) {}

  // `hidden`: nothing of lower layers shows here.
  Result<void> walk(const std::string& path, int depth, bool hidden);

 private:
  Result<os::UniqueFd> open_directory(const std::string& path) const {
    // The tree is at rest, and these are names that it really has: no symlink is among them.
    return os::openat(root_, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }
  Result<void> walk_child(const os::UniqueFd& fd, const std::string& path,
                          const struct ::stat& status, int depth, bool hidden);
  Result<bool> lower_has_directory(const std::string& path) const;

  const os::UniqueFd& root_;
  const Layers& lower_;
  Emitter& emitter_;
};

Result<bool> Differ::lower_has_directory(const std::string& path) const {
  Layers::Parts parts = lower_.root();
  std::string so_far;
  for (const std::string& name : split(path, '/')) {
    so_far = beneath(so_far, name);
    parts = TRY(lower_.enter(parts, so_far));
  }
  return !parts.empty();
}

Result<void> Differ::walk_child(const os::UniqueFd& fd, const std::string& path,
                                const struct ::stat& status, int depth, bool hidden) {
  TRY(emitter_.directory(fd, path, status));
  // overlayfs marks most new directories as opaque; a layer says so where it matters only.
  if (!hidden && is_opaque(fd)) {
    hidden = true;
    if (TRY(lower_has_directory(path))) TRY(emitter_.marker(beneath(path, kOpaqueName)));
  }
  return walk(path, depth + 1, hidden);
}

Result<void> Differ::walk(const std::string& path, int depth, bool hidden) {
  os::UniqueFd directory = TRY(open_directory(path));
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(directory))) {
    if (!directory.valid()) directory = TRY(open_directory(path));
    const std::string child = beneath(path, entry.name);
    const auto status = TRY(os::lstatat(directory, entry.name));
    if (!status) return fail(Errc::kInvalid, "/" + printable(child) + " vanished");
    if (is_whiteout(*status)) {
      if (!hidden && entry.name != kOpaqueName)
        TRY(emitter_.marker(beneath(path, kWhiteout + entry.name)));
      continue;
    }
    if (starts_with(entry.name, kWhiteout))
      return fail(Errc::kUnsupported,
                  "/" + printable(child) + ": a layer cannot hold a name that begins with .wh.",
                  "rename the file in the step that makes it");
    if (!S_ISDIR(status->st_mode)) {
      TRY(emitter_.file(directory, entry.name, child, *status));
      continue;
    }
    os::UniqueFd fd = TRY(os::openat(directory, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    if (depth >= kMaxOpenDepth) directory.reset();
    TRY(walk_child(fd, child, *status, depth, hidden));
  }
  return {};
}

}  // namespace

Result<void> diff_layer(const std::string& fs, const std::vector<std::string>& lower_paths,
                        Tier tier, const owners::Owners& below, const owners::Sidecar& own,
                        const DiffOptions& options, archive::TarWriter& tar) {
  const Layers lower = TRY(Layers::open(lower_paths));
  const os::UniqueFd root = TRY(os::open(fs, O_RDONLY | O_DIRECTORY));
  owners::Owners owners = below;
  owners.apply(own);
  Emitter emitter(tier, owners, options, tar);

  const struct ::stat status = TRY(os::fstat(root));
  const Identity now = identity_of(tier, status, owners.find(""));
  Identity before{.mode = 0755};
  if (!lower.empty()) {
    const struct ::stat lowest = TRY(os::fstat(lower.fd(0)));
    before = identity_of(tier, lowest, below.find(""));
  }
  if (now.mode != before.mode || now.uid != before.uid || now.gid != before.gid)
    TRY(emitter.directory(root, "", status));
  const bool hidden = is_opaque(root);
  if (hidden && !lower.empty()) TRY(emitter.marker(kOpaqueName));
  return Differ(root, lower, emitter).walk("", 0, hidden);
}

}  // namespace lichen::store
