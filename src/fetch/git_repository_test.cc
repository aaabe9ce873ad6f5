#include "fetch/git_repository.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "os/child.h"
#include "os/file.h"

namespace lichen::fetch {
namespace {

constexpr std::int64_t kTime = 1'700'000'000;

// A directory with a bare repository that has some history:
//   main: "one" (tag v1, annotated) -> "two" (branch old) -> "three"
// with a program, a symlink and a directory in it.
class GitRepositoryTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "git_test.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    top_ = pattern;
    remote_ = top_ + "/remote.git";
    shell(
        "git init -q --bare remote.git && git init -q work && cd work &&"
        " git remote add origin ../remote.git && mkdir -p sub/deep && echo one > file &&"
        " echo deep > sub/deep/file && echo '#!/bin/sh' > sub/run && chmod 755 sub/run &&"
        " ln -s file link && git add . && git commit -q -m one && git tag -a -m v1 v1 &&"
        " echo two > file && git commit -q -am two && git branch old &&"
        " echo three > file && git commit -q -am three &&"
        " git push -q --tags origin main old");
  }
  void TearDown() override { (void)os::remove_tree(top_); }

  // Runs in `top_`, with nobody's configuration.
  std::string shell(const std::string& script) const {
    std::vector<std::string> env = {"PATH=" + std::string(::getenv("PATH")),
                                    "HOME=" + top_,
                                    "GIT_CONFIG_NOSYSTEM=1",
                                    "LC_ALL=C",
                                    "GIT_AUTHOR_DATE=" + std::to_string(kTime) + " +0000",
                                    "GIT_COMMITTER_DATE=" + std::to_string(kTime) + " +0000",
                                    "GIT_CONFIG_COUNT=4",
                                    "GIT_CONFIG_KEY_0=user.name",
                                    "GIT_CONFIG_VALUE_0=t",
                                    "GIT_CONFIG_KEY_1=user.email",
                                    "GIT_CONFIG_VALUE_1=t@t",
                                    "GIT_CONFIG_KEY_2=init.defaultBranch",
                                    "GIT_CONFIG_VALUE_2=main",
                                    "GIT_CONFIG_KEY_3=protocol.file.allow",
                                    "GIT_CONFIG_VALUE_3=always"};
    const auto output =
        os::run_program({.argv = {"sh", "-ec", "cd \"$0\"; " + script, top_}, .env = env});
    EXPECT_TRUE(output && output->status == os::WaitStatus(os::Exited{0}))
        << (output ? output->err : to_text(output.error()));
    return output ? std::string(trim(output->out)) : "";
  }
  std::string commit(const std::string& name) const {
    return shell("git -C work rev-parse '" + name + "^{commit}'");
  }

  GitRepository open(const std::string& remote) const {
    auto opened = GitRepository::open(remote, {.directory = top_ + "/store", .allow_local = true});
    EXPECT_TRUE(opened) << to_text(opened.error());
    return *std::move(opened);
  }
  // The whole tree as "path mode content" lines.
  std::string tree(const std::string& directory) const {
    return shell("cd " + directory +
                 "; find . -mindepth 1 -name .git -prune -o -mindepth 1 -printf "
                 "'%P %y%m %T@ %l\\n' | sort");
  }
  std::string checked_out(GitRepository& repository, const GitCommit& at, const GitCheckout& what) {
    const std::string directory = top_ + "/out" + std::to_string(++outs_);
    EXPECT_TRUE(os::mkdirs(directory));
    const auto done = repository.checkout(at, what, directory);
    EXPECT_TRUE(done) << to_text(done.error());
    return directory;
  }

  std::string top_, remote_;
  int outs_ = 0;
};

TEST_F(GitRepositoryTest, ResolvesBranchesTagsAndCommits) {
  GitRepository repository = open(remote_);
  const auto head = repository.resolve("");
  ASSERT_TRUE(head) << to_text(head.error());
  EXPECT_EQ(head->commit, commit("main"));
  EXPECT_EQ(head->ref, "refs/heads/main");
  EXPECT_EQ(head->tag, "");
  const auto branch = repository.resolve("old");
  ASSERT_TRUE(branch);
  EXPECT_EQ(branch->commit, commit("old"));
  EXPECT_EQ(branch->ref, "refs/heads/old");
  const auto tag = repository.resolve("v1");
  ASSERT_TRUE(tag);
  EXPECT_EQ(tag->commit, commit("v1"));
  EXPECT_EQ(tag->ref, "refs/tags/v1");
  EXPECT_EQ(tag->tag, shell("git -C work rev-parse v1"));
  EXPECT_EQ(repository.resolve("refs/tags/v1")->commit, tag->commit);
  EXPECT_EQ(repository.resolve(tag->commit)->ref, "");

  // Branches come first, as git has it.
  shell("cd work; git branch v1 main; git push -q origin refs/heads/v1");
  EXPECT_EQ(repository.resolve("v1")->commit, commit("main"));
  EXPECT_EQ(repository.resolve("refs/tags/v1")->commit, tag->commit);

  EXPECT_EQ(repository.resolve("nowhere").error().code, Errc::kNotFound);
  EXPECT_EQ(repository.resolve("nowhere").error().message.find("repository does not contain ref"),
            0u);
  EXPECT_EQ(repository.resolve("refs/heads/v2").error().code, Errc::kNotFound);
  for (const char* bad : {"-x", "a b", "a..b", "a:b", "a\nb", "x.lock", "*", "a^"})
    EXPECT_EQ(repository.resolve(bad).error().code, Errc::kInvalid) << bad;
}

TEST_F(GitRepositoryTest, HoldsCommitsAgainstTheirChecksum) {
  GitRepository repository = open(remote_);
  const std::string v1 = commit("v1"), tag = shell("git -C work rev-parse v1");
  EXPECT_TRUE(repository.resolve("v1", v1));
  EXPECT_TRUE(repository.resolve("v1", v1.substr(0, 7)));
  EXPECT_TRUE(repository.resolve("v1", tag));
  EXPECT_EQ(repository.resolve("main", v1).error().code, Errc::kCorrupt);
  EXPECT_EQ(repository.resolve(commit("main"), v1).error().code, Errc::kCorrupt);
  for (const char* bad : {"foobar", "abc",
                          "12345678901234567890123456789012345678901234567890"
                          "123456789012345"})
    EXPECT_EQ(repository.resolve("v1", bad).error().code, Errc::kInvalid) << bad;
}

TEST_F(GitRepositoryTest, FindsCommitsByTheirFirstDigits) {
  GitRepository repository = open(remote_);
  // Shown by the remote, and within its history only.
  EXPECT_EQ(repository.resolve("", commit("v1").substr(0, 10))->commit, commit("v1"));
  shell("cd work; git push -q origin :old");
  EXPECT_EQ(repository.resolve("", commit("old").substr(0, 10))->commit, commit("old"));
  EXPECT_EQ(repository.resolve("", commit("old"))->commit, commit("old"));
  EXPECT_EQ(repository.resolve("", std::string(12, '0')).error().code, Errc::kNotFound);
}

TEST_F(GitRepositoryTest, ChecksOut) {
  GitRepository repository = open(remote_);
  const mode_t before = ::umask(0077);
  const std::string out = checked_out(repository, *repository.resolve("main"), {});
  ::umask(before);
  const std::string time = std::to_string(kTime) + ".0000000000";
  EXPECT_EQ(tree(out), "file f644 " + time + " \n" + "link l777 " + time + " file\n" + "sub d755 " +
                           time + " \n" + "sub/deep d755 " + time + " \n" + "sub/deep/file f644 " +
                           time + " \n" + "sub/run f755 " + time);
  EXPECT_EQ(*os::read_file(out + "/file"), "three\n");
  EXPECT_FALSE(os::exists(out + "/.git"));

  // A commit that no ref names, and one that is there already: no remote is asked.
  EXPECT_EQ(
      *os::read_file(checked_out(repository, *repository.resolve(commit("main~2")), {}) + "/file"),
      "one\n");
  shell("mv remote.git gone.git");
  EXPECT_TRUE(repository.commit_time(*repository.resolve(commit("main"))));
  EXPECT_EQ(repository.resolve("main").error().code, Errc::kUnavailable);
  checked_out(repository, *repository.resolve(commit("main")), {.mtime = "checkout"});
}

TEST_F(GitRepositoryTest, ChecksOutADirectory) {
  GitRepository repository = open(remote_);
  const GitCommit main = *repository.resolve("main");
  const std::string out = checked_out(repository, main, {.sub_dir = "/sub/", .keep_git_dir = true});
  EXPECT_EQ(shell("cd " + out + "; find . | sort | xargs"), ". ./deep ./deep/file ./run");
  for (const char* missing : {"nowhere", "file", "link", "sub/../.."}) {
    const std::string directory = top_ + "/bad";
    ASSERT_TRUE(os::mkdirs(directory));
    const auto done = repository.checkout(main, {.sub_dir = missing}, directory);
    if (std::string(missing) == "sub/../..") {
      EXPECT_TRUE(done);  // all of it
    } else {
      EXPECT_EQ(done.error().code, Errc::kNotFound) << missing;
    }
    ASSERT_TRUE(os::remove_tree(directory));
  }
  EXPECT_EQ(repository.checkout(main, {.mtime = "never"}, top_).error().code, Errc::kInvalid);
}

TEST_F(GitRepositoryTest, KeepsTheGitDirectory) {
  GitRepository repository = open("file://" + remote_);
  for (const char* ref : {"v1", "main", "refs/heads/old"}) {
    const std::string out =
        checked_out(repository, *repository.resolve(ref), {.keep_git_dir = true});
    EXPECT_EQ(shell("git -C " + out + " status --porcelain"), "");
    EXPECT_EQ(shell("git -C " + out + " rev-parse HEAD"), commit(ref));
    EXPECT_EQ(shell("git -C " + out + " remote get-url origin"), "file://" + remote_);
    EXPECT_EQ(shell("git -C " + out + " fsck 2>&1"), "") << "it stands alone";
  }
  const std::string out =
      checked_out(repository, *repository.resolve("v1"), {.keep_git_dir = true});
  EXPECT_EQ(shell("git -C " + out + " describe"), "v1");
}

TEST_F(GitRepositoryTest, BringsSubmodules) {
  shell(
      "git init -q --bare inner.git; git init -q inner; cd inner; echo inner > in;"
      " git add .; git commit -q -m in; git push -q ../inner.git main;"
      " cd ../work; git submodule -q add ../inner.git mod; git commit -q -m mod;"
      " git push -q origin main");
  GitRepository repository = open(remote_);
  const GitCommit main = *repository.resolve("main");
  const std::string out = checked_out(repository, main, {});
  EXPECT_EQ(*os::read_file(out + "/mod/in"), "inner\n");
  EXPECT_FALSE(os::exists(out + "/mod/.git"));
  const std::string kept = checked_out(repository, main, {.keep_git_dir = true});
  EXPECT_EQ(shell("git -C " + kept + " status --porcelain; git -C " + kept + "/mod status -s"), "");
  EXPECT_FALSE(os::exists(checked_out(repository, main, {.submodules = false}) + "/mod/in"));
}

TEST_F(GitRepositoryTest, HeedsNobodysConfiguration) {
  // In the directories above, in HOME, and in the repository: hooks, filters, other addresses.
  shell("git init -q .; git config url./nowhere.insteadOf " + remote_ +
        "; git config core.hooksPath " + top_ +
        "/hooks; mkdir hooks;"
        " printf '#!/bin/sh\\ntouch " +
        top_ +
        "/ran\\n' > hooks/post-checkout;"
        " chmod 755 hooks/post-checkout; cp .git/config .gitconfig;"
        " cd work; printf '* filter=x\\n' > .gitattributes; git add .; git commit -q -m filter;"
        " git push -q ../remote.git main");
  GitRepository repository = open(remote_);
  EXPECT_EQ(*os::read_file(checked_out(repository, *repository.resolve("main"), {}) + "/file"),
            "three\n");
  EXPECT_FALSE(os::exists(top_ + "/ran"));
}

TEST_F(GitRepositoryTest, IsCancelled) {
  auto repository = GitRepository::open(
      remote_,
      {.directory = top_ + "/store", .cancelled = [] { return true; }, .allow_local = true});
  ASSERT_TRUE(repository);
  EXPECT_EQ(repository->resolve("main").error().code, Errc::kCancelled);
}

TEST(GitRemote, IsCheckedAndShownWithoutCredentials) {
  const auto remote = [](const std::string& text) {
    auto opened = GitRepository::open(text, {.directory = "/nowhere"});
    return opened ? opened->remote() : std::string(to_text(opened.error().code));
  };
  EXPECT_EQ(remote("https://user:pass@host:8443/a.git"), "https://host:8443/a.git");
  EXPECT_EQ(remote("github.com/a/b"), "https://github.com/a/b");
  EXPECT_EQ(remote("ssh://git@host:22/a.git"), "ssh://git@host:22/a.git");
  EXPECT_EQ(remote("git@host:a/b.git"), "git@host:a/b.git");
  EXPECT_EQ(remote("git://host/a.git"), "git://host/a.git");
  const std::string invalid = to_text(Errc::kInvalid);
  for (const char* bad : {"", "-x", "/etc", "file:///etc", "ext::sh -c id", "ssh://git:pw@host/a",
                          "git@-oProxyCommand=id:x", "https://host/a\nb", "a@b/c:d", "host:path",
                          "ftp://host/a.git", "https:///a.git"})
    EXPECT_EQ(remote(bad), invalid) << bad;
  const auto bad = GitRepository::open("ftp://user:secret@host/a", {.directory = "/nowhere"});
  EXPECT_EQ(bad.error().message.find("secret"), std::string::npos);
}

}  // namespace
}  // namespace lichen::fetch
