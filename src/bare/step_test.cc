#include "bare/step.h"

#include <gtest/gtest.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>

#include <atomic>
#include <cerrno>
#include <chrono>
#include <cstddef>
#include <thread>

#include "bare/step_testing.h"

namespace lichen::bare {
namespace {

using testing::Outcome;
using testing::Probe;
using testing::StepRun;

// --- what runs inside -------------------------------------------------------------------------

const Probe kThreads("threads", [] {
  std::atomic<int> seen = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i) {
    threads.emplace_back([&seen] {
      for (int round = 0; round < 50; ++round) {
        struct stat status {};
        const int fd = ::open("/bin/sh", O_RDONLY | O_CLOEXEC);
        if (fd >= 0 && ::fstat(fd, &status) == 0 && status.st_uid == 0) ++seen;
        ::close(fd);
      }
    });
  }
  for (std::thread& thread : threads) thread.join();
  return seen == 400 ? 0 : 1;
});

// A thread that is not the first executes a program: its number becomes the process's.
const Probe kThreadExec("thread-exec", [] {
  std::thread([] {
    char name[] = "/bin/sh", flag[] = "-c", script[] = "echo executed", path[] = "PATH=/bin";
    char* const argv[] = {name, flag, script, nullptr};
    char* const env[] = {path, nullptr};
    ::execve(name, argv, env);
    ::_exit(9);
  }).join();
  return 8;
});

const Probe kVfork("vfork", [] {
  for (int i = 0; i < 50; ++i) {
    const pid_t child = ::vfork();
    if (child == 0) {
      ::execl("/bin/true", "true", nullptr);
      ::_exit(1);
    }
    int status = 1;
    if (::waitpid(child, &status, 0) != child || status != 0) return 1;
  }
  return 0;
});

// A filter of the program's own, on top of ours: mkdir is refused, all else is as before.
const Probe kNested("nested-filter", [] {
  sock_filter program[] = {
      BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(seccomp_data, nr)),
      BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_mkdirat, 0, 1),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | ENOTBLK),
      BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
  };
  const sock_fprog fprog{4, program};
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) return 1;
  if (::prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &fprog) != 0) return 2;
  if (::mkdirat(AT_FDCWD, "/tmp/refused", 0755) == 0 || errno != ENOTBLK) return 3;
  struct stat status {};
  if (::stat("/bin/sh", &status) != 0 || ::getuid() != 0) return 4;
  ::execl("/bin/sh", "sh", "-c", "echo inside", nullptr);
  return 5;
});

// An open of a FIFO that waits is interrupted by a handler, with and without SA_RESTART.
const Probe kFifoSignal("fifo-signal", [] {
  if (::mkfifo("/tmp/waits", 0600) != 0) return 1;
  static volatile sig_atomic_t alarms = 0;
  struct sigaction action {};
  action.sa_handler = [](int) { alarms = alarms + 1; };
  ::sigaction(SIGALRM, &action, nullptr);
  ::ualarm(50'000, 0);
  if (::open("/tmp/waits", O_RDONLY) >= 0 || errno != EINTR || alarms != 1) return 2;
  action.sa_flags = SA_RESTART;
  ::sigaction(SIGALRM, &action, nullptr);
  ::ualarm(50'000, 50'000);
  const pid_t writer = ::fork();
  if (writer == 0) {
    ::usleep(300'000);
    ::_exit(::open("/tmp/waits", O_WRONLY) >= 0 ? 0 : 1);
  }
  const int fd = ::open("/tmp/waits", O_RDONLY);
  ::ualarm(0, 0);
  int status = 1;
  while (::waitpid(writer, &status, 0) < 0 && errno == EINTR) {
  }
  if (fd < 0 || alarms < 3 || status != 0) return 3;
  // Whoever was killed while it waited is no reader any more.
  const pid_t reader = ::fork();
  if (reader == 0) ::_exit(::open("/tmp/waits", O_RDONLY) >= 0 ? 0 : 1);
  ::close(fd);
  ::usleep(50'000);
  ::kill(reader, SIGKILL);
  ::waitpid(reader, &status, 0);
  if (::open("/tmp/waits", O_WRONLY | O_NONBLOCK) >= 0 || errno != ENXIO) return 4;
  return 0;
});

// A terminal that the step makes is its own; a file it may open by a descriptor of its own.
const Probe kTerminal("terminal", [] {
  const int master = ::posix_openpt(O_RDWR | O_NOCTTY);
  if (master < 0 || ::unlockpt(master) != 0) return 1;
  const char* const name = ::ptsname(master);
  const int slave = name != nullptr ? ::open(name, O_RDWR | O_NOCTTY) : -1;
  if (slave < 0 || ::write(master, "x\n", 2) != 2) return 2;
  char text[2];
  return ::read(slave, text, 2) == 2 ? 0 : 3;
});

// A child that its tracer would not know.
const Probe kUntraced("untraced", [] {
  const long pid =
      ::syscall(SYS_clone, CLONE_UNTRACED | SIGCHLD, nullptr, nullptr, nullptr, nullptr);
  if (pid == 0) ::_exit(0);
  return pid < 0 && errno == EPERM ? 0 : 1;
});

// Registers are what they were after a call that we rewrite, and so is what lies below the stack.
const Probe kRegisters("registers", [] {
#ifdef __x86_64__
  const char path[] = "/bin";
  std::uint64_t rdi = reinterpret_cast<std::uint64_t>(path), rsi = 0x1122334455667788,
                rdx = 0x99aabbccddeeff00;
  std::uint64_t before[3] = {rdi, rsi, rdx};
  register std::uint64_t r10 asm("r10") = 10, r8 asm("r8") = 8, r9 asm("r9") = 9;
  long result = SYS_chdir;
  asm volatile("syscall"
               : "+a"(result), "+D"(rdi), "+S"(rsi), "+d"(rdx), "+r"(r10), "+r"(r8), "+r"(r9)
               :
               : "rcx", "r11", "memory");
  if (result != 0) return 1;
  if (rdi != before[0] || rsi != before[1] || rdx != before[2]) return 2;
  if (r10 != 10 || r8 != 8 || r9 != 9) return 3;
#endif
  return 0;
});

// --- both back ends ---------------------------------------------------------------------------

class Steps : public ::testing::TestWithParam<Backend> {
 protected:
  static void SetUpTestSuite() {
    step_ = std::make_unique<StepRun>(::testing::TempDir() + "step." + std::to_string(::getpid()));
  }
  static void TearDownTestSuite() { step_.reset(); }
  void SetUp() override { step_->while_it_runs = nullptr; }

  static Options options() { return {.backend = GetParam()}; }
  static Outcome run(const std::string& script) { return step_->run(script, options()); }
  static Outcome probe(const std::string& name) {
    Options with = options();
    with.argv = {"/bin/probe"};
    with.env = {"PROBE=" + name};
    return step_->run(std::move(with));
  }
  static void expect(const std::string& script, const std::string& output, int code = 0) {
    const Outcome outcome = run(script);
    EXPECT_EQ(outcome.failure, "") << script;
    EXPECT_EQ(outcome.output, output) << script;
    EXPECT_EQ(outcome.code, code) << script;
  }
  static std::unique_ptr<StepRun> step_;
};
std::unique_ptr<StepRun> Steps::step_;

INSTANTIATE_TEST_SUITE_P(Both, Steps, ::testing::Values(Backend::kNotify, Backend::kPtrace),
                         [](const auto& row) {
                           return row.param == Backend::kNotify ? "Notify" : "Ptrace";
                         });

// Whoever inherits the dead may leave them as zombies for a while.
bool runs(pid_t pid) {
  const auto status = os::find_file("/proc/" + std::to_string(pid) + "/status");
  return status && *status && (*status)->find("State:\tZ") == std::string::npos;
}

TEST_P(Steps, RunAShell) {
  expect("echo hello | cat; id -u; cd /bin; pwd; cat /tmp/none 2>/dev/null; exit 3",
         "hello\n0\n/bin\n", 3);
  expect("ls -d / /bin; ls /tmp/none 2>/dev/null || echo none", "/\n/bin\nnone\n");
  expect("echo text > /tmp/file; chown 5:6 /tmp/file; stat -c '%u:%g %a' /tmp/file; rm /tmp/file",
         "5:6 644\n");
  expect("umask 077; echo > /tmp/file; stat -c %a /tmp/file; rm /tmp/file", "600\n");
}

TEST_P(Steps, SayWhatCannotRun) {
  Options with = options();
  with.argv = {"none"};
  Outcome outcome = step_->run(std::move(with));
  EXPECT_EQ(outcome.code, 127);
  EXPECT_EQ(outcome.output, "lichen: cannot run none: executable file not found in $PATH\n");
  with = options();
  with.argv = {"/etc"};
  outcome = step_->run(std::move(with));
  EXPECT_EQ(outcome.code, 126);
  EXPECT_EQ(outcome.output, "lichen: cannot run /etc: permission denied\n");
  with = options();
  with.argv = {"true"};
  EXPECT_EQ(step_->run(std::move(with)).code, 0);
  with = options();
  with.argv = {"true"};
  with.cwd = "/none";
  EXPECT_NE(step_->run(std::move(with)).failure.find("/none"), std::string::npos);
  expect("/bin/none 2>/dev/null", "", 127);
}

TEST_P(Steps, LimitResources) {
  Options with = options();
  with.argv = {"/bin/sh", "-c", "ulimit -S -n; ulimit -H -n; ulimit -c; cat /tmp/none 2>&1"};
  with.limits = {{RLIMIT_NOFILE, 30, 31}, {RLIMIT_CORE, 0, 0}};
  const Outcome outcome = step_->run(std::move(with));
  EXPECT_EQ(outcome.output, "30\n31\n0\ncat: /tmp/none: No such file or directory\n")
      << outcome.failure;
}

TEST_P(Steps, ForkAndWait) {
  expect("for i in 1 2 3 4 5 6 7 8 9 10; do (true; /bin/true; exit $i) & done; wait; echo all",
         "all\n");
  expect("exec 2>/dev/null; sleep 100 & kill $!; wait $!; echo $?", "143\n");
  expect("true & kill -0 $! && wait $! && echo zombie", "zombie\n");
  expect("kill -9 $$", "", 137);
  EXPECT_EQ(probe("vfork").code, 0);
  EXPECT_EQ(probe("threads").code, 0);
  const Outcome outcome = probe("thread-exec");
  EXPECT_EQ(outcome.output, "executed\n");
  EXPECT_EQ(outcome.code, 0);
}

TEST_P(Steps, StopAndContinue) {
  expect("(kill -STOP $(exec sh -c 'echo $PPID'); echo went on) & sleep 0.2; kill -CONT $!; wait",
         "went on\n");
  expect("trap 'echo caught' USR1; kill -USR1 $$; kill -USR1 -$$ ; echo end",
         "caught\ncaught\nend\n");
}

TEST_P(Steps, ReachOnlyThemselves) {
  const std::string other = std::to_string(::getpid());
  expect("kill -0 " + other + " 2>/dev/null || echo none", "none\n");
  expect("kill -0 1 && echo one", "one\n");
  expect("ls -d /proc/" + other + " 2>/dev/null || echo none", "none\n");
  expect("exec 2>/dev/null; sleep 100 & kill -TERM -1; wait $!; echo $?", "143\n");
}

TEST_P(Steps, WaitForFifos) {
  expect("mkfifo /tmp/f; cat /tmp/f & echo through > /tmp/f; wait; stat -c %h /tmp/f; rm /tmp/f",
         "through\n1\n");
  expect("mkfifo /tmp/f; echo through > /tmp/f & cat /tmp/f; rm /tmp/f", "through\n");
  expect("mkfifo /tmp/f; timeout 0.2 cat /tmp/f; echo $?; rm /tmp/f", "124\n");
  EXPECT_EQ(probe("fifo-signal").code, 0);
  expect("rm /tmp/waits", "");
}

TEST_P(Steps, HaveTerminals) {
  EXPECT_EQ(probe("terminal").code, 0);
}

TEST_P(Steps, KeepRegisters) {
  EXPECT_EQ(probe("registers").code, 0);
}

TEST_P(Steps, FilterThemselves) {
  const Outcome outcome = probe("nested-filter");
  EXPECT_EQ(outcome.output, "inside\n");
  EXPECT_EQ(outcome.code, 0);
}

TEST_P(Steps, LeaveNothingBehind) {
  const Outcome outcome = run("sleep 1000 & echo $!; (sh -c 'sleep 1000 & echo $!'); exit 4");
  EXPECT_EQ(outcome.code, 4);
  std::istringstream pids(outcome.output);
  int count = 0;
  for (pid_t pid = 0; pids >> pid; ++count) EXPECT_NE(::kill(pid, 0), 0) << pid;
  EXPECT_EQ(count, 2);
  EXPECT_EQ(probe("untraced").code, 0);
}

TEST_P(Steps, DieWithTheirSupervisor) {
  const std::string marker = step_->real("/tmp/marker");
  step_->while_it_runs = [&] {
    for (int i = 0; i < 500 && !os::exists(marker); ++i) ::usleep(10'000);
    ::kill(step_->worker(), SIGKILL);
  };
  const Outcome outcome = run("sleep 1000 & echo $!; echo $$; echo > /tmp/marker; wait");
  std::istringstream pids(outcome.output);
  int count = 0;
  for (pid_t pid = 0; pids >> pid; ++count) {
    for (int i = 0; i < 500 && runs(pid); ++i) ::usleep(10'000);
    EXPECT_FALSE(runs(pid)) << pid;
  }
  EXPECT_EQ(count, 2);
  ::unlink(marker.c_str());
}

TEST_P(Steps, BelieveToBeTheirUser) {
  Options with = options();
  with.uid = 1000;
  with.gid = 1001;
  const Outcome outcome = step_->run(
      "exec 2>/dev/null; id -u; id -g; echo x > /etc/no || echo refused", std::move(with));
  EXPECT_EQ(outcome.output, "1000\n1001\nrefused\n");
}

TEST(Step, FindsABackend) {
  StepRun step(::testing::TempDir() + "step.auto." + std::to_string(::getpid()));
  const Outcome outcome = step.run("echo here");
  EXPECT_EQ(outcome.failure, "");
  EXPECT_EQ(outcome.output, "here\n");
}

}  // namespace
}  // namespace lichen::bare
