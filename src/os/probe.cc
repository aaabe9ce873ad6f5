#include "os/probe.h"

#include <fcntl.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/ptrace.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstddef>
#include <cstdlib>
#include <iterator>

#include "base/text.h"
#include "os/file.h"
#include "os/host.h"
#include "os/idmap.h"
#include "os/socket.h"

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS  // Linux 6.6
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

namespace lichen::os {

namespace {

std::string failed(const char* call, const std::string& subject) {
  return os_error(call, subject).message;
}

std::string setting(const std::string& name) {
  const auto text = read_file("/proc/sys/" + name);
  return text ? std::string(trim(*text)) : "";
}

void reap(pid_t pid) {
  while (::waitpid(pid, nullptr, 0) < 0 && errno == EINTR) {
  }
}

}  // namespace

std::string in_child(const std::function<std::string()>& work) {
  auto answer = pipe();
  if (!answer) return to_text(answer.error());
  const pid_t pid = ::fork();
  if (pid < 0) return failed("fork", "probe");
  if (pid == 0) {
    (void)write_all(answer->second, work());
    ::_exit(0);
  }
  answer->second.reset();
  const auto text = read_file(answer->first);
  reap(pid);
  if (!text || text->empty()) return "the probe was killed";
  return *text;
}

std::string user_namespace_fix(int os_errno) {
  if (setting("kernel/unprivileged_userns_clone") == "0")
    return "sysctl -w kernel.unprivileged_userns_clone=1";
  if (setting("user/max_user_namespaces") == "0" || os_errno == ENOSPC || os_errno == EUSERS)
    return "sysctl -w user.max_user_namespaces=15000";
  if (setting("kernel/apparmor_restrict_unprivileged_userns") == "1")
    return "sysctl -w kernel.apparmor_restrict_unprivileged_userns=0, or an AppArmor profile for "
           "lichen that says `userns,`";
  return "if this is a container: a seccomp profile that allows unshare and mount (docker: "
         "--security-opt seccomp=unconfined --security-opt apparmor=unconfined; Kubernetes: "
         "seccompProfile Unconfined)";
}

namespace {

Error namespace_error(const char* call, const std::string& subject) {
  Error error = os_error(call, subject);
  error.code = Errc::kUnsupported;
  error.hint = user_namespace_fix(error.os_errno);
  return error;
}

// Alone in a new user namespace: the map of one id may be written from inside.
Result<void> enter_alone(int more_namespaces) {
  const IdMaps maps = single_map();
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS | more_namespaces) < 0)
    return fail(namespace_error("unshare", "user namespace"));
  for (const auto& [file, text] :
       {std::pair("setgroups", std::string("deny")), std::pair("uid_map", to_text(maps.uids)),
        std::pair("gid_map", to_text(maps.gids))}) {
    const std::string path = std::string("/proc/self/") + file;
    const UniqueFd fd = TRY(open(path, O_WRONLY));
    if (::write(fd.get(), text.data(), text.size()) < 0)
      return fail(namespace_error("write", path));
  }
  // Hosts that let a namespace be made, but take its capabilities away, show here.
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
    return fail(namespace_error("mount", "in a user namespace"));
  return {};
}

// Text form of a Result for in_child: "ok", or code, message and hint on three lines.
std::string pack(const Result<void>& result) {
  if (result) return "ok";
  const Error& error = result.error();
  return std::to_string(static_cast<int>(error.code)) + "\n" + to_text(error) + "\n" + error.hint;
}

Result<void> unpack(const std::string& text) {
  if (text == "ok") return {};
  const std::vector<std::string> lines = split(text, '\n');
  if (lines.size() < 3) return fail(Errc::kUnsupported, text);
  return fail(Error{.code = static_cast<Errc>(std::atoi(lines[0].c_str())),
                    .message = lines[1],
                    .hint = lines[2]});
}

// A child unshares and waits; we write its maps.
Result<void> try_many_ids() {
  const IdMaps maps = TRY(subordinate_maps());
  auto ready = TRY(pipe());
  auto done = TRY(pipe());
  const pid_t pid = ::fork();
  if (pid < 0) return fail(os_error("fork", "probe"));
  if (pid == 0) {
    ready.first.reset();
    done.second.reset();
    const bool made = ::unshare(CLONE_NEWUSER) == 0;
    const int os_errno = made ? 0 : errno;
    (void)write_all(ready.second, {reinterpret_cast<const char*>(&os_errno), sizeof os_errno});
    char byte = 0;
    while (::read(done.first.get(), &byte, 1) < 0 && errno == EINTR) {
    }
    ::_exit(0);
  }
  ready.second.reset();
  int os_errno = EIO;
  Result<void> mapped;
  if (::read(ready.first.get(), &os_errno, sizeof os_errno) != sizeof os_errno) os_errno = EIO;
  errno = os_errno;
  if (os_errno != 0)
    mapped = fail(namespace_error("unshare", "user namespace"));
  else
    mapped = write_id_maps(pid, maps.uids, maps.gids);
  done.second.reset();
  reap(pid);
  return mapped;
}

}  // namespace

Result<void> check_mount_calls() {
  // Arguments that a kernel with the call refuses.
  if (::syscall(SYS_mount_setattr, -1, nullptr, 0, nullptr, 0) < 0 && errno == ENOSYS) {
    return fail(Errc::kUnsupported, "the kernel has no mount_setattr", "Linux 5.12 or newer");
  }
  return {};
}

Result<void> check_tier(Tier tier) {
  if (tier != Tier::kBare) TRY(check_mount_calls());
  switch (tier) {
    case Tier::kIds:
      return try_many_ids();
    case Tier::kUserns:
      return unpack(in_child([] { return pack(enter_alone(0)); }));
    case Tier::kBare: {
      const std::string said = in_child(probe::seccomp_trace);
      if (said == "ok") return {};
      return fail(Errc::kUnsupported, said,
                  "sysctl -w kernel.yama.ptrace_scope=1, and an outer seccomp profile that allows "
                  "ptrace and seccomp");
    }
  }
  return fail(Errc::kInternal, "unknown tier");
}

namespace {

// Deletes a lower file and replaces a lower directory: needs whiteouts and user.* attributes.
std::string try_overlay() {
  for (const char* path : {"lower", "lower/directory", "upper", "work", "merged"})
    if (::mkdir(path, 0700) < 0) return failed("mkdir", path);
  const UniqueFd file(::open("lower/file", O_CREAT | O_WRONLY | O_CLOEXEC, 0600));
  if (!file.valid()) return failed("create", "file");
  if (const auto entered = enter_alone(0); !entered) return to_text(entered.error());
  if (::mount("overlay", "merged", "overlay", 0,
              "lowerdir=lower,upperdir=upper,workdir=work,userxattr,volatile") < 0)
    return failed("mount", "overlay");
  if (::unlink("merged/file") < 0) return failed("make a whiteout in", "overlay");
  if (::rmdir("merged/directory") < 0 || ::mkdir("merged/directory", 0700) < 0)
    return failed("replace a directory in", "overlay");
  char value[8];
  if (::getxattr("upper/directory", "user.overlay.opaque", value, sizeof value) < 1)
    return "the file system keeps no user.* attributes for overlay";
  return "ok";
}

}  // namespace

std::string probe::overlay(const std::string& store) {
  std::string place = store + "/.probe-XXXXXX";
  if (::mkdtemp(place.data()) == nullptr) return failed("mkdir", place);
  const std::string said =
      in_child([&] { return ::chdir(place.c_str()) < 0 ? failed("chdir", place) : try_overlay(); });
  (void)remove_tree(place);  // what is left is empty
  return said;
}

std::string probe::fresh_proc() {
  if (const auto entered = enter_alone(CLONE_NEWPID); !entered) return to_text(entered.error());
  return in_child([]() -> std::string {  // process 1 of the new pid namespace
    if (::mount("proc", "/proc", "proc", MS_NOSUID | MS_NODEV | MS_NOEXEC, nullptr) < 0)
      return failed("mount", "proc");
    return "ok";
  });
}

namespace {

// Stops at an execve(2), which others above us would take first. Errors end it: the tracer sees
// that it never stopped.
[[noreturn]] void run_traced(int go) {
  const auto load = static_cast<std::uint32_t>(offsetof(seccomp_data, nr));
  sock_filter filter[] = {BPF_STMT(BPF_LD | BPF_W | BPF_ABS, load),
                          BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_execve, 0, 1),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_TRACE),
                          BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW)};
  const sock_fprog program{static_cast<unsigned short>(std::size(filter)), filter};
  char byte = 0;
  if (::read(go, &byte, 1) != 1 || ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
      ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) < 0)
    ::_exit(1);
  ::syscall(SYS_execve, "", nullptr, nullptr);
  ::_exit(0);
}

}  // namespace

std::string probe::seccomp_trace() {
#ifndef __x86_64__
  return "not on this architecture yet";
#endif
  auto go = pipe();
  if (!go) return to_text(go.error());
  const pid_t pid = ::fork();
  if (pid < 0) return failed("fork", "probe");
  if (pid == 0) run_traced(go->first.get());
  if (::ptrace(PTRACE_SEIZE, pid, nullptr, PTRACE_O_TRACESECCOMP | PTRACE_O_EXITKILL) < 0) {
    std::string said = failed("ptrace", "a child");
    ::kill(pid, SIGKILL);
    reap(pid);
    return said;
  }
  (void)write_all(go->second, "g");
  int status = 0;
  while (::waitpid(pid, &status, __WALL) < 0 && errno == EINTR) {
  }
  const bool stopped = WIFSTOPPED(status) && status >> 16 == PTRACE_EVENT_SECCOMP;
  if (!WIFEXITED(status) && !WIFSIGNALED(status)) {
    ::kill(pid, SIGKILL);
    reap(pid);
  }
  if (stopped) return "ok";
  return "a traced child is not stopped at execve: it is forbidden, or another program answers it "
         "(a RUN of lichen at tier userns does)";
}

std::string probe::seccomp_notify() {
  sock_filter allow{BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  const sock_fprog program{1, &allow};
  // Nothing is gained by this process, so it need not be privileged to filter itself.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0) return failed("prctl", "no_new_privs");
  std::string said = "ok";
  long fd = ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER,
                      SECCOMP_FILTER_FLAG_NEW_LISTENER | SECCOMP_FILTER_FLAG_WAIT_KILLABLE_RECV,
                      &program);
  if (fd >= 0)
    said += " killable waits";
  else if (errno == EINVAL)
    fd =
        ::syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  if (fd < 0) return failed("seccomp", "listener");
  const UniqueFd listener(static_cast<int>(fd));
  if (::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP) ==
      0)
    said += said == "ok" ? " fast wake-up" : ", fast wake-up";
  return said;
}

}  // namespace lichen::os
