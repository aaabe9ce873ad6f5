#include "transfer/image_source.h"

#include <algorithm>
#include <map>
#include <optional>

#include "archive/compression.h"
#include "base/text.h"
#include "oci/json.h"
#include "os/file.h"
#include "transfer/files.h"
#include "transfer/layout.h"
#include "transfer/staged.h"

namespace lichen::transfer {

namespace {

using oci::json::Node;

constexpr int kMaxIndexDepth = 4;

std::string media_type_of(const oci::Document& document) {
  return std::visit([](const auto& one) { return one.media_type; }, document);
}

// What can be opened again and again is sent by opening it.
Blob openable(const oci::Descriptor& descriptor,
              std::function<Result<std::unique_ptr<Source>>()> open) {
  return {.descriptor = descriptor,
          .send = [open](Sink& to) -> Result<void> {
            const auto source = TRY(open());
            (void)TRY(copy(*source, to));
            return {};
          },
          .open = open};
}

class StoreSource final : public ImageSource {
 public:
  StoreSource(store::Store& store, const oci::Descriptor& root) : store_(store) { root_ = root; }

  static Result<std::unique_ptr<ImageSource>> open(store::Store& store, const std::string& name) {
    const auto image = TRY(store.find_image(name));
    if (!image)
      return fail(Errc::kNotFound, "no image " + printable(name) + " in the store",
                  "`lichen images` lists them; docker://" + printable(name) + " is a registry's");
    return std::make_unique<StoreSource>(store, oci::Descriptor{.media_type = image->media_type,
                                                                .digest = image->manifest,
                                                                .size = image->size});
  }

  Blob blob(const oci::Descriptor& descriptor) override {
    return openable(
        descriptor, [this, digest = descriptor.digest]() -> Result<std::unique_ptr<Source>> {
          return std::make_unique<os::FileSource>(TRY(store_.open_blob(digest)), digest.text());
        });
  }

 protected:
  Result<std::string> read_document(const oci::Descriptor& descriptor) override {
    return store_.read_blob(descriptor.digest);
  }

 private:
  store::Store& store_;
};

class RegistrySource final : public ImageSource {
 public:
  RegistrySource(registry::Client& client, oci::Reference reference, std::string staging)
      : client_(client), reference_(std::move(reference)), staging_(std::move(staging)) {}

  static Result<std::unique_ptr<ImageSource>> open(registry::Client& client,
                                                   const std::string& name,
                                                   const std::string& staging) {
    auto source =
        std::make_unique<RegistrySource>(client, TRY(oci::parse_reference(name)), staging);
    auto document = TRY(client.fetch_manifest(source->reference_));
    source->root_ = document.descriptor;
    source->root_bytes_ = std::move(document.bytes);
    return source;
  }

  Blob blob(const oci::Descriptor& descriptor) override {
    const auto send = [this, descriptor](Sink& to) {
      return client_.fetch_blob(reference_, descriptor, to);
    };
    return {.descriptor = descriptor,
            .send = send,
            .open = [this, send, staged = std::make_shared<std::optional<Staged>>()]() mutable
            -> Result<std::unique_ptr<Source>> {
              if (!*staged) {
                const Staged file = TRY(Staged::create(staging_));
                TRY(send(*file.sink()));
                *staged = file;
              }
              return (*staged)->source();
            },
            .sends_checked = true};
  }
  oci::Reference repository() const override { return reference_; }

 protected:
  Result<std::string> read_document(const oci::Descriptor& descriptor) override {
    if (descriptor.digest == root_.digest) return root_bytes_;
    return TRY(client_.fetch_manifest(reference_, descriptor.digest.text())).bytes;
  }

 private:
  registry::Client& client_;
  oci::Reference reference_;
  std::string staging_, root_bytes_;
};

// Files named by digests: an OCI layout, or skopeo's directory.
class FilesSource final : public ImageSource {
 public:
  using PathOf = std::string (*)(const Digest& digest);
  FilesSource(std::shared_ptr<Files> files, const oci::Descriptor& root, PathOf blob_path)
      : files_(std::move(files)), blob_path_(blob_path) {
    root_ = root;
  }

  static Result<std::unique_ptr<ImageSource>> open_layout(std::shared_ptr<Files> files,
                                                          const std::string& name) {
    const oci::Descriptor root = TRY(find_in_layout(*files, name));
    return std::make_unique<FilesSource>(std::move(files), root, layout_blob_path);
  }
  static Result<std::unique_ptr<ImageSource>> open_directory(std::shared_ptr<Files> files) {
    const std::string bytes = TRY(files->read("manifest.json"));
    const oci::Document document = TRY(oci::parse_document(bytes));
    const oci::Descriptor root{
        .media_type = media_type_of(document), .digest = sha256(bytes), .size = bytes.size()};
    auto source = std::make_unique<FilesSource>(std::move(files), root,
                                                [](const Digest& digest) { return digest.hex(); });
    source->is_directory_ = true;
    return source;
  }

  Blob blob(const oci::Descriptor& descriptor) override {
    return openable(descriptor, [this, digest = descriptor.digest] {
      return files_->open(blob_path_(digest));
    });
  }

 protected:
  Result<std::string> read_document(const oci::Descriptor& descriptor) override {
    if (!is_directory_) return files_->read(blob_path_(descriptor.digest));
    return files_->read(descriptor.digest == root_.digest
                            ? "manifest.json"
                            : descriptor.digest.hex() + ".manifest.json");
  }

 private:
  std::shared_ptr<Files> files_;
  PathOf blob_path_;
  bool is_directory_ = false;
};

// What `docker save` writes. Its layers' digests are not written anywhere: those of plain tar are
// the config's diff ids, others are computed.
class DockerArchiveSource final : public ImageSource {
 public:
  explicit DockerArchiveSource(std::shared_ptr<Files> files) : files_(std::move(files)) {}

  static Result<std::unique_ptr<ImageSource>> open(const std::shared_ptr<Files>& files,
                                                   const Node& image) {
    auto source = std::make_unique<DockerArchiveSource>(files);
    TRY(source->read(image));
    return source;
  }
  // The image that has `name` among its tags; without one the only image.
  static Result<std::unique_ptr<ImageSource>> open(const std::shared_ptr<Files>& files,
                                                   const std::string& name) {
    const auto value = TRY(oci::json::parse(TRY(files->read("manifest.json")), "manifest.json"));
    return open(files, TRY(choose(Node("manifest.json", value), name)));
  }

  Blob blob(const oci::Descriptor& descriptor) override {
    return openable(descriptor,
                    [this, path = paths_.at(descriptor.digest)] { return files_->open(path); });
  }
  bool is_made_up() const override { return true; }

 protected:
  Result<std::string> read_document(const oci::Descriptor&) override { return manifest_; }

 private:
  Result<void> read(const Node& image) {
    const std::string config_path = TRY(TRY(image.member("Config")).text());
    const std::string config_bytes = TRY(files_->read(config_path));
    const oci::ImageConfig config = TRY(oci::parse_image_config(config_bytes));
    const std::vector<std::string> layers = TRY(TRY(image.member("Layers")).texts());
    if (layers.size() != config.diff_ids.size())
      return fail(Errc::kCorrupt, "the image has " + std::to_string(layers.size()) +
                                      " layers, but its config lists " +
                                      std::to_string(config.diff_ids.size()));
    oci::Manifest manifest;
    manifest.config = {.media_type = oci::kConfigType,
                       .digest = sha256(config_bytes),
                       .size = config_bytes.size()};
    paths_[manifest.config.digest] = config_path;
    for (std::size_t i = 0; i < layers.size(); ++i) {
      manifest.layers.push_back(TRY(layer(layers[i], config.diff_ids[i])));
      paths_[manifest.layers.back().digest] = layers[i];
    }
    manifest_ = oci::to_json(manifest);
    root_ = {
        .media_type = oci::kManifestType, .digest = sha256(manifest_), .size = manifest_.size()};
    return {};
  }

  static Result<Node> choose(const Node& all, const std::string& name) {
    const std::vector<Node> images = TRY(all.items());
    std::string names;
    for (const Node& image : images)
      for (const std::string& tag : TRY(TRY(image.member("RepoTags")).texts())) {
        const auto reference = oci::parse_reference(tag);
        if (!name.empty() && reference && oci::to_text(*reference) == name) return image;
        names += (names.empty() ? "" : ", ") + printable(tag);
      }
    if (name.empty() && images.size() == 1) return images.front();
    if (images.empty()) return fail(Errc::kNotFound, "the archive has no image");
    return fail(name.empty() ? Errc::kInvalid : Errc::kNotFound,
                name.empty() ? "the archive has several images" : "the archive has no " + name,
                "it has " + (names.empty() ? "no names" : names));
  }

  Result<oci::Descriptor> layer(const std::string& path, const Digest& diff_id) {
    const auto source = TRY(files_->open(path));
    char magic[archive::kMagicBytes];
    std::size_t count = 0;
    while (count < sizeof magic) {
      const std::size_t more = TRY(source->read(magic + count, sizeof magic - count));
      if (more == 0) break;
      count += more;
    }
    oci::Descriptor layer{
        .media_type = oci::kLayerType, .digest = diff_id, .size = TRY(files_->size(path))};
    const archive::Compression compression = archive::detect({magic, count});
    if (compression == archive::Compression::kNone) return layer;
    layer.media_type =
        compression == archive::Compression::kZstd ? oci::kLayerZstdType : oci::kLayerGzipType;
    const auto whole = TRY(files_->open(path));
    HashingSource bytes(*whole);
    layer.digest = TRY(bytes.drain());
    return layer;
  }

  std::shared_ptr<Files> files_;
  std::string manifest_;
  std::map<Digest, std::string> paths_;
};

}  // namespace

Result<std::string> ImageSource::document(const oci::Descriptor& descriptor) {
  std::string bytes = TRY(read_document(descriptor));
  if (sha256(bytes) != descriptor.digest)
    return fail(Errc::kCorrupt, descriptor.digest.text() + " is damaged");
  return bytes;
}

Result<void> send_checked(const Blob& blob, Sink& to) {
  if (blob.sends_checked) {
    TRY(blob.send(to));
    return to.close();
  }
  HashingSink hash(&to);
  TRY(blob.send(hash));
  const std::uint64_t bytes = hash.bytes();
  TRY(hash.close());
  if (hash.digest() != blob.descriptor.digest || bytes != blob.descriptor.size)
    return fail(Errc::kCorrupt, blob.descriptor.digest.text() + " is damaged");
  return {};
}

std::unique_ptr<ImageSource> store_source(store::Store& store, const oci::Descriptor& root) {
  return std::make_unique<StoreSource>(store, root);
}

Result<std::unique_ptr<ImageSource>> open_source(const Place& place, const Services& services) {
  switch (place.transport) {
    case Transport::kStore:
      return StoreSource::open(*services.store, place.name);
    case Transport::kRegistry:
      return RegistrySource::open(*services.client, place.name, services.staging);
    case Transport::kOciDirectory:
      return FilesSource::open_layout(TRY(open_directory(place.path)), place.name);
    case Transport::kOciArchive:
      return FilesSource::open_layout(TRY(open_archive(place.path, services.staging)), place.name);
    case Transport::kDockerArchive:
      return DockerArchiveSource::open(TRY(open_archive(place.path, services.staging)), place.name);
    case Transport::kDirectory:
      return FilesSource::open_directory(TRY(open_directory(place.path)));
  }
  return fail(Errc::kInternal, "an unknown transport");
}

namespace {

// The names of an entry of a layout's index that are references.
std::vector<std::string> names_of(const LayoutEntry& entry) {
  for (const std::string& text : {entry.full_name, entry.ref_name})
    // A tag alone names nothing.
    if (text.find_first_of("/:") != text.npos)
      if (const auto reference = oci::parse_reference(text)) return {oci::to_text(*reference)};
  return {};
}

// Docker's archives may list images of platforms that they do not have.
Result<bool> is_complete(ImageSource& source, Files& files) {
  const oci::Document document = TRY(oci::parse_document(TRY(source.document(source.root()))));
  const auto* index = std::get_if<oci::Index>(&document);
  return index == nullptr ||
         std::all_of(index->manifests.begin(), index->manifests.end(),
                     [&](const auto& one) { return files.has(layout_blob_path(one.digest)); });
}

}  // namespace

Result<std::vector<Archived>> open_all(const std::shared_ptr<Files>& files) {
  std::vector<Archived> images;
  if (files->has("index.json")) {
    for (const LayoutEntry& entry : TRY(layout_entries(*files))) {
      Archived image{
          .names = names_of(entry),
          .source = std::make_unique<FilesSource>(files, entry.descriptor, layout_blob_path)};
      image.is_complete = TRY(is_complete(*image.source, *files));
      images.push_back(std::move(image));
    }
    return images;
  }
  const auto value = TRY(oci::json::parse(TRY(files->read("manifest.json")), "manifest.json"));
  for (const Node& image : TRY(Node("manifest.json", value).items())) {
    Archived archived{.source = TRY(DockerArchiveSource::open(files, image))};
    for (const std::string& tag : TRY(TRY(image.member("RepoTags")).texts()))
      archived.names.push_back(oci::to_text(TRY(oci::parse_reference(tag))));
    images.push_back(std::move(archived));
  }
  return images;
}

Result<ChosenManifest> choose_manifest(ImageSource& source, const oci::Platform& platform) {
  ChosenManifest chosen{.descriptor = source.root()};
  for (int depth = 0; depth < kMaxIndexDepth; ++depth) {
    chosen.bytes = TRY(source.document(chosen.descriptor));
    oci::Document document = TRY(oci::parse_document(chosen.bytes));
    if (auto* manifest = std::get_if<oci::Manifest>(&document)) {
      chosen.descriptor.media_type = manifest->media_type;
      chosen.descriptor.size = chosen.bytes.size();
      chosen.manifest = std::move(*manifest);
      return chosen;
    }
    chosen.descriptor = TRY(oci::select(std::get<oci::Index>(document), platform));
  }
  return fail(Errc::kCorrupt, "indexes in too many indexes");
}

Result<std::string> read_config(ImageSource& source, const oci::Manifest& manifest) {
  if (manifest.config.size > oci::kMaxDocumentBytes)
    return fail(Errc::kInvalid, "the image's config is too large");
  StringSink bytes;
  TRY(send_checked(source.blob(manifest.config), bytes));
  return bytes.take();
}

}  // namespace lichen::transfer
