#include "fetch/download.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <unistd.h>

#include "fetch/http_text.h"
#include "os/file.h"
#include "registry/testing.h"

namespace lichen::fetch {
namespace {

using registry::FakeAnswer;
using registry::FakeRequest;
using registry::FakeServer;

class DownloadTest : public ::testing::Test {
 protected:
  void SetUp() override {
    std::string pattern = ::testing::TempDir() + "download_test.XXXXXX";
    ASSERT_NE(::mkdtemp(pattern.data()), nullptr);
    directory_ = pattern;
  }
  void TearDown() override { (void)os::remove_tree(directory_); }
  Downloader downloader() const { return Downloader({.directory = directory_ + "/d"}); }

  std::string directory_;
};

TEST_F(DownloadTest, IsNotFetchedAgainWhileUnchanged) {
  std::string bytes = "first", etag = "\"1\"";
  FakeServer server([&](const FakeRequest& request) {
    if (request.header("if-none-match") == etag) return FakeAnswer{.status = 304};
    return FakeAnswer{.headers = {"ETag: " + etag, "Last-Modified: Tue, 14 Nov 2023 22:13:20 GMT"},
                      .body = bytes};
  });
  Downloader downloads = downloader();
  const DownloadRequest request{.url = server.url() + "/dir/a%20b.txt?x=1", .want_bytes = false};
  {
    const auto got = downloads.get(request);
    ASSERT_TRUE(got) << to_text(got.error());
    EXPECT_EQ(*os::read_file(got->bytes.path()), "first");
    EXPECT_EQ(got->digest, sha256("first"));
    EXPECT_EQ(got->name, "a b.txt");
    EXPECT_EQ(got->modified, 1'700'000'000);
  }
  const auto again = downloads.get(request);
  ASSERT_TRUE(again);
  EXPECT_FALSE(again->bytes.valid());
  EXPECT_EQ(again->digest, sha256("first"));
  EXPECT_EQ(again->modified, 1'700'000'000);
  EXPECT_EQ(server.log().back(), "HEAD /dir/a%20b.txt?x=1");
  bytes = "second", etag = "\"2\"";
  const auto changed = downloads.get(request);
  ASSERT_TRUE(changed);
  EXPECT_EQ(changed->digest, sha256("second"));
}

TEST_F(DownloadTest, FailsWhole) {
  FakeServer server([](const FakeRequest& request) {
    if (request.target == "/short")
      return FakeAnswer{.body = "abc", .content_length = 10, .close = true};
    if (request.target == "/there") return FakeAnswer{.body = "abc"};
    return FakeAnswer{.status = request.target == "/denied" ? 403 : 404};
  });
  Downloader downloads = downloader();
  const auto error = [&](const std::string& target, const Digest& checksum = {}) {
    const auto got = downloads.get(
        {.url = "http://user:secret@" + server.domain() + target, .checksum = checksum});
    EXPECT_FALSE(got) << target;
    EXPECT_EQ(to_text(got.error()).find("secret"), std::string::npos);
    return got ? Errc::kInternal : got.error().code;
  };
  EXPECT_EQ(error("/missing"), Errc::kNotFound);
  EXPECT_EQ(error("/denied"), Errc::kDenied);
  EXPECT_EQ(error("/there", sha256("x")), Errc::kCorrupt);
  EXPECT_NE(error("/short"), Errc::kInternal);
  EXPECT_EQ(server.requests()[0].header("authorization"), "Basic dXNlcjpzZWNyZXQ=");
  EXPECT_TRUE(downloads.get({.url = server.url() + "/there", .checksum = sha256("abc")}));
  // Nothing is left but locks and records.
  const auto left = os::open(directory_ + "/d", O_RDONLY | O_DIRECTORY);
  ASSERT_TRUE(left);
  const auto entries = os::read_directory(*left);
  ASSERT_TRUE(entries);
  for (const os::DirectoryEntry& entry : *entries)
    EXPECT_EQ(entry.name.find("tmp."), std::string::npos) << entry.name;
}

TEST(HttpText, ReadsHeaders) {
  EXPECT_EQ(disposition_name("attachment; filename=\"../../etc/passwd\""), "passwd");
  EXPECT_EQ(disposition_name("attachment; filename=x; filename*=UTF-8''%e2%82%ac.txt"), "€.txt");
  EXPECT_EQ(basic_authorization("token"), "Basic dG9rZW46");
}

}  // namespace
}  // namespace lichen::fetch
