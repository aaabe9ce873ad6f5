// bind(2), connect(2), sendto(2): the kernel looks up the address of a unix socket itself, in the
// host's view. So the caller's address is replaced by a real and short one.
#include "bare/socket.h"

#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cstdio>
#include <utility>

#include "bare/address.h"
#include "bare/entries.h"
#include "bare/subject.h"
#include "emulate/create.h"

namespace lichen::bare {

namespace {

constexpr mode_t kSocketMode = 0777;

// A socket that bind makes under a temporary name, until it has the right one.
class Binding {
 public:
  Binding(Entry entry, std::string path, std::string temporary)
      : entry_(std::move(entry)), path_(std::move(path)), temporary_(std::move(temporary)) {}
  Binding(const Binding&) = delete;
  Binding& operator=(const Binding&) = delete;
  ~Binding() {  // the caller was killed half-way
    struct stat status {};
    if (is_over_ || ::fstatat(directory(), temporary_.c_str(), &status, AT_SYMLINK_NOFOLLOW) != 0) {
      return;
    }
    if (S_ISSOCK(status.st_mode)) ::unlinkat(directory(), temporary_.c_str(), 0);
  }

  std::string address;  // as the kernel was told
  std::shared_ptr<const ShortPath> parent;
  std::optional<owners::Record> record;  // nullopt: not in the tree
  std::uint32_t mode = 0;

  // After the call; what it returns instead.
  std::int64_t finish(Model& model, std::int64_t result) {
    is_over_ = true;
    if (result != 0) return result;
    if (record && !dress(model)) return discard(ENOMEM);
    if (!rename_into_place()) return discard(errno == EEXIST ? EADDRINUSE : errno);
    model.sockets.remember(address, path_);
    return 0;
  }

 private:
  int directory() const { return entry_.directory.fd.get(); }
  bool dress(Model& model) {
    const os::UniqueFd socket(
        ::openat(directory(), temporary_.c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    return socket.valid() && model.put(socket, *record, mode);
  }
  bool rename_into_place() {
    const char* const from = temporary_.c_str();
    const char* const to = entry_.name.c_str();
    if (::renameat2(directory(), from, directory(), to, RENAME_NOREPLACE) == 0) return true;
    if (errno != EINVAL) return false;
    return ::renameat(directory(), from, directory(), to) == 0;  // NFS has no flags
  }
  std::int64_t discard(int error) {
    ::unlinkat(directory(), temporary_.c_str(), 0);
    return -error;
  }

  Entry entry_;
  std::string path_, temporary_;
  bool is_over_ = false;
};

// 0 or errno: whether a socket may be made there; its owner.
int decide_bind(const Call& call, Model& model, const Entry& entry,
                std::optional<owners::Record>& record) {
  const Answer<struct statx> there = status_of(entry);
  if (there || entry.is_mount) return EADDRINUSE;
  if (there.error().number != ENOENT || entry.slash_at_end) return there.error().number;
  if (is_read_only(entry.directory)) return EROFS;
  if (!has_record(entry.directory)) return 0;
  const auto decided =
      emulate::decide_creation(*model.credentials(call), model.owned(entry.directory));
  if (!decided) return decided.error().number;
  record = *decided;
  return 0;
}

Reply answer_bind(const Call& call, Model& model) {
  const emulate::Task& task = call.task;
  const auto path = read_address(task, task.arg(1), task.word_arg(2));
  if (!path) return Continue{};
  Answer<Entry> entry = entry_of(call, model, AT_FDCWD, *path, EADDRINUSE);
  if (!entry) return entry.error();
  std::optional<owners::Record> record;
  if (const int refused = decide_bind(call, model, *entry, record); refused != 0) {
    return Errno{refused};
  }
  const auto caller = task.status();
  const std::string directory = model.tree.real_path(entry->directory.fd);
  if (!caller || directory.empty()) return Errno{ENOENT};

  std::string temporary;
  do {
    temporary = ".ls" + model.sockets.next_name();
  } while (::faccessat(entry->directory.fd.get(), temporary.c_str(), F_OK, AT_SYMLINK_NOFOLLOW) ==
           0);
  const std::string end = "/" + temporary;
  auto parent = model.sockets.shorten(directory, kMaxSocketPath - end.size());
  if (!parent) return parent.error();
  auto binding = std::make_shared<Binding>(std::move(*entry), *path, std::move(temporary));
  binding->address = (*parent)->path() + end;
  binding->parent = std::move(*parent);
  binding->record = record;
  binding->mode = kSocketMode & ~caller->umask;

  const std::string address = to_sockaddr(binding->address);
  Rewrite rewrite{.nr = SYS_bind};
  rewrite.arguments = {task.arg(0), 0, address.size()};
  rewrite.texts.push_back({.index = 1, .bytes = address});
  rewrite.after = [binding, &model](const emulate::Task&, std::int64_t result) {
    return binding->finish(model, result);
  };
  return rewrite;
}

// connect and sendto: the address is argument `address_arg`, its length the next one.
Reply answer_reach(const Call& call, Model& model, std::size_t address_arg) {
  const emulate::Task& task = call.task;
  const auto path = read_address(task, task.arg(address_arg), task.word_arg(address_arg + 1));
  if (!path) return Continue{};
  const auto there = reach(call, model, *path);
  if (!there) return there.error();
  const std::string address = to_sockaddr((*there)->path());
  Rewrite rewrite{.nr = task.nr(), .arguments = task.arguments()};
  rewrite.arguments[address_arg + 1] = address.size();
  rewrite.texts.push_back({.index = address_arg, .bytes = address});
  // A full backlog makes connect wait, and then it looks again: the path must last.
  rewrite.after = [kept = *there](const emulate::Task&, std::int64_t result) { return result; };
  return rewrite;
}

}  // namespace

std::optional<std::string> read_address(const emulate::Task& task, std::uint64_t address,
                                        std::uint64_t bytes) {
  if (address == 0 || bytes > kMaxAddress) return std::nullopt;
  std::string text(bytes, '\0');
  if (!task.read(address, text.data(), text.size())) return std::nullopt;
  return path_of_address(text);
}

Answer<std::shared_ptr<const ShortPath>> reach(const Call& call, Model& model,
                                               const std::string& path) {
  const Answer<File> file = find(call, model, {.path = path});
  if (!file) return tl::unexpected(file.error());
  if (!permits(model, *model.credentials(call), *file, W_OK)) return refuse(EACCES);
  if (!S_ISSOCK(file->status.stx_mode)) return refuse(ECONNREFUSED);
  const std::string real = model.tree.real_path(file->fd);
  if (real.empty()) return refuse(ECONNREFUSED);
  return model.sockets.shorten(real);
}

Reply answer_socket(const Call& call, Model& model) {
  if (!call.traced) return Errno{ENOSYS};  // nobody else can do it for the caller
  switch (call.task.nr()) {
    case SYS_bind:
      return answer_bind(call, model);
    case SYS_connect:
      return answer_reach(call, model, 1);
    case SYS_sendto:
      return answer_reach(call, model, 4);
    case SYS_sendmsg:
    case SYS_sendmmsg:
      return answer_send_message(call, model);
    case SYS_recvmsg:
      return answer_receive_message(call, model);
    case SYS_getsockname:
    case SYS_getpeername:
    case SYS_accept:
    case SYS_accept4:
      return answer_address(call, model, 1);
    case SYS_recvfrom:
      return answer_address(call, model, 4);
    case SYS_getsockopt:
      return answer_peer(call, model);
    default:
      return Continue{};
  }
}

}  // namespace lichen::bare
