#include "history/records.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include "history/writer.h"
#include "os/file.h"

namespace lichen::history {
namespace {

class Records : public testing::Test {
 protected:
  void SetUp() override {
    char name[] = "/tmp/lichen-history-XXXXXX";
    ASSERT_NE(::mkdtemp(name), nullptr);
    directory_ = std::string(name) + "/history";
  }
  void TearDown() override { (void)os::remove_tree(directory_.substr(0, directory_.rfind('/'))); }
  std::string write(std::int64_t now, const std::string& error = {}, std::size_t log = 1) {
    Writer writer({.more = {{"dockerfile", "/x/Dockerfile"}}}, now * 1000);
    writer.open_directory(directory_);
    writer.add({.kind = Kind::kStarted, .step = 1, .text = "[1/1] RUN x"});
    writer.add({.at = 1, .kind = Kind::kLog, .step = 1, .text = std::string(log, 'x')});
    writer.add({.at = 2, .kind = Kind::kDone, .step = 1});
    writer.finish({.at = 3, .kind = Kind::kEnd, .text = error, .more = {{"tier", "ids"}}});
    return writer.id();
  }
  std::string directory_;
};

TEST_F(Records, TellABuildFromBeginToEnd) {
  const std::string id = write(1'700'000'000);
  EXPECT_EQ(id.substr(0, 15), "20231114-221320");
  const auto build = read(directory_, id);
  ASSERT_TRUE(build);
  EXPECT_EQ(build->state, State::kDone);
  EXPECT_EQ(build->dockerfile, "/x/Dockerfile");
  EXPECT_EQ(build->tier, "ids");
  EXPECT_EQ(build->seconds, 3);
  ASSERT_EQ(build->steps.size(), 1u);
  EXPECT_EQ(build->steps.at(1).state, State::kDone);
  EXPECT_EQ(build->steps.at(1).log_text(), "x");
  EXPECT_EQ(build->steps.at(1).ended, 2);
}

TEST_F(Records, NothingIsWrittenBeforeItMust) {
  Writer writer({}, 1);
  writer.open_directory(directory_);
  writer.add({.kind = Kind::kStarted, .step = 1, .text = "a"});
  EXPECT_TRUE(ids(directory_)->empty());
  writer.start();
  EXPECT_EQ(read(directory_, writer.id())->state, State::kRunning);
  EXPECT_FALSE(*remove(directory_, writer.id())) << "it is going on";
  writer.finish({.kind = Kind::kEnd});
  EXPECT_EQ(read(directory_, writer.id())->state, State::kDone);
}

TEST_F(Records, WhatHasNoEndWasKilled) {
  std::string id;
  {
    Writer writer({}, 1);
    writer.open_directory(directory_);
    writer.start();
    writer.add({.at = 1, .kind = Kind::kStarted, .step = 1, .text = "a"});
    id = writer.id();
  }
  const std::string path = file_of(directory_, id);
  std::string text = *os::read_file(path);
  ASSERT_TRUE(os::replace_file(path, text + "{\"kind\":\"lo", 0600));  // cut in a line
  const auto build = read(directory_, id);
  EXPECT_EQ(build->state, State::kKilled);
  EXPECT_EQ(build->steps.at(1).state, State::kKilled);
  EXPECT_TRUE(*remove(directory_, id));
  EXPECT_EQ(read(directory_, id).error().code, Errc::kNotFound);
}

TEST_F(Records, AreFoundByTheirEndsAndNewestFirst) {
  const std::string old = write(1'000), mid = write(2'000), newest = write(3'000, "bad");
  EXPECT_EQ(*ids(directory_), (std::vector<std::string>{newest, mid, old}));
  EXPECT_EQ(*find(directory_, ""), newest);
  EXPECT_EQ(*find(directory_, mid.substr(mid.size() - 6)), mid);
  EXPECT_EQ(find(directory_, "1970").error().code, Errc::kInvalid);
  EXPECT_EQ(find(directory_, "x").error().code, Errc::kNotFound);
  EXPECT_EQ(read(directory_, "../../etc/passwd").error().code, Errc::kNotFound);
  EXPECT_EQ(list(directory_)->front().state, State::kFailed);
  EXPECT_EQ(find(directory_ + "/none", "").error().code, Errc::kNotFound);
}

TEST_F(Records, WhatStepsWriteIsBounded) {
  Writer writer({}, 1);
  writer.open_directory(directory_);
  writer.start();
  writer.add({.kind = Kind::kLog, .step = 1, .text = "first"});
  for (int i = 0; i < 600; ++i)
    writer.add({.at = 2, .kind = Kind::kLog, .step = 1, .text = std::string(10'000, 'x')});
  writer.add({.at = 3, .kind = Kind::kLog, .step = 1, .text = "last\n"});
  writer.add({.at = 3, .kind = Kind::kDone, .step = 1});
  writer.add({.at = 4, .kind = Kind::kLog, .step = 2, .text = "other"});
  writer.finish({.at = 5, .kind = Kind::kEnd});
  const std::string log = read(directory_, writer.id())->steps.at(1).log_text();
  EXPECT_EQ(log.substr(0, 6), "firstx");
  EXPECT_EQ(log.substr(log.size() - 6), "xlast\n");
  EXPECT_LT(log.size(), std::size_t{4} << 20);
  EXPECT_GT(log.size(), std::size_t{3} << 20);
  EXPECT_NE(log.find("x\n[1840000 bytes are left out of this record]\nx"), std::string::npos);
  EXPECT_EQ(read(directory_, writer.id())->steps.at(2).log_text(), "other");
}

TEST_F(Records, AListHasNoLogs) {
  const std::string id = write(1'000);
  const auto all = list(directory_);
  ASSERT_TRUE(all);
  EXPECT_EQ(all->front().steps.at(1).log_text(), "");
  EXPECT_EQ(all->front().seconds, 3);
  EXPECT_EQ(all->front().steps.at(1).state, State::kDone);
}

TEST_F(Records, OfManyThatFitSomeAreNamed) {
  for (int i = 0; i < 9; ++i) write(1'000 + i);
  const auto found = find(directory_, "1970");
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().hint.substr(found.error().hint.size() - 11), " and 4 more");
}

TEST_F(Records, StayWithinABound) {
  write(1'000, "", 3'000);
  const std::string mid = write(2'000, "", 100), newest = write(3'000, "", 3'000);
  ASSERT_TRUE(keep_within(directory_, {.builds = 5, .bytes = 6'000}));
  EXPECT_EQ(*ids(directory_), (std::vector<std::string>{newest, mid}));
  ASSERT_TRUE(keep_within(directory_, {.builds = 1}));
  EXPECT_EQ(*ids(directory_), std::vector<std::string>{newest});
  ASSERT_TRUE(keep_within(directory_, {.builds = 1, .bytes = 1}));
  EXPECT_EQ(ids(directory_)->size(), 1u) << "the newest stays";
}

TEST_F(Records, ADirectoryThatCannotBeMadeIsNoReasonToFail) {
  Writer writer({}, 1);
  writer.open_directory("/proc/none/history");
  writer.start();
  writer.add({});
  writer.finish({.kind = Kind::kEnd});
}

TEST(CriticalPath, GoesBackAlongWhatWasWaitedFor) {
  Build build;
  const auto step = [&](int number, double began, double ended, std::vector<int> inputs) {
    Step& one = build.steps[number];
    one.number = number;
    one.began = began;
    one.ended = ended;
    one.state = State::kDone;
    one.spec.inputs = std::move(inputs);
  };
  step(1, 0, 5, {});
  step(2, 0, 2, {});
  step(3, 2, 3, {2});
  step(4, 5, 6, {1, 3});
  step(5, 6, 7, {});  // an export: no inputs are known
  EXPECT_EQ(critical_path(build), (std::vector<int>{1, 4, 5}));
  // What was cancelled for a failure ends after it.
  build.steps[4].state = State::kFailed;
  EXPECT_EQ(critical_path(build), (std::vector<int>{1, 4}));
  build.steps.clear();
  step(1, 0, 0, {2});
  step(2, 0, 0, {1});
  EXPECT_EQ(critical_path(build).size(), 2u) << "ends, whatever a record says";
  EXPECT_TRUE(critical_path({}).empty());
}

}  // namespace
}  // namespace lichen::history
