#include "ops/limits.h"

namespace lichen::ops {

namespace {

std::uint64_t value_of(std::int64_t written) {
  return written < 0 ? RLIM_INFINITY : static_cast<std::uint64_t>(written);
}

Result<os::ResourceLimit> limit_of(const graph::Ulimit& ulimit) {
  const auto resource = os::find_resource(ulimit.name);
  if (!resource) return fail(Errc::kInvalid, "there is no resource " + ulimit.name);
  rlimit own{};
  if (::getrlimit(static_cast<__rlimit_resource_t>(*resource), &own) != 0)
    return fail(os_error("getrlimit", ulimit.name));
  const os::ResourceLimit limit{*resource, value_of(ulimit.soft), value_of(ulimit.hard)};
  if (limit.hard <= own.rlim_max) return limit;
  return fail(Errc::kDenied,
              "the hard limit that lichen was started with is " + std::to_string(own.rlim_max) +
                  ", and an ordinary user cannot raise it",
              "ask for no more, or let an administrator raise it (limits.conf, LimitNOFILE= and "
              "its kin, docker run --ulimit)");
}

}  // namespace

Result<std::vector<os::ResourceLimit>> limits_of(const std::vector<graph::Ulimit>& ulimits) {
  std::vector<os::ResourceLimit> limits;
  for (const graph::Ulimit& ulimit : ulimits) {
    auto limit = limit_of(ulimit);
    if (!limit) return fail(std::move(limit).error().in("--ulimit " + to_text(ulimit)));
    limits.push_back(*limit);
  }
  return limits;
}

}  // namespace lichen::ops
