#include "emulate/listener.h"

#include <fcntl.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <condition_variable>
#include <cstring>
#include <mutex>
#include <thread>
#include <vector>

#include "emulate/replay.h"

namespace lichen::emulate {

namespace {

#ifndef SECCOMP_IOCTL_NOTIF_SET_FLAGS  // Linux 6.6
#define SECCOMP_IOCTL_NOTIF_SET_FLAGS SECCOMP_IOW(4, __u64)
#define SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP (1UL << 0)
#endif

constexpr auto kPatience = std::chrono::milliseconds(20);  // with a thread that does not come back
constexpr auto kStopPause = std::chrono::microseconds(200);
constexpr unsigned kMaxThreads = 4;
constexpr unsigned kFewCpus = 2;    // where a second busy thread only takes turns with the callers
constexpr unsigned kLookEvery = 8;  // calls: whether another one waits already
constexpr int kBusy = 2;            // such looks in a row that found one

// Kernels may know a longer notification than our headers; they refuse a buffer that is not zeroed.
struct Notice {
  alignas(seccomp_notif) char bytes[256] = {};
  seccomp_notif& get() { return *reinterpret_cast<seccomp_notif*>(bytes); }
};

// A thread that waits for a call does so in the kernel, and a signal ends that: one poll less for
// each call. The handler does nothing.
int stop_signal() {
  static const int number = [] {
    struct sigaction action {};
    action.sa_handler = [](int) {};
    ::sigaction(SIGRTMIN, &action, nullptr);
    return SIGRTMIN;
  }();
  return number;
}

}  // namespace

struct Listener::State {
  os::UniqueFd listener;
  Handler handler;
  std::atomic<bool> stopping = false;
  std::atomic<std::size_t> ended = 0;     // threads
  std::atomic<int> helping = 0;           // threads beyond the first that are at work
  std::atomic<std::uint64_t> served = 0;  // calls received: whether the first thread moves on
  std::mutex help_mutex;
  std::condition_variable help;
  int wanted = 0;  // helpers asked for, under help_mutex
  std::vector<std::thread> threads;

  State(os::UniqueFd l, Handler h) : listener(std::move(l)), handler(std::move(h)) {}

  bool waiting() const {
    pollfd fd{listener.get(), POLLIN, 0};
    return ::poll(&fd, 1, 0) == 1 && (fd.revents & POLLIN) != 0;
  }

  bool is_deserted() const {  // no process is left that could call
    pollfd fd{listener.get(), POLLIN, 0};
    return ::poll(&fd, 1, 0) == 1 && (fd.revents & POLLHUP) != 0;
  }

  // Blocks until a call comes. false: stop().
  bool receive(Notice& notice) {
    while (!stopping) {
      if (::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_RECV, &notice.get()) == 0) {
        served.fetch_add(1, std::memory_order_relaxed);
        return true;
      }
      // ENOENT: the calling thread was killed meanwhile.
      if (errno != EINTR && is_deserted()) return false;
    }
    return false;
  }

  void serve(Notice& notice) { handler(listener, notice.get()); }

  // umask and current directory become this thread's own: files are made with a caller's.
  static void own_file_state() {
    ::unshare(CLONE_FS);
    ::umask(0);
    sigset_t signals;
    ::sigemptyset(&signals);
    ::sigaddset(&signals, stop_signal());
    ::pthread_sigmask(SIG_UNBLOCK, &signals, nullptr);
  }

  void first() {
    own_file_state();
    const bool shares = std::thread::hardware_concurrency() > kFewCpus;
    int busy = 0;
    for (unsigned round = 1;; ++round) {
      if (shares && round % kLookEvery == 0) {
        busy = waiting() ? busy + 1 : 0;
        if (busy >= kBusy) ask_for_help();
      }
      Notice notice;
      if (!receive(notice)) return;
      serve(notice);
    }
  }

  void ask_for_help() {
    if (helping.load(std::memory_order_relaxed) + 1 >= static_cast<int>(threads.size())) return;
    std::lock_guard lock(help_mutex);
    if (wanted < static_cast<int>(threads.size()) - 1) ++wanted;
    help.notify_one();
  }

  void helper() {
    own_file_state();
    std::uint64_t seen = 0;
    while (!stopping) {
      {
        std::unique_lock lock(help_mutex);
        help.wait_for(lock, kPatience, [&] { return stopping || wanted > 0; });
        if (stopping) return;
        const std::uint64_t now = served.load(std::memory_order_relaxed);
        const bool asked = wanted > 0;
        if (asked) --wanted;
        const bool stuck = now == seen;
        seen = now;
        if (!asked && !stuck) continue;
      }
      ++helping;
      Notice notice;
      while (waiting() && receive(notice)) {
        serve(notice);
        notice = {};
      }
      --helping;
    }
  }
};

namespace {

// The descriptor's number in the caller (with SECCOMP_ADDFD_FLAG_SEND the call has returned it,
// too), or -errno.
int add_descriptor(const os::UniqueFd& listener, std::uint64_t id, const NewFd& file,
                   std::uint32_t flags) {
  seccomp_notif_addfd add{.id = id, .flags = flags};
  add.srcfd = static_cast<std::uint32_t>(file.fd.get());
  add.newfd_flags = file.cloexec ? O_CLOEXEC : 0;
  const int number = ::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_ADDFD, &add);
  return number >= 0 ? number : -errno;
}

// 0 or errno.
int respond(const os::UniqueFd& listener, std::uint64_t id, const Reply& reply) {
  alignas(seccomp_notif_resp) char bytes[256] = {};
  auto& response = *reinterpret_cast<seccomp_notif_resp*>(bytes);
  response.id = id;
  if (const auto* error = std::get_if<Errno>(&reply)) {
    response.error = -error->number;
  } else if (const auto* value = std::get_if<Value>(&reply)) {
    response.val = value->value;
  } else {
    response.flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
  }
  return ::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_SEND, &response) == 0 ? 0 : errno;
}

}  // namespace

void Listener::send(const os::UniqueFd& listener, std::uint64_t id, Reply reply) {
  deliver(listener, id, std::move(reply));
}

std::optional<Reply> Listener::deliver(const os::UniqueFd& listener, std::uint64_t id, Reply reply,
                                       bool in_one_step) {
  const auto* file = std::get_if<NewFd>(&reply);
  if (file == nullptr) {
    if (respond(listener, id, reply) != ENOENT) return std::nullopt;
    return reply;
  }
  int number = in_one_step ? add_descriptor(listener, id, *file, SECCOMP_ADDFD_FLAG_SEND) : -EINVAL;
  if (number >= 0) return std::nullopt;
  if (number == -EINVAL) {
    number = add_descriptor(listener, id, *file, 0);
    if (number >= 0 && respond(listener, id, Value{number}) != ENOENT) return std::nullopt;
  }
  // ESRCH: the signal came before the caller took it.
  if (number >= 0 || number == -ENOENT || number == -ESRCH) return reply;
  respond(listener, id, Errno{-number});  // EMFILE
  return std::nullopt;
}

Result<std::unique_ptr<Listener>> Listener::start(os::UniqueFd listener, os::UniqueFd proc,
                                                  Model& model) {
  const auto shared_proc = std::make_shared<os::UniqueFd>(std::move(proc));
  const auto replays = std::make_shared<Replays>();
  return start(std::move(listener), [shared_proc, replays, &model](const os::UniqueFd& fd,
                                                                   const seccomp_notif& call) {
    const Task task(fd, *shared_proc, call);
    if (!model.restarts) return send(fd, call.id, answer(task, model));
    const Replays::Turn turn(*replays, task.tid());
    if (!task.valid()) return;  // restarted already
    auto reply = replays->take(task);
    if (!reply) reply = replays->correct(task, answer(task, model));
    Reply copy = copy_of(*reply);
    auto undelivered = deliver(fd, call.id, std::move(*reply), model.in_one_step);
    replays->keep(task, undelivered ? std::move(*undelivered) : std::move(copy), !undelivered);
  });
}

Result<std::unique_ptr<Listener>> Listener::start(os::UniqueFd listener, Handler handler) {
  // The answer comes from the CPU that asked: no other one has to be woken.
  ::ioctl(listener.get(), SECCOMP_IOCTL_NOTIF_SET_FLAGS, SECCOMP_USER_NOTIF_FD_SYNC_WAKE_UP);
  auto state = std::make_unique<State>(std::move(listener), std::move(handler));
  State& shared = *state;
  // Two at least: see the top of listener.h.
  const unsigned count = std::clamp(std::thread::hardware_concurrency(), 2u, kMaxThreads);
  shared.threads.resize(count);
  try {
    for (unsigned index = 1; index < count; ++index) {
      shared.threads[index] = std::thread([&shared] {
        shared.helper();
        ++shared.ended;
      });
    }
    shared.threads[0] = std::thread([&shared] {
      shared.first();
      ++shared.ended;
    });
  } catch (const std::system_error& error) {
    Listener started(std::move(state));  // ends those that run
    return fail(os_error(error.code().value(), "pthread_create", "the supervisor"));
  }
  return std::unique_ptr<Listener>(new Listener(std::move(state)));
}

Listener::Listener(std::unique_ptr<State> state) : state_(std::move(state)) {}

Listener::~Listener() {
  stop();
}

void Listener::stop() {
  State& state = *state_;
  {
    std::lock_guard lock(state.help_mutex);
    state.stopping = true;
  }
  state.help.notify_all();
  // Again and again: a signal that comes before its thread waits is lost.
  std::size_t running = 0;
  for (const std::thread& thread : state.threads) running += thread.joinable() ? 1 : 0;
  while (state.ended != running && running != 0) {
    for (std::thread& thread : state.threads) {
      if (thread.joinable()) ::pthread_kill(thread.native_handle(), stop_signal());
    }
    std::this_thread::sleep_for(kStopPause);
  }
  for (std::thread& thread : state.threads) {
    if (thread.joinable()) thread.join();
  }
}

}  // namespace lichen::emulate
