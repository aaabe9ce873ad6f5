#include "build/foreground.h"

#include <fcntl.h>
#include <unistd.h>

#include "build/terminal.h"
#include "os/file.h"

namespace lichen::build {

namespace {

// While this lives the relay's signals are the command's.
class Relaying {
 public:
  explicit Relaying(SignalRelay* relay) : relay_(relay) { set(true); }
  Relaying(const Relaying&) = delete;
  Relaying& operator=(const Relaying&) = delete;
  ~Relaying() { set(false); }
  int fd() const { return relay_ == nullptr ? -1 : relay_->numbers.get(); }

 private:
  void set(bool wanted) {
    if (relay_ != nullptr) relay_->wanted.store(wanted);
  }
  SignalRelay* relay_;
};

}  // namespace

Result<container::RunOutcome> run_in_foreground(Session& session, const container::RunJob& job,
                                                const Foreground& how) {
  const Relaying signals(how.relay);
  if (!how.terminal) {
    const os::UniqueFd nothing = TRY(os::open("/dev/null", O_RDONLY));
    const int in = how.interactive ? STDIN_FILENO : nothing.get();
    return session.jobs().call<container::RunOutcome>(job, {in, STDOUT_FILENO, STDERR_FILENO},
                                                      signals.fd());
  }
  Terminal ours = TRY(Terminal::open());
  const os::UniqueFd slave = TRY(os::duplicate(ours.slave()));
  ours.start(how.interactive);
  auto outcome = session.jobs().call<container::RunOutcome>(
      job, {slave.get(), slave.get(), slave.get()}, signals.fd());
  ours.finish();
  return outcome;
}

}  // namespace lichen::build
