#include "emulate/task.h"

#include <fcntl.h>
#include <linux/audit.h>
#include <sys/ioctl.h>
#include <sys/uio.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <cerrno>
#include <charconv>
#include <cstring>

#include "os/i386.h"

namespace lichen::emulate {

namespace {

constexpr std::size_t kMaxPath = 4096;  // PATH_MAX, with the NUL
constexpr std::size_t kPage = 4096;
constexpr std::size_t kFirstBytes = 256;  // most paths fit

// The last number on the line that starts with `key`, in the given base.
std::uint64_t field(std::string_view text, std::string_view key, int base) {
  const std::size_t at = text.find(key);
  if (at == text.npos) return 0;
  std::string_view line = text.substr(at + key.size());
  line = line.substr(0, line.find('\n'));
  const std::size_t blank = line.find_last_of(" \t");
  if (blank != line.npos) line.remove_prefix(blank + 1);
  std::uint64_t number = 0;
  std::from_chars(line.data(), line.data() + line.size(), number, base);
  return number;
}

}  // namespace

TaskStatus parse_task_status(std::string_view text) {
  TaskStatus status;
  status.process = static_cast<pid_t>(field(text, "\nTgid:", 10));
  status.innermost_process = static_cast<pid_t>(field(text, "\nNStgid:", 10));
  status.umask = static_cast<mode_t>(field(text, "\nUmask:", 8));
  status.no_new_privileges = field(text, "\nNoNewPrivs:", 10) != 0;
  status.fs_uid = static_cast<std::uint32_t>(field(text, "\nUid:", 10));
  status.fs_gid = static_cast<std::uint32_t>(field(text, "\nGid:", 10));
  status.effective = field(text, "\nCapEff:", 16);
  return status;
}

std::optional<TaskStatus> read_task_status(const os::UniqueFd& proc, pid_t tid) {
  const os::UniqueFd fd(::openat(proc.get(), (std::to_string(tid) + "/status").c_str(),
                                 O_RDONLY | O_CLOEXEC | O_NOFOLLOW));
  if (!fd.valid()) return std::nullopt;
  char text[4096];  // of about 1500; a process with thousands of groups has them after Umask, Tgid
  const ssize_t bytes = ::read(fd.get(), text, sizeof text);
  if (bytes <= 0) return std::nullopt;
  return parse_task_status({text, static_cast<std::size_t>(bytes)});
}

Task::Task(const os::UniqueFd& listener, const os::UniqueFd& proc, const seccomp_notif& notice)
    : listener_(&listener),
      proc_(&proc),
      id_(notice.id),
      tid_(static_cast<pid_t>(notice.pid)),
      nr_(notice.data.nr) {
  std::copy_n(notice.data.args, arguments_.size(), arguments_.begin());
#ifdef __x86_64__
  if (notice.data.arch != AUDIT_ARCH_I386) return;
  is_i386_ = true;
  nr_ = os::native_of_i386(notice.data.nr).value_or(-1);
  if (notice.data.nr == os::kI386Truncate64) arguments_[1] |= arguments_[2] << 32;
#endif
}

bool Task::valid() const {
  if (listener_ == nullptr) return true;
  std::uint64_t id = id_;
  return ::ioctl(listener_->get(), SECCOMP_IOCTL_NOTIF_ID_VALID, &id) == 0;
}

std::string Task::in_proc(std::string_view name) const {
  std::string text = std::to_string(tid());
  text += '/';
  text += name;
  return text;
}

Answer<std::string> Task::read_path(std::uint64_t address) const {
  char buffer[kMaxPath];
  std::size_t have = 0;
  while (have < kMaxPath) {
    // Up to the end of a page: the next one may not be mapped, and need not be.
    const std::size_t to_page_end = kPage - (address + have) % kPage;
    std::size_t bytes = std::min(to_page_end, kMaxPath - have);
    if (have == 0) bytes = std::min(bytes, kFirstBytes);
    if (!read(address + have, buffer + have, bytes)) return refuse(EFAULT);
    const void* end = std::memchr(buffer + have, 0, bytes);
    if (end != nullptr) return std::string(buffer);
    have += bytes;
  }
  return refuse(ENAMETOOLONG);
}

namespace {

// Some profiles (docker 20.10) refuse process_vm_readv(2) and its twin, but allow ptrace: then it
// is /proc/TID/mem.
std::atomic<bool> use_mem_file = false;

bool move_memory(const os::UniqueFd& proc, pid_t tid, bool writes, std::uint64_t address,
                 void* local, std::size_t bytes) {
  if (!use_mem_file.load(std::memory_order_relaxed)) {
    iovec here{local, bytes};
    iovec there{reinterpret_cast<void*>(address), bytes};
    const ssize_t done = writes ? ::process_vm_writev(tid, &here, 1, &there, 1, 0)
                                : ::process_vm_readv(tid, &here, 1, &there, 1, 0);
    if (done == static_cast<ssize_t>(bytes)) return true;
    if (done >= 0 || (errno != EPERM && errno != ENOSYS)) return false;
  }
  const os::UniqueFd memory(::openat(proc.get(), (std::to_string(tid) + "/mem").c_str(),
                                     (writes ? O_WRONLY : O_RDONLY) | O_CLOEXEC));
  if (!memory.valid()) return false;
  const auto at = static_cast<off_t>(address);
  const ssize_t done =
      writes ? ::pwrite(memory.get(), local, bytes, at) : ::pread(memory.get(), local, bytes, at);
  if (done != static_cast<ssize_t>(bytes)) return false;
  use_mem_file = true;
  return true;
}

}  // namespace

bool read_memory(const os::UniqueFd& proc, pid_t tid, std::uint64_t address, void* to,
                 std::size_t bytes) {
  return move_memory(proc, tid, false, address, to, bytes);
}

bool write_memory(const os::UniqueFd& proc, pid_t tid, std::uint64_t address, const void* from,
                  std::size_t bytes) {
  return move_memory(proc, tid, true, address, const_cast<void*>(from), bytes);
}

bool Task::read(std::uint64_t address, void* to, std::size_t bytes) const {
  return read_memory(*proc_, tid(), address, to, bytes);
}

bool Task::write(std::uint64_t address, const void* from, std::size_t bytes) const {
  if (!valid()) return false;  // not into the memory of a process that got the number meanwhile
  return write_memory(*proc_, tid(), address, from, bytes);
}

}  // namespace lichen::emulate
