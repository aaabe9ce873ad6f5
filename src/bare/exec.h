// execve(2) of a file in the tree.
//
// The kernel would load a program's interpreter from the host, so it never gets to see the program:
// the call is rewritten into an execve of our stub (stub.h), whose only path argument is replaced,
// and which maps program and interpreter itself. The supervisor decides before: which file of which
// script chain, with what credentials. After PTRACE_EVENT_EXEC it writes the stub's StubInfo. A
// process's executable in the step's view (/proc/self/exe) is known by a number that it carries in
// its RLIMIT_RTTIME tag, beside that of its credentials, so forks need no bookkeeping.
#pragma once

#include <sys/types.h>

#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "bare/reply.h"
#include "base/result.h"
#include "os/fd.h"

namespace lichen::bare {

struct Model;

// What the stub is told.
struct StubInfo {
  std::string program, interpreter;  // real paths; interpreter "": none
  std::string execfn;                // AT_EXECFN, in the step's view
  std::string comm;                  // 15 bytes
  std::uint32_t uid = 0, euid = 0, gid = 0, egid = 0;
  bool secure = false;  // AT_SECURE
};

class Executables {
 public:
  // The number of an executable's path in the step's view; equal paths share one.
  std::uint32_t intern(const std::string& path);
  std::string path(std::uint32_t number) const;  // "" for 0: unknown

  // Between the rewritten call and PTRACE_EVENT_EXEC, by thread.
  void expect(pid_t tid, StubInfo info);
  std::optional<StubInfo> take(pid_t tid);

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> paths_{""};
  std::unordered_map<std::string, std::uint32_t> numbers_;
  std::unordered_map<pid_t, StubInfo> expected_;
};

// In the stop of PTRACE_EVENT_EXEC: writes `info` into the stub's memory. 0 or errno.
int tell_stub(pid_t tid, const StubInfo& info, std::uint32_t magic);

// Writes the stub as a program into `directory`; its real path.
Result<std::string> write_stub(const std::string& directory);

// What stat, open and readlink of /proc/PID/exe mean: the executable in the step's view. "":
// unknown.
std::string executable_of(const Model& model, pid_t pid);

}  // namespace lichen::bare
