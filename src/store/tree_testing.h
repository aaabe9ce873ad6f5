// Test support of store: layers from lists of entries, and what a tar holds as text.
#pragma once

#include <gtest/gtest.h>
#include <unistd.h>

#include <map>
#include <string>
#include <vector>

#include "archive/tar_reader.h"
#include "archive/tar_writer.h"
#include "os/file.h"
#include "store/testing.h"
#include "store/tree.h"

namespace lichen::store::testing {

using archive::Entry;
using archive::EntryType;

struct Item {
  Entry entry;
  std::string content;
  friend bool operator==(const Item&, const Item&) = default;
};

inline Item dir(const std::string& path, unsigned mode = 0755) {
  return {{.path = path, .type = EntryType::kDirectory, .mode = mode, .mtime_s = 1000}, ""};
}
inline Item file(const std::string& path, const std::string& content = "", unsigned mode = 0644) {
  return {{.path = path, .mode = mode, .size = content.size(), .mtime_s = 2000}, content};
}
inline Item symlink_to(const std::string& path, const std::string& target) {
  return {
      {.path = path, .type = EntryType::kSymlink, .mode = 0777, .mtime_s = 3000, .link = target},
      ""};
}
inline Item hardlink_to(const std::string& path, const std::string& target) {
  return {
      {.path = path, .type = EntryType::kHardlink, .mode = 0644, .mtime_s = 2000, .link = target},
      ""};
}
inline Item device(const std::string& path, unsigned major, unsigned minor) {
  return {{.path = path,
           .type = EntryType::kCharDevice,
           .mode = 0600,
           .mtime_s = 4000,
           .dev_major = major,
           .dev_minor = minor},
          ""};
}
inline Item owned(Item item, std::uint64_t uid, std::uint64_t gid) {
  item.entry.uid = uid;
  item.entry.gid = gid;
  return item;
}

inline std::string to_tar(const std::vector<Item>& items) {
  StringSink sink;
  archive::TarWriter tar(sink);
  for (const Item& item : items) {
    EXPECT_TRUE(tar.add(item.entry));
    EXPECT_TRUE(tar.write(item.content));
  }
  EXPECT_TRUE(tar.finish());
  return sink.take();
}

inline std::vector<Item> from_tar(std::string_view bytes) {
  StringSource source(bytes);
  archive::TarReader tar(source);
  std::vector<Item> items;
  for (;;) {
    auto entry = tar.next();
    EXPECT_TRUE(entry) << message(entry);
    if (!entry || !*entry) return items;
    auto content = read_all(tar, 1u << 24);
    EXPECT_TRUE(content);
    items.push_back({std::move(**entry), std::move(*content)});
  }
}

// "dir/", "file=content", "link->target", "hard=>target", "dev c1:3"; ids when they are not 0:0.
inline std::string to_text(const Item& item) {
  const Entry& entry = item.entry;
  std::string text = entry.path;
  switch (entry.type) {
    case EntryType::kDirectory:
      text += "/";
      break;
    case EntryType::kSymlink:
      text += "->" + entry.link;
      break;
    case EntryType::kHardlink:
      text += "=>" + entry.link;
      break;
    case EntryType::kCharDevice:
      text += " c" + std::to_string(entry.dev_major) + ":" + std::to_string(entry.dev_minor);
      break;
    case EntryType::kBlockDevice:
      text += " b" + std::to_string(entry.dev_major) + ":" + std::to_string(entry.dev_minor);
      break;
    case EntryType::kFifo:
      text += " fifo";
      break;
    case EntryType::kFile:
      if (!item.content.empty()) text += "=" + item.content;
  }
  if (entry.uid != 0 || entry.gid != 0)
    text += " " + std::to_string(entry.uid) + ":" + std::to_string(entry.gid);
  return text;
}
inline std::vector<std::string> to_text(const std::vector<Item>& items) {
  std::vector<std::string> lines;
  for (const Item& item : items) lines.push_back(to_text(item));
  return lines;
}

// A stack of layers as a builder makes it, one apply() after another. At tier userns unless told:
// that needs no privilege.
class Stack {
 public:
  explicit Stack(Tier tier = Tier::kUserns) : tier_(tier) {}

  Result<ApplyResult> try_apply(std::string_view tar) {
    const std::string fs = dir_ / std::to_string(++count_);
    TRY(os::mkdirs(fs));
    StringSource source(tar);
    ApplyResult result = TRY(apply_layer(source, fs, layers_, tier_, owners_));
    push(fs, result.sidecar);
    return result;
  }
  Stack& apply(const std::vector<Item>& items) {
    auto result = try_apply(to_tar(items));
    EXPECT_TRUE(result) << message(result);
    return *this;
  }
  // A layer that somebody filled: its directory, and its records.
  Stack& push(const std::string& fs, const owners::Sidecar& sidecar) {
    below_ = owners_;
    lower_ = layers_;
    own_ = sidecar;
    owners_.apply(sidecar);
    layers_.insert(layers_.begin(), fs);
    return *this;
  }
  Error error(const std::vector<Item>& items) {
    auto result = try_apply(to_tar(items));
    EXPECT_FALSE(result);
    return result ? Error{} : std::move(result).error();
  }

  std::vector<Item> diff(const DiffOptions& options = {}) const {
    StringSink sink;
    archive::TarWriter tar(sink);
    auto written = diff_layer(layers_[0], lower_, tier_, below_, own_, options, tar);
    EXPECT_TRUE(written) << message(written);
    EXPECT_TRUE(tar.finish());
    return from_tar(sink.bytes());
  }
  std::vector<std::string> diff_text() const { return to_text(diff()); }
  std::vector<Item> tree() const {
    StringSink sink;
    archive::TarWriter tar(sink);
    auto written = write_tree(layers_, tier_, owners_, {}, tar);
    EXPECT_TRUE(written) << message(written);
    EXPECT_TRUE(tar.finish());
    return from_tar(sink.bytes());
  }
  std::vector<std::string> tree_text() const { return to_text(tree()); }

  const std::vector<std::string>& layers() const { return layers_; }
  const owners::Owners& owners() const { return owners_; }
  const owners::Sidecar& sidecar() const { return own_; }
  std::string outside(const std::string& name) const { return dir_ / name; }

 private:
  TempDir dir_;
  Tier tier_;
  int count_ = 0;
  std::vector<std::string> layers_, lower_;  // top first
  owners::Owners owners_, below_;
  owners::Sidecar own_;
};

using Lines = std::vector<std::string>;

}  // namespace lichen::store::testing
