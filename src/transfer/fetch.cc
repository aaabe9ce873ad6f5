#include "transfer/fetch.h"

#include "base/text.h"

namespace lichen::transfer {

namespace {

// A document that the store has, or that the registry gives (checked by the client).
Result<std::string> document(store::Store& store, registry::Client& client,
                             const oci::Reference& reference, const Digest& digest) {
  if (store.has_blob(digest)) return store.read_blob(digest);
  auto fetched = TRY(client.fetch_manifest(reference, digest.text()));
  (void)TRY(store.put_blob(fetched.bytes));
  return std::move(fetched.bytes);
}

}  // namespace

Result<Fetched> fetch(store::Store& store, registry::Client& client,
                      const oci::Reference& reference, const oci::Platform& platform) {
  oci::Descriptor root;
  if (!reference.digest.empty())
    root.digest = reference.digest;
  else
    root = TRY(client.resolve(reference));
  const std::string bytes = TRY(document(store, client, reference, root.digest));
  const oci::Document top = TRY(oci::parse_document(bytes));
  Fetched fetched;
  oci::Manifest manifest;
  if (const auto* index = std::get_if<oci::Index>(&top)) {
    fetched.manifest = TRY(oci::select(*index, platform));
    const oci::Document inner =
        TRY(oci::parse_document(TRY(document(store, client, reference, fetched.manifest.digest))));
    if (!std::holds_alternative<oci::Manifest>(inner))
      return fail(Errc::kUnsupported, "an index inside an index: " + oci::familiar_text(reference));
    manifest = std::get<oci::Manifest>(inner);
  } else {
    manifest = std::get<oci::Manifest>(top);
    fetched.manifest = {
        .media_type = manifest.media_type, .digest = root.digest, .size = bytes.size()};
  }
  // A push to another repository of the registry need not send what the base image has.
  for (const oci::Descriptor& layer : manifest.layers)
    client.remember_blob(reference, layer.digest);
  if (!store.has_blob(manifest.config.digest)) {
    if (manifest.config.size > oci::kMaxDocumentBytes)
      return fail(Errc::kInvalid, "the image's config is too large");
    const auto writer = TRY(store.write_blob());
    TRY(client.fetch_blob(reference, manifest.config, *writer));
    (void)TRY(writer->commit(manifest.config.digest, manifest.config.size));
  }
  fetched.config = TRY(oci::parse_image_config(TRY(store.read_blob(manifest.config.digest))));
  return fetched;
}

Result<Fetched> load(store::Store& store, const oci::Descriptor& root,
                     const oci::Platform& platform) {
  if (!store.has_blob(root.digest))
    return fail(Errc::kNotFound, root.digest.text() + " is not in the store");
  Fetched fetched{.manifest = root, .config = {}};
  oci::Document top = TRY(oci::parse_document(TRY(store.read_blob(root.digest))));
  if (const auto* index = std::get_if<oci::Index>(&top)) {
    fetched.manifest = TRY(oci::select(*index, platform));
    return load(store, fetched.manifest, platform);
  }
  const Digest& config = std::get<oci::Manifest>(top).config.digest;
  if (!store.has_blob(config)) return fail(Errc::kNotFound, config.text() + " is not in the store");
  fetched.config = TRY(oci::parse_image_config(TRY(store.read_blob(config))));
  return fetched;
}

}  // namespace lichen::transfer
