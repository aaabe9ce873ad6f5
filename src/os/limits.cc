#include "os/limits.h"

namespace lichen::os {

namespace {

// All but "as", which docker has not either: programs do not start with less than they map.
constexpr struct {
  std::string_view name;
  int resource;
} kResources[] = {
    {"core", RLIMIT_CORE},         {"cpu", RLIMIT_CPU},
    {"data", RLIMIT_DATA},         {"fsize", RLIMIT_FSIZE},
    {"locks", RLIMIT_LOCKS},       {"memlock", RLIMIT_MEMLOCK},
    {"msgqueue", RLIMIT_MSGQUEUE}, {"nice", RLIMIT_NICE},
    {"nofile", RLIMIT_NOFILE},     {"nproc", RLIMIT_NPROC},
    {"rss", RLIMIT_RSS},           {"rtprio", RLIMIT_RTPRIO},
    {"rttime", RLIMIT_RTTIME},     {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

}  // namespace

std::optional<int> find_resource(std::string_view name) {
  for (const auto& one : kResources)
    if (one.name == name) return one.resource;
  return std::nullopt;
}

std::vector<std::string> resource_names() {
  std::vector<std::string> names;
  for (const auto& one : kResources) names.emplace_back(one.name);
  return names;
}

}  // namespace lichen::os
