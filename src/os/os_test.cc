#include <fcntl.h>
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "os/child.h"
#include "os/file.h"
#include "os/socket.h"

namespace lichen::os {
namespace {

class Files : public testing::Test {
 protected:
  void SetUp() override {
    path_ = testing::TempDir() + "lichen_os_" + std::to_string(::getpid());
    ASSERT_TRUE(remove_tree(path_));
    ASSERT_TRUE(mkdirs(path_ + "/root/etc"));
    root_ = std::move(*open(path_ + "/root", O_PATH | O_DIRECTORY));
  }
  void TearDown() override { EXPECT_TRUE(remove_tree(path_)); }
  std::string path_;
  UniqueFd root_;
};

TEST_F(Files, OpenBeneathKeepsSymlinksInside) {
  ASSERT_TRUE(replace_file(path_ + "/root/etc/passwd", "inside"));
  ASSERT_TRUE(replace_file(path_ + "/secret", "outside"));
  ASSERT_EQ(::symlink("/etc/passwd", (path_ + "/root/absolute").c_str()), 0);
  ASSERT_EQ(::symlink("../../../secret", (path_ + "/root/climbing").c_str()), 0);
  EXPECT_EQ(*read_file(*open_beneath(root_, "absolute", O_RDONLY)), "inside");
  EXPECT_EQ(open_beneath(root_, "climbing", O_RDONLY).error().code, Errc::kNotFound);
  EXPECT_EQ(open_beneath(root_, "../secret", O_RDONLY).error().code, Errc::kNotFound);
}

TEST_F(Files, MkdirsBeneathFollowsLinksInsideOnly) {
  ASSERT_TRUE(mkdirs(path_ + "/outside"));
  ASSERT_EQ(::symlink("/etc", (path_ + "/root/link").c_str()), 0);
  ASSERT_EQ(::symlink("../outside", (path_ + "/root/out").c_str()), 0);
  ASSERT_TRUE(mkdirs_beneath(root_, "link/a/b", 0755));
  EXPECT_TRUE(exists(path_ + "/root/etc/a/b"));
  EXPECT_FALSE(mkdirs_beneath(root_, "out/x", 0755));
  EXPECT_FALSE(exists(path_ + "/outside/x"));
}

TEST_F(Files, RemoveTreeTakesUnreadableDirectories) {
  ASSERT_TRUE(mkdirs(path_ + "/root/d/e"));
  ASSERT_TRUE(replace_file(path_ + "/root/d/e/f", "x"));
  ASSERT_EQ(::chmod((path_ + "/root/d/e").c_str(), 0), 0);
  ASSERT_EQ(::chmod((path_ + "/root/d").c_str(), 0500), 0);
  EXPECT_TRUE(remove_tree(path_ + "/root/d"));
  EXPECT_FALSE(exists(path_ + "/root/d"));
  EXPECT_TRUE(remove_tree(path_ + "/root/absent"));
}

TEST_F(Files, RemoveTreeDoesNotFollowSymlinks) {
  ASSERT_TRUE(mkdirs(path_ + "/outside"));
  ASSERT_TRUE(replace_file(path_ + "/outside/keep", "x"));
  ASSERT_EQ(::symlink("../outside", (path_ + "/root/link").c_str()), 0);
  ASSERT_TRUE(remove_tree(path_ + "/root"));
  EXPECT_TRUE(exists(path_ + "/outside/keep"));
}

TEST_F(Files, XattrsThroughPathDescriptors) {
  ASSERT_TRUE(replace_file(path_ + "/root/f", "x"));
  const UniqueFd fd = std::move(*open_beneath(root_, "f", O_PATH));
  const auto set = set_xattr(fd, "user.lichen", "value");
  if (!set && set.error().code == Errc::kUnsupported)
    GTEST_SKIP() << "no user.* xattrs on " << path_;
  ASSERT_TRUE(set);
  EXPECT_EQ(get_xattr(fd, "user.lichen")->value_or(""), "value");
  EXPECT_EQ(list_xattrs(fd)->at("user.lichen"), "value");
  EXPECT_EQ(*get_xattr(fd, "user.none"), std::nullopt);
}

TEST_F(Files, CopyContentAlsoFromProc) {
  const UniqueFd from = std::move(*open("/proc/self/status", O_RDONLY));
  const UniqueFd to = std::move(*open(path_ + "/copy", O_RDWR | O_CREAT, 0600));
  EXPECT_GT(*copy_content(from, to), 100u);
}

TEST_F(Files, LockExcludes) {
  const auto first = FileLock::exclusive(path_ + "/lock");
  ASSERT_TRUE(first);
  EXPECT_FALSE(FileLock::try_exclusive(path_ + "/lock")->has_value());
}

TEST(Socket, CarriesBytesAndDescriptors) {
  auto [a, b] = std::move(*socket_pair());
  auto [reader, writer] = std::move(*pipe());
  ASSERT_TRUE(send_message(a, "hello", {writer.get()}));
  auto message = receive_message(b);
  ASSERT_TRUE(message);
  EXPECT_EQ(message->bytes, "hello");
  ASSERT_EQ(message->fds.size(), 1u);
  writer.reset();
  ASSERT_TRUE(write_all(message->fds[0], "through"));
  message->fds.clear();
  EXPECT_EQ(*read_file(reader), "through");
  a.reset();
  EXPECT_EQ(receive_message(b).error().code, Errc::kUnavailable);
}

TEST(Child, RunProgramPassesInputAndStatus) {
  const auto output = run_program({.argv = {"sh", "-c", "cat; echo no >&2; exit 3"},
                                   .env = current_environment(),
                                   .input = "text"});
  ASSERT_TRUE(output) << to_text(output.error());
  EXPECT_EQ(output->out, "text");
  EXPECT_EQ(output->err, "no\n");
  EXPECT_EQ(output->status, WaitStatus(Exited{3}));
}

// SIGPIPE would end this program.
TEST(RunProgram, OneThatDoesNotReadIsNoReasonToEnd) {
  for (int i = 0; i < 20; ++i) {
    const auto output = run_program({.argv = {"sh", "-c", "exec <&-; echo done; exit 4"},
                                     .env = current_environment(),
                                     .input = std::string(1 << 20, 'x')});
    ASSERT_TRUE(output);
    EXPECT_EQ(output->out, "done\n");
    EXPECT_EQ(output->status, WaitStatus(Exited{4}));
  }
}

TEST(Child, RunProgramEndsAtItsTimeLimit) {
  const auto output =
      run_program({.argv = {"sleep", "20"}, .env = current_environment(), .timeout_ms = 50});
  EXPECT_EQ(output.error().code, Errc::kUnavailable);
}

TEST(Child, RunProgramIsCancelledWithAllThatItStarted) {
  const std::string file = ::testing::TempDir() + "os_test." + std::to_string(::getpid());
  const auto output = run_program({.argv = {"sh", "-c", "sleep 20 & echo $! > \"$0\"; wait", file},
                                   .env = current_environment(),
                                   .timeout_ms = 0,
                                   .new_session = true,
                                   .cancelled = [&] {
                                     const auto text = find_file(file);
                                     return text && *text && ends_with(**text, "\n");
                                   }});
  EXPECT_EQ(output.error().code, Errc::kCancelled);
  const std::string started(trim(*read_file(file)));
  ::unlink(file.c_str());
  // Somebody else reaps it.
  std::string state = "R";
  for (int i = 0; i < 100 && state != "" && state != "Z"; ++i) {
    ::usleep(20'000);
    const auto stat = find_file("/proc/" + started + "/stat");
    state = stat && *stat ? (*stat)->substr((*stat)->rfind(')') + 2, 1) : "";
  }
  EXPECT_TRUE(state == "" || state == "Z") << state;
}

TEST(Child, DestructorKillsAndReaps) {
  const pid_t pid = ::fork();
  if (pid == 0) {
    ::pause();
    ::_exit(0);
  }
  { auto child = Child::adopt(pid); }
  EXPECT_EQ(::kill(pid, 0), -1);
}

}  // namespace
}  // namespace lichen::os
