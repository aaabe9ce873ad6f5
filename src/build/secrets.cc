#include "build/secrets.h"

#include <sys/stat.h>

#include "base/text.h"
#include "os/file.h"

namespace lichen::build {

namespace {

constexpr std::size_t kMaxSecretBytes = 500u << 10;

Result<std::string> bytes_of(const Secret& secret) {
  std::string bytes;
  if (secret.value) {
    bytes = *secret.value;
  } else {
    auto content = os::read_file(secret.path, kMaxSecretBytes + 1);
    if (!content)
      return fail(std::move(content).error().in("reading the secret " + printable(secret.id)));
    bytes = std::move(*content);
  }
  if (bytes.size() > kMaxSecretBytes)
    return fail(Errc::kInvalid, "the secret " + printable(secret.id) + " is larger than 500 KiB");
  return bytes;
}

// A socket is an agent's; files are keys, for an agent of our own.
Result<void> find_agent(const Agent& agent, Secrets& secrets) {
  std::vector<std::string> keys;
  for (const std::string& path : agent.paths) {
    struct ::stat status {};
    if (::stat(path.c_str(), &status) < 0) return fail(os_error("stat", path));
    if (!S_ISSOCK(status.st_mode)) {
      keys.push_back(path);
    } else if (agent.paths.size() > 1) {
      return fail(Errc::kInvalid, "an agent's socket and key files cannot be together: " +
                                      printable(join(agent.paths, ",")));
    } else {
      secrets.agents[agent.id] = path;
    }
  }
  if (keys.empty()) return {};
  KeyAgent own = TRY(KeyAgent::start(keys));
  secrets.agents[agent.id] = own.socket();
  secrets.key_agents.push_back(std::move(own));
  return {};
}

}  // namespace

Result<Secrets> read_secrets(const Request& request) {
  Secrets secrets;
  for (const Secret& secret : request.secrets) secrets.values[secret.id] = TRY(bytes_of(secret));
  for (const Agent& agent : request.agents) {
    auto found = find_agent(agent, secrets);
    if (!found) return fail(std::move(found).error().in("--ssh " + printable(agent.id)));
  }
  return secrets;
}

}  // namespace lichen::build
