#include "solver/recipe.h"

#include <gtest/gtest.h>

namespace lichen::solver {
namespace {

Recipe recipe(std::vector<Part> parts) {
  Recipe made;
  for (Part& part : parts) made.add(std::move(part.name), part.value);
  return made;
}

TEST(Recipe, NamesTheFirstDifferenceInWords) {
  const struct {
    Recipe before, now;
    const char* want;
  } rows[] = {
      {recipe({{"env A", "1"}}), recipe({{"env A", "1"}}), ""},
      {recipe({{"env VERSION", "1.2"}}), recipe({{"env VERSION", "1.3"}}),
       "env VERSION: 1.2 → 1.3"},
      {recipe({}), recipe({{"env A", "1"}}), "env A is new: 1"},
      {recipe({{"env A", "1"}}), recipe({}), "env A is gone"},
      {recipe({{"command", "make"}, {"user", "a"}}),
       recipe({{"command", "make -j"}, {"user", "b"}}), "command changed, and 1 more"},
      {recipe({{"base image", "debian:12@sha256:aaaabbbbccccdddd"}}),
       recipe({{"base image", "debian:12@sha256:1111222233334444"}}),
       "base image debian:12 moved from sha256:aaaabbbbcccc to sha256:111122223333"},
      {recipe({{"base image", "debian:12@sha256:aaaabbbbccccdddd"}}),
       recipe({{"base image", "debian:13@sha256:aaaabbbbccccdddd"}}),
       "base image debian:12 → debian:13"},
      {recipe({{"file a.c", "100644 0:0 12"}}), recipe({{"file a.c", "100644 0:0 13"}}),
       "file a.c changed"},
      {recipe({{"file a.c", "100644 0:0 12"}}), recipe({{"file a.c", "100755 0:0 12"}}),
       "file a.c: mode 0644 → 0755"},
      {recipe({{"file a", "100644 0:0 12"}}), recipe({{"file a", "040755 0:0 12"}}),
       "file a is of another type"},
      {recipe({{"file a", "100644 0:0 12"}}), recipe({{"file a", "100644 1:2 12"}}),
       "file a: owner 0:0 → 1:2"},
      {recipe({{"file a", "100644 0:0 12"}}), recipe({{"file b", "100644 0:0 12"}}),
       "file a renamed to b"},
      {recipe({{"file a", "100644 0:0 12"}}), recipe({{"file b", "100644 0:0 13"}}),
       "file b is new, and 1 more"},
      {recipe({{"result of the step before", "#1 a RUN a"}}),
       recipe({{"result of the step before", "#2 a RUN a"}}), "RUN a gave another result"},
      {recipe({{"result of the step before", "#1 a RUN a"}}),
       recipe({{"result of the step before", "#2 b RUN b"}}), "it stands on another step: RUN b"},
      {recipe({{"result of the step before", "#1 a RUN a"}}),
       recipe({{"result of the step before", "#1 a RUN b"}}), ""},
  };
  for (const auto& row : rows) EXPECT_EQ(explain(row.before, row.now), row.want);
}

TEST(Recipe, TellsAllDifferencesUpToABound) {
  const Recipe before = recipe({{"a", "1"}, {"b", "1"}, {"c", "1"}});
  const Recipe now = recipe({{"a", "2"}, {"b", "2"}, {"c", "2"}});
  EXPECT_EQ(differences(before, now), 3u);
  EXPECT_EQ(explain_all(before, now, 2),
            (std::vector<std::string>{"a: 1 → 2", "b: 1 → 2", "and 1 more"}));
}

TEST(Recipe, CutsLongValuesAndStillTellsThemApart) {
  Recipe one, other;
  one.add("command", std::string(5000, 'a') + "b");
  other.add("command", std::string(5000, 'a') + "c");
  EXPECT_LE(one.parts[0].value.size(), Recipe::kMaxValueBytes);
  EXPECT_EQ(explain(one, other), "command changed");
}

TEST(Recipe, HidesWhatIsSecret) {
  Recipe one, other;
  one.add_hidden("env TOKEN", "hunter2");
  other.add_hidden("env TOKEN", "hunter3");
  EXPECT_EQ(to_json(one).find("hunter"), std::string::npos);
  EXPECT_EQ(explain(one, other), "env TOKEN changed");
}

TEST(Recipe, SurvivesItsTextForm) {
  const Recipe made = recipe({{"env A", "\"\n\\ü"}, {"env A", "twice"}, {"file x", ""}});
  const auto read = parse_recipe(to_json(made));
  ASSERT_TRUE(read);
  EXPECT_EQ(read->parts, made.parts);
  EXPECT_EQ(read->parts[1].name, "env A (2)");
  for (const char* bad : {"", "{}", "[[\"a\"]]", "[1]", "[[\"a\",\"b\",\"c\"]]"})
    EXPECT_FALSE(parse_recipe(bad)) << bad;
}

TEST(Recipe, CannotDriveATerminal) {
  EXPECT_EQ(explain(recipe({{"file \x1b[2J", "1 2 3"}}), recipe({{"file \x1b[2J", "1 2 4"}}))
                .find('\x1b'),
            std::string::npos);
}

}  // namespace
}  // namespace lichen::solver
