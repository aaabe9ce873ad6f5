#include <gtest/gtest.h>

#include <string>

#include "oci/types.h"

namespace lichen::oci {
namespace {

std::string digest_of(char digit) {
  return "sha256:" + std::string(64, digit);
}

std::string descriptor(char digit, const std::string& more = {}) {
  return R"({"mediaType":"m","digest":")" + digest_of(digit) + R"(","size":7)" + more + "}";
}

TEST(Document, ManifestRoundTrip) {
  const std::string json =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.manifest.v1+json","config":)" +
      descriptor('c') + R"(,"layers":[)" + descriptor('1') + "," +
      descriptor('1', R"(,"annotations":{"a":"<&>","b":"é"})") + R"(],"annotations":{"k":"v"}})";
  const auto document = parse_document(json);
  ASSERT_TRUE(document) << document.error().message;
  const auto& manifest = std::get<Manifest>(*document);
  EXPECT_EQ(manifest.config.digest.text(), digest_of('c'));
  ASSERT_EQ(manifest.layers.size(), 2u);
  EXPECT_EQ(manifest.layers[1].annotations.at("a"), "<&>");
  EXPECT_EQ(to_json(manifest), json);
}

TEST(Document, IndexRoundTripAndMediaTypeFromMembers) {
  const std::string members =
      R"("manifests":[)" +
      descriptor(
          '1',
          R"(,"platform":{"architecture":"arm","os":"linux","os.version":"1","variant":"v7"})") +
      "]}";
  const std::string json =
      R"({"schemaVersion":2,"mediaType":"application/vnd.oci.image.index.v1+json",)" + members;
  EXPECT_EQ(to_json(std::get<Index>(*parse_document(json))), json);
  EXPECT_EQ(to_json(std::get<Index>(*parse_document(R"({"schemaVersion":2,)" + members))), json);
}

TEST(Document, DockerTypesParseIntoTheSameValues) {
  const auto manifest =
      parse_document(R"({"layers":[],"schemaVersion":2,"config":)" + descriptor('c') +
                     R"(,"mediaType":"application/vnd.docker.distribution.manifest.v2+json"})");
  EXPECT_EQ(std::get<Manifest>(*manifest).media_type, kDockerManifestType);
  const auto index = parse_document(
      R"({"schemaVersion":2,"manifests":[],
          "mediaType":"application/vnd.docker.distribution.manifest.list.v2+json"})");
  EXPECT_EQ(std::get<Index>(*index).media_type, kDockerIndexType);
}

TEST(Document, OddDocumentsAreRefusedByName) {
  const std::string head = R"({"schemaVersion":2,)";
  const struct {
    std::string json, want;
    Errc code = Errc::kInvalid;
  } rows[] = {
      {"", "not valid JSON"},
      {"nul", "not valid JSON"},
      {"[]", "want an object"},
      {"7", "want an object"},
      {"{}", "schemaVersion"},
      {R"({"schemaVersion":"2"})", "manifest.schemaVersion: want an integer"},
      {R"({"schemaVersion":1})", "schema 1", Errc::kUnsupported},
      {head + R"("mediaType":7})", "manifest.mediaType: want a string, found a number"},
      {head + R"("mediaType":"x"})", "manifest.mediaType: x", Errc::kUnsupported},
      {head + R"("layers":[]})", "manifest.config: a descriptor is missing"},
      {head + R"("manifests":[],"layers":[]})", "both a manifest and an index"},
      {head + R"("manifests":{}})", "manifest.manifests: want an array"},
      {head + R"("manifests":[7]})", "manifest.manifests[0]: want an object"},
      {head + R"("manifests":[null]})", "manifest.manifests[0]: a descriptor is missing"},
      {head + R"("manifests":[{"mediaType":"m","digest":"sha256:1","size":1}]})",
       "manifest.manifests[0].digest: invalid digest"},
      {head + R"("manifests":[{"mediaType":"m","digest":")" + digest_of('a') + R"("}]})",
       "size is missing"},
      {head + R"("manifests":[{"mediaType":"m","size":-1,"digest":")" + digest_of('a') + R"("}]})",
       "manifests[0].size: the number is out of range"},
      {head + R"("manifests":[{"mediaType":"m","size":18446744073709551615,"digest":")" +
           digest_of('a') + R"("}]})",
       "manifests[0].size: the number is out of range"},
      {head + R"("manifests":[{"mediaType":"m","size":1.5,"digest":")" + digest_of('a') + R"("}]})",
       "manifests[0].size: want an integer"},
      {head + R"("annotations":{"a":7},"config":)" + descriptor('c') + "}",
       "manifest.annotations[\"a\"]: want a string"},
      {head + R"("mediaType":"application/vnd.oci.image.manifest.v1+json","manifests":[]})",
       "a manifest must not have it"},
      {std::string(65, '[') + std::string(65, ']'), "nested deeper"},
      {std::string(kMaxDocumentBytes + 1, ' '), "larger than"},
      {head + "\"x\":\"\xff\"}", "not valid JSON"},
  };
  for (const auto& row : rows) {
    const auto document = parse_document(row.json);
    ASSERT_FALSE(document) << row.json.substr(0, 200);
    EXPECT_EQ(document.error().code, row.code) << row.json.substr(0, 200);
    EXPECT_NE(document.error().message.find(row.want), std::string::npos)
        << row.json.substr(0, 200) << " -> " << document.error().message;
  }
}

TEST(Document, BracketsInStringsAreNoDepth) {
  const std::string json =
      R"({"schemaVersion":2,"manifests":[],"x":"\")" + std::string(99, '[') + "\"}";
  EXPECT_TRUE(parse_document(json));
}

Index index_of(const std::vector<const char*>& platforms) {
  Index index;
  for (std::size_t i = 0; i < platforms.size(); ++i) {
    Descriptor entry{.media_type = kManifestType, .size = i};
    const std::string text = platforms[i];
    if (text == "unknown/unknown")
      entry.platform = Platform{.os = "unknown", .architecture = "unknown"};
    else if (!text.empty())
      entry.platform = *parse_platform(text);
    index.manifests.push_back(entry);
  }
  return index;
}

TEST(Select, PrefersTheExactVariantThenAny) {
  const struct {
    std::vector<const char*> offered;
    const char* wanted;
    int want;  // position, or -1
  } rows[] = {
      {{"linux/arm64", "linux/amd64"}, "linux/amd64", 1},
      {{"linux/arm/v5", "linux/arm/v6", "linux/arm/v7"}, "linux/arm/v6", 1},
      {{"linux/arm/v5", "linux/arm/v6", "linux/arm/v8"}, "linux/arm/v7", 1},
      {{"linux/arm/v5", "linux/arm/v7"}, "linux/arm", 1},
      {{"linux/arm64/v8"}, "linux/arm64", 0},
      {{"linux/arm64"}, "linux/arm64/v8", 0},
      {{"linux/amd64/v3", "linux/amd64"}, "linux/amd64", 1},
      {{"linux/amd64/v3", "linux/amd64"}, "linux/amd64/v2", 1},
      {{"linux/amd64/v3"}, "linux/amd64", 0},
      {{"windows/amd64"}, "linux/amd64", -1},
      {{"unknown/unknown"}, "linux/amd64", -1},
      {{""}, "linux/amd64", 0},
      {{"", ""}, "linux/amd64", -1},
      {{"", "linux/arm64"}, "linux/amd64", -1},
      {{}, "linux/amd64", -1},
      {{"windows(1.2)/amd64", "windows(1.1)/amd64"}, "windows(1.1)/amd64", 1},
  };
  for (const auto& row : rows) {
    const auto chosen = select(index_of(row.offered), *parse_platform(row.wanted));
    ASSERT_EQ(chosen.has_value(), row.want >= 0) << row.wanted;
    if (chosen)
      EXPECT_EQ(chosen->size, static_cast<std::uint64_t>(row.want)) << row.wanted;
    else
      EXPECT_EQ(chosen.error().code, Errc::kNotFound);
  }
  const auto missing = select(index_of({"linux/arm64", "windows/amd64", "unknown/unknown"}), {});
  EXPECT_EQ(missing.error().hint, "the index has: linux/arm64, windows/amd64");
}

TEST(Platform, Text) {
  const std::string host = host_platform().architecture;
  const struct {
    std::string text, want;
  } rows[] = {
      {"linux/amd64", "linux/amd64"},
      {"Linux/AMD64", "linux/amd64"},
      {"linux/x86_64", "linux/amd64"},
      {"linux/aarch64", "linux/arm64"},
      {"linux/arm64/v8", "linux/arm64/v8"},
      {"linux/arm/7", "linux/arm/v7"},
      {"linux/armhf", "linux/arm/v7"},
      {"arm64", "linux/arm64"},
      {"armel", "linux/arm/v6"},
      {"windows/amd64", "windows/amd64"},
      {"macos/arm64", "darwin/arm64"},
      {"Windows(10.0.17763)/amd64", "windows(10.0.17763)/amd64"},
      {"windows()/amd64", "windows/amd64"},
      {"unknown/unknown", "unknown/unknown"},
  };
  for (const auto& row : rows) EXPECT_EQ(to_text(*parse_platform(row.text)), row.want) << row.text;
  EXPECT_FALSE(parse_platform("linux/arm/7" + std::string(63, 'd'))) << "with its v it is too long";
  EXPECT_EQ(parse_platform("linux")->architecture, host);
  for (const auto& [text, want] : {std::pair{"linux/arm", "linux/arm/v7"},
                                   {"linux/arm/v6", "linux/arm/v6"},
                                   {"linux/arm64/v8", "linux/arm64"},
                                   {"linux/amd64/v1", "linux/amd64"},
                                   {"linux/amd64/v3", "linux/amd64/v3"},
                                   {"linux/riscv64", "linux/riscv64"}})
    EXPECT_EQ(to_text(normalised(*parse_platform(text))), want);
  for (const char* bad : {"", "/", "linux/", "/amd64", "a/b/c/d", "linux/am d64", "linx", "a\nb",
                          "windows(1/amd64", "windows(a b)/amd64", "amd64(1)", "windows/amd64(1)"})
    EXPECT_EQ(parse_platform(bad).error().code, Errc::kInvalid) << bad;
  EXPECT_EQ(parse_platform("amd46").error().hint, "did you mean amd64?");
}

TEST(ChainId, FollowsTheSpec) {
  const Digest a = sha256("a"), b = sha256("b");
  EXPECT_EQ(chain_id({}, a), a);
  EXPECT_EQ(chain_id(a, b), sha256(a.text() + " " + b.text()));
}

}  // namespace
}  // namespace lichen::oci
