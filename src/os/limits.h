// Resource limits (getrlimit(2)), by the names that ulimit(1) and container tools give them.
#pragma once

#include <sys/resource.h>

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace lichen::os {

struct ResourceLimit {
  int resource = 0;                  // RLIMIT_*
  std::uint64_t soft = 0, hard = 0;  // in the resource's own unit; RLIM_INFINITY: none
};
template <class Wire>
void fields(Wire& wire, ResourceLimit& limit) {
  wire(limit.resource, limit.soft, limit.hard);
}

// "nofile" is RLIMIT_NOFILE.
std::optional<int> find_resource(std::string_view name);
std::vector<std::string> resource_names();

}  // namespace lichen::os
