// What is wrong with a store, without changing it.

#include <fcntl.h>
#include <sys/stat.h>

#include <set>

#include "base/text.h"
#include "owners/record.h"
#include "store/db.h"
#include "store/session.h"
#include "store/store.h"

namespace lichen::store {

namespace {

// Directories are listed before the rows are asked for: other sessions go on meanwhile, and a
// directory that is made has its row already.
class Checker {
 public:
  Checker(const Store& store, Database& db, std::set<std::string> live)
      : store_(store), db_(db), live_(std::move(live)) {}

  Result<void> check_temporary() {
    for (const std::string& name : TRY(names("/tmp")))
      if (live_.count(Session::owner(name)) == 0) report("left by a dead session: tmp/" + name);
    return {};
  }

  Result<void> check_snapshots(bool deep) {
    const std::vector<std::string> directories = TRY(names("/snapshots"));
    std::set<std::string> known;
    std::set<std::int64_t> ready;
    const Rows rows =
        TRY(db_.query("SELECT id, parent, ready, session, linked FROM snapshots ORDER BY id"));
    for (const Row& row : rows) {
      const std::string name = std::to_string(number(row[0]));
      known.insert(name);
      if (number(row[2]) == 0) {
        if (live_.count(text(row[3])) == 0)
          report("snapshot " + name + " was left unfinished by a dead session");
        continue;
      }
      ready.insert(number(row[0]));
      if (!os::exists(store_.fs_path(number(row[0]))))
        report("snapshot " + name + " has no directory");
      for (const std::int64_t below : {number(row[1]), number(row[4])})
        if (below != 0 && ready.count(below) == 0)
          report("snapshot " + name + " stands on " + std::to_string(below) +
                 ", which is not there");
      if (deep) TRY(check_sidecar(number(row[0])));
    }
    for (const std::string& name : directories)
      if (known.count(name) == 0 && os::exists(store_.path() + "/snapshots/" + name))
        report("directory snapshots/" + name + " belongs to no snapshot");
    for (const Row& row : TRY(db_.query("SELECT key, snapshot FROM cache")))
      if (ready.count(number(row[1])) == 0)
        report("cache record " + text(row[0]) + " names snapshot " +
               std::to_string(number(row[1])) + ", which is not there");
    return {};
  }

  // Files without a row are no problem: they do not count, and collect() takes them.
  Result<void> check_blobs(bool deep) {
    std::set<std::string> present;
    for (const Row& row : TRY(db_.query("SELECT digest, size FROM blobs"))) {
      const auto digest = Digest::parse(text(row[0]));
      if (!digest) {
        report("a blob has the impossible name " + printable(text(row[0])));
        continue;
      }
      struct ::stat status {};
      if (::lstat(store_.blob_path(*digest).c_str(), &status) < 0)
        report("blob " + digest->text() + " has no file");
      else if (status.st_size != number(row[1]))
        report("blob " + digest->text() + " has " + std::to_string(status.st_size) +
               " bytes instead of " + std::to_string(number(row[1])));
      else if (deep && TRY(digest_of(store_.blob_path(*digest))) != *digest)
        report("blob " + digest->text() + " has a wrong digest: its bytes were damaged");
      else
        present.insert(digest->text());
    }
    for (const Row& row : TRY(db_.query("SELECT name, manifest, config FROM images"))) {
      std::vector<std::string> needed = {text(row[1]), text(row[2])};
      if (present.count(needed[0]) != 0) add_platforms(needed[0], needed);
      for (const std::string& digest : needed)
        if (!digest.empty() && present.count(digest) == 0)
          report("image " + text(row[0]) + " needs blob " + digest + ", which is not there");
    }
    return {};
  }

  // Directories that steps keep things in; what these things are is the steps' business.
  Result<void> check_cache_mounts(bool deep) {
    for (const std::string& cache : TRY(names("/caches"))) {
      const std::string in_store = "/caches/" + cache;
      if (!os::exists(store_.path() + in_store + "/id"))
        report("directory " + in_store.substr(1) + " belongs to no cache mount");
      for (const std::string& name : TRY(names(in_store))) {
        if (name.find_first_not_of("0123456789") != std::string::npos) continue;
        const std::string path = store_.path() + in_store + "/" + name;
        if (!os::exists(path + "/fs")) report("cache mount " + cache + " has no directory");
        const auto bytes = deep ? TRY(os::find_file(path + "/owners")) : std::nullopt;
        if (!bytes) continue;
        if (const auto sidecar = owners::parse_sidecar(*bytes); !sidecar)
          report("the owners of cache mount " + cache +
                 " cannot be read: " + sidecar.error().message);
      }
    }
    return {};
  }

  std::vector<std::string> take() { return std::move(problems_); }

 private:
  void report(std::string problem) { problems_.push_back(std::move(problem)); }

  Result<std::vector<std::string>> names(const std::string& directory) const {
    const os::UniqueFd fd = TRY(os::open(store_.path() + directory, O_RDONLY | O_DIRECTORY));
    std::vector<std::string> names;
    for (const os::DirectoryEntry& entry : TRY(os::read_directory(fd))) names.push_back(entry.name);
    return names;
  }

  // What the index `root` names, if it is one. A blob that cannot be read is reported elsewhere.
  void add_platforms(const std::string& root, std::vector<std::string>& needed) const {
    const auto bytes =
        os::read_file(store_.blob_path(*Digest::parse(root)), oci::kMaxDocumentBytes);
    if (!bytes) return;
    const auto document = oci::parse_document(*bytes);
    if (!document) return;
    if (const auto* index = std::get_if<oci::Index>(&*document))
      for (const oci::Descriptor& manifest : index->manifests)
        needed.push_back(manifest.digest.text());
  }

  Result<void> check_sidecar(std::int64_t id) {
    const auto bytes = TRY(os::find_file(store_.owners_path(id)));
    if (!bytes) return {};
    if (const auto sidecar = owners::parse_sidecar(*bytes); !sidecar)
      report("the owners of snapshot " + std::to_string(id) +
             " cannot be read: " + sidecar.error().message);
    return {};
  }

  static Result<Digest> digest_of(const std::string& path) {
    os::FileSource file(TRY(os::open(path, O_RDONLY)), path);
    HashingSource hashed(file);
    return hashed.drain();
  }

  const Store& store_;
  Database& db_;
  std::set<std::string> live_;
  std::vector<std::string> problems_;
};

}  // namespace

Result<std::vector<std::string>> Store::fsck(bool deep) {
  const os::FileLock opening = TRY(Session::opening_lock(path_));
  const OtherSessions others = TRY(other_sessions(path_, session_->name()));
  std::set<std::string> live(others.live.begin(), others.live.end());
  live.insert(session_->name());
  Checker checker(*this, *db_, std::move(live));
  TRY(checker.check_temporary());
  TRY(checker.check_snapshots(deep));
  TRY(checker.check_blobs(deep));
  TRY(checker.check_cache_mounts(deep));
  return checker.take();
}

}  // namespace lichen::store
