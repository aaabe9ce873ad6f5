// Where processes that have called chroot(2) have their "/": paths in the step's view, by a number
// that their credentials hold, so that children inherit it. Thread-safe; bounded.
#pragma once

#include <cstdint>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace lichen::bare {

class Roots {
 public:
  // The number of a path; equal paths share one. nullopt: there are too many.
  std::optional<std::uint32_t> intern(const std::string& path);
  std::string path(std::uint32_t number) const;  // "" for 0: the step's own root

 private:
  mutable std::mutex mutex_;
  std::vector<std::string> paths_{""};
  std::unordered_map<std::string, std::uint32_t> numbers_{{"", 0}};
};

}  // namespace lichen::bare
