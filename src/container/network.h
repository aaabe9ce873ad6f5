// A network of a step's own that reaches the outside through a helper in user space: pasta (Debian:
// passt) or slirp4netns.
//
//   Network network = TRY(find_network());                     // the front
//   network.place = files.netns();
//   … in the worker, before it mounts anything for the step:
//   NetworkHelper helper = TRY(NetworkHelper::start(network));  // this thread is in it now
//
// The step then stays in the worker's network namespace (sandbox::Plan::join_network). The host's
// loopback is out of reach, but for the ports that were asked for with Published, and those lead in
// only. The helper is the worker's child: it ends with the NetworkHelper, or with the worker.
//
// Sources: passt(1), slirp4netns(1), network_namespaces(7). Linux 5.11.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/wire.h"
#include "os/child.h"
#include "os/fd.h"

namespace lichen::container {

struct Published {
  std::string address;  // of the host; empty: all
  std::uint16_t host = 0, inside = 0;
  bool udp = false;
  friend bool operator==(const Published&, const Published&) = default;
};
template <class Wire>
void fields(Wire& wire, Published& port) {
  wire(port.address, port.host, port.inside, port.udp);
}
// "[ADDRESS:]HOST:CONTAINER[/tcp|udp]", of `lichen run -p`.
Result<Published> parse_published(std::string_view text);

struct Network {
  std::string program;  // absolute path of the helper; empty: there is none
  bool is_pasta = false;
  std::vector<Published> ports;
  std::string place;  // an empty file, to bind the network namespace on in the helper's mounts
};
template <class Wire>
void fields(Wire& wire, Network& network) {
  wire(network.program, network.is_pasta, network.ports, network.place);
}

// The error tells what to install.
Result<Network> find_network();

// resolv.conf of such a step, whose nameserver is the helper: `host` is the host's.
std::string resolv_conf_text(const Network& network, std::string_view host);
std::vector<std::string> helper_arguments(const Network& network);

class NetworkHelper {
 public:
  // Moves the calling thread into a new network namespace, and waits until that is connected.
  static Result<NetworkHelper> start(const Network& network);

 private:
  Result<void> await_route(const Network& network);
  os::Child child_;
  os::UniqueFd said_;
};

}  // namespace lichen::container
