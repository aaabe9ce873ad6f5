// Trees that an imported cache has and the store has not: found by key, fetched when somebody needs
// them.
//
//   ImportedCache imported;
//   imported.add(key, [..] { return tree; });
//   Cache cache(store, tier, &imported);      // finds them, as results below 0
//
// Such a result is a tree whose layers are known and lie elsewhere. The runner makes a snapshot of
// one that a step uses; what stands on it in the cache, and is used itself, needs none. Keys are
// the same at all tiers, since layers are. Thread-safe.
#pragma once

#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "base/stream.h"
#include "oci/types.h"
#include "solver/solver.h"
#include "store/store.h"

namespace lichen::ops {

struct RemoteLayer {
  store::Layer layer;
  std::int64_t created = 0;  // seconds since 1970; 0: not known
  // Gives the blob's bytes, whatever they are: who takes them compares the digest.
  std::function<Result<void>(Sink& to)> send;
  std::function<Result<std::unique_ptr<Source>>()> open;
};
using RemoteTree = std::vector<RemoteLayer>;  // lowest first, never empty

inline bool is_remote(solver::ResultId result) {
  return result < 0;
}

class ImportedCache {
 public:
  using MakeTree = std::function<Result<RemoteTree>()>;

  // Of several caches that have a key the first one counts.
  void add(const Digest& key, MakeTree make);
  bool empty() const;
  void clear();  // nothing is found from now on

  // The tree's chain id and result; nullopt too when the cache contradicts itself there.
  struct Hit {
    Digest chain;
    solver::ResultId result = 0;
  };
  std::optional<Hit> find(const Digest& key);
  const RemoteTree& tree(solver::ResultId result) const;
  // Another key of a result that was found.
  void note_key(const Digest& key, solver::ResultId result);

  // The snapshot of a result: `make` makes it, once, and its keys are recorded.
  Result<std::int64_t> snapshot(solver::ResultId result, store::Store& store,
                                const std::string& tier,
                                const std::function<Result<std::int64_t>(const RemoteTree&)>& make);
  // What snapshot() has made.
  std::optional<std::int64_t> find_snapshot(solver::ResultId result) const;
  // All keys that find the tree.
  std::vector<Digest> keys_of(solver::ResultId result) const;
  // Why a tree could not be had. What the user can do nothing about is no reason to stop: the
  // build goes on without these caches.
  std::optional<Error> failure() const;
  bool any_fetched() const;

 private:
  struct Found {
    RemoteTree tree;
    std::set<Digest> keys;
    std::mutex making;
    std::optional<std::int64_t> snapshot;  // under making
  };
  Found& found(solver::ResultId result) const;

  mutable std::mutex mutex_;
  std::map<Digest, MakeTree> trees_;
  std::vector<std::unique_ptr<Found>> found_;  // result -1 is the first
  std::map<Digest, solver::ResultId> by_chain_;
  std::optional<Error> failure_;
  bool any_fetched_ = false;
};

}  // namespace lichen::ops
