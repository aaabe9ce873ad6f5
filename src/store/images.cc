// Images and what registries said last.

#include <algorithm>
#include <ctime>

#include "base/text.h"
#include "oci/reference.h"
#include "store/db.h"
#include "store/store.h"

namespace lichen::store {

namespace {

constexpr std::size_t kMinPrefix = 4;

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

// Columns name, manifest, config, media_type, size, created.
Result<Image> parse_image(const Row& row) {
  const std::string config = text(row[2]);
  return Image{.name = text(row[0]),
               .manifest = TRY(Digest::parse(text(row[1]))),
               .config = config.empty() ? Digest() : TRY(Digest::parse(config)),
               .media_type = text(row[3]),
               .size = static_cast<std::uint64_t>(number(row[4])),
               .created = number(row[5])};
}

}  // namespace

Result<void> Store::put_image(const Image& image) {
  const std::int64_t created =
      image.created != 0 ? image.created : static_cast<std::int64_t>(std::time(nullptr));
  (void)TRY(
      db_->query("INSERT OR REPLACE INTO images(name, manifest, config, media_type, size, created)"
                 " VALUES(?, ?, ?, ?, ?, ?)",
                 {image.name, image.manifest.text(), image.config.text(), image.media_type,
                  static_cast<std::int64_t>(image.size), created}));
  return {};
}

Result<std::optional<Image>> Store::find_image(const std::string& given) {
  std::vector<std::string> names{given};
  if (const auto reference = oci::parse_reference(given)) names.push_back(oci::to_text(*reference));
  for (const std::string& name : names) {
    const Rows rows = TRY(db_->query(
        "SELECT name, manifest, config, media_type, size, created FROM images WHERE name = ?",
        {name}));
    if (!rows.empty()) return TRY(parse_image(rows[0]));
  }
  constexpr std::string_view kScheme = "sha256:";
  const std::string hex = starts_with(given, kScheme) ? given.substr(kScheme.size()) : given;
  if (hex.size() < kMinPrefix || !is_hex(hex)) return std::nullopt;
  return find_image_by_prefix(std::string(kScheme) + hex);
}

Result<std::optional<Image>> Store::find_image_by_prefix(const std::string& prefix) {
  // Digits and letters only, so nothing in it is a wildcard.
  const Rows rows =
      TRY(db_->query("SELECT name, manifest, config, media_type, size, created FROM images"
                     " WHERE manifest LIKE ?1 || '%' OR config LIKE ?1 || '%' ORDER BY name",
                     {prefix}));
  std::optional<Image> found;
  for (const Row& row : rows) {
    Image image = TRY(parse_image(row));
    if (found && found->manifest != image.manifest)
      return fail(Errc::kInvalid, "several images begin with " + prefix, "give more digits");
    if (!found) found = std::move(image);
  }
  return found;
}

Result<std::vector<Image>> Store::list_images() {
  std::vector<Image> images;
  for (const Row& row : TRY(db_->query(
           "SELECT name, manifest, config, media_type, size, created FROM images ORDER BY name")))
    images.push_back(TRY(parse_image(row)));
  return images;
}

Result<void> Store::remove_image(const std::string& name) {
  const Rows rows = TRY(db_->query("DELETE FROM images WHERE name = ? RETURNING name", {name}));
  if (rows.empty()) return fail(Errc::kNotFound, "there is no image " + printable(name));
  return {};
}

Result<void> Store::put_resolution(const std::string& reference, const std::string& platform,
                                   const oci::Descriptor& manifest) {
  // Most builds see what the last one saw: no write then.
  const auto known = TRY(find_resolution(reference, platform));
  if (known && known->digest == manifest.digest && known->media_type == manifest.media_type)
    return {};
  (void)TRY(db_->query(
      "INSERT OR REPLACE INTO resolutions(reference, platform, media_type, digest, size, seen)"
      " VALUES(?, ?, ?, ?, ?, ?)",
      {reference, platform, manifest.media_type, manifest.digest.text(),
       static_cast<std::int64_t>(manifest.size), static_cast<std::int64_t>(std::time(nullptr))}));
  return {};
}

Result<std::optional<oci::Descriptor>> Store::find_resolution(const std::string& reference,
                                                              const std::string& platform) {
  const Rows rows = TRY(db_->query(
      "SELECT media_type, digest, size FROM resolutions WHERE reference = ? AND platform = ?",
      {reference, platform}));
  if (rows.empty()) return std::nullopt;
  oci::Descriptor descriptor;
  descriptor.media_type = text(rows[0][0]);
  descriptor.digest = TRY(Digest::parse(text(rows[0][1])));
  descriptor.size = static_cast<std::uint64_t>(number(rows[0][2]));
  return descriptor;
}

}  // namespace lichen::store
