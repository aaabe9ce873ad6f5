#include "registry/client.h"

#include <gtest/gtest.h>

#include <atomic>
#include <chrono>

#include "registry/client_fixture.h"

namespace lichen::registry {
namespace {

using Clock = std::chrono::steady_clock;

TEST(Resolve, HeadTellsAll) {
  FakeServer server([](const FakeRequest&) { return index_answer(); });
  const auto found = make_client()->resolve(image(server));
  ASSERT_TRUE(found) << to_text(found.error());
  EXPECT_EQ(found->digest, sha256(kIndex));
  EXPECT_EQ(found->size, kIndex.size());
  EXPECT_EQ(found->media_type, oci::kIndexType);
  EXPECT_EQ(server.log(), std::vector<std::string>{"HEAD /v2/app/manifests/1"});
  EXPECT_NE(server.requests().back().header("accept").find(oci::kDockerIndexType),
            std::string::npos);
}

TEST(Resolve, FallsBackToGetWhenHeadSaysTooLittle) {
  FakeServer server([](const FakeRequest& request) {
    if (request.method == "HEAD") return FakeAnswer{.status = 405};
    return FakeAnswer{.headers = {"Content-Type: application/json"}, .body = kIndex};
  });
  const auto found = make_client()->resolve(image(server));
  ASSERT_TRUE(found) << to_text(found.error());
  EXPECT_EQ(found->digest, sha256(kIndex));
  EXPECT_EQ(found->media_type, oci::kIndexType);
}

TEST(Resolve, NotFoundNamesTheImage) {
  FakeServer server([](const FakeRequest&) { return FakeAnswer{.status = 404}; });
  const auto found = make_client()->resolve(image(server));
  EXPECT_EQ(found.error().code, Errc::kNotFound);
  EXPECT_EQ(found.error().message, "image not found: " + server.domain() + "/app:1");
}

TEST(Resolve, ADigestMustBeTheOneAskedFor) {
  FakeServer server([](const FakeRequest&) { return index_answer(); });
  const auto found =
      make_client()->resolve(image(server, "/app@" + sha256("something else").text()));
  EXPECT_EQ(found.error().code, Errc::kCorrupt);
}

TEST(FetchManifest, WrongDigestNamesBoth) {
  FakeServer server([](const FakeRequest& request) {
    FakeAnswer answer = index_answer();
    if (request.target.find("manifests/1") != std::string::npos) answer.body += " ";
    return answer;
  });
  const auto client = make_client();
  EXPECT_EQ(client->fetch_manifest(image(server), sha256(kIndex).text())->bytes, kIndex);
  const std::string other = sha256("other").text();
  for (const auto& found :
       {client->fetch_manifest(image(server), other), client->fetch_manifest(image(server))}) {
    ASSERT_FALSE(found);
    EXPECT_EQ(found.error().code, Errc::kCorrupt);
    EXPECT_NE(found.error().message.find("wrong digest"), std::string::npos);
  }
  const auto found = client->fetch_manifest(image(server), other);
  EXPECT_NE(found.error().message.find(other), std::string::npos);
  EXPECT_NE(found.error().message.find(sha256(kIndex).text()), std::string::npos);
  EXPECT_EQ(client->fetch_manifest(image(server), "../../x").error().code, Errc::kInvalid);
}

TEST(FetchManifest, EndlessAnswersAreCutOff) {
  FakeServer server([](const FakeRequest& request) {
    return FakeAnswer{.body = std::string(65536, ' '), .endless = request.target != "/v2/"};
  });
  const auto found = make_client()->fetch_manifest(image(server));
  ASSERT_FALSE(found);
  EXPECT_EQ(found.error().code, Errc::kCorrupt);
}

TEST(FetchManifest, EndlessHeadersAreCutOff) {
  FakeServer server([](const FakeRequest& request) {
    FakeAnswer answer = index_answer();
    if (request.target != "/v2/")
      for (int i = 0; i < 50; ++i)
        answer.headers.push_back("X-" + std::to_string(i) + ": " + std::string(2000, 'x'));
    return answer;
  });
  EXPECT_EQ(make_client()->fetch_manifest(image(server)).error().code, Errc::kCorrupt);
}

TEST(FetchManifest, BusyServersAreAskedAgain) {
  std::atomic<int> asked = 0;
  FakeServer server([&](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    switch (++asked) {
      case 1:
        return FakeAnswer{.status = 503};
      case 2:
        return FakeAnswer{.status = 429, .headers = {"Retry-After: 0"}};
      default:
        return index_answer();
    }
  });
  EXPECT_TRUE(make_client()->fetch_manifest(image(server)));
  EXPECT_EQ(asked, 3);
}

TEST(FetchManifest, ALongRetryAfterIsReportedAtOnce) {
  FakeServer server([&](const FakeRequest& request) {
    return FakeAnswer{.status = request.target == "/v2/" ? 200 : 429,
                      .headers = {"Retry-After: 3600"},
                      .body = R"({"errors":[{"code":"TOOMANYREQUESTS","message":"slow \u001b"}]})"};
  });
  const auto found = make_client()->fetch_manifest(image(server));
  EXPECT_EQ(found.error().code, Errc::kUnavailable);
  EXPECT_NE(found.error().message.find("TOOMANYREQUESTS: slow \\x1b"), std::string::npos)
      << found.error().message;
  EXPECT_EQ(server.log().size(), 1u);
}

TEST(Client, NobodyThereNamesTheHost) {
  std::string domain;
  oci::Reference reference;
  {
    FakeServer server([](const FakeRequest&) { return FakeAnswer{}; });
    domain = server.domain();
    reference = image(server);
  }
  const auto found = make_client()->resolve(reference);
  EXPECT_EQ(found.error().code, Errc::kUnavailable);
  EXPECT_NE(found.error().message.find(domain), std::string::npos);
  EXPECT_NE(found.error().hint, "");
}

TEST(Client, AServerThatWantsTlsIsGivenTls) {
  FakeServer server([](const FakeRequest&) {
    return FakeAnswer{.status = 400, .body = "client sent HTTP to an HTTPS server"};
  });
  const auto found = make_client()->resolve(image(server));
  EXPECT_EQ(found.error().code, Errc::kUnavailable);
  EXPECT_NE(found.error().message.find("TLS handshake failed"), std::string::npos)
      << found.error().message;
}

TEST(FetchBlob, StreamsAndVerifies) {
  const std::string bytes(3'000'000, 'b');
  FakeServer server([&](const FakeRequest&) { return FakeAnswer{.body = bytes}; });
  StringSink sink;
  const auto fetched = make_client()->fetch_blob(image(server), blob_of(bytes), sink);
  ASSERT_TRUE(fetched) << to_text(fetched.error());
  EXPECT_EQ(sink.bytes(), bytes);
}

TEST(FetchBlob, AnEmptyBlobIsFine) {
  FakeServer server([&](const FakeRequest&) { return FakeAnswer{}; });
  StringSink sink;
  EXPECT_TRUE(make_client()->fetch_blob(image(server), blob_of(""), sink));
}

TEST(FetchBlob, WrongDigest) {
  FakeServer server([&](const FakeRequest&) { return FakeAnswer{.body = "evil"}; });
  StringSink sink;
  const auto fetched = make_client()->fetch_blob(image(server), blob_of("good"), sink);
  EXPECT_EQ(fetched.error().code, Errc::kCorrupt);
  EXPECT_NE(fetched.error().message.find("wrong digest"), std::string::npos);
  EXPECT_EQ(server.log().size(), 1u);
}

TEST(FetchBlob, NeverPassesMoreThanTheSize) {
  for (const bool endless : {false, true}) {
    FakeServer server([&](const FakeRequest& request) {
      return FakeAnswer{.body = "too long", .endless = endless && request.target != "/v2/"};
    });
    StringSink sink;
    const auto fetched = make_client()->fetch_blob(image(server), blob_of("four"), sink);
    EXPECT_EQ(fetched.error().code, Errc::kCorrupt);
    EXPECT_LE(sink.bytes().size(), 4u);
    EXPECT_EQ(server.log().size(), 1u);
  }
}

TEST(FetchBlob, AConnectionThatBreaksOftenIsFineWhileItGetsOn) {
  constexpr std::size_t kStep = 1'100'000;
  const std::string bytes(9 * kStep, 'x');
  FakeServer server([&](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    const std::string range = request.header("range");
    const std::size_t from = range.empty() ? 0 : std::stoul(range.substr(6));
    FakeAnswer answer{
        .body = bytes.substr(from, kStep), .content_length = bytes.size() - from, .close = true};
    if (from > 0) {
      answer.status = 206;
      answer.headers = {"Content-Range: bytes " + std::to_string(from) + "-"};
    }
    return answer;
  });
  StringSink sink;
  const auto fetched = make_client()->fetch_blob(image(server), blob_of(bytes), sink);
  ASSERT_TRUE(fetched) << to_text(fetched.error());
  EXPECT_EQ(sink.bytes(), bytes);
}

// A server that sends ten bytes at a time and then breaks the connection.
FakeAnswer ten_bytes(const FakeRequest& request, const std::string& bytes, bool knows_range) {
  if (request.target == "/v2/") return {};
  const std::string range = request.header("range");
  std::size_t from = 0;
  if (knows_range && starts_with(range, "bytes=")) from = std::stoul(range.substr(6));
  FakeAnswer answer{.body = bytes.substr(from, range.empty() ? 10 : std::string::npos),
                    .content_length = bytes.size() - from,
                    .close = true};
  if (from > 0) {
    answer.status = 206;
    answer.headers = {"Content-Range: bytes " + std::to_string(from) + "-" +
                      std::to_string(bytes.size() - 1) + "/" + std::to_string(bytes.size())};
  }
  return answer;
}

TEST(FetchBlob, ContinuesWhereTheConnectionBroke) {
  const std::string bytes = "0123456789abcdefghijklmnopqrstuvwxyz";
  for (const bool knows_range : {true, false}) {
    FakeServer server(
        [&](const FakeRequest& request) { return ten_bytes(request, bytes, knows_range); });
    StringSink sink;
    const auto fetched = make_client()->fetch_blob(image(server), blob_of(bytes), sink);
    ASSERT_TRUE(fetched) << to_text(fetched.error());
    EXPECT_EQ(sink.bytes(), bytes);
    EXPECT_EQ(server.requests().back().header("range"), "bytes=10-");
  }
}

TEST(FetchBlob, GivesUpAfterFiveTries) {
  FakeServer server(
      [&](const FakeRequest& request) { return FakeAnswer{.hang_up = request.target != "/v2/"}; });
  StringSink sink;
  const auto fetched = make_client()->fetch_blob(image(server), blob_of("x"), sink);
  EXPECT_EQ(fetched.error().code, Errc::kUnavailable);
  EXPECT_NE(fetched.error().message.find("127.0.0.1"), std::string::npos);
  EXPECT_GE(server.log().size(), 5u);
}

TEST(FetchBlob, AnAnswerThatIsTooShortIsCorrupt) {
  FakeServer server([&](const FakeRequest& request) {
    return FakeAnswer{.body = request.header("range").empty() ? "ab" : ""};
  });
  StringSink sink;
  const auto fetched = make_client()->fetch_blob(image(server), blob_of("abcd"), sink);
  EXPECT_EQ(fetched.error().code, Errc::kCorrupt);
}

TEST(FetchBlob, TheSinksErrorComesBackUnchanged) {
  class FullDisk final : public Sink {
    Result<void> write(std::string_view) override { return fail(Errc::kNoSpace, "full"); }
  };
  FakeServer server([&](const FakeRequest&) { return FakeAnswer{.body = "x"}; });
  FullDisk sink;
  const auto fetched = make_client()->fetch_blob(image(server), blob_of("x"), sink);
  EXPECT_EQ(fetched.error().code, Errc::kNoSpace);
  EXPECT_EQ(fetched.error().message, "full");
  EXPECT_EQ(server.log().size(), 1u);
}

TEST(FetchBlob, CancellingAStalledTransferIsQuick) {
  std::atomic<bool> cancelled = false;
  Clock::time_point when;
  ClientOptions options = quick();
  options.stall_ms = 60'000;
  options.cancelled = [&] { return cancelled.load(); };
  const auto client = make_client(options);
  oci::Descriptor blob = blob_of("x");
  blob.size = 9;
  FakeServer server([&](const FakeRequest& request) {
    if (request.target == "/v2/") return FakeAnswer{};
    return FakeAnswer{.body = "x", .content_length = 9, .stall = true};
  });
  std::thread user([&] {
    std::this_thread::sleep_for(std::chrono::milliseconds(100));
    when = Clock::now();
    cancelled = true;
  });
  StringSink sink;
  const auto fetched = client->fetch_blob(image(server), blob, sink);
  const auto took = Clock::now();
  user.join();
  EXPECT_EQ(fetched.error().code, Errc::kCancelled);
  EXPECT_LT(took - when, std::chrono::milliseconds(200));
}

TEST(FetchBlob, AStallEndsByItself) {
  FakeServer server([&](const FakeRequest& request) {
    if (request.target == "/v2/" || !request.header("range").empty())
      return FakeAnswer{.status = 403};
    return FakeAnswer{.body = "x", .content_length = 9, .stall = true};
  });
  ClientOptions options = quick();
  options.stall_ms = 200;
  oci::Descriptor blob = blob_of("x");
  blob.size = 9;
  StringSink sink;
  const auto fetched = make_client(options)->fetch_blob(image(server), blob, sink);
  EXPECT_EQ(fetched.error().code, Errc::kDenied);  // the second try, with a Range, was refused
}

TEST(Client, ManyThreadsShareOne) {
  const std::string bytes(200'000, 'x');
  FakeServer server([&](const FakeRequest&) { return FakeAnswer{.body = bytes}; });
  const auto client = make_client();
  std::atomic<int> good = 0;
  std::vector<std::thread> threads;
  for (int i = 0; i < 8; ++i)
    threads.emplace_back([&] {
      for (int j = 0; j < 5; ++j) {
        StringSink sink;
        if (client->fetch_blob(image(server), blob_of(bytes), sink) && sink.bytes() == bytes)
          ++good;
      }
    });
  for (std::thread& thread : threads) thread.join();
  EXPECT_EQ(good, 40);
}

}  // namespace
}  // namespace lichen::registry
