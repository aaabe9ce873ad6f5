// What a build may use and never keeps: the bytes of --secret, the agents of --ssh. Read and
// checked before anything is started.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "base/result.h"
#include "build/key_agent.h"
#include "build/request.h"

namespace lichen::build {

struct Secrets {
  std::map<std::string, std::string> values;  // id -> bytes
  std::map<std::string, std::string> agents;  // id -> an ssh agent's socket
  std::vector<KeyAgent> key_agents;           // those of ours among them
};

Result<Secrets> read_secrets(const Request& request);

}  // namespace lichen::build
