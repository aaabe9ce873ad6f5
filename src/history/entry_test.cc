#include "history/entry.h"

#include <gtest/gtest.h>

#include "history/step_spec.h"

namespace lichen::history {
namespace {

TEST(Entry, SurvivesItsLine) {
  const Entry entries[] = {
      {.at = 1.25, .kind = Kind::kStarted, .step = 3, .text = "[2/5] RUN \"x\"\n\x1b[1m"},
      {.kind = Kind::kLog, .step = 1, .text = std::string("\0\xff\x80\n", 4), .flag = true},
      {.kind = Kind::kTransfer, .step = 2, .text = "sha256:…", .bytes = 5, .total = 7},
      {.kind = Kind::kBegin, .number = 1700000000, .more = {{"dockerfile", "/a b"}, {"names", ""}}},
      {.kind = Kind::kSpec, .step = 9, .json = "{\"key\":\"x\"}"},
      {.at = 3, .kind = Kind::kEnd, .text = "failed", .flag = true},
  };
  for (const Entry& entry : entries) {
    const std::string line = to_line(entry);
    EXPECT_EQ(line.find('\n'), line.size() - 1);
    const auto read = parse_entry(line);
    ASSERT_TRUE(read) << line;
    EXPECT_EQ(*read, entry) << line;
  }
}

TEST(Entry, RefusesWhatMakesNoSense) {
  for (const char* bad : {"", "{", "[]", "{\"kind\":\"other\"}",
                          "{\"kind\":\"log\",\"data\":\"*\"}", "{\"kind\":\"done\",\"step\":-1}",
                          "{\"kind\":\"done\",\"ms\":1.5}", "{\"kind\":\"spec\",\"object\":3}"})
    EXPECT_FALSE(parse_entry(bad)) << bad;
}

TEST(StepSpec, SurvivesItsJson) {
  StepSpec spec{.key = sha256("x"),
                .place = "exec build 2",
                .platform = "linux/arm64",
                .inputs = {3, 0},
                .contexts = {{1, "/home/x"}},
                .root = 0};
  spec.exec = graph::ExecOp{.args = {"/bin/sh", "-c", "a"},
                            .env = {"A=1", "B=\""},
                            .cwd = "/w",
                            .user = "u:g",
                            .network = graph::NetworkMode::kNone,
                            .extra_hosts = {"h=1.2.3.4"},
                            .ulimits = {{.name = "nofile", .soft = 1, .hard = -1}}};
  spec.exec->mounts = {{.input = 0, .dest = "/", .output = 0},
                       {.input = 1, .selector = "/s", .dest = "/m", .readonly = true},
                       {.dest = "/c",
                        .kind = graph::MountKind::kCache,
                        .id = "i",
                        .sharing = graph::Sharing::kLocked,
                        .mode = 0700,
                        .uid = 1,
                        .gid = 2},
                       {.dest = "/t", .kind = graph::MountKind::kTmpfs, .size = 9}};
  const std::string json = to_json(spec);
  const auto read = parse_spec(json);
  ASSERT_TRUE(read) << json << to_text(read.error());
  EXPECT_EQ(to_json(*read), json);
  EXPECT_EQ(read->exec->mounts[2].sharing, graph::Sharing::kLocked);
  EXPECT_EQ(read->contexts, spec.contexts);
}

TEST(StepSpec, RefusesInputsThatAreNotThere) {
  const std::string begin = "{\"key\":\"" + sha256("x").text() + "\",\"inputs\":[1],";
  EXPECT_TRUE(parse_spec(begin + "\"root\":0}"));
  EXPECT_FALSE(parse_spec(begin + "\"root\":1}"));
  EXPECT_FALSE(parse_spec(begin + "\"exec\":{\"mounts\":[{\"input\":1}]}}"));
  EXPECT_FALSE(parse_spec(begin + "\"exec\":{\"mounts\":[{\"kind\":9}]}}"));
  EXPECT_FALSE(parse_spec("{}"));
}

}  // namespace
}  // namespace lichen::history
