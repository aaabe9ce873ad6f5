// readlink(2). The links of /proc say where files really are: that is said in the step's view.
#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include "bare/model.h"
#include "bare/path.h"

namespace lichen::bare {

namespace {

constexpr std::string_view kDeleted = " (deleted)";

// Of a link below /proc, by its real path there: its true text, in the step's view.
std::string text_in_proc(const Call& call, const Model& model, std::string_view in_proc,
                         std::string text, const std::string& own_root) {
  if (in_proc == "/self" || in_proc == "/thread-self") {
    const auto caller = call.task.status();
    const std::string process = std::to_string(caller ? caller->process : call.task.tid());
    return in_proc == "/self" ? process : process + "/task/" + std::to_string(call.task.tid());
  }
  const Magic magic = magic_of(in_proc);
  if (magic == Magic::kNone) return text;
  if (magic == Magic::kExe) return executable_of(model, process_of(in_proc));
  if (magic == Magic::kRoot) {
    text = model.roots.path(model.root.credentials.of(process_of(in_proc))->root_number);
  } else {
    if (text.empty() || text.front() != '/') return text;  // "pipe:[1]"
    std::string_view real = text;
    const bool is_deleted =
        real.size() > kDeleted.size() && real.substr(real.size() - kDeleted.size()) == kDeleted;
    if (is_deleted) real.remove_suffix(kDeleted.size());
    const auto seen = model.tree.seen_as(real);
    if (!seen) return text;
    text = *seen + std::string(is_deleted ? kDeleted : "");
  }
  if (const auto rest = beneath(text, own_root)) text = std::string(*rest);
  return text.empty() ? "/" : text;
}

}  // namespace

Reply answer_readlink(const Call& call, Model& model) {
  const std::size_t first = call.task.nr() == SYS_readlinkat ? 1 : 0;
  const int dirfd = first == 1 ? call.task.int_arg(0) : AT_FDCWD;
  const int size = call.task.int_arg(first + 2);
  if (size <= 0) return Errno{EINVAL};
  const Answer<std::string> path = call.task.read_path(call.task.arg(first));
  if (!path) return path.error();
  if (path->empty() && dirfd == AT_FDCWD) return Errno{ENOENT};
  const Answer<File> file = model.tree.open(call, model, dirfd, *path, Last::kKeep);
  if (!file) return file.error();
  if (!S_ISLNK(file->status.stx_mode)) return Errno{path->empty() ? ENOENT : EINVAL};
  std::array<char, 4096> target{};
  const ssize_t bytes = ::readlinkat(file->fd.get(), "", target.data(), target.size());
  if (bytes < 0) return Errno{errno};
  std::string text(target.data(), static_cast<std::size_t>(bytes));
  if (file->mount != nullptr && file->mount->kind == Mount::Kind::kProc) {
    const std::string real = model.tree.real_path(file->fd);
    const auto who = model.who_looks(call);
    const std::string own_root = who ? model.roots.path(who->root_number) : std::string();
    if (const auto in_proc = beneath(real, file->mount->source)) {
      text = text_in_proc(call, model, *in_proc, std::move(text), own_root);
    }
    if (text.empty()) return Errno{ENOENT};
  }
  const std::size_t length = std::min(text.size(), static_cast<std::size_t>(size));
  if (!call.task.write(call.task.arg(first + 1), text.data(), length)) return Errno{EFAULT};
  return Value{static_cast<std::int64_t>(length)};
}

}  // namespace lichen::bare
