// The records of past builds in a directory: one file a build.
//
//   for (const Build& build : TRY(list(directory))) …
//   Build build = TRY(read(directory, TRY(find(directory, "3f2a"))));
//
// Builds may be going on meanwhile. Errors: kNotFound.
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "base/result.h"
#include "history/record.h"

namespace lichen::history {

// What stays when a build has ended: the newest, never less than one.
struct Bound {
  std::size_t builds = 200;
  std::uint64_t bytes = 64u << 20;
};

std::string file_of(const std::string& directory, const std::string& id);
bool is_id(const std::string& text);

Result<std::vector<std::string>> ids(const std::string& directory);  // the newest first
// A whole id, or what one of them begins or ends with; "" or "latest": the newest.
Result<std::string> find(const std::string& directory, const std::string& text);
// Lines that make no sense are passed over: a record is cut where its build was killed.
Result<Build> read(const std::string& directory, const std::string& id);
// The newest first; without what their steps wrote.
Result<std::vector<Build>> list(const std::string& directory);
// False: its build is going on.
Result<bool> remove(const std::string& directory, const std::string& id);
Result<void> keep_within(const std::string& directory, const Bound& bound);

}  // namespace lichen::history
