#include "build/foreground.h"

#include <fcntl.h>
#include <unistd.h>

#include "build/terminal.h"
#include "os/file.h"

namespace lichen::build {

Result<container::RunOutcome> run_in_foreground(Session& session, const container::RunJob& job,
                                                bool terminal, bool interactive) {
  if (!terminal) {
    const os::UniqueFd nothing = TRY(os::open("/dev/null", O_RDONLY));
    const int in = interactive ? STDIN_FILENO : nothing.get();
    return session.jobs().call<container::RunOutcome>(job, {in, STDOUT_FILENO, STDERR_FILENO});
  }
  Terminal ours = TRY(Terminal::open());
  const os::UniqueFd slave = TRY(os::duplicate(ours.slave()));
  ours.start(interactive);
  auto outcome =
      session.jobs().call<container::RunOutcome>(job, {slave.get(), slave.get(), slave.get()});
  ours.finish();
  return outcome;
}

}  // namespace lichen::build
