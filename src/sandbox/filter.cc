#include "sandbox/filter.h"

#include <linux/audit.h>
#include <linux/seccomp.h>
#include <sys/ioctl.h>
#include <sys/resource.h>
#include <sys/syscall.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <iterator>
#include <map>

#include "os/i386.h"

namespace lichen::sandbox {

namespace {

#if defined(__x86_64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_X86_64;
constexpr std::uint32_t kX32Bit = 0x40000000;  // __X32_SYSCALL_BIT
#elif defined(__aarch64__)
constexpr std::uint32_t kArchitecture = AUDIT_ARCH_AARCH64;
constexpr std::uint32_t kX32Bit = 0;
#else
#error "lichen knows the system calls of x86_64 and aarch64"
#endif

using Match = NotifyRule::Match;

constexpr std::uint32_t refuse(int os_errno) {
  return SECCOMP_RET_ERRNO | static_cast<std::uint32_t>(os_errno);
}
constexpr std::uint32_t kSuccess = SECCOMP_RET_ERRNO;  // errno 0: the call returns 0

struct Fixed {
  int nr;
  std::uint32_t action;
};

constexpr Fixed kSync[] = {
    {SYS_fsync, kSuccess},  {SYS_fdatasync, kSuccess},       {SYS_sync, kSuccess},
    {SYS_syncfs, kSuccess}, {SYS_sync_file_range, kSuccess},
};

// ENOSYS where programs have a fall-back for old kernels, EPERM where they expect a refusal.
constexpr Fixed kRefused[] = {
    {SYS_io_uring_setup, refuse(ENOSYS)},  // it would pass by every rule below
    {SYS_io_uring_enter, refuse(ENOSYS)},
    {SYS_io_uring_register, refuse(ENOSYS)},
    {SYS_open_by_handle_at, refuse(ENOSYS)},
    {SYS_keyctl, refuse(ENOSYS)},
    {SYS_add_key, refuse(ENOSYS)},
    {SYS_request_key, refuse(ENOSYS)},
    {SYS_userfaultfd, refuse(ENOSYS)},
    {SYS_kexec_load, refuse(EPERM)},
    {SYS_kexec_file_load, refuse(EPERM)},
    {SYS_init_module, refuse(EPERM)},
    {SYS_finit_module, refuse(EPERM)},
    {SYS_delete_module, refuse(EPERM)},
    {SYS_bpf, refuse(EPERM)},
    {SYS_perf_event_open, refuse(EPERM)},
    {SYS_swapon, refuse(EPERM)},
    {SYS_swapoff, refuse(EPERM)},
    {SYS_reboot, refuse(EPERM)},
    {SYS_acct, refuse(EPERM)},
};

// Pushing input into a terminal that outlives the container.
constexpr std::uint32_t kRefusedIoctls[] = {TIOCSTI, TIOCLINUX};

struct Check {
  NotifyRule when;
  std::uint32_t action;
};
// Checks of one call run in order; a call whose checks all fail is allowed.
using Table = std::map<int, std::vector<Check>>;

void add(Table& table, const Fixed& fixed) {
  table[fixed.nr].push_back({{.nr = fixed.nr}, fixed.action});
}

Table make_table(const FilterSpec& spec) {
  Table table;
  if (spec.answer_sync)
    for (const Fixed& fixed : kSync) add(table, fixed);
  for (const Fixed& fixed : kRefused) add(table, fixed);
  for (const std::uint32_t request : kRefusedIoctls)
    table[SYS_ioctl].push_back({{.nr = SYS_ioctl,
                                 .match = Match::kMaskEquals,
                                 .arg = 1,
                                 .mask = UINT32_MAX,
                                 .value = request},
                                refuse(EPERM)});
  bool watches_open = false, watches_clone = false;
  for (const NotifyRule& rule : spec.notify) {
    watches_open = watches_open || rule.nr == SYS_openat;
    watches_clone = watches_clone || rule.nr == SYS_clone;
    table[rule.nr].push_back({rule, SECCOMP_RET_USER_NOTIF});
  }
  // The flags of openat2 lie in memory, which a filter cannot read: whoever watches openat sends
  // programs back to it.
  if (watches_open && !table.contains(SYS_openat2)) add(table, {SYS_openat2, refuse(ENOSYS)});
  // The same holds of clone3, which docker's default profile sends back, too.
  if (watches_clone && !table.contains(SYS_clone3)) add(table, {SYS_clone3, refuse(ENOSYS)});
  return table;
}

class Writer {
 public:
  void load(std::size_t offset) {
    op(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(offset));
  }
  void go(std::size_t ahead) { op(BPF_JMP | BPF_JA, static_cast<std::uint32_t>(ahead)); }
  void mask(std::uint32_t bits) { op(BPF_ALU | BPF_AND | BPF_K, bits); }
  void jump(std::uint16_t test, std::uint32_t value, std::size_t if_true, std::size_t if_false) {
    LICHEN_ASSERT(if_true < 256 && if_false < 256);
    program_.push_back({static_cast<std::uint16_t>(BPF_JMP | BPF_K | test),
                        static_cast<std::uint8_t>(if_true), static_cast<std::uint8_t>(if_false),
                        value});
  }
  void give(std::uint32_t action) { op(BPF_RET | BPF_K, action); }
  void append(const Writer& other) {
    program_.insert(program_.end(), other.program_.begin(), other.program_.end());
  }
  std::size_t size() const { return program_.size(); }
  std::vector<sock_filter> take() { return std::move(program_); }

 private:
  void op(int code, std::uint32_t value) {
    program_.push_back({static_cast<std::uint16_t>(code), 0, 0, value});
  }
  std::vector<sock_filter> program_;
};

// The low half: offsets are of a little-endian 64-bit argument.
std::size_t argument(int index) {
  return offsetof(seccomp_data, args) + sizeof(std::uint64_t) * static_cast<std::size_t>(index);
}

Writer checks_of_one_call(const std::vector<Check>& checks) {
  Writer writer;
  for (const Check& check : checks) {
    const NotifyRule& when = check.when;
    if (when.match == Match::kAlways) {
      writer.give(check.action);
      return writer;
    }
    writer.load(argument(when.arg));
    if (when.match == Match::kMaskEquals) {
      if (when.mask != UINT32_MAX) writer.mask(when.mask);
      writer.jump(BPF_JEQ, when.value, 0, 1);
    } else if (when.match == Match::kAtLeast) {
      writer.jump(BPF_JGE, when.value, 0, 1);
    } else {
      writer.jump(BPF_JSET, when.mask, 0, 1);
    }
    writer.give(check.action);
  }
  writer.give(SECCOMP_RET_ALLOW);
  return writer;
}

Writer calls_of(const Table& table) {
  Writer writer;
  writer.load(offsetof(seccomp_data, nr));
  for (const auto& [nr, checks] : table) {
    const Writer body = checks_of_one_call(checks);
    writer.jump(BPF_JEQ, static_cast<std::uint32_t>(nr), 0, body.size());
    writer.append(body);
  }
  writer.give(SECCOMP_RET_ALLOW);
  return writer;
}

#ifdef __x86_64__
// The same for 32-bit programs, by their numbers.
Table i386_table(const Table& native) {
  Table table;
  for (const os::I386Number& call : os::i386_numbers())
    if (const auto known = native.find(call.native); known != native.end())
      table[call.i386] = known->second;
  for (const int nr : {113, 166}) add(table, {nr, refuse(EPERM)});  // vm86old, vm86
  // Whose ids are emulated must not ask for them in 16 bits.
  if (native.contains(SYS_getuid))
    for (const int nr : os::i386_outdated()) add(table, {nr, refuse(ENOSYS)});
  if (native.contains(SYS_setrlimit)) {  // as emulate/rlimit.cc answers, without a look at memory
    const auto of_rttime = [&](int nr, std::uint32_t action) {
      table[nr].push_back({{.nr = nr,
                            .match = Match::kMaskEquals,
                            .arg = 0,
                            .mask = UINT32_MAX,
                            .value = RLIMIT_RTTIME},
                           action});
    };
    of_rttime(os::kI386Setrlimit, kSuccess);
    for (const int nr : os::kI386Getrlimit) of_rttime(nr, refuse(EINVAL));
  }
  return table;
}
#endif

// What follows the load of the architecture when it is not the machine's.
Writer calls_of_others([[maybe_unused]] const Table& native) {
  Writer writer;
#ifdef __x86_64__
  const Writer i386 = calls_of(i386_table(native));
  writer.jump(BPF_JEQ, AUDIT_ARCH_I386, 1, 0);
  writer.give(refuse(ENOSYS));
  writer.append(i386);
#else
  writer.give(refuse(ENOSYS));
#endif
  return writer;
}

}  // namespace

std::vector<sock_filter> make_filter(const FilterSpec& spec) {
  const Table table = make_table(spec);
  Writer own;
  if (kX32Bit != 0) {
    own.load(offsetof(seccomp_data, nr));
    own.jump(BPF_JSET, kX32Bit, 0, 1);
    own.give(refuse(ENOSYS));
  }
  own.append(calls_of(table));
  Writer writer;
  writer.load(offsetof(seccomp_data, arch));
  writer.jump(BPF_JEQ, kArchitecture, 1, 0);
  writer.go(own.size());
  writer.append(own);
  writer.append(calls_of_others(table));
  return writer.take();
}

std::vector<RefusedCall> refused_calls() {
  std::vector<RefusedCall> calls;
  for (const Fixed& fixed : kRefused)
    calls.push_back({fixed.nr, static_cast<int>(fixed.action & SECCOMP_RET_DATA)});
  return calls;
}

std::vector<std::uint32_t> refused_ioctls() {
  return {std::begin(kRefusedIoctls), std::end(kRefusedIoctls)};
}

namespace {

std::string action_text(std::uint32_t action) {
  switch (action & SECCOMP_RET_ACTION_FULL) {
    case SECCOMP_RET_ALLOW:
      return "allow";
    case SECCOMP_RET_USER_NOTIF:
      return "notify";
    case SECCOMP_RET_ERRNO:
      return "errno " + std::to_string(action & SECCOMP_RET_DATA);
    default:
      return "action " + std::to_string(action);
  }
}

const char* jump_name(std::uint16_t code) {
  switch (BPF_OP(code)) {
    case BPF_JEQ:
      return "jeq";
    case BPF_JGE:
      return "jge";
    default:
      return "jset";
  }
}

std::string instruction_text(const sock_filter& op) {
  char text[80];
  switch (op.code) {
    case BPF_LD | BPF_W | BPF_ABS:
      if (op.k == offsetof(seccomp_data, nr)) return "load nr";
      if (op.k == offsetof(seccomp_data, arch)) return "load arch";
      return "load arg" + std::to_string((op.k - offsetof(seccomp_data, args)) / 8);
    case BPF_ALU | BPF_AND | BPF_K:
      std::snprintf(text, sizeof text, "and %#x", op.k);
      return text;
    case BPF_JMP | BPF_JEQ | BPF_K:
    case BPF_JMP | BPF_JSET | BPF_K:
    case BPF_JMP | BPF_JGE | BPF_K:
      std::snprintf(text, sizeof text, "%s %#x +%d +%d", jump_name(op.code), op.k, op.jt, op.jf);
      return text;
    case BPF_JMP | BPF_JA:
      return "go +" + std::to_string(op.k);
    case BPF_RET | BPF_K:
      return "ret " + action_text(op.k);
    default:
      std::snprintf(text, sizeof text, "op %#x %#x", op.code, op.k);
      return text;
  }
}

}  // namespace

std::string to_text(const std::vector<sock_filter>& program) {
  std::string text;
  for (std::size_t i = 0; i < program.size(); ++i)
    text += std::to_string(i) + " " + instruction_text(program[i]) + "\n";
  return text;
}

}  // namespace lichen::sandbox
