// The store: blobs, snapshots, images and cache records of one user, in one directory.
//
//   auto store = TRY(Store::open(TRY(choose_root(flag))));
//   auto writer = TRY(store->write_blob());
//   TRY(copy(source, *writer));
//   TRY(writer->commit(descriptor.digest, descriptor.size));
//   const std::int64_t id = TRY(store->begin_snapshot("ids", parent));  // fill fs_path(id) …
//   TRY(store->commit_snapshot(id));                                    // … from now on it exists
//
// Belongs to the front process; workers get plain paths (tree.h). Thread-safe, and several
// processes may have one store open: each is a session that holds a lock, and what a dead session
// left unfinished is moved aside by the next open(). Such directories may hold files of other ids,
// so their removal is the caller's (take_garbage(), through a keeper). What a session has found or
// made stays until it ends or calls release(), whoever prunes (prune.h) meanwhile. Layout,
// durability and version: docs/formats/store.md.
//
// Errors: kCorrupt for bytes that are not what their digest says, kUnsupported for a store of a
// newer lichen, kNoSpace, kDenied. Absence is a value in find_* and has_*.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "base/stream.h"
#include "oci/types.h"
#include "os/fd.h"
#include "os/file.h"

namespace lichen::store {

class Database;
class Leases;
class Session;
struct OtherSessions;
class Store;

// A blob on its way into the store: hashed as it is written; discarded unless committed. One
// thread; the store must outlive it.
class BlobWriter final : public Sink {
 public:
  ~BlobWriter() override;
  Result<void> write(std::string_view bytes) override;
  // kCorrupt when digest or size are not those expected. Once.
  Result<Digest> commit(const std::optional<Digest>& expected = {},
                        std::optional<std::uint64_t> size = {});

 private:
  friend class Store;
  BlobWriter(Store& store, std::string path, os::UniqueFd fd);

  Store& store_;
  std::string path_;
  os::FileSink file_;
  HashingSink sink_;
};

// A snapshot's layer as a blob. `chain` names the stack up to here; empty when it is not known.
struct Layer {
  Digest chain;
  Digest diff_id;
  Digest blob;
  std::uint64_t size = 0;
  std::string media_type;
  std::string form;  // what it was made with ("gzip", …); empty: it came from elsewhere, as it is
};

struct Snapshot {
  std::int64_t id = 0;
  std::string tier;
  std::optional<std::int64_t> parent;
  // Whose layer this one puts on its parent, instead of one of its own.
  std::optional<std::int64_t> linked;
  bool ready = false;
  Digest chain;  // empty: never was a layer
};

struct Image {
  std::string name;          // canonical reference; of an untagged build its manifest's digest
  Digest manifest;           // or an index
  Digest config;             // of an index: none
  std::string media_type;    // of the manifest
  std::uint64_t size = 0;    // of the manifest
  std::int64_t created = 0;  // seconds since 1970; 0: put_image() takes the time

  // What people call it by: an index of images for several platforms has no config of its own.
  const Digest& id() const { return config.empty() ? manifest : config; }
};

// What a step's key was made of, and where the step stood.
struct RecipeRecord {
  Digest key;         // the definition key
  std::string file;   // whose step it is: the Dockerfile, by its absolute path
  std::string place;  // in that file: stage and number
  std::string shape;  // what it is, wherever it stands
  std::string parts;  // JSON; the caller's
};

class Store {
 public:
  // Makes the directory (0700) when it is not there. Refused: a symlink, a directory of another
  // user, one with other things in it.
  static Result<std::unique_ptr<Store>> open(const std::string& path);
  ~Store();

  const std::string& path() const { return path_; }
  std::string mount_path() const { return path_ + "/mnt"; }    // empty; to mount on, in a worker
  std::string empty_path() const { return path_ + "/empty"; }  // an empty directory: lowest lower
  // A name in tmp/ that nobody else uses; the session's leftovers are removed with it.
  Result<std::string> temporary_path() const;
  Result<std::string> make_temporary_directory() const;

  // Directories to be removed by somebody who is root of our user namespace. Each is given once.
  std::vector<std::string> take_garbage();

  // Blobs. What was written before a power loss is verified before it is used again.
  Result<std::unique_ptr<BlobWriter>> write_blob();
  Result<Digest> put_blob(std::string_view bytes);
  // Takes over a file that a worker wrote at temporary_path(); its digest is believed.
  Result<void> import_blob(const std::string& path, const Digest& digest, std::uint64_t size);
  bool has_blob(const Digest& digest);
  Result<std::optional<std::uint64_t>> blob_size(const Digest& digest);
  Result<os::UniqueFd> open_blob(const Digest& digest);  // kNotFound
  Result<std::string> read_blob(const Digest& digest);   // documents only; verified
  std::string blob_path(const Digest& digest) const;

  // Snapshots. Between begin and commit the row is 'building' and seen by nobody else.
  // `description`: a line that tells people what it is. `linked` is a finished one without a
  // parent, whose layer does not depend on what is below: it is put on `parent` as it is, and
  // nothing is to be filled.
  Result<std::int64_t> begin_snapshot(const std::string& tier, std::optional<std::int64_t> parent,
                                      const std::string& description = {},
                                      std::optional<std::int64_t> linked = {});
  Result<void> commit_snapshot(std::int64_t id);
  Result<std::string> abandon_snapshot(std::int64_t id);  // what the caller must remove
  // Of a step that failed: to be looked into, until prune_failed() or any other prune.
  Result<void> keep_failed_snapshot(std::int64_t id);
  Result<std::optional<Snapshot>> find_snapshot(std::int64_t id);
  // Of several (two processes unpacked one base) always the same one.
  Result<std::optional<std::int64_t>> find_snapshot_by_chain(const std::string& tier,
                                                             const Digest& chain);
  Result<std::vector<std::int64_t>> chain(std::int64_t id);  // bottom first, `id` last
  // Whose directories, one on the other, are the tree of `id`: bottom first, each once.
  Result<std::vector<std::int64_t>> stack(std::int64_t id);
  std::string fs_path(std::int64_t id) const;      // one overlayfs layer
  std::string work_path(std::int64_t id) const;    // overlayfs' workdir
  std::string owners_path(std::int64_t id) const;  // sidecar; absent: no records
  std::string copied_path(std::int64_t id) const;  // ops::CopiedFiles; may be absent
  // The newest that a step in the place of `like` made on the same parent, and that has the file
  // copied_path(); `linked` ones aside. It stays as what is found does, but does not count as used.
  Result<std::optional<std::int64_t>> find_sibling(const std::string& tier, std::int64_t parent,
                                                   const RecipeRecord& like);
  // Files of `id` will be those of its sibling `earlier`: usage counts them once.
  Result<void> join_family(std::int64_t id, std::int64_t earlier);

  // Layers. One recorded for a snapshot is found for snapshots of the same chain at other tiers.
  Result<void> set_layer(std::int64_t snapshot, const Layer& layer);
  Result<std::optional<Layer>> find_layer(std::int64_t snapshot);
  Result<std::vector<Layer>> find_layers_by_diff_id(const Digest& diff_id);
  // The same layer compressed in another way, by Layer::form. It may be dropped when no image has
  // it.
  Result<void> put_conversion(const Digest& blob, const Layer& made);
  Result<std::optional<Layer>> find_conversion(const Layer& layer, const std::string& form);

  // Cache records. `parts` is JSON and `description` a line for `explain`.
  Result<std::optional<std::int64_t>> find_cache(const std::string& tier, const Digest& key);
  Result<void> put_cache(const std::string& tier, const Digest& key, std::int64_t snapshot,
                         std::string_view parts = {}, std::string_view description = {});

  // What keys were made of, for `explain`. The newest few of each place are kept.
  Result<void> put_recipe(const std::string& tier, const RecipeRecord& recipe);
  // Of the same place, else of the same shape in the same file, else of the same shape: the newest
  // first.
  Result<std::vector<RecipeRecord>> find_recipes(const std::string& tier, const RecipeRecord& like);
  Result<std::optional<RecipeRecord>> find_recipe(const std::string& tier, const Digest& key);

  // Images. `text` is a name, a digest, or four or more hex digits that begin the digest of one
  // image's config or manifest (kInvalid when several do).
  Result<void> put_image(const Image& image);
  Result<std::optional<Image>> find_image(const std::string& text);
  Result<std::vector<Image>> list_images();            // by name
  Result<void> remove_image(const std::string& name);  // as in Image::name; kNotFound

  // What a registry said last, for builds without a network.
  Result<void> put_resolution(const std::string& reference, const std::string& platform,
                              const oci::Descriptor& manifest);
  Result<std::optional<oci::Descriptor>> find_resolution(const std::string& reference,
                                                         const std::string& platform);

  // Waits until no other thread or process holds the same key: single flight.
  Result<os::FileLock> lock_key(const std::string& tier, const Digest& key);

  // What this session has found or made may be removed from now on; the snapshots among it were
  // used now. A build's last act, done at the end in any case.
  Result<void> release();

  // syncfs, then all that is finished is marked durable: it survives a power loss.
  Result<void> sync();

 private:
  friend class BlobWriter;
  friend class CacheMount;
  friend class Fsck;
  friend class Inventory;
  friend class Pruning;
  explicit Store(std::string path);

  // Bottom first; tier, ready and chain are left out.
  Result<std::vector<Snapshot>> snapshots_of(std::int64_t id);
  Result<void> prepare_directories();
  Result<void> sweep(const OtherSessions& others);
  Result<void> start_alone();
  Result<bool> keep(std::int64_t id, bool is_use = true);
  Result<void> discard_snapshot(std::int64_t id);
  Result<std::string> to_garbage(const std::string& path);
  Result<void> place_blob(const std::string& temporary, const Digest& digest, std::uint64_t size);
  Result<bool> verify_blob(const Digest& digest);
  Result<std::optional<Image>> find_image_by_prefix(const std::string& prefix);

  std::string path_;
  std::string boot_;  // boot id of this kernel
  std::unique_ptr<Session> session_;
  std::unique_ptr<Database> db_;
  std::unique_ptr<Leases> leases_;
};

}  // namespace lichen::store
