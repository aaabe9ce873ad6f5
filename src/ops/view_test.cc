// File jobs at tier bare: no mount, and layers stay as they are.
#include "ops/view.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ops/job.h"
#include "os/file.h"

namespace lichen::ops {
namespace {

class BareJobs : public testing::Test {
 protected:
  void SetUp() override {
    base_ = testing::TempDir() + "lichen_bare_" + std::to_string(::getpid());
    ASSERT_TRUE(os::remove_tree(base_));
    for (const char* name : {"/low/etc", "/low/bin", "/fs", "/work", "/context/d"})
      ASSERT_TRUE(os::mkdirs(base_ + name));
    file("low/etc/passwd", "me:x:7:8::/:/bin/sh\n");
    file("low/bin/su", "elf");
    ASSERT_TRUE(os::replace_file(
        base_ + "/low.owners",
        owners::to_bytes(
            {{.path = "bin/su", .record = {.gid = 5, .mode = 04750, .capability = kCapability}}})));
  }
  void TearDown() override { EXPECT_TRUE(os::remove_tree(base_)); }

  void file(const std::string& path, const std::string& content) {
    ASSERT_TRUE(os::replace_file(base_ + "/" + path, content));
  }
  struct ::stat status(const std::string& path) {
    struct ::stat found {};
    EXPECT_EQ(::lstat((base_ + "/" + path).c_str(), &found), 0) << path;
    return found;
  }
  bool exists(const std::string& path) { return os::exists(base_ + "/" + path); }
  FileJob job() {
    return {.tier = container::Tier::kBare,
            .overlay = {.lower = {base_ + "/low"},
                        .upper = base_ + "/fs",
                        .work = base_ + "/work",
                        .target = {}},
            .sidecars = {base_ + "/low.owners"},
            .mounts = base_ + "/must-not-be-used"};
  }
  owners::Owners perform_job(const FileJob& job) {
    const auto reply = perform(to_bytes(job), {});
    EXPECT_TRUE(reply) << to_text(reply.error());
    owners::Owners owners;
    if (reply) owners.apply(*owners::parse_sidecar(unpack<FileReply>(*reply)->sidecar));
    return owners;
  }

  const std::string kCapability = std::string("\x01\0\0\x02\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  std::string base_;
};

TEST_F(BareJobs, WithNothingBelowTheLayerIsWrittenWhereItStays) {
  FileJob job = this->job();
  job.overlay.lower.clear();
  job.sidecars.clear();
  job.independent = true;
  job.inputs.push_back({.lower = {base_ + "/low"}, .sidecars = {base_ + "/low.owners"}});
  ASSERT_EQ(::link((base_ + "/low/bin/su").c_str(), (base_ + "/low/bin/su2").c_str()), 0);
  ASSERT_TRUE(os::replace_file(
      base_ + "/low.owners",
      owners::to_bytes(
          {{.path = "bin/su", .record = {.gid = 5, .mode = 04750, .capability = kCapability}},
           {.path = "bin/su2", .record = {.gid = 5, .mode = 04750, .capability = kCapability}}})));
  job.actions.push_back(graph::Copy{.input = 0, .src = "/bin", .dest = "/usr/bin"});
  const auto reply = perform(to_bytes(job), {});
  ASSERT_TRUE(reply) << to_text(reply.error());
  const owners::Sidecar sidecar = *owners::parse_sidecar(unpack<FileReply>(*reply)->sidecar);
  EXPECT_EQ(sidecar.front(), (owners::Change{.path = "usr"})) << "every path is told of";
  owners::Owners owners;
  owners.apply(sidecar);
  for (const char* name : {"usr/bin/su", "usr/bin/su2"}) {
    ASSERT_TRUE(owners.find(name)) << name;
    EXPECT_EQ(owners.find(name)->mode, 04750u);
    EXPECT_EQ(owners.find(name)->capability, kCapability);
  }
  EXPECT_EQ(status("fs/usr/bin/su").st_ino, status("fs/usr/bin/su2").st_ino);
  EXPECT_EQ(status("fs/usr").st_mode & 07777, 0755u);
}

TEST_F(BareJobs, CopyOfTheContextFillsALayer) {
  file("context/d/a", "A");
  ASSERT_EQ(::chmod((base_ + "/context/d/a").c_str(), 04444), 0);
  FileJob copy = job();
  copy.inputs.push_back({.directory = base_ + "/context"});
  copy.actions.push_back(graph::Copy{
      .input = 0, .src = "/d", .dest = "/opt/d", .owner = "me", .dir_copy_contents = true});
  copy.actions.push_back(graph::MakeFile{.path = "/etc/passwd", .mode = 0600, .data = "new"});
  const owners::Owners owners = perform_job(copy);
  EXPECT_EQ(*os::read_file(base_ + "/fs/opt/d/a"), "A");
  EXPECT_EQ(status("fs/opt/d/a").st_mode & 07777, 0644u);
  ASSERT_NE(owners.find("opt/d/a"), nullptr);
  EXPECT_EQ(*owners.find("opt/d/a"), (owners::Record{.uid = 7, .gid = 8, .mode = 04444}));
  ASSERT_NE(owners.find("opt/d"), nullptr);
  EXPECT_EQ(owners.find("opt/d")->uid, 7u);
  EXPECT_EQ(*os::read_file(base_ + "/fs/etc/passwd"), "new");
  EXPECT_EQ(*os::read_file(base_ + "/low/etc/passwd"), "me:x:7:8::/:/bin/sh\n");
  EXPECT_FALSE(exists("fs/bin"));
  EXPECT_FALSE(exists("must-not-be-used"));
  EXPECT_FALSE(exists("work/dest"));
  EXPECT_EQ(status("low/bin/su").st_nlink, 1u);
}

TEST_F(BareJobs, CopyFromAStageKeepsWhatRecordsKnow) {
  FileJob copy = job();
  copy.inputs.push_back({.lower = copy.overlay.lower, .sidecars = copy.sidecars});
  copy.actions.push_back(graph::Copy{.input = 0, .src = "/bin/su", .dest = "/sbin/su"});
  copy.actions.push_back(
      graph::Copy{.input = 0, .src = "/bin/su", .dest = "/sbin/plain", .mode = "0755"});
  const owners::Owners owners = perform_job(copy);
  ASSERT_NE(owners.find("sbin/su"), nullptr);
  EXPECT_EQ(*owners.find("sbin/su"),
            (owners::Record{.gid = 5, .mode = 04750, .capability = kCapability}));
  EXPECT_EQ(*owners.find("sbin/plain"), (owners::Record{.gid = 5, .capability = kCapability}));
  EXPECT_EQ(status("fs/sbin/su").st_mode & 07777, 0750u);
  EXPECT_NE(status("fs/sbin/su").st_ino, status("low/bin/su").st_ino);
}

TEST_F(BareJobs, DigestsAreThoseOfTheStage) {
  DigestJob digest{.tier = container::Tier::kBare,
                   .input = {.lower = {base_ + "/low"}, .sidecars = {base_ + "/low.owners"}},
                   .scratch = base_ + "/tree"};
  digest.copies.push_back(graph::Copy{.input = 0, .src = "/bin", .dest = "/x"});
  const auto digest_now = [&] {
    const auto reply = perform(to_bytes(digest), {});
    EXPECT_TRUE(reply) << to_text(reply.error());
    return reply ? unpack<DigestReply>(*reply)->digests.at(0).text() : "";
  };
  const std::string before = digest_now();
  EXPECT_FALSE(exists("tree"));
  EXPECT_EQ(digest_now(), before);
  ASSERT_TRUE(
      os::replace_file(base_ + "/low.owners",
                       owners::to_bytes({{.path = "bin/su", .record = {.gid = 5, .mode = 0750}}})));
  EXPECT_NE(digest_now(), before);
}

}  // namespace
}  // namespace lichen::ops
