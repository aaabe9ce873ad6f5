#include "bare/roots.h"

namespace lichen::bare {

namespace {

constexpr std::size_t kMaxRoots = 1u << 14;  // of up to a page each

}  // namespace

std::optional<std::uint32_t> Roots::intern(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (const auto known = numbers_.find(path); known != numbers_.end()) return known->second;
  if (paths_.size() >= kMaxRoots) return std::nullopt;
  const auto number = static_cast<std::uint32_t>(paths_.size());
  paths_.push_back(path);
  numbers_.emplace(path, number);
  return number;
}

std::string Roots::path(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  return number < paths_.size() ? paths_[number] : std::string();
}

}  // namespace lichen::bare
