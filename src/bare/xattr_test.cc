#include "bare/xattr.h"

#include <sys/xattr.h>

#include "bare/change_testing.h"
#include "gtest/gtest.h"

namespace lichen::bare {
namespace {

using testing::Step;

constexpr std::uint32_t kAlice = 1000;

class Attributes : public ::testing::Test {
 protected:
  Step step{testing::new_directory(), {{"frozen", "layer"}}};
};

TEST_F(Attributes, AttributesAreTheUsersAndTheCapability) {
  step.make_file("/f");
  if (::setxattr(step.real("/f").c_str(), "user.probe", "", 0, 0) != 0) {
    GTEST_SKIP() << "no user.* attributes in " << step.real("");
  }
  ASSERT_EQ(::removexattr(step.real("/f").c_str(), "user.probe"), 0);
  EXPECT_EQ(step.set_attribute("/f", "user.a", "one"), 0);
  EXPECT_EQ(step.set_attribute("/f", "user.a", "two", XATTR_CREATE), -EEXIST);
  EXPECT_EQ(step.attribute("/f", "user.a"), "one");
  EXPECT_EQ(step.attribute("/f", "user.b"), std::to_string(-ENODATA));
  char small[2];
  EXPECT_EQ(step.call(answer_xattr, SYS_getxattr, "/f", "user.a", small, sizeof small), -ERANGE);
  EXPECT_EQ(step.call(answer_xattr, SYS_getxattr, "/f", "user.a", nullptr, 0), 3);

  const std::string v2 = std::string("\1\0\0\2", 4) + std::string(16, '\7');
  const std::string v3 = std::string("\1\0\0\3", 4) + std::string(16, '\7') + std::string(4, '\1');
  EXPECT_EQ(step.set_attribute("/f", "security.capability", "short"), -EINVAL);
  EXPECT_EQ(step.set_attribute("/f", "security.capability", v2, XATTR_REPLACE), -ENODATA);
  EXPECT_EQ(step.set_attribute("/f", "security.capability", v3), 0);
  EXPECT_EQ(step.attribute("/f", "security.capability"), v2);
  EXPECT_EQ(step.set_attribute("/f", "security.capability", v2, XATTR_CREATE), -EEXIST);
  EXPECT_EQ(step.attributes("/f"), std::string("user.a\0security.capability\0", 27));
  EXPECT_EQ(step.owned("/f").mode & 07777, 0644u);
  EXPECT_EQ(step.call(answer_xattr, SYS_removexattr, "/f", "security.capability"), 0);
  EXPECT_EQ(step.call(answer_xattr, SYS_removexattr, "/f", "security.capability"), -ENODATA);
  EXPECT_EQ(step.call(answer_xattr, SYS_removexattr, "/f", "user.a"), 0);
  EXPECT_EQ(step.attributes("/f"), "");

  const struct {
    const char* name;
    std::int64_t set, get;
  } rows[] = {
      {"trusted.a", -EPERM, -ENODATA},
      {"security.selinux", -EPERM, -ENODATA},
      {"user.overlay.opaque", -EPERM, -ENODATA},
      {"system.posix_acl_access", -EOPNOTSUPP, -EOPNOTSUPP},
      {"nonsense", -EOPNOTSUPP, -EOPNOTSUPP},
      {"", -ERANGE, -ERANGE},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(step.set_attribute("/f", row.name, "x"), row.set) << row.name;
    EXPECT_EQ(step.attribute("/f", row.name), std::to_string(row.get)) << row.name;
  }
  EXPECT_EQ(step.set_attribute("/vol", "user.a", "x"), -EROFS);

  ASSERT_EQ(::symlink("f", step.real("/s").c_str()), 0);
  EXPECT_EQ(step.call(answer_xattr, SYS_lsetxattr, "/s", "user.a", "x", 1, 0), -EPERM);
  EXPECT_EQ(step.call(answer_xattr, SYS_llistxattr, "/s", small, sizeof small), 0);
  step.become(kAlice);
  EXPECT_EQ(step.set_attribute("/f", "user.a", "x"), -EACCES);
  EXPECT_EQ(step.set_attribute("/f", "security.capability", v2), -EPERM);
}

TEST_F(Attributes, RemovingAnAttributeThatIsNotThereCopiesNothing) {
  const ino_t shared = step.status("/frozen").st_ino;
  const auto result = step.call(answer_xattr, SYS_removexattr, "/frozen", "user.a");
  EXPECT_TRUE(result == -ENODATA || result == -EOPNOTSUPP) << result;
  EXPECT_EQ(step.status("/frozen").st_ino, shared);
}

TEST(Xattr, ListsShowOnlyWhatStepsMayHave) {
  const std::string names("user.a\0trusted.b\0user.overlay.origin\0security.selinux\0user.c\0", 62);
  EXPECT_EQ(seen_names(names), std::string("user.a\0user.c\0", 14));
  EXPECT_EQ(seen_names(""), "");
}

}  // namespace
}  // namespace lichen::bare
