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

Result<NetworkFiles> NetworkFiles::write(const store::Store& store, const std::string& hostname,
                                         const std::vector<std::string>& extra_hosts,
                                         bool no_network) {
  NetworkFiles files(TRY(store.make_temporary_directory()));
  const auto resolv =
      no_network ? std::optional<std::string>() : TRY(os::find_file("/etc/resolv.conf"));
  TRY(os::replace_file(files.resolv_conf(), resolv.value_or(""), 0644));
  TRY(os::replace_file(files.hosts(), hosts_text(hostname, extra_hosts), 0644));
  TRY(os::replace_file(files.hostname(), hostname + "\n", 0644));
  return files;
}

NetworkFiles::~NetworkFiles() {
  if (!directory_.empty()) (void)os::remove_tree(directory_);
}

}  // namespace lichen::ops
