#include "image/assemble.h"

#include <gtest/gtest.h>

#include "store/testing.h"

namespace lichen::image {
namespace {

class AssembleTest : public ::testing::Test {
 protected:
  void SetUp() override {
    auto store = store::Store::open(dir_ / "store");
    ASSERT_OK(store);
    store_ = std::move(*store);
    const auto id = store_->begin_snapshot("ids", {}, "a step");
    ASSERT_OK(id);
    ASSERT_OK(store_->commit_snapshot(*id));
    snapshot_ = *id;
  }

  // The blob of the snapshot's layer in this form; `content` is what its diff id stands for.
  Digest layer(const std::string& form, const std::string& content = "content") {
    const auto layers =
        layers_of(*store_, snapshot_, {.form = form}, [&](std::int64_t) -> Result<store::Layer> {
          ++made_;
          const std::string bytes = content + " as " + form;
          return store::Layer{.chain = {},
                              .diff_id = sha256(content),
                              .blob = TRY(store_->put_blob(bytes)),
                              .size = bytes.size(),
                              .media_type = "type of " + form,
                              .form = form};
        });
    EXPECT_TRUE(layers) << store::testing::message(layers);
    if (!layers) return {};
    EXPECT_EQ(layers->layers.at(0).media_type, "type of " + form);
    EXPECT_EQ(layers->layers.at(0).diff_id, sha256(content));
    return layers->layers.at(0).blob;
  }

  store::testing::TempDir dir_;
  std::unique_ptr<store::Store> store_;
  std::int64_t snapshot_ = 0;
  int made_ = 0;
};

TEST_F(AssembleTest, ALayerIsMadeOnceInEachOfTwoForms) {
  for (const char* form : {"gzip", "zstd", "gzip", "zstd", "gzip"})
    EXPECT_EQ(layer(form), sha256(std::string("content as ") + form));
  EXPECT_EQ(made_, 2);
}

TEST_F(AssembleTest, AFormWhoseBlobIsGoneIsMadeAnew) {
  const Digest gzip = layer("gzip");
  (void)layer("zstd");
  ASSERT_OK(os::unlink(store_->blob_path(gzip)));
  EXPECT_EQ(layer("gzip"), gzip);
  EXPECT_EQ(made_, 3);
}

TEST_F(AssembleTest, AFormWithOtherContentIsAnotherLayer) {
  (void)layer("gzip");
  (void)layer("gzip until 5", "clamped");
  EXPECT_EQ(layer("gzip"), sha256("content as gzip"));
  EXPECT_EQ(made_, 3);
}

}  // namespace
}  // namespace lichen::image
