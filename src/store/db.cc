#include "store/db.h"

#include <sqlite3.h>
#include <sys/vfs.h>

#include <cerrno>
#include <iterator>
#include <utility>

namespace lichen::store {

namespace {

constexpr int kBusyMs = 30'000;
constexpr int kJournalPages = 256;  // of 4 KiB
constexpr std::int64_t kSchemaVersion = 5;

// docs/formats/store.md explains the columns. Snapshot ids are never used twice (AUTOINCREMENT):
// content keys of the cache are made of them.
constexpr char kSchema[] = R"(
CREATE TABLE IF NOT EXISTS meta(key TEXT PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS blobs(
  digest TEXT PRIMARY KEY, size INTEGER NOT NULL, session TEXT NOT NULL, boot TEXT NOT NULL,
  durable INTEGER NOT NULL DEFAULT 0) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS snapshots(
  id INTEGER PRIMARY KEY AUTOINCREMENT, tier TEXT NOT NULL, parent INTEGER, ready INTEGER NOT NULL,
  session TEXT NOT NULL, boot TEXT NOT NULL, durable INTEGER NOT NULL DEFAULT 0,
  created INTEGER NOT NULL, used INTEGER NOT NULL DEFAULT 0, bytes INTEGER,
  description TEXT NOT NULL DEFAULT '', linked INTEGER, family INTEGER);
CREATE INDEX IF NOT EXISTS snapshots_parent ON snapshots(parent);
CREATE INDEX IF NOT EXISTS snapshots_building ON snapshots(ready) WHERE ready = 0;
CREATE TABLE IF NOT EXISTS layers(
  snapshot INTEGER PRIMARY KEY, chain TEXT NOT NULL, diff_id TEXT NOT NULL, blob TEXT NOT NULL,
  size INTEGER NOT NULL, media_type TEXT NOT NULL, form TEXT NOT NULL DEFAULT '');
CREATE INDEX IF NOT EXISTS layers_chain ON layers(chain);
CREATE INDEX IF NOT EXISTS layers_diff_id ON layers(diff_id);
CREATE TABLE IF NOT EXISTS cache(
  tier TEXT NOT NULL, key TEXT NOT NULL, snapshot INTEGER NOT NULL, parts TEXT NOT NULL,
  description TEXT NOT NULL, created INTEGER NOT NULL, PRIMARY KEY(tier, key)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS cache_snapshot ON cache(snapshot);
CREATE TABLE IF NOT EXISTS images(
  name TEXT PRIMARY KEY, manifest TEXT NOT NULL, config TEXT NOT NULL, media_type TEXT NOT NULL,
  size INTEGER NOT NULL, created INTEGER NOT NULL) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS resolutions(
  reference TEXT NOT NULL, platform TEXT NOT NULL, media_type TEXT NOT NULL, digest TEXT NOT NULL,
  size INTEGER NOT NULL, seen INTEGER NOT NULL, PRIMARY KEY(reference, platform)) WITHOUT ROWID;
CREATE TABLE IF NOT EXISTS conversions(
  blob TEXT NOT NULL, form TEXT NOT NULL, made TEXT NOT NULL, size INTEGER NOT NULL,
  media_type TEXT NOT NULL, PRIMARY KEY(blob, form)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS layers_blob ON layers(blob);
CREATE TABLE IF NOT EXISTS recipes(
  id INTEGER PRIMARY KEY AUTOINCREMENT, tier TEXT NOT NULL, key TEXT NOT NULL, file TEXT NOT NULL,
  place TEXT NOT NULL, shape TEXT NOT NULL, parts TEXT NOT NULL, created INTEGER NOT NULL,
  UNIQUE(tier, key));
CREATE INDEX IF NOT EXISTS recipes_place ON recipes(tier, file, place);
CREATE INDEX IF NOT EXISTS recipes_shape ON recipes(tier, shape);
CREATE INDEX IF NOT EXISTS snapshots_family ON snapshots(family) WHERE family IS NOT NULL;
PRAGMA user_version = 5;
)";

// What brings the tables of version N, the place here, to the next.
constexpr const char* kUpgrades[] = {
    nullptr, "ALTER TABLE layers ADD COLUMN form TEXT NOT NULL DEFAULT '';",
    R"(
ALTER TABLE snapshots ADD COLUMN used INTEGER NOT NULL DEFAULT 0;
ALTER TABLE snapshots ADD COLUMN bytes INTEGER;
ALTER TABLE snapshots ADD COLUMN description TEXT NOT NULL DEFAULT '';
ALTER TABLE snapshots ADD COLUMN linked INTEGER;
CREATE TABLE conversions(
  blob TEXT NOT NULL, form TEXT NOT NULL, made TEXT NOT NULL, size INTEGER NOT NULL,
  media_type TEXT NOT NULL, PRIMARY KEY(blob, form)) WITHOUT ROWID;
UPDATE snapshots SET used = created;
CREATE INDEX IF NOT EXISTS layers_blob ON layers(blob);
PRAGMA user_version = 3;
)",
    R"(
CREATE TABLE recipes(
  id INTEGER PRIMARY KEY AUTOINCREMENT, tier TEXT NOT NULL, key TEXT NOT NULL, file TEXT NOT NULL,
  place TEXT NOT NULL, shape TEXT NOT NULL, parts TEXT NOT NULL, created INTEGER NOT NULL,
  UNIQUE(tier, key));
CREATE INDEX recipes_place ON recipes(tier, file, place);
CREATE INDEX recipes_shape ON recipes(tier, shape);
PRAGMA user_version = 4;
)",
    R"(
ALTER TABLE snapshots ADD COLUMN family INTEGER;
CREATE INDEX snapshots_family ON snapshots(family) WHERE family IS NOT NULL;
PRAGMA user_version = 5;
)",
};
static_assert(std::size(kUpgrades) == kSchemaVersion);

std::string upgrade_from(std::int64_t version) {
  if (version == 0) return kSchema;
  std::string sql;
  while (version < kSchemaVersion) sql += kUpgrades[version++];
  return sql;
}

// WAL needs memory that all users share, which file systems of several machines do not give.
bool is_network_file_system(const std::string& path) {
  struct ::statfs status {};
  if (::statfs(path.c_str(), &status) != 0) return false;
  switch (static_cast<std::uint32_t>(status.f_type)) {
    case 0x6969:      // NFS
    case 0x0bd00bd0:  // Lustre
    case 0x47504653:  // GPFS
    case 0xff534d42:  // CIFS
    case 0xfe534d42:  // SMB2
    case 0x517b:      // SMB
    case 0x00c36400:  // Ceph
    case 0x19830326:  // BeeGFS
    case 0x65735546:  // FUSE
    case 0x01021997:  // 9p
      return true;
    default:
      return false;
  }
}

Errc code_of(int sqlite) {
  switch (sqlite & 0xff) {
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
      return Errc::kUnavailable;
    case SQLITE_FULL:
      return Errc::kNoSpace;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
      return Errc::kCorrupt;
    case SQLITE_READONLY:
    case SQLITE_PERM:
    case SQLITE_CANTOPEN:
      return Errc::kDenied;
    default:
      return Errc::kInternal;
  }
}

}  // namespace

std::int64_t number(const Value& value) {
  const auto* number = std::get_if<std::int64_t>(&value);
  return number == nullptr ? 0 : *number;
}

std::string text(const Value& value) {
  const auto* text = std::get_if<std::string>(&value);
  return text == nullptr ? "" : *text;
}

Error Database::error(const char* sql) const {
  const int code = db_ == nullptr ? SQLITE_NOMEM : sqlite3_extended_errcode(db_);
  Error error{.code = code_of(code)};
  if (const int system = db_ == nullptr ? 0 : sqlite3_system_errno(db_);
      (code & 0xff) == SQLITE_IOERR && (system == ENOSPC || system == EDQUOT))
    error.code = Errc::kNoSpace;
  error.message = "database: " + std::string(db_ == nullptr ? "no memory" : sqlite3_errmsg(db_));
  if (error.code == Errc::kInternal) error.message += std::string(" in \"") + sql + "\"";
  if (error.code == Errc::kUnavailable) error.hint = "another process keeps the store locked";
  if (error.code == Errc::kCorrupt)
    error.hint = "what is in the store cannot be read any more; to begin anew: lichen prune --all";
  if (error.code == Errc::kNoSpace)
    error.hint = "free space on the file system of the store, or empty it: lichen prune --all";
  error.context.push_back(path_);
  return error;
}

Result<std::unique_ptr<Database>> Database::open(const std::string& path, bool alone) {
  std::unique_ptr<Database> db(new Database);
  db->path_ = path;
  constexpr int kFlags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE | SQLITE_OPEN_NOMUTEX;
  if (sqlite3_open_v2(path.c_str(), &db->db_, kFlags, nullptr) != SQLITE_OK)
    return fail(db->error("open"));
  sqlite3_busy_timeout(db->db_, kBusyMs);
  const char* journal = "PRAGMA journal_mode = TRUNCATE";
  if (!is_network_file_system(path)) {
    const Rows mode = TRY(db->run("PRAGMA journal_mode = WAL", {}));
    if (!mode.empty() && text(mode[0][0]) == "wal") journal = nullptr;
  }
  if (journal != nullptr) (void)TRY(db->run(journal, {}));
  (void)TRY(db->run("PRAGMA synchronous = NORMAL", {}));
  // The journal outlives us: folding it into the database takes several fsyncs, and so does the
  // first write of who must begin a new one. It is short, so that who opens it reads little.
  sqlite3_db_config(db->db_, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, nullptr);
  sqlite3_wal_autocheckpoint(db->db_, kJournalPages);
  TRY(db->prepare_schema(alone));
  return db;
}

Result<void> Database::prepare_schema(bool alone) {
  const std::int64_t found = number(TRY(run("PRAGMA user_version", {})).at(0).at(0));
  if (found > kSchemaVersion)
    return fail(Errc::kUnsupported, path_ + " was written by a newer lichen",
                "use that version, or another --root");
  if (found == kSchemaVersion) return {};
  // Who opened it before knows nothing of what is new: leases, for one.
  if (found != 0 && !alone)
    return fail(Errc::kUnavailable, path_ + " is in use by an older lichen",
                "try again when it has ended");
  (void)TRY(run("BEGIN IMMEDIATE", {}));
  // Another process may have been here while this one waited.
  const std::int64_t now = number(TRY(run("PRAGMA user_version", {})).at(0).at(0));
  if (sqlite3_exec(db_, upgrade_from(now).c_str(), nullptr, nullptr, nullptr) != SQLITE_OK) {
    Error failed = error("schema");
    (void)run("ROLLBACK", {});
    return fail(std::move(failed));
  }
  (void)TRY(run("COMMIT", {}));
  return {};
}

Database::~Database() {
  for (const auto& [sql, statement] : statements_) sqlite3_finalize(statement);
  sqlite3_close(db_);
}

Result<Rows> Database::run(const char* sql, const std::vector<Value>& values) {
  sqlite3_stmt*& statement = statements_[sql];
  if (statement == nullptr &&
      sqlite3_prepare_v3(db_, sql, -1, SQLITE_PREPARE_PERSISTENT, &statement, nullptr) != SQLITE_OK)
    return fail(error(sql));
  for (std::size_t i = 0; i < values.size(); ++i) {
    const int at = static_cast<int>(i) + 1;
    if (const auto* number = std::get_if<std::int64_t>(&values[i]))
      sqlite3_bind_int64(statement, at, *number);
    else if (const auto* text = std::get_if<std::string>(&values[i]))
      sqlite3_bind_text64(statement, at, text->data(), text->size(), SQLITE_STATIC, SQLITE_UTF8);
    else
      sqlite3_bind_null(statement, at);
  }
  Rows rows;
  int rc = SQLITE_ROW;
  while ((rc = sqlite3_step(statement)) == SQLITE_ROW) {
    Row& row = rows.emplace_back();
    for (int column = 0; column < sqlite3_column_count(statement); ++column) {
      switch (sqlite3_column_type(statement, column)) {
        case SQLITE_INTEGER:
          row.emplace_back(std::int64_t{sqlite3_column_int64(statement, column)});
          break;
        case SQLITE_NULL:
          row.emplace_back();
          break;
        default: {
          const auto* bytes = static_cast<const char*>(sqlite3_column_blob(statement, column));
          const auto size = static_cast<std::size_t>(sqlite3_column_bytes(statement, column));
          row.emplace_back(bytes == nullptr ? std::string() : std::string(bytes, size));
        }
      }
    }
  }
  if (rc != SQLITE_DONE) {
    Error failed = error(sql);
    sqlite3_reset(statement);
    return fail(std::move(failed));
  }
  sqlite3_reset(statement);
  sqlite3_clear_bindings(statement);
  return rows;
}

Result<Rows> Database::query(const char* sql, const std::vector<Value>& values) {
  std::lock_guard lock(mutex_);
  return run(sql, values);
}

Result<Database::Transaction> Database::begin() {
  std::unique_lock lock(mutex_);
  (void)TRY(run("BEGIN IMMEDIATE", {}));
  return Transaction(*this, std::move(lock));
}

void Database::shrink() {
  (void)query("PRAGMA wal_checkpoint(TRUNCATE)");
}

Result<std::int64_t> Database::version() {
  return number(TRY(query("PRAGMA data_version")).at(0).at(0));
}

Database::Transaction::Transaction(Transaction&& other) noexcept
    : db_(std::exchange(other.db_, nullptr)), lock_(std::move(other.lock_)) {}

Database::Transaction::~Transaction() {
  if (db_ != nullptr) (void)db_->run("ROLLBACK", {});
}

Result<Rows> Database::Transaction::query(const char* sql, const std::vector<Value>& values) {
  return db_->run(sql, values);
}

Result<void> Database::Transaction::commit() {
  (void)TRY(db_->run("COMMIT", {}));  // when it fails it is rolled back
  db_ = nullptr;
  lock_.unlock();
  return {};
}

}  // namespace lichen::store
