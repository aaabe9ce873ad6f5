// What a step was, so that a shell can be opened where it ran, and two builds compared.
//
// Kept in the build's record as JSON. No secret's value and no proxy's address is in it. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "graph/graph.h"

namespace lichen::history {

struct StepSpec {
  Digest key;               // the definition key, by which its result is found
  std::string place;        // stage and number in the Dockerfile: the same in another build
  std::string platform;     // of its programs; empty: the host's
  std::vector<int> inputs;  // the steps whose results it works on, by the vertex's inputs
  std::map<std::size_t, std::string> contexts;  // inputs that are directories of the host: where
  std::optional<std::size_t> root;              // the input that it changes; nullopt: nothing
  std::optional<graph::ExecOp> exec;            // of a RUN; without proxy_env
};

std::string to_json(const StepSpec& spec);
Result<StepSpec> parse_spec(std::string_view json);

}  // namespace lichen::history
