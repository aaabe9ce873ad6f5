// The files that a selection brings, each with what counts of it, so that a miss can name the one
// that changed. Bounded: of many files the deep ones are folded into their directory.
//
//   Listing listing;
//   listing.add("src/a.c", "100644 0:0 3f2a…");
//   for (auto& [path, value] : listing.finish()) …
//
// Pure.
#pragma once

#include <cstddef>
#include <map>
#include <string>
#include <string_view>

namespace lichen::ops {

class Listing {
 public:
  static constexpr std::size_t kMostEntries = 1000, kMostBytes = 64 * 1024;

  void add(std::string path, std::string value);
  // By path; what is folded is called "DIRECTORY/…". Once.
  std::map<std::string, std::string> finish();

 private:
  std::map<std::string, std::string> folded(std::size_t depth) const;

  std::map<std::string, std::string> entries_;
};

}  // namespace lichen::ops
