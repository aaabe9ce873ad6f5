// Whatever the bytes are, the reader answers: never a crash, a hang or a large allocation.
#include <cstring>
#include <random>

#include "archive/pax.h"
#include "archive/testing.h"

namespace lichen::archive {
namespace {

using namespace testing;

// One entry of every kind of header, small enough to break it at every byte.
std::string small_archive() {
  Block old_sparse = header('S', "old", 4);
  put_octal(old_sparse, {386, 12}, 2);
  put_octal(old_sparse, {398, 12}, 4);
  put_octal(old_sparse, field::kSparseRealSize, 10);
  put_checksum(old_sparse);
  Block link = header('1', "hard");
  put_text(link, field::kLink, "target");
  put_checksum(link);
  return extended('g', "9 uid=17\n") +
         extended('x', to_pax({{"path", "a/b"}, {"mtime", "1.5"}, {"SCHILY.xattr.user.a", "v"}})) +
         text_of(header('0', "x", 5)) + padded("12345") + extended('L', "long\0") +
         text_of(header('5', "y")) + text_of(link) + text_of(old_sparse) + padded("data") +
         extended('x', to_pax({{"GNU.sparse.major", "1"},
                               {"GNU.sparse.minor", "0"},
                               {"GNU.sparse.realsize", "9"},
                               {"GNU.sparse.name", "new"}})) +
         text_of(header('0', "z", 512 + 3)) + padded("1\n5\n3\n") + padded("abc") +
         std::string(1024, '\0');
}

void fix_checksums(std::string& bytes) {
  for (std::size_t at = 0; at + kBlockBytes <= bytes.size(); at += kBlockBytes) {
    Block block;
    std::memcpy(block.data(), bytes.data() + at, block.size());
    if (std::memcmp(block.data() + 257, "ustar", 5) != 0) continue;
    put_checksum(block);
    std::memcpy(bytes.data() + at, block.data(), block.size());
  }
}

TEST(TarHostile, TheArchiveIsGoodBeforeItIsBroken) {
  const Result<std::vector<Item>> items = from_tar(small_archive());
  ASSERT_TRUE(items.has_value()) << to_text(items.error());
  ASSERT_EQ(items->size(), 5U);
  EXPECT_EQ(items->at(3).content, std::string("\0\0data\0\0\0\0", 10));
  EXPECT_EQ(items->at(4).content, std::string("\0\0\0\0\0abc\0", 9));
}

TEST(TarHostile, TruncatedAtEveryByte) {
  const std::string bytes = small_archive();
  const std::size_t complete = bytes.size() - 1024;
  for (std::size_t size = 0; size < bytes.size(); ++size) {
    const Result<std::vector<Item>> items = from_tar(std::string_view(bytes).substr(0, size), 4096);
    if (size % kBlockBytes != 0) {
      ASSERT_FALSE(items.has_value()) << size;
    }
    if (size < complete && items) {
      ASSERT_LT(items->size(), 5U) << size;
    }
    if (!items) {
      ASSERT_EQ(items.error().code, Errc::kCorrupt) << size << to_text(items.error());
    }
  }
}

TEST(TarHostile, EveryByteChanged) {
  const std::string good = small_archive();
  for (std::size_t at = 0; at < good.size(); ++at) {
    for (const int change : {0x01, 0x80, 0xff}) {
      std::string bytes = good;
      bytes[at] = static_cast<char>(bytes[at] ^ change);
      // With a right checksum the change reaches the parser.
      fix_checksums(bytes);
      const Result<std::vector<Item>> items = from_tar(bytes, 1 << 16);
      if (items) {
        for (const Item& item : *items) ASSERT_EQ(item.content.size(), item.entry.size);
      } else {
        ASSERT_NE(items.error().code, Errc::kInternal) << to_text(items.error());
      }
    }
  }
}

TEST(TarHostile, RandomDamage) {
  std::mt19937 random(7);
  const std::string good = small_archive();
  for (int round = 0; round < 4000; ++round) {
    std::string bytes = good;
    for (unsigned changes = 1 + random() % 8; changes > 0; --changes)
      bytes[random() % bytes.size()] = "\0 017=\n\xff/.xgLKS"[random() % 15];
    fix_checksums(bytes);
    const Result<std::vector<Item>> items = from_tar(bytes, 1 << 16);
    if (!items) {
      ASSERT_NE(items.error().code, Errc::kInternal) << to_text(items.error());
    }
  }
}

}  // namespace
}  // namespace lichen::archive
