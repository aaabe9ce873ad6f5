// What `lichen doctor` says about a host. Pure.
#pragma once

#include <cstdint>
#include <string>

#include "os/host.h"

namespace lichen::cli {

struct Diagnosis {
  os::Host host;
  std::string kernel;       // "Linux 6.1.0-30-amd64 x86_64"
  std::string user;         // "uid 1000"
  std::string store;        // directory, or "" and…
  std::string store_error;  // …why there is none
  std::string file_system;  // "ext4"
  std::uint64_t free_bytes = 0;
};

bool some_tier_works(const Diagnosis& diagnosis);

std::string doctor_text(const Diagnosis& diagnosis);
std::string doctor_json(const Diagnosis& diagnosis);

}  // namespace lichen::cli
