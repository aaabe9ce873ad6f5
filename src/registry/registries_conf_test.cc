#include "registry/registries_conf.h"

#include <gtest/gtest.h>
#include <stdlib.h>

#include <fstream>

#include "os/file.h"

namespace lichen::registry {
namespace {

RegistriesConf conf_of(const std::string& text) {
  RegistriesConf conf;
  const auto added = conf.add(text, "test.conf");
  EXPECT_TRUE(added) << to_text(added.error());
  return conf;
}

// "a.example/x:1 b.example/y:1!": where to ask, in order; "!" is insecure.
std::string places(const RegistriesConf& conf, const std::string& name) {
  const auto locations = conf.pull_locations(*oci::parse_reference(name));
  if (!locations) return to_text(locations.error());
  std::string text;
  for (const Location& location : *locations) {
    if (!text.empty()) text += " ";
    text += oci::to_text(location.reference) + (location.insecure ? "!" : "");
    EXPECT_EQ(location.is_mirror, &location != &locations->back());
  }
  return text;
}

TEST(RegistriesConf, MirrorsComeFirst) {
  const RegistriesConf conf = conf_of(R"(
unqualified-search-registries = ["quay.io"]
[[registry]]
location = "docker.io"
[[registry.mirror]]
location = "mirror.corp:5000/hub"
[[registry.mirror]]
location = "localhost/b"
insecure = true
[aliases]
"debian" = "evil.example/debian"
)");
  EXPECT_EQ(places(conf, "debian:12"),
            "mirror.corp:5000/hub/library/debian:12 localhost/b/library/debian:12! "
            "docker.io/library/debian:12");
  EXPECT_EQ(places(conf, "quay.io/debian:12"), "quay.io/debian:12");
  EXPECT_EQ(oci::to_text(conf.push_location(*oci::parse_reference("me/app"))->reference),
            "docker.io/me/app:latest");
}

TEST(RegistriesConf, TheLongestPrefixCounts) {
  const RegistriesConf conf = conf_of(R"(
[[registry]]
prefix = "x.example"
location = "y.example/all"
insecure = true
[[registry]]
prefix = "x.example/org"
location = "z.example"
[[registry]]
prefix = "x.example/org/old:1"
blocked = true
[[registry]]
prefix = "*.wild.example"
location = "proxy.example/wild"
)");
  EXPECT_EQ(places(conf, "x.example/a:1"), "y.example/all/a:1!");
  EXPECT_EQ(places(conf, "x.example/org/a:1"), "z.example/a:1");
  EXPECT_EQ(places(conf, "x.example/organ/a:1"), "y.example/all/organ/a:1!");
  EXPECT_EQ(places(conf, "x.example:5000/a:1"), "x.example:5000/a:1");
  EXPECT_EQ(places(conf, "x.example/org/old:2"), "z.example/old:2");
  EXPECT_EQ(places(conf, "x.example/org/old:1"),
            "x.example/org/old:1: x.example/org/old:1 is blocked by test.conf");
  EXPECT_EQ(places(conf, "a.wild.example/b:1"), "proxy.example/wild/b:1");
  EXPECT_EQ(places(conf, "a.b.wild.example/c:1"), "proxy.example/wild/c:1");
  EXPECT_EQ(places(conf, "wild.example/b:1"), "wild.example/b:1");
  EXPECT_EQ(conf.push_location(*oci::parse_reference("x.example/org/old:1")).error().code,
            Errc::kDenied);
}

TEST(RegistriesConf, SomeMirrorsServeDigestsOrTagsAlone) {
  const RegistriesConf conf = conf_of(R"(
[[registry]]
location = "x.example"
mirror-by-digest-only = true
[[registry.mirror]]
location = "a.example"
[[registry.mirror]]
location = "b.example"
pull-from-mirror = "tag-only"
[[registry.mirror]]
location = "c.example"
pull-from-mirror = "all"
)");
  const std::string digest = "@" + sha256("x").text();
  EXPECT_EQ(places(conf, "x.example/i:1"), "b.example/i:1 c.example/i:1 x.example/i:1");
  EXPECT_EQ(places(conf, "x.example/i" + digest),
            "a.example/i" + digest + " c.example/i" + digest + " x.example/i" + digest);
}

TEST(RegistriesConf, CommentsAreInAnyLanguage) {
  const RegistriesConf conf = conf_of(
      "\xef\xbb\xbf# Spiegel für alle \xc6\x86\n[[registry]]\nlocation = \"x.example\"\n"
      "[[registry.mirror]]\nlocation = \"y.example\" # schön\n");
  EXPECT_EQ(places(conf, "x.example/a:1"), "y.example/a:1 x.example/a:1");
}

TEST(RegistriesConf, ErrorsNameFileAndKey) {
  for (const auto& [text, wanted] : {
           std::pair("\n[[registry", "line 2"),
           {"[registries.search]\nregistries = []", "version 1"},
           {"registry = 7", "registry: want [[registry]] tables"},
           {"[[registry]]\nlocation = 7", "location: want a text"},
           {"[[registry]]\nlocation = \"x.example\"\nblocked = 1", "blocked: want true"},
           {"[[registry]]", "neither prefix nor location"},
           {"[[registry]]\nlocation = \"https://x.example\"", "want HOST[:PORT][/PATH]"},
           {"[[registry]]\nlocation = \"mirror/hub\"", "does not begin with a host"},
           {"[[registry]]\nprefix = \"a.*.example\"", "a wildcard is *.DOMAIN"},
           {"[[registry]]\nprefix = \"*\"", "a wildcard is *.DOMAIN"},
           {"[[registry]]\nprefix = \"a.b\"\n[[registry.mirror]]", "a mirror without a location"},
           {"[[registry]]\nprefix = \"a.b\"\n[[registry.mirror]]\nlocation = \"c.d\"\n"
            "pull-from-mirror = \"x\"",
            "pull-from-mirror: want"},
       }) {
    RegistriesConf conf;
    const auto added = conf.add(text, "bad.conf");
    ASSERT_FALSE(added) << text;
    EXPECT_EQ(added.error().code, Errc::kInvalid);
    EXPECT_EQ(added.error().message.find("bad.conf: "), 0u) << added.error().message;
    EXPECT_NE(added.error().message.find(wanted), std::string::npos) << added.error().message;
  }
}

TEST(RegistriesConf, FilesOfTheCallerAndDropIns) {
  std::string home = testing::TempDir() + "/registries-XXXXXX";
  ASSERT_NE(mkdtemp(home.data()), nullptr);
  const std::string own = home + "/containers/registries.conf";
  ASSERT_TRUE(os::mkdirs(own + ".d"));
  setenv("XDG_CONFIG_HOME", home.c_str(), 1);
  unsetenv("CONTAINERS_REGISTRIES_CONF");
  const auto rule = [](const std::string& to) {
    return "[[registry]]\nprefix = \"x.example\"\nlocation = \"" + to + "\"\n";
  };
  std::ofstream(own) << rule("own.example");
  EXPECT_EQ(places(*read_registries_conf(), "x.example/i:1"), "own.example/i:1");
  std::ofstream(own + ".d/10-b.conf") << rule("b.example");
  std::ofstream(own + ".d/05-a.conf") << rule("a.example");
  std::ofstream(own + ".d/README") << "not TOML";
  EXPECT_EQ(places(*read_registries_conf(), "x.example/i:1"), "b.example/i:1");
  std::ofstream(home + "/other.conf") << rule("other.example");
  setenv("CONTAINERS_REGISTRIES_CONF", (home + "/other.conf").c_str(), 1);
  ASSERT_TRUE(os::remove_tree(own + ".d"));
  EXPECT_EQ(places(*read_registries_conf(), "x.example/i:1"), "other.example/i:1");
  unsetenv("CONTAINERS_REGISTRIES_CONF");
  unsetenv("XDG_CONFIG_HOME");
}

}  // namespace
}  // namespace lichen::registry
