#include "transfer/place.h"

#include <gtest/gtest.h>

namespace lichen::transfer {
namespace {

TEST(Place, Parses) {
  const struct {
    std::string text;
    Place want;
  } rows[] = {
      {"app", {Transport::kStore, "", "app"}},
      {"store:app:1", {Transport::kStore, "", "app:1"}},
      {"127.0.0.1:5000/app", {Transport::kStore, "", "127.0.0.1:5000/app"}},
      {"docker://debian", {Transport::kRegistry, "", "docker.io/library/debian:latest"}},
      {"oci:dir", {Transport::kOciDirectory, "dir", ""}},
      {"oci:dir:app:1", {Transport::kOciDirectory, "dir", "app:1"}},
      {"oci:/a/b@sha256:12", {Transport::kOciDirectory, "/a/b", "sha256:12"}},
      {"oci-archive:x.tar:1", {Transport::kOciArchive, "x.tar", "1"}},
      {"docker-archive:-", {Transport::kDockerArchive, "-", ""}},
      {"docker-archive:x.tar:app",
       {Transport::kDockerArchive, "x.tar", "docker.io/library/app:latest"}},
      {"dir:/a:b", {Transport::kDirectory, "/a:b", ""}},
  };
  for (const auto& row : rows) {
    const auto place = parse_place(row.text);
    ASSERT_TRUE(place) << row.text << ": " << to_text(place.error());
    EXPECT_EQ(*place, row.want) << row.text;
    EXPECT_EQ(*parse_place(to_text(*place)), row.want) << to_text(*place);
  }
}

TEST(Place, RefusesWhatNamesNothing) {
  for (const char* text : {"", "oci:", "oci::1", "oci:dir:", "dir:", "docker://", "docker://A/b",
                           "docker-archive:x:A", "docker-daemon:x", "containers-storage:x"})
    EXPECT_FALSE(parse_place(text)) << text;
  EXPECT_EQ(parse_place("docker-daemon:x").error().code, Errc::kUnsupported);
}

}  // namespace
}  // namespace lichen::transfer
