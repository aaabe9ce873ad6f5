// Test support of store: temporary directories, layers from lists of entries.
#pragma once

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "os/disk.h"
#include "os/file.h"
#include "store/store.h"

namespace lichen::store::testing {

// Removed when the test ends.
class TempDir {
 public:
  TempDir() : path_(::testing::TempDir() + "store-XXXXXX") {
    EXPECT_NE(::mkdtemp(path_.data()), nullptr);
  }
  ~TempDir() { EXPECT_TRUE(os::remove_tree(path_)); }
  TempDir(const TempDir&) = delete;
  TempDir& operator=(const TempDir&) = delete;
  const std::string& path() const { return path_; }
  std::string operator/(const std::string& name) const { return path_ + "/" + name; }

 private:
  std::string path_;
};

template <class T>
std::string message(const Result<T>& result) {
  return result ? "" : to_text(result.error());
}

// What a keeper's worker would answer.
inline Result<std::vector<std::uint64_t>> measure(const std::vector<std::string>& paths) {
  return os::disk_usage(paths);
}

}  // namespace lichen::store::testing

#define ASSERT_OK(result)                                               \
  do {                                                                  \
    const auto& asserted_ok = (result);                                 \
    ASSERT_TRUE(asserted_ok) << ::lichen::to_text(asserted_ok.error()); \
  } while (false)
