// Tier bare: what tier userns gives, as an ordinary user without namespaces.
#include <fcntl.h>
#include <sys/stat.h>

#include "store/attributes.h"
#include "store/tree_testing.h"

namespace lichen::store {
namespace {

using namespace testing;  // NOLINT

const std::string kPing("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);

mode_t real_mode(const std::string& path) {
  struct ::stat status {};
  EXPECT_EQ(::lstat(path.c_str(), &status), 0) << path;
  return status.st_mode & 07777;
}

std::vector<Item> hard_modes() {
  std::vector<Item> items = {
      dir("closed", 0),
      file("closed/f", "no one", 0),
      owned(dir("mail", 02775), 0, 8),
      owned(file("mail/x", "x", 0440), 33, 8),
      file("ping", "elf", 0755),
      file("su", "elf", 04755),
      dir("tmp", 01777),
      {{.path = "tmp/fifo", .type = EntryType::kFifo, .mode = 0200, .mtime_s = 7}, ""},
      owned(device("tmp/null", 1, 3), 0, 5),
      symlink_to("way", "tmp"),
      hardlink_to("zu", "su"),
  };
  items[4].entry.xattrs = {{"security.capability", kPing}};
  items[5].entry.xattrs = {{"user.note", "hello"}};
  items[8].entry.mode = 0666;
  items[10].entry.mode = 04755;
  return items;
}

TEST(Bare, OneTarInGivesTheSameTarOut) {
  const std::vector<Item> items = hard_modes();
  Stack bare(Tier::kBare);
  bare.apply(items);
  EXPECT_EQ(bare.diff(), items);
  EXPECT_EQ(bare.tree(), items);
  EXPECT_EQ(to_tar(bare.diff()), to_tar(items));
  if (::geteuid() == 0) {  // who may set capabilities, and reads files of mode 0
    Stack userns;
    userns.apply(items);
    EXPECT_EQ(to_tar(userns.diff()), to_tar(bare.diff()));
  }
}

TEST(Bare, RealModesLetTheOwnerInAndNobodyRunsAsOthers) {
  Stack stack(Tier::kBare);
  stack.apply(hard_modes());
  const std::string fs = stack.layers()[0];
  const struct {
    const char* path;
    mode_t want;
  } rows[] = {{"/closed", 0700}, {"/closed/f", 0600}, {"/mail", 0775},
              {"/mail/x", 0640}, {"/ping", 0755},     {"/su", 0755},
              {"/tmp", 0777},    {"/tmp/fifo", 0600}, {"/tmp/null", 0666}};
  for (const auto& row : rows) EXPECT_EQ(real_mode(fs + row.path), row.want) << row.path;
  EXPECT_EQ(stack.owners().find("su")->mode, 04755u);
  EXPECT_EQ(stack.owners().find("zu")->mode, 04755u);
  EXPECT_EQ(stack.owners().find("ping")->capability, kPing);
  EXPECT_EQ(stack.owners().find("ping")->mode, std::nullopt);
  EXPECT_EQ(stack.owners().find("way"), nullptr);
}

TEST(Bare, LaterLayersKeepWhatOnlyRecordsKnow) {
  Stack stack(Tier::kBare);
  stack.apply(hard_modes());
  // A copied-up link target, a directory that is only implied, and one with another mode.
  stack.apply(
      {hardlink_to("xu", "su"), file("closed/g", "g"), dir("tmp", 0755), file("mail/.wh.x")});
  const std::vector<Item> items = stack.diff();
  EXPECT_EQ(to_text(items), (Lines{"closed/", "closed/g=g", "mail/ 0:8", "mail/.wh.x", "su=elf",
                                   "tmp/", "xu=>su"}));
  EXPECT_EQ(items[0].entry.mode, 0u);
  EXPECT_EQ(items[2].entry.mode, 02775u);
  EXPECT_EQ(items[4].entry.mode, 04755u);
  EXPECT_EQ(items[5].entry.mode, 0755u);
  EXPECT_EQ(stack.owners().find("tmp"), nullptr);
  EXPECT_EQ(stack.owners().find("xu")->mode, 04755u);
}

TEST(Bare, TheRootHasAModeToo) {
  Stack stack(Tier::kBare);
  stack.apply({dir("", 01777), file("a")});
  EXPECT_EQ(stack.diff().front().entry.mode, 01777u);
  stack.apply({file("b")});
  EXPECT_EQ(stack.diff_text(), Lines{"b"});
  EXPECT_EQ(stack.tree().front().entry.mode, 01777u);
}

TEST(Bare, LocalCopiesHaveTheRecordedModes) {
  Stack stack(Tier::kBare);
  stack.apply({file("su", "elf", 04711), dir("d", 0500), file("d/r", "x", 0444)});
  const std::string to = stack.outside("out");
  ASSERT_OK(os::mkdirs(to));
  ASSERT_OK(copy_tree_local(stack.layers(), Tier::kBare, stack.owners(), to));
  EXPECT_EQ(real_mode(to + "/su"), 04711u);
  EXPECT_EQ(real_mode(to + "/d"), 0500u);
  EXPECT_EQ(real_mode(to + "/d/r"), 0444u);
}

TEST(Bare, ACapabilityThatNoKernelTakesIsDropped) {
  owners::Record record;
  EXPECT_EQ(record_attributes(Tier::kBare, 0755, false, {{kCapability, "short"}}, record), 0755u);
  EXPECT_TRUE(record.is_default());
  std::string three = kPing + std::string("\xd2\x04\0\0", 4);
  three[3] = 3;
  record_attributes(Tier::kBare, 0755, false, {{kCapability, three}}, record);
  EXPECT_EQ(record.capability, kPing);
  EXPECT_EQ(record_attributes(Tier::kUserns, 04000, false, {}, record), 04000u);
}

}  // namespace
}  // namespace lichen::store
