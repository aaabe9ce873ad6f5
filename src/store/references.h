// Which blobs are needed, and by what. Internal to store.
//
// Counts, so that what goes can be taken off one by one; who asks makes sure that nobody else has
// changed the database since (Database::version).
#pragma once

#include <cstdint>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace lichen::store {

class Database;
class Store;

class References {
 public:
  static Result<References> load(const Store& store, Database& db);

  bool is_needed(const Digest& blob) const { return counts_.count(blob) != 0; }
  // Of an image all, of a source (what a registry said: source_key()) the documents alone.
  const std::set<Digest>& of_image(const std::string& name) const;
  const std::set<Digest>& of_source(const std::string& key) const;
  const std::set<Digest>& layers_of_source(const std::string& key) const;
  // Empty: the snapshot has no layer.
  Digest of_snapshot(std::int64_t id) const;

  // All blobs that images and sources name, layers too.
  const std::set<Digest>& named_by_images() const { return of_images_; }
  const std::set<Digest>& named_by_sources() const { return of_sources_; }

  // No longer needed by it. What is needed by nothing any more.
  std::vector<Digest> drop_image(const std::string& name);
  std::vector<Digest> drop_source(const std::string& key);
  std::vector<Digest> drop_snapshot(std::int64_t id);

 private:
  void add(const std::set<Digest>& blobs);
  std::vector<Digest> take_off(const std::set<Digest>& blobs);

  std::map<std::string, std::set<Digest>> images_, sources_, source_layers_;
  std::map<std::int64_t, Digest> layers_;
  std::set<Digest> of_images_, of_sources_;
  std::map<Digest, unsigned> counts_;
};

std::string source_key(const std::string& reference, const std::string& platform);

}  // namespace lichen::store
