#include "cli/environment_flags.h"

#include <arpa/inet.h>

#include <algorithm>

#include "base/hint.h"
#include "base/text.h"
#include "dockerfile/mount.h"

namespace lichen::cli {

Flag root_flag(std::string& root) {
  return text_flag("root", 0, "DIR",
                   "the store (default: $LICHEN_ROOT, $XDG_DATA_HOME/lichen, "
                   "~/.local/share/lichen, else in $TMPDIR, /var/tmp or /tmp)",
                   root);
}

Flag tier_flag(build::TierChoice& tier) {
  return {"tier", 0, "auto|ids|userns|bare", "how root is had; auto: the best that works here",
          [&tier](const std::string& text) -> Result<void> {
            tier = TRY(parse_tier(text));
            return {};
          }};
}

Flag tls_flag(bool& verify) {
  return switch_flag("tls-verify", 0, "=false: plain http, or certificates that nobody vouches for",
                     verify);
}

Flag network_flag(graph::NetworkMode& network) {
  return {"network", 0, "host|none|sandbox", "network of what runs (default: host)",
          [&network](const std::string& text) -> Result<void> {
            network = TRY(parse_network(text));
            return {};
          }};
}

Flag memory_flag(std::uint64_t& bytes) {
  return {"mem-budget", 0, "BYTES",
          "how much memory lichen's own work may take: how many threads compress (default: 128m)",
          [&bytes](const std::string& text) -> Result<void> {
            bytes = static_cast<std::uint64_t>(TRY(dockerfile::parse_bytes(text)));
            return {};
          }};
}

Flag add_host_flag(std::vector<std::string>& hosts) {
  return {"add-host", 0, "NAME:ADDRESS", "a line for /etc/hosts; repeatable",
          [&hosts](const std::string& text) -> Result<void> {
            hosts.push_back(TRY(parse_add_host(text)));
            return {};
          }};
}

Result<build::TierChoice> parse_tier(const std::string& text) {
  if (text == "auto") return build::TierChoice::kAuto;
  if (text == "ids") return build::TierChoice::kIds;
  if (text == "userns") return build::TierChoice::kUserns;
  if (text == "bare") return build::TierChoice::kBare;
  return fail(Errc::kInvalid, "unknown tier \"" + printable(text) + "\"",
              hint_for(text, {"auto", "ids", "userns", "bare"}));
}

Result<graph::NetworkMode> parse_network(const std::string& text) {
  if (text == "host") return graph::NetworkMode::kHost;
  if (text == "none") return graph::NetworkMode::kNone;
  if (text == "sandbox") return graph::NetworkMode::kSandbox;
  if (text == "default") return graph::NetworkMode::kDefault;
  return fail(Errc::kUnsupported, "network \"" + printable(text) + "\" is not supported",
              hint_for(text, {"host", "none", "sandbox"}));
}

Result<std::string> parse_add_host(const std::string& text) {
  // The first separator ends the name: an address may hold colons.
  const std::size_t at = text.find_first_of(":=");
  const std::string name = text.substr(0, at);
  std::string address = at == std::string::npos ? "" : text.substr(at + 1);
  if (address.size() > 2 && address.front() == '[' && address.back() == ']')
    address = address.substr(1, address.size() - 2);
  if (address == "host-gateway")
    return fail(Errc::kUnsupported, "host-gateway is not supported yet",
                "steps share the host's network: use 127.0.0.1");
  unsigned char bytes[16];
  const bool good = ::inet_pton(AF_INET, address.c_str(), bytes) == 1 ||
                    ::inet_pton(AF_INET6, address.c_str(), bytes) == 1;
  if (name.empty() || name.find_first_of(" \t\r\n") != std::string::npos || !good)
    return fail(Errc::kInvalid, "\"" + text + "\" is not NAME:ADDRESS");
  return name + "=" + address;
}

Result<std::vector<oci::Platform>> parse_platforms(const std::string& text,
                                                   const oci::Platform& own) {
  std::vector<oci::Platform> platforms;
  for (const std::string& word : split(text, ',')) {
    const std::string one(trim(word));
    const oci::Platform platform =
        oci::normalised(one == "local" ? own : TRY(oci::parse_platform(one)));
    if (std::find(platforms.begin(), platforms.end(), platform) == platforms.end())
      platforms.push_back(platform);
  }
  return platforms;
}

}  // namespace lichen::cli
