#include "ops/network_files.h"

#include <cstdlib>

#include "os/file.h"

namespace lichen::ops {

std::string hosts_text(const std::string& hostname, const std::vector<std::string>& extra_hosts) {
  std::string text =
      "127.0.0.1\tlocalhost " + hostname + "\n::1\tlocalhost ip6-localhost ip6-loopback\n";
  for (const std::string& entry : extra_hosts) {
    const std::size_t equals = entry.find('=');
    if (equals == std::string::npos) continue;
    text += entry.substr(equals + 1) + "\t" + entry.substr(0, equals) + "\n";
  }
  return text;
}

Result<void> check_network(container::Tier tier, graph::NetworkMode mode) {
  if (tier != container::Tier::kBare || !has_own_network(mode)) return {};
  return fail(Errc::kUnsupported, "tier bare has the host's network alone",
              "leave --network away, or use a host with user namespaces (`lichen doctor`)");
}

Result<NetworkFiles> NetworkFiles::write(const store::Store& store, const std::string& hostname,
                                         const std::vector<std::string>& extra_hosts,
                                         graph::NetworkMode mode) {
  NetworkFiles files(TRY(store.make_temporary_directory()));
  std::optional<std::string> resolv;
  if (mode != graph::NetworkMode::kNone) resolv = TRY(os::find_file("/etc/resolv.conf"));
  if (mode == graph::NetworkMode::kSandbox) {
    files.network_ = TRY(container::find_network());
    files.network_.place = files.directory_ + "/network";
    TRY(os::replace_file(files.network_.place, "", 0600));
    resolv = container::resolv_conf_text(files.network_, resolv.value_or(""));
  }
  TRY(os::replace_file(files.resolv_conf(), resolv.value_or(""), 0644));
  TRY(os::replace_file(files.hosts(), hosts_text(hostname, extra_hosts), 0644));
  TRY(os::replace_file(files.hostname(), hostname + "\n", 0644));
  return files;
}

NetworkFiles::~NetworkFiles() {
  if (!directory_.empty()) (void)os::remove_tree(directory_);
}

}  // namespace lichen::ops
