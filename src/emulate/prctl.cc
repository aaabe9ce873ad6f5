#include <linux/securebits.h>
#include <sys/prctl.h>

#include <mutex>

#include "emulate/caps.h"
#include "emulate/model.h"

namespace lichen::emulate {

namespace {

constexpr std::uint32_t kSecureBits = SECURE_ALL_BITS | SECURE_ALL_LOCKS;

Answer<PrctlAnswer> ambient(const PrctlRequest& request, const Credentials& before) {
  Credentials now = before;
  if (request.second == PR_CAP_AMBIENT_CLEAR_ALL) {
    if ((request.third | request.fourth | request.fifth) != 0) return refuse(EINVAL);
    now.caps.ambient = kNoCapabilities;
    return PrctlAnswer{now, 0};
  }
  if (request.third > CAP_LAST_CAP || (request.fourth | request.fifth) != 0) return refuse(EINVAL);
  const CapabilitySet one = capability(static_cast<int>(request.third));
  switch (request.second) {
    case PR_CAP_AMBIENT_IS_SET:
      return PrctlAnswer{now, (now.caps.ambient & one) != 0};
    case PR_CAP_AMBIENT_RAISE:
      if ((now.caps.permitted & now.caps.inheritable & one) == 0 ||
          (now.securebits & SECBIT_NO_CAP_AMBIENT_RAISE) != 0) {
        return refuse(EPERM);
      }
      now.caps.ambient |= one;
      return PrctlAnswer{now, 0};
    case PR_CAP_AMBIENT_LOWER:
      now.caps.ambient &= ~one;
      return PrctlAnswer{now, 0};
    default:
      return refuse(EINVAL);
  }
}

Answer<PrctlAnswer> keep_capabilities(const PrctlRequest& request, const Credentials& before) {
  if (request.second > 1) return refuse(EINVAL);
  if ((before.securebits & SECBIT_KEEP_CAPS_LOCKED) != 0) return refuse(EPERM);
  Credentials now = before;
  now.securebits &= ~static_cast<std::uint32_t>(SECBIT_KEEP_CAPS);
  if (request.second == 1) now.securebits |= SECBIT_KEEP_CAPS;
  return PrctlAnswer{now, 0};
}

Answer<PrctlAnswer> secure_bits(const PrctlRequest& request, const Credentials& before) {
  const std::uint32_t old = before.securebits;
  const std::uint64_t bits = request.second;
  // A lock covers the bit below it: neither the lock nor that bit may change any more.
  const std::uint32_t locked = (old & SECURE_ALL_LOCKS) >> 1;
  const bool changes_locked = ((old ^ bits) & locked) != 0;
  const bool drops_lock = (old & SECURE_ALL_LOCKS & ~bits) != 0;
  if (changes_locked || drops_lock || (bits & ~std::uint64_t{kSecureBits}) != 0 ||
      !before.capable(CAP_SETPCAP)) {
    return refuse(EPERM);
  }
  Credentials now = before;
  now.securebits = static_cast<std::uint32_t>(bits);
  return PrctlAnswer{now, 0};
}

}  // namespace

Answer<PrctlAnswer> decide(const PrctlRequest& request, const Credentials& before) {
  switch (request.option) {
    case PR_GET_KEEPCAPS:
      return PrctlAnswer{before, (before.securebits & SECBIT_KEEP_CAPS) != 0};
    case PR_SET_KEEPCAPS:
      return keep_capabilities(request, before);
    case PR_GET_SECUREBITS:
      return PrctlAnswer{before, before.securebits};
    case PR_SET_SECUREBITS:
      return secure_bits(request, before);
    case PR_CAP_AMBIENT:
      return ambient(request, before);
    case PR_CAPBSET_READ:
      if (request.second > CAP_LAST_CAP) return refuse(EINVAL);
      return PrctlAnswer{
          before, (before.caps.bounding & capability(static_cast<int>(request.second))) != 0};
    case PR_CAPBSET_DROP: {
      if (!before.capable(CAP_SETPCAP)) return refuse(EPERM);
      if (request.second > CAP_LAST_CAP) return refuse(EINVAL);
      Credentials now = before;
      now.caps.bounding &= ~capability(static_cast<int>(request.second));
      return PrctlAnswer{now, 0};
    }
    default:
      return refuse(EINVAL);
  }
}

Reply answer_prctl(const Task& task, Model& model) {
  const PrctlRequest request{.option = task.int_arg(0),
                             .second = task.arg(1),
                             .third = task.arg(2),
                             .fourth = task.arg(3),
                             .fifth = task.arg(4)};
  std::lock_guard lock(model.credentials.change_mutex());
  const auto before = model.credentials.of(task.tid());
  const Answer<PrctlAnswer> decided = decide(request, *before);
  if (!decided) return decided.error();
  // What the model still has, the kernel may never have had.
  if (request.option == PR_CAPBSET_READ && decided->value == 1) return Continue{};
  if (decided->now != *before &&
      (!task.valid() || !model.credentials.set(task.tid(), decided->now))) {
    return Errno{ENOMEM};
  }
  return Value{decided->value};
}

}  // namespace lichen::emulate
