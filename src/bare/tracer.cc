#include "bare/tracer.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <cstring>
#include <optional>
#include <utility>

#include "emulate/family.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

constexpr unsigned long kOptions = PTRACE_O_TRACESECCOMP | PTRACE_O_TRACEFORK |
                                   PTRACE_O_TRACEVFORK | PTRACE_O_TRACECLONE | PTRACE_O_TRACEEXEC |
                                   PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL;
constexpr int kSyscallStop = SIGTRAP | 0x80;  // PTRACE_O_TRACESYSGOOD
constexpr std::uint64_t kRedZone = 128;       // below the stack pointer, and in use (x86-64 ABI)
constexpr std::uint64_t kAlignment = 16;
constexpr int kMagicShift = 32;

// Calls that are not known for EINTR: all that are answered, but for opens (of FIFOs), sockets, and
// what is none of a family.
bool is_never_interrupted(long nr) {
  using emulate::Family;
  switch (emulate::family_of(static_cast<int>(nr))) {
    case Family::kStat:
    case Family::kAccess:
    case Family::kReadlink:
    case Family::kExec:
    case Family::kCreate:
    case Family::kMknod:
    case Family::kRemove:
    case Family::kRename:
    case Family::kLink:
    case Family::kChmod:
    case Family::kChown:
    case Family::kTimes:
    case Family::kTruncate:
    case Family::kXattr:
    case Family::kStatfs:
    case Family::kDirectory:
    case Family::kGetId:
    case Family::kSetId:
    case Family::kSetGroups:
      return true;
    default:
      return false;
  }
}

bool stops_a_group(int signal) {
  return signal == SIGSTOP || signal == SIGTSTP || signal == SIGTTIN || signal == SIGTTOU;
}

// Where the texts go: one block below the stack. Pointers between them are set.
struct Block {
  std::uint64_t address = 0;
  std::vector<std::uint64_t> addresses;  // of each text
  std::string bytes;
};

Block lay_out(const std::vector<Rewrite::Text>& texts, std::uint64_t stack) {
  Block block;
  std::vector<std::size_t> offsets;
  for (const Rewrite::Text& text : texts) {
    block.bytes.resize((block.bytes.size() + kAlignment - 1) / kAlignment * kAlignment);
    offsets.push_back(block.bytes.size());
    block.bytes += text.bytes;
  }
  block.address = (stack - kRedZone - block.bytes.size()) & ~(kAlignment - 1);
  for (const std::size_t offset : offsets) block.addresses.push_back(block.address + offset);
  for (std::size_t i = 0; i < texts.size(); ++i) {
    for (const auto& pointer : texts[i].pointers) {
      LICHEN_ASSERT(pointer.offset + sizeof(std::uint64_t) <= texts[i].bytes.size());
      std::memcpy(block.bytes.data() + offsets[i] + pointer.offset,
                  &block.addresses.at(pointer.text), sizeof(std::uint64_t));
    }
  }
  return block;
}

// A descriptor of the caller's that is the same file: the only way to open a pipe again.
std::optional<int> own_descriptor(const emulate::Task& task, const os::UniqueFd& file) {
  struct stat wanted {};
  if (::fstat(file.get(), &wanted) != 0) return std::nullopt;
  const auto directory = os::openat(task.proc(), task.in_proc("fd"), O_RDONLY | O_DIRECTORY);
  if (!directory) return std::nullopt;
  const auto entries = os::read_directory(*directory);
  if (!entries) return std::nullopt;
  for (const os::DirectoryEntry& entry : *entries) {
    struct stat status {};
    if (::fstatat(directory->get(), entry.name.c_str(), &status, 0) != 0) continue;
    if (status.st_dev != wanted.st_dev || status.st_ino != wanted.st_ino) continue;
    int number = -1;
    std::from_chars(entry.name.data(), entry.name.data() + entry.name.size(), number);
    if (number >= 0) return number;
  }
  return std::nullopt;
}

}  // namespace

int Tracer::seize(pid_t child) {
  if (::ptrace(PTRACE_SEIZE, child, 0, kOptions) != 0) return errno;
  if (!emulate::clear_tag(child)) return EPERM;
  model_.processes.add(child);
  return 0;
}

int Tracer::run() {
  for (;;) {
    int status = 0;
    const pid_t tid = ::waitpid(-1, &status, __WALL);
    if (tid < 0 && errno == EINTR) continue;
    if (tid < 0) return first_status_;  // ECHILD: none is left
    handle(tid, status);
  }
}

void Tracer::handle(pid_t tid, int status) {
  if (!WIFSTOPPED(status)) return handle_end(tid, status);
  const int signal = WSTOPSIG(status);
  switch (status >> 16) {
    case PTRACE_EVENT_SECCOMP:
      return handle_call(tid);
    case PTRACE_EVENT_EXEC:
      return handle_exec(tid);
    case PTRACE_EVENT_STOP:
      return handle_stop(tid, signal);
    case PTRACE_EVENT_FORK:
    case PTRACE_EVENT_VFORK:
    case PTRACE_EVENT_CLONE:
      return handle_fork(tid);
    case 0:
      if (signal == kSyscallStop) return handle_exit_of_call(tid);
      return handle_signal(tid, signal);
    default:
      return go_on(tid);
  }
}

void Tracer::handle_end(pid_t tid, int status) {
  const bool was_known = model_.processes.has(tid);
  pending_.erase(tid);
  model_.executables.take(tid);
  model_.processes.remove(tid);
  diversions_.with([&](auto& all) { all.erase(tid); });
  if (!was_known) early_.insert(tid);
  if (tid == model_.processes.first() && !ending_) {
    ending_ = true;
    first_status_ = status;
  }
  // Again each time: a process may have forked before it died.
  if (ending_) kill_all();
}

// The new one stops before its first instruction. Its own report may come before that of its
// parent, or after; by then it may even be dead.
void Tracer::handle_fork(pid_t parent) {
  unsigned long message = 0;
  if (::ptrace(PTRACE_GETEVENTMSG, parent, 0, &message) == 0) {
    const auto child = static_cast<pid_t>(message);
    if (early_.erase(child) == 0) add(child);
  }
  go_on(parent);
}

void Tracer::handle_stop(pid_t tid, int signal) {
  if (!model_.processes.has(tid)) {
    early_.insert(tid);
    add(tid);
  }
  if (stops_a_group(signal))
    ::ptrace(PTRACE_LISTEN, tid, 0, 0);  // it stays stopped, and tells when it is not any more
  else
    go_on(tid);
}

void Tracer::add(pid_t tid) {
  model_.processes.add(tid);
  if (ending_) ::kill(tid, SIGKILL);
}

void Tracer::handle_exec(pid_t tid) {
  unsigned long message = static_cast<unsigned long>(tid);
  ::ptrace(PTRACE_GETEVENTMSG, tid, 0, &message);
  const auto old_tid = static_cast<pid_t>(message);
  pending_.erase(old_tid);
  pending_.erase(tid);
  if (old_tid != tid) {  // a thread has taken the process over; nobody reports its own end
    model_.processes.remove(old_tid);
    diversions_.with([&](auto& all) { all.erase(old_tid); });
  }
  finish_exec(model_, tid, old_tid);
  go_on(tid);
}

void Tracer::handle_call(pid_t tid) {
  Registers registers;
  if (!started_ || !registers.read(tid)) return go_on(tid);
  const emulate::Task task(model_.proc, tid, static_cast<int>(registers.nr()),
                           registers.arguments());
  act(tid, registers, task, answer(Call{.task = task, .traced = true}, model_));
}

void Tracer::act(pid_t tid, Registers& registers, const emulate::Task& task, Reply reply) {
  if (auto* request = std::get_if<OpenFile>(&reply)) reply = reopen(task, std::move(*request));
  if (auto* other = std::get_if<Rewrite>(&reply))
    return rewrite(tid, registers, task, std::move(*other));
  if (std::holds_alternative<Continue>(reply)) return go_on(tid);
  std::int64_t result = -ENOSYS;  // NewFd: no handler gives one here
  if (const auto* error = std::get_if<Errno>(&reply)) result = -error->number;
  if (const auto* value = std::get_if<Value>(&reply)) result = value->value;
  registers.skip_call(result);
  registers.write(tid);
  go_on(tid);
}

Reply Tracer::reopen(const emulate::Task& task, OpenFile request) const {
  std::string path = request.path;
  std::shared_ptr<const FifoName> fifo;
  // With O_PATH nobody waits, and the descriptor must lead to the file's own name.
  if (path.empty() && !model_.ptrace_only && (request.flags & O_PATH) == 0)
    fifo = model_.fifos.name(request.file);
  if (fifo != nullptr) {
    path = fifo->path();
  } else if (path.empty()) {
    path = model_.tree.real_path(request.file);
    request.flags |= O_NOFOLLOW;  // it is a real path: its last name is a symlink only with O_PATH
  }
  if (path.empty()) {
    const std::optional<int> number = own_descriptor(task, request.file);
    if (!number) return Errno{ENXIO};
    path = "/proc/self/fd/" + std::to_string(*number);
    request.flags &= ~O_NOFOLLOW;
  }
  const std::uint64_t flags = static_cast<std::uint32_t>(request.flags) |
                              std::uint64_t{model_.executables.magic()} << kMagicShift;
  Rewrite rewrite{.nr = SYS_openat,
                  .arguments = {static_cast<std::uint32_t>(AT_FDCWD), 0, flags, 0, 0, 0},
                  .texts = {{.index = 1, .bytes = path + '\0'}},
                  .after = {}};
  if (fifo != nullptr) {
    rewrite.after = [fifo](const emulate::Task&, std::int64_t result) { return result; };
  }
  if (request.makes_terminal) {
    rewrite.after = [this](const emulate::Task& opener, std::int64_t result) {
      const auto info =
          os::openat(opener.proc(), opener.in_proc("fdinfo/" + std::to_string(result)), O_RDONLY);
      const auto text = info ? os::read_file(*info) : Result<std::string>(std::string());
      if (text) model_.terminals.add_by_info(*text);
      return result;
    };
  }
  return rewrite;
}

std::optional<Tracer::Pending> Tracer::prepare(pid_t tid, const Registers& registers,
                                               const emulate::Task& task, Rewrite& rewrite) const {
  Pending pending{.before = registers, .after = std::move(rewrite.after)};
  Block block = lay_out(rewrite.texts, registers.stack());
  for (std::size_t i = 0; i < rewrite.texts.size(); ++i) {
    const std::size_t index = rewrite.texts[i].index;
    if (index != Rewrite::kNoArgument) rewrite.arguments.at(index) = block.addresses[i];
  }
  if (block.bytes.empty()) return pending;
  pending.overwritten.resize(block.bytes.size());
  if (!task.read(block.address, pending.overwritten.data(), block.bytes.size())) {
    // A stack that ends here grows by an access through ptrace, not by process_vm_writev.
    ::ptrace(PTRACE_POKEDATA, tid, block.address, 0);
    pending.overwritten.clear();
  }
  if (!task.write(block.address, block.bytes.data(), block.bytes.size())) {
    if (pending.after) pending.after(task, -EFAULT);
    return std::nullopt;
  }
  pending.address = block.address;
  pending.written = std::move(block.bytes);
  return pending;
}

// Below its stack pointer a program has no right to anything; but stacks of goroutines are small,
// and what lies below may be another's.
void Tracer::put_back(const Pending& pending, const emulate::Task& task) const {
  if (pending.overwritten.empty()) return;
  std::string there(pending.written.size(), '\0');
  if (task.read(pending.address, there.data(), there.size()) && there == pending.written)
    task.write(pending.address, pending.overwritten.data(), pending.overwritten.size());
}

void Tracer::rewrite(pid_t tid, Registers& registers, const emulate::Task& task, Rewrite rewrite) {
  auto pending = prepare(tid, registers, task, rewrite);
  if (!pending) {
    registers.skip_call(-EFAULT);
    registers.write(tid);
    return go_on(tid);
  }
  registers.set_call(rewrite.nr, rewrite.arguments);
  registers.write(tid);
  pending_.insert_or_assign(tid, std::move(*pending));
  ::ptrace(PTRACE_SYSCALL, tid, 0, 0);
}

void Tracer::handle_exit_of_call(pid_t tid) {
  const auto at = pending_.find(tid);
  if (at != pending_.end() && at->second.restarting) {  // in fact its entry: it runs again
    at->second.restarting = false;
    ::ptrace(PTRACE_SYSCALL, tid, 0, 0);
    return;
  }
  auto node = pending_.extract(tid);
  Registers now;
  if (node.empty() || !now.read(tid)) return go_on(tid);
  Pending& pending = node.mapped();
  const emulate::Task task(model_.proc, tid, static_cast<int>(pending.before.nr()),
                           pending.before.arguments());
  std::int64_t result = now.result();
  if (pending.after) result = pending.after(task, result);
  put_back(pending, task);
  // All as it was: with a result that makes the kernel restart the call, it is stopped once more.
  pending.before.set_result(result);
  pending.before.write(tid);
  go_on(tid);
}

int Tracer::divert(const emulate::Task& task, OpenFile request) {
  const auto status = task.status();
  if (!status || !task.valid()) return ESRCH;
  Diversion diversion{
      .nr = task.nr(), .arguments = task.arguments(), .request = std::move(request)};
  diversions_.with([&](auto& all) { all.insert_or_assign(task.tid(), std::move(diversion)); });
  // The one signal that cannot be blocked; the program never gets it.
  ::syscall(SYS_tgkill, status->process, task.tid(), SIGSTOP);
  return kRestart;
}

bool Tracer::is_diversion(pid_t tid) const {
  siginfo_t info{};
  return ::ptrace(PTRACE_GETSIGINFO, tid, 0, &info) == 0 && info.si_code == SI_TKILL &&
         info.si_pid == ::getpid();
}

// A signal that comes when a call waits for its answer, and nobody has seen it yet, ends it with
// -ERESTARTSYS. No file operation of a kernel ends so for a program, whatever its handlers ask for.
void Tracer::keep_whole(pid_t tid) const {
  Registers registers;
  if (registers.read(tid) && is_never_interrupted(registers.nr()) && registers.restart_always())
    registers.write(tid);
}

void Tracer::handle_signal(pid_t tid, int signal) {
  if (const auto at = pending_.find(tid); at != pending_.end() && at->second.restarting) {
    // One more signal before the diverted call runs: it shall interrupt the program's own.
    auto node = pending_.extract(tid);
    const emulate::Task task(model_.proc, tid, static_cast<int>(node.mapped().before.nr()),
                             node.mapped().before.arguments());
    put_back(node.mapped(), task);
    node.mapped().before.write(tid);
  }
  if (signal != SIGSTOP || !is_diversion(tid)) {
    keep_whole(tid);
    return go_on(tid, signal);
  }
  std::optional<Diversion> diversion;
  diversions_.with([&](auto& all) {
    auto node = all.extract(tid);
    if (!node.empty()) diversion = std::move(node.mapped());
  });
  Registers registers;
  // A handler of another signal may have come first: when the call is run again, it is diverted
  // again.
  if (!diversion || !registers.read(tid) ||
      !registers.restarts(diversion->nr, diversion->arguments))
    return go_on(tid);
  const emulate::Task task(model_.proc, tid, diversion->nr, diversion->arguments);
  Reply reply = reopen(task, std::move(diversion->request));
  auto* rewrite = std::get_if<Rewrite>(&reply);
  auto pending = rewrite != nullptr ? prepare(tid, registers, task, *rewrite) : std::nullopt;
  if (!pending) {
    registers.skip_restarted_call(rewrite != nullptr ? -EFAULT : -ENXIO);
    registers.write(tid);
    return go_on(tid);
  }
  registers.set_restarted_call(rewrite->nr, rewrite->arguments);
  registers.write(tid);
  pending->restarting = true;
  pending_.insert_or_assign(tid, std::move(*pending));
  ::ptrace(PTRACE_SYSCALL, tid, 0, 0);
}

void Tracer::go_on(pid_t tid, int signal) const {
  ::ptrace(PTRACE_CONT, tid, 0, signal);
}

void Tracer::kill_all() const {
  for (const pid_t tid : model_.processes.all()) ::kill(tid, SIGKILL);
}

}  // namespace lichen::bare
