#include "image/layout.h"

#include <fcntl.h>

#include <algorithm>
#include <nlohmann/json.hpp>

#include "archive/tar_writer.h"
#include "base/text.h"
#include "oci/reference.h"
#include "os/file.h"
#include "store/contents.h"

namespace lichen::image {

namespace {

constexpr char kLayoutFile[] = "{\"imageLayoutVersion\":\"1.0.0\"}";
constexpr char kRefName[] = "org.opencontainers.image.ref.name";
constexpr char kImageName[] = "io.containerd.image.name";

// Everything a layout holds, in the order in which it is written: small documents or store blobs.
struct Member {
  std::string path;
  std::string bytes;  // or
  Digest blob;
  std::uint64_t size = 0;
};

std::string blob_path(const Digest& digest) {
  return "blobs/sha256/" + digest.hex();
}

std::string index_json(const oci::Descriptor& root, const LayoutOptions& options) {
  oci::Index index;
  if (options.names.empty()) index.manifests.push_back(root);
  for (const std::string& name : options.names) {
    oci::Descriptor named = root;
    const auto reference = oci::parse_reference(name);
    named.annotations[kImageName] = name;
    named.annotations[kRefName] = reference && !reference->tag.empty() ? reference->tag : name;
    index.manifests.push_back(std::move(named));
  }
  return oci::to_json(index);
}

std::string docker_json(const oci::Manifest& manifest, const LayoutOptions& options) {
  nlohmann::ordered_json layers = nlohmann::ordered_json::array();
  for (const oci::Descriptor& layer : manifest.layers) layers.push_back(blob_path(layer.digest));
  nlohmann::ordered_json tags = nlohmann::ordered_json::array();
  for (const std::string& name : options.names) {
    const auto reference = oci::parse_reference(name);
    tags.push_back(reference ? oci::familiar_text(*reference) : name);
  }
  nlohmann::ordered_json image;
  image["Config"] = blob_path(manifest.config.digest);
  image["RepoTags"] = tags.empty() ? nlohmann::ordered_json(nullptr) : tags;
  image["Layers"] = layers;
  return nlohmann::ordered_json::array({image}).dump();
}

Result<std::vector<Member>> members_of(store::Store& store, const oci::Descriptor& root,
                                       const LayoutOptions& options) {
  std::vector<Member> members;
  members.push_back({.path = "oci-layout", .bytes = kLayoutFile});
  members.push_back({.path = "index.json", .bytes = index_json(root, options)});
  if (options.docker) {
    const oci::Document document = TRY(oci::parse_document(TRY(store.read_blob(root.digest))));
    const auto* manifest = std::get_if<oci::Manifest>(&document);
    if (manifest == nullptr)
      return fail(Errc::kUnsupported, root.digest.text() + " is an index, not an image");
    members.push_back({.path = "manifest.json", .bytes = docker_json(*manifest, options)});
  }
  const store::Contents contents = TRY(store::contents_of(store, root));
  const auto add = [&](const oci::Descriptor& one) {
    members.push_back(
        {.path = blob_path(one.digest), .bytes = {}, .blob = one.digest, .size = one.size});
  };
  std::for_each(contents.documents.rbegin(), contents.documents.rend(), add);
  std::for_each(contents.blobs.begin(), contents.blobs.end(), add);
  return members;
}

class TarSink final : public Sink {
 public:
  explicit TarSink(archive::TarWriter& tar) : tar_(tar) {}
  Result<void> write(std::string_view bytes) override { return tar_.write(bytes); }

 private:
  archive::TarWriter& tar_;
};

}  // namespace

Result<void> write_layout(store::Store& store, const oci::Descriptor& root,
                          const LayoutOptions& options, Sink& to) {
  archive::TarWriter tar(to);
  for (const char* directory : {"blobs", "blobs/sha256"})
    TRY(tar.add({.path = directory, .type = archive::EntryType::kDirectory, .mode = 0755}));
  for (const Member& member : TRY(members_of(store, root, options))) {
    const std::uint64_t size = member.blob.empty() ? member.bytes.size() : member.size;
    TRY(tar.add({.path = member.path, .mode = 0644, .size = size}));
    if (member.blob.empty()) {
      TRY(tar.write(member.bytes));
      continue;
    }
    os::FileSource blob(TRY(store.open_blob(member.blob)), member.blob.text());
    TarSink sink(tar);
    (void)TRY(copy(blob, sink));
  }
  return tar.finish();
}

Result<void> write_layout_directory(store::Store& store, const oci::Descriptor& root,
                                    const LayoutOptions& options, const std::string& directory) {
  TRY(os::mkdirs(directory + "/blobs/sha256"));
  for (const Member& member : TRY(members_of(store, root, options))) {
    const std::string path = directory + "/" + member.path;
    if (member.blob.empty()) {
      TRY(os::replace_file(path, member.bytes));
      continue;
    }
    const os::UniqueFd from = TRY(store.open_blob(member.blob));
    const std::string temporary = path + ".tmp";
    const os::UniqueFd file = TRY(os::open(temporary, O_WRONLY | O_CREAT | O_TRUNC, 0644));
    (void)TRY(os::copy_content(from, file));
    TRY(os::rename(temporary, path));
  }
  return {};
}

Result<std::string> read_layout_blob(const std::string& directory, const oci::Descriptor& blob) {
  const std::string path = directory + "/" + blob_path(blob.digest);
  auto bytes = os::read_file(path, oci::kMaxDocumentBytes);
  if (!bytes) return fail(std::move(bytes).error());
  if (sha256(*bytes) != blob.digest)
    return fail(Errc::kCorrupt, path + " does not have the digest that is its name");
  return bytes;
}

Result<oci::Descriptor> read_layout(const std::string& directory, const std::string& selector,
                                    const oci::Platform& platform) {
  auto text = os::read_file(directory + "/index.json", oci::kMaxDocumentBytes);
  if (!text) return fail(std::move(text).error().in(directory + " is not an OCI image layout"));
  const oci::Document document = TRY(oci::parse_document(*text));
  const auto* index = std::get_if<oci::Index>(&document);
  if (index == nullptr) return fail(Errc::kInvalid, directory + "/index.json is not an index");

  std::vector<oci::Descriptor> found;
  for (const oci::Descriptor& entry : index->manifests) {
    const auto name = entry.annotations.find(kRefName);
    if (selector.empty() || entry.digest.text() == selector ||
        (name != entry.annotations.end() && name->second == selector))
      found.push_back(entry);
  }
  if (found.empty())
    return fail(Errc::kNotFound, directory + " has no image " + printable(selector));
  if (found.size() > 1 && found[0].digest != found[1].digest)
    return fail(Errc::kInvalid, directory + " has several images",
                "name one: oci-layout://" + directory + ":TAG");
  oci::Descriptor chosen = found[0];
  for (int depth = 0; depth < 4; ++depth) {
    const oci::Document inner = TRY(oci::parse_document(TRY(read_layout_blob(directory, chosen))));
    if (std::holds_alternative<oci::Manifest>(inner)) return chosen;
    chosen = TRY(oci::select(std::get<oci::Index>(inner), platform));
  }
  return fail(Errc::kCorrupt, directory + ": indexes are nested too deeply");
}

}  // namespace lichen::image
