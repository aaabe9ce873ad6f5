#include "container/user.h"

#include <gtest/gtest.h>

namespace lichen::container {
namespace {

constexpr char kPasswd[] =
    "root:x:0:0:root:/root:/bin/sh\n"
    "www-data:x:33:33::/var/www:/usr/sbin/nologin\n"
    "broken\n"
    "alice:x:1000:1001::/home/alice:/bin/bash\n";
constexpr char kGroup[] = "root:x:0:\nadm:x:4:alice,bob\nwww-data:x:33:\nstaff:x:50:alice\n";

TEST(ParseUser, FollowsDocker) {
  const struct {
    const char* user;
    std::uint32_t uid, gid;
    std::vector<std::uint32_t> groups;
    const char* home;
  } rows[] = {
      {"", 0, 0, {0}, "/root"},
      {"root", 0, 0, {0}, "/root"},
      {"www-data", 33, 33, {33}, "/var/www"},
      {"alice", 1000, 1001, {1001, 4, 50}, "/home/alice"},
      {"1000", 1000, 1001, {1001, 4, 50}, "/home/alice"},
      {"alice:adm", 1000, 4, {4}, "/home/alice"},
      {"alice:77", 1000, 77, {77}, "/home/alice"},
      {"4711", 4711, 0, {0}, "/"},
      {"4711:12", 4711, 12, {12}, "/"},
  };
  for (const auto& row : rows) {
    const auto user = parse_user(row.user, kPasswd, kGroup);
    ASSERT_TRUE(user) << row.user;
    EXPECT_EQ(user->uid, row.uid) << row.user;
    EXPECT_EQ(user->gid, row.gid) << row.user;
    EXPECT_EQ(user->groups, row.groups) << row.user;
    EXPECT_EQ(user->home, row.home) << row.user;
  }
}

TEST(ParseUser, UnknownNamesAreErrors) {
  EXPECT_EQ(parse_user("nobody", kPasswd, kGroup).error().code, Errc::kNotFound);
  EXPECT_EQ(parse_user("alice:none", kPasswd, kGroup).error().code, Errc::kNotFound);
  EXPECT_FALSE(parse_user("4294967295", kPasswd, kGroup));
}

TEST(ParseOwner, FollowsBuildKit) {
  const struct {
    const char* owner;
    std::uint32_t uid, gid;
    std::vector<std::string> unknown;
  } rows[] = {
      {"alice", 1000, 1001, {}},
      {"alice:adm", 1000, 4, {}},
      {"alice:77", 1000, 77, {}},
      {"1000", 1000, 1000, {}},
      {"1000:staff", 1000, 50, {}},
      {"4711:12", 4711, 12, {}},
      {"root", 0, 0, {}},
      {"carol", 0, 0, {"user carol"}},
      {"carol:staff", 0, 50, {"user carol"}},
      {"alice:none", 1000, 1001, {"group none"}},
      {"4711:none", 4711, 4711, {"group none"}},
  };
  for (const auto& row : rows) {
    const Owner owner = parse_owner(row.owner, kPasswd, kGroup);
    EXPECT_EQ(owner.uid, row.uid) << row.owner;
    EXPECT_EQ(owner.gid, row.gid) << row.owner;
    EXPECT_EQ(owner.unknown, row.unknown) << row.owner;
  }
  EXPECT_TRUE(parse_owner("root:root", "", "").unknown.empty());
}

}  // namespace
}  // namespace lichen::container
