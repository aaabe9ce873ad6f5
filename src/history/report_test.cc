#include "history/report.h"

#include <gtest/gtest.h>

namespace lichen::history {
namespace {

TEST(Report, EscapesWhatBuildsWrite) {
  const struct {
    std::string text;
    const char* want;
  } rows[] = {
      {"<script>alert('x')</script>", "&lt;script&gt;alert(&#39;x&#39;)&lt;/script&gt;"},
      {"\" onload=\"x", "&quot; onload=&quot;x"},
      {"a &amp; b", "a &amp;amp; b"},
      {"\x1b[31mred\x1b[0m \x1b]0;title\x07x\x1b]8;;http://h\x1b\\y", "red xy"},
      {"\xff\xc0\xaf<", "\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd&lt;"},
      {std::string("a\0b", 3), "ab"},
      {"\xe2\x80\xae"
       "evil",
       "evil"},
      {"\x1b", ""},
      {"\x1b[", ""},
      {"für\n\t…", "für\n\t…"},
  };
  for (const auto& row : rows) EXPECT_EQ(escaped(row.text), row.want) << row.text;
}

TEST(Report, IsOnePageThatLoadsNothing) {
  const std::string evil = "</pre></style><img src=http://h/x onerror=alert(1)><script>x</script>";
  Build build{.id = evil,
              .dockerfile = evil,
              .context = evil,
              .target = evil,
              .tier = evil,
              .names = evil,
              .image = evil,
              .error = evil,
              .steps = {},
              .warnings = {evil},
              .notices = {evil}};
  Step step{.number = 1, .name = evil, .why = evil, .error = evil};
  step.log.push_back({0, false, evil + "\n10%\r100%\n"});
  step.transfers.push_back({evil, 0, 1, 5});
  step.spec.place = evil;
  build.steps[1] = step;
  const std::string page = report_html(build);
  EXPECT_EQ(page.find("<img"), std::string::npos);
  EXPECT_EQ(page.find("<script"), std::string::npos);
  EXPECT_EQ(page.find(" src="), page.find(" src=http://h/x onerror=alert(1)&gt;"));
  EXPECT_NE(page.find("default-src 'none'"), std::string::npos);
  EXPECT_EQ(page.find("10%\r"), std::string::npos);
  EXPECT_NE(page.find("\n100%\n"), std::string::npos);
}

TEST(Report, ShowsBeginAndEndOfALongLog) {
  Build build{.id = "20261129-231455123-3f2a9c"};
  Step& step = build.steps[7];
  step.number = 7;
  std::string log = "the first line\n";
  for (int i = 0; i < 100'000; ++i) log += "line " + std::to_string(i) + "\n";
  step.log.push_back({0, false, log + "the last line\n"});
  const std::string page = report_html(build);
  EXPECT_LT(page.size(), 160'000u);
  EXPECT_NE(page.find("\nline 1000\n"), std::string::npos);
  EXPECT_EQ(page.find("\nline 50000\n"), std::string::npos);
  EXPECT_NE(page.find("\nline 99999\nthe last line"), std::string::npos);
  EXPECT_NE(page.find(" bytes are left out of this page: lichen builds logs " + build.id +
                      " --step 7]\nline "),
            std::string::npos);
}

TEST(Report, SaysWhatItsPictureMeans) {
  Build build{.id = "1", .dockerfile = "/x/Dockerfile", .seconds = 3, .state = State::kDone};
  build.steps[1] = {.number = 1, .name = "FROM", .state = State::kCached};
  build.steps[2] = {.number = 2, .name = "exporting", .state = State::kDone, .ended = 3};
  std::string page = report_html(build);
  EXPECT_NE(page.find("<b>0</b><span class=soft>steps that ran"), std::string::npos);
  EXPECT_NE(page.find("<span style=\"left:33.333%\">1 s</span>"), std::string::npos);
  EXPECT_NE(page.find(">on the critical path<"), std::string::npos);
  EXPECT_NE(page.find(">from the cache<"), std::string::npos);
  EXPECT_EQ(page.find(">failed<"), std::string::npos);
  EXPECT_EQ(page.find("/x/Dockerfile"), page.rfind("/x/Dockerfile"));
  build.steps[3] = {.number = 3, .name = "RUN", .why = "never built here", .state = State::kFailed};
  build.names = "app";
  page = report_html(build);
  EXPECT_NE(page.find("<b>1</b><span class=soft>steps that ran"), std::string::npos);
  EXPECT_NE(page.find("/x/Dockerfile"), std::string::npos);
}

}  // namespace
}  // namespace lichen::history
