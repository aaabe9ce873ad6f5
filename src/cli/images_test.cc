// What the image commands print, and what rmi would remove.
#include <gtest/gtest.h>

#include "cli/history_lines.h"
#include "cli/image_info.h"
#include "cli/json_text.h"
#include "cli/removal.h"
#include "oci/json.h"

namespace lichen::cli {
namespace {

store::Image image(const std::string& name, const std::string& content) {
  return {.name = name, .manifest = sha256("m" + content), .config = sha256("c" + content)};
}
const store::Image kApp = image("docker.io/library/app:latest", "1");
const store::Image kAppOld = image("localhost:5000/team/app:old", "1");
const store::Image kOther = image("docker.io/library/other:1", "2");

store::Image untagged() {
  store::Image none = image("", "3");
  none.name = none.manifest.text();
  return none;
}

TEST(Images, ShowNamesAsPeopleTypeThem) {
  const struct {
    std::string name;
    const char *repository, *tag;
  } rows[] = {{"docker.io/library/app:latest", "app", "latest"},
              {"docker.io/team/app:1", "team/app", "1"},
              {"localhost:5000/team/app:old", "localhost:5000/team/app", "old"},
              {"docker.io/library/app@" + sha256("x").text(), "app", "<none>"},
              {untagged().name, "<none>", "<none>"}};
  for (const auto& row : rows) {
    const ShownName shown = shown_name(row.name);
    EXPECT_EQ(shown.repository, row.repository) << row.name;
    EXPECT_EQ(shown.tag, row.tag) << row.name;
  }
}

TEST(Images, UntaggedOnesWithANameAreNotShown) {
  store::Image both = image("", "1");
  both.name = both.manifest.text();
  std::string names;
  for (const store::Image& one : without_named({kApp, both, untagged(), kOther, kAppOld}))
    names += one.name + " ";
  EXPECT_EQ(names,
            kApp.name + " " + untagged().name + " " + kOther.name + " " + kAppOld.name + " ");
}

TEST(Images, AreSortedByTheTimeThatIsShown) {
  std::vector<ImageInfo> images;
  const auto add = [&](const char* name, const char* created, std::int64_t stored) {
    ImageInfo info{.image = image(name, name)};
    info.image.created = stored;
    info.config.created = created;
    images.push_back(std::move(info));
  };
  add("old", "2020-01-01T00:00:00Z", 9);
  add("none", "", 10);
  add("new", "2026-01-01T01:00:00+01:00", 1);
  add("again", "2026-01-01T00:00:00Z", 2);
  sort_by_age(images);
  std::string names;
  for (const ImageInfo& info : images) names += info.image.name + " ";
  EXPECT_EQ(names, "again new old none ");
}

TEST(Removal, ANameIsOneRecord) {
  const std::vector<store::Image> all = {kApp, kAppOld, kOther};
  const auto plan = plan_removal(all, kApp, "app", false);
  ASSERT_TRUE(plan);
  ASSERT_EQ(plan->size(), 1u);
  EXPECT_EQ(removal_text(all, *plan), "Untagged: app:latest\n");
}

TEST(Removal, AnIdIsAllOfThem) {
  const std::vector<store::Image> all = {kApp, kAppOld, kOther};
  const std::string id = kApp.config.short_hex();
  EXPECT_FALSE(plan_removal(all, kApp, id, false));
  const auto plan = plan_removal(all, kApp, id, true);
  ASSERT_TRUE(plan);
  EXPECT_EQ(removal_text(all, *plan),
            "Untagged: app:latest\nUntagged: localhost:5000/team/app:old\nDeleted: " +
                kApp.config.text() + "\n");
}

TEST(Removal, LastNameDeletes) {
  const std::vector<store::Image> all = {kOther, untagged()};
  EXPECT_EQ(removal_text(all, *plan_removal(all, kOther, "other:1", false)),
            "Untagged: other:1\nDeleted: " + kOther.config.text() + "\n");
  EXPECT_EQ(removal_text(all, *plan_removal(all, all[1], all[1].config.short_hex(), false)),
            "Deleted: " + all[1].config.text() + "\n");
}

TEST(History, PairsEntriesWithLayers) {
  const std::vector<oci::History> history = {
      {.created = "2026-11-24T16:00:00Z", .created_by = "ADD base"},
      {.created_by = "ENV A=b", .empty_layer = true},
      {.created_by = "RUN \x1b[2Jmake\n  && " + std::string(60, 'x'), .comment = "c"}};
  const std::vector<oci::Descriptor> layers = {{.size = 1000}, {.size = 2'000'000}};
  const auto lines = history_lines(history, layers);
  ASSERT_EQ(lines.size(), 3u);
  EXPECT_EQ(lines[0].bytes, 2'000'000u);
  EXPECT_EQ(lines[1].bytes, 0u);
  EXPECT_EQ(lines[2].bytes, 1000u);
  EXPECT_EQ(history_table(lines, 1795536000 + 120, false),
            "CREATED         CREATED BY                                      SIZE   COMMENT\n"
            "N/A             RUN \\x1b[2Jmake   && xxxxxxxxxxxxxxxxxxxxxxx…   2MB    c\n"
            "N/A             ENV A=b                                         0B     \n"
            "2 minutes ago   ADD base                                        1kB    \n");
  EXPECT_NE(history_table(lines, 0, true).find(std::string(60, 'x')), std::string::npos);
}

TEST(Json, MetadataHasBuildxsKeys) {
  build::Outcome outcome{.manifest_digest = kApp.manifest, .config_digest = kApp.config};
  outcome.descriptor = {.media_type = oci::kManifestType, .digest = kApp.manifest, .size = 7};
  outcome.names = {"docker.io/library/app:latest", "docker.io/library/b:1"};
  const auto json = oci::json::parse(metadata_json(outcome), "metadata");
  ASSERT_TRUE(json);
  EXPECT_EQ((*json)["containerimage.digest"], kApp.manifest.text());
  EXPECT_EQ((*json)["containerimage.config.digest"], kApp.config.text());
  EXPECT_EQ((*json)["containerimage.descriptor"]["size"], 7);
  EXPECT_EQ((*json)["image.name"], "docker.io/library/app:latest,docker.io/library/b:1");
  EXPECT_EQ(metadata_json({}), "{}\n") << "a build without an image has no digests";
}

TEST(Json, InspectShowsTheConfigAsItIs) {
  ImageInfo info{.image = kApp};
  info.manifest.layers = {{.media_type = oci::kLayerGzipType, .digest = sha256("l"), .size = 9}};
  info.config.platform.architecture = "arm64";
  info.config.diff_ids = {sha256("d")};
  info.config_json = R"({"config":{"Cmd":["sh"],"Odd":1}})";
  const auto text = inspect_json({{info, {"app:latest"}}});
  ASSERT_TRUE(text);
  const auto json = oci::json::parse(*text, "inspect");
  ASSERT_TRUE(json);
  const auto& one = (*json)[0];
  EXPECT_EQ(one["Id"], kApp.config.text());
  EXPECT_EQ(one["RepoTags"][0], "app:latest");
  EXPECT_EQ(one["Config"]["Odd"], 1);
  EXPECT_EQ(one["RootFS"]["Layers"][0], sha256("d").text());
  EXPECT_EQ(one["Layers"][0]["size"], 9);
}

}  // namespace
}  // namespace lichen::cli
