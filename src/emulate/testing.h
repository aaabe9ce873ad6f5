// A container for tests: a single-id user namespace, an overlay of three directories, a new pid
// namespace, the filter that calls.h describes, and a Supervisor. No root, no other module.
//
//   testing::Container container(directory);      // makes lower/, upper/, merged/ in it
//   container.options.uid = 33;
//   testing::Outcome outcome = container.run([] { return testing::shell("id -u"); });
//   EXPECT_EQ(outcome.seen, "33\n");
//
// The body runs as pid 1 of the container, in merged/. Everything ends with run().
#pragma once

#include <fcntl.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstddef>
#include <cstdio>
#include <functional>
#include <string>
#include <vector>

#include "base/wire.h"
#include "emulate/supervisor.h"
#include "os/file.h"
#include "os/socket.h"

namespace lichen::emulate::testing {

struct Outcome {
  std::string failure;  // of the container itself; "no user namespaces" and the like
  std::string seen;     // what the body returned
  std::string sidecar;  // owners::to_bytes
};
template <class Wire>
void fields(Wire& wire, Outcome& outcome) {
  wire(outcome.failure, outcome.seen, outcome.sidecar);
}

inline std::vector<sock_filter> make_filter(const std::vector<NotifiedCall>& calls) {
#ifdef __x86_64__
  constexpr std::uint32_t kArch = AUDIT_ARCH_X86_64;
#else
  constexpr std::uint32_t kArch = AUDIT_ARCH_AARCH64;
#endif
  using Match = NotifiedCall::Match;
  const auto load = [](std::size_t at) -> sock_filter {
    return BPF_STMT(BPF_LD | BPF_W | BPF_ABS, static_cast<std::uint32_t>(at));
  };
  std::vector<sock_filter> program{load(offsetof(seccomp_data, arch)),
                                   BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, kArch, 1, 0),
                                   BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  for (const NotifiedCall& call : calls) {
    std::vector<sock_filter> test;
    if (call.match != Match::kAlways) {
      test.push_back(load(offsetof(seccomp_data, args) + 8 * static_cast<std::size_t>(call.arg)));
      if (call.match == Match::kMaskEquals) {
        test.push_back(BPF_STMT(BPF_ALU | BPF_AND | BPF_K, call.mask));
        test.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, call.value, 0, 1));
      } else if (call.match == Match::kAtLeast) {
        test.push_back(BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, call.value, 0, 1));
      } else {
        test.push_back(BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, call.mask, 0, 1));
      }
    }
    test.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF));
    program.push_back(load(offsetof(seccomp_data, nr)));
    program.push_back(BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, static_cast<std::uint32_t>(call.nr), 0,
                               static_cast<std::uint8_t>(test.size())));
    program.insert(program.end(), test.begin(), test.end());
  }
  program.push_back(BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW));
  return program;
}

// What `script` writes to either output.
inline std::string shell(const std::string& script) {
  std::FILE* pipe = ::popen(("exec 2>&1\n" + script).c_str(), "re");
  if (pipe == nullptr) return "popen failed";
  std::string output;
  char buffer[4096];
  for (std::size_t bytes = 0; (bytes = std::fread(buffer, 1, sizeof buffer, pipe)) > 0;) {
    output.append(buffer, bytes);
  }
  ::pclose(pipe);
  return output;
}

// "33:33 644 regular file": as a program sees it.
inline std::string look(const std::string& path) {
  return shell("stat -c '%u:%g %a %F' '" + path + "'");
}

class Container {
 public:
  explicit Container(std::string directory) : directory_(std::move(directory)) {
    static_cast<void>(os::remove_tree(directory_));
    for (const char* name : {"lower", "upper", "work", "merged"}) {
      LICHEN_ASSERT(os::mkdirs(directory_ + "/" + name));
    }
  }

  std::string lower() const { return directory_ + "/lower"; }

  Outcome run(const std::function<std::string()>& body) {
    auto pair = os::socket_pair();
    LICHEN_ASSERT(pair);
    const std::string uid = std::to_string(::getuid()), gid = std::to_string(::getgid());
    // Not fork and unshare: only a process of one thread may do that, and sanitizers have more.
    const auto keeper = static_cast<pid_t>(::syscall(
        SYS_clone, CLONE_NEWUSER | CLONE_NEWNS | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (keeper < 0) return {.failure = "no user namespaces"};
    if (keeper == 0) {
      pair->first.reset();
      const Outcome outcome = keep(uid, gid, body);
      static_cast<void>(os::send_message(pair->second, pack(outcome)));
      ::_exit(0);
    }
    pair->second.reset();
    auto message = os::receive_message(pair->first);
    int status = 0;
    ::waitpid(keeper, &status, 0);
    if (!message) return {.failure = "the keeper died"};
    auto outcome = unpack<Outcome>(message->bytes);
    LICHEN_ASSERT(outcome);
    return std::move(*outcome);
  }

  Options options;  // profile, owners, uid, gid, groups
  Needs needs;

 private:
  static bool write_text(const char* path, const std::string& text) {
    const os::UniqueFd fd(::open(path, O_WRONLY | O_CLOEXEC));
    return fd.valid() && os::write_all(fd, text).has_value();
  }

  Outcome keep(const std::string& uid, const std::string& gid,
               const std::function<std::string()>& body) {
    if (!write_text("/proc/self/setgroups", "deny") ||
        !write_text("/proc/self/uid_map", "0 " + uid + " 1") ||
        !write_text("/proc/self/gid_map", "0 " + gid + " 1")) {
      return {.failure = "no user namespaces"};
    }
    ::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr);
    const std::string merged = directory_ + "/merged";
    const std::string overlay = "lowerdir=" + lower() + ",upperdir=" + directory_ +
                                "/upper,workdir=" + directory_ + "/work,userxattr";
    if (::mount("overlay", merged.c_str(), "overlay", 0, overlay.c_str()) != 0) {
      return {.failure = "no overlay mounts in user namespaces"};
    }
    options.proc = os::UniqueFd(::open("/proc", O_PATH | O_DIRECTORY | O_CLOEXEC));
    options.root = os::UniqueFd(::open(merged.c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    options.upper =
        os::UniqueFd(::open((directory_ + "/upper").c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    auto pair = os::socket_pair();
    options.map_size = needs.map_size;
    const bool is_killable = !options.as_old_kernel;
    const std::vector<NotifiedCall> calls = notified_calls(options.profile, needs);
    const auto init = static_cast<pid_t>(
        ::syscall(SYS_clone, CLONE_NEWPID | SIGCHLD, nullptr, nullptr, nullptr, nullptr));
    if (init == 0) {
      pair->first.reset();
      ::prctl(PR_SET_PDEATHSIG, SIGKILL);
      // Hosts with a masked /proc refuse this; then the host's stays, which works alike here.
      ::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr);
      inside(pair->second, merged, calls, is_killable, body);
    }
    pair->second.reset();
    auto first = os::receive_message(pair->first);
    if (!first || first->fds.size() != 1) return {.failure = "no listener"};
    auto supervisor = Supervisor::start(std::move(first->fds[0]), std::move(options));
    if (!supervisor) return {.failure = to_text(supervisor.error())};
    auto seen = os::receive_message(pair->first);
    int status = 0;
    ::waitpid(init, &status, 0);
    auto sidecar = supervisor->finish();
    if (!sidecar) return {.failure = to_text(sidecar.error())};
    return {.failure = seen ? "" : "the body died",
            .seen = seen ? seen->bytes : "",
            .sidecar = owners::to_bytes(*sidecar)};
  }

  [[noreturn]] static void inside(const os::UniqueFd& socket, const std::string& merged,
                                  const std::vector<NotifiedCall>& calls, bool is_killable,
                                  const std::function<std::string()>& body) {
    std::vector<sock_filter> filter = make_filter(calls);
    sock_fprog program{static_cast<unsigned short>(filter.size()), filter.data()};
    const unsigned flags = SECCOMP_FILTER_FLAG_NEW_LISTENER |
                           (is_killable ? SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV : 0);
    const os::UniqueFd listener(
        static_cast<int>(::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, flags, &program)));
    if (!listener.valid() || ::chdir(merged.c_str()) != 0) ::_exit(1);
    static_cast<void>(os::send_message(socket, "", {listener.get()}));
    ::umask(022);
    static_cast<void>(os::send_message(socket, body()));
    ::_exit(0);
  }

  std::string directory_;
};

}  // namespace lichen::emulate::testing
