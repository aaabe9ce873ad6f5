// Opening a store: its directories, the session, and clearing away after sessions that died.

#include "store/store.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <climits>
#include <cstdlib>
#include <ctime>
#include <set>

#include "base/text.h"
#include "store/db.h"
#include "store/leases.h"
#include "store/session.h"

namespace lichen::store {

namespace {

constexpr std::string_view kVersionText = "lichen store ";
constexpr int kVersion = 1;
constexpr char kGarbageSuffix[] = ".garbage";

Result<void> check_version(const std::string& path, const std::string& text) {
  int version = 0;
  const std::string_view digits = trim(text);
  if (!starts_with(digits, kVersionText) ||
      std::from_chars(digits.data() + kVersionText.size(), digits.data() + digits.size(), version)
              .ec != std::errc())
    return fail(Errc::kInvalid, path + " is not a lichen store: its file `version` is unreadable");
  if (version > kVersion)
    return fail(Errc::kUnsupported,
                path + " has format " + std::to_string(version) + "; this lichen knows up to " +
                    std::to_string(kVersion),
                "use the lichen that made it, or another --root");
  return {};
}

// For whoever comes across the directory and wants it gone.
constexpr char kReadme[] =
    R"(This directory is a store of lichen: images, and what builds keep so that the next one is faster.

    lichen du --root DIR             what is in it
    lichen prune --root DIR          removes what no image with a name needs
    lichen prune --all --root DIR    empties it; the directory itself can be removed then

Of steps that ran with a range of subordinate ids (tier "ids") files belong to those ids, and only the
commands above may remove them, or

    unshare --user --map-root-user --map-auto rm -rf DIR

Elsewhere this does:

    chmod -R u+rwx DIR && rm -rf DIR
)";

// In a directory without a file `version`, what another process that is making the store just now
// may have there, and what file systems come with.
bool may_be_in_new_store(const std::string& name) {
  return starts_with(name, "version") || name == "lost+found";
}

Result<bool> has_no_strangers(const os::UniqueFd& directory) {
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(directory)))
    if (!may_be_in_new_store(entry.name)) return false;
  return true;
}

Result<std::string> absolute_path(const std::string& path) {
  char absolute[PATH_MAX];
  if (::realpath(path.c_str(), absolute) == nullptr) return fail(os_error("open", path));
  return std::string(absolute);
}

}  // namespace

Store::Store(std::string path) : path_(std::move(path)) {}

Store::~Store() {
  if (leases_ != nullptr) (void)release();  // a use that is not recorded makes it go earlier
}

Result<void> Store::release() {
  const std::vector<std::int64_t> used = leases_->used_snapshots();
  leases_->release();
  if (used.empty()) return {};
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  Database::Transaction rows = TRY(db_->begin());
  for (const std::int64_t id : used)
    (void)TRY(rows.query("UPDATE snapshots SET used = ? WHERE id = ?", {now, id}));
  return rows.commit();
}

Result<std::unique_ptr<Store>> Store::open(const std::string& given) {
  std::string path = given;
  while (path.size() > 1 && path.back() == '/') path.pop_back();
  TRY(os::mkdirs(path, 0700));
  auto directory = os::open(path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
  if (!directory) {
    if (directory.error().os_errno == ELOOP || directory.error().os_errno == ENOTDIR)
      return fail(Errc::kDenied, "the store " + path + " is a symbolic link or not a directory",
                  "name the directory itself with --root");
    return fail(std::move(directory).error());
  }
  const struct ::stat status = TRY(os::fstat(*directory));
  if (status.st_uid != ::geteuid())
    return fail(
        Errc::kDenied,
        "the store " + path + " belongs to user " + std::to_string(status.st_uid) + ", not to us",
        "choose another one with --root");
  auto version = TRY(os::find_file(path + "/version"));
  const bool may_be_new = version || TRY(has_no_strangers(*directory));
  // What comes first in a store is its version: another process has begun it meanwhile, or nobody.
  if (!may_be_new) version = TRY(os::find_file(path + "/version"));
  if (version) {
    TRY(check_version(path, *version));
  } else {
    if (!may_be_new)
      return fail(Errc::kInvalid, path + " is not a lichen store, and not empty",
                  "give --root a directory of its own");
    TRY(os::replace_file(path + "/version",
                         std::string(kVersionText) + std::to_string(kVersion) + "\n", 0600));
  }
  // It holds setuid files of our uid. And no setgid bit: files made beneath would get a group that
  // our user namespace may not have.
  if ((status.st_mode & 07777) != 0700 && ::fchmod(directory->get(), 0700) < 0)
    return fail(os_error("chmod", path));

  std::unique_ptr<Store> store(new Store(TRY(absolute_path(path))));
  TRY(store->prepare_directories());
  // Information only: a disk that is full is told of by what needs room.
  if (!os::exists(store->path_ + "/README"))
    (void)os::replace_file(store->path_ + "/README", kReadme, 0600);
  const auto boot = TRY(os::find_file("/proc/sys/kernel/random/boot_id"));
  store->boot_ = boot ? std::string(trim(*boot)) : "unknown";

  const os::FileLock opening = TRY(Session::opening_lock(store->path_));
  store->session_ = TRY(Session::start(store->path_));
  const OtherSessions others = TRY(other_sessions(store->path_, store->session_->name()));
  store->db_ = TRY(Database::open(store->path_ + "/lichen.db", others.live.empty()));
  store->leases_ = TRY(Leases::open(store->path_));
  TRY(store->sweep(others));
  return store;
}

Result<void> Store::prepare_directories() {
  for (const char* name :
       {"blobs", "blobs/sha256", "snapshots", "tmp", "sessions", "locks", "mnt", "caches"}) {
    const std::string path = path_ + "/" + name;
    if (::mkdir(path.c_str(), 0700) < 0 && errno != EEXIST) return fail(os_error("mkdir", path));
  }
  // The lowest layer of trees that have none: its mode is that of their "/".
  if (::mkdir(empty_path().c_str(), 0755) == 0)
    ::chmod(empty_path().c_str(), 0755);
  else if (errno != EEXIST)
    return fail(os_error("mkdir", empty_path()));
  return {};
}

// Called with the opening lock held. Whatever belongs to a session that does not live goes.
Result<void> Store::sweep(const OtherSessions& others) {
  std::set<std::string> live(others.live.begin(), others.live.end());
  live.insert(session_->name());

  const os::UniqueFd tmp = TRY(os::open(path_ + "/tmp", O_RDONLY | O_DIRECTORY));
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(tmp))) {
    if (live.count(Session::owner(entry.name)) != 0) continue;
    const std::string path = path_ + "/tmp/" + entry.name;
    if (::unlink(path.c_str()) == 0 || errno == ENOENT) continue;
    session_->add_garbage(TRY(to_garbage(path)));
  }
  for (const Row& row : TRY(db_->query("SELECT id, session FROM snapshots WHERE ready = 0"))) {
    if (live.count(text(row[1])) != 0) continue;
    TRY(discard_snapshot(number(row[0])));
  }
  if (others.live.empty()) TRY(start_alone());
  for (const std::string& name : others.dead)
    TRY(os::unlink(path_ + "/sessions/" + name + ".lock"));
  return {};
}

// What only the one session there is may do: nobody uses what it takes away.
Result<void> Store::start_alone() {
  const os::UniqueFd locks = TRY(os::open(path_ + "/locks", O_RDONLY | O_DIRECTORY));
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(locks)))
    ::unlinkat(locks.get(), entry.name.c_str(), 0);

  const Rows boot = TRY(db_->query("SELECT value FROM meta WHERE key = 'boot'"));
  if (!boot.empty() && text(boot[0][0]) == boot_) return {};
  // After a reboot, maybe a power loss: a tree cannot be verified, so what was not synced is lost.
  // With a snapshot go those on top of it.
  const Rows lost =
      TRY(db_->query("WITH RECURSIVE lost(id) AS ("
                     " SELECT id FROM snapshots WHERE ready = 1 AND durable = 0 AND boot <> ?"
                     " UNION SELECT s.id FROM snapshots s"
                     " JOIN lost ON lost.id IN (s.parent, s.linked))"
                     " SELECT id FROM lost ORDER BY id DESC",
                     {boot_}));
  for (const Row& row : lost) TRY(discard_snapshot(number(row[0])));
  (void)TRY(db_->query("INSERT OR REPLACE INTO meta(key, value) VALUES('boot', ?)", {boot_}));
  return {};
}

// In this order a crash in between leaves a building snapshot of a dead session, which the next
// sweep() takes.
Result<void> Store::discard_snapshot(std::int64_t id) {
  Database::Transaction rows = TRY(db_->begin());
  (void)TRY(rows.query("DELETE FROM cache WHERE snapshot = ?", {id}));
  (void)TRY(rows.query("DELETE FROM layers WHERE snapshot = ?", {id}));
  // The files that it shares become others'.
  (void)TRY(
      rows.query("UPDATE snapshots SET bytes = NULL WHERE family ="
                 " (SELECT family FROM snapshots WHERE id = ?)",
                 {id}));
  (void)TRY(rows.query("UPDATE snapshots SET ready = 0, session = ? WHERE id = ?",
                       {session_->name(), id}));
  TRY(rows.commit());
  const std::string path = path_ + "/snapshots/" + std::to_string(id);
  if (os::exists(path)) session_->add_garbage(TRY(to_garbage(path)));
  (void)TRY(db_->query("DELETE FROM snapshots WHERE id = ?", {id}));
  return {};
}

Result<std::string> Store::to_garbage(const std::string& path) {
  std::string garbage = path_ + "/tmp/" + session_->new_name() + kGarbageSuffix;
  TRY(os::rename(path, garbage));
  return garbage;
}

std::vector<std::string> Store::take_garbage() {
  return session_->take_garbage();
}

Result<std::string> Store::temporary_path() const {
  return path_ + "/tmp/" + session_->new_name();
}

Result<std::string> Store::make_temporary_directory() const {
  std::string path = TRY(temporary_path());
  if (::mkdir(path.c_str(), 0700) < 0) return fail(os_error("mkdir", path));
  return path;
}

Result<os::FileLock> Store::lock_key(const std::string& tier, const Digest& key) {
  Hasher hasher;
  hasher.field(tier).field(key.text());
  return os::FileLock::exclusive(path_ + "/locks/" + hasher.finish().hex());
}

Result<void> Store::sync() {
  // What is finished now; what is finished during syncfs may not be covered by it.
  const Rows snapshots = TRY(
      db_->query("SELECT id FROM snapshots WHERE ready = 1 AND durable = 0 AND boot = ?", {boot_}));
  const Rows blobs =
      TRY(db_->query("SELECT digest FROM blobs WHERE durable = 0 AND boot = ?", {boot_}));
  if (snapshots.empty() && blobs.empty()) return {};
  const os::UniqueFd directory = TRY(os::open(path_, O_RDONLY | O_DIRECTORY));
  if (::syncfs(directory.get()) < 0) return fail(os_error("syncfs", path_));
  Database::Transaction rows = TRY(db_->begin());
  for (const Row& row : snapshots)
    (void)TRY(rows.query("UPDATE snapshots SET durable = 1 WHERE id = ?", {row[0]}));
  for (const Row& row : blobs)
    (void)TRY(rows.query("UPDATE blobs SET durable = 1 WHERE digest = ?", {row[0]}));
  TRY(rows.commit());
  // The journal's changes survive a power loss when it is folded into the database.
  (void)TRY(db_->query("PRAGMA wal_checkpoint"));
  return {};
}

}  // namespace lichen::store
