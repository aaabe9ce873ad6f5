#include "sandbox/landlock.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <functional>

#include "os/file.h"

namespace lichen::sandbox {
namespace {

TEST(Landlock, OldKernelsRestrictLess) {
  EXPECT_EQ(landlock_rights(0).files, 0u);
  EXPECT_EQ(landlock_rights(1).files, 0x1fffu);
  EXPECT_EQ(landlock_rights(2).files, 0x3fffu);
  EXPECT_EQ(landlock_rights(4).files, 0x7fffu);
  EXPECT_EQ(landlock_rights(5).files, 0xffffu);
  EXPECT_EQ(landlock_rights(5).scopes, 0u);
  EXPECT_EQ(landlock_rights(6).scopes, 3u);
  EXPECT_EQ(landlock_rights(99).files, landlock_rights(6).files);
}

// What `body` returns in a child that is restricted; errno values, 0 for success.
int restricted(const os::UniqueFd& ruleset, const std::function<int()>& body) {
  const pid_t child = ::fork();
  if (child == 0) {
    ::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
    if (::syscall(SYS_landlock_restrict_self, ruleset.get(), 0) != 0) ::_exit(250);
    ::_exit(body());
  }
  int status = 0;
  ::waitpid(child, &status, 0);
  return WEXITSTATUS(status);
}

int errno_of(long rc) {
  return rc < 0 ? errno : 0;
}

TEST(Landlock, AllowsWhatRulesName) {
  if (landlock_abi() < 3) GTEST_SKIP() << "no Landlock with ABI 3 in this kernel";
  const std::string directory = ::testing::TempDir() + "landlock." + std::to_string(::getpid());
  ASSERT_TRUE(os::mkdirs(directory + "/rw"));
  ASSERT_TRUE(os::mkdirs(directory + "/ro"));
  ASSERT_TRUE(os::mkdirs(directory + "/bind"));
  ASSERT_TRUE(os::replace_file(directory + "/ro/file", "x"));
  ASSERT_TRUE(os::replace_file(directory + "/outside", "x"));
  LandlockRules rules;
  rules.paths.emplace();
  rules.paths->push_back(
      {.fd = os::UniqueFd(::open((directory + "/rw").c_str(), O_PATH | O_CLOEXEC)), .write = true});
  rules.paths->push_back(
      {.fd = os::UniqueFd(::open((directory + "/ro").c_str(), O_PATH | O_CLOEXEC))});
  rules.paths->push_back(
      {.fd = os::UniqueFd(::open("/dev/null", O_PATH | O_CLOEXEC)), .write = true});
  rules.paths->push_back(
      {.fd = os::UniqueFd(::open((directory + "/bind").c_str(), O_PATH | O_CLOEXEC)),
       .bind = true});
  const auto ruleset = make_ruleset(rules);
  ASSERT_TRUE(ruleset) << to_text(ruleset.error());
  ASSERT_TRUE(*ruleset);
  const auto open_as = [&](const std::string& path, int flags) {
    return restricted(**ruleset, [&] { return errno_of(::open(path.c_str(), flags, 0600)); });
  };
  EXPECT_EQ(open_as(directory + "/rw/new", O_CREAT | O_WRONLY), 0);
  EXPECT_EQ(open_as(directory + "/ro/file", O_RDONLY), 0);
  EXPECT_EQ(open_as(directory + "/ro/file", O_WRONLY), EACCES);
  EXPECT_EQ(open_as(directory + "/ro/new", O_CREAT | O_WRONLY), EACCES);
  EXPECT_EQ(open_as(directory + "/outside", O_RDONLY), EACCES);
  EXPECT_EQ(open_as(directory + "/bind/new", O_CREAT | O_WRONLY), EACCES);
  EXPECT_EQ(restricted(**ruleset,
                       [&] {
                         return errno_of(
                             ::mknod((directory + "/bind/socket").c_str(), S_IFSOCK | 0600, 0));
                       }),
            0);
  EXPECT_EQ(
      restricted(**ruleset,
                 [&] {
                   return errno_of(::mknod((directory + "/ro/socket").c_str(), S_IFSOCK | 0600, 0));
                 }),
      EACCES);
  EXPECT_EQ(open_as(directory + "/outside", O_PATH), 0);
  EXPECT_EQ(open_as("/dev/null", O_RDWR), 0);
  ASSERT_TRUE(os::remove_tree(directory));
}

TEST(Landlock, ScopesKeepSignalsInside) {
  if (landlock_abi() < 6) GTEST_SKIP() << "no Landlock scopes in this kernel";
  const auto ruleset = make_ruleset({});
  ASSERT_TRUE(ruleset) << to_text(ruleset.error());
  const pid_t parent = ::getpid();
  EXPECT_EQ(restricted(**ruleset, [&] { return errno_of(::kill(parent, 0)); }), EPERM);
  EXPECT_EQ(restricted(**ruleset, [&] { return errno_of(::kill(::getpid(), 0)); }), 0);
  EXPECT_EQ(restricted(**ruleset, [&] { return errno_of(::open("/dev/null", O_RDWR)); }), 0);
}

}  // namespace
}  // namespace lichen::sandbox
