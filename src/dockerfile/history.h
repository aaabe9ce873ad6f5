// History entries of the image config: one an instruction, in BuildKit's words. Pure.
#pragma once

#include <string>
#include <vector>

#include "dockerfile/instruction.h"
#include "oci/types.h"

namespace lichen::dockerfile::history {

void add(oci::ImageConfig& config, std::string text, bool makes_layer);

std::string of_arg(const std::vector<ArgItem>& items);
std::string of_pairs(const std::string& keyword, const std::vector<Pair>& pairs);
// `args` are the ARGs of the stage chain so far; `env` gives their current values.
std::string of_run(const std::vector<std::string>& words, const std::vector<ArgItem>& args,
                   const std::vector<std::string>& env);
std::string of_copy(const CopyFiles& copy);
std::string of_healthcheck(const oci::Healthcheck& check);

}  // namespace lichen::dockerfile::history
