// chown(2) and its kin: owners are records only.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "bare/subject.h"
#include "emulate/chown.h"

namespace lichen::bare {

namespace {

constexpr std::uint32_t kSame = 0xffffffff;

struct OwnerRequest {
  Subject subject;
  emulate::Ownership wanted;
};

Answer<OwnerRequest> decode(const emulate::Task& task) {
  if (task.nr() == SYS_fchown) {
    return OwnerRequest{held(task.int_arg(0)), {task.word_arg(1), task.word_arg(2)}};
  }
  const bool at = task.nr() == SYS_fchownat;
  const std::size_t path_arg = at ? 1 : 0;
  int flags = at ? task.int_arg(4) : 0;
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return refuse(EINVAL);
#ifdef __x86_64__
  if (task.nr() == SYS_lchown) flags = AT_SYMLINK_NOFOLLOW;
#endif
  Answer<Subject> subject = named(task, at ? task.int_arg(0) : AT_FDCWD, task.arg(path_arg), flags);
  if (!subject) return tl::unexpected(subject.error());
  return OwnerRequest{std::move(*subject),
                      {task.word_arg(path_arg + 1), task.word_arg(path_arg + 2)}};
}

// A volume's file: the kernel is asked for what it can know of, our own ids.
Reply change_really(const Model& model, const File& file, const emulate::Ownership& wanted) {
  const uid_t uid = wanted.uid == 0 ? model.uid : wanted.uid;
  const gid_t gid = wanted.gid == 0 ? model.gid : wanted.gid;
  if (::fchownat(file.fd.get(), "", uid, gid, AT_EMPTY_PATH) != 0) return Errno{errno};
  return Value{0};
}

}  // namespace

Reply answer_owner(const Call& call, Model& model) {
  const Answer<OwnerRequest> request = decode(call.task);
  if (!request) return request.error();
  Answer<File> file = find(call, model, request->subject);
  if (!file) return file.error();
  if (is_read_only(*file)) return Errno{EROFS};
  if (!has_record(*file)) return change_really(model, *file, request->wanted);

  const auto credentials = model.credentials(call);
  if (const auto now = renew(model, *file); !now) return now.error();
  const emulate::Owned before = model.owned(*file);
  const auto after = emulate::decide(request->wanted, *credentials, before);
  if (!after) return after.error();
  if (const auto copied = model.frozen->copy_up(model, *file); !copied) return copied.error();

  owners::Record record = model.record_of(file->status);
  std::uint32_t mode = before.mode & 07777;
  if (!S_ISDIR(before.mode)) drop_privileges(record, mode, *credentials);
  if (after->uid != kSame) record.uid = after->uid;
  if (after->gid != kSame) record.gid = after->gid;
  const auto kept = keep(model, *file, record, mode);
  return kept ? Reply{Value{0}} : Reply{kept.error()};
}

}  // namespace lichen::bare
