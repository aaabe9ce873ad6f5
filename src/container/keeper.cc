#include "container/keeper.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <cstdlib>
#include <thread>

#include "base/wire.h"
#include "container/cancellation.h"
#include "os/socket.h"
#include "sandbox/launch.h"
#include "sandbox/namespace.h"

namespace lichen::container {

namespace {

constexpr int kCancelPollMs = 50;
constexpr int kKeeperEndsMs = 1000;                   // after the control socket was closed
constexpr auto kStepEnds = std::chrono::seconds(10);  // after it was killed

struct Reply {
  std::optional<Error> error;
  std::string bytes;
};
template <class Wire>
void fields(Wire& wire, Reply& reply) {
  wire(reply.error, reply.bytes);
}

// Passes signals on to the command that this process runs, and ends it and then this process when
// the other end of `socket` is closed or shut down: the front gave up.
void obey(const os::UniqueFd& socket) {
  std::thread([&socket] {
    // A byte is a signal; the end of the stream is the front's.
    while (const auto message = os::receive_message(socket))
      for (const char number : message->bytes) worker_cancellation().pass(number);
    if (worker_cancellation().ask()) std::this_thread::sleep_for(kStepEnds);  // not reached
    ::_exit(EXIT_FAILURE);
  }).detach();  // lives exactly as long as the process: it has nothing to be joined for
}

[[noreturn]] void work(const Handler& handler, os::UniqueFd job, pid_t keeper) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  if (::getppid() != keeper) ::_exit(EXIT_FAILURE);
  auto request = os::receive_message(job);
  if (!request) ::_exit(EXIT_FAILURE);
  obey(job);
  auto bytes = handler(request->bytes, std::move(request->fds));
  Reply reply;
  if (bytes)
    reply.bytes = std::move(*bytes);
  else
    reply.error = std::move(bytes).error();
  ::_exit(os::send_message(job, pack(std::move(reply))) ? EXIT_SUCCESS : EXIT_FAILURE);
}

// Workers are waited for so that their CPU time is counted as ours; their job socket tells of them.
void reap_workers(int flags) {
  while (::waitpid(-1, nullptr, flags) > 0) {
  }
}

[[noreturn]] void serve(const Handler& handler, os::UniqueFd control) {
  const pid_t self = ::getpid();
  for (;;) {
    auto message = os::receive_message(control);
    const bool has_ended = !message || message->fds.size() != 1;  // the front
    reap_workers(has_ended ? 0 : WNOHANG);
    if (has_ended) ::_exit(EXIT_SUCCESS);
    os::UniqueFd job = std::move(message->fds[0]);
    const pid_t pid = ::fork();
    if (pid == 0) {
      control.reset();
      work(handler, std::move(job), self);
    }
    if (pid < 0) {
      const Error error = os_error("fork", "a worker");
      (void)os::send_message(job, pack(Reply{.error = error}));
    }
  }
}

[[noreturn]] void keep(const Keeper::Options& options, os::UniqueFd control) {
  // The terminal's signals reach the whole process group; the front decides what ends.
  for (const int signal : {SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGPIPE}) ::signal(signal, SIG_IGN);
  Result<void> entered;
  if (!options.uids.empty()) {
    entered = sandbox::enter(options.uids, options.gids);  // waits for children of its own
    if (entered) entered = sandbox::check_listener();
  }
  ::umask(0);
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);  // after enter(): a change of ids clears it
  Reply ready;
  if (!entered) ready.error = std::move(entered).error();
  if (!os::send_message(control, pack(ready)) || ready.error) ::_exit(EXIT_FAILURE);
  // Tried here once, while the front goes on: workers know it then.
  if (!options.uids.empty()) (void)sandbox::can_have_proc();
  serve(options.handler, std::move(control));
}

}  // namespace

Result<std::unique_ptr<Keeper>> Keeper::start(Options options) {
  auto [ours, theirs] = TRY(os::socket_pair());
  const pid_t pid = ::fork();
  if (pid < 0) return fail(os_error("fork", "the keeper"));
  if (pid == 0) {
    ours.reset();
    keep(options, std::move(theirs));
  }
  theirs.reset();
  os::Child child = TRY(os::Child::adopt(pid));
  const os::Message message = TRY(os::receive_message(ours));
  const Reply ready = TRY(unpack<Reply>(message.bytes));
  if (ready.error) return fail(*ready.error);
  return std::unique_ptr<Keeper>(new Keeper(std::move(child), std::move(ours)));
}

Keeper::~Keeper() {
  control_.reset();
  pollfd keeper{child_.pidfd().get(), POLLIN, 0};
  ::poll(&keeper, 1, kKeeperEndsMs);
}

Result<std::string> Keeper::call(std::string_view request, const std::vector<int>& fds,
                                 const std::atomic<bool>* cancelled, int signals) {
  auto [ours, theirs] = TRY(os::socket_pair());
  {
    std::lock_guard lock(mutex_);
    TRY(os::send_message(control_, "", {theirs.get()}));
  }
  theirs.reset();
  TRY(os::send_message(ours, request, fds));

  bool stopped = false;
  for (;;) {
    pollfd polled[2] = {{ours.get(), POLLIN, 0}, {signals, POLLIN, 0}};
    const int ready = ::poll(polled, 2, kCancelPollMs);
    if (ready < 0 && errno != EINTR) return fail(os_error("poll", "a worker"));
    if (ready > 0 && polled[0].revents != 0) break;
    if (ready > 0) {
      char numbers[64];
      const ssize_t count = ::read(signals, numbers, sizeof numbers);
      if (count < 0 && errno != EINTR && errno != EAGAIN) return fail(os_error("read", "signals"));
      // A worker that is gone is seen above.
      if (count > 0) (void)os::send_message(ours, {numbers, static_cast<std::size_t>(count)});
    }
    if (!stopped && cancelled != nullptr && cancelled->load()) {
      stopped = true;
      ::shutdown(ours.get(), SHUT_WR);  // the worker ends itself; end-of-file says that it has
    }
  }
  auto message = os::receive_message(ours);
  if (stopped) return fail(Errc::kCancelled, "cancelled");
  if (!message)
    return fail(Errc::kInternal, "a worker process ended without an answer",
                "it may have been killed for lack of memory; see dmesg");
  Reply reply = TRY(unpack<Reply>(message->bytes));
  if (reply.error) return fail(std::move(*reply.error));
  return std::move(reply.bytes);
}

}  // namespace lichen::container
