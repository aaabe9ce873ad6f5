// The store's SQLite database, reduced to what the store needs. Internal to store.
//
//   Rows rows = TRY(db.query("SELECT size FROM blobs WHERE digest = ?", {digest.text()}));
//   Database::Transaction all = TRY(db.begin());
//   TRY(all.query(…)); TRY(all.commit());
//
// Thread-safe: one connection under one mutex. A thread that has a Transaction must not use the
// Database itself. Not to be used across fork(2).
#pragma once

#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"

struct sqlite3;
struct sqlite3_stmt;

namespace lichen::store {

using Value = std::variant<std::monostate, std::int64_t, std::string>;  // NULL, INTEGER, TEXT
using Row = std::vector<Value>;
using Rows = std::vector<Row>;

std::int64_t number(const Value& value);  // 0 for NULL
std::string text(const Value& value);     // "" for NULL

class Database {
 public:
  // Creates the tables when they are not there, and brings older ones up to date, for which nobody
  // else may use them (`alone`). kUnsupported: they are those of a newer lichen. kUnavailable:
  // older, and in use.
  static Result<std::unique_ptr<Database>> open(const std::string& path, bool alone);
  Database(const Database&) = delete;
  Database& operator=(const Database&) = delete;
  ~Database();

  // One statement. Statements are cached by their text, which must be a literal.
  Result<Rows> query(const char* sql, const std::vector<Value>& values = {});

  // Rolled back when it is destroyed without commit().
  class Transaction {
   public:
    Transaction(Transaction&& other) noexcept;
    ~Transaction();
    Result<Rows> query(const char* sql, const std::vector<Value>& values = {});
    Result<void> commit();

   private:
    friend class Database;
    Transaction(Database& db, std::unique_lock<std::mutex> lock)
        : db_(&db), lock_(std::move(lock)) {}
    Database* db_;
    std::unique_lock<std::mutex> lock_;
  };
  Result<Transaction> begin();  // waits for writers of other processes
  // What was written takes no more room than it must, if nobody reads just now.
  void shrink();
  // Another number: somebody else has changed something.
  Result<std::int64_t> version();

 private:
  Database() = default;
  Result<void> prepare_schema(bool alone);
  Result<Rows> run(const char* sql, const std::vector<Value>& values);
  Error error(const char* sql) const;

  std::mutex mutex_;
  std::string path_;
  sqlite3* db_ = nullptr;
  std::map<const char*, sqlite3_stmt*> statements_;
};

}  // namespace lichen::store
