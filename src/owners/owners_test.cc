#include <gtest/gtest.h>
#include <sys/stat.h>

#include "owners/independent_recorder.h"
#include "owners/record.h"

namespace lichen::owners {
namespace {

using Kind = Change::Kind;

constexpr Record kWww{.uid = 33, .gid = 33};
constexpr Record kMail{.uid = 0, .gid = 8};

Owners owners_of(const Sidecar& sidecar) {
  Owners owners;
  owners.apply(sidecar);
  return owners;
}

std::string paths(const Owners& owners) {
  std::string text;
  for (const auto& [path, record] : owners.all()) text += "[" + path + "]";
  return text;
}

TEST(Owners, ApplyChanges) {
  const Sidecar base{{Kind::kSet, "", kMail},     {Kind::kSet, "a", kWww},
                     {Kind::kSet, "a-b", kWww},   {Kind::kSet, "a/b", kWww},
                     {Kind::kSet, "a/b/c", kWww}, {Kind::kSet, "a0", kWww}};
  const struct {
    Change change;
    const char* want;
  } rows[] = {
      {{Kind::kSet, "z", kWww}, "[][a][a-b][a/b][a/b/c][a0][z]"},
      {{Kind::kSet, "a", Record{}}, "[][a-b][a/b][a/b/c][a0]"},
      {{Kind::kSet, "absent", Record{}}, "[][a][a-b][a/b][a/b/c][a0]"},
      {{Kind::kRemove, "a", {}}, "[][a-b][a0]"},
      {{Kind::kRemove, "a/b", {}}, "[][a][a-b][a0]"},
      {{Kind::kOpaque, "a", {}}, "[][a][a-b][a0]"},
      {{Kind::kOpaque, "", {}}, "[]"},
      {{Kind::kRemove, "", {}}, ""},
      {{Kind::kRemove, "a/b/c/d", {}}, "[][a][a-b][a/b][a/b/c][a0]"},
  };
  for (const auto& row : rows) {
    Owners owners = owners_of(base);
    owners.apply(row.change);
    EXPECT_EQ(paths(owners), row.want) << static_cast<int>(row.change.kind) << row.change.path;
  }
}

TEST(Owners, FindAndBeneath) {
  const Owners owners = owners_of({{Kind::kSet, "var/mail", kMail}, {Kind::kSet, "var-x", kWww}});
  ASSERT_NE(owners.find("var/mail"), nullptr);
  EXPECT_EQ(*owners.find("var/mail"), kMail);
  EXPECT_EQ(owners.find("var"), nullptr);
  EXPECT_TRUE(owners.any_beneath(""));
  EXPECT_TRUE(owners.any_beneath("var"));
  EXPECT_FALSE(owners.any_beneath("var/mail"));
  EXPECT_FALSE(owners.any_beneath("va"));
  EXPECT_FALSE(Owners().any_beneath(""));
}

TEST(Recorder, EmitsOnlyDifferences) {
  const Owners below = owners_of({{Kind::kSet, "d", kWww}, {Kind::kSet, "d/f", kWww}});
  Owners::Recorder recorder(below);
  recorder.set("d", kWww, true);
  recorder.set("d/f", kWww, false);
  recorder.set("new", Record{}, false);
  recorder.remove("nothing");
  recorder.opaque("d/empty");
  EXPECT_TRUE(recorder.take().empty());
}

TEST(Recorder, ReportsChangesAndDefaults) {
  const Owners below = owners_of({{Kind::kSet, "d", kWww}, {Kind::kSet, "d/f", kWww}});
  Owners::Recorder recorder(below);
  recorder.set("d", kMail, true);
  recorder.set("d/f", Record{}, false);
  EXPECT_EQ(recorder.take(), (Sidecar{{Kind::kSet, "d", kMail}, {Kind::kSet, "d/f", Record{}}}));
}

// A file in place of a directory hides what was beneath it, as a whiteout does.
TEST(IndependentRecorder, TellsOfEveryPath) {
  IndependentRecorder recorder;
  recorder.set("d", Record{}, true);
  recorder.set("d/f", Record{}, false);
  recorder.set("d/g", kWww, false);
  recorder.set("d", Record{}, true);
  const Sidecar sidecar = recorder.take();
  EXPECT_EQ(sidecar, (Sidecar{{Kind::kSet, "d", Record{}},
                              {Kind::kRemove, "d/f", {}},
                              {Kind::kRemove, "d/g", {}},
                              {Kind::kSet, "d/g", kWww}}));
  Owners owners = owners_of({{Kind::kSet, "d", kMail},
                             {Kind::kSet, "d/f/was-a-directory", kMail},
                             {Kind::kSet, "d/g", kMail},
                             {Kind::kSet, "d/other", kMail}});
  owners.apply(sidecar);
  EXPECT_EQ(paths(owners), "[d/g][d/other]");
  EXPECT_EQ(*owners.find("d/g"), kWww);
}

TEST(Recorder, FileReplacesDirectory) {
  const Owners below = owners_of({{Kind::kSet, "d", kWww}, {Kind::kSet, "d/f", kWww}});
  Owners::Recorder recorder(below);
  recorder.set("d", kWww, false);
  const Sidecar sidecar = recorder.take();
  EXPECT_EQ(sidecar, (Sidecar{{Kind::kRemove, "d", {}}, {Kind::kSet, "d", kWww}}));
  Owners above = below;
  above.apply(sidecar);
  EXPECT_EQ(paths(above), "[d]");
}

// What an opaque directory hid comes back only when the layer says so again.
TEST(Recorder, OpaqueHidesEqualRecords) {
  const Owners below = owners_of({{Kind::kSet, "d", kWww}, {Kind::kSet, "d/f", kWww}});
  Owners::Recorder recorder(below);
  recorder.opaque("d");
  recorder.set("d", kWww, true);
  recorder.set("d/f", kWww, false);
  EXPECT_EQ(recorder.take(), (Sidecar{{Kind::kOpaque, "d", {}}, {Kind::kSet, "d/f", kWww}}));
}

TEST(Recorder, ApplyingTheResultGivesTheLayersView) {
  const Record device{.type = S_IFCHR, .dev_major = 1, .dev_minor = 3};
  const Owners below = owners_of(
      {{Kind::kSet, "a/b", kWww}, {Kind::kSet, "gone/x", kMail}, {Kind::kSet, "o/y", kMail}});
  Owners::Recorder recorder(below);
  recorder.set("a", kMail, true);
  recorder.set("a/null", device, false);
  recorder.remove("gone");
  recorder.opaque("o");
  recorder.set("o/z", kWww, false);
  Owners above = below;
  above.apply(recorder.take());
  EXPECT_EQ(paths(above), "[a][a/b][a/null][o/z]");
  EXPECT_EQ(*above.find("a/null"), device);
}

}  // namespace
}  // namespace lichen::owners
