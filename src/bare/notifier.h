// The back end of calls that a seccomp listener stopped: asks answer(), and does what it says.
// Thread-safe; must outlive the Listener.
#pragma once

#include <linux/seccomp.h>

#include "bare/model.h"
#include "bare/tracer.h"
#include "os/fd.h"

namespace lichen::bare {

class Notifier {
 public:
  Notifier(Model& model, Tracer& tracer) : model_(model), tracer_(tracer) {}

  // Of emulate::Listener::Handler.
  void serve(const os::UniqueFd& listener, const seccomp_notif& notice);

 private:
  Model& model_;
  Tracer& tracer_;
};

}  // namespace lichen::bare
