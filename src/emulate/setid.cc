#include "emulate/setid.h"

#include <linux/securebits.h>
#include <sys/syscall.h>

#include <algorithm>
#include <optional>

#include "emulate/model.h"

namespace lichen::emulate {

namespace {

using Call = SetIdRequest::Call;

constexpr std::uint32_t kMaxGroups = 65536;  // NGROUPS_MAX

// What CAP_DAC_OVERRIDE and its like are worth depends on the fs uid.
constexpr CapabilitySet kFileCapabilities =
    capability(CAP_CHOWN) | capability(CAP_MKNOD) | capability(CAP_DAC_OVERRIDE) |
    capability(CAP_DAC_READ_SEARCH) | capability(CAP_FOWNER) | capability(CAP_FSETID) |
    capability(CAP_LINUX_IMMUTABLE) | capability(CAP_MAC_OVERRIDE);

bool is_any(std::uint32_t id, std::uint32_t a, std::uint32_t b, std::uint32_t c) {
  return id == kUnchanged || id == a || id == b || id == c;
}

// New ids, or nothing when `privileged` would have been needed.
std::optional<Ids> change(const SetIdRequest& request, const Ids& old, bool privileged) {
  Ids ids = old;
  switch (request.call) {
    case Call::kId:
      if (privileged) {
        ids.real = ids.saved = request.first;
      } else if (request.first != old.real && request.first != old.saved) {
        return std::nullopt;
      }
      ids.effective = request.first;
      break;
    case Call::kRe:
      if (!privileged && (!is_any(request.first, old.real, old.effective, old.real) ||
                          !is_any(request.second, old.real, old.effective, old.saved))) {
        return std::nullopt;
      }
      if (request.first != kUnchanged) ids.real = request.first;
      if (request.second != kUnchanged) ids.effective = request.second;
      if (request.first != kUnchanged ||
          (request.second != kUnchanged && request.second != old.real)) {
        ids.saved = ids.effective;
      }
      break;
    case Call::kRes:
      for (const std::uint32_t id : {request.first, request.second, request.third}) {
        if (!privileged && !is_any(id, old.real, old.effective, old.saved)) return std::nullopt;
      }
      if (request.first != kUnchanged) ids.real = request.first;
      if (request.second != kUnchanged) ids.effective = request.second;
      if (request.third != kUnchanged) ids.saved = request.third;
      break;
    case Call::kFs:
      if (privileged || is_any(request.first, old.real, old.effective, old.saved)) {
        if (request.first != kUnchanged) ids.fs = request.first;
      }
      return ids;
  }
  ids.fs = ids.effective;
  return ids;
}

// Only user ids carry capabilities with them.
void change_capabilities(const SetIdRequest& request, const Ids& old, Credentials& now) {
  if ((now.securebits & SECBIT_NO_SETUID_FIXUP) != 0) return;
  if (request.call == Call::kFs) {
    if (old.fs == 0 && now.uid.fs != 0) now.caps.effective &= ~kFileCapabilities;
    if (old.fs != 0 && now.uid.fs == 0) {
      now.caps.effective |= now.caps.permitted & kFileCapabilities;
    }
    return;
  }
  const bool was_root = old.real == 0 || old.effective == 0 || old.saved == 0;
  const bool is_root = now.uid.real == 0 || now.uid.effective == 0 || now.uid.saved == 0;
  if (was_root && !is_root) {
    if ((now.securebits & SECBIT_KEEP_CAPS) == 0) {
      now.caps.permitted = now.caps.effective = kNoCapabilities;
    }
    now.caps.ambient = kNoCapabilities;
  }
  if (old.effective == 0 && now.uid.effective != 0) now.caps.effective = kNoCapabilities;
  if (old.effective != 0 && now.uid.effective == 0) now.caps.effective = now.caps.permitted;
}

SetIdRequest decode(const Task& task) {
  const std::uint32_t first = task.word_arg(0), second = task.word_arg(1), third = task.word_arg(2);
  switch (task.nr()) {
    case SYS_setuid:
      return {Call::kId, false, first};
    case SYS_setgid:
      return {Call::kId, true, first};
    case SYS_setreuid:
      return {Call::kRe, false, first, second};
    case SYS_setregid:
      return {Call::kRe, true, first, second};
    case SYS_setresuid:
      return {Call::kRes, false, first, second, third};
    case SYS_setresgid:
      return {Call::kRes, true, first, second, third};
    case SYS_setfsuid:
      return {Call::kFs, false, first};
    default:
      return {Call::kFs, true, first};
  }
}

}  // namespace

Answer<Credentials> decide(const SetIdRequest& request, const Credentials& before) {
  if (request.call == Call::kId && request.first == kUnchanged) return refuse(EINVAL);
  const Ids& old = request.group ? before.gid : before.uid;
  const std::optional<Ids> ids =
      change(request, old, before.capable(request.group ? CAP_SETGID : CAP_SETUID));
  if (!ids) return refuse(EPERM);
  Credentials now = before;
  (request.group ? now.gid : now.uid) = *ids;
  if (!request.group) change_capabilities(request, old, now);
  return now;
}

Reply answer_setid(const Task& task, Model& model) {
  const SetIdRequest request = decode(task);
  std::lock_guard lock(model.credentials.change_mutex());
  const auto before = model.credentials.of(task.tid());
  const Answer<Credentials> now = decide(request, *before);
  if (!now) return now.error();
  if (*now != *before && (!task.valid() || !model.credentials.set(task.tid(), *now))) {
    return Errno{EAGAIN};
  }
  if (request.call != Call::kFs) return Value{0};
  return Value{request.group ? before->gid.fs : before->uid.fs};
}

Reply answer_setgroups(const Task& task, Model& model) {
  std::lock_guard lock(model.credentials.change_mutex());
  const auto before = model.credentials.of(task.tid());
  if (!before->capable(CAP_SETGID)) return Errno{EPERM};
  const std::uint32_t count = task.word_arg(0);
  if (count > kMaxGroups) return Errno{EINVAL};
  Credentials now = *before;
  now.groups.assign(count, 0);
  if (count != 0 && !task.read(task.arg(1), now.groups.data(), count * sizeof(std::uint32_t))) {
    return Errno{EFAULT};
  }
  if (std::find(now.groups.begin(), now.groups.end(), kUnchanged) != now.groups.end()) {
    return Errno{EINVAL};
  }
  std::sort(now.groups.begin(), now.groups.end());
  if (now != *before && (!task.valid() || !model.credentials.set(task.tid(), now))) {
    return Errno{ENOMEM};
  }
  return Value{0};
}

}  // namespace lichen::emulate
