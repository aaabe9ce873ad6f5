#include "emulate/exec.h"

#include <fcntl.h>
#include <linux/securebits.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mutex>
#include <string_view>

#include "emulate/model.h"
#include "emulate/place.h"

namespace lichen::emulate {

namespace {

constexpr int kMaxInterpreters = 5;      // a script of a script of …, as in the kernel
constexpr std::size_t kHeadBytes = 256;  // BINPRM_BUF_SIZE
constexpr std::uint32_t kSetIds = S_ISUID | S_ISGID;

struct Program {
  int dirfd = AT_FDCWD;
  std::string path;
  Last last = Last::kFollow;
};

std::optional<Program> decode(const Task& task) {
  Program program;
  const bool at = task.nr() == SYS_execveat;
  Answer<std::string> path = task.read_path(task.arg(at ? 1 : 0));
  if (!path) return std::nullopt;
  program.path = std::move(*path);
  if (at) {
    program.dirfd = task.int_arg(0);
    const int flags = task.int_arg(4);
    if ((flags & AT_SYMLINK_NOFOLLOW) != 0) program.last = Last::kKeep;
    if (program.path.empty() && (flags & AT_EMPTY_PATH) != 0) return program;
  }
  if (program.path.empty()) return std::nullopt;
  return program;
}

// The first bytes; "" when it is not a file that could be run.
std::string read_head(const Task& task, const os::UniqueFd& file) {
  // The O_PATH descriptor says that this is a regular file, so opening it does not wait.
  const os::UniqueFd readable(::openat(task.proc().get(),
                                       ("self/fd/" + std::to_string(file.get())).c_str(),
                                       O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!readable.valid()) return {};
  std::string head(kHeadBytes, '\0');
  const ssize_t bytes = ::pread(readable.get(), head.data(), head.size(), 0);
  head.resize(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  return head;
}

// "#! /bin/sh -e\n" -> "/bin/sh"; "" when it is no script.
std::string interpreter(std::string_view head) {
  if (head.substr(0, 2) != "#!") return {};
  head.remove_prefix(2);
  head = head.substr(0, head.find('\n'));
  const std::size_t start = head.find_first_not_of(" \t");
  if (start == head.npos) return {};
  head.remove_prefix(start);
  return std::string(head.substr(0, head.find_first_of(std::string_view(" \t\0", 3))));
}

bool is_binary(std::string_view head) {
  return head.substr(0, 4) ==
         "\x7f"
         "ELF";
}

struct Found {
  os::UniqueFd file;  // what is loaded
  Owned owned;
};

// nullopt: the call will fail, or the kernel knows formats that we do not. Errno: the model says
// no.
Answer<std::optional<Found>> find(const Task& task, const Model& model,
                                  const Credentials& credentials, Program program) {
  for (int depth = 0; depth < kMaxInterpreters; ++depth) {
    os::UniqueFd file = open_path(task, credentials, program.dirfd, program.path, program.last);
    if (!file.valid()) return std::nullopt;
    const auto status = status_of(file);
    if (!status || !S_ISREG(status->stx_mode)) return std::nullopt;
    const Owned seen = owned(model.files, *status);
    if (!permits(credentials, seen, X_OK)) return refuse(EACCES);
    const std::string head = read_head(task, file);
    if (is_binary(head)) return Found{std::move(file), seen};
    program = {.path = interpreter(head)};
    if (program.path.empty()) return std::nullopt;
  }
  return std::nullopt;
}

bool honours_ids(const Task& task, const os::UniqueFd& file) {
  struct statvfs mount {};
  if (::fstatvfs(file.get(), &mount) != 0 || (mount.f_flag & ST_NOSUID) != 0) return false;
  const auto status = task.status();
  return status && !status->no_new_privileges;
}

}  // namespace

Credentials decide(const ExecRequest& request, const Credentials& before) {
  Credentials now = before;
  const std::uint32_t mode = request.honours_ids ? request.file.mode : 0;
  if ((mode & S_ISUID) != 0) now.uid.effective = request.file.uid;
  if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)) now.gid.effective = request.file.gid;
  const bool changed =
      now.uid.effective != before.uid.effective || now.gid.effective != before.gid.effective;
  now.uid.saved = now.uid.fs = now.uid.effective;
  now.gid.saved = now.gid.fs = now.gid.effective;

  Capabilities& caps = now.caps;
  if (changed) caps.ambient = kNoCapabilities;
  caps.permitted = caps.effective = caps.ambient;
  const bool root_is_special = (now.securebits & SECBIT_NOROOT) == 0;
  if (root_is_special && (now.uid.real == 0 || now.uid.effective == 0)) {
    caps.permitted |= caps.inheritable | caps.bounding;
    if (now.uid.effective == 0) caps.effective = caps.permitted;
  }
  now.securebits &= ~static_cast<std::uint32_t>(SECBIT_KEEP_CAPS);
  return now;
}

Reply answer_exec(const Task& task, Model& model) {
  const std::optional<Program> program = decode(task);
  if (!program) return Continue{};
  const auto credentials = model.credentials.of(task.tid());
  const Answer<std::optional<Found>> found = find(task, model, *credentials, *program);
  if (!found) return found.error();
  if (!*found) return Continue{};
  ExecRequest request{.file = (*found)->owned, .honours_ids = false};
  if ((request.file.mode & kSetIds) != 0) request.honours_ids = honours_ids(task, (*found)->file);

  std::lock_guard lock(model.credentials.change_mutex());
  const auto before = model.credentials.of(task.tid());
  const Credentials now = decide(request, *before);
  if (now != *before && (!task.valid() || !model.credentials.set(task.tid(), now))) {
    return Errno{ENOMEM};
  }
  return Continue{};
}

}  // namespace lichen::emulate
