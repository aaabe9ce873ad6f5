// Dropping what nothing names.

#include <fcntl.h>
#include <unistd.h>

#include <set>

#include "base/text.h"
#include "store/db.h"
#include "store/session.h"
#include "store/store.h"

namespace lichen::store {

namespace {

constexpr int kMaxIndexDepth = 4;

// Adds `digest` and, when it is a manifest or an index of the store, all that it names. What cannot
// be read names nothing.
void mark_document(Store& store, const Digest& digest, std::set<Digest>& needed, int depth = 0) {
  if (digest.empty() || !needed.insert(digest).second || depth > kMaxIndexDepth) return;
  const auto bytes = store.read_blob(digest);
  if (!bytes) return;
  const auto document = oci::parse_document(*bytes);
  if (!document) return;
  if (const auto* index = std::get_if<oci::Index>(&*document)) {
    for (const oci::Descriptor& manifest : index->manifests)
      mark_document(store, manifest.digest, needed, depth + 1);
    return;
  }
  const auto& manifest = std::get<oci::Manifest>(*document);
  needed.insert(manifest.config.digest);
  for (const oci::Descriptor& layer : manifest.layers) needed.insert(layer.digest);
}

}  // namespace

Result<std::vector<std::string>> Store::collect() {
  const os::FileLock opening = TRY(Session::opening_lock(path_));
  if (!TRY(other_sessions(path_, session_->name())).live.empty()) return take_garbage();

  std::set<Digest> images;
  for (const Row& row : TRY(db_->query("SELECT manifest FROM images UNION"
                                       " SELECT digest FROM resolutions")))
    if (const auto digest = Digest::parse(text(row[0]))) mark_document(*this, *digest, images);

  // Snapshots: of cache records, being built, of an image's layers; and those that they stand on.
  std::set<std::int64_t> keep;
  for (const Row& row : TRY(db_->query("SELECT snapshot, blob, chain FROM layers"))) {
    const auto blob = Digest::parse(text(row[1]));
    if (!text(row[2]).empty() && blob && images.count(*blob) != 0) keep.insert(number(row[0]));
  }
  for (const Row& row :
       TRY(db_->query("SELECT snapshot FROM cache UNION SELECT id FROM snapshots WHERE ready = 0")))
    keep.insert(number(row[0]));
  // What one stands on has a smaller number always: downwards, one pass reaches everything.
  for (const Row& row :
       TRY(db_->query("SELECT id, parent, linked FROM snapshots ORDER BY id DESC"))) {
    if (keep.count(number(row[0])) != 0)
      keep.insert({number(row[1]), number(row[2])});
    else
      TRY(discard_snapshot(number(row[0])));
  }
  const os::UniqueFd snapshots = TRY(os::open(path_ + "/snapshots", O_RDONLY | O_DIRECTORY));
  std::set<std::string> names;
  for (const Row& row : TRY(db_->query("SELECT id FROM snapshots")))
    names.insert(std::to_string(number(row[0])));
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(snapshots)))
    if (names.count(entry.name) == 0)
      session_->add_garbage(TRY(to_garbage(path_ + "/snapshots/" + entry.name)));

  // Blobs: of images and resolutions, and of the layers that are left.
  std::set<Digest> needed = std::move(images);
  for (const Row& row : TRY(db_->query("SELECT blob FROM layers")))
    if (const auto digest = Digest::parse(text(row[0]))) needed.insert(*digest);
  for (const Row& row : TRY(db_->query("SELECT digest FROM blobs"))) {
    const auto digest = Digest::parse(text(row[0]));
    if (digest && needed.count(*digest) != 0) continue;
    (void)TRY(db_->query("DELETE FROM blobs WHERE digest = ?", {row[0]}));
  }
  (void)TRY(db_->query("DELETE FROM conversions WHERE made NOT IN (SELECT digest FROM blobs)"));
  const os::UniqueFd blobs = TRY(os::open(path_ + "/blobs/sha256", O_RDONLY | O_DIRECTORY));
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(blobs))) {
    const auto digest = Digest::parse("sha256:" + entry.name);
    if (!digest || needed.count(*digest) == 0) ::unlinkat(blobs.get(), entry.name.c_str(), 0);
  }
  return take_garbage();
}

}  // namespace lichen::store
