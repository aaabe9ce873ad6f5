// What a step's key is made of, by names that people know, so that a miss can be explained.
//
//   Recipe now;
//   now.add("base image", "debian:12@sha256:…");
//   now.add("env VERSION", "1.3");
//   explain(before, now);   // "env VERSION: 1.2 → 1.3"
//
// Parts stand in the order in which they are worth telling. Values are text for people, or digests
// of what is too long or secret; never longer than kMaxValueBytes. Pure.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lichen::solver {

struct Part {
  std::string name, value;

  friend bool operator==(const Part&, const Part&) = default;
};

struct Recipe {
  static constexpr std::size_t kMaxValueBytes = 240;

  std::vector<Part> parts;

  // A longer value is cut and gets its digest. A name that is there already gets a number.
  void add(std::string name, std::string_view value);
  // The value counts, but nobody shall read it.
  void add_hidden(std::string name, std::string_view value);
};

std::string to_json(const Recipe& recipe);
Result<Recipe> parse_recipe(std::string_view json);

// How many parts are in one of them alone, or differ.
std::size_t differences(const Recipe& before, const Recipe& now);
// The first of them in words, in one line, and how many others there are; "" without any. A file
// that went as another of the same content came is one that was renamed.
std::string explain(const Recipe& before, const Recipe& now);
// All of them, one a line; at most `most`, then how many are left.
std::vector<std::string> explain_all(const Recipe& before, const Recipe& now, std::size_t most);

}  // namespace lichen::solver
