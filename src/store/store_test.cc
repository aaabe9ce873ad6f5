#include "store/store.h"

#include <fcntl.h>
#include <sys/wait.h>

#include <algorithm>
#include <atomic>
#include <functional>
#include <set>
#include <thread>

#include "store/db.h"
#include "store/fsck.h"
#include "store/prune.h"
#include "store/root.h"
#include "store/testing.h"

namespace lichen::store {
namespace {

using testing::message;
using testing::TempDir;

std::unique_ptr<Store> open_store(const std::string& path) {
  auto store = Store::open(path);
  EXPECT_TRUE(store) << message(store);
  return store ? std::move(*store) : nullptr;
}

std::size_t problems_of(Store& store, bool deep = true) {
  const auto checked = fsck(store, {.deep = deep});
  EXPECT_TRUE(checked) << message(checked);
  return checked ? checked->problems.size() : 0;
}

Result<Pruned> prune_orphans(Store& store) {
  return prune(store, {.scope = PruneRequest::Scope::kOrphans}, testing::measure);
}

Digest key(const std::string& text) {
  return sha256(text);
}

// A process that opens the store, does `work` and dies without a word.
void crash(const std::string& path, const std::function<void(Store&)>& work) {
  const pid_t pid = ::fork();
  ASSERT_GE(pid, 0);
  if (pid == 0) {
    auto store = Store::open(path);
    if (!store) ::_exit(1);
    work(**store);
    ::_exit(0);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  ASSERT_EQ(status, 0);
}

// Builds that are the first in a store, and begin at once.
TEST(NewStore, ProcessesThatBeginItTogetherAllHaveIt) {
  constexpr int kRounds = 20, kProcesses = 6;
  const TempDir directory;
  for (int round = 0; round < kRounds; ++round) {
    const std::string path = directory / std::to_string(round);
    std::vector<pid_t> processes;
    for (int i = 0; i < kProcesses; ++i) {
      processes.push_back(::fork());
      ASSERT_GE(processes.back(), 0);
      if (processes.back() == 0) ::_exit(Store::open(path) ? 0 : 1);
    }
    for (const pid_t process : processes) {
      int status = 0;
      ASSERT_EQ(::waitpid(process, &status, 0), process);
      EXPECT_EQ(status, 0);
    }
  }
}

TEST(Recipes, AreFoundByPlaceThenByShape) {
  TempDir dir;
  const auto store = open_store(dir.path() + "/s");
  const auto put = [&](const std::string& name, const std::string& file, const std::string& place,
                       const std::string& shape) {
    EXPECT_TRUE(store->put_recipe(
        "ids", {.key = key(name), .file = file, .place = place, .shape = shape, .parts = name}));
  };
  const auto parts = [&](const std::string& file, const std::string& place,
                         const std::string& shape) {
    const auto found = store->find_recipes(
        "ids", {.key = {}, .file = file, .place = place, .shape = shape, .parts = {}});
    EXPECT_TRUE(found) << message(found);
    std::vector<std::string> names;
    for (const RecipeRecord& one : *found) names.push_back(one.parts);
    return names;
  };
  put("a1", "/f", "exec 1", "a");
  put("a2", "/f", "exec 1", "a");
  put("b", "/f", "exec 2", "b");
  put("elsewhere", "/g", "exec 2", "b");
  put("c", "/g", "exec 9", "c");
  using Names = std::vector<std::string>;
  EXPECT_EQ(parts("/f", "exec 1", "a"), (Names{"a2", "a1"})) << "the newest first";
  EXPECT_EQ(parts("/f", "exec 7", "b"), (Names{"b", "elsewhere"})) << "moved in its file";
  EXPECT_EQ(parts("/f", "exec 7", "c"), Names{"c"}) << "known from another file";
  EXPECT_EQ(parts("/f", "exec 2", "new"), Names{"b"}) << "another instruction in its place";
  EXPECT_EQ(parts("/h", "exec 1", "new"), Names{});
  EXPECT_EQ((*store->find_recipe("ids", key("c")))->file, "/g");
  EXPECT_FALSE(*store->find_recipe("userns", key("c")));
  for (int i = 0; i < 40; ++i) put("many" + std::to_string(i), "/f", "exec 1", "x");
  EXPECT_EQ(parts("/f", "exec 1", "x").size(), 16u);
  EXPECT_FALSE(*store->find_recipe("ids", key("many23"))) << "16 of a place stay";
  EXPECT_TRUE(*store->find_recipe("ids", key("many24")));
}

TEST(Store, FindsWhatAStepInThePlaceMadeBefore) {
  TempDir dir;
  const auto store = open_store(dir / "store");
  const auto make = [&](const std::string& name, std::optional<std::int64_t> parent,
                        std::optional<std::int64_t> linked = {}) {
    const auto id = store->begin_snapshot("ids", parent, name, linked);
    EXPECT_TRUE(store->commit_snapshot(*id));
    EXPECT_TRUE(store->put_cache("ids", key(name), *id));
    EXPECT_TRUE(store->put_recipe(
        "ids", {.key = key(name), .file = "/f", .place = "file 2", .shape = name, .parts = "[]"}));
    EXPECT_TRUE(os::replace_file(store->copied_path(*id), "marks"));
    return *id;
  };
  const auto found = [&](std::int64_t parent, const std::string& place = "file 2",
                         const std::string& tier = "ids") {
    return *store->find_sibling(
        tier, parent, {.key = {}, .file = "/f", .place = place, .shape = {}, .parts = {}});
  };
  const std::int64_t base = make("base", {}), other = make("other base", {});
  EXPECT_FALSE(found(base));
  const std::int64_t first = make("first", base), second = make("second", base);
  EXPECT_EQ(found(base), second);
  EXPECT_FALSE(found(other));
  EXPECT_FALSE(found(base, "file 3"));
  EXPECT_FALSE(found(base, "file 2", "userns"));
  make("linked", other, base);
  EXPECT_FALSE(found(other));
  EXPECT_EQ(*store->find_cache("ids", key("first")), first);
  EXPECT_EQ(found(base), second) << "by when it was made";
  ASSERT_OK(os::unlink(store->copied_path(second)));
  EXPECT_EQ(found(base), first);
}

TEST(Store, IsMadeWithAModeOfItsOwnAndOpensAgain) {
  TempDir dir;
  const std::string path = dir / "a/b/store";
  {
    const auto store = open_store(path);
    ASSERT_NE(store, nullptr);
    struct ::stat status {};
    ASSERT_EQ(::stat(path.c_str(), &status), 0);
    EXPECT_EQ(status.st_mode & 07777, 0700u);
    EXPECT_TRUE(os::exists(store->mount_path()));
    EXPECT_TRUE(os::exists(store->empty_path()));
    EXPECT_EQ(*os::read_file(path + "/version"), "lichen store 1\n");
  }
  const auto again = open_store(path);
  ASSERT_NE(again, nullptr);
  EXPECT_EQ(problems_of(*again), 0u);
  EXPECT_NE(os::read_file(path + "/README")->find("lichen prune --all"), std::string::npos);
}

TEST(Store, RefusesWhatIsNotItsOwn) {
  TempDir dir;
  ASSERT_OK(os::mkdirs(dir / "other"));
  ASSERT_OK(os::replace_file(dir / "other/thesis.txt", "x"));
  const auto other = Store::open(dir / "other");
  ASSERT_FALSE(other);
  EXPECT_EQ(other.error().code, Errc::kInvalid);

  ASSERT_OK(os::mkdirs(dir / "real"));
  ASSERT_EQ(::symlink("real", (dir / "link").c_str()), 0);
  const auto link = Store::open(dir / "link");
  ASSERT_FALSE(link);
  EXPECT_EQ(link.error().code, Errc::kDenied);

  ASSERT_OK(os::mkdirs(dir / "newer"));
  ASSERT_OK(os::replace_file(dir / "newer/version", "lichen store 2\n"));
  const auto newer = Store::open(dir / "newer");
  ASSERT_FALSE(newer);
  EXPECT_EQ(newer.error().code, Errc::kUnsupported);
}

TEST(Blobs, AreNamedByTheirBytes) {
  TempDir dir;
  const auto store = open_store(dir / "store");
  const auto digest = store->put_blob("hello");
  ASSERT_OK(digest);
  EXPECT_EQ(*digest, sha256("hello"));
  EXPECT_TRUE(store->has_blob(*digest));
  EXPECT_EQ(*store->read_blob(*digest), "hello");
  EXPECT_EQ(**store->blob_size(*digest), 5u);
  EXPECT_FALSE(store->has_blob(sha256("other")));
  EXPECT_EQ(store->open_blob(sha256("other")).error().code, Errc::kNotFound);
}

TEST(Blobs, WithAWrongDigestOrSizeAreRefusedAndDiscarded) {
  TempDir dir;
  const auto store = open_store(dir / "store");
  const auto writer = *store->write_blob();
  ASSERT_OK(writer->write("bad bytes"));
  const auto wrong = writer->commit(sha256("good bytes"), 9);
  ASSERT_FALSE(wrong);
  EXPECT_EQ(wrong.error().code, Errc::kCorrupt);
  EXPECT_NE(wrong.error().message.find("wrong digest"), std::string::npos);
  {
    const auto short_one = *store->write_blob();
    ASSERT_OK(short_one->write("bytes"));
    EXPECT_EQ(short_one->commit({}, 6).error().code, Errc::kCorrupt);
  }
  { const auto abandoned = *store->write_blob(); }
  EXPECT_FALSE(store->has_blob(sha256("bad bytes")));
  EXPECT_FALSE(store->has_blob(sha256("bytes")));
}

TEST(Blobs, OfAWorkerAreTakenOver) {
  TempDir dir;
  const auto store = open_store(dir / "store");
  const std::string path = *store->temporary_path();
  ASSERT_OK(os::replace_file(path, "layer"));
  EXPECT_EQ(store->import_blob(path, sha256("layer"), 4).error().code, Errc::kCorrupt);
  ASSERT_OK(store->import_blob(path, sha256("layer"), 5));
  EXPECT_EQ(*store->read_blob(sha256("layer")), "layer");
  EXPECT_FALSE(os::exists(path));
}

TEST(Blobs, ThatWereDamagedAreFound) {
  TempDir dir;
  const auto store = open_store(dir / "store");
  const Digest digest = *store->put_blob("hello");
  ASSERT_OK(os::replace_file(store->blob_path(digest), "hallo"));
  EXPECT_EQ(store->read_blob(digest).error().code, Errc::kCorrupt);
  EXPECT_EQ(problems_of(*store, false), 0u);
  EXPECT_EQ(problems_of(*store), 1u);
  ASSERT_OK(os::replace_file(store->blob_path(digest), "half"));
  EXPECT_FALSE(store->has_blob(digest));
  EXPECT_EQ(problems_of(*store, false), 1u);
}

TEST(Snapshots, ExistWhenTheyAreCommitted) {
  TempDir dir;
  const auto store = open_store(dir / "store");
  const auto base = store->begin_snapshot("ids", {});
  ASSERT_OK(base);
  ASSERT_OK(store->set_layer(*base, {.chain = key("chain"), .diff_id = key("diff")}));
  ASSERT_OK(store->put_cache("ids", key("k"), *base));
  EXPECT_FALSE(*store->find_snapshot_by_chain("ids", key("chain")));
  EXPECT_FALSE(*store->find_cache("ids", key("k")));
  ASSERT_OK(store->commit_snapshot(*base));
  EXPECT_EQ(*store->find_snapshot_by_chain("ids", key("chain")), *base);
  EXPECT_FALSE(*store->find_snapshot_by_chain("userns", key("chain")));
  EXPECT_EQ(*store->find_cache("ids", key("k")), *base);
  EXPECT_FALSE(*store->find_cache("userns", key("k")));
  EXPECT_FALSE(store->commit_snapshot(*base));

  const auto top = store->begin_snapshot("ids", *base);
  ASSERT_OK(store->commit_snapshot(*top));
  EXPECT_EQ(*store->chain(*top), (std::vector<std::int64_t>{*base, *top}));
  EXPECT_EQ(store->chain(99).error().code, Errc::kNotFound);
  EXPECT_EQ((*store->find_snapshot(*top))->parent, *base);
  EXPECT_EQ(problems_of(*store), 0u);
}

TEST(Snapshots, ShowALayerThatDependsOnNothingBelow) {
  TempDir dir;
  const std::string path = dir / "store";
  std::int64_t layer = 0, one = 0, on_one = 0, again = 0;
  {
    const auto store = open_store(path);
    const auto add = [&](std::optional<std::int64_t> parent, std::optional<std::int64_t> linked) {
      const auto id = store->begin_snapshot("ids", parent, "", linked);
      EXPECT_TRUE(id && store->commit_snapshot(*id));
      return id.value_or(0);
    };
    const std::int64_t base = add({}, {}), other = add({}, {});
    layer = add({}, {});
    one = add(base, layer);
    const std::int64_t two = add(other, layer);
    on_one = add(one, {});
    again = add(on_one, layer);
    using Ids = std::vector<std::int64_t>;
    EXPECT_EQ(*store->chain(one), (Ids{base, one}));
    EXPECT_EQ(*store->stack(one), (Ids{base, layer, one}));
    EXPECT_EQ(*store->stack(two), (Ids{other, layer, two}));
    EXPECT_EQ(*store->stack(on_one), (Ids{base, layer, on_one})) << "what is empty is left out";
    EXPECT_EQ(*store->stack(again), (Ids{base, on_one, layer, again})) << "one directory twice";
    EXPECT_EQ((*store->find_snapshot(one))->linked, layer);
    EXPECT_FALSE((*store->find_snapshot(on_one))->linked);

    ASSERT_OK(store->put_cache("ids", key("on_one"), on_one));
    EXPECT_EQ(problems_of(*store), 0u);
  }
  const auto db = Database::open(path + "/lichen.db", false);
  ASSERT_OK(db);
  ASSERT_OK((*db)->query("UPDATE snapshots SET durable = 1 WHERE id <> ?", {layer}));
  ASSERT_OK((*db)->query("UPDATE snapshots SET boot = 'earlier'"));
  ASSERT_OK((*db)->query("UPDATE meta SET value = 'earlier' WHERE key = 'boot'"));
  const auto store = open_store(path);
  EXPECT_FALSE(*store->find_snapshot(one)) << "with what is lost goes what stands on it";
  EXPECT_FALSE(*store->find_cache("ids", key("on_one")));
  EXPECT_EQ(problems_of(*store), 0u);
}

TEST(Snapshots, TakeTheModeOfTheirParentsRoot) {
  TempDir dir;
  const auto store = open_store(dir / "store");
  const mode_t before = ::umask(077);
  const auto base = store->begin_snapshot("ids", {});
  struct ::stat status {};
  ASSERT_EQ(::stat(store->fs_path(*base).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 0755u);
  ASSERT_EQ(::chmod(store->fs_path(*base).c_str(), 01777), 0);
  ASSERT_OK(store->commit_snapshot(*base));
  const auto top = store->begin_snapshot("ids", *base);
  ::umask(before);
  ASSERT_EQ(::stat(store->fs_path(*top).c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 07777, 01777u);
}

TEST(Snapshots, AreAbandonedWithoutATrace) {
  TempDir dir;
  const auto store = open_store(dir / "store");
  const auto id = store->begin_snapshot("ids", {});
  const auto garbage = store->abandon_snapshot(*id);
  ASSERT_OK(garbage);
  EXPECT_TRUE(os::exists(*garbage));
  EXPECT_FALSE(os::exists(store->fs_path(*id)));
  EXPECT_FALSE(*store->find_snapshot(*id));
  EXPECT_NE(*store->begin_snapshot("ids", {}), *id);
}

TEST(Layers, AreFoundFromTheSameChainOfAnotherTier) {
  TempDir dir;
  const auto store = open_store(dir / "store");
  const Digest blob = *store->put_blob("layer");
  const auto one = store->begin_snapshot("ids", {});
  ASSERT_OK(store->set_layer(
      *one,
      {.chain = key("c"), .diff_id = key("d"), .blob = blob, .size = 5, .media_type = "type"}));
  const auto two = store->begin_snapshot("userns", {});
  ASSERT_OK(store->set_layer(*two, {.chain = key("c"), .diff_id = key("d")}));
  const auto found = store->find_layer(*two);
  ASSERT_OK(found);
  EXPECT_EQ((*found)->blob, blob);
  EXPECT_EQ((*found)->media_type, "type");
  EXPECT_EQ(store->find_layers_by_diff_id(key("d"))->size(), 2u);
  EXPECT_FALSE(*store->find_layer(99));
}

TEST(Layers, RememberWhatMadeThem) {
  TempDir dir;
  const auto store = open_store(dir / "store");
  const auto id = store->begin_snapshot("ids", {});
  ASSERT_OK(store->set_layer(*id, {.chain = key("c"), .diff_id = key("d"), .form = "gzip -1"}));
  ASSERT_OK(store->commit_snapshot(*id));
  EXPECT_EQ((*store->find_layer(*id))->form, "gzip -1");
}

TEST(Images, AreFoundByNameAndByPrefix) {
  TempDir dir;
  const auto store = open_store(dir / "store");
  const Digest manifest = *store->put_blob("manifest"), config = *store->put_blob("config");
  ASSERT_OK(store->put_image({.name = "docker.io/library/app:latest",
                              .manifest = manifest,
                              .config = config,
                              .media_type = "m",
                              .size = 8}));
  ASSERT_OK(store->put_image(
      {.name = sha256("other").text(), .manifest = sha256("other"), .config = {}}));
  for (const std::string& name :
       {std::string("app"), std::string("docker.io/library/app:latest"), manifest.text(),
        config.text(), manifest.short_hex(), config.hex().substr(0, 4)}) {
    const auto image = store->find_image(name);
    ASSERT_OK(image);
    ASSERT_TRUE(*image) << name;
    EXPECT_EQ((*image)->manifest, manifest);
  }
  EXPECT_FALSE(*store->find_image("app:2"));
  EXPECT_FALSE(*store->find_image(config.hex().substr(0, 3)));
  EXPECT_EQ(store->list_images()->size(), 2u);
  ASSERT_OK(store->remove_image("docker.io/library/app:latest"));
  EXPECT_EQ(store->remove_image("docker.io/library/app:latest").error().code, Errc::kNotFound);
  EXPECT_FALSE(*store->find_image("app"));
}

TEST(Images, RememberWhatARegistrySaid) {
  TempDir dir;
  const auto store = open_store(dir / "store");
  oci::Descriptor manifest{.media_type = "m", .digest = key("a"), .size = 7};
  EXPECT_FALSE(*store->find_resolution("ref", "linux/amd64"));
  ASSERT_OK(store->put_resolution("ref", "linux/amd64", manifest));
  manifest.digest = key("b");
  ASSERT_OK(store->put_resolution("ref", "linux/amd64", manifest));
  const auto found = store->find_resolution("ref", "linux/amd64");
  EXPECT_EQ((*found)->digest, key("b"));
  EXPECT_EQ((*found)->size, 7u);
}

TEST(Sessions, ThatDiedAreClearedAway) {
  TempDir dir;
  const std::string path = dir / "store";
  std::int64_t finished = 0;
  {
    const auto store = open_store(path);
    finished = *store->begin_snapshot("ids", {});
    ASSERT_OK(store->commit_snapshot(finished));
  }
  crash(path, [&](Store& store) {
    const auto id = store.begin_snapshot("ids", finished);
    (void)os::mkdirs(store.fs_path(*id) + "/deep/er");
    (void)(*store.write_blob()).release();
    (void)store.make_temporary_directory();
  });
  const auto store = open_store(path);
  EXPECT_EQ(problems_of(*store), 0u);
  const std::vector<std::string> garbage = store->take_garbage();
  EXPECT_EQ(garbage.size(), 2u);  // the snapshot and the temporary directory
  for (const std::string& one : garbage) EXPECT_TRUE(os::remove_tree(one));
  EXPECT_TRUE(store->take_garbage().empty());
  EXPECT_EQ(store->chain(finished)->size(), 1u);
  const os::UniqueFd tmp = *os::open(path + "/tmp", O_RDONLY | O_DIRECTORY);
  EXPECT_TRUE(os::read_directory(tmp)->empty());
}

TEST(Sessions, ThatLiveAreLeftAlone) {
  TempDir dir;
  const auto one = open_store(dir / "store");
  const auto id = one->begin_snapshot("ids", {});
  const std::string temporary = *one->make_temporary_directory();
  const auto writer = *one->write_blob();
  ASSERT_OK(writer->write("bytes"));
  const Digest kept = *one->put_blob("not named by anything yet");
  const auto two = open_store(dir / "store");
  EXPECT_TRUE(two->take_garbage().empty());
  const auto pruned = prune_orphans(*two);
  ASSERT_OK(pruned);
  EXPECT_TRUE(pruned->garbage.empty());
  EXPECT_EQ(problems_of(*two), 0u);
  EXPECT_TRUE(os::exists(temporary));
  EXPECT_TRUE(two->has_blob(kept));
  EXPECT_FALSE(two->commit_snapshot(*id));  // not its own
  ASSERT_OK(one->commit_snapshot(*id));
  ASSERT_OK(writer->commit());
  EXPECT_TRUE(two->has_blob(sha256("bytes")));
  EXPECT_EQ(two->chain(*id)->size(), 1u);
}

TEST(Sessions, WriteSideBySide) {
  TempDir dir;
  const auto one = open_store(dir / "store");
  const auto two = open_store(dir / "store");
  constexpr int kEach = 25;
  const auto work = [&](Store& store, const std::string& name) {
    for (int i = 0; i < kEach; ++i) {
      const auto id = store.begin_snapshot("ids", {});
      ASSERT_OK(id);
      ASSERT_OK(store.put_blob(name + std::to_string(i)));
      ASSERT_OK(store.commit_snapshot(*id));
      ASSERT_OK(store.put_cache("ids", key(name + std::to_string(i)), *id));
    }
  };
  {
    std::jthread a([&] { work(*one, "a"); }), b([&] { work(*two, "b"); });
    std::jthread c([&] { work(*one, "c"); });
  }
  std::set<std::int64_t> ids;
  for (const char* name : {"a", "b", "c"})
    for (int i = 0; i < kEach; ++i)
      ids.insert((*two->find_cache("ids", key(name + std::to_string(i)))).value());
  EXPECT_EQ(ids.size(), 3u * kEach);
  EXPECT_EQ(problems_of(*one), 0u);
}

TEST(Sessions, LetOneAtATimeHaveAKey) {
  TempDir dir;
  const auto one = open_store(dir / "store");
  const auto two = open_store(dir / "store");
  std::atomic<int> inside = 0, most = 0;
  const auto work = [&](Store& store) {
    for (int i = 0; i < 20; ++i) {
      const auto lock = store.lock_key("ids", key("k"));
      ASSERT_OK(lock);
      most = std::max(most.load(), ++inside);
      --inside;
    }
  };
  {
    std::jthread a([&] { work(*one); }), b([&] { work(*two); }), c([&] { work(*two); });
  }
  EXPECT_EQ(most, 1);
  ASSERT_OK(one->lock_key("ids", key("k")));
}

// As after a reboot that came before anything was synced.
void forget_boot(const std::string& path) {
  const auto db = Database::open(path + "/lichen.db", false);
  ASSERT_OK(db);
  ASSERT_OK((*db)->query("UPDATE meta SET value = 'earlier' WHERE key = 'boot'"));
  ASSERT_OK((*db)->query("UPDATE snapshots SET boot = 'earlier'"));
  ASSERT_OK((*db)->query("UPDATE blobs SET boot = 'earlier'"));
}

TEST(Reboot, KeepsWhatIsDurableOrCanBeVerified) {
  TempDir dir;
  const std::string path = dir / "store";
  const Digest good = sha256("good");
  std::int64_t durable = 0, lost = 0, above = 0;
  {
    const auto store = open_store(path);
    ASSERT_OK(store->put_blob("good"));
    durable = *store->begin_snapshot("ids", {});
    ASSERT_OK(store->commit_snapshot(durable));
    ASSERT_OK(store->put_cache("ids", key("durable"), durable));
    ASSERT_OK(store->sync());
    lost = *store->begin_snapshot("ids", durable);
    ASSERT_OK(store->commit_snapshot(lost));
    above = *store->begin_snapshot("ids", lost);
    ASSERT_OK(store->commit_snapshot(above));
    ASSERT_OK(store->put_cache("ids", key("above"), above));
    ASSERT_OK(store->put_blob("unsynced"));
    ASSERT_OK(store->put_blob("torn"));
  }
  forget_boot(path);
  ASSERT_OK(os::replace_file(path + "/blobs/sha256/" + sha256("torn").hex(), "xxxx"));
  const auto store = open_store(path);
  EXPECT_EQ(*store->find_cache("ids", key("durable")), durable);
  EXPECT_FALSE(*store->find_cache("ids", key("above")));
  EXPECT_FALSE(*store->find_snapshot(lost));
  EXPECT_FALSE(*store->find_snapshot(above));
  EXPECT_EQ(store->take_garbage().size(), 2u);
  EXPECT_TRUE(store->has_blob(good) && store->has_blob(sha256("unsynced")));
  EXPECT_FALSE(store->has_blob(sha256("torn")));
  EXPECT_EQ(problems_of(*store), 0u);
}

TEST(Reboot, TakesNothingFromASessionOfAnotherMachine) {
  TempDir dir;
  const std::string path = dir / "store";
  const auto one = open_store(path);
  const auto id = one->begin_snapshot("ids", {});
  ASSERT_OK(one->commit_snapshot(*id));
  forget_boot(path);
  const auto two = open_store(path);
  EXPECT_TRUE(two->take_garbage().empty());
  EXPECT_TRUE(os::exists(one->fs_path(*id)));
}

TEST(Fsck, TellsWhatIsWrong) {
  TempDir dir;
  const auto store = open_store(dir / "store");
  const auto id = store->begin_snapshot("ids", {});
  ASSERT_OK(os::replace_file(store->owners_path(*id), "nonsense"));
  ASSERT_OK(store->commit_snapshot(*id));
  ASSERT_OK(store->put_image({.name = "i", .manifest = key("m"), .config = {}}));
  ASSERT_OK(store->put_cache("ids", key("k"), 99));
  ASSERT_OK(os::mkdirs(store->path() + "/snapshots/77"));
  ASSERT_OK(os::replace_file(store->path() + "/tmp/0123456789abcdef-1", ""));
  EXPECT_EQ(problems_of(*store), 5u);
  ASSERT_OK(os::remove_tree(store->path() + "/snapshots/" + std::to_string(*id)));
  EXPECT_FALSE(*store->find_cache("ids", key("k")));
  EXPECT_EQ(problems_of(*store, false), 5u);  // no sidecar, but no directory
}

// Sets a variable until the end of the test.
class Variable {
 public:
  explicit Variable(const char* name) : name_(name) {
    if (const char* value = ::getenv(name)) before_ = value;
  }
  ~Variable() { set(before_); }
  Variable(const Variable&) = delete;
  Variable& operator=(const Variable&) = delete;
  void set(const std::optional<std::string>& value) const {
    if (value)
      ::setenv(name_, value->c_str(), 1);
    else
      ::unsetenv(name_);
  }

 private:
  const char* name_;
  std::optional<std::string> before_;
};

TEST(ChooseRoot, TakesTheFirstThatCanBeWritten) {
  TempDir dir;
  ASSERT_OK(os::mkdirs(dir / "home"));
  ASSERT_OK(os::replace_file(dir / "file", ""));
  const Variable root_variable("LICHEN_ROOT"), data_variable("XDG_DATA_HOME"),
      home_variable("HOME"), tmp_variable("TMPDIR");
  const auto choose = [&](const std::string& flag, std::optional<std::string> root,
                          const std::string& data, const std::string& home,
                          const std::string& tmp) {
    root_variable.set(root);
    data_variable.set(data);
    home_variable.set(home);
    tmp_variable.set(tmp);
    const auto chosen = choose_root(flag);
    return chosen ? *chosen : to_text(chosen.error().code);
  };
  const std::string uid = std::to_string(::geteuid());
  const std::string home = dir / "home", tmp = dir / "tmp", not_a_dir = dir / "file";
  EXPECT_EQ(choose("/flag/../x", "/root", "", home, tmp), "/x");
  EXPECT_EQ(choose("", "/root", "", home, tmp), "/root");
  EXPECT_EQ(choose("", {}, dir / "data", home, tmp), dir / "data/lichen");
  EXPECT_EQ(choose("", {}, "relative", home, tmp), home + "/.local/share/lichen");
  EXPECT_EQ(choose("", {}, not_a_dir, home, tmp), home + "/.local/share/lichen");
  for (const std::string& bad : {std::string(), std::string("/"), dir / "absent", not_a_dir})
    EXPECT_EQ(choose("", {}, "", bad, tmp), tmp + "/lichen-" + uid) << bad;
  EXPECT_EQ(choose("", {}, "", "/", not_a_dir), "/var/tmp/lichen-" + uid);
  // Whoever may write there could have put it there.
  ASSERT_EQ(::chmod((tmp + "/lichen-" + uid).c_str(), 0777), 0);
  EXPECT_EQ(choose("", {}, "", "/", tmp), "/var/tmp/lichen-" + uid);
  ASSERT_OK(os::remove_tree(tmp + "/lichen-" + uid));
  ASSERT_EQ(::symlink("..", (tmp + "/lichen-" + uid).c_str()), 0);
  EXPECT_EQ(choose("", {}, "", "/", tmp), "/var/tmp/lichen-" + uid);
}

}  // namespace
}  // namespace lichen::store
