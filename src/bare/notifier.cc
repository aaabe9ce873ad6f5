#include "bare/notifier.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <string>
#include <utility>

#include "emulate/listener.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

using emulate::Listener;

bool may_wait(const OpenFile& request) {
  if (!request.path.empty() || (request.flags & (O_NONBLOCK | O_PATH)) != 0) return false;
  if ((request.flags & O_ACCMODE) == O_RDWR) return false;
  struct stat status {};
  return ::fstat(request.file.get(), &status) == 0 && S_ISFIFO(status.st_mode);
}

}  // namespace

void Notifier::open_file(const os::UniqueFd& listener, const seccomp_notif& notice,
                         OpenFile request) {
  const std::uint64_t id = notice.id;
  const bool cloexec = (request.flags & O_CLOEXEC) != 0;
  const auto finish = [&listener, id, cloexec](os::UniqueFd opened, int error) {
    if (opened.valid())
      Listener::send(listener, id, emulate::NewFd{std::move(opened), cloexec});
    else
      Listener::send(listener, id, Errno{error});
  };
  if (may_wait(request)) {
    if (!openers_.open(static_cast<pid_t>(notice.pid), std::move(request.file), request.flags,
                       finish))
      finish({}, ENOMEM);
    return;
  }
  const std::string path = request.path.empty() ? os::proc_path(request.file) : request.path;
  os::UniqueFd opened(::open(path.c_str(), request.flags | O_CLOEXEC | O_NOCTTY));
  const int error = opened.valid() ? 0 : errno;
  finish(std::move(opened), error);
}

void Notifier::serve(const os::UniqueFd& listener, const seccomp_notif& notice) {
  const emulate::Task task(listener, model_.proc, notice);
  Reply reply = answer(Call{.task = task, .traced = false}, model_);
  const auto send = [&](emulate::Reply simple) {
    Listener::send(listener, notice.id, std::move(simple));
  };
  if (std::holds_alternative<Continue>(reply)) return send(Continue{});
  if (const auto* error = std::get_if<Errno>(&reply)) return send(*error);
  if (const auto* value = std::get_if<Value>(&reply)) return send(*value);
  if (auto* give = std::get_if<GiveFile>(&reply))
    return send(emulate::NewFd{std::move(give->file), give->cloexec});
  if (auto* request = std::get_if<OpenFile>(&reply))
    return open_file(listener, notice, std::move(*request));
  send(Errno{ENOSYS});  // a Rewrite: no handler gives one here
}

}  // namespace lichen::bare
