// execve(2) of a file in the tree.
//
// The kernel would load a program's interpreter from the host, so it never gets to see the program:
// the call is rewritten into an execve of our stub (stub.c), whose only path argument is replaced,
// and which maps program and interpreter itself. The supervisor decides before: which file of which
// script chain, with what credentials. After PTRACE_EVENT_EXEC it writes the stub's StubInfo. A
// process's executable in the step's view (/proc/self/exe) is known by a number that it carries in
// its RLIMIT_RTTIME tag, beside that of its credentials, so forks need no bookkeeping.
//
// A program for another processor is handed to an emulator of the host, if the step was given one
// for it: the stub maps that instead, with the program's path and argv[0] as its arguments. The
// emulator opens the program, and all else, as the step would.
//
//   model.executables.use_stub(TRY(write_stub(scratch)), magic, note);
//   … answer_exec(call, model) in the stop of the call (its Rewrite::after forgets a failed one)
//   … finish_exec(model, tid, old_tid) in the stop of PTRACE_EVENT_EXEC
//
// What the stub calls must pass the step's filter: openat with `magic` in the upper half of its
// flags, pread64, mmap, munmap, mprotect, close, personality, getrandom, write, exit_group, and
// prctl(PR_SET_MM, PR_SET_NAME).
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <deque>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <unordered_set>
#include <vector>

#include "bare/emulator.h"
#include "bare/programs.h"
#include "bare/reply.h"
#include "base/result.h"
#include "emulate/exec.h"
#include "os/fd.h"

namespace lichen::bare {

struct Model;

// What the stub is told.
struct StubInfo {
  std::string program, interpreter;  // real paths; interpreter "": none
  std::string execfn;                // AT_EXECFN, in the step's view
  std::string comm;                  // 15 bytes
  // A script: its interpreters, their arguments and its own path, in place of argv[0].
  std::vector<std::string> arguments;
  std::uint32_t uid = 0, euid = 0, gid = 0, egid = 0;
  bool secure = false;  // AT_SECURE
};

// An execve that the kernel may still refuse.
struct ExpectedExec {
  StubInfo info;
  emulate::ExecRequest request;  // what becomes of the credentials
  std::uint32_t number = 0;      // of the executable
};

// Thread-safe, but for use_stub().
class Executables {
 public:
  // Before the step starts. `note` is told what the user should know, once a file, without newline:
  // "/bin/x is a 32-bit program, …".
  void use_stub(std::string real_path, std::uint32_t magic,
                std::function<void(const std::string&)> note = {});
  // Before the step starts, too.
  void use_emulators(std::vector<Emulator> emulators) { emulators_ = std::move(emulators); }
  const std::vector<Emulator>& emulators() const { return emulators_; }
  const Emulator* emulator_for(const ElfMachine& machine) const;
  const std::string& stub() const { return stub_; }
  std::uint32_t magic() const { return magic_; }
  void note(const std::string& text);

  // The number of an executable's path in the step's view; equal paths share one. 0: too many.
  std::uint32_t intern(const std::string& path);
  std::string path(std::uint32_t number) const;  // "" for 0: unknown

  // Between the rewritten call and PTRACE_EVENT_EXEC, by thread.
  void expect(pid_t tid, ExpectedExec exec);
  std::optional<ExpectedExec> take(pid_t tid);

  // A file without a path (a memfd, a deleted one) is copied beside the stub; the last few stay.
  Answer<std::string> copy(const os::UniqueFd& proc, const os::UniqueFd& file);

  ProgramFiles files;

 private:
  std::string stub_;
  std::uint32_t magic_ = 0;
  std::function<void(const std::string&)> note_;
  std::vector<Emulator> emulators_;
  mutable std::mutex mutex_;
  std::vector<std::string> paths_{""};
  std::unordered_map<std::string, std::uint32_t> numbers_{{"", 0}};
  std::unordered_map<pid_t, ExpectedExec> expected_;
  std::unordered_set<std::string> noted_;
  std::deque<std::string> copies_;
  std::uint64_t next_copy_ = 0;
};

// In the stop of PTRACE_EVENT_EXEC: writes `info` into the stub's memory. 0 or errno.
int tell_stub(const os::UniqueFd& proc, pid_t tid, const StubInfo& info, std::uint32_t magic);

// In the stop of PTRACE_EVENT_EXEC of `tid`, of which PTRACE_GETEVENTMSG says that it was `old_tid`
// when it called: sets credentials and executable, and tells the stub. Where that fails the process
// is killed. 0 or errno.
int finish_exec(Model& model, pid_t tid, pid_t old_tid);

// Writes the stub as a program into `directory`; its real path.
Result<std::string> write_stub(const std::string& directory);

// What stat, open and readlink of /proc/PID/exe mean: the executable in the step's view. "":
// unknown.
std::string executable_of(const Model& model, pid_t pid);

}  // namespace lichen::bare
