#include <gtest/gtest.h>
#include <sys/stat.h>

#include "owners/record.h"

namespace lichen::owners {
namespace {

using Kind = Change::Kind;

const Sidecar kAll{
    {Kind::kRemove, "gone", {}},
    {Kind::kOpaque, "var/cache", {}},
    {Kind::kSet, "", {.uid = 1000, .gid = 1000}},
    {Kind::kSet, "dev/null", {.type = S_IFCHR, .dev_major = 1, .dev_minor = 3}},
    {Kind::kSet,
     "dev/sd\xff",
     {.uid = 0xfffffffe, .gid = 127, .type = S_IFBLK, .dev_major = 0xfff, .dev_minor = 0xfffff}},
    {Kind::kSet, "plain", Record{}},
};

// As tier bare has them.
const std::string kCapability("\x01\0\0\x02\x00\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
const Sidecar kModes{
    {Kind::kSet, "", {.mode = 0}},
    {Kind::kSet, "bin/ping", {.mode = 0755, .capability = kCapability}},
    {Kind::kSet, "dev/null", {.type = S_IFCHR, .dev_major = 1, .dev_minor = 3, .mode = 07777}},
    {Kind::kRemove, "gone", {}},
    {Kind::kSet, "mail", {.gid = 8}},
};

TEST(Sidecar, RoundTrips) {
  for (const Sidecar& sidecar : {Sidecar{}, kAll, kModes}) {
    const Result<Sidecar> again = parse_sidecar(to_bytes(sidecar));
    ASSERT_TRUE(again) << to_text(again.error());
    EXPECT_EQ(*again, sidecar);
  }
}

TEST(Sidecar, BytesAreStable) {
  EXPECT_EQ(to_bytes({{Kind::kSet, "a", {.uid = 300, .gid = 1}}, {Kind::kRemove, "b", {}}}),
            "lichen-owners 1\ns\x01"
            "a\xac\x02\x01-r\x01"
            "be");
  EXPECT_EQ(to_bytes({{Kind::kSet, "a", {.mode = 04755}}, {Kind::kSet, "b", {.uid = 1}}}),
            std::string_view("lichen-owners 2\ns\x01"
                             "a\0\0-\xee\x13\0s\x01"
                             "b\x01\0-\0\0e",
                             34));
}

TEST(Sidecar, EveryTruncationIsCorrupt) {
  for (const Sidecar& all : {kAll, kModes}) {
    const std::string bytes = to_bytes(all);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
      const Result<Sidecar> sidecar = parse_sidecar(std::string_view(bytes).substr(0, size));
      ASSERT_FALSE(sidecar) << size;
      EXPECT_EQ(sidecar.error().code, Errc::kCorrupt);
    }
  }
}

TEST(Sidecar, RejectsHostileBytes) {
  using namespace std::string_view_literals;
  const std::string_view rows[] = {
      "lichen-owners 3\ne"sv,  // version
      "lichen-owners 2\ne"sv,  // without need
      "lichen-owners 2\ns\x01"
      "a\x01\x00-\x00\x00"
      "e"sv,  // without need
      "lichen-owners 2\ns\x01"
      "a\x00\x00-\x81\x20\x00"
      "e"sv,  // mode of 13 bits
      "lichen-owners 2\ns\x01"
      "a\x00\x00-\x01\x03"
      "abce"sv,  // capability of 3 bytes
      "lichen-owners 2\ns\x01"
      "a\x00\x00-\x01\x14"
      "abce"sv,                 // capability that is cut short
      "lichen-owners 1\nee"sv,  // after the end
      "lichen-owners 1\nx\x01"
      "ae"sv,  // kind
      "lichen-owners 1\nr\xff\xff\xff\xff\x0f"
      "ae"sv,                                              // path of 4 GiB
      "lichen-owners 1\nr\xff\xff\xff\xff\xff\xff\xff"sv,  // number without end
      "lichen-owners 1\nr\x81\x00"
      "ae"sv,  // 1, longer than needed
      "lichen-owners 1\ns\x01"
      "a\xff\xff\xff\xff\x1f\x00-e"sv,  // uid of 33 bits
      "lichen-owners 1\nr\x02/ae"sv,    // absolute
      "lichen-owners 1\nr\x02"
      "a/e"sv,  // ends in a slash
      "lichen-owners 1\nr\x04"
      "a//be"sv,                      // empty name
      "lichen-owners 1\nr\x02..e"sv,  // climbs
      "lichen-owners 1\nr\x04"
      "a/..e"sv,  // climbs
      "lichen-owners 1\nr\x03"
      "a/.e"sv,  // dot
      "lichen-owners 1\nr\x03"
      "a\x00"
      "be"sv,  // NUL
      "lichen-owners 1\ns\x01"
      "a\x00\x00pe"sv,  // type
  };
  for (const std::string_view bytes : rows) {
    EXPECT_FALSE(parse_sidecar(bytes)) << testing::PrintToString(bytes);
  }
}

// Whatever a flipped byte makes of a sidecar is either refused or means exactly its bytes.
TEST(Sidecar, EveryFlippedByteIsRefusedOrCanonical) {
  for (const std::string& good : {to_bytes(kAll), to_bytes(kModes)}) {
    for (std::size_t at = 0; at < good.size(); ++at) {
      for (int value = 0; value < 256; ++value) {
        std::string bytes = good;
        bytes[at] = static_cast<char>(value);
        const Result<Sidecar> sidecar = parse_sidecar(bytes);
        if (sidecar) {
          ASSERT_EQ(to_bytes(*sidecar), bytes) << at << " " << value;
        }
      }
    }
  }
}

}  // namespace
}  // namespace lichen::owners
