// The stat family's calls as values: stat, lstat, fstat, newfstatat, statx.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>

#include <cstdint>
#include <string>

#include "emulate/place.h"
#include "emulate/reply.h"
#include "emulate/task.h"

namespace lichen::emulate {

struct StatRequest {
  int dirfd = AT_FDCWD;
  std::string path;  // empty: dirfd itself
  Last last = Last::kFollow;
  bool is_statx = false;
  unsigned mask = 0;  // of a statx
  int flags = 0;      // of a statx: AT_STATX_*, AT_NO_AUTOMOUNT
  std::uint64_t buffer = 0;
};

Answer<StatRequest> decode_stat(const Task& task);

// Shows `status` to the caller.
Reply write_status(const Task& task, const StatRequest& request, const struct statx& status);

}  // namespace lichen::emulate
