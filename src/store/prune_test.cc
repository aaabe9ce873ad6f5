#include "store/prune.h"

#include <gtest/gtest.h>
#include <sqlite3.h>

#include <algorithm>
#include <ctime>
#include <functional>
#include <set>
#include <thread>

#include "os/disk.h"
#include "store/cache_mount.h"
#include "store/db.h"
#include "store/fsck.h"
#include "store/leases.h"
#include "store/store.h"
#include "store/testing.h"

namespace lichen::store {
namespace {

using testing::measure;
using testing::message;
using testing::TempDir;
using Scope = PruneRequest::Scope;

Digest key(const std::string& text) {
  return sha256(text);
}

class PruneTest : public ::testing::Test {
 protected:
  std::string path() const { return dir_ / "store"; }

  std::unique_ptr<Store> open() const {
    auto store = Store::open(path());
    EXPECT_TRUE(store) << message(store);
    return store ? std::move(*store) : nullptr;
  }

  // A cached step with a file of `kib` KiB.
  static std::int64_t step(Store& store, const std::string& name,
                           std::optional<std::int64_t> parent = {}, std::size_t kib = 4) {
    const auto id = store.begin_snapshot("ids", parent, name);
    EXPECT_TRUE(id) << message(id);
    EXPECT_TRUE(os::replace_file(store.fs_path(*id) + "/f", std::string(kib << 10, 'x')));
    EXPECT_TRUE(store.commit_snapshot(*id));
    EXPECT_TRUE(store.put_cache("ids", key(name), *id));
    return *id;
  }

  // An image whose only layer is that of `snapshot`.
  static Digest image(Store& store, const std::string& name, std::int64_t snapshot) {
    const Digest layer = *store.put_blob("layer of " + std::to_string(snapshot));
    const std::uint64_t size = **store.blob_size(layer);
    EXPECT_TRUE(store.set_layer(snapshot, {.chain = key("chain" + std::to_string(snapshot)),
                                           .diff_id = key("diff"),
                                           .blob = layer,
                                           .size = size,
                                           .media_type = oci::kLayerType,
                                           .form = "gzip -1"}));
    const Digest config = *store.put_blob("{}");
    const Digest manifest = *store.put_blob(oci::to_json(
        oci::Manifest{.config = {.media_type = oci::kConfigType, .digest = config, .size = 2},
                      .layers = {{.media_type = oci::kLayerType, .digest = layer, .size = size}}}));
    EXPECT_TRUE(store.put_image({.name = name.empty() ? manifest.text() : name,
                                 .manifest = manifest,
                                 .config = config,
                                 .media_type = oci::kManifestType}));
    return manifest;
  }

  // As if the snapshots had been used in this order, an hour apart, the last one hour ago.
  void used_in_order(const std::vector<std::int64_t>& ids) const {
    const auto db = Database::open(path() + "/lichen.db", false);
    ASSERT_OK(db);
    std::int64_t time = std::time(nullptr) - 3600 * static_cast<std::int64_t>(ids.size());
    for (const std::int64_t id : ids) {
      ASSERT_OK((*db)->query("UPDATE snapshots SET used = ? WHERE id = ?", {time, id}));
      time += 3600;
    }
  }

  static std::set<std::int64_t> there(Store& store, const std::vector<std::int64_t>& ids) {
    std::set<std::int64_t> found;
    for (const std::int64_t id : ids)
      if (const auto one = store.find_snapshot(id); one && *one) found.insert(id);
    return found;
  }

  // What they take in all.
  static std::uint64_t snapshots(Store& store) {
    std::uint64_t bytes = 0;
    const auto usage = usage_of(store, measure);
    for (const UsageEntry& entry : usage->entries)
      if (entry.snapshot() != 0) bytes += entry.bytes;
    return bytes;
  }

  static Pruned run(Store& store, const PruneRequest& request) {
    auto pruned = prune(store, request, measure);
    EXPECT_TRUE(pruned) << message(pruned);
    if (!pruned) return {};
    for (const std::string& path : pruned->garbage) EXPECT_TRUE(os::remove_tree(path));
    const auto checked = fsck(store, {.deep = true});
    EXPECT_TRUE(checked && checked->problems.empty());
    return std::move(*pruned);
  }

  TempDir dir_;
};

TEST_F(PruneTest, TakesWhatNoImageWithANameNeeds) {
  std::int64_t base = 0, kept = 0, loose = 0;
  Digest tagged, untagged;
  {
    const auto store = open();
    base = step(*store, "base");
    kept = step(*store, "kept", base);
    loose = step(*store, "loose", base);
    tagged = image(*store, "docker.io/library/app:1", kept);
    untagged = image(*store, "", loose);
  }
  const auto store = open();
  const Pruned pruned = run(*store, {});
  EXPECT_EQ(there(*store, {base, kept, loose}), (std::set{base, kept}));
  EXPECT_TRUE(store->has_blob(tagged));
  EXPECT_FALSE(store->has_blob(untagged));
  EXPECT_FALSE(os::exists(store->blob_path(untagged)));
  EXPECT_GT(pruned.bytes, 4096u);
  store->release();
  run(*store, {.scope = Scope::kAll});
  EXPECT_TRUE(there(*store, {base, kept}).empty());
  EXPECT_TRUE(store->list_images()->empty());
  EXPECT_FALSE(os::exists(store->blob_path(tagged)));
}

TEST_F(PruneTest, ALinkedLayerStaysWithWhatShowsIt) {
  std::int64_t base = 0, layer = 0, shows = 0, loose = 0;
  {
    const auto store = open();
    base = step(*store, "base");
    layer = *store->begin_snapshot("ids", {});
    ASSERT_OK(store->commit_snapshot(layer));
    shows = *store->begin_snapshot("ids", base, "shows", layer);
    ASSERT_OK(store->commit_snapshot(shows));
    ASSERT_OK(store->put_cache("ids", key("shows"), shows));
    loose = *store->begin_snapshot("ids", base, "loose", layer);
    ASSERT_OK(store->commit_snapshot(loose));
  }
  const auto store = open();
  run(*store, {.scope = Scope::kOrphans});
  EXPECT_EQ(there(*store, {base, layer, shows, loose}), (std::set{base, layer, shows}));
  run(*store, {.scope = Scope::kAll});
  EXPECT_TRUE(there(*store, {base, layer, shows}).empty());
}

TEST_F(PruneTest, ALayerInAnotherCompressionGoesWithItsBlob) {
  const Layer layer{.diff_id = key("d"), .blob = key("plain")};
  {
    const auto store = open();
    ASSERT_OK(store->put_conversion(
        layer.blob,
        {.blob = *store->put_blob("zipped"), .size = 6, .media_type = "m", .form = "gzip -1"}));
    EXPECT_FALSE(*store->find_conversion(layer, "zstd -1"));
    const auto found = *store->find_conversion(layer, "gzip -1");
    ASSERT_TRUE(found);
    EXPECT_EQ(found->blob, sha256("zipped"));
    EXPECT_EQ(found->diff_id, key("d"));
    EXPECT_EQ(found->size, 6u);
  }
  const auto store = open();
  run(*store, {.scope = Scope::kOrphans});
  EXPECT_FALSE(*store->find_conversion(layer, "gzip -1"));
  (void)*store->put_blob("zipped");
  EXPECT_FALSE(*store->find_conversion(layer, "gzip -1")) << "its row is gone, too";
}

TEST_F(PruneTest, OrphansAreWhatNothingFindsAgain) {
  std::int64_t base = 0, cached = 0, loose = 0;
  Digest stray, layer;
  {
    const auto store = open();
    base = *store->begin_snapshot("ids", {});
    ASSERT_OK(store->commit_snapshot(base));
    cached = step(*store, "cached", base);
    loose = *store->begin_snapshot("ids", base);
    ASSERT_OK(store->commit_snapshot(loose));
    stray = *store->put_blob("stray");
    image(*store, "i", cached);
    layer = store->find_layer(cached)->value().blob;
  }
  const auto store = open();
  run(*store, {.scope = Scope::kOrphans});
  EXPECT_EQ(there(*store, {base, cached, loose}), (std::set{base, cached}));
  EXPECT_FALSE(os::exists(store->blob_path(stray)));
  EXPECT_TRUE(os::exists(store->blob_path(layer)));
  EXPECT_EQ(store->chain(cached)->size(), 2u);
}

TEST_F(PruneTest, LeastRecentlyUsedGoesFirstUntilTheLimitIsMet) {
  constexpr std::size_t kKib = 256;
  std::vector<std::int64_t> ids;
  {
    const auto store = open();
    for (const char* name : {"a", "b", "c", "d"}) ids.push_back(step(*store, name, {}, kKib));
  }
  used_in_order({ids[2], ids[0], ids[3], ids[1]});
  const auto store = open();
  const std::uint64_t total = usage_of(*store, measure)->total();
  const std::uint64_t most = total - (kKib << 10) * 3 / 2;  // two of them must go
  const Pruned pruned = run(*store, {.limits = {.max_used = most}});
  EXPECT_EQ(there(*store, ids), (std::set{ids[3], ids[1]}));
  EXPECT_LE(pruned.left, most);
  EXPECT_LE(usage_of(*store, measure)->total(), pruned.left);
}

TEST_F(PruneTest, AParentIsAsRecentAsItsChildren) {
  std::vector<std::int64_t> ids;
  {
    const auto store = open();
    ids.push_back(step(*store, "parent"));
    ids.push_back(step(*store, "child", ids[0]));
    ids.push_back(step(*store, "other"));
  }
  used_in_order({ids[0], ids[2], ids[1]});
  const auto store = open();
  run(*store, {.before = std::time(nullptr) - 5400});
  EXPECT_EQ(there(*store, ids), (std::set{ids[0], ids[1]}));
}

TEST_F(PruneTest, WithLimitsAnImageKeepsOnlyItsBlobs) {
  std::int64_t id = 0;
  Digest manifest;
  {
    const auto store = open();
    id = step(*store, "s", {}, 64);
    manifest = image(*store, "docker.io/library/app:1", id);
  }
  const auto store = open();
  run(*store, {.limits = {.max_used = 1}});
  EXPECT_TRUE(there(*store, {id}).empty());
  EXPECT_TRUE(store->has_blob(manifest));
}

TEST_F(PruneTest, WhatASessionUsesStays) {
  std::vector<std::int64_t> ids;
  Digest blob;
  {
    const auto store = open();
    ids.push_back(step(*store, "below"));
    ids.push_back(step(*store, "found", ids[0]));
    ids.push_back(step(*store, "else"));
    blob = *store->put_blob("blob");
  }
  const auto pruning = open();
  {
    const auto building = open();
    ASSERT_EQ(**building->find_cache("ids", key("found")), ids[1]);
    ASSERT_TRUE(building->has_blob(blob));
    const std::int64_t made = step(*building, "made");
    const auto begun = building->begin_snapshot("ids", made);
    ASSERT_OK(begun);
    run(*pruning, {.scope = Scope::kAll});
    EXPECT_EQ(there(*pruning, {ids[0], ids[1], ids[2], made, *begun}),
              (std::set{ids[0], ids[1], made, *begun}));
    EXPECT_TRUE(os::exists(building->blob_path(blob)));
    ASSERT_OK(building->commit_snapshot(*begun));
  }
  run(*pruning, {.scope = Scope::kAll});
  EXPECT_EQ(usage_of(*pruning, measure)->entries.size(), 0u);
  EXPECT_FALSE(os::exists(pruning->blob_path(blob)));
}

TEST_F(PruneTest, CacheMountsGoWhenNoStepHasThem) {
  const auto store = open();
  const auto never = [] { return false; };
  const auto fill = [](const std::string&) -> Result<std::string> { return std::string(); };
  const CacheMountName name{.tier = "ids", .id = "/root/.cache", .base = {}};
  const std::string place = store->path() + "/caches/" + name.text();
  {
    auto used = CacheMount::open(*store, name, CacheMount::Sharing::kPrivate, fill, never);
    ASSERT_OK(used);
    run(*store, {});
    EXPECT_TRUE(os::exists(used->directory()));
  }
  const auto other = open();
  for (Store* one : {store.get(), other.get()}) {
    run(*one, {.kinds = {UsageKind::kCacheMount}});
    EXPECT_TRUE(os::exists(place)) << "a later step of the build wants it";
  }
  ASSERT_OK(store->release());
  run(*store, {.kinds = {UsageKind::kStep}});
  EXPECT_TRUE(os::exists(place));
  run(*store, {.kinds = {UsageKind::kCacheMount}});
  EXPECT_FALSE(os::exists(place));
  EXPECT_TRUE(CacheMount::open(*store, name, CacheMount::Sharing::kShared, fill, never));
}

// Sessions that find, make and use, while others prune all the time: nobody loses what he has.
TEST_F(PruneTest, SideBySideWithBuilds) {
  constexpr int kRounds = 40;
  const auto keep = open();
  std::atomic<bool> over = false;
  const auto build = [&](int seed) {
    for (int round = 0; round < kRounds; ++round) {
      const auto store = open();
      const std::string name = std::to_string((seed + round) % 3);
      std::int64_t base = 0;
      if (const auto found = store->find_cache("ids", key(name)); found && *found)
        base = **found;
      else
        base = step(*store, name);
      const std::int64_t top = step(*store, name + " top " + std::to_string(seed), base);
      const Digest blob = *store->put_blob("blob " + name);
      EXPECT_EQ(store->chain(top)->size(), 2u);
      EXPECT_TRUE(os::exists(store->fs_path(base) + "/f"));
      EXPECT_TRUE(os::exists(store->fs_path(top) + "/f"));
      EXPECT_TRUE(store->read_blob(blob));
    }
  };
  std::vector<std::jthread> pruners;
  for (const Scope scope : {Scope::kAll, Scope::kCache})
    pruners.emplace_back([&, scope] {
      while (!over) {
        const auto store = open();
        const auto pruned = prune(*store, {.scope = scope}, measure);
        EXPECT_TRUE(pruned) << message(pruned);
        if (!pruned) break;
        for (const std::string& path : pruned->garbage) EXPECT_TRUE(os::remove_tree(path));
      }
    });
  {
    std::jthread one([&] { build(0); }), two([&] { build(1); });
  }
  over = true;
  pruners.clear();
  run(*keep, {.scope = Scope::kAll});
  EXPECT_TRUE(usage_of(*keep, measure)->entries.empty());
}

TEST(Excess, IsWhatTheLimitsSay) {
  const struct {
    Limits limits;
    std::uint64_t used, free, excess;
  } rows[] = {
      {{.max_used = 100}, 150, 0, 50},
      {{.max_used = 100}, 80, 0, 0},
      {{.max_used = 100, .reserved = 120}, 150, 0, 30},
      {{.min_free = 50}, 150, 20, 30},
      {{.min_free = 50}, 10, 20, 10},
      {{.max_used = 100, .min_free = 70}, 150, 0, 70},
      {{.reserved = 40}, 150, 0, 110},
  };
  for (const auto& row : rows)
    EXPECT_EQ(excess(row.limits, row.used, row.free), row.excess) << row.used;
}

TEST_F(PruneTest, UsageIsWhatTheFileSystemSays) {
  {
    const auto store = open();
    const std::int64_t base = step(*store, "base", {}, 300);
    image(*store, "docker.io/library/app:1", step(*store, "top", base, 50));
    ASSERT_EQ(
        ::link((store->fs_path(base) + "/f").c_str(), (store->fs_path(base) + "/again").c_str()),
        0);
    (void)*store->put_blob("stray");
    (void)*store->make_temporary_directory();
  }
  const auto store = open();
  const auto usage = usage_of(*store, measure);
  ASSERT_OK(usage);
  // The sizes of the snapshots are written to the database meanwhile.
  const auto again = usage_of(*store, measure);
  EXPECT_EQ(again->total(), os::disk_usage(path()));
  for (const UsageEntry& entry : usage->entries) EXPECT_GT(entry.bytes, 0u) << entry.id;
}

TEST_F(PruneTest, WhatFilesAreLinkedFromStaysAndIsNotUsed) {
  std::int64_t base = 0, earlier = 0;
  const RecipeRecord place{
      .key = key("copy"), .file = "/f", .place = "file 2", .shape = "s", .parts = "[]"};
  {
    const auto store = open();
    base = step(*store, "base");
    earlier = step(*store, "copy", base);
    ASSERT_OK(store->put_recipe("ids", place));
    ASSERT_TRUE(os::replace_file(store->copied_path(earlier), "marks"));
  }
  used_in_order({earlier, base});
  const auto used = [&](Store& store) {
    const auto usage = usage_of(store, measure);
    for (const UsageEntry& entry : usage->entries)
      if (entry.snapshot() == earlier) return entry.used;
    return std::int64_t{0};
  };
  const auto store = open();
  const std::int64_t before = used(*store);
  {
    const auto other = open();
    EXPECT_EQ(*other->find_sibling("ids", base, place), earlier);
    run(*store, {.scope = Scope::kAll});
    EXPECT_EQ(there(*store, {earlier}).size(), 1u);
  }
  EXPECT_EQ(used(*store), before);
  {
    const auto other = open();
    EXPECT_EQ(*other->find_sibling("ids", base, place), earlier);
    EXPECT_EQ(*other->find_cache("ids", key("copy")), earlier);
  }
  EXPECT_GT(used(*store), before);
  run(*store, {.scope = Scope::kAll});
  EXPECT_TRUE(there(*store, {earlier}).empty());
}

// What siblings share is counted once, whichever of them goes, and a removal frees what it says.
TEST_F(PruneTest, SharedFilesAreCountedOnce) {
  constexpr int kSteps = 4;
  std::vector<std::int64_t> orders[] = {{0, 1, 2, 3}, {3, 2, 1, 0}, {1, 3, 0, 2}};
  for (const auto& order : orders) {
    ASSERT_TRUE(os::remove_tree(path()));
    std::vector<std::int64_t> ids;
    {
      const auto store = open();
      const std::int64_t base = step(*store, "base");
      for (int n = 0; n < kSteps; ++n) {
        const auto id = store->begin_snapshot("ids", base, "copy");
        ASSERT_OK(id);
        ASSERT_TRUE(os::replace_file(store->fs_path(*id) + "/own", std::string(50 << 10, 'o')));
        ASSERT_TRUE(os::replace_file(store->fs_path(*id) + "/next", std::string(200 << 10, 'n')));
        if (n == 0) {
          ASSERT_TRUE(os::replace_file(store->fs_path(*id) + "/all", std::string(900 << 10, 'a')));
        } else {
          ASSERT_OK(store->join_family(*id, ids.back()));
          for (const auto& [from, to] : {std::pair("/all", "/all"), {"/next", "/last"}})
            ASSERT_EQ(::link((store->fs_path(ids.back()) + from).c_str(),
                             (store->fs_path(*id) + to).c_str()),
                      0);
        }
        ASSERT_OK(store->commit_snapshot(*id));
        ASSERT_OK(store->put_cache("ids", key("copy" + std::to_string(n)), *id));
        ids.push_back(*id);
        // Counted at once, or all at the end.
        if (order.front() != 0) {
          EXPECT_EQ(usage_of(*store, measure)->total(), os::disk_usage(path()));
        }
      }
    }
    std::vector<std::int64_t> by_use;
    for (const std::int64_t n : order) by_use.push_back(ids[static_cast<std::size_t>(n)]);
    used_in_order(by_use);
    const auto store = open();
    for (std::size_t n = 0; n < by_use.size(); ++n) {
      const std::uint64_t used = usage_of(*store, measure)->total(), size = snapshots(*store);
      EXPECT_EQ(usage_of(*store, measure)->total(), os::disk_usage(path()));
      const Pruned pruned = run(*store, {.limits = {.max_used = used - 1}});
      ASSERT_EQ(there(*store, ids).count(by_use[n]), 0u);
      ASSERT_EQ(there(*store, ids).size(), ids.size() - n - 1);
      EXPECT_EQ(size - snapshots(*store), pruned.bytes);
      EXPECT_EQ(usage_of(*store, measure)->total(), os::disk_usage(path()));
    }
  }
}

TEST_F(PruneTest, AFamilyFreesInOneGoWhatItTakes) {
  std::vector<std::int64_t> ids;
  {
    const auto store = open();
    for (int n = 0; n < 3; ++n) {
      ids.push_back(step(*store, "copy" + std::to_string(n)));
      if (n == 0) continue;
      ASSERT_OK(store->join_family(ids.back(), ids.front()));
      ASSERT_TRUE(os::replace_file(store->fs_path(ids[0]) + "/x" + std::to_string(n),
                                   std::string(300 << 10, 'x')));
      ASSERT_EQ(::link((store->fs_path(ids[0]) + "/x" + std::to_string(n)).c_str(),
                       (store->fs_path(ids.back()) + "/x").c_str()),
                0);
    }
  }
  // One of them is found by another session once it is known what there is: what it has stays.
  const auto store = open(), busy = open();
  bool is_found = false;
  const Measure meanwhile = [&](const std::vector<std::string>& paths) {
    if (!is_found && paths.size() == ids.size())
      is_found = busy->find_cache("ids", key("copy1")).value_or(std::nullopt).has_value();
    return measure(paths);
  };
  const std::uint64_t size = snapshots(*store);
  const auto pruned = prune(*store, {.scope = Scope::kAll}, meanwhile);
  ASSERT_OK(pruned);
  for (const std::string& garbage : pruned->garbage) EXPECT_TRUE(os::remove_tree(garbage));
  EXPECT_TRUE(is_found);
  EXPECT_EQ(there(*store, ids), std::set{ids[1]});
  EXPECT_EQ(size - snapshots(*store), pruned->bytes);
  EXPECT_EQ(snapshots(*store), os::disk_usage(store->fs_path(ids[1]) + "/.."));
  EXPECT_EQ(usage_of(*store, measure)->total(), os::disk_usage(path()));
}

TEST_F(PruneTest, WipeNeedsNoDatabase) {
  Digest blob;
  {
    const auto store = open();
    image(*store, "docker.io/library/app:1", step(*store, "s"));
    EXPECT_FALSE(*wipe(path())) << "somebody has it open";
  }
  ASSERT_OK(os::unlink(path() + "/lichen.db-wal"));  // which has all of it, too
  ASSERT_OK(os::replace_file(path() + "/lichen.db", "this is no database"));
  const auto broken = Store::open(path());
  EXPECT_EQ(broken.error().code, Errc::kCorrupt);
  EXPECT_NE(broken.error().hint.find("lichen prune --all"), std::string::npos);
  {
    const auto wiped = wipe(path());
    ASSERT_OK(wiped);
    ASSERT_TRUE(*wiped);
    for (const std::string& garbage : (*wiped)->garbage) ASSERT_OK(os::remove_tree(garbage));
    EXPECT_FALSE(os::exists(path() + "/snapshots"));
  }
  EXPECT_FALSE(*wipe(dir_ / "elsewhere"));
  const auto store = open();
  ASSERT_NE(store, nullptr);
  EXPECT_TRUE(usage_of(*store, measure)->entries.empty());
}

TEST_F(PruneTest, FsckRemovesWhatIsDamaged) {
  std::int64_t bad = 0, above = 0, good = 0;
  Digest layer;
  {
    const auto store = open();
    bad = step(*store, "bad");
    above = step(*store, "above", bad);
    good = step(*store, "good");
    image(*store, "i", good);
    layer = store->find_layer(good)->value().blob;
    ASSERT_OK(store->put_cache("ids", key("dangling"), 99));
    ASSERT_OK(os::mkdirs(path() + "/snapshots/77"));
    ASSERT_OK(os::mkdirs(path() + "/caches/nonsense"));
  }
  ASSERT_OK(os::replace_file(path() + "/snapshots/" + std::to_string(bad) + "/owners", "x"));
  ASSERT_OK(os::replace_file(path() + "/blobs/sha256/" + layer.hex(), "another"));
  const auto store = open();
  const auto found = fsck(*store, {.deep = true});
  ASSERT_OK(found);
  EXPECT_EQ(found->problems.size(), 6u) << ::testing::PrintToString(found->problems);
  EXPECT_EQ(found->left, 6u);
  const auto repaired = fsck(*store, {.deep = true, .repair = true});
  ASSERT_OK(repaired);
  EXPECT_EQ(repaired->left, 0u) << ::testing::PrintToString(repaired->problems);
  EXPECT_TRUE(fsck(*store, {.deep = true})->problems.empty());
  EXPECT_EQ(there(*store, {bad, above, good}), std::set{good});
  EXPECT_FALSE(store->has_blob(layer));
}

TEST_F(PruneTest, WhatAFailedStepLeftIsKeptUntilAnotherFails) {
  const auto store = open();
  const std::int64_t base = step(*store, "base");
  const auto failed = [&](Store& in) {
    const auto id = in.begin_snapshot("ids", base, "RUN x");
    EXPECT_TRUE(id);
    EXPECT_TRUE(os::replace_file(in.fs_path(*id) + "/f", "x"));
    EXPECT_TRUE(in.keep_failed_snapshot(*id));
    return *id;
  };
  const std::int64_t one = failed(*store);
  ASSERT_OK(prune_failed(*store));
  EXPECT_TRUE(*store->find_snapshot(one)) << "this session's own stays";
  ASSERT_OK(store->release());
  const std::int64_t two = failed(*store);
  const auto pruned = prune_failed(*store);
  ASSERT_OK(pruned);
  EXPECT_FALSE(pruned->garbage.empty());
  EXPECT_FALSE(*store->find_snapshot(one));
  EXPECT_TRUE(*store->find_snapshot(two));
  EXPECT_TRUE(*store->find_snapshot(base));
  ASSERT_OK(store->release());
  run(*store, {.scope = PruneRequest::Scope::kOrphans});
  EXPECT_FALSE(*store->find_snapshot(two)) << "any prune removes it";
}

TEST_F(PruneTest, RecordsOfBuildsGoFirstButNotThoseOfRunningOnes) {
  const auto store = open();
  step(*store, "a");
  ASSERT_OK(os::mkdirs(path() + "/history", 0700));
  for (const char* name : {"1", "2"})
    ASSERT_OK(os::replace_file(path() + "/history/" + name + ".jsonl", std::string(9000, 'x')));
  const auto running = os::FileLock::try_exclusive(path() + "/history/2.jsonl");
  ASSERT_OK(running);
  const auto usage = usage_of(*store, measure);
  ASSERT_OK(usage);
  const auto order = candidates(*usage, {});
  ASSERT_GE(order.size(), 2u);
  EXPECT_EQ(order.front()->kind, UsageKind::kHistory);
  run(*store, {.kinds = {UsageKind::kHistory}});
  EXPECT_FALSE(os::exists(path() + "/history/1.jsonl"));
  EXPECT_TRUE(os::exists(path() + "/history/2.jsonl"));
}

// The tables of the first schema, in the database of a store that is there.
void make_old(const std::string& path) {
  sqlite3* db = nullptr;
  ASSERT_EQ(sqlite3_open(path.c_str(), &db), SQLITE_OK);
  constexpr char kBack[] = R"(
DROP INDEX layers_blob;
ALTER TABLE snapshots DROP COLUMN used; ALTER TABLE snapshots DROP COLUMN bytes;
ALTER TABLE snapshots DROP COLUMN description; ALTER TABLE layers DROP COLUMN form;
ALTER TABLE snapshots DROP COLUMN linked; DROP TABLE conversions;
DROP TABLE recipes;
DROP INDEX snapshots_family; ALTER TABLE snapshots DROP COLUMN family;
PRAGMA user_version = 1;)";
  EXPECT_EQ(sqlite3_exec(db, kBack, nullptr, nullptr, nullptr), SQLITE_OK) << sqlite3_errmsg(db);
  sqlite3_close(db);
}

TEST_F(PruneTest, AnOlderStoreIsBroughtUpToDate) {
  std::int64_t id = 0;
  {
    const auto store = open();
    id = step(*store, "old");
    image(*store, "i", id);
  }
  make_old(path() + "/lichen.db");
  const auto store = open();
  ASSERT_NE(store, nullptr);
  EXPECT_EQ(**store->find_cache("ids", key("old")), id);
  ASSERT_TRUE(*store->find_layer(id));
  EXPECT_EQ((*store->find_layer(id))->form, "") << "such layers are used as they are";
  const auto usage = usage_of(*store, measure);
  ASSERT_OK(usage);
  for (const UsageEntry& entry : usage->entries) EXPECT_GT(entry.used, 0) << entry.id;
  run(*store, {});
}

TEST_F(PruneTest, AnOlderStoreThatIsInUseIsNot) {
  const auto older = open();
  make_old(path() + "/lichen.db");
  const auto store = Store::open(path());
  ASSERT_FALSE(store);
  EXPECT_EQ(store.error().code, Errc::kUnavailable);
}

TEST(Leases, AreOfOneFileEach) {
  TempDir dir;
  const auto one = Leases::open(dir.path()), two = Leases::open(dir.path());
  ASSERT_OK(one);
  ASSERT_OK(two);
  Leases &a = **one, &b = **two;
  const Leases::Place blob = Leases::of(key("b"));
  ASSERT_OK(a.hold(7));
  ASSERT_OK(a.hold(blob));
  ASSERT_OK(b.hold(7));
  EXPECT_TRUE(b.is_held(blob));
  EXPECT_FALSE(b.is_held(8));
  EXPECT_FALSE(*b.begin_removal(blob));
  EXPECT_TRUE(*b.begin_removal(8));
  EXPECT_FALSE(*a.begin_removal(8));
  std::atomic<bool> held = false;
  std::jthread waits([&] {
    EXPECT_TRUE(a.hold(8));
    held = true;
  });
  std::this_thread::sleep_for(std::chrono::milliseconds(20));
  EXPECT_FALSE(held);
  b.end_removal(8);
  waits.join();
  EXPECT_EQ(a.used_snapshots(), (std::vector<std::int64_t>{7, 8}));
  a.release();
  EXPECT_TRUE(*b.begin_removal(blob));
}

}  // namespace
}  // namespace lichen::store
