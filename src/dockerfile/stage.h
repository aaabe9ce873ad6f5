// The stages of a Dockerfile: who builds on whom, what the target reaches. Names are resolved here,
// images are not. Pure.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "dockerfile/instruction.h"
#include "oci/types.h"

namespace lichen::dockerfile {

// What an instruction found at a place of the file: errors about it are located there.
struct Failure {
  Error error;
  Lines lines;
};

struct Stage {
  From from;  // base and platform expanded
  Lines lines;
  std::string keyword;                // of FROM, as written
  std::vector<std::string> comments;  // directly above it
  std::vector<Instruction> commands;
  std::size_t index = 0;
  std::optional<std::size_t> base;        // an earlier stage
  std::vector<std::size_t> deps;          // base, sources of COPY --from and of mounts
  std::optional<oci::Platform> platform;  // --platform
};

struct Stages {
  std::vector<Stage> stages;
  std::vector<std::pair<Arg, Lines>> global_args;

  // By name (the last of that name below `before`), case-insensitively.
  std::optional<std::size_t> find(const std::string& name, std::size_t before) const;
  // As --from says: a name or an index; nullopt: an image or a named context.
  std::optional<std::size_t> find_source(const std::string& from) const;
  // Records what `stage` copies from.
  void add_deps(Stage& stage, const std::vector<Instruction>& commands) const;
};

// Groups instructions into stages; `failure` tells where when it fails.
Result<Stages> group_stages(std::vector<Instruction> instructions, Lines& where);

// The first stage that depends on itself, however far.
std::optional<std::size_t> find_cycle(const std::vector<Stage>& stages);
// Indices of all stages that `target` needs, itself included.
std::set<std::size_t> reachable(const std::vector<Stage>& stages, std::size_t target);

}  // namespace lichen::dockerfile
