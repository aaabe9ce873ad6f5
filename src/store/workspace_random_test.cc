// Random changes, done in three places: a materialized tree whose files are copied up by hand, a
// plain copy, and, where the machine lets us mount one, the kernel's overlayfs. The layers that
// result must be the same.
#include <sched.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <sys/xattr.h>

#include <functional>
#include <random>

#include "store/workspace_testing.h"

namespace lichen::store {
namespace {

using namespace testing;  // NOLINT

std::vector<Item> base_layer() {
  std::vector<Item> items;
  for (const char* top : {"a", "b", "c"}) {
    const std::string one = top;
    items.push_back(dir(one));
    for (const char* name : {"a", "b"}) items.push_back(file(one + "/" + name, one + name));
    items.push_back(symlink_to(one + "/l", "../a"));
    items.push_back(dir(one + "/d"));
    for (const char* name : {"a", "b", "c"}) items.push_back(file(one + "/d/" + name, name));
    items.push_back(dir(one + "/d/e"));
    items.push_back(file(one + "/d/e/a", "deep"));
  }
  return items;
}

Stack& fill(Stack& stack) {
  stack.apply(base_layer());
  stack.apply({dir("b"), file("b/a", "second"), file("b/d/.wh.c"), file("c/.wh..wh..opq"),
               file("c/new", "n"), dir("c/d"), file("d", "file")});
  return stack;
}

// One step's changes in a tree; the same seed makes the same ones, whatever the tree is made of.
class Changes {
 public:
  // `copy_up` is called before a file changes.
  Changes(std::string root, unsigned seed, std::function<void(const std::string&)> copy_up)
      : root_(std::move(root)), random_(seed), copy_up_(std::move(copy_up)) {}

  void run(int count) {
    for (int i = 0; i < count; ++i) change();
  }

 private:
  unsigned pick(unsigned end) { return static_cast<unsigned>(random_() % end); }
  std::string some_path() {
    static constexpr const char* kNames[] = {"a", "b", "c", "d", "e", "l"};
    std::string path = kNames[pick(6)];
    for (unsigned depth = pick(4); depth > 0; --depth) path += std::string("/") + kNames[pick(6)];
    return path;
  }
  std::string at(const std::string& path) const { return root_ + "/" + path; }
  mode_t type(const std::string& path) const {
    struct ::stat status {};
    return ::lstat(at(path).c_str(), &status) < 0 ? 0 : status.st_mode & S_IFMT;
  }
  // No symlink is on the way, or in the end.
  bool has_parent(const std::string& path) const {
    for (std::size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
      if (!S_ISDIR(type(path.substr(0, slash)))) return false;
    return true;
  }

  void change() {
    const unsigned what = pick(10);
    const std::string path = some_path(), other = some_path();
    const std::string text = std::to_string(random_());
    if (!has_parent(path)) return;
    const mode_t now = type(path);
    const bool is_other_free = has_parent(other) && type(other) == 0;
    if (now == 0) {
      if (what < 4) {
        EXPECT_TRUE(os::replace_file(at(path), text));
      } else if (what < 8) {
        EXPECT_EQ(::mkdir(at(path).c_str(), 0755), 0);
      } else {
        EXPECT_EQ(::symlink(text.c_str(), at(path).c_str()), 0);
      }
      return;
    }
    if (S_ISDIR(now)) {
      if (what < 2) {
        EXPECT_TRUE(os::remove_tree(at(path)));
      }
      if (what == 1) ::mkdir(at(path).c_str(), 0700);
      if (what == 2) ::chmod(at(path).c_str(), 0711);
      if (what == 3) ::utimes(at(path).c_str(), nullptr);
      return;
    }
    switch (what) {
      case 0:
      case 1:
        ::unlink(at(path).c_str());
        return;
      case 2:
      case 3:
        if (!is_other_free) return;
        copy_up_(path);
        EXPECT_EQ(::rename(at(path).c_str(), at(other).c_str()), 0);
        return;
      case 4:
        if (!is_other_free) return;
        copy_up_(path);
        EXPECT_EQ(::link(at(path).c_str(), at(other).c_str()), 0);
        return;
      default:
        if (!S_ISREG(now)) return;
        copy_up_(path);
        if (what == 5) {
          EXPECT_EQ(::chmod(at(path).c_str(), 0600), 0);
          return;
        }
        const os::UniqueFd fd = *os::open(at(path), O_WRONLY | O_APPEND);
        EXPECT_TRUE(os::write_all(fd, text));
    }
  }

  std::string root_;
  std::minstd_rand random_;
  std::function<void(const std::string&)> copy_up_;
};

Lines lines_of(const std::vector<Item>& items) {
  Lines lines;
  for (const Item& item : items) {
    char mode[8];
    std::snprintf(mode, sizeof mode, " %o", item.entry.mode);
    lines.push_back(to_text(item) + mode);
  }
  return lines;
}

// Makes the same changes on a mounted overlay; false: nobody lets us mount one.
bool change_overlay(const std::vector<std::string>& lower, const std::string& directory,
                    unsigned seed, int count) {
  for (const char* name : {"/upper", "/work", "/merged"}) EXPECT_TRUE(os::mkdirs(directory + name));
  const pid_t child = ::fork();
  if (child == 0) {
    const bool is_root = ::geteuid() == 0;
    const std::string uid = "0 " + std::to_string(::geteuid()) + " 1";
    const std::string gid = "0 " + std::to_string(::getegid()) + " 1";
    if (::unshare(CLONE_NEWNS | (is_root ? 0 : CLONE_NEWUSER)) < 0) ::_exit(2);
    const auto tell = [](const char* path, const std::string& text) {
      const auto file = os::open(path, O_WRONLY);
      return file && os::write_all(*file, text);
    };
    if (!is_root && !(tell("/proc/self/uid_map", uid) && tell("/proc/self/setgroups", "deny") &&
                      tell("/proc/self/gid_map", gid)))
      ::_exit(2);
    std::string layers;
    for (const std::string& layer : lower) layers += (layers.empty() ? "" : ":") + layer;
    const std::string options = "userxattr,lowerdir=" + layers + ",upperdir=" + directory +
                                "/upper,workdir=" + directory + "/work";
    if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0 ||
        ::mount("overlay", (directory + "/merged").c_str(), "overlay", 0, options.c_str()) < 0)
      ::_exit(2);
    Changes(directory + "/merged", seed, [](const std::string&) {}).run(count);
    ::_exit(::testing::Test::HasFailure() ? 1 : 0);
  }
  int status = 0;
  EXPECT_EQ(::waitpid(child, &status, 0), child);
  EXPECT_TRUE(WIFEXITED(status));
  EXPECT_NE(WEXITSTATUS(status), 1);
  return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

constexpr int kChanges = 60;
constexpr unsigned kSeeds = 6;

TEST(Random, LinksAndCopiesGiveTheSameTree) {
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    Stack links(Tier::kBare), copies(Tier::kBare);
    fill(links);
    fill(copies);
    const std::vector<Item> before = links.tree();
    const std::vector<std::string> lower = links.layers();
    MaterializedTree tree(links, "merged"), plain(copies, "plain", Materialize::kCopy);
    Changes(tree / "", seed, [&](const std::string& path) { tree.copy_up(path); }).run(kChanges);
    Changes(plain / "", seed, [](const std::string&) {}).run(kChanges);
    const owners::Owners owners_before = links.owners();
    tree.harvest("fs");
    plain.harvest("fs");
    EXPECT_EQ(lines_of(links.tree()), lines_of(copies.tree()));

    // Nothing of the layers below changed.
    StringSink below;
    archive::TarWriter tar(below);
    ASSERT_OK(write_tree(lower, Tier::kBare, owners_before, {}, tar));
    ASSERT_OK(tar.finish());
    EXPECT_EQ(from_tar(below.bytes()), before);

    // As a layer, unpacked elsewhere, it gives the same tree.
    Stack again(Tier::kBare);
    fill(again).apply(links.diff());
    EXPECT_EQ(lines_of(again.tree()), lines_of(links.tree()));
    MaterializedTree next(links, "next");
    EXPECT_TRUE(next.harvest("nothing").empty());
    EXPECT_EQ(links.diff_text(), Lines{});
  }
}

// What lstat(2) says of all that is beneath `path`, inodes of directories left out.
void list(const std::string& path, Lines& lines) {
  const os::UniqueFd directory = *os::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  const std::vector<os::DirectoryEntry> entries = *os::read_directory(directory);
  for (const os::DirectoryEntry& entry : entries) {
    const struct ::stat status = stat_at(path + "/" + entry.name);
    const bool is_directory = S_ISDIR(status.st_mode);
    lines.push_back(entry.name + " " + std::to_string(status.st_mode) + " " +
                    std::to_string(status.st_mtim.tv_sec) + "." +
                    std::to_string(status.st_mtim.tv_nsec) + " " +
                    std::to_string(is_directory ? 0 : status.st_ino));
    if (is_directory) list(path + "/" + entry.name, lines);
  }
}

TEST(Random, WhatAStepHasLeftIsMadeRight) {
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    Stack stack(Tier::kBare);
    fill(stack);
    MaterializedTree tree(stack, "merged");
    const auto copy_up = [&](const std::string& path) { tree.copy_up(path); };
    Changes(tree / "", seed, copy_up).run(kChanges);
    tree.harvest("fs");
    Changes(tree / "", seed + kSeeds, copy_up).run(kChanges);  // of a step that failed, say
    const std::string extra = tree / "";
    ::setxattr(extra.c_str(), "user.step", "x", 1, 0);

    MaterializedTree next(stack, "merged"), fresh(stack, "fresh");
    Lines is, wanted;
    list(next / "", is);
    list(fresh / "", wanted);
    EXPECT_EQ(is, wanted);
    EXPECT_EQ(next.space().frozen, fresh.space().frozen);
    EXPECT_LT(::getxattr(extra.c_str(), "user.step", nullptr, 0), 0);
    EXPECT_TRUE(next.harvest("nothing").empty());
    EXPECT_EQ(stack.diff_text(), Lines{});
  }
}

TEST(Random, LayersAreThoseOfOverlayfs) {
  for (unsigned seed = 1; seed <= kSeeds; ++seed) {
    SCOPED_TRACE(seed);
    Stack links(Tier::kBare), overlay(Tier::kBare);
    fill(links);
    fill(overlay);
    const std::string directory = overlay.outside("overlay");
    if (!change_overlay(overlay.layers(), directory, seed, kChanges))
      GTEST_SKIP() << "this machine does not let us mount overlayfs";
    overlay.push(directory + "/upper", {});
    MaterializedTree tree(links, "merged");
    Changes(tree / "", seed, [&](const std::string& path) { tree.copy_up(path); }).run(kChanges);
    tree.harvest("fs");
    EXPECT_EQ(lines_of(links.diff()), lines_of(overlay.diff()));
    EXPECT_EQ(lines_of(links.tree()), lines_of(overlay.tree()));
  }
}

}  // namespace
}  // namespace lichen::store
