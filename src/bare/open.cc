// open, openat and creat. openat2(2) does not exist here: programs fall back to openat.
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <atomic>
#include <memory>

#include "bare/creation.h"
#include "bare/devices.h"
#include "bare/entries.h"
#include "bare/path.h"
#include "bare/proc_text.h"
#include "bare/subject.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

constexpr int kTmpfile = 020'000'000;  // O_TMPFILE without its O_DIRECTORY
constexpr int kMaxRaces = 16;          // others may make and remove a file for ever
constexpr int kPathFlags = O_PATH | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC;

struct OpenRequest {
  int dirfd = AT_FDCWD;
  std::string path;
  int flags = 0;
  std::uint32_t mode = 0;

  bool has(int flag) const { return (flags & flag) != 0; }
  bool writes() const { return (flags & O_ACCMODE) != O_RDONLY || has(O_TRUNC); }
};

Answer<OpenRequest> decode(const emulate::Task& task) {
  OpenRequest request;
  std::uint64_t path = 0;
  switch (task.nr()) {
    case SYS_openat:
      request.dirfd = task.int_arg(0);
      path = task.arg(1);
      request.flags = task.int_arg(2);
      request.mode = task.word_arg(3) & 07777;
      break;
#ifdef __x86_64__
    case SYS_open:
      path = task.arg(0);
      request.flags = task.int_arg(1);
      request.mode = task.word_arg(2) & 07777;
      break;
    case SYS_creat:
      path = task.arg(0);
      request.flags = O_CREAT | O_WRONLY | O_TRUNC;
      request.mode = task.word_arg(1) & 07777;
      break;
#endif
    default:
      return refuse(ENOSYS);
  }
  if (request.has(O_PATH)) request.flags &= kPathFlags;
  if (request.has(kTmpfile) && (!request.has(O_DIRECTORY) || (request.flags & O_ACCMODE) == 0)) {
    return refuse(EINVAL);
  }
  if (request.has(O_CREAT) && request.has(O_DIRECTORY)) return refuse(EINVAL);
  Answer<std::string> text = task.read_path(path);
  if (!text) return tl::unexpected(text.error());
  if (text->empty()) return refuse(ENOENT);
  request.path = std::move(*text);
  return request;
}

int flags_for_existing(int flags) {
  return flags & ~(O_CREAT | O_EXCL | O_NOFOLLOW | kTmpfile);
}

// The caller itself makes the file, by its real path.
Rewrite rewrite_open(std::string path, int flags, std::uint32_t mode) {
  path += '\0';
  return {.nr = SYS_openat,
          .arguments = {static_cast<std::uint64_t>(AT_FDCWD), 0, static_cast<std::uint64_t>(flags),
                        mode},
          .texts = {{.index = 1, .bytes = std::move(path)}},
          .after = {}};
}

Reply give_text(const Call& call, const Model& model, const std::string& text, int flags) {
  os::UniqueFd file;
  if (call.traced) {  // where the caller can open it
    static std::atomic<unsigned> made = 0;
    constexpr unsigned kKept = 256;
    const std::string name = "text-" + std::to_string(made++ % kKept);
    ::unlinkat(model.frozen->scratch().get(), name.c_str(), 0);
    file = os::UniqueFd(::openat(model.frozen->scratch().get(), name.c_str(),
                                 O_CREAT | O_EXCL | O_RDWR | O_CLOEXEC, 0600));
  } else {
    file = os::UniqueFd(::memfd_create("proc", MFD_CLOEXEC));
  }
  if (!file.valid()) return Errno{errno};
  if (!os::write_all(file, text)) return Errno{EIO};
  Result<os::UniqueFd> reopened = os::reopen(file, call.traced ? O_PATH : O_RDONLY);
  if (!reopened) return Errno{reopened.error().os_errno};
  if (call.traced) return OpenFile{std::move(*reopened), flags_for_existing(flags), {}};
  return NewFd{std::move(*reopened), (flags & O_CLOEXEC) != 0};
}

// nullopt: like any other file.
std::optional<Reply> open_in_proc(const Call& call, const Model& model, const OpenRequest& request,
                                  const File& file) {
  const std::string real = model.tree.real_path(file.fd);
  const auto in_proc = beneath(real, file.mount->source);
  if (!in_proc || S_ISDIR(file.status.stx_mode)) return std::nullopt;
  const int refused = decide_proc_open(call, *in_proc, request.writes());
  if (refused != 0) return Errno{refused};
  if (request.writes()) return std::nullopt;
  const auto text = proc_text(call, model, *in_proc);
  if (!text) return std::nullopt;
  return *text ? give_text(call, model, **text, request.flags) : Reply{text->error()};
}

// What writing takes away besides the content: who opens for writing will write.
int drop_privileges_of(Model& model, const emulate::Credentials& credentials, const File& file) {
  const owners::Record before = model.record_of(file.status);
  owners::Record record = before;
  const std::uint32_t old_mode = model.owned(file).mode & 07777;
  std::uint32_t mode = old_mode;
  drop_privileges(record, mode, credentials);
  if (record == before && mode == old_mode) return 0;
  return model.put(file.fd, record, mode) ? 0 : ENOMEM;
}

Reply open_existing(const Call& call, Model& model, const emulate::Credentials& credentials,
                    const OpenRequest& request, File file) {
  const std::uint32_t type = model.owned(file).mode & S_IFMT;
  if (type == S_IFDIR && request.has(O_CREAT)) return Errno{EISDIR};
  if (type != S_IFDIR && request.has(O_DIRECTORY)) return Errno{ENOTDIR};
  if (!call.task.valid()) return Errno{ESRCH};
  if (request.has(O_PATH)) {
    return OpenFile{std::move(file.fd), request.flags & ~O_NOFOLLOW, std::move(file.link)};
  }
  if (type == S_IFLNK) return Errno{ELOOP};
  if (type == S_IFDIR && request.writes()) return Errno{EISDIR};
  const int want = emulate::wanted_access(static_cast<std::uint64_t>(request.flags));
  if (!permits(model, credentials, file, want)) return Errno{EACCES};
  int flags = flags_for_existing(request.flags);
  if (type == S_IFCHR || type == S_IFBLK) {
    // The supervisor's terminal it shall not become.
    if (!call.traced) flags |= O_NOCTTY;
    const struct statx node_status = model.seen(file.status, file.mount);  // as a record says it
    if (model.is_others_terminal(node_status)) return Errno{EACCES};
    const bool is_master =
        is_terminal_master(node_status.stx_rdev_major, node_status.stx_rdev_minor);
    if (!has_record(file)) return OpenFile{std::move(file.fd), flags, {}, is_master};
    const Answer<std::string> node = node_of(call, model.record_of(file.status));
    if (!node) return node.error();
    flags &= ~O_TRUNC;
    return OpenFile{std::move(file.fd), flags, *node, is_master};
  }
  if (request.writes() && is_read_only(file) && type == S_IFREG) return Errno{EROFS};
  if (file.mount != nullptr && file.mount->kind == Mount::Kind::kProc) {
    if (auto reply = open_in_proc(call, model, request, file)) return std::move(*reply);
  }
  std::string link = std::move(file.link);
  if (request.writes() && type == S_IFREG && has_record(file)) {
    const bool was_frozen = model.frozen->holds(file.status);
    const Answer<void> ready = model.frozen->copy_up(model, file, request.has(O_TRUNC));
    if (!ready) return ready.error();
    if (was_frozen) link.clear();  // it leads to the layer's
    if (const int error = drop_privileges_of(model, credentials, file); error != 0) {
      return Errno{error};
    }
  }
  // A pipe, or a file that was removed: in a ptrace stop only the link leads there.
  if (!call.traced || link.empty() || !model.tree.real_path(file.fd).empty()) link.clear();
  return OpenFile{std::move(file.fd), flags, std::move(link)};
}

Reply open_unnamed(const Call& call, Model& model, const emulate::Credentials& credentials,
                   const OpenRequest& request) {
  const Answer<File> directory =
      model.tree.open(call, model, request.dirfd, request.path, Last::kFollow);
  if (!directory) return directory.error();
  if (!S_ISDIR(directory->status.stx_mode)) return Errno{ENOTDIR};
  const Answer<Creation> creation = decide_creation(call, model, credentials, *directory);
  if (!creation) return creation.error();
  const std::uint32_t mode = request.mode & ~creation->mask;
  const std::uint32_t real = real_mode(*creation, mode, false);
  if (call.traced) {
    Rewrite rewrite = rewrite_open(model.tree.real_path(directory->fd), request.flags, real);
    rewrite.after = [&model, creation = *creation, mode](const emulate::Task& task,
                                                         std::int64_t result) -> std::int64_t {
      if (result < 0) return result;
      const std::string name = task.in_proc("fd/" + std::to_string(result));
      const os::UniqueFd file(::openat(task.proc().get(), name.c_str(), O_PATH | O_CLOEXEC));
      if (file.valid()) keep_new(model, creation, file, mode);  // else it is already closed
      return result;
    };
    return rewrite;
  }
  os::UniqueFd file(::openat(directory->fd.get(), ".", request.flags | O_CLOEXEC, real));
  if (!file.valid()) return Errno{errno};
  if (const int error = keep_new(model, *creation, file, mode); error != 0) return Errno{error};
  return NewFd{std::move(file), request.has(O_CLOEXEC)};
}

// nullopt: there is something of that name now.
std::optional<Reply> make_file(const Call& call, Model& model,
                               const emulate::Credentials& credentials, const OpenRequest& request,
                               const Entry& entry) {
  if (entry.slash_at_end) return Errno{EISDIR};
  const Answer<Creation> creation = decide_creation(call, model, credentials, entry);
  if (!creation) {
    return creation.error().number == EEXIST ? std::nullopt
                                             : std::optional<Reply>(creation.error());
  }
  const std::uint32_t mode = request.mode & ~creation->mask;
  if (call.traced && !creation->has_record) {
    return rewrite_open(model.tree.real_path(entry.directory.fd) + "/" + entry.name,
                        request.flags | O_EXCL, request.mode);
  }
  const int flags = (request.flags & ~O_TRUNC) | O_EXCL | O_NOFOLLOW | O_CLOEXEC;
  os::UniqueFd file(::openat(entry.directory.fd.get(), entry.name.c_str(), flags,
                             real_mode(*creation, mode, false)));
  if (!file.valid()) {
    return errno == EEXIST ? std::nullopt : std::optional<Reply>(Errno{errno});
  }
  if (const int error = keep_new(model, *creation, file, mode); error != 0) return Errno{error};
  if (!call.traced) return NewFd{std::move(file), request.has(O_CLOEXEC)};
  Result<os::UniqueFd> place = os::reopen(file, O_PATH);
  if (!place) return Errno{place.error().os_errno};
  return OpenFile{std::move(*place), flags_for_existing(request.flags) & ~O_TRUNC, {}};
}

}  // namespace

Reply answer_open(const Call& call, Model& model) {
  const Answer<OpenRequest> request = decode(call.task);
  if (!request) return request.error();
  const auto credentials = model.credentials(call);
  if (request->has(kTmpfile)) return open_unnamed(call, model, *credentials, *request);
  const bool creates = request->has(O_CREAT);
  const bool exclusive = creates && request->has(O_EXCL);
  const Last last = request->has(O_NOFOLLOW) ? Last::kKeep : Last::kFollow;
  for (int race = 0; race < kMaxRaces; ++race) {
    if (!exclusive) {
      Answer<File> file = model.tree.open(call, model, request->dirfd, request->path, last);
      if (file) return open_existing(call, model, *credentials, *request, std::move(*file));
      if (!creates || file.error().number != ENOENT) return file.error();
    }
    const Answer<Entry> entry =
        exclusive || last == Last::kKeep
            ? model.tree.find_entry(call, model, request->dirfd, request->path)
            : model.tree.follow_entry(call, model, request->dirfd, request->path);
    if (!entry && exclusive) return entry.error();
    if (!entry && entry.error().number != EEXIST) return entry.error();
    if (!entry) continue;
    if (!call.task.valid()) return Errno{ESRCH};
    if (auto reply = make_file(call, model, *credentials, *request, *entry)) {
      return std::move(*reply);
    }
    if (exclusive) return Errno{EEXIST};
  }
  return Errno{ENOENT};
}

}  // namespace lichen::bare
