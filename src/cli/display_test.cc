#include "cli/display.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "cli/line_buffer.h"

namespace lichen::cli {
namespace {

using namespace build;

TEST(LineBuffer, JoinsPieces) {
  LineBuffer buffer;
  EXPECT_TRUE(buffer.add("ab").empty());
  EXPECT_EQ(buffer.rest(), "ab");
  EXPECT_EQ(buffer.add("c\nd\r\n10%\r20%\r\nx"), (std::vector<std::string>{"abc", "d", "20%"}));
  EXPECT_EQ(buffer.take_rest(), "x");
  EXPECT_EQ(buffer.take_rest(), "");
}

TEST(LineBuffer, NeverGrowsWithoutEnd) {
  LineBuffer bar;
  for (int i = 0; i < 40'000; ++i)
    EXPECT_TRUE(bar.add("progress " + std::to_string(i) + "\r").empty());
  EXPECT_EQ(bar.take_rest(), "progress 39999");
  LineBuffer line;
  EXPECT_EQ(line.add(std::string(70'000, 'x')).size(), 1u);
  EXPECT_EQ(line.rest(), "");
}

// --- plain ---

class Plain : public testing::Test {
 protected:
  std::string text_;
  std::unique_ptr<Display> display_ = plain_display([this](auto bytes) { text_ += bytes; });
  void show(double now, const Event& event) { display_->show(event, now); }
};

TEST_F(Plain, OneStepAfterTheOther) {
  show(0, Notice{"tier userns (ids: no sub-ids)"});
  show(0, StepCached{1, "[1/3] FROM debian"});
  show(1, StepStarted{2, "[2/3] RUN make"});
  show(1.25, StepLog{2, false, "compiling\nlink"});
  show(1.5, StepLog{2, false, "ing\n"});
  show(1.75, StepLog{2, true, "done \x1b[32mwell\x1b[0m \x1b]0;title\x07"});
  show(2, StepDone{2, 1.04});
  show(2, StepStarted{3, "exporting"});
  show(2, StepTransfer{3, "exporting layers", 0, 0, false});
  show(2.5, StepTransfer{3, "exporting layers", 0, 0, true});
  show(2.5, StepTransfer{3, "naming to app", 0, 0, true});
  show(2.5, StepDone{3, 0.5});
  display_->finish(3);
  EXPECT_EQ(text_,
            "lichen: tier userns (ids: no sub-ids)\n"
            "#1 [1/3] FROM debian\n"
            "#1 CACHED\n"
            "\n"
            "#2 [2/3] RUN make\n"
            "#2 0.250 compiling\n"
            "#2 0.500 linking\n"
            "#2 1.000 done \x1b[32mwell\x1b[0m \\x1b]0;title\\x07\x1b[0m\n"
            "#2 DONE 1.0s\n"
            "\n"
            "#3 exporting\n"
            "#3 exporting layers\n"
            "#3 exporting layers 0.5s done\n"
            "#3 naming to app done\n"
            "#3 DONE 0.5s\n");
}

TEST_F(Plain, StepsTakeTurns) {
  show(0, StepStarted{1, "one"});
  show(0.1, StepStarted{2, "two"});
  show(0.2, StepLog{2, false, "b1\n"});
  show(0.3, StepLog{1, false, "a1\n"});
  EXPECT_EQ(text_, "#1 one\n#1 0.300 a1\n") << "the first has the floor";
  display_->tick(1.0);
  EXPECT_EQ(text_, "#1 one\n#1 0.300 a1\n");
  display_->tick(1.4);  // silent for more than a second
  EXPECT_EQ(text_, "#1 one\n#1 0.300 a1\n#1 ...\n\n#2 two\n#2 0.100 b1\n");
  text_.clear();
  show(1.5, StepDone{1, 1.5});  // waits
  EXPECT_EQ(text_, "");
  show(1.6, StepDone{2, 1.5});
  EXPECT_EQ(text_, "#2 DONE 1.5s\n\n#1 one\n#1 DONE 1.5s\n");
}

TEST_F(Plain, AChattyStepDoesNotKeepTheFloor) {
  show(0, StepStarted{1, "one"});
  show(0, StepStarted{2, "two"});
  for (int i = 1; i <= 60; ++i) show(i * 0.1, StepLog{1, false, "x\n"});
  EXPECT_NE(text_.find("#1 ...\n\n#2 two\n"), std::string::npos) << text_;
}

TEST_F(Plain, SaysWhyAStepWasNotFound) {
  show(0, StepStarted{1, "[1/1] COPY a b"});
  show(0, StepMissed{1, "file a\x1b changed"});
  show(0, StepDone{1, 0.1});
  EXPECT_EQ(text_, "#1 [1/1] COPY a b\n#1 MISS: file a\\x1b changed\n#1 DONE 0.1s\n");
}

TEST_F(Plain, AStepThatSpeaksBeforeItIsNamedHasItsHeading) {
  show(0, StepTransfer{1, "sha256:12 ", 10, 10, true});
  show(0, StepStarted{1, "[1/1] COPY a b"});
  show(0, StepDone{1, 0.1});
  EXPECT_EQ(text_, "#1 sha256:12 10B / 10B done\n#1 [1/1] COPY a b\n#1 DONE 0.1s\n");
}

TEST_F(Plain, FailureAndCancelling) {
  show(0, StepStarted{1, "[1/1] RUN x"});
  show(0, StepStarted{2, "other"});
  show(0.5, StepLog{1, true, "no newline"});
  show(0.5, StepFailed{1, {.code = Errc::kFailed, .message = "exit status\n1"}});
  show(0.6, StepFailed{2, {.code = Errc::kCancelled, .message = "cancelled"}});
  display_->finish(1);
  EXPECT_EQ(text_,
            "#1 [1/1] RUN x\n#1 0.500 no newline\n#1 ERROR: exit status\\x0a1\n"
            "\n#2 other\n#2 CANCELED\n");
}

TEST_F(Plain, TransfersAreNotShownTooOften) {
  show(0, StepStarted{1, "FROM debian"});
  for (int i = 0; i <= 50; ++i)
    show(i * 0.1, StepTransfer{1, "sha256:12 ", i * 100'000ull, 5'000'000, false});
  show(5, StepTransfer{1, "sha256:12 ", 5'000'000, 5'000'000, true});
  show(5, StepTransfer{1, "sha256:34 ", 10, 10, true});
  EXPECT_EQ(text_,
            "#1 FROM debian\n#1 sha256:12 2MB / 5MB\n#1 sha256:12 4MB / 5MB\n"
            "#1 sha256:12 5MB / 5MB 5.0s done\n#1 sha256:34 10B / 10B done\n");
}

TEST_F(Plain, WarningsNameTheirPlace) {
  show(0, Warning{"odd", "Dockerfile", 3, ""});
  show(0, Warning{"general", "", 0, ""});
  EXPECT_EQ(text_, "lichen: Dockerfile:3: warning: odd\nlichen: warning: general\n");
}

TEST_F(Plain, CountsTheDockerfilesWarningsInTheEnd) {
  show(0, Warning{"general", "", 0, ""});
  show(0, Warning{"odd", "Dockerfile", 3, "SomeRule"});
  EXPECT_EQ(text_, "lichen: warning: general\nlichen: Dockerfile:3: warning: SomeRule: odd\n");
  text_.clear();
  display_->finish(1);
  EXPECT_EQ(text_, "\n 1 warning found (use --check to expand):\n - SomeRule: odd (line 3)\n");
}

TEST(WarningSummary, HasEachOnce) {
  WarningSummary summary;
  EXPECT_EQ(summary.text(true), "");
  EXPECT_FALSE(summary.add({"general", "", 0, ""}));
  EXPECT_TRUE(summary.add({"not consumed", "Dockerfile", 0, ""}));
  for (int platform = 0; platform < 2; ++platform)
    EXPECT_TRUE(summary.add({"a\x1b[2Jb", "Dockerfile", 3, "SomeRule"}));
  EXPECT_EQ(summary.text(true),
            "\n \x1b[33m2 warnings found (use --check to expand):\x1b[0m\n - not consumed\n"
            " - SomeRule: a\\x1b[2Jb (line 3)\n");
}

TEST_F(Plain, WhatWaitsIsShownInTheEnd) {
  show(0, StepStarted{1, "one"});
  show(0, StepStarted{2, "two"});
  show(0, StepLog{2, false, "half"});
  display_->finish(0.1);
  EXPECT_EQ(text_, "#1 one\n#1 ...\n\n#2 two\n#2 0.100 half\n");
}

// --- tty ---

// The little of a terminal that the display uses.
class Screen {
 public:
  void write(std::string_view bytes) {
    for (std::size_t i = 0; i < bytes.size(); ++i) {
      const char c = bytes[i];
      if (c == '\n') {
        column_ = 0;
        move_to(row_ + 1);
      } else if (c == '\r') {
        column_ = 0;
      } else if (c == '\x1b') {
        const std::size_t end = bytes.find_first_of("AKJmlh", i);
        ASSERT_NE(end, std::string_view::npos);
        control(std::string(bytes.substr(i + 2, end - i - 2)), bytes[end]);
        i = end;
      } else {
        std::string& line = lines_[row_];
        if (line.size() <= column_) line.resize(column_ + 1, ' ');
        line[column_++] = c;
        longest_ = std::max(longest_, column_);
      }
    }
  }
  std::string text() const {
    std::string text;
    for (const std::string& line : lines_) text += line + "\n";
    while (text.size() > 1 && text[text.size() - 2] == '\n') text.pop_back();
    return text;
  }
  bool cursor() const { return cursor_; }
  bool coloured() const { return coloured_; }
  std::size_t longest() const { return longest_; }

 private:
  void move_to(std::size_t row) {
    row_ = row;
    if (row_ >= lines_.size()) lines_.resize(row_ + 1);
  }
  void control(const std::string& parameter, char what) {
    if (what == 'A') {
      const auto up = static_cast<std::size_t>(std::stoi(parameter));
      ASSERT_LE(up, row_);
      row_ -= up;
    }
    if (what == 'K') lines_[row_].resize(std::min(column_, lines_[row_].size()));
    if (what == 'J') {
      lines_[row_].resize(std::min(column_, lines_[row_].size()));
      lines_.resize(row_ + 1);
    }
    if (what == 'm') coloured_ = true;
    if (what == 'l') cursor_ = false;
    if (what == 'h') cursor_ = true;
  }
  std::vector<std::string> lines_ = {""};
  std::size_t row_ = 0, column_ = 0, longest_ = 0;
  bool cursor_ = true, coloured_ = false;
};

class Tty : public testing::Test {
 protected:
  void open(TtyOptions options) {
    options.window = [this] { return window_; };
    display_ = tty_display([this](auto bytes) { screen_.write(bytes); }, options);
  }
  void show(double now, const Event& event) { display_->show(event, now); }

  WindowSize window_{.columns = 41, .rows = 24};
  Screen screen_;
  std::unique_ptr<Display> display_;
};

TEST_F(Tty, FinishedStepsStayRunningOnesAreRedrawn) {
  open({.colour = false});
  show(0, StepsExpected{4});
  show(0, StepCached{1, "[1/3] FROM debian"});
  show(0, StepStarted{2, "[2/3] RUN make"});
  show(0.5, StepLog{2, false, "compiling\nlinking"});
  display_->tick(1);
  EXPECT_EQ(screen_.text(),
            " => CACHED [1/3] FROM debian        0.0s\n"
            "[+] Building 1.0s (1/4)\n"
            " => [2/3] RUN make                  1.0s\n"
            " => => # compiling\n"
            " => => # linking\n");
  EXPECT_FALSE(screen_.cursor());
  show(1.2, StepDone{2, 1.2});
  show(1.2, StepStarted{3, "[3/3] COPY a b"});
  show(1.2, Warning{"odd", "Dockerfile", 3, "Rule"});
  show(1.2, Warning{"offline", "", 0, ""});
  display_->tick(1.3);
  EXPECT_EQ(screen_.text(),
            " => CACHED [1/3] FROM debian        0.0s\n"
            " => [2/3] RUN make                  1.2s\n"
            "lichen: warning: offline\n"
            "[+] Building 1.3s (2/4)\n"
            " => [3/3] COPY a b                  0.1s\n");
  show(2, StepFailed{3, {.code = Errc::kFailed}});
  display_->finish(2);
  EXPECT_EQ(screen_.text(),
            " => CACHED [1/3] FROM debian        0.0s\n"
            " => [2/3] RUN make                  1.2s\n"
            "lichen: warning: offline\n"
            " => ERROR [3/3] COPY a b            0.8s\n"
            "[+] Building 2.0s (3/4)\n"
            "\n"
            " 1 warning found (use --check to expand):\n"
            " - Rule: odd (line 3)\n");
  EXPECT_TRUE(screen_.cursor());
  EXPECT_FALSE(screen_.coloured());
}

TEST_F(Tty, SaysWhyAStepWasNotFound) {
  open({.colour = false});
  show(0, StepStarted{1, "[1/1] COPY a b"});
  show(0, StepMissed{1, "file a changed"});
  show(0, StepStarted{2, "[1/1] COPY a b c"});
  show(0, StepMissed{2, "file a changed"});
  display_->tick(0);
  const std::string want =
      " => [1/1] COPY a b (file a changed) 0.0s\n"
      " => [1/1] COPY a b c                0.0s\n"
      " => => why: file a changed\n";
  EXPECT_EQ(screen_.text(), "[+] Building 0.0s (0/2)\n" + want);
  show(0, StepDone{1, 0});
  show(0, StepDone{2, 0});
  display_->finish(0);
  EXPECT_EQ(screen_.text(), want + "[+] Building 0.0s (2/2) FINISHED\n");
}

TEST(Colours, AreThoseOfBuildKit) {
  const Colours none = parse_colours("");
  EXPECT_EQ(none.run, "\x1b[34m");
  const Colours some = parse_colours("run=green:ERROR=255,0,12:cancel=light-cyan:warning=default");
  EXPECT_EQ(some.run, "\x1b[32m");
  EXPECT_EQ(some.error, "\x1b[38;2;255;0;12m");
  EXPECT_EQ(some.cancel, "\x1b[96m");
  EXPECT_EQ(some.warning, "\x1b[39m");
  for (const char* bad : {"run", "run=", "run=mauve", "run=1,2", "run=1,2,256", "run=1,2,3,4",
                          "run=-1,2,3", "walk=green", ":::", "run=light-default"})
    EXPECT_EQ(parse_colours(bad).run, none.run) << bad;
}

TEST(RawJson, IsBuildKitsStatusStream) {
  std::string text;
  int seconds = 0;
  const auto display =
      json_display([&](auto bytes) { text += bytes; },
                   [&] { return "2026-11-29T00:00:0" + std::to_string(seconds) + "Z"; });
  display->show(StepStarted{1, "[1/1] RUN \"x\""}, 0);
  display->show(StepMissed{1, "never built here"}, 0);
  seconds = 1;
  display->show(StepLog{1, true, std::string("\xff\n", 2)}, 0);
  display->show(StepTransfer{1, "layer", 5, 10, false}, 0);
  seconds = 2;
  display->show(StepTransfer{1, "layer", 10, 10, true}, 0);
  display->show(StepFailed{1, {.code = Errc::kFailed, .message = "exit code: 1"}}, 0);
  display->show(StepCached{2, "[2/2] x"}, 0);
  display->show(Warning{"odd", "Dockerfile", 3, "Rule"}, 0);
  display->show(Notice{"tier ids"}, 0);
  display->finish(0);
  std::vector<nlohmann::json> lines;
  for (std::size_t at = 0; at < text.size(); at = text.find('\n', at) + 1)
    lines.push_back(nlohmann::json::parse(text.substr(at, text.find('\n', at) - at)));
  ASSERT_EQ(lines.size(), 9u) << text;
  const auto first = lines[0]["vertexes"][0];
  EXPECT_EQ(first["name"], "[1/1] RUN \"x\"");
  EXPECT_EQ(first["started"], "2026-11-29T00:00:00Z");
  EXPECT_FALSE(first.contains("completed"));
  EXPECT_EQ(lines[1]["vertexes"][0]["cacheMiss"], "never built here");
  EXPECT_EQ(lines[2]["logs"][0]["data"], "/wo=");
  EXPECT_EQ(lines[2]["logs"][0]["stream"], 2);
  EXPECT_EQ(lines[2]["logs"][0]["vertex"], first["digest"]);
  EXPECT_EQ(lines[4]["statuses"][0]["started"], "2026-11-29T00:00:01Z");
  EXPECT_EQ(lines[4]["statuses"][0]["completed"], "2026-11-29T00:00:02Z");
  EXPECT_EQ(lines[4]["statuses"][0]["current"], 10);
  EXPECT_EQ(lines[5]["vertexes"][0]["error"], "exit code: 1");
  EXPECT_EQ(lines[5]["vertexes"][0]["digest"], first["digest"]);
  EXPECT_EQ(lines[6]["vertexes"][0]["cached"], true);
  EXPECT_EQ(lines[7]["warnings"][0]["range"][0]["start"]["line"], 3);
  EXPECT_EQ(lines[8]["notices"][0], "tier ids");
}

TEST_F(Tty, KeepsTheLastLinesOfOutputWithinTheWindow) {
  open({.colour = true, .log_lines = 2});
  show(0, StepStarted{1, "RUN " + std::string(100, 'x')});
  show(0, StepLog{1, false, "one\ntwo\nthree\n" + std::string(100, 'y') + "\x1b[2J\n"});
  display_->tick(0);
  EXPECT_EQ(screen_.text(), "[+] Building 0.0s (0/1)\n => RUN " + std::string(27, 'x') +
                                " 0.0s\n => => # three\n => => # " + std::string(31, 'y') + "\n");
  EXPECT_LT(screen_.longest(), 41u);
}

TEST_F(Tty, FitsIntoAShortWindow) {
  open({.colour = false});
  window_.rows = 5;
  for (int step = 1; step <= 3; ++step) {
    show(0, StepStarted{step, "step " + std::to_string(step)});
    show(0, StepLog{step, false, "a\nb\nc\n"});
  }
  display_->tick(0);
  EXPECT_EQ(screen_.text(),
            "[+] Building 0.0s (0/3)\n"
            " => step 1                          0.0s\n"
            " => step 2                          0.0s\n"
            " => step 3                          0.0s\n");
  for (int step = 4; step <= 8; ++step) show(0, StepStarted{step, "more"});
  display_->tick(0);
  const std::string text = screen_.text();
  EXPECT_EQ(std::count(text.begin(), text.end(), '\n'), 4) << text;
  EXPECT_NE(text.find("and 6 more"), std::string::npos) << text;
}

TEST_F(Tty, TransfersComeAndGo) {
  open({.colour = true});
  show(0, StepStarted{1, "FROM debian"});
  show(0, StepTransfer{1, "sha256:12 ", 1'000'000, 4'000'000, false});
  display_->tick(0.5);
  EXPECT_NE(screen_.text().find(" => => sha256:12 1MB / 4MB          0.5s\n"), std::string::npos)
      << screen_.text();
  show(1, StepTransfer{1, "sha256:12 ", 4'000'000, 4'000'000, true});
  show(1, StepTransfer{1, "naming to app", 0, 0, true});
  show(1, StepDone{1, 1});
  display_->finish(1);
  EXPECT_EQ(screen_.text(),
            " => FROM debian                     1.0s\n"
            " => => naming to app                0.0s\n"
            "[+] Building 1.0s (1/1) FINISHED\n");
  EXPECT_TRUE(screen_.coloured());
}

TEST_F(Tty, CutsTheDigestAndNotTheNumbers) {
  open({.colour = false});
  const std::string digest = "sha256:" + std::string(64, 'd');
  show(0, StepStarted{1, "FROM debian"});
  show(0, StepTransfer{1, digest, 21'000'000, 60'500'000, false});
  show(0, StepTransfer{1, "extracting " + digest, 0, 0, false});
  display_->tick(0.5);
  EXPECT_EQ(screen_.text(),
            "[+] Building 0.5s (0/1)\n"
            " => FROM debian                     0.5s\n"
            " => => extracting sha256:dddddddddd 0.5s\n"
            " => => sha256:ddddddd 21MB / 60.5MB 0.5s\n");
}

TEST_F(Tty, SaysNothingWhenNothingHappened) {
  open({});
  display_->tick(1);
  display_->finish(2);
  EXPECT_EQ(screen_.text(), "\n");
  EXPECT_TRUE(screen_.cursor());
}

}  // namespace
}  // namespace lichen::cli
