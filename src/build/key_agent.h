// An ssh agent of our own for `--ssh ID=KEY,…`: private key files that RUN --mount=type=ssh may use
// without seeing them.
//
//   KeyAgent agent = TRY(KeyAgent::start({"/home/me/.ssh/id_ed25519"}));
//   … agent.socket() …                                  // ends with the value
//
// OpenSSH's ssh-agent and ssh-add do the work (Debian: openssh-client). The agent lives as long as
// a pipe of this process is open, so it ends with it however that ends. Keys with a passphrase are
// refused: nobody could be asked. Errors: kUnsupported (the programs are not there), kInvalid (no
// key, or one that ssh-add does not take; its words).
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "os/child.h"
#include "os/fd.h"

namespace lichen::build {

class KeyAgent {
 public:
  static Result<KeyAgent> start(const std::vector<std::string>& keys);
  KeyAgent(KeyAgent&& other) noexcept;
  KeyAgent& operator=(KeyAgent&&) = delete;
  ~KeyAgent();

  const std::string& socket() const { return socket_; }

 private:
  KeyAgent() = default;

  std::string directory_, socket_;
  os::UniqueFd lifeline_;  // of the command that the agent waits for
  os::Child command_;
};

}  // namespace lichen::build
