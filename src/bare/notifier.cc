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

emulate::Reply open_here(const OpenFile& request) {
  const std::string path = request.path.empty() ? os::proc_path(request.file) : request.path;
  os::UniqueFd opened(::open(path.c_str(), request.flags | O_CLOEXEC | O_NOCTTY));
  if (!opened.valid()) return Errno{errno};
  return emulate::NewFd{std::move(opened), (request.flags & O_CLOEXEC) != 0};
}

}  // namespace

void Notifier::serve(const os::UniqueFd& listener, const seccomp_notif& notice) {
  const emulate::Task task(listener, model_.proc, notice);
  Reply reply = answer(Call{.task = task, .traced = false}, model_);
  const auto send = [&](emulate::Reply simple) {
    Listener::send(listener, notice.id, std::move(simple));
  };
  if (std::holds_alternative<Continue>(reply)) return send(Continue{});
  if (const auto* error = std::get_if<Errno>(&reply)) return send(*error);
  if (const auto* value = std::get_if<Value>(&reply)) return send(*value);
  if (auto* file = std::get_if<NewFd>(&reply)) return send(std::move(*file));
  if (auto* request = std::get_if<OpenFile>(&reply)) {
    if (!may_wait(*request)) {
      emulate::Reply opened = open_here(*request);
      const auto* file = std::get_if<emulate::NewFd>(&opened);
      if (file != nullptr && request->makes_terminal) model_.terminals.add_of(file->fd);
      return send(std::move(opened));
    }
    // The caller must be able to get signals meanwhile, and to die.
    return send(Errno{tracer_.divert(task, std::move(*request))});
  }
  send(Errno{ENOSYS});  // a Rewrite: no handler gives one here
}

}  // namespace lichen::bare
