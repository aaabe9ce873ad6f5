#include "ops/imported.h"

namespace lichen::ops {

using solver::ResultId;

void ImportedCache::add(const Digest& key, MakeTree make) {
  const std::lock_guard lock(mutex_);
  trees_.emplace(key, std::move(make));
}

bool ImportedCache::empty() const {
  const std::lock_guard lock(mutex_);
  return trees_.empty();
}

void ImportedCache::clear() {
  const std::lock_guard lock(mutex_);
  trees_.clear();
  failure_.reset();
}

ImportedCache::Found& ImportedCache::found(ResultId result) const {
  const std::lock_guard lock(mutex_);
  return *found_.at(static_cast<std::size_t>(-result - 1));
}

std::optional<ImportedCache::Hit> ImportedCache::find(const Digest& key) {
  std::unique_lock lock(mutex_);
  const auto known = trees_.find(key);
  if (known == trees_.end()) return std::nullopt;
  auto tree = known->second();
  if (!tree || tree->empty()) {
    trees_.erase(known);
    return std::nullopt;
  }
  const Digest chain = tree->back().layer.chain;
  const auto [at, is_new] = by_chain_.try_emplace(chain, -static_cast<ResultId>(found_.size()) - 1);
  if (is_new) {
    found_.push_back(std::make_unique<Found>());
    found_.back()->tree = std::move(*tree);
  }
  found_.at(static_cast<std::size_t>(-at->second - 1))->keys.insert(key);
  return Hit{.chain = chain, .result = at->second};
}

const RemoteTree& ImportedCache::tree(ResultId result) const {
  return found(result).tree;  // never changes
}

void ImportedCache::note_key(const Digest& key, ResultId result) {
  Found& one = found(result);
  const std::lock_guard lock(mutex_);
  one.keys.insert(key);
}

Result<std::int64_t> ImportedCache::snapshot(
    ResultId result, store::Store& store, const std::string& tier,
    const std::function<Result<std::int64_t>(const RemoteTree&)>& make) {
  Found& one = found(result);
  const std::lock_guard making(one.making);
  if (one.snapshot) return *one.snapshot;
  auto made = make(one.tree);
  const std::lock_guard lock(mutex_);
  if (!made) {
    if (made.error().code != Errc::kCancelled && made.error().code != Errc::kNoSpace)
      failure_ = made.error();
    return made;
  }
  for (const Digest& key : one.keys) TRY(store.put_cache(tier, key, *made));
  any_fetched_ = true;
  one.snapshot = *made;
  return *made;
}

std::optional<std::int64_t> ImportedCache::find_snapshot(ResultId result) const {
  Found& one = found(result);
  const std::lock_guard making(one.making);
  return one.snapshot;
}

std::vector<Digest> ImportedCache::keys_of(ResultId result) const {
  const Digest chain = found(result).tree.back().layer.chain;
  const std::lock_guard lock(mutex_);
  std::vector<Digest> keys;
  for (const auto& [key, make] : trees_)
    if (const auto tree = make(); tree && !tree->empty() && tree->back().layer.chain == chain)
      keys.push_back(key);
  return keys;
}

std::optional<Error> ImportedCache::failure() const {
  const std::lock_guard lock(mutex_);
  return failure_;
}

bool ImportedCache::any_fetched() const {
  const std::lock_guard lock(mutex_);
  return any_fetched_;
}

}  // namespace lichen::ops
