#include "registry/certificates.h"

#include <fcntl.h>

#include <cstdlib>
#include <optional>

#include "base/text.h"
#include "os/file.h"

namespace lichen::registry {

namespace {

constexpr std::size_t kMaxFile = 1u << 20;

std::string stem(const std::string& name) {
  return name.substr(0, name.rfind('.'));
}

}  // namespace

Result<Certificates> CertificateDirectories::find(const std::string& host_and_port) {
  const auto known = known_.with([&](auto& map) -> std::optional<Certificates> {
    const auto at = map.find(host_and_port);
    return at == map.end() ? std::nullopt : std::optional(at->second);
  });
  if (known) return *known;
  Certificates certificates = TRY(read(host_and_port));
  known_.with([&](auto& map) { map[host_and_port] = certificates; });
  return certificates;
}

Result<Certificates> CertificateDirectories::read(const std::string& host_and_port) const {
  Certificates certificates;
  for (const std::string& root : roots_) {
    const std::string path = root + "/" + host_and_port;
    const auto directory = os::open(path, O_RDONLY | O_DIRECTORY);
    if (!directory) {
      if (directory.error().code == Errc::kNotFound) continue;
      return fail(directory.error());
    }
    for (const os::DirectoryEntry& entry : TRY(os::read_directory(*directory))) {
      const std::string file = path + "/" + entry.name, pair = path + "/" + stem(entry.name);
      if (ends_with(entry.name, ".crt")) {
        certificates.authorities += TRY(os::read_file(file, kMaxFile)) + "\n";
      } else if (ends_with(entry.name, ".cert")) {
        if (!os::exists(pair + ".key"))
          return fail(Errc::kInvalid, file + ": its key " + pair + ".key is missing");
        certificates.client_cert = file;
        certificates.client_key = pair + ".key";
      } else if (ends_with(entry.name, ".key") && !os::exists(pair + ".cert")) {
        return fail(Errc::kInvalid, file + ": its certificate " + pair + ".cert is missing",
                    "a CA certificate is called *.crt, a client's *.cert");
      }
    }
    return certificates;
  }
  return certificates;
}

std::vector<std::string> certificate_directories() {
  std::vector<std::string> roots;
  const char* config = std::getenv("XDG_CONFIG_HOME");
  const char* home = std::getenv("HOME");
  std::string own = config != nullptr ? config : "";
  if (own.empty() && home != nullptr && *home != '\0') own = std::string(home) + "/.config";
  if (!own.empty()) roots = {own + "/containers/certs.d", own + "/docker/certs.d"};
  roots.push_back("/etc/containers/certs.d");
  roots.push_back("/etc/docker/certs.d");
  return roots;
}

}  // namespace lichen::registry
