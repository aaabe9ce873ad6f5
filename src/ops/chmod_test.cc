#include "ops/chmod.h"

#include <gtest/gtest.h>

namespace lichen::ops {
namespace {

TEST(ChangeMode, OctalAndSymbolic) {
  const struct {
    const char* text;
    mode_t mode;
    bool is_directory;
    mode_t want;
  } rows[] = {
      {"755", 0644, false, 0755},       {"0755", 0644, false, 0755},     {"4711", 0, false, 04711},
      {"go-w", 0666, false, 0644},      {"u=rw,g=r", 0777, false, 0647}, {"a+X", 0644, false, 0644},
      {"a+X", 0644, true, 0755},        {"a+X", 0744, false, 0755},      {"+x", 0644, false, 0755},
      {"u+s", 0755, false, 04755},      {"g=u", 0640, false, 0660},      {"o+t", 0777, true, 01777},
      {"u=rwx,go=", 0777, false, 0700}, {"ug+rw-x", 0111, false, 0661},
  };
  for (const auto& row : rows) {
    const auto mode = change_mode(row.text, row.mode, row.is_directory);
    ASSERT_TRUE(mode) << row.text;
    EXPECT_EQ(*mode, row.want) << row.text;
  }
  for (const char* bad : {"", "8", "77777", "u", "u?x", "u+q", "12345678901234567890"})
    EXPECT_FALSE(change_mode(bad, 0644, false)) << bad;
}

}  // namespace
}  // namespace lichen::ops
