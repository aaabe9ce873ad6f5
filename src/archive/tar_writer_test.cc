#include "archive/tar_writer.h"

#include <random>

#include "archive/pax.h"
#include "archive/testing.h"

namespace lichen::archive {
namespace {

using namespace testing;

std::string must_tar(const std::vector<Item>& items) {
  Result<std::string> bytes = to_tar(items);
  EXPECT_TRUE(bytes.has_value()) << to_text(bytes.error());
  return bytes.value_or("");
}

TEST(TarWriter, PlainEntryIsOneUstarHeader) {
  const std::string bytes = must_tar({{{.path = "a/b", .mode = 0644, .size = 3}, "xyz"}});
  ASSERT_EQ(bytes.size(), 512U + 512 + 1024);
  EXPECT_EQ(bytes.substr(0, 4), std::string("a/b\0", 4));
  EXPECT_EQ(bytes.substr(257, 8), std::string("ustar\00000", 8));
  EXPECT_EQ(bytes.substr(265, 64), std::string(64, '\0'));  // user and group name
  EXPECT_EQ(bytes.substr(512, 3), "xyz");
}

TEST(TarWriter, DirectoriesEndInSlash) {
  EXPECT_EQ(must_tar({{{.path = "d", .type = EntryType::kDirectory}, ""}}).substr(0, 3),
            std::string("d/\0", 3));
  EXPECT_EQ(must_tar({{{.path = "", .type = EntryType::kDirectory}, ""}}).substr(0, 3),
            std::string("./\0", 3));
}

TEST(TarWriter, UsesPaxOnlyWhereUstarDoesNotDo) {
  const std::string long_part(90, 'x');
  const struct {
    Entry entry;
    bool pax;
  } rows[] = {
      {{.path = std::string(100, 'x')}, false},
      {{.path = std::string(101, 'x')}, true},
      {{.path = long_part + "/" + long_part}, false},
      {{.path = "a/" + long_part + "/" + long_part + "/" + long_part}, true},
      {{.path = std::string(155, 'p') + "/" + std::string(100, 'n')}, false},
      {{.path = std::string(156, 'p') + "/" + std::string(100, 'n')}, true},
      {{.path = "d/" + std::string(98, 'x'), .type = EntryType::kDirectory}, false},
      {{.path = std::string(100, 'x'), .type = EntryType::kDirectory}, true},
      {{.path = "gr\xc3\xbc\xc3\x9f"}, true},
      {{.path = "a", .uid = 2097151}, false},
      {{.path = "a", .uid = 2097152}, true},
      {{.path = "a", .gid = 4294967294}, true},
      {{.path = "a", .mtime_s = -1}, true},
      {{.path = "a", .mtime_s = 8589934591}, false},
      {{.path = "a", .mtime_s = 8589934592}, true},
      {{.path = "a", .mtime_ns = 5}, false},
      {{.path = "a", .xattrs = {{"user.a", "b"}}}, true},
      {{.path = "a", .type = EntryType::kSymlink, .link = std::string(100, 'l')}, false},
      {{.path = "a", .type = EntryType::kSymlink, .link = std::string(101, 'l')}, true},
  };
  for (const auto& row : rows) {
    const std::string bytes = must_tar({{row.entry, ""}});
    EXPECT_EQ(bytes[156] == 'x', row.pax) << row.entry.path << " " << row.entry.link;
    Entry want = row.entry;
    want.mtime_ns = 0;
    const Result<std::vector<Item>> items = from_tar(bytes);
    ASSERT_TRUE(items.has_value()) << to_text(items.error());
    ASSERT_EQ(items->size(), 1U);
    EXPECT_EQ(items->front().entry, want) << row.entry.path;
  }
}

TEST(TarWriter, RecordsAreSorted) {
  const std::string bytes = must_tar({{{.path = "\xc3\xa9",
                                        .uid = 1ULL << 40,
                                        .mtime_s = -5,
                                        .xattrs = {{"user.b", "2"}, {"user.a", "1"}}},
                                       ""}});
  EXPECT_EQ(bytes.substr(512, 106),
            "25 SCHILY.xattr.user.a=1\n25 SCHILY.xattr.user.b=2\n12 mtime=-5\n11 path=\xc3\xa9\n"
            "21 uid=1099511627776\n" +
                std::string(106 - 94, '\0'));
}

TEST(TarWriter, SizeBeyondOctalIsARecord) {
  StringSink sink;
  TarWriter tar(sink);
  ASSERT_TRUE(tar.add({.path = "big", .size = 1ULL << 33}).has_value());
  EXPECT_NE(sink.bytes().find("19 size=8589934592\n"), std::string::npos);
}

TEST(TarWriter, RefusesWhatReadersWould) {
  const struct {
    Entry entry;
    Errc code;
  } rows[] = {
      {{.path = "/abs"}, Errc::kInvalid},
      {{.path = "a/../b"}, Errc::kInvalid},
      {{.path = "a/"}, Errc::kInvalid},
      {{.path = ""}, Errc::kInvalid},
      {{.path = std::string("a\0b", 3)}, Errc::kInvalid},
      {{.path = std::string(4096, 'x')}, Errc::kInvalid},
      {{.path = "a", .mode = 0100644}, Errc::kInvalid},
      {{.path = "a", .type = EntryType::kSymlink}, Errc::kInvalid},
      {{.path = "a", .link = "b"}, Errc::kInvalid},
      {{.path = "a", .type = EntryType::kHardlink, .link = "../b"}, Errc::kInvalid},
      {{.path = "a", .type = EntryType::kCharDevice, .dev_major = 4096}, Errc::kInvalid},
      {{.path = "a", .size = 1ULL << 63}, Errc::kInvalid},
      {{.path = "a", .xattrs = {{"", "x"}}}, Errc::kInvalid},
      {{.path = "a", .xattrs = {{"user.a=b", "x"}}}, Errc::kUnsupported},
      {{.path = "a", .xattrs = {{"user.a", std::string(2 << 20, 'x')}}}, Errc::kInvalid},
  };
  for (const auto& row : rows) {
    const Result<std::string> bytes = to_tar({{row.entry, ""}});
    ASSERT_FALSE(bytes.has_value()) << row.entry.path;
    EXPECT_EQ(bytes.error().code, row.code) << to_text(bytes.error());
  }
}

TEST(TarWriter, ContentMustMatchSize) {
  StringSink sink;
  TarWriter tar(sink);
  ASSERT_TRUE(tar.add({.path = "file", .size = 3}).has_value());
  EXPECT_FALSE(tar.write("1234").has_value());
  ASSERT_TRUE(tar.write("12").has_value());
  const Result<void> next = tar.add({.path = "next"});
  ASSERT_FALSE(next.has_value());
  EXPECT_EQ(to_text(next.error()), "tar entry file: 1 bytes of content are missing");
  EXPECT_FALSE(tar.finish().has_value());
  ASSERT_TRUE(tar.write("3").has_value());
  EXPECT_TRUE(tar.finish().has_value());
}

// Entries with every trait that the writer treats in its own way, from a seeded generator.
class Random {
 public:
  explicit Random(unsigned seed) : engine_(seed) {}

  std::uint64_t below(std::uint64_t limit) { return engine_() % limit; }
  std::string bytes(std::size_t size) {
    std::string text(size, '\0');
    for (char& c : text) c = static_cast<char>(below(256));
    return text;
  }
  std::string path() {
    std::string path;
    for (std::uint64_t parts = 1 + below(6); parts > 0; --parts) {
      if (!path.empty()) path += '/';
      std::string part = bytes(1 + below(below(4) == 0 ? 200 : 12));
      const bool plain = below(3) != 0;
      for (char& c : part) {
        if (plain) c = static_cast<char>('a' + (c & 15));
        if (c == '\0' || c == '/' || c == '.') c = '_';
      }
      path += part;
    }
    return path;
  }
  Item item() {
    Entry entry{.path = path(),
                .type = static_cast<EntryType>(below(7)),
                .mode = static_cast<unsigned>(below(010000)),
                .uid = engine_() >> (1 + below(63)),
                .gid = engine_() >> (1 + below(63)),
                .mtime_s = static_cast<std::int64_t>(engine_() >> (1 + below(60)))};
    if (below(4) == 0) entry.mtime_s = -entry.mtime_s;
    if (entry.type == EntryType::kHardlink) entry.link = path();
    if (entry.type == EntryType::kSymlink) entry.link = "../" + path();
    if (entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice) {
      entry.dev_major = static_cast<unsigned>(below(1 << 12));
      entry.dev_minor = static_cast<unsigned>(below(1 << 20));
    }
    for (std::uint64_t count = below(3); count > 0; --count)
      entry.xattrs["user." + std::to_string(below(1000))] = bytes(below(70));
    std::string content;
    if (entry.type == EntryType::kFile) content = bytes(below(below(8) == 0 ? 200'000 : 2000));
    entry.size = content.size();
    return {entry, content};
  }

 private:
  std::mt19937_64 engine_;
};

TEST(TarWriter, WhatIsWrittenIsRead) {
  for (unsigned seed = 0; seed < 40; ++seed) {
    Random random(seed);
    std::vector<Item> items(1 + random.below(20));
    for (Item& item : items) item = random.item();
    const std::string bytes = must_tar(items);
    EXPECT_EQ(bytes, must_tar(items));
    const Result<std::vector<Item>> read = from_tar(bytes);
    ASSERT_TRUE(read.has_value()) << "seed " << seed << ": " << to_text(read.error());
    EXPECT_TRUE(*read == items) << "seed " << seed;
  }
}

std::vector<Item> sample() {
  return {
      {{.path = "", .type = EntryType::kDirectory, .mode = 0755}, ""},
      {{.path = "dir", .type = EntryType::kDirectory, .mode = 01777}, ""},
      {{.path = "dir/file", .mode = 0644, .uid = 1000, .size = 5, .mtime_s = 86400}, "hello"},
      {{.path = "dir/\xc3\xa9", .mode = 0600, .uid = 4000000, .size = 1, .mtime_s = 1}, "x"},
      {{.path = "dir/" + std::string(150, 'n'), .mode = 0600, .mtime_s = 2}, ""},
      {{.path = "dir/hard", .type = EntryType::kHardlink, .mode = 0644, .link = "dir/file"}, ""},
      {{.path = "dir/soft", .type = EntryType::kSymlink, .mode = 0777, .link = "../x"}, ""},
      {{.path = "null",
        .type = EntryType::kCharDevice,
        .mode = 0666,
        .dev_major = 1,
        .dev_minor = 3},
       ""},
      {{.path = "pipe", .type = EntryType::kFifo, .mode = 0600}, ""}};
}

TEST(TarWriter, GnuTarReadsIt) {
  if (!has_program("tar")) GTEST_SKIP() << "no tar program";
  const std::string dir = temp_dir();
  write_file(dir + "/a.tar", must_tar(sample()));
  std::string listing;
  ASSERT_EQ(shell(dir,
                  "LC_ALL=C TZ=UTC tar --numeric-owner --quoting-style=literal -tvf a.tar | "
                  "tr -s ' '",
                  &listing),
            0)
      << listing;
  EXPECT_EQ(listing,
            "drwxr-xr-x 0/0 0 1970-01-01 00:00 ./\n"
            "drwxrwxrwt 0/0 0 1970-01-01 00:00 dir/\n"
            "-rw-r--r-- 1000/0 5 1970-01-02 00:00 dir/file\n"
            "-rw------- 4000000/0 1 1970-01-01 00:00 dir/\xc3\xa9\n"
            "-rw------- 0/0 0 1970-01-01 00:00 dir/" +
                std::string(150, 'n') +
                "\nhrw-r--r-- 0/0 0 1970-01-01 00:00 dir/hard link to dir/file\n"
                "lrwxrwxrwx 0/0 0 1970-01-01 00:00 dir/soft -> ../x\n"
                "crw-rw-rw- 0/0 1,3 1970-01-01 00:00 null\n"
                "prw------- 0/0 0 1970-01-01 00:00 pipe\n");
}

TEST(TarWriter, PythonReadsIt) {
  if (!has_program("python3")) GTEST_SKIP() << "no python3 program";
  const std::string dir = temp_dir();
  std::vector<Item> items = sample();
  items[2].entry.xattrs["user.k"] = "v";
  write_file(dir + "/a.tar", must_tar(items));
  std::string output;
  ASSERT_EQ(shell(dir,
                  "python3 -S -c \"import tarfile; t = tarfile.open('a.tar'); m = t.getmembers();"
                  "print(len(m), m[2].pax_headers, t.extractfile(m[2]).read(), m[3].uid, m[6]"
                  ".linkname, m[7].devminor, len(m[4].name))\"",
                  &output),
            0)
      << output;
  EXPECT_EQ(output, "9 {'SCHILY.xattr.user.k': 'v'} b'hello' 4000000 ../x 3 154\n");
}

}  // namespace
}  // namespace lichen::archive
