// The fixture of the live tests.
#pragma once

#include <gtest/gtest.h>

#include <cstring>

#include "emulate/testing.h"

namespace lichen::emulate::testing {

inline std::string to_lines(const std::string& bytes) {
  const auto sidecar = owners::parse_sidecar(bytes);
  if (!sidecar) return "corrupt";
  std::string text;
  for (const owners::Change& change : *sidecar) {
    if (change.kind != owners::Change::Kind::kSet) {
      text += (change.kind == owners::Change::Kind::kRemove ? "remove " : "opaque ") + change.path +
              "\n";
      continue;
    }
    const owners::Record& record = change.record;
    text += change.path + " " + std::to_string(record.uid) + ":" + std::to_string(record.gid);
    if (record.type != 0) {
      text += (record.type == S_IFCHR ? " c " : " b ") + std::to_string(record.dev_major) + ":" +
              std::to_string(record.dev_minor);
    }
    text += "\n";
  }
  return text;
}

class Live : public ::testing::Test {
 protected:
  Live()
      : container_(::testing::TempDir() + "lichen_emulate_" + std::to_string(::getpid()) + "_" +
                   ::testing::UnitTest::GetInstance()->current_test_info()->name()) {}
  ~Live() override {
    static_cast<void>(os::remove_tree(
        container_.lower().substr(0, container_.lower().size() - std::strlen("/lower"))));
  }

  // false: this host has no place for containers, and the test is skipped.
  bool run(const std::function<std::string()>& body) {
    outcome_ = container_.run(body);
    return outcome_.failure.compare(0, 3, "no ") != 0;
  }
  std::string sidecar() const { return to_lines(outcome_.sidecar); }

  Container container_;
  Outcome outcome_;
};

#define RUN_OR_SKIP(...)                                   \
  if (!run(__VA_ARGS__)) GTEST_SKIP() << outcome_.failure; \
  ASSERT_EQ(outcome_.failure, "")

}  // namespace lichen::emulate::testing
