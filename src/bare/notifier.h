// The back end of calls that a seccomp listener stopped: asks answer(), and does what it says.
// Thread-safe; must outlive the Listener.
#pragma once

#include <linux/seccomp.h>

#include "bare/model.h"
#include "bare/openers.h"
#include "os/fd.h"

namespace lichen::bare {

class Notifier {
 public:
  explicit Notifier(Model& model) : model_(model) {}

  // Of emulate::Listener::Handler.
  void serve(const os::UniqueFd& listener, const seccomp_notif& notice);
  void forget(pid_t tid) { openers_.cancel(tid); }  // it has ended

 private:
  void open_file(const os::UniqueFd& listener, const seccomp_notif& notice, OpenFile request);

  Model& model_;
  Openers openers_;
};

}  // namespace lichen::bare
