// What a store takes on disk, thing by thing: `lichen du`, and what prune() chooses from.
//
//   const Usage usage = TRY(usage_of(store, measure));
//   usage.total();  // as `du -s` of the store's directory counts
//
// Every byte is counted once: a blob belongs to the image that has it, else to the step. Other
// processes may go on meanwhile. Sizes are bytes, times seconds since 1970.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/digest.h"
#include "base/result.h"

namespace lichen::store {

class Store;

// What trees take on disk, asked of who may look into them (root of our user namespace). What
// several of them share counts for the first.
using Measure =
    std::function<Result<std::vector<std::uint64_t>>(const std::vector<std::string>& paths)>;

enum class UsageKind {
  kStep,          // the result of an instruction
  kBase,          // an unpacked layer of an image from elsewhere
  kImage,         // its blobs
  kSource,        // what a registry said about a name, and the documents
  kCacheMount,    // RUN --mount=type=cache
  kGit,           // a fetched repository
  kDownload,      // what ADD of a URL keeps
  kContext,       // digests of context files
  kHistory,       // the record of a build
  kUnreferenced,  // what nothing needs
};

struct UsageEntry {
  UsageKind kind = UsageKind::kUnreferenced;
  std::string id;           // "12", an image's name, a directory's …: says with `kind` what it is
  std::string description;  // for people; foreign text
  std::uint64_t bytes = 0;
  std::int64_t created = 0, used = 0;  // a snapshot is used when one that stands on it is
  std::optional<std::int64_t> parent;  // of a snapshot
  std::optional<std::int64_t> linked;  // likewise: whose directory it shows
  std::optional<std::int64_t> family;  // likewise: those of one share files, which count for one
  bool in_use = false;                 // by a session that lives, now
  bool shared = false;    // a snapshot that an image with a name was made of, or its source
  bool orphan = false;    // nothing will find it again
  bool has_name = false;  // an image that people gave one

  std::int64_t snapshot() const;  // 0: it is none
};

struct Usage {
  std::vector<UsageEntry> entries;
  std::uint64_t other = 0;  // the database, locks, directories, and what is on its way
  std::uint64_t total() const;
};

Result<Usage> usage_of(Store& store, const Measure& measure);

}  // namespace lichen::store
