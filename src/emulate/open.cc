// Opens that may create a file (or, for a step of another user than root, that may write to one).
#include <fcntl.h>
#include <linux/openat2.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>

#include "emulate/create.h"
#include "emulate/device.h"

namespace lichen::emulate {

namespace {

constexpr int kMaxLinks = 40;                    // as the kernel follows
constexpr std::uint64_t kTmpfile = 020'000'000;  // O_TMPFILE without its O_DIRECTORY
constexpr std::size_t kMaxHowBytes = 4096;       // the kernel takes no more than a page

struct OpenRequest {
  int dirfd = AT_FDCWD;
  std::string path;
  open_how how{};
};

Answer<open_how> read_how(const Task& task, std::uint64_t address, std::uint64_t bytes) {
  open_how how{};
  if (bytes < sizeof how || bytes > kMaxHowBytes) return refuse(EINVAL);
  if (!task.read(address, &how, sizeof how)) return refuse(EFAULT);
  return how;
}

Answer<OpenRequest> decode(const Task& task) {
  OpenRequest request;
  std::uint64_t path = 0;
  switch (task.nr()) {
    case SYS_openat:
      request.dirfd = task.int_arg(0);
      path = task.arg(1);
      request.how.flags = task.word_arg(2);
      request.how.mode = task.word_arg(3) & 07777;
      break;
    case SYS_openat2: {
      request.dirfd = task.int_arg(0);
      path = task.arg(1);
      const Answer<open_how> how = read_how(task, task.arg(2), task.arg(3));
      if (!how) return tl::unexpected(how.error());
      request.how = *how;
      break;
    }
#ifdef __x86_64__
    case SYS_open:
      path = task.arg(0);
      request.how.flags = task.word_arg(1);
      request.how.mode = task.word_arg(2) & 07777;
      break;
    case SYS_creat:
      path = task.arg(0);
      request.how.flags = O_CREAT | O_WRONLY | O_TRUNC;
      request.how.mode = task.word_arg(1) & 07777;
      break;
#endif
    default:
      return refuse(ENOSYS);
  }
  Answer<std::string> text = task.read_path(path);
  if (!text) return tl::unexpected(text.error());
  request.path = std::move(*text);
  return request;
}

NewFd give(os::UniqueFd file, std::uint64_t flags) {
  return {std::move(file), (flags & O_CLOEXEC) != 0};
}

// An existing file: the kernel opens it, unless permissions of the model forbid that.
Reply open_existing(const Task& task, const Model& model, const Credentials& credentials,
                    const OpenRequest& request, const os::UniqueFd& file) {
  if (credentials.capable(CAP_DAC_OVERRIDE)) return Continue{};
  const auto status = status_of(file);
  if (!status || !is_judged(*status) || S_ISLNK(status->stx_mode)) return Continue{};
  if (!permits(credentials, owned(model.files, *status), wanted_access(request.how.flags))) {
    return Errno{EACCES};
  }
  const auto parent = find_parent(task, credentials, request.dirfd, request.path);
  if (parent && !may_search(task, model.files, credentials, parent->directory,
                            start_of(task, request.dirfd, request.path))) {
    return Errno{EACCES};
  }
  return Continue{};
}

Reply open_tmpfile(const Task& task, Model& model, const Credentials& credentials,
                   const OpenRequest& request) {
  Parent parent;
  parent.directory = open_place(
      locate(task, credentials, request.dirfd, request.path, Last::kFollow, request.how.resolve),
      O_PATH | O_DIRECTORY);
  if (!parent.directory.valid() || !task.valid()) return Continue{};
  const auto record = owner_of_new(task, model, credentials, parent, request.dirfd, request.path);
  if (!record) return record.error();
  const auto caller = task.status();
  if (record->is_default() || !caller) return Continue{};
  os::UniqueFd file;
  {
    const ThreadUmask umask(caller->umask);
    file = os::UniqueFd(::openat(parent.directory.get(), ".",
                                 static_cast<int>(request.how.flags | O_CLOEXEC),
                                 static_cast<mode_t>(request.how.mode)));
  }
  if (!file.valid()) return Errno{errno};
  const auto made = status_of(file);
  if (!made || !model.files.put(*made, *record)) return Errno{ENOMEM};
  return give(std::move(file), request.how.flags);
}

// It makes nothing, which its arguments say without a look at the caller's memory.
bool only_writes(const Task& task) {
  switch (task.nr()) {
    case SYS_openat:
      return (task.arg(2) & (O_CREAT | kTmpfile)) == 0;
#ifdef __x86_64__
    case SYS_open:
      return (task.arg(1) & (O_CREAT | kTmpfile)) == 0;
#endif
    default:
      return false;
  }
}

// nullopt: no device, or there is none that anybody could open.
std::optional<Reply> open_if_device(const Task& task, const Model& model,
                                    const Credentials& credentials, const OpenRequest& request) {
  if (!model.files.any_devices()) return std::nullopt;
  const std::uint64_t flags = request.how.flags;
  const Last last = (flags & O_NOFOLLOW) != 0 || (flags & (O_CREAT | O_EXCL)) == (O_CREAT | O_EXCL)
                        ? Last::kKeep
                        : Last::kFollow;
  const os::UniqueFd file = request.how.resolve == 0
                                ? open_path(task, credentials, request.dirfd, request.path, last)
                                : open_place(locate(task, credentials, request.dirfd, request.path,
                                                    last, request.how.resolve),
                                             O_PATH);
  if (!file.valid() || !task.valid()) return std::nullopt;
  return open_device(task, model, credentials, file, flags);
}

// At tier ids the kernel knows who calls.
Reply open_at_ids(const Task& task, const Model& model) {
  if (!model.files.any_devices()) return Continue{};
  const Answer<OpenRequest> request = decode(task);
  if (!request) return Continue{};
  const auto caller = task.status();
  if (!caller) return Continue{};
  Credentials credentials = credentials_of(caller->fs_uid, caller->fs_gid, {});
  credentials.caps.effective = caller->effective;
  credentials.own_root = model.who_looks(task)->own_root;
  auto reply = open_if_device(task, model, credentials, *request);
  // The group may let it in after all: then it gets the placeholder, and else the kernel's EACCES.
  const auto* refused = reply ? std::get_if<Errno>(&*reply) : nullptr;
  if (!reply || (refused != nullptr && refused->number == EACCES)) return Continue{};
  return std::move(*reply);
}

// nullopt: it exists, perhaps as a symlink.
std::optional<Reply> create(const Task& task, Model& model, const Credentials& credentials,
                            const OpenRequest& request, const Parent& parent, bool& is_link) {
  const bool exclusive = (request.how.flags & O_EXCL) != 0;
  const auto there = status_of(parent.directory, parent.name);
  is_link = there && S_ISLNK(there->stx_mode);
  if (there) return exclusive ? std::optional<Reply>(Continue{}) : std::nullopt;
  const auto record = owner_of_new(task, model, credentials, parent, request.dirfd, request.path);
  if (!record) return record.error();
  const auto caller = task.status();
  if (record->is_default() || !caller) return Continue{};
  os::UniqueFd file;
  {
    const ThreadUmask umask(caller->umask);
    const std::uint64_t flags = (request.how.flags & ~std::uint64_t{O_TRUNC}) | O_EXCL | O_CLOEXEC;
    file = os::UniqueFd(::openat(parent.directory.get(), parent.name.c_str(),
                                 static_cast<int>(flags), static_cast<mode_t>(request.how.mode)));
  }
  if (!file.valid()) {
    if (errno == EEXIST && !exclusive) return std::nullopt;
    return Errno{errno};
  }
  const auto made = status_of(file);
  if (!made || !model.files.put(*made, *record)) return Errno{ENOMEM};
  return give(std::move(file), request.how.flags);
}

std::string link_target(const Parent& parent) {
  std::string target(4096, '\0');
  const ssize_t bytes =
      ::readlinkat(parent.directory.get(), parent.name.c_str(), target.data(), target.size());
  target.resize(bytes > 0 ? static_cast<std::size_t>(bytes) : 0);
  return target;
}

}  // namespace

Reply answer_open(const Task& task, Model& model) {
  if (model.profile == Profile::kDevices) return open_at_ids(task, model);
  const auto credentials = model.credentials.of(task.tid());
  const bool is_root = credentials->capable(CAP_DAC_OVERRIDE);
  if (is_root && only_writes(task) && !model.files.any_devices()) return Continue{};
  Answer<OpenRequest> decoded = decode(task);
  if (!decoded) return Continue{};
  OpenRequest request = std::move(*decoded);
  const std::uint64_t flags = request.how.flags;
  if ((flags & O_PATH) != 0) return Continue{};
  if (auto reply = open_if_device(task, model, *credentials, request)) return std::move(*reply);
  if ((flags & kTmpfile) != 0) return open_tmpfile(task, model, *credentials, request);

  const bool follow = (flags & (O_NOFOLLOW | O_EXCL)) == 0;
  for (int links = 0; (flags & O_CREAT) != 0 && links < kMaxLinks; ++links) {
    const auto parent =
        find_parent(task, *credentials, request.dirfd, request.path, request.how.resolve);
    if (!parent || parent->slash_at_end) return Continue{};
    bool is_link = false;
    if (auto reply = create(task, model, *credentials, request, *parent, is_link)) {
      return std::move(*reply);
    }
    const std::string target = follow && is_link ? link_target(*parent) : std::string();
    // A symlink may dangle, and then its target is what is made. Only plain lookups are followed
    // here; RESOLVE_* callers get the kernel's answer.
    if (target.empty() || request.how.resolve != 0) break;
    request.path = target.front() == '/' ? target : split_last(request.path).parent + "/" + target;
  }
  if (is_root) return Continue{};
  const Place place = locate(task, *credentials, request.dirfd, request.path,
                             follow ? Last::kFollow : Last::kKeep, request.how.resolve);
  const os::UniqueFd file = open_place(place, O_PATH);
  if (!file.valid() || !task.valid()) return Continue{};
  return open_existing(task, model, *credentials, request, file);
}

}  // namespace lichen::emulate
