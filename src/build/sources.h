// What a build reads before it starts: the Dockerfile and the ignore files.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>

#include "base/result.h"
#include "build/context.h"
#include "build/request.h"
#include "dockerfile/lower.h"

namespace lichen::build {

struct Sources {
  std::string dockerfile;                      // text
  std::string file;                            // its name for messages
  std::string place;                           // the same file next time: path or address
  bool from_stdin = false;                     // it has no name that people know
  std::map<std::string, std::string> ignores;  // context -> text of its ignore file
  std::optional<std::int64_t> context_time;    // Context::time of the main one
};

// Opens the main context, and the named ones that are directories.
Result<Sources> read_sources(const Request& request, Contexts& contexts);
// For one platform; nullopt: none was asked for.
dockerfile::Frontend frontend_request(const Request& request, const Sources& sources,
                                      std::optional<oci::Platform> platform);

}  // namespace lichen::build
