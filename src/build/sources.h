// What a build reads from the user's disk before it starts: the Dockerfile, the ignore file, and
// where the contexts are.
#pragma once

#include <map>
#include <string>

#include "base/result.h"
#include "build/request.h"
#include "dockerfile/lower.h"

namespace lichen::build {

struct Sources {
  std::string dockerfile;                       // text
  std::string file;                             // its name for messages
  std::string dockerignore;                     // text
  std::map<std::string, std::string> contexts;  // name -> absolute directory
  std::map<std::string, std::string> secrets;   // id -> bytes
  std::map<std::string, std::string> agents;    // id -> socket
};

Result<Sources> read_sources(const Request& request);
// For one platform; nullopt: none was asked for.
dockerfile::Frontend frontend_request(const Request& request, const Sources& sources,
                                      std::optional<oci::Platform> platform);

}  // namespace lichen::build
