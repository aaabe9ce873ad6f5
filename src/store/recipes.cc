// What the keys of cache records were made of.

#include <ctime>

#include "store/db.h"
#include "store/store.h"

namespace lichen::store {

namespace {

// How many are kept for one place, and in all: a recipe has at most some tens of kilobytes.
constexpr std::int64_t kKeptOfPlace = 16, kKept = 8192;

Result<std::vector<RecipeRecord>> records(const Rows& rows) {
  std::vector<RecipeRecord> found;
  for (const Row& row : rows)
    found.push_back({.key = TRY(Digest::parse(text(row[0]))),
                     .file = text(row[1]),
                     .place = text(row[2]),
                     .shape = text(row[3]),
                     .parts = text(row[4])});
  return found;
}

}  // namespace

Result<void> Store::put_recipe(const std::string& tier, const RecipeRecord& recipe) {
  Database::Transaction rows = TRY(db_->begin());
  (void)TRY(
      rows.query("INSERT OR REPLACE INTO recipes(tier, key, file, place, shape, parts, created)"
                 " VALUES(?, ?, ?, ?, ?, ?, ?)",
                 {tier, recipe.key.text(), recipe.file, recipe.place, recipe.shape, recipe.parts,
                  static_cast<std::int64_t>(std::time(nullptr))}));
  (void)TRY(
      rows.query("DELETE FROM recipes WHERE id IN (SELECT id FROM recipes WHERE tier = ? AND"
                 " file = ? AND place = ? ORDER BY id DESC LIMIT -1 OFFSET ?)",
                 {tier, recipe.file, recipe.place, kKeptOfPlace}));
  (void)TRY(
      rows.query("DELETE FROM recipes WHERE id <= (SELECT max(id) FROM recipes) - ?", {kKept}));
  return rows.commit();
}

Result<std::vector<RecipeRecord>> Store::find_recipes(const std::string& tier,
                                                      const RecipeRecord& like) {
  auto found = TRY(records(TRY(
      db_->query("SELECT key, file, place, shape, parts FROM recipes WHERE tier = ? AND file = ?"
                 " AND place = ? AND shape = ? ORDER BY id DESC LIMIT 16",
                 {tier, like.file, like.place, like.shape}))));
  if (found.empty())
    found = TRY(records(TRY(
        db_->query("SELECT key, file, place, shape, parts FROM recipes WHERE tier = ? AND shape = ?"
                   " ORDER BY file = ? DESC, id DESC LIMIT 16",
                   {tier, like.shape, like.file}))));
  if (found.empty())
    found = TRY(records(TRY(
        db_->query("SELECT key, file, place, shape, parts FROM recipes WHERE tier = ? AND file = ?"
                   " AND place = ? ORDER BY id DESC LIMIT 16",
                   {tier, like.file, like.place}))));
  return found;
}

Result<std::optional<RecipeRecord>> Store::find_recipe(const std::string& tier, const Digest& key) {
  auto found = TRY(records(TRY(
      db_->query("SELECT key, file, place, shape, parts FROM recipes WHERE tier = ? AND key = ?",
                 {tier, key.text()}))));
  if (found.empty()) return std::nullopt;
  return std::move(found[0]);
}

}  // namespace lichen::store
