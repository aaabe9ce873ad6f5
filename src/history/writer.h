// Writes a build's record.
//
//   Writer writer(store_path + "/history", begin);
//   writer.add(entry); …          // kept in memory
//   writer.start();               // from here on each entry is in the file at once
//   writer.finish(end);
//
// Until start() nothing is written: a build that finds everything writes its record in one piece,
// at its end. While it writes it holds a lock on the file, so that who reads knows a running build
// from a killed one. A record that cannot be written is no reason to fail: it is dropped.
// Of what steps write it keeps begin and end (history/log_bound.h). Thread-safe.
#pragma once

#include <mutex>
#include <string>
#include <vector>

#include "history/entry.h"
#include "history/log_bound.h"
#include "os/fd.h"

namespace lichen::history {

class Writer {
 public:
  // The file's name begins with the time: milliseconds since 1970.
  Writer(Entry begin, std::int64_t now_ms);
  Writer(const Writer&) = delete;
  Writer& operator=(const Writer&) = delete;

  const std::string& id() const { return id_; }
  void open_directory(const std::string& directory);  // made when it is not there
  void add(const Entry& entry);
  void start();
  void finish(const Entry& end);

 private:
  void put(const Entry& entry);
  void put(const std::vector<Entry>& entries);
  void flush();

  const std::string id_;
  std::mutex mutex_;
  std::string directory_;
  std::string waiting_;
  LogBound logs_;
  os::UniqueFd file_;
  bool started_ = false, broken_ = false;
};

}  // namespace lichen::history
