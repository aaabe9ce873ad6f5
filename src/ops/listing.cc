#include "ops/listing.h"

#include <algorithm>
#include <vector>

#include "base/digest.h"

namespace lichen::ops {

namespace {

constexpr std::size_t kMostCollected = 300'000;
constexpr char kRest[] = "…";  // what a folded entry's name ends in

std::size_t depth_of(const std::string& path) {
  return static_cast<std::size_t>(std::count(path.begin(), path.end(), '/')) + 1;
}

// The directory of the first `depth` components.
std::string prefix(const std::string& path, std::size_t depth) {
  std::size_t end = 0;
  for (; depth > 0; --depth) end = path.find('/', end) + 1;
  return path.substr(0, end);
}

void fold(std::map<std::string, std::string>& into, const std::string& name,
          const std::string& path, const std::string& value) {
  std::string& kept = into[name];
  kept = sha256(kept + "\n" + path + "\n" + value).short_hex();
}

bool fits(const std::map<std::string, std::string>& entries) {
  std::size_t bytes = 0;
  for (const auto& [path, value] : entries) bytes += path.size() + value.size();
  return entries.size() <= Listing::kMostEntries && bytes <= Listing::kMostBytes;
}

}  // namespace

void Listing::add(std::string path, std::string value) {
  if (entries_.size() < kMostCollected)
    entries_[std::move(path)] = std::move(value);
  else
    fold(entries_, kRest, path, value);
}

std::map<std::string, std::string> Listing::folded(std::size_t depth) const {
  std::map<std::string, std::string> kept;
  for (const auto& [path, value] : entries_) {
    if (depth_of(path) <= depth)
      kept[path] = value;
    else
      fold(kept, prefix(path, depth) + kRest, path, value);
  }
  // Folded names are told as files are: type, owner, content.
  for (auto& [path, value] : kept)
    if (path.size() >= sizeof kRest - 1 && path.ends_with(kRest)) value = "- - " + value;
  return kept;
}

std::map<std::string, std::string> Listing::finish() {
  if (fits(entries_)) return std::move(entries_);
  std::size_t depth = 1;
  for (const auto& [path, value] : entries_) depth = std::max(depth, depth_of(path));
  // The deepest that fits: of less depth there is less.
  std::map<std::string, std::string> kept = folded(0);
  for (std::size_t fitting = 0; fitting + 1 < depth;) {
    const std::size_t middle = fitting + (depth - fitting) / 2;
    auto tried = folded(middle);
    if (fits(tried)) {
      kept = std::move(tried);
      fitting = middle;
    } else {
      depth = middle;
    }
  }
  return kept;
}

}  // namespace lichen::ops
