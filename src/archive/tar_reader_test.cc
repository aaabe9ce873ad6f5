#include "archive/tar_reader.h"

#include <cstring>

#include "archive/pax.h"
#include "archive/sparse.h"
#include "archive/testing.h"

namespace lichen::archive {
namespace {

using namespace testing;

const std::string kEnd(1024, '\0');

std::vector<Item> must_read(const std::string& bytes) {
  Result<std::vector<Item>> items = from_tar(bytes);
  EXPECT_TRUE(items.has_value()) << to_text(items.error());
  return items.value_or(std::vector<Item>{});
}

Error error_of(const std::string& bytes) {
  const Result<std::vector<Item>> items = from_tar(bytes);
  EXPECT_FALSE(items.has_value());
  return items ? Error{} : items.error();
}

TEST(ParsePath, NormalisesAndRefuses) {
  const struct {
    const char* raw;
    const char* want;  // null: kCorrupt
  } rows[] = {
      {"a/b", "a/b"},      {"./a", "a"},      {"/a", "a"},
      {"a/", "a"},         {".", ""},         {"", ""},
      {"/", ""},           {"./", ""},        {"a//b/./c", "a/b/c"},
      {"..a", "..a"},      {"a/..", nullptr}, {"../a", nullptr},
      {"a/../b", nullptr}, {"..", nullptr},   {"/..", nullptr},
  };
  for (const auto& row : rows) {
    const Result<std::string> path = parse_path(row.raw);
    ASSERT_EQ(path.has_value(), row.want != nullptr) << row.raw;
    if (path) {
      EXPECT_EQ(*path, row.want) << row.raw;
    }
    if (!path) {
      EXPECT_EQ(path.error().code, Errc::kCorrupt);
    }
  }
  EXPECT_TRUE(parse_path(std::string(4096, 'x')).has_value());
  EXPECT_FALSE(parse_path(std::string(4097, 'x')).has_value());
  EXPECT_FALSE(parse_path(std::string_view("a\0b", 3)).has_value());
}

TEST(ParseNumber, OctalAndBase256) {
  const struct {
    std::string_view bytes;
    std::int64_t want;
  } good[] = {
      {"0000644", 0644},
      {" 644 \0", 0644},
      {std::string_view("\0\0\0\0", 4), 0},
      {"        ", 0},
      {"77777777777", 077777777777},
      {std::string_view("12\0"
                        "9",
                        4),
       012},
      {std::string_view("\x80\0\0\0\0\0\1\2", 8), 258},
      {"\xff\xff\xff\xff\xff\xff\xff\xff", -1},
      {std::string_view("\xff\xff\xff\xff\xff\xff\xff\0", 8), -256},
      {std::string_view("\x80\0\0\0\x7f\xff\xff\xff\xff\xff\xff\xff", 12), INT64_MAX},
      {std::string_view("\xff\xff\xff\xff\x80\0\0\0\0\0\0\0", 12), INT64_MIN},
  };
  for (const auto& row : good) {
    const Result<std::int64_t> value = parse_number(row.bytes);
    ASSERT_TRUE(value.has_value()) << row.bytes;
    EXPECT_EQ(*value, row.want) << row.bytes;
  }
  for (const std::string_view bad :
       {std::string_view("9"), std::string_view("12x"), std::string_view("-1"),
        std::string_view("\x80\0\0\0\x80\0\0\0\0\0\0\0", 12),
        std::string_view("\xff\xff\xff\xff\x7f\xff\xff\xff\xff\xff\xff\xff", 12),
        std::string_view("7777777777777777777777")})
    EXPECT_FALSE(parse_number(bad).has_value()) << bad;
}

TEST(ParsePax, RecordsAndTimes) {
  const Result<PaxRecords> good = parse_pax("9 path=\n\n6 k==\n5 e=\n");
  ASSERT_TRUE(good.has_value()) << to_text(good.error());
  EXPECT_EQ(*good, (PaxRecords{{"path", "\n"}, {"k", "="}, {"e", ""}}));
  for (const char* bad : {"path=a\n", "5 a=b\n", "99 a=b\n", "6 a=bX", "3 \n", "-6 a=b\n", "5 =b\n",
                          "999999999999999999999 a=b\n", "0 ", "1 "})
    EXPECT_FALSE(parse_pax(bad).has_value()) << bad;
  // Around the lengths where the number of digits changes.
  for (std::size_t size = 0; size < 1200; ++size) {
    const std::string value(size, 'v');
    const Result<PaxRecords> back = parse_pax(to_pax({{"key", value}}));
    ASSERT_TRUE(back.has_value()) << size;
    ASSERT_EQ(back->front().second, value);
  }

  const struct {
    const char* text;
    std::int64_t seconds;
    std::uint32_t nanoseconds;
  } times[] = {{"0", 0, 0},
               {"12.5", 12, 500'000'000},
               {"12.", 12, 0},
               {"1.0000000019", 1, 1},
               {"-12.5", -13, 500'000'000},
               {"-3", -3, 0}};
  for (const auto& row : times) {
    const Result<PaxTime> time = parse_pax_time(row.text);
    ASSERT_TRUE(time.has_value()) << row.text;
    EXPECT_EQ(time->seconds, row.seconds) << row.text;
    EXPECT_EQ(time->nanoseconds, row.nanoseconds) << row.text;
  }
  for (const char* bad : {"", ".5", "x", "1.5x", "--1", "99999999999999999999"})
    EXPECT_FALSE(parse_pax_time(bad).has_value()) << bad;
}

TEST(TarReader, EmptyArchives) {
  for (const std::string& bytes : {std::string(), std::string(512, '\0'), kEnd, kEnd + kEnd})
    EXPECT_TRUE(must_read(bytes).empty());
}

TEST(TarReader, EndWithoutZeroBlocksIsTolerated) {
  EXPECT_EQ(must_read(text_of(header('0', "a"))).size(), 1U);
}

TEST(TarReader, V7DirectoryByName) {
  Block block = header('\0', "dir/");
  std::memset(block.data() + 257, 0, 8);
  put_checksum(block);
  EXPECT_EQ(must_read(text_of(block) + kEnd).at(0).entry.type, EntryType::kDirectory);
}

TEST(TarReader, OctalChecksumOfSignedChars) {
  Block block = header('0', "\xff\xff");
  std::int64_t sum = 0;
  std::memset(block.data() + 148, ' ', 8);
  for (const char c : block) sum += static_cast<signed char>(c);
  put_octal(block, {148, 7}, static_cast<std::uint64_t>(sum));
  EXPECT_EQ(must_read(text_of(block)).at(0).entry.path, "\xff\xff");
}

TEST(TarReader, LinksAndDirectoriesHaveNoContent) {
  Block link = header('1', "b", 1000);
  put_text(link, field::kLink, "./a");
  put_checksum(link);
  const std::vector<Item> items =
      must_read(text_of(link) + text_of(header('5', "c/", 700)) + text_of(header('0', "d")));
  ASSERT_EQ(items.size(), 3U);
  EXPECT_EQ(items[0].entry.link, "a");
  EXPECT_EQ(items[0].entry.size, 0U);
  EXPECT_EQ(items[1].entry.size, 0U);
}

TEST(TarReader, DumpDirectoryContentIsPassedOver) {
  const std::vector<Item> items =
      must_read(text_of(header('D', "c/", 3)) + padded("Ya\0") + text_of(header('0', "d")));
  ASSERT_EQ(items.size(), 2U);
  EXPECT_EQ(items[0].content, "");
}

TEST(TarReader, ExtendedHeaders) {
  const std::string name(300, 'n');
  const auto pax = [](char flag, const std::map<std::string, std::string>& records) {
    return extended(flag, to_pax(records));
  };
  const struct {
    std::string before;
    Entry want;
  } rows[] = {
      {extended('L', name + '\0'), {.path = name, .mode = 0644}},
      {pax('x', {{"path", "p"}}), {.path = "p", .mode = 0644}},
      {pax('x', {{"path", ""}}), {.path = "a", .mode = 0644}},
      {pax('g', {{"path", "g"}}), {.path = "g", .mode = 0644}},
      {pax('g', {{"path", "g"}}) + pax('x', {{"path", ""}}), {.path = "a", .mode = 0644}},
      {pax('g', {{"uid", "17"}}) + pax('g', {{"uid", ""}}), {.path = "a", .mode = 0644}},
      {pax('x', {{"uid", "17"}, {"gid", "18"}, {"mtime", "1.5"}}),
       {.path = "a", .mode = 0644, .uid = 17, .gid = 18, .mtime_s = 1, .mtime_ns = 500'000'000}},
      {pax('x', {{"SCHILY.xattr.user.a", ""}, {"SCHILY.xattr.user.b", "="}, {"comment", "x"}}),
       {.path = "a", .mode = 0644, .xattrs = {{"user.a", ""}, {"user.b", "="}}}},
      {extended('V', ""), {.path = "a", .mode = 0644}},
  };
  for (const auto& row : rows)
    EXPECT_EQ(must_read(row.before + text_of(header('0', "a")) + kEnd).at(0).entry, row.want)
        << row.want.path;
}

TEST(TarReader, GlobalHeadersLastAndOthersDoNot) {
  const std::vector<Item> items =
      must_read(extended('g', "9 uid=17\n") + extended('x', "9 uid=18\n") +
                text_of(header('0', "a")) + text_of(header('0', "b")) + kEnd);
  EXPECT_EQ(items.at(0).entry.uid, 18U);
  EXPECT_EQ(items.at(1).entry.uid, 17U);
}

TEST(TarReader, PaxSizeRules) {
  const std::vector<Item> items = must_read(extended('x',
                                                     "9 size=5\n"
                                                     "") +
                                            text_of(header('0', "a", 0)) + padded("12345") + kEnd);
  EXPECT_EQ(items.at(0).content, "12345");
}

TEST(TarReader, ErrorsNameTheEntryAndLast) {
  Block block = header('0', "etc/x", 100);
  StringSource source(std::string_view(block.data(), block.size()));
  TarReader tar(source);
  ASSERT_TRUE(tar.next().has_value());
  char byte;
  for (int i = 0; i < 2; ++i) {
    const Result<std::size_t> count = tar.read(&byte, 1);
    ASSERT_FALSE(count.has_value());
    EXPECT_EQ(to_text(count.error()), "tar entry etc/x: the tar archive is truncated");
    EXPECT_FALSE(tar.next().has_value());
  }
}

TEST(TarReader, Refuses) {
  Block device = header('3', "dev");
  put_octal(device, field::kDevMajor, 4096);
  put_checksum(device);
  const struct {
    std::string bytes;
    Errc code;
    const char* text;
  } rows[] = {
      {std::string(512, 'x'), Errc::kCorrupt, "checksum"},
      {text_of(header('0', "../x")), Errc::kCorrupt, "tar entry ../x: path contains"},
      {text_of(header('2', "./")), Errc::kCorrupt, "the root directory as a symbolic link"},
      {text_of(header('0', "a")) + std::string(512, 'x'), Errc::kCorrupt, "after tar entry a: bad"},
      {text_of(header('2', "link")), Errc::kCorrupt, "tar entry link: link without a target"},
      {text_of(header('M', "part")), Errc::kUnsupported, "tar entry part: unknown type \"M\""},
      {text_of(device), Errc::kCorrupt, "tar entry dev: device number"},
      {extended('x', "9 path=p\n"), Errc::kCorrupt, "ends after an extended header"},
      {text_of(header('x', "h", kMaxPaxBytes + 1)), Errc::kCorrupt, "is too long"},
      {text_of(header('L', "h", 1 << 20)), Errc::kCorrupt, "is too long"},
      {std::string(512, '\0') + text_of(header('0', "hidden")), Errc::kCorrupt, "zero block"},
      {extended('x', std::string("11 path=a\0b\n", 12)) + text_of(header('0', "a")), Errc::kCorrupt,
       "pax"},
      {extended('x', std::string("12 path=a\0b\n", 12)) + text_of(header('0', "a")), Errc::kCorrupt,
       "NUL"},
      {extended('x', "10 size=-1\n") + text_of(header('0', "a")), Errc::kCorrupt, ""},
      {extended('x', "27 size=9223372036854775808\n") + text_of(header('0', "a")), Errc::kCorrupt,
       ""},
  };
  for (const auto& row : rows) {
    const Error error = error_of(row.bytes);
    EXPECT_EQ(error.code, row.code) << to_text(error);
    EXPECT_NE(to_text(error).find(row.text), std::string::npos) << to_text(error);
  }
}

TEST(TarReader, GlobalHeadersAreBounded) {
  std::string bytes;
  for (int i = 0; i < 3; ++i) {
    const std::string key = "key" + std::to_string(i);
    bytes += extended('g', to_pax({{key, std::string(500'000, 'v')}}));
  }
  EXPECT_EQ(error_of(bytes).code, Errc::kCorrupt);
}

TEST(Sparse, MapsAreChecked) {
  const struct {
    SparseMap map;
    std::uint64_t stored;
    bool good;
  } rows[] = {
      {{10, {{0, 4}, {6, 4}}}, 8, true},  {{10, {}}, 0, true},
      {{10, {{10, 0}}}, 0, true},         {{10, {{0, 4}, {3, 4}}}, 8, false},
      {{10, {{6, 4}, {0, 4}}}, 8, false}, {{10, {{8, 4}}}, 4, false},
      {{10, {{0, 4}}}, 5, false},         {{INT64_MAX, {{INT64_MAX, INT64_MAX}}}, INT64_MAX, false},
  };
  for (const auto& row : rows) EXPECT_EQ(check(row.map, row.stored).has_value(), row.good);
}

TEST(Sparse, PaxFormats) {
  const std::string want =
      std::string(3, '\0') + "abc" + std::string(4, '\0') + "de" + std::string(2, '\0');
  const std::string map = padded("2\n3\n3\n10\n2\n");
  const struct {
    std::map<std::string, std::string> unordered;
    std::string ordered;
    std::string content;
  } rows[] = {
      {{{"GNU.sparse.size", "14"}, {"GNU.sparse.map", "3,3,10,2"}, {"GNU.sparse.name", "real"}},
       "",
       "abcde"},
      {{},
       "22 GNU.sparse.size=14\n26 GNU.sparse.numblocks=2\n23 GNU.sparse.offset=3\n"
       "25 GNU.sparse.numbytes=3\n24 GNU.sparse.offset=10\n25 GNU.sparse.numbytes=2\n",
       "abcde"},
      {{{"GNU.sparse.realsize", "14"},
        {"GNU.sparse.major", "1"},
        {"GNU.sparse.minor", "0"},
        {"GNU.sparse.name", "real"}},
       "",
       map + "abcde"},
  };
  for (const auto& row : rows) {
    const std::string pax = row.ordered.empty() ? to_pax(row.unordered) : row.ordered;
    const std::string bytes = extended('x', pax) + text_of(header('0', "s", row.content.size())) +
                              padded(row.content) + text_of(header('0', "after")) + kEnd;
    const std::vector<Item> items = must_read(bytes);
    ASSERT_EQ(items.size(), 2U);
    EXPECT_EQ(items[0].entry.path, row.ordered.empty() ? "real" : "s");
    EXPECT_EQ(items[0].entry.size, 14U);
    EXPECT_EQ(items[0].content, want);
  }
}

TEST(TarReader, ReadsEveryFormatOfGnuTar) {
  if (!has_program("tar")) GTEST_SKIP() << "no tar program";
  const std::string dir = temp_dir();
  const std::string name(120, 'n');
  std::string output;
  ASSERT_EQ(shell(dir,
                  "mkdir -p in/d && printf hello >in/d/f && ln in/d/f in/d/h && ln -s f in/d/s && "
                  "touch in/d/" +
                      name + " && mkfifo in/p",
                  &output),
            0)
      << output;
  {
    // 40 islands of data: more extents than an old GNU header holds.
    std::ofstream file(dir + "/in/sparse", std::ios::binary);
    for (int i = 0; i < 40; ++i) file.seekp(i * 70'000) << "data" << i;
  }
  ASSERT_EQ(truncate((dir + "/in/sparse").c_str(), 3'000'000), 0);
  const std::string sparse = read_file(dir + "/in/sparse");
  ASSERT_EQ(sparse.size(), 3'000'000U);
  for (const char* options :
       {"--format=v7 --exclude=nnn* --exclude=p", "--format=oldgnu", "--format=gnu",
        "--format=ustar --exclude=nnn*", "--format=posix", "--format=gnu -S", "--format=oldgnu -S",
        "--format=posix -S --sparse-version=0.0", "--format=posix -S --sparse-version=0.1",
        "--format=posix -S --sparse-version=1.0"}) {
    ASSERT_EQ(shell(dir, "tar " + std::string(options) + " -cf a.tar in", &output), 0) << output;
    const std::vector<Item> items = must_read(read_file(dir + "/a.tar"));
    std::map<std::string, Item> by_path;
    for (const Item& item : items) by_path[item.entry.path] = item;
    EXPECT_EQ(by_path["in"].entry.type, EntryType::kDirectory) << options;
    EXPECT_TRUE(by_path["in/sparse"].content == sparse) << options;
    EXPECT_EQ(by_path["in/d/s"].entry.link, "f") << options;
    EXPECT_EQ(by_path["in/d/f"].content + by_path["in/d/h"].content, "hello") << options;
    EXPECT_EQ(by_path["in/d/f"].entry.link + by_path["in/d/h"].entry.link,
              by_path["in/d/f"].content.empty() ? "in/d/h" : "in/d/f")
        << options;
    if (std::string_view(options).find("exclude") == std::string_view::npos) {
      EXPECT_EQ(by_path.count("in/d/" + name), 1U) << options;
      EXPECT_EQ(by_path["in/p"].entry.type, EntryType::kFifo) << options;
    }
  }
}

}  // namespace
}  // namespace lichen::archive
