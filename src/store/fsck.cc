// What is wrong with a store, and how it is put right: by removing what cannot be used.

#include "store/fsck.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <functional>
#include <map>
#include <set>

#include "base/text.h"
#include "owners/record.h"
#include "store/cache_mount.h"
#include "store/db.h"
#include "store/leases.h"
#include "store/session.h"
#include "store/store.h"

namespace lichen::store {

// Other sessions go on meanwhile: directories are listed before the rows are asked for (one that is
// made has its row already), and in the end a row must still say what it said.
class Fsck {
 public:
  static Result<Checked> run(Store& store, const FsckOptions& options) {
    const os::FileLock opening = TRY(Session::opening_lock(store.path()));
    const OtherSessions others = TRY(other_sessions(store.path(), store.session_->name()));
    Fsck fsck(store, {others.live.begin(), others.live.end()});
    if (options.deep) TRY(fsck.check_database());
    TRY(fsck.check_temporary());
    TRY(fsck.check_snapshots(options.deep));
    TRY(fsck.check_blobs(options.deep));
    TRY(fsck.check_cache_mounts(options.deep));
    return fsck.finish(options.repair);
  }

 private:
  Fsck(Store& store, std::set<std::string> live) : store_(store), live_(std::move(live)) {
    live_.insert(store_.session_->name());
  }

  Result<void> check_database() {
    for (const Row& row : TRY(db().query("PRAGMA quick_check")))
      if (text(row[0]) != "ok") report("the database is damaged: " + text(row[0]), nullptr);
    return {};
  }

  Result<void> check_temporary() {
    for (const std::string& name : TRY(names("/tmp")))
      if (live_.count(Session::owner(name)) == 0)
        report("left by a dead session: tmp/" + name,
               [this, name] { return discard("tmp/" + name); });
    return {};
  }

  // The first of them, 0 aside, that is not good; 0: all are.
  static std::int64_t unsound(std::initializer_list<std::int64_t> below,
                              const std::set<std::int64_t>& good) {
    for (const std::int64_t id : below)
      if (id != 0 && good.count(id) == 0) return id;
    return 0;
  }

  Result<void> check_snapshots(bool deep) {
    const std::vector<std::string> directories = TRY(names("/snapshots"));
    std::set<std::int64_t> known, good;
    Rows snapshots, records;
    {
      Database::Transaction at_once = TRY(db().begin());
      snapshots = TRY(
          at_once.query("SELECT id, parent, ready, session, linked FROM snapshots ORDER BY id"));
      records = TRY(at_once.query("SELECT tier, key, snapshot FROM cache"));
    }
    for (const Row& row : snapshots) {
      const std::int64_t id = number(row[0]);
      known.insert(id);
      std::string problem;
      if (number(row[2]) == 0) {
        if (live_.count(text(row[3])) == 0) problem = " was left unfinished by a dead session";
      } else if (!os::exists(store_.fs_path(id))) {
        problem = " has no directory";
      } else if (const std::int64_t bad = unsound({number(row[1]), number(row[4])}, good);
                 bad != 0) {
        problem = " stands on " + std::to_string(bad) + ", which is not sound";
      } else if (deep) {
        problem = TRY(check_sidecar(store_.owners_path(id)));
      }
      if (problem.empty())
        good.insert(id);
      else
        damaged_[id] = "snapshot " + std::to_string(id) + problem;
    }
    // Those that stand on others go first.
    for (auto it = damaged_.rbegin(); it != damaged_.rend(); ++it)
      report(
          it->second, [this, id = it->first] { return discard_snapshot(id); },
          [this, id = it->first] { return has("SELECT 1 FROM snapshots WHERE id = ?", {id}); });
    for (const std::string& name : directories) {
      const bool is_number = name.find_first_not_of("0123456789") == std::string::npos;
      if (is_number && name.size() < 19 && known.count(std::stoll(name)) != 0) continue;
      report(
          "directory snapshots/" + name + " belongs to no snapshot",
          [this, name] { return discard("snapshots/" + name); },
          [this, name] { return os::exists(store_.path() + "/snapshots/" + name); });
    }
    for (const Row& row : records) {
      if (known.count(number(row[2])) != 0) continue;
      report("cache record " + text(row[1]) + " names snapshot " + std::to_string(number(row[2])) +
                 ", which is not there",
             [this, row]() -> Result<void> {
               (void)TRY(db().query("DELETE FROM cache WHERE tier = ? AND key = ? AND snapshot = ?",
                                    row));
               return {};
             });
    }
    return {};
  }

  // Files without a row are no problem: they do not count, and prune() takes them.
  Result<void> check_blobs(bool deep) {
    std::set<std::string> present;
    for (const Row& row : TRY(db().query("SELECT digest, size FROM blobs"))) {
      const auto digest = Digest::parse(text(row[0]));
      const std::string problem =
          digest ? TRY(check_blob(*digest, number(row[1]), deep)) : " is no name of a blob";
      if (problem.empty()) {
        present.insert(text(row[0]));
        continue;
      }
      damaged_blobs_.insert(text(row[0]));
      report(
          "blob " + printable(text(row[0])) + problem,
          [this, row, digest] { return discard_blob(row[0], digest ? *digest : Digest()); },
          [this, row] { return has("SELECT 1 FROM blobs WHERE digest = ?", {row[0]}); });
    }
    for (const Image& image : TRY(store_.list_images())) {
      std::vector<std::string> needed = {image.manifest.text(), image.config.text()};
      if (present.count(needed[0]) != 0) add_platforms(image.manifest, needed);
      for (const std::string& digest : needed) {
        if (digest.empty() || present.count(digest) != 0) continue;
        report(
            "image " + image.name + " needs blob " + digest + ", which is not there",
            [this, image] { return remove_image(image); },
            // What was made since the blobs were listed is no problem.
            [this, digest, image] {
              return has("SELECT 1 FROM images WHERE name = ? AND manifest = ?",
                         {image.name, image.manifest.text()}) &&
                     (damaged_blobs_.count(digest) != 0 ||
                      !has("SELECT 1 FROM blobs WHERE digest = ?", {digest}));
            });
      }
    }
    return {};
  }

  // Directories that steps keep things in; what these things are is the steps' business.
  Result<void> check_cache_mounts(bool deep) {
    for (const std::string& cache : TRY(names("/caches"))) {
      const std::string place = store_.path() + "/caches/" + cache;
      const auto repair = [this, cache] { return discard_cache_mount(cache); };
      const auto is_there = [place] { return os::exists(place); };
      if (!os::exists(place + "/id"))
        report("directory caches/" + cache + " belongs to no cache mount", repair,
               [place] { return os::exists(place) && !os::exists(place + "/id"); });
      for (const std::string& name : TRY(names("/caches/" + cache))) {
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const std::string path = place + "/" + name;
        if (!os::exists(path + "/fs"))
          report("cache mount " + cache + " has no directory", repair, is_there);
        const std::string problem = deep ? TRY(check_sidecar(path + "/owners")) : "";
        if (!problem.empty()) report("cache mount " + cache + problem, repair, is_there);
      }
    }
    return {};
  }

  Result<Checked> finish(bool repair) {
    Checked checked;
    for (const Problem& problem : problems_) {
      if (problem.persists && !problem.persists()) continue;
      std::string line = problem.text;
      if (repair && problem.repair) {
        const auto repaired = problem.repair();
        line += repaired ? ": removed" : ": " + to_text(repaired.error());
        if (!repaired) ++checked.left;
      } else {
        ++checked.left;
      }
      checked.problems.push_back(std::move(line));
    }
    if (repair) checked.garbage = store_.take_garbage();
    return checked;
  }

  struct Problem {
    std::string text;
    std::function<Result<void>()> repair;
    std::function<bool()> persists;
  };

  Database& db() const { return *store_.db_; }

  void report(std::string text, std::function<Result<void>()> repair,
              std::function<bool()> persists = {}) {
    problems_.push_back({std::move(text), std::move(repair), std::move(persists)});
  }

  // One that cannot be asked has not gone.
  bool has(const char* sql, const std::vector<Value>& values) const {
    const auto rows = db().query(sql, values);
    return !rows || !rows->empty();
  }

  Result<std::vector<std::string>> names(const std::string& directory) const {
    auto fd = os::open(store_.path() + directory, O_RDONLY | O_DIRECTORY);
    if (!fd && fd.error().code == Errc::kNotFound) return std::vector<std::string>();
    std::vector<std::string> names;
    for (const os::DirectoryEntry& entry : TRY(os::read_directory(TRY(std::move(fd)))))
      names.push_back(entry.name);
    return names;
  }

  Result<std::string> check_blob(const Digest& digest, std::int64_t size, bool deep) const {
    struct ::stat status {};
    if (::lstat(store_.blob_path(digest).c_str(), &status) < 0) return std::string(" has no file");
    if (status.st_size != size)
      return " has " + std::to_string(status.st_size) + " bytes instead of " + std::to_string(size);
    if (!deep) return std::string();
    auto found = digest_of(store_.blob_path(digest));
    if (!found && found.error().code == Errc::kNotFound) return std::string();  // removed meanwhile
    if (TRY(std::move(found)) == digest) return std::string();
    return std::string(" has a wrong digest: its bytes were damaged");
  }

  // What the index `root` names, if it is one. A blob that cannot be read is reported elsewhere.
  void add_platforms(const Digest& root, std::vector<std::string>& needed) const {
    const auto bytes = os::read_file(store_.blob_path(root), oci::kMaxDocumentBytes);
    if (!bytes) return;
    const auto document = oci::parse_document(*bytes);
    if (!document) return;
    if (const auto* index = std::get_if<oci::Index>(&*document))
      for (const oci::Descriptor& manifest : index->manifests)
        needed.push_back(manifest.digest.text());
  }

  static Result<std::string> check_sidecar(const std::string& path) {
    const auto bytes = TRY(os::find_file(path));
    if (!bytes) return std::string();
    const auto sidecar = owners::parse_sidecar(*bytes);
    return sidecar ? std::string() : " has owners that cannot be read: " + sidecar.error().message;
  }

  static Result<Digest> digest_of(const std::string& path) {
    os::FileSource file(TRY(os::open(path, O_RDONLY)), path);
    HashingSource hashed(file);
    return hashed.drain();
  }

  Result<void> discard(const std::string& in_store) {
    store_.session_->add_garbage(TRY(store_.to_garbage(store_.path() + "/" + in_store)));
    return {};
  }

  template <class Act>
  Result<void> when_unused(Leases::Place place, Act act) {
    if (!TRY(store_.leases_->begin_removal(place)))
      return fail(Errc::kUnavailable, "in use by another process");
    auto done = act();
    store_.leases_->end_removal(place);
    return done;
  }

  Result<void> discard_snapshot(std::int64_t id) {
    return when_unused(Leases::of(id), [&] { return store_.discard_snapshot(id); });
  }

  Result<void> discard_blob(const Value& name, const Digest& digest) {
    if (digest.empty()) {
      (void)TRY(db().query("DELETE FROM blobs WHERE digest = ?", {name}));
      return {};
    }
    return when_unused(Leases::of(digest), [&]() -> Result<void> {
      (void)TRY(db().query("DELETE FROM blobs WHERE digest = ?", {name}));
      return os::unlink(store_.blob_path(digest));
    });
  }

  // Of several blobs that it lacks the first has taken it away.
  Result<void> remove_image(const Image& image) {
    auto removed = store_.remove_image(image.name);
    if (!removed && removed.error().code != Errc::kNotFound) return removed;
    return {};
  }

  Result<void> discard_cache_mount(const std::string& name) {
    const std::string garbage = TRY(store_.temporary_path()) + ".garbage";
    if (!TRY(CacheMount::remove(store_, name, garbage)))
      return fail(Errc::kUnavailable, "in use by another process");
    store_.session_->add_garbage(garbage);
    return {};
  }

  Store& store_;
  std::set<std::string> live_;
  std::vector<Problem> problems_;
  std::map<std::int64_t, std::string> damaged_;
  std::set<std::string> damaged_blobs_;
};

Result<Checked> fsck(Store& store, const FsckOptions& options) {
  return Fsck::run(store, options);
}

}  // namespace lichen::store
