#include "emulate/exec.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/statvfs.h>
#include <sys/syscall.h>
#include <sys/xattr.h>
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

// Not valid when it is not a file that could be run.
os::UniqueFd open_to_read(const Task& task, const os::UniqueFd& file) {
  // The O_PATH descriptor says that this is a regular file, so opening it does not wait.
  return os::UniqueFd(::openat(task.proc().get(), ("self/fd/" + std::to_string(file.get())).c_str(),
                               O_RDONLY | O_NONBLOCK | O_CLOEXEC));
}

std::string read_head(const os::UniqueFd& readable) {
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

// Root gains nothing by a file's capabilities that it does not have, and saves the look.
bool gains_by_files(const Credentials& credentials) {
  return credentials.uid.real != 0 || credentials.uid.effective != 0 ||
         (credentials.securebits & SECBIT_NOROOT) != 0;
}

std::optional<FileCapabilities> capabilities_of(const Model& model, const struct statx& status,
                                                const os::UniqueFd& readable) {
  const auto record = model.files.find(status);
  if (record && !record->capability.empty()) return parse_file_capabilities(record->capability);
  char bytes[64];
  const ssize_t size = ::fgetxattr(readable.get(), "security.capability", bytes, sizeof bytes);
  if (size <= 0) return std::nullopt;
  return parse_file_capabilities({bytes, static_cast<std::size_t>(size)});
}

struct Found {
  os::UniqueFd file;  // what is loaded
  Owned owned;
  std::optional<FileCapabilities> capabilities;
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
    const os::UniqueFd readable = open_to_read(task, file);
    const std::string head = read_head(readable);
    if (is_binary(head)) {
      std::optional<FileCapabilities> caps;
      if (gains_by_files(credentials)) caps = capabilities_of(model, *status, readable);
      return Found{std::move(file), seen, caps};
    }
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

std::optional<FileCapabilities> parse_file_capabilities(std::string_view xattr) {
  const auto word = [&](std::size_t index) {
    std::uint32_t little = 0;
    for (std::size_t byte = 4; byte-- > 0;) {
      little = little << 8 | static_cast<unsigned char>(xattr[4 * index + byte]);
    }
    return little;
  };
  if (xattr.size() < sizeof(std::uint32_t)) return std::nullopt;
  const std::uint32_t magic = word(0), revision = magic & VFS_CAP_REVISION_MASK;
  const bool wide = (revision == VFS_CAP_REVISION_2 && xattr.size() == XATTR_CAPS_SZ_2) ||
                    (revision == VFS_CAP_REVISION_3 && xattr.size() == XATTR_CAPS_SZ_3);
  if (!wide && (revision != VFS_CAP_REVISION_1 || xattr.size() != XATTR_CAPS_SZ_1)) {
    return std::nullopt;
  }
  FileCapabilities caps{.permitted = word(1), .inheritable = word(2)};
  if (wide) {
    caps.permitted |= CapabilitySet{word(3)} << 32;
    caps.inheritable |= CapabilitySet{word(4)} << 32;
  }
  caps.permitted &= kAllCapabilities;
  caps.inheritable &= kAllCapabilities;
  caps.effective = (magic & VFS_CAP_FLAGS_EFFECTIVE) != 0;
  return caps;
}

namespace {

CapabilitySet gained(const FileCapabilities& file, const Capabilities& before) {
  return (file.permitted & before.bounding) | (file.inheritable & before.inheritable);
}

}  // namespace

bool lacks_capabilities(const ExecRequest& request, const Credentials& before) {
  if (!request.honours_ids || !request.capabilities || !request.capabilities->effective) {
    return false;
  }
  return (request.capabilities->permitted & ~gained(*request.capabilities, before.caps)) != 0;
}

Credentials decide(const ExecRequest& request, const Credentials& before) {
  Credentials now = before;
  const std::uint32_t mode = request.honours_ids ? request.file.mode : 0;
  if ((mode & S_ISUID) != 0) now.uid.effective = request.file.uid;
  if ((mode & (S_ISGID | S_IXGRP)) == (S_ISGID | S_IXGRP)) now.gid.effective = request.file.gid;
  const bool changed =
      now.uid.effective != before.uid.effective || now.gid.effective != before.gid.effective;
  now.uid.saved = now.uid.fs = now.uid.effective;
  now.gid.saved = now.gid.fs = now.gid.effective;

  const bool has_caps = request.honours_ids && request.capabilities.has_value();
  const FileCapabilities file = has_caps ? *request.capabilities : FileCapabilities{};
  Capabilities& caps = now.caps;
  caps.permitted = gained(file, caps);
  bool in_effect = file.effective;
  // A setuid-root program that has capabilities of its own gets those, and not all.
  const bool only_its_own = has_caps && now.uid.real != 0 && now.uid.effective == 0;
  const bool root_is_special = (now.securebits & SECBIT_NOROOT) == 0;
  if (root_is_special && !only_its_own && (now.uid.real == 0 || now.uid.effective == 0)) {
    caps.permitted = caps.inheritable | caps.bounding;
    in_effect = in_effect || now.uid.effective == 0;
  }
  if (changed || has_caps) caps.ambient = kNoCapabilities;
  caps.permitted |= caps.ambient;
  caps.effective = in_effect ? caps.permitted : caps.ambient;
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
  request.capabilities = (*found)->capabilities;
  if ((request.file.mode & kSetIds) != 0 || request.capabilities) {
    request.honours_ids = honours_ids(task, (*found)->file);
  }

  std::lock_guard lock(model.credentials.change_mutex());
  const auto before = model.credentials.of(task.tid());
  if (lacks_capabilities(request, *before)) return Errno{EPERM};
  const Credentials now = decide(request, *before);
  if (now != *before && (!task.valid() || !model.credentials.set(task.tid(), now))) {
    return Errno{ENOMEM};
  }
  return Continue{};
}

}  // namespace lichen::emulate
