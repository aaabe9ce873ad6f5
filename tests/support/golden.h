// Golden tests by folder: tests/data/<area>/<case>/ holds inputs and expected outputs.
//
//   golden::Case one = …;                    // from golden::cases("dockerfile")
//   EXPECT_TRUE(one.matches("graph.txt", text));
//
// A new case is a new folder. LICHEN_ACCEPT=1 writes what was got instead of comparing; review it.
#pragma once

#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <optional>
#include <ostream>
#include <string>
#include <vector>

namespace lichen::golden {

class Case {
 public:
  explicit Case(std::filesystem::path folder) : folder_(std::move(folder)) {}

  std::string name() const { return folder_.filename().string(); }
  const std::filesystem::path& folder() const { return folder_; }

  std::optional<std::string> find(const std::string& file) const {
    std::ifstream in(folder_ / file, std::ios::binary);
    if (!in) return std::nullopt;
    return std::string(std::istreambuf_iterator<char>(in), {});
  }
  std::string read(const std::string& file) const {
    const auto text = find(file);
    EXPECT_TRUE(text.has_value()) << folder_ / file;
    return text.value_or("");
  }

  testing::AssertionResult matches(const std::string& file, const std::string& got) const {
    if (std::getenv("LICHEN_ACCEPT") != nullptr) {
      std::ofstream(folder_ / file, std::ios::binary) << got;
      return testing::AssertionSuccess();
    }
    const auto want = find(file);
    if (!want)
      return testing::AssertionFailure()
             << folder_ / file << " is missing (LICHEN_ACCEPT=1 writes it); got:\n"
             << got;
    if (*want == got) return testing::AssertionSuccess();
    return testing::AssertionFailure() << folder_ / file << "\n--- want\n"
                                       << *want << "--- got\n"
                                       << got;
  }

  // Says that the case must not have `file`: it belongs to another outcome.
  testing::AssertionResult lacks(const std::string& file) const {
    if (std::getenv("LICHEN_ACCEPT") != nullptr) std::filesystem::remove(folder_ / file);
    if (!std::filesystem::exists(folder_ / file)) return testing::AssertionSuccess();
    return testing::AssertionFailure() << folder_ / file << " was expected, another outcome came";
  }

  friend void PrintTo(const Case& one, std::ostream* out) { *out << one.name(); }

 private:
  std::filesystem::path folder_;
};

inline std::vector<Case> cases(const std::string& area) {
  std::vector<Case> found;
  for (const auto& entry :
       std::filesystem::directory_iterator(std::filesystem::path(LICHEN_TEST_DATA) / area))
    if (entry.is_directory()) found.emplace_back(entry.path());
  std::sort(found.begin(), found.end(),
            [](const Case& a, const Case& b) { return a.name() < b.name(); });
  return found;
}

// For INSTANTIATE_TEST_SUITE_P: letters and digits only.
inline std::string test_name(const testing::TestParamInfo<Case>& info) {
  std::string name = info.param.name();
  for (char& c : name)
    if (!std::isalnum(static_cast<unsigned char>(c))) c = '_';
  return name;
}

}  // namespace lichen::golden
