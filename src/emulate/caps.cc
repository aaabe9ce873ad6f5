#include "emulate/caps.h"

#include <linux/capability.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <mutex>

#include "emulate/model.h"

namespace lichen::emulate {

namespace {

// How many 32-bit words the sets have in a version of the interface; 0: unknown version.
int words_of(std::uint32_t version) {
  switch (version) {
    case _LINUX_CAPABILITY_VERSION_1:
      return 1;
    case _LINUX_CAPABILITY_VERSION_2:
    case _LINUX_CAPABILITY_VERSION_3:
      return 2;
    default:
      return 0;
  }
}

using Sets = __user_cap_data_struct[2];

CapabilitySet join(std::uint32_t low, std::uint32_t high) {
  return (low | static_cast<CapabilitySet>(high) << 32) & kAllCapabilities;
}

// What the step has at most: as the kernel says it of the task, where it knows.
CapabilitySet most_of(const Model& model, pid_t tid) {
  if (model.most) return *model.most;
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, tid};
  Sets sets{};
  if (::syscall(SYS_capget, &header, sets) != 0) return kAllCapabilities;
  return join(sets[0].permitted, sets[1].permitted);
}

// The header of a call about the caller itself; nothing when the kernel should answer: another
// process, a version that only it knows, a bad address.
std::optional<__user_cap_header_struct> read_header(const Task& task) {
  __user_cap_header_struct header{};
  if (!task.read(task.arg(0), &header, sizeof header)) return std::nullopt;
  if (words_of(header.version) == 0) return std::nullopt;
  if (header.pid == 0) return header;
  const auto status = task.status();
  if (!status || header.pid != status->innermost_process) return std::nullopt;
  return header;
}

}  // namespace

Answer<Credentials> decide(const CapSetRequest& request, const Credentials& before) {
  const Capabilities& old = before.caps;
  if ((request.permitted & ~old.permitted) != 0) return refuse(EPERM);
  if ((request.effective & ~request.permitted) != 0) return refuse(EPERM);
  const CapabilitySet gained = request.inheritable & ~old.inheritable;
  if (!before.capable(CAP_SETPCAP) && (gained & ~old.permitted) != 0) return refuse(EPERM);
  if ((gained & ~old.bounding) != 0) return refuse(EPERM);
  Credentials now = before;
  now.caps.permitted = request.permitted;
  now.caps.effective = request.effective;
  now.caps.inheritable = request.inheritable;
  now.caps.ambient &= request.permitted & request.inheritable;
  return now;
}

Reply answer_capget(const Task& task, Model& model) {
  const auto now = model.credentials.of(task.tid());
  const auto header = read_header(task);
  if (!header || task.arg(1) == 0) return Continue{};
  const CapabilitySet most = most_of(model, task.tid());
  const CapabilitySet permitted = now->caps.permitted & most;
  const CapabilitySet effective = now->caps.effective & most;
  Sets sets{};
  for (int word = 0; word < 2; ++word) {
    sets[word].permitted = static_cast<std::uint32_t>(permitted >> (32 * word));
    sets[word].effective = static_cast<std::uint32_t>(effective >> (32 * word));
    sets[word].inheritable = static_cast<std::uint32_t>(now->caps.inheritable >> (32 * word));
  }
  const std::size_t bytes = sizeof sets[0] * static_cast<std::size_t>(words_of(header->version));
  if (!task.write(task.arg(1), sets, bytes)) return Errno{EFAULT};
  return Value{0};
}

Reply answer_capset(const Task& task, Model& model) {
  const auto header = read_header(task);
  if (!header) return Continue{};
  Sets sets{};
  const std::size_t bytes = sizeof sets[0] * static_cast<std::size_t>(words_of(header->version));
  if (!task.read(task.arg(1), sets, bytes)) return Errno{EFAULT};
  const CapSetRequest request{
      .permitted = join(sets[0].permitted, sets[1].permitted),
      .effective = join(sets[0].effective, sets[1].effective),
      .inheritable = join(sets[0].inheritable, sets[1].inheritable),
  };
  std::lock_guard lock(model.credentials.change_mutex());
  const auto before = model.credentials.of(task.tid());
  Credentials visible = *before;  // what capget shows
  visible.caps.permitted &= most_of(model, task.tid());
  Answer<Credentials> now = decide(request, visible);
  if (!now) return now.error();
  if (!task.valid() || !model.credentials.set(task.tid(), *now)) return Errno{ENOMEM};
  return Value{0};
}

}  // namespace lichen::emulate
