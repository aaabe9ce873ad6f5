#include <elf.h>
#include <fcntl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstring>
#include <memory>

#include "bare/exec.h"
#include "bare/stub_bytes.h"
#include "bare/stub_info.h"
#include "emulate/task.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

constexpr mode_t kStubMode = 0700;
constexpr std::uint64_t kMagicShift = 32;
constexpr const char* kStubName = "exec-stub";

// Where a stopped task is; 0: unknown.
std::uint64_t instruction_pointer(pid_t tid) {
  user_regs_struct registers{};
  iovec buffer{&registers, sizeof registers};
  if (::ptrace(PTRACE_GETREGSET, tid, NT_PRSTATUS, &buffer) != 0) return 0;
#if defined(__x86_64__)
  return registers.rip;
#elif defined(__aarch64__)
  return registers.pc;
#else
  return 0;
#endif
}

// Fills StubBlock::text.
class Texts {
 public:
  explicit Texts(StubBlock& block) : block_(block) {}

  std::uint32_t add(const std::string& text) {  // with its NUL
    const std::size_t at = used_;
    if (text.size() + 1 > sizeof block_.text - used_) {
      fits_ = false;
      return 0;
    }
    std::memcpy(block_.text + used_, text.c_str(), text.size() + 1);
    used_ += text.size() + 1;
    return static_cast<std::uint32_t>(at);
  }
  bool fit() const { return fits_; }
  std::size_t used() const { return used_; }

 private:
  StubBlock& block_;
  std::size_t used_ = 1;  // text[0] is NUL
  bool fits_ = true;
};

}  // namespace

int tell_stub(const os::UniqueFd& proc, pid_t tid, const StubInfo& info, std::uint32_t magic) {
  auto block = std::make_unique<StubBlock>();
  block->magic = std::uint64_t{magic} << kMagicShift;
  block->uid = info.uid;
  block->euid = info.euid;
  block->gid = info.gid;
  block->egid = info.egid;
  block->secure = info.secure ? 1 : 0;
  info.comm.copy(block->comm, sizeof block->comm - 1);
  Texts texts(*block);
  block->program = texts.add(info.program);
  if (!info.interpreter.empty()) block->interpreter = texts.add(info.interpreter);
  block->execfn = texts.add(info.execfn);
  for (const std::string& argument : info.arguments) {
    const std::uint32_t at = texts.add(argument);
    if (block->argument_count++ == 0) block->arguments = at;
    block->argument_bytes += static_cast<std::uint32_t>(argument.size() + 1);
  }
  if (!texts.fit()) return E2BIG;

  const std::uint64_t entry = instruction_pointer(tid);
  std::int64_t distance = 0;
  if (entry == 0 ||
      !emulate::read_memory(proc, tid, entry - sizeof distance, &distance, sizeof distance))
    return ESRCH;
  const std::size_t bytes = offsetof(StubBlock, text) + texts.used();
  const std::uint64_t address = entry + static_cast<std::uint64_t>(distance);
  return emulate::write_memory(proc, tid, address, block.get(), bytes) ? 0 : EFAULT;
}

Result<std::string> write_stub(const std::string& directory) {
  if (kStubBytes.empty())
    return fail(Errc::kUnsupported, "tier bare does not run on this kind of processor");
  const std::string path = directory + "/" + kStubName;
  // Closed before anybody executes it: ETXTBSY.
  const os::UniqueFd file =
      TRY(os::open(path, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, kStubMode));
  if (::fchmod(file.get(), kStubMode) != 0) return fail(os_error("chmod", path));
  TRY(os::write_all(file, kStubBytes));
  return path;
}

}  // namespace lichen::bare
