// registries.conf (containers-registries.conf(5), version 2): where the images of a registry are
// really got from. Mirrors, other locations, insecure and blocked registries.
//
//   RegistriesConf conf = TRY(read_registries_conf());
//   for (const Location& location : TRY(conf.pull_locations(reference))) …
//
// Not followed: unqualified-search-registries and short-name aliases, because a name without a
// registry is Docker Hub's in every Dockerfile (docs/decisions/0014). Values; const is thread-safe.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "oci/reference.h"

namespace lichen::registry {

// A place to ask for an image, and what the image is called there.
struct Location {
  oci::Reference reference;
  bool insecure = false;   // TLS is not verified, and plain http will do
  bool is_mirror = false;  // there is another location to ask
};

class RegistriesConf {
 public:
  // Adds what a file says; of two rules for one prefix the later counts. kInvalid names file and
  // line or key.
  Result<void> add(std::string_view toml, const std::string& path);

  // Mirrors in their order, then the registry itself. kDenied: the registry is blocked.
  Result<std::vector<Location>> pull_locations(const oci::Reference& reference) const;
  Result<Location> push_location(const oci::Reference& reference) const;
  // Some location at this host is called insecure.
  bool is_insecure(const std::string& domain) const;

 private:
  enum class Serves { kAll, kDigests, kTags };
  struct Mirror {
    std::string location;
    bool insecure = false;
    Serves serves = Serves::kAll;
  };
  struct Rule {
    std::string prefix;    // "docker.io/library", or "*.example.com"
    std::string location;  // "": what the reference says
    bool insecure = false, blocked = false;
    std::vector<Mirror> mirrors;
    std::string file;  // for messages
  };
  friend class RegistriesReader;
  const Rule* find_rule(const std::string& name) const;

  std::vector<Rule> rules_;
};

// The caller's ~/.config/containers/registries.conf and its registries.conf.d; without the former
// /etc/containers/registries.conf with both directories. $CONTAINERS_REGISTRIES_CONF replaces the
// file. What is not there is skipped.
Result<RegistriesConf> read_registries_conf();

}  // namespace lichen::registry
