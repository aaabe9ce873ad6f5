// What a step changed in a materialized tree, as a layer directory.

#include <dirent.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <optional>
#include <utility>

#include "base/path.h"
#include "base/text.h"
#include "os/file.h"
#include "store/layers.h"
#include "store/names.h"
#include "store/workspace.h"

namespace lichen::store {

namespace {

// A directory of the tree that is being looked at, and those above it.
struct Frame {
  Frame* parent = nullptr;
  std::string path;
  struct statx status {};  // before anything was moved out of it
  bool is_made = false;    // in the layer
};

class Harvester {
 public:
  using RecordOf = std::function<owners::Record(const struct statx&)>;
  Harvester(const Workspace& space, const Layers& layers, const owners::Owners& below,
            const RecordOf& record_of, bool keep_tree)
      : space_(space),
        layers_(layers),
        below_(below),
        record_of_(record_of),
        keep_tree_(keep_tree),
        recorder_(below) {}

  Result<owners::Sidecar> harvest(const std::string& fs);

 private:
  // `is_below`: layers have a directory here, which this one is perhaps not.
  Result<void> visit(Frame& frame, bool is_below);
  Result<void> visit_children(Frame& frame, const Layers::Parts& parts, bool is_touched);
  Result<void> take_file(Frame& frame, const os::UniqueFd& from, const Name& name,
                         std::optional<os::UniqueFd>& to);
  Result<bool> is_unchanged(const Frame& frame, const os::UniqueFd& directory, const Name& name,
                            const MergedDirectory::Entry& lower) const;
  Result<void> white_out(Frame& frame, const std::string& name, std::optional<os::UniqueFd>& to);
  Result<void> make(Frame& frame);
  Result<void> make(Frame& frame, std::optional<os::UniqueFd>& to);  // and opens it
  Result<void> finish(const std::string& path, const struct statx& status) const;

  static Result<os::UniqueFd> open_directory(const os::UniqueFd& root, const std::string& path) {
    // A tree at rest, and names that it really has: no symlink is among them.
    return os::openat(root, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  }

  const Workspace& space_;
  const Layers& layers_;
  const owners::Owners& below_;
  const RecordOf& record_of_;
  bool keep_tree_;
  os::UniqueFd tree_, layer_;
  owners::Owners::Recorder recorder_;
  std::vector<std::pair<std::string, struct statx>> made_;
};

bool is_same(const struct statx_timestamp& a, const struct statx_timestamp& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

bool is_same(const struct ::timespec& a, const struct ::timespec& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Devices a layer directory has not; sockets it has, for the next step, but no archive.
bool is_kept(unsigned char type) {
  return type == DT_REG || type == DT_LNK || type == DT_FIFO || type == DT_SOCK;
}

Result<struct statx> statx_of(const os::UniqueFd& directory, const std::string& name, int flags) {
  struct statx status {};
  if (::statx(directory.get(), name.c_str(), flags, kHarvestMask, &status) < 0)
    return fail(os_error("statx", name));
  return status;
}

Result<owners::Sidecar> Harvester::harvest(const std::string& fs) {
  tree_ = TRY(os::open(space_.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  layer_ = TRY(os::open(fs, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
  Frame root;
  root.status = TRY(statx_of(tree_, "", AT_EMPTY_PATH));
  // The top layer's root is the one that the next tree has.
  root.is_made = true;
  made_.emplace_back("", root.status);
  TRY(visit(root, true));
  for (auto it = made_.rbegin(); it != made_.rend(); ++it) {
    auto finished = finish(it->first, it->second);
    if (!finished) return fail(std::move(finished).error().in("/" + printable(it->first)));
  }
  return recorder_.take();
}

Result<void> Harvester::visit(Frame& frame, bool is_below) {
  const auto known = space_.directories.find(frame.status.stx_ino);
  const bool is_lower = is_below && known != space_.directories.end() &&
                        known->second.path == frame.path &&
                        is_same(known->second.born, frame.status.stx_btime);
  const owners::Record record = record_of_(frame.status);
  if (!is_lower) {
    TRY(make(frame));
    if (is_below) {
      recorder_.opaque(frame.path);
      TRY(set_opaque(TRY(open_directory(layer_, frame.path))));
    }
    recorder_.set(frame.path, record, true);
    return visit_children(frame, {}, true);
  }
  const bool is_touched = !is_same(known->second.changed, frame.status.stx_ctime);
  const owners::Record* before = below_.find(frame.path);
  if (is_touched || record != (before == nullptr ? owners::Record{} : *before)) TRY(make(frame));
  recorder_.set(frame.path, record, true);
  return visit_children(frame, known->second.parts, is_touched);
}

Result<void> Harvester::visit_children(Frame& frame, const Layers::Parts& parts, bool is_touched) {
  struct Child {
    std::string name;
    bool is_below = false;
  };
  std::vector<Child> children;
  {
    const os::UniqueFd from = TRY(open_directory(tree_, frame.path));
    std::optional<os::UniqueFd> to;
    // Names that were not touched are links to what the layers have; copies change in place.
    const bool is_whole = !is_touched && space_.copies.empty();
    MergedDirectory lower;
    if (!is_whole && !parts.empty()) lower = TRY(merge_directory(layers_, parts, frame.path));
    for (Name& name : TRY(read_names(from))) {
      const auto found = lower.entries.find(name.text);
      const bool is_found = found != lower.entries.end() && found->second.type != DT_CHR;
      if (name.type == DT_DIR) {
        children.push_back({name.text, is_whole || (is_found && found->second.type == DT_DIR)});
      } else if (is_whole) {
        continue;
      } else if (!is_kept(name.type)) {
        continue;  // what was there is gone
      } else if (!is_found || !TRY(is_unchanged(frame, from, name, found->second))) {
        auto taken = take_file(frame, from, name, to);
        if (!taken)
          return fail(std::move(taken).error().in("/" + printable(beneath(frame.path, name.text))));
      }
      if (is_found) lower.entries.erase(found);
    }
    for (const auto& [name, entry] : lower.entries)
      if (entry.type != DT_CHR) TRY(white_out(frame, name, to));
  }
  for (Child& child : children) {
    Frame next{.parent = &frame, .path = beneath(frame.path, child.name)};
    next.status = TRY(statx_of(tree_, next.path, AT_SYMLINK_NOFOLLOW));
    TRY(visit(next, child.is_below));
  }
  return {};
}

Result<bool> Harvester::is_unchanged(const Frame& frame, const os::UniqueFd& directory,
                                     const Name& name, const MergedDirectory::Entry& lower) const {
  const auto copy = space_.copies.find(name.inode);
  // An inode number of a linked layer's file is not given to another file while the layer is there.
  if (copy == space_.copies.end())
    return name.inode == lower.inode && space_.frozen.count(name.inode) != 0;
  const Workspace::Copy& made = copy->second;
  if (made.layer != lower.layer || made.source != lower.inode) return false;
  const auto status = TRY(os::lstatat(directory, name.text));
  if (!status) return false;
  bool is_same_file = status->st_nlink < made.links ? is_same(status->st_mtim, made.modified)
                                                    : is_same(status->st_ctim, made.changed);
  if (!is_same_file && S_ISFIFO(status->st_mode) && space_.how == Materialize::kLink) {
    // Its times say only that it was used, which with overlayfs is no change, either.
    const owners::Record* before = below_.find(beneath(frame.path, name.text));
    const owners::Record now = record_of_(TRY(statx_of(directory, name.text, AT_SYMLINK_NOFOLLOW)));
    is_same_file = now == (before == nullptr ? owners::Record{} : *before);
  }
  return is_same_file && status->st_size == made.size && status->st_mode == made.mode &&
         status->st_uid == made.uid && status->st_gid == made.gid;
}

Result<void> Harvester::take_file(Frame& frame, const os::UniqueFd& from, const Name& name,
                                  std::optional<os::UniqueFd>& to) {
  const struct statx status = TRY(statx_of(from, name.text, AT_SYMLINK_NOFOLLOW));
  TRY(make(frame, to));
  const char* text = name.text.c_str();
  const int rc = keep_tree_ ? ::linkat(from.get(), text, to->get(), text, 0)
                            : ::renameat(from.get(), text, to->get(), text);
  if (rc < 0) return fail(os_error(keep_tree_ ? "link" : "rename", ""));
  recorder_.set(beneath(frame.path, name.text), record_of_(status), false);
  return {};
}

Result<void> Harvester::white_out(Frame& frame, const std::string& name,
                                  std::optional<os::UniqueFd>& to) {
  TRY(make(frame, to));
  const std::string path = beneath(frame.path, name);
  TRY(make_whiteout(*to, name, path));
  recorder_.remove(path);
  return {};
}

Result<void> Harvester::make(Frame& frame) {
  if (frame.is_made) return {};
  TRY(make(*frame.parent));
  if (::mkdirat(layer_.get(), frame.path.c_str(), 0700) < 0)
    return fail(os_error("mkdir", frame.path));
  frame.is_made = true;
  made_.emplace_back(frame.path, frame.status);
  return {};
}

Result<void> Harvester::make(Frame& frame, std::optional<os::UniqueFd>& to) {
  if (to) return {};
  TRY(make(frame));
  to = TRY(open_directory(layer_, frame.path));
  return {};
}

Result<void> Harvester::finish(const std::string& path, const struct statx& status) const {
  const os::UniqueFd from = TRY(open_directory(tree_, path)),
                     to = TRY(open_directory(layer_, path));
  const bool keeps_owners = space_.how == Materialize::kCopy;
  if (keeps_owners && ::fchown(to.get(), status.stx_uid, status.stx_gid) < 0)
    return fail(os_error("chown", ""));
  TRY(copy_xattrs(from, to, keeps_owners));
  if (::fchmod(to.get(), status.stx_mode & 07777) < 0) return fail(os_error("chmod", ""));
  const struct ::timespec mtime {
    status.stx_mtime.tv_sec, static_cast<long>(status.stx_mtime.tv_nsec)
  };
  const struct ::timespec times[2] = {mtime, mtime};
  if (::futimens(to.get(), times) < 0) return fail(os_error("utimens", ""));
  return {};
}

}  // namespace

Result<owners::Sidecar> harvest(const Workspace& space, const std::vector<std::string>& lower,
                                const std::string& fs, const owners::Owners& below,
                                const std::function<owners::Record(const struct statx&)>& record_of,
                                bool keep_tree) {
  const Layers layers = TRY(Layers::open(lower));
  return Harvester(space, layers, below, record_of, keep_tree).harvest(fs);
}

}  // namespace lichen::store
