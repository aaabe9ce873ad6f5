// The files about the network that a container finds in /etc: resolv.conf (the host's), hosts and
// hostname. They live in the store while the step runs and are bound over, never in a layer.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace lichen::ops {

class NetworkFiles {
 public:
  // `extra_hosts` are "name=address". Without a network resolv.conf is empty.
  static Result<NetworkFiles> write(const store::Store& store, const std::string& hostname,
                                    const std::vector<std::string>& extra_hosts, bool no_network);
  NetworkFiles(NetworkFiles&& other) noexcept : directory_(std::move(other.directory_)) {
    other.directory_.clear();
  }
  NetworkFiles& operator=(NetworkFiles&&) = delete;
  ~NetworkFiles();  // removes them

  std::string resolv_conf() const { return directory_ + "/resolv.conf"; }
  std::string hosts() const { return directory_ + "/hosts"; }
  std::string hostname() const { return directory_ + "/hostname"; }

 private:
  explicit NetworkFiles(std::string directory) : directory_(std::move(directory)) {}
  std::string directory_;
};

// The text of /etc/hosts.
std::string hosts_text(const std::string& hostname, const std::vector<std::string>& extra_hosts);

}  // namespace lichen::ops
