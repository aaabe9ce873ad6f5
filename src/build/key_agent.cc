#include "build/key_agent.h"

#include <sys/stat.h>

#include <cstdlib>
#include <utility>

#include "base/path.h"
#include "base/text.h"
#include "os/file.h"
#include "os/socket.h"

namespace lichen::build {

namespace {

// Short, whatever the store's path is: a socket's address has 107 bytes.
Result<std::string> make_directory() {
  for (const char* place : std::initializer_list<const char*>{std::getenv("XDG_RUNTIME_DIR"),
                                                              std::getenv("TMPDIR"), "/tmp"}) {
    if (place == nullptr || place[0] != '/') continue;
    std::string path = std::string(place) + "/lichen-ssh-XXXXXX";
    constexpr std::size_t kMaxBytes = 80;
    if (path.size() <= kMaxBytes && ::mkdtemp(path.data()) != nullptr) return path;
  }
  return fail(os_error("mkdtemp", "/tmp/lichen-ssh"));
}

Result<void> add_key(const std::string& key, const std::vector<std::string>& env) {
  const os::Output added =
      TRY(os::run_program({.argv = {"ssh-add", "-q", "--", key}, .env = env, .input = {}}));
  if (added.status == os::WaitStatus(os::Exited{0})) return {};
  std::string words(trim(added.err));
  if (words.empty()) words = "ssh-add does not take it (a passphrase?)";
  return fail(Errc::kInvalid, printable(key) + ": " + printable(words),
              "a key with a passphrase belongs in an agent: ssh-add, then --ssh default");
}

}  // namespace

Result<KeyAgent> KeyAgent::start(const std::vector<std::string>& keys) {
  for (const char* program : {"ssh-agent", "ssh-add"})
    if (os::find_program(program).empty())
      return fail(Errc::kUnsupported, std::string(program) + " is not installed",
                  "key files need OpenSSH (Debian: openssh-client); an agent's socket does not");
  KeyAgent agent;
  agent.directory_ = TRY(make_directory());
  agent.socket_ = agent.directory_ + "/agent";
  std::vector<std::string> env = os::current_environment();
  std::erase_if(env, [](const std::string& entry) {
    return starts_with(entry, "SSH_") || starts_with(entry, "DISPLAY=");
  });
  env.push_back("SSH_AUTH_SOCK=" + agent.socket_);
  env.push_back("SSH_ASKPASS_REQUIRE=never");

  // The command says "r" when the agent listens, waits for a line or for the end of the pipe, and
  // ends the agent.
  auto in = TRY(os::pipe());
  auto out = TRY(os::pipe());
  agent.command_ = TRY(os::spawn_program(
      {"ssh-agent", "-a", agent.socket_, "sh", "-c", "echo r; read -r end; kill $SSH_AGENT_PID"},
      env, {.in = &in.first, .out = &out.second}, true));
  agent.lifeline_ = std::move(in.second);
  out.second.reset();
  char ready = 0;
  if (::read(out.first.get(), &ready, 1) != 1)
    return fail(Errc::kUnavailable, "ssh-agent does not start");
  for (const std::string& key : keys) TRY(add_key(key, env));
  return agent;
}

KeyAgent::KeyAgent(KeyAgent&& other) noexcept
    : directory_(std::exchange(other.directory_, {})),
      socket_(std::exchange(other.socket_, {})),
      lifeline_(std::move(other.lifeline_)),
      command_(std::move(other.command_)) {}

KeyAgent::~KeyAgent() {
  if (directory_.empty()) return;
  (void)os::write_all(lifeline_, "\n");  // others may have copies of this end
  lifeline_.reset();
  if (command_.pid() > 0) (void)command_.wait();
  (void)os::remove_tree(directory_);
}

}  // namespace lichen::build
