// tests/data/dockerfile/<case>/ holds a Dockerfile, maybe request.json, and either graph.txt and
// config.json or error.txt. A new case is a new folder; LICHEN_ACCEPT=1 records its output.
#include "dockerfile/lower.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "dockerfile/testing.h"
#include "support/golden.h"

namespace lichen::dockerfile {
namespace {

// request.json: {"args": {…}, "target": "…", "labels": {…}, "contexts": {…}, "ignore": "…",
// "hosts": […], "platform": "…", "multi_platform": true, "no_cache": true, "no_cache_stages": […],
// "insecure": true, "ulimits": [["core", 0, -1], …],
// "images": {"ref": <image config>}}
Frontend request_of(const golden::Case& one, FakeImages& images) {
  Frontend request{.dockerfile = one.read("Dockerfile"), .file = "Dockerfile"};
  // The host's platform must not show in recorded output.
  request.platform = oci::Platform{.os = "linux", .architecture = "amd64"};
  const auto json = nlohmann::json::parse(one.find("request.json").value_or("{}"));
  using Map = std::map<std::string, std::string>;
  request.build_args = json.value("args", Map());
  request.labels = json.value("labels", Map());
  request.named_contexts = json.value("contexts", Map());
  request.target = json.value("target", "");
  request.dockerignore = json.value("ignore", "");
  request.add_hosts = json.value("hosts", std::vector<std::string>());
  request.no_cache = json.value("no_cache", false);
  request.no_cache_stages = json.value("no_cache_stages", std::vector<std::string>());
  request.allow_insecure = json.value("insecure", false);
  for (const auto& limit : json.value("ulimits", nlohmann::json::array()))
    request.ulimits.push_back({limit[0], limit[1], limit[2]});
  request.multi_platform = json.value("multi_platform", false);
  if (json.contains("platform"))
    request.platform = oci::parse_platform(json["platform"].get<std::string>()).value();
  if (json.contains("images")) {
    for (const auto& [name, config] : json["images"].items()) {
      ResolvedImage image = images.resolve(name, *request.platform).value();
      image.config = oci::parse_image_config(config.dump()).value();
      images.images[name] = image;
    }
    images.asked.clear();
  }
  return request;
}

std::string error_text(const Error& error) {
  return std::string(to_text(error.code)) + ": " + to_text(error) + "\n" +
         (error.hint.empty() ? "" : "hint: " + error.hint + "\n") + error.detail;
}

std::string config_text(const Lowered& lowered) {
  std::string text = nlohmann::ordered_json::parse(oci::to_json(lowered.config)).dump(2) + "\n";
  for (const Warning& warning : lowered.warnings)
    text += "warning " + std::to_string(warning.lines.first) + ": " +
            (warning.rule.empty() ? "" : warning.rule + ": ") + warning.text + "\n";
  return text;
}

class LowerGolden : public testing::TestWithParam<golden::Case> {};

TEST_P(LowerGolden, MatchesRecordedOutput) {
  const golden::Case& one = GetParam();
  FakeImages images;
  const Frontend request = request_of(one, images);
  auto lowered = lower(request, images);
  if (lowered) {
    EXPECT_TRUE(one.lacks("error.txt"));
    EXPECT_TRUE(one.matches("graph.txt", to_text(lowered->graph)));
    EXPECT_TRUE(one.matches("config.json", config_text(*lowered)));
  } else {
    EXPECT_TRUE(one.lacks("graph.txt"));
    EXPECT_TRUE(one.lacks("config.json"));
    EXPECT_TRUE(one.matches("error.txt", error_text(lowered.error())));
  }
}

INSTANTIATE_TEST_SUITE_P(Data, LowerGolden, testing::ValuesIn(golden::cases("dockerfile")),
                         golden::test_name);

Result<Lowered> lower_text(const std::string& text, FakeImages& images,
                           const std::string& target = "") {
  return lower({.dockerfile = text, .file = "Dockerfile", .target = target}, images);
}

TEST(Lower, AsksOnlyForImagesOfReachedStages) {
  FakeImages images;
  const std::string text =
      "FROM one AS a\nFROM two AS b\nFROM three AS c\nCOPY --from=a /x /\nCOPY --from=four /y /\n";
  ASSERT_TRUE(lower_text(text, images, "c"));
  EXPECT_EQ(images.asked, (std::vector<std::string>{"one", "three", "four"}));
}

TEST(Lower, AsksOnceForAnImageThatIsUsedTwice) {
  FakeImages images;
  ASSERT_TRUE(lower_text("FROM one AS a\nFROM one\nCOPY --from=a /x /\n", images));
  EXPECT_EQ(images.asked, (std::vector<std::string>{"one"}));
}

TEST(Lower, KnowsItsOwnFrontEndInMirrors) {
  FakeImages images;
  for (const char* syntax :
       {"docker/dockerfile:1", "docker.io/docker/dockerfile-upstream:master", "dockerfile.v0",
        "mirror.example/docker/dockerfile:1.3-labs", "mirror.example/hub/docker/dockerfile"}) {
    EXPECT_TRUE(
        lower_text("# syntax=" + std::string(syntax) + "\nFROM scratch\nLABEL a=b\n", images))
        << syntax;
  }
  for (const char* syntax : {"docker/other:1", "mirror.example/notdocker/dockerfile:1"}) {
    const auto lowered =
        lower_text("# syntax=" + std::string(syntax) + "\nFROM scratch\nLABEL a=b\n", images);
    ASSERT_FALSE(lowered) << syntax;
    EXPECT_EQ(lowered.error().code, Errc::kUnsupported);
  }
}

TEST(Lower, ProxyArgumentsChangeNoDigest) {
  FakeImages images;
  Frontend request{.dockerfile = "FROM one\nRUN true\n", .file = "Dockerfile"};
  const auto without = lower(request, images);
  request.build_args = {{"HTTP_PROXY", "http://user:word@proxy"}};
  const auto with = lower(request, images);
  ASSERT_TRUE(without && with);
  EXPECT_EQ(without->graph.digests, with->graph.digests);
  EXPECT_EQ(oci::to_json(with->config).find("proxy"), std::string::npos);
  const auto& exec = std::get<graph::ExecOp>(with->graph.vertices.back().op);
  EXPECT_EQ(exec.proxy_env, (std::vector<std::string>{"HTTP_PROXY=http://user:word@proxy",
                                                      "http_proxy=http://user:word@proxy"}));
}

TEST(Lower, NamesOfStepsShowNoSecrets) {
  FakeImages images;
  const auto lowered = lower_text(
      "FROM scratch\nARG API_TOKEN=s3cret\nARG PLAIN=plain\nENV DB_PASSWORD=hunter22 EMPTY_TOKEN=\n"
      "RUN echo $API_TOKEN $DB_PASSWORD $PLAIN [$EMPTY_TOKEN]\n",
      images);
  ASSERT_TRUE(lowered);
  EXPECT_EQ(lowered->graph.metadata.back().name, "[1/1] RUN echo **** **** plain []");
  const auto& exec = std::get<graph::ExecOp>(lowered->graph.vertices.back().op);
  EXPECT_NE(std::find(exec.env.begin(), exec.env.end(), "DB_PASSWORD=hunter22"), exec.env.end());
}

TEST(Lower, UsesSourceDateEpochOfTheDockerfile) {
  FakeImages images;
  const auto lowered = lower_text("ARG SOURCE_DATE_EPOCH=12\nFROM scratch\n", images);
  ASSERT_TRUE(lowered);
  EXPECT_EQ(lowered->source_date_epoch, 12);
}

TEST(Lower, TakesSourceDateEpochFromWhatIsFetched) {
  FakeImages images;
  images.times = {{"https://host/a.tar", 1150000000}, {"https://host/named", 1160000000}};
  Frontend request{.dockerfile =
                       "ARG FILE=a.tar\nARG SOURCE_DATE_EPOCH=src\n"
                       "FROM scratch AS src\nADD https://host/${FILE} /\n"
                       "FROM scratch\nARG SOURCE_DATE_EPOCH\nLABEL at=$SOURCE_DATE_EPOCH\n",
                   .file = "Dockerfile"};
  request.named_contexts = {{"named", "https://host/named"}, {"image", "docker-image://x"}};
  const auto of_stage = lower(request, images);
  ASSERT_TRUE(of_stage) << to_text(of_stage.error());
  EXPECT_EQ(of_stage->source_date_epoch, 1150000000);
  EXPECT_EQ(of_stage->config.labels.at("at"), "1150000000");

  request.build_args = {{"SOURCE_DATE_EPOCH", "named"}};
  const auto of_context = lower(request, images);
  ASSERT_TRUE(of_context);
  EXPECT_EQ(of_context->source_date_epoch, 1160000000);
  EXPECT_EQ(of_context->config.labels.at("at"), "1160000000");

  images.times.clear();
  const auto unset = lower(request, images);
  ASSERT_TRUE(unset);
  EXPECT_EQ(unset->source_date_epoch, std::nullopt);

  request.build_args = {{"SOURCE_DATE_EPOCH", "image"}};
  EXPECT_EQ(lower(request, images).error().code, Errc::kInvalid);
  request.build_args = {{"SOURCE_DATE_EPOCH", "neither"}};
  EXPECT_EQ(lower(request, images).error().code, Errc::kInvalid);
  request.build_args.clear();
  for (const char* more : {"ADD a /\n", "COPY a /\n", "ADD https://h/b https://h/c /\n"}) {
    const std::string text = "ARG SOURCE_DATE_EPOCH=s\nFROM scratch AS s\n";
    EXPECT_EQ(lower_text(text + more, images).error().code, Errc::kInvalid) << more;
  }
}

}  // namespace
}  // namespace lichen::dockerfile
