// User and group id maps of a user namespace (user_namespaces(7)), and the subordinate ids that the
// administrator gave the current user (subuid(5)).
//
//   IdMaps maps = TRY(subordinate_maps());           // tier ids: 0 is us, 1.. are our sub-ids
//   IdMaps maps = single_map();                      // tier userns: 0 is us, nothing else
//   TRY(write_id_maps(pid, maps.uids, maps.gids));   // by a process outside of the new namespace
//
// Thread-safe. Errors say what is missing and how an administrator supplies it.
#pragma once

#include <sys/types.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lichen::os {

// One line of /proc/PID/uid_map.
struct IdRange {
  std::uint32_t inside = 0, outside = 0, count = 1;
  friend bool operator==(const IdRange&, const IdRange&) = default;
};

struct IdMaps {
  std::vector<IdRange> uids, gids;
};

IdMaps single_map();

// Id 0 is our own, 1.. are the subordinate ids of /etc/subuid and /etc/subgid, or what `getsubids`
// says when neither file names us (network user databases). Real root without an entry, but with
// CAP_SETUID and CAP_SETGID, takes 100000.. (or the rest of its own map when that is smaller).
Result<IdMaps> subordinate_maps();

// Needs CAP_SETUID and CAP_SETGID, or a map of our own id alone (then setgroups is denied for
// good), or the setuid helpers newuidmap and newgidmap, which run side by side.
Result<void> write_id_maps(pid_t pid, const std::vector<IdRange>& uids,
                           const std::vector<IdRange>& gids);

std::string user_name();                                // of our effective uid, or the number
bool has_capability(int capability);                    // in our effective set
std::uint64_t ids_of(const std::vector<IdRange>& map);  // how many it maps

// Pure halves, for tests. Lines are "name-or-uid:first:count"; bad lines are skipped.
std::vector<IdRange> parse_subordinate(std::string_view file, std::string_view name,
                                       std::uint32_t uid);
std::vector<IdRange> parse_getsubids(std::string_view output);  // "0: name 100000 65536"
// 0 -> own, then the ranges from 1 on; never more than the 340 lines a kernel takes, nor own twice.
std::vector<IdRange> lay_out(std::uint32_t own, const std::vector<IdRange>& ranges);
std::string to_text(const std::vector<IdRange>& map);  // as written to /proc/PID/uid_map

}  // namespace lichen::os
