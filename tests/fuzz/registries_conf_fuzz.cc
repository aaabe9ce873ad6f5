// registries.conf: no crash, and where it sends us are references that can be asked for, in
// directories of certificates (certs.d/HOST) that cannot be elsewhere.
#include <cstddef>
#include <cstdint>
#include <string>
#include <string_view>

#include "oci/reference.h"
#include "registry/registries_conf.h"

using namespace lichen;  // NOLINT

namespace {

void check(const registry::Location& location) {
  const auto again = oci::parse_reference(oci::to_text(location.reference));
  LICHEN_ASSERT(again && *again == location.reference);
  const std::string& host = location.reference.domain;
  LICHEN_ASSERT(!host.empty() && host != "." && host != ".." &&
                host.find('/') == std::string::npos && host.find('\0') == std::string::npos);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view text(reinterpret_cast<const char*>(data), size);
  registry::RegistriesConf conf;
  if (!conf.add(text, "registries.conf")) return 0;
  for (const char* name :
       {"debian", "quay.io/org/app:1", "a.example.com/x", "127.0.0.1:5000/x/y"}) {
    const oci::Reference reference = *oci::parse_reference(name);
    if (const auto locations = conf.pull_locations(reference)) {
      LICHEN_ASSERT(!locations->empty() && !locations->back().is_mirror);
      for (const registry::Location& location : *locations) check(location);
    }
    if (const auto location = conf.push_location(reference)) check(*location);
    (void)conf.is_insecure(reference.domain);
  }
  return 0;
}
