#include "transfer/image_target.h"

#include <fcntl.h>
#include <unistd.h>

#include <map>
#include <optional>

#include "base/text.h"
#include "os/file.h"
#include "transfer/files.h"
#include "transfer/layout.h"

namespace lichen::transfer {

// A layout and what its index and manifest.json will say.
struct LayoutState {
  std::unique_ptr<NewFiles> files;
  std::string earlier = {};  // index.json that was there
  std::vector<NamedImage> images = {};
  std::map<Digest, DockerImage> docker = {};  // by the manifest
  bool has_docker = false;

  Result<void> begin() {
    if (auto bytes = files->earlier("index.json"))
      earlier = std::move(*bytes);
    else if (bytes.error().code != Errc::kNotFound)
      return fail(std::move(bytes).error());
    return files->put("oci-layout", kLayoutFile);
  }
  Result<void> finish() {
    if (has_docker) {
      std::vector<DockerImage> all;
      for (const NamedImage& image : images)
        if (const auto found = docker.extract(image.root.digest)) all.push_back(found.mapped());
      TRY(files->put("manifest.json", docker_manifest(all)));
    }
    TRY(files->put("index.json", TRY(layout_index(earlier, images))));
    return files->finish();
  }
};

namespace {

constexpr unsigned kTransfers = 6;
// A registry syncs each blob to its disk, and small ones take it no longer side by side.
constexpr unsigned kPushes = 16;

class StoreTarget final : public ImageTarget {
 public:
  StoreTarget(store::Store& store, std::vector<std::string> names)
      : store_(store), names_(std::move(names)) {}

  unsigned parallel() const override { return kTransfers; }
  Result<void> put_blob(const Blob& blob, const oci::Reference&) override {
    if (store_.has_blob(blob.descriptor.digest)) return {};
    const auto writer = TRY(store_.write_blob());
    TRY(blob.send(*writer));
    (void)TRY(writer->commit(blob.descriptor.digest, blob.descriptor.size));
    return {};
  }
  Result<void> put_document(const oci::Descriptor&, std::string_view bytes, bool is_root) override {
    (void)TRY(store_.put_blob(bytes));
    if (!is_root) return {};
    const oci::Document document = TRY(oci::parse_document(bytes));
    if (const auto* manifest = std::get_if<oci::Manifest>(&document))
      config_ = manifest->config.digest;
    return {};
  }
  Result<void> finish(const oci::Descriptor& root) override {
    if (names_.empty()) names_.push_back(root.digest.text());
    for (const std::string& name : names_)
      TRY(store_.put_image({.name = name,
                            .manifest = root.digest,
                            .config = config_,
                            .media_type = root.media_type,
                            .size = root.size}));
    return store_.sync();
  }

 private:
  store::Store& store_;
  std::vector<std::string> names_;
  Digest config_;
};

class RegistryTarget final : public ImageTarget {
 public:
  RegistryTarget(registry::Client& client, oci::Reference reference)
      : client_(client), reference_(std::move(reference)) {}

  unsigned parallel() const override { return kPushes; }
  Result<void> put_blob(const Blob& blob, const oci::Reference& mount_from) override {
    const std::string from =
        mount_from.domain == reference_.domain && mount_from.repository != reference_.repository
            ? mount_from.repository
            : "";
    (void)TRY(client_.push_blob(reference_, blob.descriptor, blob.open, from));
    return {};
  }
  Result<void> put_document(const oci::Descriptor& descriptor, std::string_view bytes,
                            bool is_root) override {
    if (is_root && !reference_.digest.empty() && reference_.digest != descriptor.digest)
      return fail(Errc::kInvalid,
                  "the image is " + descriptor.digest.text() + ", not " + reference_.digest.text());
    const std::string target =
        is_root && !reference_.tag.empty() ? reference_.tag : descriptor.digest.text();
    (void)TRY(client_.push_manifest(reference_, target, descriptor.media_type, bytes));
    return {};
  }
  Result<void> finish(const oci::Descriptor&) override { return {}; }

 private:
  registry::Client& client_;
  oci::Reference reference_;
};

// Blobs and documents as files.
class FilesTarget : public ImageTarget {
 public:
  explicit FilesTarget(NewFiles& files) : files_(files) {}

  unsigned parallel() const override { return files_.one_at_a_time() ? 1 : kTransfers; }
  Result<void> put_blob(const Blob& blob, const oci::Reference&) override {
    const std::string path = blob_path(blob.descriptor.digest);
    if (files_.has(path, blob.descriptor.size)) return {};
    return files_.put(path, blob.descriptor.size, [&](Sink& to) { return send_checked(blob, to); });
  }

 protected:
  virtual std::string blob_path(const Digest& digest) const = 0;
  NewFiles& files_;
};

class LayoutTarget final : public FilesTarget {
 public:
  // `alone`: nothing comes after this image.
  LayoutTarget(std::shared_ptr<LayoutState> layout, LayoutNames names, bool alone)
      : FilesTarget(*layout->files),
        layout_(std::move(layout)),
        names_(std::move(names)),
        alone_(alone) {}

  Result<void> put_document(const oci::Descriptor& descriptor, std::string_view bytes,
                            bool is_root) override {
    const std::string path = layout_blob_path(descriptor.digest);
    if (!files_.has(path, bytes.size())) TRY(files_.put(path, bytes));
    if (!names_.docker || !is_root) return {};
    oci::Document document = TRY(oci::parse_document(bytes));
    auto* manifest = std::get_if<oci::Manifest>(&document);
    if (manifest == nullptr)
      return fail(Errc::kUnsupported,
                  "a docker archive holds images of one platform, and this is an index",
                  "choose one with --platform");
    layout_->has_docker = true;
    DockerImage& image = layout_->docker[descriptor.digest];
    image.manifest = std::move(*manifest);
    image.references.insert(image.references.end(), names_.references.begin(),
                            names_.references.end());
    return {};
  }
  Result<void> finish(const oci::Descriptor& root) override {
    NamedImage image{.root = root, .names = {}};
    for (const std::string& reference : names_.references)
      image.names.push_back(layout_name(reference));
    if (!names_.ref.empty()) image.names.push_back({.full = {}, .ref = names_.ref});
    layout_->images.push_back(std::move(image));
    if (!alone_) return {};
    return layout_->finish();
  }

 protected:
  std::string blob_path(const Digest& digest) const override { return layout_blob_path(digest); }

 private:
  std::shared_ptr<LayoutState> layout_;
  LayoutNames names_;
  bool alone_;
};

// containers/image's "dir:", as it stands in its documentation (containers-transports(5)).
class DirectoryTarget final : public FilesTarget {
 public:
  explicit DirectoryTarget(std::unique_ptr<NewFiles> files)
      : FilesTarget(*files), own_files_(std::move(files)) {}

  Result<void> put_document(const oci::Descriptor& descriptor, std::string_view bytes,
                            bool is_root) override {
    return files_.put(is_root ? "manifest.json" : descriptor.digest.hex() + ".manifest.json",
                      bytes);
  }
  Result<void> finish(const oci::Descriptor&) override {
    TRY(files_.put("version", "Directory Transport Version: 1.1\n"));
    return files_.finish();
  }

 protected:
  std::string blob_path(const Digest& digest) const override { return digest.hex(); }

 private:
  std::unique_ptr<NewFiles> own_files_;
};

Result<std::unique_ptr<ImageTarget>> open_store(store::Store& store, const std::string& name) {
  const oci::Reference reference = TRY(oci::parse_reference(name));
  if (!reference.digest.empty())
    return fail(Errc::kInvalid, printable(name) + ": an image's new name cannot have a digest");
  return store_target(store, {oci::to_text(reference)});
}

// A directory to write into: new, empty, or one of its kind, which has the file `mark`.
Result<std::unique_ptr<NewFiles>> directory_for(const std::string& path, const char* mark) {
  auto directory = os::open(path, O_RDONLY | O_DIRECTORY);
  if (directory && !TRY(os::read_directory(*directory)).empty() && !os::exists(path + "/" + mark))
    return fail(Errc::kInvalid, printable(path) + " has other things in it (no file " + mark + ")");
  return make_directory(path);
}

Result<std::unique_ptr<NewFiles>> archive_for(const std::string& path, int output_fd) {
  if (path == "-" && ::isatty(output_fd))
    return fail(Errc::kInvalid, "an archive is not written to a terminal",
                "redirect it, or name a file");
  return make_archive(path, output_fd);
}

Result<std::shared_ptr<LayoutState>> begin_layout(std::unique_ptr<NewFiles> files) {
  auto state = std::make_shared<LayoutState>();
  state->files = std::move(files);
  TRY(state->begin());
  return state;
}

Result<std::unique_ptr<NewFiles>> layout_files(const Place& place, const Services& services) {
  if (place.transport == Transport::kOciDirectory) return directory_for(place.path, "oci-layout");
  return archive_for(place.path, services.output_fd);
}

}  // namespace

Result<std::unique_ptr<ImageTarget>> layout_target(std::unique_ptr<NewFiles> files,
                                                   LayoutNames names) {
  return std::make_unique<LayoutTarget>(TRY(begin_layout(std::move(files))), std::move(names),
                                        true);
}

Result<SharedLayout> SharedLayout::open(const Place& place, const Services& services) {
  if (place.transport != Transport::kOciDirectory && place.transport != Transport::kOciArchive &&
      place.transport != Transport::kDockerArchive)
    return fail(Errc::kInvalid, printable(to_text(place)) + " is a place for one image",
                "docker-archive, oci-archive and oci-dir hold several");
  return SharedLayout(TRY(begin_layout(TRY(layout_files(place, services)))));
}

std::unique_ptr<ImageTarget> SharedLayout::next(LayoutNames names) {
  return std::make_unique<LayoutTarget>(state_, std::move(names), false);
}

Result<void> SharedLayout::finish() {
  return state_->finish();
}

std::unique_ptr<ImageTarget> store_target(store::Store& store, std::vector<std::string> names) {
  return std::make_unique<StoreTarget>(store, std::move(names));
}

std::unique_ptr<ImageTarget> registry_target(registry::Client& client,
                                             const oci::Reference& reference) {
  return std::make_unique<RegistryTarget>(client, reference);
}

Result<std::unique_ptr<ImageTarget>> open_target(const Place& place, const Services& services) {
  switch (place.transport) {
    case Transport::kStore:
      return open_store(*services.store, place.name);
    case Transport::kRegistry:
      return registry_target(*services.client, TRY(oci::parse_reference(place.name)));
    case Transport::kOciDirectory:
    case Transport::kOciArchive: {
      if (starts_with(place.name, "sha256:"))
        return fail(Errc::kInvalid, "an image's new name in a layout cannot be a digest");
      return layout_target(TRY(layout_files(place, services)),
                           {.references = {}, .ref = place.name});
    }
    case Transport::kDockerArchive: {
      LayoutNames names{.docker = true};
      if (!place.name.empty()) names.references.push_back(place.name);
      return layout_target(TRY(layout_files(place, services)), std::move(names));
    }
    case Transport::kDirectory:
      return std::make_unique<DirectoryTarget>(TRY(directory_for(place.path, "version")));
  }
  return fail(Errc::kInternal, "an unknown transport");
}

}  // namespace lichen::transfer
