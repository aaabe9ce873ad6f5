// The files about the network that a container finds in /etc: resolv.conf (the host's, or one
// that names the helper of a network of its own), hosts and
// hostname. They live in the store while the step runs and are bound over, never in a layer.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "container/run.h"
#include "graph/graph.h"
#include "store/store.h"

namespace lichen::ops {

class NetworkFiles {
 public:
  // `extra_hosts` are "name=address". Without a network resolv.conf is empty.
  static Result<NetworkFiles> write(const store::Store& store, const std::string& hostname,
                                    const std::vector<std::string>& extra_hosts,
                                    graph::NetworkMode mode);
  NetworkFiles(NetworkFiles&& other) noexcept
      : directory_(std::move(other.directory_)), network_(std::move(other.network_)) {
    other.directory_.clear();
  }
  NetworkFiles& operator=(NetworkFiles&&) = delete;
  ~NetworkFiles();  // removes them

  std::string resolv_conf() const { return directory_ + "/resolv.conf"; }
  std::string hosts() const { return directory_ + "/hosts"; }
  // Of a step with kSandbox; else it names no helper.
  const container::Network& network() const { return network_; }
  std::string hostname() const { return directory_ + "/hostname"; }

 private:
  explicit NetworkFiles(std::string directory) : directory_(std::move(directory)) {}
  std::string directory_;
  container::Network network_;
};

inline bool has_own_network(graph::NetworkMode mode) {
  return mode == graph::NetworkMode::kNone || mode == graph::NetworkMode::kSandbox;
}
// A network namespace takes one of the tiers that have namespaces.
Result<void> check_network(container::Tier tier, graph::NetworkMode mode);

// The text of /etc/hosts.
std::string hosts_text(const std::string& hostname, const std::vector<std::string>& extra_hosts);

}  // namespace lichen::ops
