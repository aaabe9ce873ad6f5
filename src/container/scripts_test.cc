#include "container/scripts.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>

#include "os/file.h"

namespace lichen::container {
namespace {

using Texts = std::vector<std::string>;

TEST(Scripts, AreFoundByTheWordsOfACommand) {
  std::string tree = ::testing::TempDir() + "/scripts-XXXXXX";
  ASSERT_NE(::mkdtemp(tree.data()), nullptr);
  ASSERT_TRUE(os::mkdirs(tree + "/srv"));
  const std::string outside = tree + ".outside";
  ASSERT_TRUE(os::replace_file(outside, "outside"));
  ASSERT_TRUE(os::replace_file(tree + "/make.sh", "mknod a\n"));
  ASSERT_TRUE(os::replace_file(tree + "/srv/use.sh", "use\n"));
  ASSERT_TRUE(os::replace_file(tree + "/program", std::string("\177ELF\0", 5)));
  ASSERT_TRUE(os::replace_file(tree + "/large", std::string(kMaxScriptBytes + 1, 'x')));
  ASSERT_EQ(::mkfifo((tree + "/fifo").c_str(), 0600), 0);
  ASSERT_EQ(::symlink(outside.c_str(), (tree + "/link").c_str()), 0);
  const os::UniqueFd root = *os::open(tree, O_RDONLY | O_DIRECTORY);
  const auto found = [&](const Texts& argv) { return scripts_of(root, "/srv", argv); };
  EXPECT_EQ(found({"/bin/sh", "-c", "cd /;sh '/make.sh'&& sh use.sh"}),
            (Texts{"mknod a\n", "use\n"}));
  EXPECT_EQ(found({"/make.sh", "-make.sh"}), (Texts{"mknod a\n"}));
  EXPECT_EQ(found({"/program /large /fifo /link /srv /none ../../" + outside, ""}), Texts{});
  EXPECT_EQ(found(Texts(100, "/make.sh")).size(), kMaxScripts);
  ASSERT_TRUE(os::remove_tree(tree));
}

}  // namespace
}  // namespace lichen::container
