// Reads the shared conformance data in place: $LICHEN_SHARED, else "shared" beside the source
// directory. Without the folder its tests are skipped by name. For tests only.
#pragma once

#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <string>

#include "base/result.h"

namespace lichen::dockerfile::conformance {

using Json = nlohmann::json;

inline std::filesystem::path folder() {
  const char* given = std::getenv("LICHEN_SHARED");
  return std::filesystem::path(given != nullptr ? given : LICHEN_SHARED_DEFAULT) / "conformance";
}

inline std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  EXPECT_TRUE(in) << path;
  return {std::istreambuf_iterator<char>(in), {}};
}

// Calls `check(in, want)` for each case of one file; a file without cases is a failure.
template <class Check>
void each_case(const std::string& file, Check check) {
  const Json cases = Json::parse(read_file(folder() / file), nullptr, false);
  ASSERT_TRUE(cases.is_array() && !cases.empty()) << file;
  for (const Json& one : cases) {
    SCOPED_TRACE(file + " " + one["id"].get<std::string>() + " in " + one["in"].dump());
    check(one["in"], one["want"]);
  }
}

// `want` says that there must be an error, and maybe which. True when it does.
inline bool wants_error(const Json& want) {
  return want.contains("error") || want.contains("error_contains") || want.contains("error_text");
}

template <class T>
void expect_error(const Json& want, const Result<T>& got) {
  ASSERT_FALSE(got) << "wanted an error: " << want.dump();
  const std::string& message = got.error().message;
  if (want.contains("error") && want["error"].is_string()) {
    EXPECT_EQ(message, want["error"]);
  }
  if (want.contains("error_text")) {
    EXPECT_EQ(message, want["error_text"]);
  }
  if (want.contains("error_contains")) {
    EXPECT_NE(message.find(want["error_contains"].get<std::string>()), std::string::npos)
        << message;
  }
}

// A fixture for all tests that need the data.
class Conformance : public testing::Test {
 protected:
  void SetUp() override {
    if (!std::filesystem::is_directory(folder()))
      GTEST_SKIP() << "no conformance data at " << folder() << " (LICHEN_SHARED names another)";
  }
};

}  // namespace lichen::dockerfile::conformance
