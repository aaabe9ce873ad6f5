#include "transfer/copy.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <set>

#include "archive/tar_writer.h"
#include "base/text.h"
#include "os/file.h"
#include "store/store.h"
#include "transfer/recode.h"
#include "transfer/staged.h"

namespace lichen::transfer {
namespace {

template <class T>
T must(Result<T> result) {
  if (!result) throw std::runtime_error(to_text(result.error()));
  return std::move(*result);
}
void must(Result<void> result) {
  if (!result) throw std::runtime_error(to_text(result.error()));
}

std::string layer_tar(const std::string& name) {
  StringSink sink;
  archive::TarWriter tar(sink);
  const std::string content = "content of " + name;
  must(tar.add({.path = name, .mode = 0644, .size = content.size()}));
  must(tar.write(content));
  must(tar.finish());
  return sink.take();
}

std::string compressed(const std::string& bytes, archive::Compression compression) {
  StringSink sink;
  const auto to = must(archive::make_compressor(compression, -1, 1, sink));
  must(to->write(bytes));
  must(to->close());
  return sink.take();
}

const oci::Platform kAmd{.os = "linux", .architecture = "amd64"};
const oci::Platform kArm{.os = "linux", .architecture = "arm64"};

class CopyTest : public ::testing::Test {
 protected:
  CopyTest() : directory_(::testing::TempDir() + "copy-XXXXXX") {
    EXPECT_NE(::mkdtemp(directory_.data()), nullptr);
    store_ = must(store::Store::open(path("store")));
    app_ = put_image(kAmd, "x");
    name("app:1", app_);
  }
  ~CopyTest() override {
    store_.reset();
    EXPECT_TRUE(os::remove_tree(directory_));
  }

  std::string path(const std::string& name) const { return directory_ + "/" + name; }
  void name(const std::string& text, const oci::Descriptor& root) {
    must(store_->put_image({.name = oci::to_text(must(oci::parse_reference(text))),
                            .manifest = root.digest,
                            .config = {},
                            .media_type = root.media_type,
                            .size = root.size}));
  }
  oci::Descriptor put(const std::string& bytes, const std::string& media_type) {
    return {
        .media_type = media_type, .digest = must(store_->put_blob(bytes)), .size = bytes.size()};
  }
  // Two layers, one of gzip and one of zstd, and a member that lichen does not know.
  oci::Descriptor put_image(const oci::Platform& platform, const std::string& word) {
    const std::string one = layer_tar(word + "1"), two = layer_tar(word + "2");
    oci::ImageConfig config;
    config.platform = platform;
    config.diff_ids = {sha256(one), sha256(two)};
    oci::Manifest manifest;
    manifest.config = put(oci::to_json(config), oci::kConfigType);
    manifest.layers = {put(compressed(one, archive::Compression::kGzip), oci::kLayerGzipType),
                       put(compressed(two, archive::Compression::kZstd), oci::kLayerZstdType)};
    std::string json = oci::to_json(manifest);
    json.insert(json.size() - 1, R"(,"subject": null,"x-own":{"b":1,"a":[2]})");
    return put(json, oci::kManifestType);
  }
  oci::Descriptor put_index() {
    oci::Index index;
    for (const oci::Platform& platform : {kAmd, kArm}) {
      oci::Descriptor one = put_image(platform, platform.architecture);
      one.platform = platform;
      index.manifests.push_back(one);
    }
    return put(oci::to_json(index), oci::kIndexType);
  }

  Services services() const { return {.store = store_.get(), .staging = directory_}; }
  Result<oci::Descriptor> copy(const std::string& from, const std::string& to,
                               CopyOptions options = {}) {
    options.platform = options.platform == oci::Platform() ? kAmd : options.platform;
    options.staging = directory_;
    const auto source = TRY(open_source(TRY(parse_place(from)), services()));
    const auto target = TRY(open_target(TRY(parse_place(to)), services()));
    return copy_image(*source, *target, options, [](auto&&...) {});
  }
  std::vector<std::string> layer_types(const std::string& place) {
    const auto source = must(open_source(must(parse_place(place)), services()));
    std::vector<std::string> types;
    for (const auto& layer : must(choose_manifest(*source, kAmd)).manifest.layers) {
      StringSink bytes;
      must(send_checked(source->blob(layer), bytes));
      types.push_back(layer.media_type);
    }
    return types;
  }

  std::string directory_;
  std::unique_ptr<store::Store> store_;
  oci::Descriptor app_;
};

TEST_F(CopyTest, KeepsTheDigestFromPlaceToPlace) {
  const std::vector<std::string> places = {"oci:" + path("layout") + ":one",
                                           "oci-archive:" + path("a.tar") + ":two",
                                           "dir:" + path("dir"), "store:again:1"};
  std::string from = "app:1";
  for (const std::string& to : places) {
    const auto copied = copy(from, to);
    ASSERT_TRUE(copied) << to << ": " << to_text(copied.error());
    EXPECT_EQ(copied->digest, app_.digest) << to;
    from = to;
  }
  EXPECT_EQ(must(store_->find_image("again:1"))->manifest, app_.digest);
}

TEST_F(CopyTest, DockerArchiveKeepsConfigAndDiffIds) {
  const std::string archive = "docker-archive:" + path("d.tar") + ":app:1";
  ASSERT_TRUE(copy("app:1", archive));
  const auto source = must(open_source(must(parse_place(archive)), services()));
  const auto chosen = must(choose_manifest(*source, kAmd));
  const auto before = must(choose_manifest(*store_source(*store_, app_), kAmd));
  EXPECT_EQ(chosen.manifest.config.digest, before.manifest.config.digest);
  EXPECT_EQ(layer_types(archive),
            (std::vector<std::string>{oci::kLayerGzipType, oci::kLayerZstdType}));
  const auto wrong = open_source(must(parse_place("docker-archive:" + path("d.tar") + ":x")), {});
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().hint, "it has app:1");
}

// What docker wrote before it had layouts: uncompressed layers, one of them twice.
TEST_F(CopyTest, OldDockerArchivesAreCompressed) {
  const std::string layer = layer_tar("x");
  oci::ImageConfig config;
  config.platform = kAmd;
  config.diff_ids = {sha256(layer), sha256(layer)};
  const std::string config_json = oci::to_json(config);
  const std::string manifest =
      R"([{"Config":"c.json","RepoTags":["app:2"],"Layers":["a/layer.tar","b/layer.tar"]}])";
  {
    os::FileSink file(must(os::open(path("old.tar"), O_WRONLY | O_CREAT, 0600)));
    archive::TarWriter tar(file);
    must(tar.add({.path = "a/layer.tar", .mode = 0644, .size = layer.size()}));
    must(tar.write(layer));
    must(tar.add(
        {.path = "b/layer.tar", .type = archive::EntryType::kSymlink, .link = "../a/layer.tar"}));
    must(tar.add({.path = "c.json", .mode = 0644, .size = config_json.size()}));
    must(tar.write(config_json));
    must(tar.add({.path = "manifest.json", .mode = 0644, .size = manifest.size()}));
    must(tar.write(manifest));
    must(tar.finish());
  }
  const std::string from = "docker-archive:" + path("old.tar");
  ASSERT_TRUE(copy(from, "app:2"));
  EXPECT_EQ(layer_types("app:2"),
            (std::vector<std::string>{oci::kLayerGzipType, oci::kLayerGzipType}));
  ASSERT_TRUE(copy(from, "app:3", {.compression = archive::Compression::kNone}));
  EXPECT_EQ(layer_types("app:3"), (std::vector<std::string>{oci::kLayerType, oci::kLayerType}));
}

TEST_F(CopyTest, OneOfAnIndexOrAll) {
  const oci::Descriptor index = put_index();
  name("multi", index);
  const auto one = must(copy("multi", "dir:" + path("one"), {.platform = kArm}));
  EXPECT_EQ(must(os::read_file(path("one") + "/manifest.json")),
            must(store_->read_blob(one.digest)));
  EXPECT_NE(one.digest, index.digest);
  EXPECT_EQ(must(copy("multi", "dir:" + path("all"), {.all = true})).digest, index.digest);
  EXPECT_EQ(must(copy("dir:" + path("all"), "back", {.all = true})).digest, index.digest);
  EXPECT_FALSE(copy("multi", "docker-archive:" + path("m.tar"), {.all = true}));
  EXPECT_FALSE(os::exists(path("m.tar")));
  EXPECT_FALSE(os::exists(path("m.tar.lichen-tmp")));
}

TEST_F(CopyTest, OtherCompressionChangesDescriptorsAlone) {
  const oci::Descriptor index = put_index();
  name("multi", index);
  const auto zstd = must(
      copy("multi", "oci:" + path("z"), {.all = true, .compression = archive::Compression::kZstd}));
  EXPECT_NE(zstd.digest, index.digest);
  EXPECT_EQ(layer_types("oci:" + path("z")),
            (std::vector<std::string>{oci::kLayerZstdType, oci::kLayerZstdType}));
  const auto source = must(open_source(must(parse_place("oci:" + path("z"))), {}));
  EXPECT_TRUE(must(choose_manifest(*source, kAmd))
                  .bytes.ends_with(R"("subject":null,"x-own":{"b":1,"a":[2]}})"));
  // The one layer of the two that changes is what it was before, byte for byte.
  const auto again = must(
      copy("oci:" + path("z"), "oci:" + path("y"), {.compression = archive::Compression::kZstd}));
  EXPECT_EQ(again.digest, must(choose_manifest(*source, kAmd)).descriptor.digest);
  const auto refused = copy("multi", "oci:" + path("w"),
                            {.compression = archive::Compression::kGzip, .preserve_digests = true});
  ASSERT_FALSE(refused);
  EXPECT_EQ(refused.error().code, Errc::kInvalid);
}

TEST_F(CopyTest, LayoutsHoldSeveralImages) {
  const oci::Descriptor other = put_image(kAmd, "other");
  name("other", other);
  const std::string layout = "oci:" + path("several");
  ASSERT_TRUE(copy("app:1", layout + ":a"));
  ASSERT_TRUE(copy("other", layout + ":b"));
  ASSERT_TRUE(copy("other", layout + ":a"));
  EXPECT_EQ(must(copy(layout + ":a", "dir:" + path("a"))).digest, other.digest);
  ASSERT_TRUE(copy("app:1", layout + ":b"));
  EXPECT_EQ(must(copy(layout + "@" + app_.digest.text(), "dir:" + path("b"))).digest, app_.digest);
  const auto unclear = copy(layout, "dir:" + path("c"));
  ASSERT_FALSE(unclear);
  EXPECT_EQ(unclear.error().hint, "it has a, b");
}

TEST_F(CopyTest, DamagedBlobsAreNotTaken) {
  ASSERT_TRUE(copy("app:1", "oci:" + path("bad")));
  const Digest layer =
      must(choose_manifest(*store_source(*store_, app_), kAmd)).manifest.layers[0].digest;
  const std::string blob = path("bad/blobs/sha256/") + layer.hex();
  const std::string bytes = must(os::read_file(blob));
  for (const std::string& damaged :
       {bytes.substr(1), bytes + "x", std::string(bytes.size(), 'x'), std::string()}) {
    must(os::replace_file(blob, damaged));
    for (const std::string& to :
         {"oci:" + path("to"), "oci-archive:" + path("to.tar"), "dir:" + path("to.dir")}) {
      const auto copied = copy("oci:" + path("bad"), to);
      ASSERT_FALSE(copied) << to;
    }
    EXPECT_FALSE(os::exists(path("to.tar")));
    EXPECT_FALSE(os::exists(path("to/blobs/sha256/") + layer.hex()));
    EXPECT_FALSE(os::exists(path("to.dir/") + layer.hex()));
  }
}

TEST_F(CopyTest, OtherThingsAreLeftAlone) {
  must(os::mkdirs(path("home")));
  must(os::replace_file(path("home/file"), "mine"));
  for (const char* transport : {"oci:", "dir:"}) {
    const auto copied = copy("app:1", transport + path("home"));
    ASSERT_FALSE(copied);
    EXPECT_EQ(copied.error().code, Errc::kInvalid);
  }
  EXPECT_EQ(must(os::read_file(path("home/file"))), "mine");
}

}  // namespace
}  // namespace lichen::transfer
