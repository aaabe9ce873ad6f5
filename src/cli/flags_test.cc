#include "cli/flags.h"

#include <gtest/gtest.h>

namespace lichen::cli {
namespace {

struct Taken {
  std::string file;
  std::vector<std::string> tags;
  bool interactive = false, tty = false, pull = false;

  Syntax syntax(bool ends_at_first = false) {
    Syntax syntax{.name = "test", .arguments = "PATH", .ends_at_first = ends_at_first};
    syntax.flags = {text_flag("file", 'f', "FILE", "a file", file),
                    list_flag("tag", 't', "NAME", "a name", tags),
                    switch_flag("interactive", 'i', "input", interactive),
                    switch_flag("tty", 'y', "terminal", tty),
                    switch_flag("pull", 0, "pull", pull),
                    refused_flag("squash", 0, ""),
                    ignored_switch("rm")};
    return syntax;
  }
};

TEST(Flags, TakeValuesInEveryForm) {
  const std::vector<std::vector<std::string>> forms = {
      {"--file", "x", "."}, {"--file=x", "."}, {"-f", "x", "."}, {"-fx", "."},
      {"-f=x", "."},        {".", "-f", "x"},  {"-if", "x", "."}};
  for (const auto& args : forms) {
    Taken taken;
    const auto parsed = parse_flags(taken.syntax(), args);
    ASSERT_TRUE(parsed) << args[0];
    EXPECT_EQ(taken.file, "x") << args[0];
    EXPECT_EQ(parsed->arguments, std::vector<std::string>{"."}) << args[0];
  }
}

TEST(Flags, RepeatJoinAndSwitchOff) {
  Taken taken;
  ASSERT_TRUE(parse_flags(taken.syntax(), {"-iy", "-ta", "-t", "b=[c,d]", "--pull=false", "--rm"}));
  EXPECT_TRUE(taken.interactive && taken.tty);
  EXPECT_FALSE(taken.pull);
  EXPECT_EQ(taken.tags, (std::vector<std::string>{"a", "b=[c,d]"}));
}

TEST(Flags, LeaveTheRestToACommand) {
  Taken taken;
  const std::vector<std::string> args = {"-i", "image", "sh", "-f", "--pull", "[a,b]", "--"};
  const auto parsed = parse_flags(taken.syntax(/*ends_at_first=*/true), args);
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->arguments, std::vector<std::string>(args.begin() + 1, args.end()));
  EXPECT_TRUE(taken.file.empty());
}

TEST(Flags, EndAtTwoDashes) {
  Taken taken;
  const auto parsed = parse_flags(taken.syntax(), {"-", "--", "-f", "--file"});
  ASSERT_TRUE(parsed);
  EXPECT_EQ(parsed->arguments, (std::vector<std::string>{"-", "-f", "--file"}));
  EXPECT_EQ(parsed->dashes, 1u);
}

TEST(Flags, SayWhatIsWrong) {
  const struct {
    std::vector<std::string> args;
    Errc code;
    const char *text, *hint;
  } rows[] = {
      {{"--fil", "x"}, Errc::kInvalid, "unknown flag --fil", "did you mean --file?"},
      {{"--bogus"}, Errc::kInvalid, "unknown flag --bogus", "`lichen test --help` lists the flags"},
      {{"--foo"}, Errc::kInvalid, "unknown flag --foo", "`lichen test --help` lists the flags"},
      {{"-z"}, Errc::kInvalid, "unknown flag -z", "`lichen test --help` lists the flags"},
      {{"-f"}, Errc::kInvalid, "-f needs a value: -f FILE", "`lichen test --help` lists the flags"},
      {{"--pull=maybe"}, Errc::kInvalid, "--pull: \"maybe\" is neither true nor false", ""},
      {{"--squash"}, Errc::kUnsupported, "--squash: not supported yet", ""},
  };
  for (const auto& row : rows) {
    Taken taken;
    const auto parsed = parse_flags(taken.syntax(), row.args);
    ASSERT_FALSE(parsed) << row.args[0];
    EXPECT_EQ(parsed.error().code, row.code) << row.args[0];
    EXPECT_EQ(to_text(parsed.error()), row.text);
    EXPECT_EQ(parsed.error().hint, row.hint);
  }
}

TEST(Flags, CountArguments) {
  Taken taken;
  Syntax syntax = taken.syntax();
  syntax.least = syntax.most = 1;
  syntax.missing_hint = "give one";
  const auto none = parse_flags(syntax, {});
  ASSERT_FALSE(none);
  EXPECT_EQ(none.error().message, "lichen test needs exactly 1 argument (PATH), got 0");
  EXPECT_EQ(none.error().hint, "give one");
  EXPECT_FALSE(parse_flags(syntax, {"a", "b"}));
  EXPECT_TRUE(parse_flags(syntax, {"a"}));
  const auto help = parse_flags(syntax, {"--help"});
  ASSERT_TRUE(help);
  EXPECT_TRUE(help->help);
  EXPECT_TRUE(parse_flags(syntax, {"-h"})->help);
}

TEST(Flags, HelpListsWhatIsThere) {
  Taken taken;
  Syntax syntax = taken.syntax();
  syntax.summary = "Tests.";
  syntax.text =
      "These are words\nof one paragraph, and more of them than there is room for in a line.";
  syntax.examples = {{"lichen test .", "here"}};
  const std::string text = help_text(syntax);
  EXPECT_NE(text.find("\n\nThese are words of one paragraph, and more of them than there is room "
                      "for in a\nline.\n\n"),
            std::string::npos)
      << text;
  EXPECT_NE(text.find("Usage: lichen test [flags] PATH\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  -f, --file FILE             a file\n"), std::string::npos) << text;
  EXPECT_NE(text.find("      --pull                  pull\n"), std::string::npos) << text;
  EXPECT_NE(text.find("  lichen test .\n      here\n"), std::string::npos) << text;
  EXPECT_EQ(text.find("squash"), std::string::npos) << "unsupported flags are not offered";
}

}  // namespace
}  // namespace lichen::cli
