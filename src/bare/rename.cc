// rename(2), renameat2(2). A file that is shared with a layer gets its private copy first; a
// directory that comes from one stays where it is (EXDEV), as on overlayfs without redirect_dir.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>

#include "bare/entries.h"
#include "bare/subject.h"

namespace lichen::bare {

namespace {

struct End {
  Entry entry;
  std::optional<struct statx> status;  // nullopt: nothing is there

  bool is_directory() const { return status && S_ISDIR(status->stx_mode); }
};

struct RenameRequest {
  TwoNames names;
  unsigned flags = 0;
};

Answer<RenameRequest> decode(const emulate::Task& task) {
  const bool at = task.nr() == SYS_renameat || task.nr() == SYS_renameat2;
  RenameRequest request{.names = two_names(task, at)};
  if (task.nr() == SYS_renameat2) request.flags = task.word_arg(4);
  // No whiteouts: the step sees no lower layer. Overlayfs refuses RENAME_WHITEOUT, too.
  if ((request.flags & ~(RENAME_NOREPLACE | RENAME_EXCHANGE)) != 0) return refuse(EINVAL);
  if (request.flags == (RENAME_NOREPLACE | RENAME_EXCHANGE)) return refuse(EINVAL);
  return request;
}

bool is_same(const struct statx& one, const struct statx& other) {
  return one.stx_ino == other.stx_ino && one.stx_dev_major == other.stx_dev_major &&
         one.stx_dev_minor == other.stx_dev_minor;
}

// 0 or errno: names and types, before anybody's permission.
int check_ends(const End& from, const End& to, unsigned flags) {
  const bool exchange = (flags & RENAME_EXCHANGE) != 0;
  if (!from.status) return ENOENT;
  if ((flags & RENAME_NOREPLACE) != 0 && to.status) return EEXIST;
  if (exchange && !to.status) return ENOENT;
  if (exchange && !to.is_directory() && to.entry.slash_at_end) return ENOTDIR;
  if (from.is_directory()) return 0;
  if (from.entry.slash_at_end || (!exchange && to.entry.slash_at_end)) return ENOTDIR;
  return 0;
}

// 0 or errno: may `end` go from its directory, to be `moved` to another one?
int judge(const Model& model, const emulate::Credentials& credentials, const End& end, bool moved) {
  const File& directory = end.entry.directory;
  if (!has_record(directory)) return 0;
  const emulate::Owned around = model.owned(directory);
  if (!end.status) return emulate::decide(Change::kInsert, credentials, {}, around);
  const emulate::Owned file = owned(model, directory.mount, *end.status);
  const int refused = emulate::decide(Change::kRemove, credentials, file, around);
  if (refused != 0) return refused;
  // ".." of a directory that moves is written.
  const bool writes = moved && end.is_directory();
  return writes && !emulate::permits(credentials, file, W_OK) ? EACCES : 0;
}

bool is_beneath(const Tree& tree, const Entry& directory, const File& other) {
  const std::string top = tree.real_path(directory.directory.fd) + "/" + directory.name + "/";
  return (tree.real_path(other.fd) + "/").compare(0, top.size(), top) == 0;
}

Answer<void> make_private(Model& model, const End& end) {
  if (end.is_directory()) {
    if (model.frozen->is_lower_directory(*end.status)) return refuse(EXDEV);
    return {};
  }
  if (!model.frozen->holds(*end.status)) {
    model.frozen->note_change(*end.status);
    return {};
  }
  Answer<File> file = open_entry(end.entry);
  if (!file) return tl::unexpected(file.error());
  return model.frozen->copy_up(model, *file);
}

Answer<End> find_end(const Call& call, Model& model, int dirfd, std::uint64_t path, int dots) {
  Answer<Entry> entry = entry_at(call, model, dirfd, path, dots);
  if (!entry) return tl::unexpected(entry.error());
  return End{std::move(*entry), std::nullopt};
}

// 0 or errno.
int look(End& end) {
  const Answer<struct statx> status = status_of(end.entry);
  if (status) end.status = *status;
  return status || status.error().number == ENOENT ? 0 : status.error().number;
}

}  // namespace

Reply answer_rename(const Call& call, Model& model) {
  const Answer<RenameRequest> request = decode(call.task);
  if (!request) return request.error();
  const bool exchange = (request->flags & RENAME_EXCHANGE) != 0;
  const int dots = (request->flags & RENAME_NOREPLACE) != 0 ? EEXIST : EBUSY;
  Answer<End> from = find_end(call, model, request->names.from_dirfd, request->names.from, EBUSY);
  if (!from) return from.error();
  Answer<End> to = find_end(call, model, request->names.to_dirfd, request->names.to, dots);
  if (!to) return to.error();
  const File& source = from->entry.directory;
  const File& target = to->entry.directory;
  if (source.mount != target.mount) return Errno{EXDEV};
  if (is_read_only(source)) return Errno{EROFS};
  if (from->entry.is_mount) return Errno{EBUSY};
  if (to->entry.is_mount) return Errno{dots};
  for (End* end : {&*from, &*to}) {
    if (const int failure = look(*end); failure != 0) return Errno{failure};
  }
  if (const int refused = check_ends(*from, *to, request->flags); refused != 0) {
    return Errno{refused};
  }
  if (from->is_directory() && is_beneath(model.tree, from->entry, target)) return Errno{EINVAL};
  if (to->status && is_same(*from->status, *to->status)) return Value{0};

  const auto credentials = model.credentials(call);
  const bool moved = !is_same(source.status, target.status);
  if (const int no = judge(model, *credentials, *from, moved); no != 0) return Errno{no};
  if (const int no = judge(model, *credentials, *to, moved && exchange); no != 0) return Errno{no};
  if (to->status && !exchange && from->is_directory() != to->is_directory()) {
    return Errno{from->is_directory() ? ENOTDIR : EISDIR};
  }
  // Mounts are places of the step's view: with a directory above them they would be left behind.
  if ((from->is_directory() && is_above_mount(model, from->entry)) ||
      (exchange && to->is_directory() && is_above_mount(model, to->entry))) {
    return Errno{EBUSY};
  }
  if (has_record(source)) {
    if (const auto ready = make_private(model, *from); !ready) return ready.error();
    if (exchange) {
      if (const auto ready = make_private(model, *to); !ready) return ready.error();
    }
  }
  if (::renameat2(source.fd.get(), from->entry.name.c_str(), target.fd.get(),
                  to->entry.name.c_str(), request->flags) != 0) {
    return Errno{errno};
  }
  return Value{0};
}

}  // namespace lichen::bare
