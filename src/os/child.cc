#include "os/child.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>

#include "base/text.h"
#include "os/socket.h"

namespace lichen::os {

WaitStatus wait_status(int raw) {
  if (WIFSIGNALED(raw)) return Signaled{WTERMSIG(raw)};
  return Exited{WEXITSTATUS(raw)};
}

Result<Child> Child::adopt(pid_t pid) {
  Child child;
  child.pid_ = pid;
  child.pidfd_ = UniqueFd(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
  if (!child.pidfd_.valid()) return fail(os_error("pidfd_open", std::to_string(pid)));
  return child;
}

Child::Child(Child&& other) noexcept
    : pid_(std::exchange(other.pid_, -1)), pidfd_(std::move(other.pidfd_)) {}

Child& Child::operator=(Child&& other) noexcept {
  if (this != &other) {
    end();
    pid_ = std::exchange(other.pid_, -1);
    pidfd_ = std::move(other.pidfd_);
  }
  return *this;
}

Child::~Child() {
  end();
}

void Child::end() {
  if (pid_ <= 0) return;
  kill(SIGKILL);
  (void)wait();
}

void Child::kill(int signal) const {
  if (pid_ > 0) ::kill(pid_, signal);  // ours and not reaped: the pid cannot have been reused
}

Result<WaitStatus> Child::wait() {
  LICHEN_ASSERT(pid_ > 0);
  int raw = 0;
  pid_t pid = ::waitpid(pid_, &raw, 0);
  while (pid < 0 && errno == EINTR) pid = ::waitpid(pid_, &raw, 0);
  if (pid < 0) {
    Error error = os_error("waitpid", std::to_string(pid_));
    pid_ = -1;
    return fail(std::move(error));
  }
  pid_ = -1;
  pidfd_.reset();
  return wait_status(raw);
}

std::vector<std::string> current_environment() {
  std::vector<std::string> env;
  for (char** entry = environ; entry != nullptr && *entry != nullptr; ++entry)
    env.emplace_back(*entry);
  return env;
}

std::string find_program(const std::string& program) {
  if (program.find('/') != std::string::npos)
    return ::access(program.c_str(), X_OK) == 0 ? program : "";
  const char* path = std::getenv("PATH");
  // Ordinary users often lack the sbin directories in PATH.
  const std::string places =
      std::string(path != nullptr ? path : "") + ":/usr/local/bin:/usr/bin:/bin:/usr/sbin:/sbin";
  for (const std::string& place : split(places, ':')) {
    if (!starts_with(place, "/")) continue;
    std::string candidate = place + "/" + program;
    if (::access(candidate.c_str(), X_OK) == 0) return candidate;
  }
  return "";
}

namespace {

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (const std::string& text : strings) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

// write(2) to a pipe whose reader may have gone: that is EPIPE, whatever the process does about
// SIGPIPE.
ssize_t write_quietly(const UniqueFd& pipe, std::string_view bytes) {
  sigset_t quiet, before, pending;
  sigemptyset(&quiet);
  sigaddset(&quiet, SIGPIPE);
  sigpending(&pending);
  const bool was_pending = sigismember(&pending, SIGPIPE) == 1;
  ::pthread_sigmask(SIG_BLOCK, &quiet, &before);
  const ssize_t count = ::write(pipe.get(), bytes.data(), bytes.size());
  const int failure = errno;
  const struct ::timespec at_once {};
  if (count < 0 && failure == EPIPE && !was_pending) ::sigtimedwait(&quiet, nullptr, &at_once);
  ::pthread_sigmask(SIG_SETMASK, &before, nullptr);
  errno = failure;
  return count;
}

// Feeds `input` and collects both outputs until the child closes them or time is up.
Result<void> exchange(const SpawnOptions& options, UniqueFd in, const UniqueFd& out,
                      const UniqueFd& err, Output& output) {
  using Clock = std::chrono::steady_clock;
  constexpr std::chrono::milliseconds kBetweenQuestions(100);
  const auto deadline = options.timeout_ms == 0
                            ? Clock::time_point::max()
                            : Clock::now() + std::chrono::milliseconds(options.timeout_ms);
  std::string_view rest = options.input;
  if (rest.empty()) in.reset();
  ::fcntl(in.get(), F_SETFL, O_NONBLOCK);
  bool out_open = true, err_open = true;
  while (out_open || err_open) {
    if (Clock::now() >= deadline)
      return fail(Errc::kUnavailable, options.argv[0] + ": no answer within " +
                                          std::to_string(options.timeout_ms / 1000) + " s");
    if (options.cancelled && options.cancelled())
      return fail(Errc::kCancelled, options.argv[0] + ": cancelled");
    int wait_ms = -1;
    if (options.timeout_ms != 0)
      wait_ms = static_cast<int>(
          std::chrono::ceil<std::chrono::milliseconds>(deadline - Clock::now()).count());
    if (options.cancelled && (wait_ms < 0 || wait_ms > kBetweenQuestions.count()))
      wait_ms = static_cast<int>(kBetweenQuestions.count());
    pollfd polled[3] = {{in.get(), POLLOUT, 0},
                        {out_open ? out.get() : -1, POLLIN, 0},
                        {err_open ? err.get() : -1, POLLIN, 0}};
    const int ready = ::poll(polled, 3, wait_ms);
    if (ready < 0 && errno != EINTR) return fail(os_error("poll", options.argv[0]));
    if (ready <= 0) continue;
    if (in.valid() && polled[0].revents != 0) {
      const ssize_t count = write_quietly(in, rest);
      if (count > 0) rest.remove_prefix(static_cast<std::size_t>(count));
      if (rest.empty() || (count < 0 && errno != EAGAIN && errno != EINTR)) in.reset();
    }
    const auto collect = [&](const pollfd& from, bool& open, std::string& text) {
      if (from.revents == 0) return;
      char buffer[16 * 1024];
      const ssize_t count = ::read(from.fd, buffer, sizeof buffer);
      if (count <= 0) {
        open = count < 0 && (errno == EINTR || errno == EAGAIN);
        return;
      }
      const std::size_t room = options.output_limit - std::min(options.output_limit, text.size());
      text.append(buffer, std::min(static_cast<std::size_t>(count), room));
    };
    collect(polled[1], out_open, output.out);
    collect(polled[2], err_open, output.err);
  }
  return {};
}

// All that the leader has started. It is not reaped yet, so the number is still its own.
void end_session(const Child& leader) {
  constexpr int kGraceMs = 2000;
  ::kill(-leader.pid(), SIGTERM);
  pollfd ended{leader.pidfd().get(), POLLIN, 0};
  (void)::poll(&ended, 1, kGraceMs);
  ::kill(-leader.pid(), SIGKILL);
}

}  // namespace

Result<Child> spawn_program(const std::vector<std::string>& argv,
                            const std::vector<std::string>& env, const Streams& streams,
                            bool new_session) {
  const std::string program = find_program(argv[0]);
  if (program.empty())
    return fail(Errc::kNotFound, argv[0] + " is not installed (not found in PATH)");
  posix_spawn_file_actions_t actions;
  posix_spawn_file_actions_init(&actions);
  const UniqueFd* const fds[] = {streams.in, streams.out, streams.err};
  for (int i = 0; i < 3; ++i)
    if (fds[i] != nullptr)
      posix_spawn_file_actions_adddup2(&actions, fds[i]->get(), i);
    else
      posix_spawn_file_actions_addopen(&actions, i, "/dev/null", O_RDWR, 0);
  posix_spawnattr_t attributes;
  posix_spawnattr_init(&attributes);
  sigset_t none;
  sigemptyset(&none);
  sigset_t defaults;
  sigemptyset(&defaults);
  sigaddset(&defaults, SIGPIPE);
  posix_spawnattr_setsigmask(&attributes, &none);
  posix_spawnattr_setsigdefault(&attributes, &defaults);
  posix_spawnattr_setflags(&attributes,
                           static_cast<short>(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                              (new_session ? POSIX_SPAWN_SETSID : 0)));
  pid_t pid = -1;
  const int rc = ::posix_spawn(&pid, program.c_str(), &actions, &attributes, pointers(argv).data(),
                               pointers(env).data());
  posix_spawn_file_actions_destroy(&actions);
  posix_spawnattr_destroy(&attributes);
  if (rc != 0) return fail(os_error(rc, "start", program));
  return Child::adopt(pid);
}

Result<Output> run_program(const SpawnOptions& options) {
  auto in = TRY(pipe());
  auto out = TRY(pipe());
  auto err = TRY(pipe());
  Child child = TRY(spawn_program(options.argv, options.env,
                                  {.in = &in.first, .out = &out.second, .err = &err.second},
                                  options.new_session));
  in.first.reset();
  out.second.reset();
  err.second.reset();
  Output output;
  const auto exchanged = exchange(options, std::move(in.second), out.first, err.first, output);
  if (!exchanged) {
    if (options.new_session) end_session(child);
    return fail(exchanged.error());  // and the child is killed
  }
  output.status = TRY(child.wait());
  return output;
}

}  // namespace lichen::os
