// Test support of store: a materialized tree, changed as a step at tier bare would change it.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <string>

#include "store/tree_testing.h"
#include "store/workspace.h"

namespace lichen::store::testing {

inline struct ::stat stat_at(const std::string& path) {
  struct ::stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status;
}

class MaterializedTree {
 public:
  MaterializedTree(Stack& stack, const std::string& name, Materialize how = Materialize::kLink)
      : stack_(stack), path_(stack.outside(name)) {
    auto space = materialize(stack.layers(), path_, how);
    EXPECT_TRUE(space) << message(space);
    if (space) space_ = std::move(*space);
    seed("");
  }

  std::string operator/(const std::string& name) const { return path_ + "/" + name; }
  Workspace& space() { return space_; }
  std::map<ino_t, owners::Record>& records() { return records_; }
  void record(const std::string& path, const owners::Record& record) {
    records_[stat_at(*this / path).st_ino] = record;
  }

  // As overlayfs does it before a change: a private copy takes the name, and nothing else changes.
  void copy_up(const std::string& path) {
    const struct ::stat status = stat_at(*this / path);
    if (space_.frozen.count(status.st_ino) == 0) return;
    const std::string from = *this / path, to = from + ".copy";
    const std::string parent = from.substr(0, from.rfind('/'));
    const struct ::stat above = stat_at(parent);
    if (S_ISLNK(status.st_mode)) {
      ASSERT_EQ(::symlink(os::readlinkat(*os::open("/", O_PATH), from)->c_str(), to.c_str()), 0);
    } else if (S_ISFIFO(status.st_mode)) {
      ASSERT_EQ(::mkfifo(to.c_str(), 0600), 0);
    } else {
      ASSERT_TRUE(os::replace_file(to, *os::read_file(from), 0600));
    }
    if (!S_ISLNK(status.st_mode)) {
      ASSERT_EQ(::chmod(to.c_str(), status.st_mode & 07777), 0);
    }
    const struct ::timespec times[2] = {status.st_mtim, status.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, to.c_str(), times, AT_SYMLINK_NOFOLLOW), 0);
    if (const auto known = records_.find(status.st_ino); known != records_.end())
      records_[stat_at(to).st_ino] = known->second;
    ASSERT_EQ(::rename(to.c_str(), from.c_str()), 0);
    const struct ::timespec parent_times[2] = {above.st_mtim, above.st_mtim};
    ASSERT_EQ(::utimensat(AT_FDCWD, parent.c_str(), parent_times, 0), 0);
  }

  // The layer that the changes make, on top of the stack.
  owners::Sidecar harvest(const std::string& fs_name, bool keep_tree = false) {
    const std::string fs = stack_.outside(fs_name);
    EXPECT_TRUE(os::mkdirs(fs));
    auto sidecar = store::harvest(
        space_, stack_.layers(), fs, stack_.owners(),
        [this](const struct statx& status) {
          const auto known = records_.find(status.stx_ino);
          return known == records_.end() ? owners::Record{} : known->second;
        },
        keep_tree);
    EXPECT_TRUE(sidecar) << message(sidecar);
    if (!sidecar) return {};
    stack_.push(fs, *sidecar);
    return std::move(*sidecar);
  }

 private:
  // Records by inode number, as who runs a step keeps them.
  void seed(const std::string& path) {
    if (const owners::Record* record = stack_.owners().find(path))
      records_[stat_at(*this / path).st_ino] = *record;
    std::vector<os::DirectoryEntry> entries;
    if (const auto directory = os::open(*this / path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW))
      entries = *os::read_directory(*directory);
    for (const os::DirectoryEntry& entry : entries)
      seed(path.empty() ? entry.name : path + "/" + entry.name);
  }

  Stack& stack_;
  std::string path_;
  Workspace space_;
  std::map<ino_t, owners::Record> records_;
};

}  // namespace lichen::store::testing
