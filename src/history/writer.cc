#include "history/writer.h"

#include <fcntl.h>
#include <sys/file.h>

#include <cstdio>
#include <ctime>
#include <random>

#include "history/records.h"
#include "os/file.h"

namespace lichen::history {

namespace {

// "20261129-231455123-3f2a9c": sorts by time, and is typed by its end.
std::string new_id(std::int64_t now_ms) {
  const std::time_t seconds = static_cast<std::time_t>(now_ms / 1000);
  std::tm broken{};
  ::gmtime_r(&seconds, &broken);
  char time[32], id[64];
  (void)std::strftime(time, sizeof time, "%Y%m%d-%H%M%S", &broken);
  std::random_device random;
  (void)std::snprintf(id, sizeof id, "%s%03d-%06x", time, static_cast<int>(now_ms % 1000),
                      random() & 0xffffffu);
  return id;
}

}  // namespace

Writer::Writer(Entry begin, std::int64_t now_ms) : id_(new_id(now_ms)) {
  begin.kind = Kind::kBegin;
  begin.number = now_ms / 1000;
  waiting_ = to_line(begin);
}

void Writer::open_directory(const std::string& directory) {
  std::lock_guard lock(mutex_);
  directory_ = directory;
  if (started_) flush();
}

void Writer::add(const Entry& entry) {
  std::lock_guard lock(mutex_);
  put(entry);
}

void Writer::put(const Entry& entry) {
  if (broken_) return;
  if (entry.kind == Kind::kLog && !logs_.take(entry)) return;
  if (entry.kind == Kind::kDone || entry.kind == Kind::kFailed) put(logs_.rest(entry.step));
  if (entry.kind == Kind::kEnd) put(logs_.rest());
  waiting_ += to_line(entry);
  if (started_) flush();
}

// Past the bound: they were kept back by it.
void Writer::put(const std::vector<Entry>& entries) {
  for (const Entry& entry : entries) waiting_ += to_line(entry);
}

void Writer::start() {
  std::lock_guard lock(mutex_);
  if (started_) return;
  started_ = true;
  flush();
}

void Writer::flush() {
  if (directory_.empty() || broken_) return;
  broken_ = true;
  if (!file_.valid()) {
    if (!os::mkdirs(directory_, 0700)) return;
    auto file = os::open(file_of(directory_, id_), O_WRONLY | O_CREAT | O_EXCL | O_APPEND, 0600);
    if (!file || ::flock(file->get(), LOCK_EX) != 0) return;
    file_ = std::move(*file);
  }
  if (!os::write_all(file_, waiting_)) return;
  waiting_.clear();
  broken_ = false;
}

void Writer::finish(const Entry& end) {
  add(end);
  std::lock_guard lock(mutex_);
  flush();
  file_.reset();
  broken_ = true;
}

}  // namespace lichen::history
