#include "ops/listing.h"

#include <gtest/gtest.h>

namespace lichen::ops {
namespace {

std::map<std::string, std::string> list(int directories, int files, int changed = -1) {
  Listing listing;
  int number = 0;
  for (int i = 0; i < directories; ++i) {
    listing.add("d" + std::to_string(i), "040755 0:0");
    for (int j = 0; j < files; ++j, ++number)
      listing.add("d" + std::to_string(i) + "/f" + std::to_string(j),
                  number == changed ? "100644 0:0 2" : "100644 0:0 1");
  }
  return listing.finish();
}

TEST(Listing, KeepsFewFilesAsTheyAre) {
  EXPECT_EQ(list(1, 2),
            (std::map<std::string, std::string>{
                {"d0", "040755 0:0"}, {"d0/f0", "100644 0:0 1"}, {"d0/f1", "100644 0:0 1"}}));
}

TEST(Listing, FoldsTheDeepOnesOfMany) {
  const auto one = list(10, 1000), other = list(10, 1000, 4321);
  EXPECT_EQ(one.size(), 20u);
  for (const auto& [path, value] : one) EXPECT_EQ(value == other.at(path), path != "d4/…") << path;
}

TEST(Listing, IsBoundedWhateverTheShape) {
  EXPECT_EQ(list(5000, 0).size(), 1u);
  Listing deep;
  std::string path;
  for (int i = 0; i < 2000; ++i) deep.add(path += (i == 0 ? "x" : "/x"), "1 2 3");
  EXPECT_LE(deep.finish().size(), Listing::kMostEntries);
}

}  // namespace
}  // namespace lichen::ops
