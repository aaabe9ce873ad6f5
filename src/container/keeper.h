// The keeper: a small process in a user and mount namespace of ours, which forks a worker for every
// job that needs to be root there (unpack, copy, run, diff, remove). At tier `bare` it is the same
// process without a namespace.
//
//   auto keeper = TRY(Keeper::start({.uids = …, .gids = …, .handler = perform}));  // early!
//   std::string reply = TRY(keeper->call(request, {pipe.get()}, cancelled));
//
// Why: a process with threads cannot enter a user namespace, a large one forks slowly, and the id
// maps (newuidmap) should be written once. So the front process forks the keeper while it is small
// and single-threaded. A worker handles one request and ends; a crash costs one job. Lifetimes: the
// keeper dies with the front, workers with the keeper, a step's processes with their worker
// (PR_SET_PDEATHSIG and socket end-of-file).
//
// call() is thread-safe. A cancelled call ends its worker and returns when it is really gone, so
// the caller may then remove what the worker was writing.
#pragma once

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/child.h"
#include "os/fd.h"
#include "os/idmap.h"

namespace lichen::container {

// Runs in a worker: request bytes and descriptors in, reply bytes out.
using Handler = std::function<Result<std::string>(std::string_view, std::vector<os::UniqueFd>)>;

class Keeper {
 public:
  struct Options {
    std::vector<os::IdRange> uids, gids;  // none: no namespace
    Handler handler;
  };
  // The calling process must have one thread. Fails when the namespace cannot be had.
  static Result<std::unique_ptr<Keeper>> start(Options options);
  Keeper(const Keeper&) = delete;
  Keeper& operator=(const Keeper&) = delete;
  ~Keeper();

  // `cancelled` may be null. `signals`: a pipe of numbers, a byte each, of signals for the command
  // that the job runs; or -1.
  Result<std::string> call(std::string_view request, const std::vector<int>& fds,
                           const std::atomic<bool>* cancelled, int signals = -1);

 private:
  Keeper(os::Child child, os::UniqueFd control)
      : child_(std::move(child)), control_(std::move(control)) {}

  os::Child child_;
  std::mutex mutex_;  // of control_
  os::UniqueFd control_;
};

}  // namespace lichen::container
