// Snapshots, their layers, and the cache records that name them.

#include <sys/stat.h>
#include <unistd.h>

#include <ctime>

#include "base/text.h"
#include "store/db.h"
#include "store/leases.h"
#include "store/session.h"
#include "store/snapshot_mark.h"
#include "store/store.h"

namespace lichen::store {

namespace {

// Foreign text never gets into these columns, but a damaged database may.
Result<Digest> parse_digest(const Value& value) {
  const std::string digest = text(value);
  if (digest.empty()) return Digest();
  return Digest::parse(digest);
}

// Columns chain, diff_id, blob, size, media_type.
Result<Layer> parse_layer(const Row& row) {
  return Layer{.chain = TRY(parse_digest(row[0])),
               .diff_id = TRY(parse_digest(row[1])),
               .blob = TRY(parse_digest(row[2])),
               .size = static_cast<std::uint64_t>(number(row[3])),
               .media_type = text(row[4]),
               .form = text(row[5])};
}

std::optional<std::int64_t> find_number(const Value& value) {
  const auto* number = std::get_if<std::int64_t>(&value);
  return number == nullptr ? std::nullopt : std::optional(*number);
}

Value to_value(const std::optional<std::int64_t>& number) {
  return number ? Value(*number) : Value();
}

Result<void> make_directory(const std::string& path, mode_t mode) {
  // chmod: whatever the umask and the parent's setgid bit are.
  if (::mkdir(path.c_str(), mode) < 0 || ::chmod(path.c_str(), mode) < 0)
    return fail(os_error("mkdir", path));
  return {};
}

}  // namespace

std::string Store::fs_path(std::int64_t id) const {
  return path_ + "/snapshots/" + std::to_string(id) + "/fs";
}

std::string Store::work_path(std::int64_t id) const {
  return path_ + "/snapshots/" + std::to_string(id) + "/work";
}

std::string Store::owners_path(std::int64_t id) const {
  return path_ + "/snapshots/" + std::to_string(id) + "/owners";
}

std::string Store::copied_path(std::int64_t id) const {
  return path_ + "/snapshots/" + std::to_string(id) + "/copied";
}

Result<std::int64_t> Store::begin_snapshot(const std::string& tier,
                                           std::optional<std::int64_t> parent,
                                           const std::string& description,
                                           std::optional<std::int64_t> linked) {
  // The top layer's root directory is what a mounted stack shows as "/": start from the parent's.
  mode_t mode = 0755;
  if (parent) {
    struct ::stat status {};
    if (::stat(fs_path(*parent).c_str(), &status) < 0)
      return fail(os_error("stat", fs_path(*parent)));
    mode = status.st_mode & 07777;
  }
  const auto now = static_cast<std::int64_t>(std::time(nullptr));
  const Rows rows = TRY(db_->query(
      "INSERT INTO snapshots(tier, parent, linked, ready, session, boot, created, used,"
      " description) VALUES(?1, ?2, ?3, 0, ?4, ?5, ?6, ?6, ?7) RETURNING id",
      {tier, to_value(parent), to_value(linked), session_->name(), boot_, now, description}));
  const std::int64_t id = number(rows.at(0).at(0));
  TRY(leases_->hold(Leases::of(id)));
  const std::string path = path_ + "/snapshots/" + std::to_string(id);
  // Of a database that was lost: the directory's number is given out again.
  if (os::exists(path)) session_->add_garbage(TRY(to_garbage(path)));
  TRY(make_directory(path, 0700));
  TRY(make_directory(fs_path(id), mode));
  TRY(make_directory(work_path(id), 0700));
  return id;
}

Result<void> Store::commit_snapshot(std::int64_t id) {
  // overlayfs' scratch space; only the next mount as an upper layer, which never comes, needs it.
  (void)os::remove_tree(work_path(id));
  const Rows rows = TRY(db_->query(
      "UPDATE snapshots SET ready = 1 WHERE id = ? AND ready = 0 AND session = ? RETURNING id",
      {id, session_->name()}));
  if (rows.empty())
    return fail(Errc::kInternal, "snapshot " + std::to_string(id) + " is not being built here");
  return {};
}

Result<void> Store::keep_failed_snapshot(std::int64_t id) {
  TRY(commit_snapshot(id));
  (void)TRY(db_->query("UPDATE snapshots SET description = ? || description WHERE id = ?",
                       {std::string(kFailedMark), id}));
  return {};
}

Result<std::string> Store::abandon_snapshot(std::int64_t id) {
  const Rows rows =
      TRY(db_->query("SELECT id FROM snapshots WHERE id = ? AND ready = 0 AND session = ?",
                     {id, session_->name()}));
  if (rows.empty())
    return fail(Errc::kInternal, "snapshot " + std::to_string(id) + " is not being built here");
  std::string garbage = TRY(to_garbage(path_ + "/snapshots/" + std::to_string(id)));
  TRY(discard_snapshot(id));
  return garbage;
}

Result<std::optional<Snapshot>> Store::find_snapshot(std::int64_t id) {
  const Rows rows =
      TRY(db_->query("SELECT s.tier, s.parent, s.linked, s.ready, l.chain FROM snapshots s"
                     " LEFT JOIN layers l ON l.snapshot = s.id WHERE s.id = ?",
                     {id}));
  if (rows.empty()) return std::nullopt;
  const Row& row = rows[0];
  return Snapshot{.id = id,
                  .tier = text(row[0]),
                  .parent = find_number(row[1]),
                  .linked = find_number(row[2]),
                  .ready = number(row[3]) != 0,
                  .chain = TRY(parse_digest(row[4]))};
}

Result<std::optional<std::int64_t>> Store::find_snapshot_by_chain(const std::string& tier,
                                                                  const Digest& chain) {
  if (chain.empty()) return std::nullopt;
  const Rows rows = TRY(
      db_->query("SELECT s.id FROM layers l JOIN snapshots s ON s.id = l.snapshot WHERE l.chain = ?"
                 " AND s.tier = ? AND s.ready = 1 AND (s.durable = 1 OR s.boot = ?) ORDER BY s.id",
                 {chain.text(), tier, boot_}));
  for (const Row& row : rows)
    if (TRY(keep(number(row[0])))) return number(row[0]);
  return std::nullopt;
}

Result<std::optional<std::int64_t>> Store::find_sibling(const std::string& tier,
                                                        std::int64_t parent,
                                                        const RecipeRecord& like) {
  const Rows rows =
      TRY(db_->query("SELECT s.id FROM recipes r JOIN cache c ON c.tier = r.tier AND c.key = r.key"
                     " JOIN snapshots s ON s.id = c.snapshot WHERE r.tier = ?1 AND r.file = ?2"
                     " AND r.place = ?3 AND s.parent = ?4 AND s.linked IS NULL AND s.ready = 1"
                     " AND (s.durable = 1 OR s.boot = ?5) ORDER BY r.id DESC",
                     {tier, like.file, like.place, parent, boot_}));
  for (const Row& row : rows) {
    const std::int64_t id = number(row[0]);
    if (os::exists(copied_path(id)) && TRY(keep(id, false))) return id;
  }
  return std::nullopt;
}

Result<void> Store::join_family(std::int64_t id, std::int64_t earlier) {
  Database::Transaction rows = TRY(db_->begin());
  (void)TRY(
      rows.query("UPDATE snapshots SET family = id WHERE id = ? AND family IS NULL", {earlier}));
  (void)TRY(
      rows.query("UPDATE snapshots SET family = (SELECT family FROM snapshots WHERE id = ?2)"
                 " WHERE id = ?1",
                 {id, earlier}));
  return rows.commit();
}

// Makes a snapshot that was found this session's, unless it has gone meanwhile.
Result<bool> Store::keep(std::int64_t id, bool is_use) {
  TRY(leases_->hold(Leases::of(id), is_use));
  const Rows rows = TRY(db_->query("SELECT id FROM snapshots WHERE id = ? AND ready = 1", {id}));
  return !rows.empty() && os::exists(fs_path(id));
}

Result<std::vector<Snapshot>> Store::snapshots_of(std::int64_t id) {
  const Rows rows =
      TRY(db_->query("WITH RECURSIVE up(id, parent, linked, depth) AS ("
                     " SELECT id, parent, linked, 0 FROM snapshots WHERE id = ?"
                     " UNION ALL SELECT s.id, s.parent, s.linked, up.depth + 1 FROM snapshots s"
                     " JOIN up ON s.id = up.parent)"
                     " SELECT id, parent, linked FROM up ORDER BY depth DESC",
                     {id}));
  if (rows.empty()) return fail(Errc::kNotFound, "the store has no snapshot " + std::to_string(id));
  std::vector<Snapshot> snapshots;
  for (const Row& row : rows)
    snapshots.push_back(
        {.id = number(row[0]), .parent = find_number(row[1]), .linked = find_number(row[2])});
  if (snapshots.front().parent)
    return fail(Errc::kCorrupt, "the parent of snapshot " + std::to_string(snapshots.front().id) +
                                    " is not in the store");
  return snapshots;
}

Result<std::vector<std::int64_t>> Store::chain(std::int64_t id) {
  std::vector<std::int64_t> chain;
  for (const Snapshot& snapshot : TRY(snapshots_of(id))) chain.push_back(snapshot.id);
  return chain;
}

Result<std::vector<std::int64_t>> Store::stack(std::int64_t id) {
  std::vector<std::int64_t> stack;
  for (const Snapshot& snapshot : TRY(snapshots_of(id))) {
    // Of one that shows another's layer the own directory says what "/" is like, where it is on
    // top.
    if (!snapshot.linked || snapshot.id == id) stack.push_back(snapshot.id);
    if (!snapshot.linked) continue;
    // What is on top hides all that the same layer could show or hide further down, and overlayfs
    // takes no directory twice.
    std::erase(stack, *snapshot.linked);
    stack.insert(snapshot.id == id ? stack.end() - 1 : stack.end(), *snapshot.linked);
  }
  return stack;
}

Result<void> Store::set_layer(std::int64_t snapshot, const Layer& layer) {
  (void)TRY(
      db_->query("INSERT OR REPLACE INTO layers(snapshot, chain, diff_id, blob, size, media_type,"
                 " form) VALUES(?, ?, ?, ?, ?, ?, ?)",
                 {snapshot, layer.chain.text(), layer.diff_id.text(), layer.blob.text(),
                  static_cast<std::int64_t>(layer.size), layer.media_type, layer.form}));
  return {};
}

Result<std::optional<Layer>> Store::find_layer(std::int64_t snapshot) {
  const Rows own = TRY(db_->query(
      "SELECT chain, diff_id, blob, size, media_type, form FROM layers WHERE snapshot = ?",
      {snapshot}));
  if (own.empty()) return std::nullopt;
  Layer layer = TRY(parse_layer(own[0]));
  if (layer.chain.empty() || has_blob(layer.blob)) return layer;
  const Rows same =
      TRY(db_->query("SELECT chain, diff_id, blob, size, media_type, form FROM layers WHERE chain "
                     "= ? ORDER BY snapshot",
                     {layer.chain.text()}));
  for (const Row& row : same)
    if (Layer other = TRY(parse_layer(row)); has_blob(other.blob)) return other;
  return layer;
}

Result<std::vector<Layer>> Store::find_layers_by_diff_id(const Digest& diff_id) {
  std::vector<Layer> layers;
  for (const Row& row : TRY(db_->query(
           "SELECT chain, diff_id, blob, size, media_type, form FROM layers WHERE diff_id = ?"
           " ORDER BY snapshot",
           {diff_id.text()})))
    layers.push_back(TRY(parse_layer(row)));
  return layers;
}

Result<void> Store::put_conversion(const Digest& blob, const Layer& made) {
  (void)TRY(
      db_->query("INSERT OR REPLACE INTO conversions(blob, form, made, size, media_type)"
                 " VALUES(?, ?, ?, ?, ?)",
                 {blob.text(), made.form, made.blob.text(), static_cast<std::int64_t>(made.size),
                  made.media_type}));
  return {};
}

Result<std::optional<Layer>> Store::find_conversion(const Layer& layer, const std::string& form) {
  const Rows rows =
      TRY(db_->query("SELECT made, size, media_type FROM conversions WHERE blob = ? AND form = ?",
                     {layer.blob.text(), form}));
  if (rows.empty()) return std::nullopt;
  Layer made{.chain = layer.chain,
             .diff_id = layer.diff_id,
             .blob = TRY(parse_digest(rows[0][0])),
             .size = static_cast<std::uint64_t>(number(rows[0][1])),
             .media_type = text(rows[0][2]),
             .form = form};
  if (!has_blob(made.blob)) return std::nullopt;
  return made;
}

Result<std::optional<std::int64_t>> Store::find_cache(const std::string& tier, const Digest& key) {
  const Rows rows = TRY(db_->query(
      "SELECT c.snapshot FROM cache c JOIN snapshots s ON s.id = c.snapshot WHERE c.tier = ?"
      " AND c.key = ? AND s.ready = 1 AND (s.durable = 1 OR s.boot = ?)",
      {tier, key.text(), boot_}));
  if (rows.empty() || !TRY(keep(number(rows[0][0])))) return std::nullopt;
  return number(rows[0][0]);
}

Result<void> Store::put_cache(const std::string& tier, const Digest& key, std::int64_t snapshot,
                              std::string_view parts, std::string_view description) {
  (void)TRY(
      db_->query("INSERT OR REPLACE INTO cache(tier, key, snapshot, parts, description, created)"
                 " VALUES(?, ?, ?, ?, ?, ?)",
                 {tier, key.text(), snapshot, std::string(parts), std::string(description),
                  static_cast<std::int64_t>(std::time(nullptr))}));
  return {};
}

}  // namespace lichen::store
