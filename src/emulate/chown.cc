#include "emulate/chown.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "emulate/copy_up.h"
#include "emulate/model.h"
#include "emulate/place.h"

namespace lichen::emulate {

namespace {

constexpr std::uint32_t kSame = 0xffffffff;

struct ChownRequest {
  int dirfd = AT_FDCWD;
  std::string path;
  bool descriptor = false;  // dirfd itself
  Last last = Last::kFollow;
  Ownership wanted;
};

Answer<ChownRequest> decode(const Task& task) {
  ChownRequest request;
  if (task.nr() == SYS_fchown) {
    request.dirfd = task.int_arg(0);
    request.descriptor = true;
    request.wanted = {task.word_arg(1), task.word_arg(2)};
    return request;
  }
  const bool at = task.nr() == SYS_fchownat;
  const int path_arg = at ? 1 : 0;
  Answer<std::string> path = task.read_path(task.arg(path_arg));
  if (!path) return tl::unexpected(path.error());
  request.path = std::move(*path);
  request.wanted = {task.word_arg(path_arg + 1), task.word_arg(path_arg + 2)};
  if (at) {
    const int flags = task.int_arg(4);
    if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return refuse(EINVAL);
    request.dirfd = task.int_arg(0);
    if ((flags & AT_SYMLINK_NOFOLLOW) != 0) request.last = Last::kKeep;
    if (request.path.empty()) {
      if ((flags & AT_EMPTY_PATH) == 0) return refuse(ENOENT);
      request.descriptor = true;
    }
    return request;
  }
#ifdef __x86_64__
  if (task.nr() == SYS_lchown) request.last = Last::kKeep;
#endif
  if (request.path.empty()) return refuse(ENOENT);
  return request;
}

// 0 or errno. The kernel's own chown brings all of the side effects: setuid bits and file
// capabilities dropped, ctime, copy-up, EROFS.
int chown_file(const os::UniqueFd& file, std::uint32_t uid, std::uint32_t gid) {
  return ::fchownat(file.get(), "", uid, gid, AT_EMPTY_PATH) == 0 ? 0 : errno;
}

Reply apply_full(const Task& task, Model& model, const ChownRequest& request,
                 const os::UniqueFd& file, const struct statx& before) {
  const auto credentials = model.credentials.of(task.tid());
  owners::Record record = model.files.find(before).value_or(
      owners::Record{.uid = before.stx_uid, .gid = before.stx_gid});
  const Answer<Ownership> after =
      decide(request.wanted, *credentials, {record.uid, record.gid, before.stx_mode});
  if (!after) return after.error();
  if (!credentials->capable(CAP_DAC_OVERRIDE) && !request.descriptor) {
    const os::UniqueFd parent = open_path(task, *credentials, request.dirfd,
                                          split_last(request.path).parent, Last::kFollow);
    if (parent.valid() && !may_search(task, model.files, *credentials, parent,
                                      start_of(task, request.dirfd, request.path))) {
      return Errno{EACCES};
    }
  }
  const int failure = chown_file(file, request.wanted.uid == kSame ? kSame : 0,
                                 request.wanted.gid == kSame ? kSame : 0);
  if (failure != 0) return Errno{failure};
  const auto now = status_of(file);  // copied up perhaps: another birth time
  record.uid = after->uid;
  record.gid = after->gid;
  if (!now || !put_copied(task, model, file, *now, record)) return Errno{ENOMEM};
  return Value{0};
}

// Only ids beyond the map come here, or -1. The kernel gets a mark for them, by which finish()
// knows that no later chown, which nobody tells us about, replaced them.
Reply apply_devices(const Task& task, Model& model, const ChownRequest& request,
                    const os::UniqueFd& file, const struct statx& before) {
  const Ownership& wanted = request.wanted;
  const Ownership told{mapped(wanted.uid, model.map_size), mapped(wanted.gid, model.map_size)};
  if (told == wanted) return Continue{};
  const auto status = task.status();
  if (!status || (status->effective & capability(CAP_CHOWN)) == 0) return Errno{EPERM};
  const int failure = chown_file(file, told.uid, told.gid);
  if (failure != 0) return Errno{failure};
  const auto now = status_of(file);
  if (!now) return Errno{EIO};
  owners::Record record = model.record_of(before).value_or(
      owners::Record{.uid = before.stx_uid, .gid = before.stx_gid});
  if (wanted.uid != kSame) record.uid = wanted.uid;
  if (wanted.gid != kSame) record.gid = wanted.gid;
  return model.files.put(*now, record) ? Reply{Value{0}} : Reply{Errno{ENOMEM}};
}

}  // namespace

Answer<Ownership> decide(const Ownership& wanted, const Credentials& credentials,
                         const Owned& file) {
  const Ownership after{wanted.uid == kSame ? file.uid : wanted.uid,
                        wanted.gid == kSame ? file.gid : wanted.gid};
  if (credentials.capable(CAP_CHOWN)) return after;
  // An owner may name himself, and any group that he is in.
  const bool is_owner = credentials.uid.fs == file.uid;
  if (wanted.uid != kSame && (!is_owner || wanted.uid != file.uid)) return refuse(EPERM);
  if (wanted.gid != kSame &&
      (!is_owner || (wanted.gid != file.gid && !credentials.in_group(wanted.gid)))) {
    return refuse(EPERM);
  }
  return after;
}

std::uint32_t mapped(std::uint32_t id, std::uint32_t map_size) {
  return id == kSame || id < map_size ? id : unmapped_mark(map_size);
}

owners::Record at_ids(owners::Record record, const struct statx& status, std::uint32_t map_size) {
  const std::uint32_t mark = unmapped_mark(map_size);
  if (status.stx_uid != mark) record.uid = status.stx_uid;
  if (status.stx_gid != mark) record.gid = status.stx_gid;
  return record;
}

Reply answer_chown(const Task& task, Model& model) {
  const Answer<ChownRequest> request = decode(task);
  if (!request) return request.error();
  const bool full = model.profile != Profile::kDevices;
  const auto credentials = full ? model.credentials.of(task.tid()) : model.who_looks(task);
  const os::UniqueFd file = open_path(task, *credentials, request->dirfd, request->path,
                                      request->descriptor ? Last::kFollow : request->last);
  if (!file.valid() || !task.valid()) return Continue{};
  const auto before = status_of(file);
  if (!before) return Continue{};
  return full ? apply_full(task, model, *request, file, *before)
              : apply_devices(task, model, *request, file, *before);
}

}  // namespace lichen::emulate
