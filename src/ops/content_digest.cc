#include "ops/content_digest.h"

#include <dirent.h>
#include <fcntl.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <condition_variable>
#include <cstdio>
#include <memory>
#include <mutex>
#include <optional>
#include <system_error>
#include <thread>
#include <vector>

#include "base/path.h"
#include "base/text.h"
#include "os/file.h"

namespace lichen::ops {

namespace {

constexpr std::size_t kEntriesAtOnce = 256;  // of one directory, by one thread
constexpr unsigned kMostThreads = 8;
constexpr std::size_t kNumbersBytes = 32;  // of an entry's, and of its fields' lengths

// A directory that is being read, or what the copy selects. Whoever tells its last entry makes its
// digest.
struct Directory {
  std::shared_ptr<Directory> parent;  // nullptr: the selection
  std::size_t place = 0;              // among the parent's entries
  os::UniqueFd fd;
  std::string path, relative;  // in the tree, and as the destination will see it
  std::vector<os::DirectoryEntry> entries;
  std::vector<std::string> told;  // of each entry, what counts of it
  std::atomic<std::size_t> left = 0;
};
using SharedDirectory = std::shared_ptr<Directory>;

// Either entries of a directory to be told, or one that is a directory itself, to be read.
struct Task {
  SharedDirectory directory;
  std::size_t first = 0, last = 0;
  bool is_directory = false;
};

// Tasks of several threads, the newest first: so few directories are open at a time. Over when all
// are done, or one has failed.
class Tasks {
 public:
  void add(Task task) {
    {
      std::lock_guard lock(mutex_);
      tasks_.push_back(std::move(task));
    }
    changed_.notify_one();
  }
  bool empty() {
    std::lock_guard lock(mutex_);
    return tasks_.empty();
  }
  // The next one; nullopt when there will be none. done() afterwards.
  std::optional<Task> take() {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !tasks_.empty() || under_way_ == 0 || error_; });
    if (tasks_.empty() || error_) return std::nullopt;
    Task task = std::move(tasks_.back());
    tasks_.pop_back();
    ++under_way_;
    return task;
  }
  void done(Result<void> result) {
    std::lock_guard lock(mutex_);
    --under_way_;
    if (!result && !error_) error_ = std::move(result).error();
    if (error_ || (under_way_ == 0 && tasks_.empty())) changed_.notify_all();
  }
  Result<void> result() {
    std::lock_guard lock(mutex_);
    if (error_) return fail(std::move(*error_));
    return {};
  }

 private:
  std::mutex mutex_;
  std::condition_variable changed_;
  std::vector<Task> tasks_;
  std::size_t under_way_ = 0;
  std::optional<Error> error_;
};

void append_number(std::string& to, std::uint32_t number) {
  for (int shift = 0; shift < 32; shift += 8) to += static_cast<char>(number >> shift & 0xff);
}

void append_field(std::string& to, std::string_view value) {
  append_number(to, static_cast<std::uint32_t>(value.size()));
  to += value;
}

class Walk {
 public:
  Walk(const SourceTree& tree, const Filter& filter, const FileDigest& file_digest,
       Listing* listing)
      : tree_(tree), filter_(filter), file_digest_(file_digest), listing_(listing) {}

  Result<Digest> digest(const graph::Copy& copy, const std::vector<Selected>& selection) {
    const auto top = std::make_shared<Directory>();
    top->told.resize(selection.size());
    top->left = selection.size() + 1;  // the last is ours
    for (std::size_t i = 0; i < selection.size(); ++i) {
      const Selected& selected = selection[i];
      if (selected.is_directory && copy.dir_copy_contents)
        TRY(tell_contents(top, i, selected, copy.parents));
      else
        TRY(tell_selected(top, i, selected));
    }
    finish_entry(top);
    TRY(work());
    return digest_of_top_;
  }

 private:
  // The contents of a selected directory, and its own mode: a destination that is not there takes
  // it.
  Result<void> tell_contents(const SharedDirectory& top, std::size_t place,
                             const Selected& selected, bool parents) {
    os::UniqueFd fd =
        TRY(os::open_beneath(tree_.root, selected.path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
    const struct ::stat status = TRY(os::fstat(fd));
    const owners::Record record = record_of(tree_, selected.path, status);
    append_field(top->told[place], std::to_string(mode_of(tree_, record, status)));
    if (listing_ != nullptr) list(selected.path, record, status, "");
    return start(top, place, std::move(fd), selected.path, parents ? selected.name : "");
  }

  Result<void> tell_selected(const SharedDirectory& top, std::size_t place,
                             const Selected& selected) {
    const std::string parent = parent_of(selected.path), name = name_of(selected.path);
    const os::UniqueFd directory =
        TRY(os::open_beneath(tree_.root, parent, O_RDONLY | O_DIRECTORY));
    const bool is_directory = TRY(tell(directory, parent, name, selected.name, top->told[place]));
    if (is_directory)
      return start(top, place,
                   TRY(os::openat(directory, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW)),
                   selected.path, selected.name);
    finish_entry(top);
    return {};
  }

  // Reads a directory; its entries become tasks.
  Result<void> start(const SharedDirectory& parent, std::size_t place, os::UniqueFd fd,
                     std::string path, std::string relative) {
    const auto directory = std::make_shared<Directory>();
    directory->parent = parent;
    directory->place = place;
    directory->entries = TRY(os::read_directory(fd));
    directory->fd = std::move(fd);
    directory->path = std::move(path);
    directory->relative = std::move(relative);
    if (!filter_.empty())
      std::erase_if(directory->entries,
                    [&](const os::DirectoryEntry& entry) { return leaves_out(*directory, entry); });
    const std::size_t count = directory->entries.size();
    directory->told.resize(count);
    directory->left = count + 1;
    for (std::size_t first = 0; first < count; first += kEntriesAtOnce)
      tasks_.add({directory, first, std::min(first + kEntriesAtOnce, count)});
    finish_entry(directory);
    return {};
  }

  bool leaves_out(const Directory& directory, const os::DirectoryEntry& entry) const {
    const bool is_directory = entry.type == DT_DIR;
    const Exclusion exclusion = filter_.check(
        beneath(directory.path, entry.name), beneath(directory.relative, entry.name), is_directory);
    return exclusion.excluded && (!is_directory || !exclusion.descend);
  }

  // Until nothing is left to do. Threads start when there is something for them; a listing is
  // filled in one order.
  Result<void> work() {
    if (auto task = tasks_.take()) tasks_.done(perform(std::move(*task)));
    std::vector<std::jthread> threads;
    const unsigned count =
        listing_ != nullptr ? 1 : std::min(std::thread::hardware_concurrency(), kMostThreads);
    try {
      while (threads.size() + 1 < count && !tasks_.empty())
        threads.emplace_back([this] { drain(); });
    } catch (const std::system_error&) {
      // No thread is to be had: those that there are do it.
    }
    drain();
    threads.clear();
    return tasks_.result();
  }
  void drain() {
    while (auto task = tasks_.take()) tasks_.done(perform(std::move(*task)));
  }

  Result<void> perform(Task task) {
    Directory& directory = *task.directory;
    for (std::size_t i = task.first; i < task.last; ++i) {
      const std::string& name = directory.entries[i].name;
      if (task.is_directory) {
        os::UniqueFd fd = TRY(os::openat(directory.fd, name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
        TRY(start(task.directory, i, std::move(fd), beneath(directory.path, name),
                  beneath(directory.relative, name)));
      } else if (TRY(tell(directory.fd, directory.path, name, name, directory.told[i]))) {
        tasks_.add({task.directory, i, i + 1, true});
      } else {
        finish_entry(task.directory);
      }
    }
    return {};
  }

  // One entry of the directory is told; of the last one its digest comes, and is told in turn.
  void finish_entry(SharedDirectory directory) {
    while (directory->left.fetch_sub(1) == 1) {
      std::string all;
      for (const std::string& told : directory->told) append_field(all, told);
      const Digest digest = sha256(all);
      if (directory->parent == nullptr) {
        digest_of_top_ = digest;
        return;
      }
      append_field(directory->parent->told[directory->place], digest.text());
      directory = SharedDirectory(directory->parent);
    }
  }

  // What counts of the entry `name` of `parent`; true: it is a directory, whose digest is to
  // follow.
  Result<bool> tell(const os::UniqueFd& directory, const std::string& parent,
                    const std::string& name, const std::string& called, std::string& told) {
    const auto status = TRY(os::lstatat(directory, name));
    if (!status)
      return fail(Errc::kInvalid, printable(beneath(parent, name)) + " vanished while it was read");
    // Of a context's many files nobody asks for it.
    const std::string path =
        tree_.is_context && listing_ == nullptr ? std::string() : beneath(parent, name);
    const owners::Record record = record_of(tree_, path, *status);
    const mode_t mode = mode_of(tree_, record, *status) & (S_ISLNK(status->st_mode) ? S_IFMT : ~0u);
    std::string content;
    if (S_ISLNK(status->st_mode)) content = TRY(os::readlinkat(directory, name));
    if (S_ISREG(status->st_mode) && record.type == 0) {
      const FileSha256 digest = TRY(file_digest_(directory, name, *status));
      content.assign(digest.data(), digest.size());
    }
    told.reserve(called.size() + content.size() + kNumbersBytes);
    append_field(told, called);
    for (const std::uint32_t number : {static_cast<std::uint32_t>(mode), record.uid, record.gid,
                                       record.type, record.dev_major, record.dev_minor})
      append_number(told, number);
    append_field(told, content);
    if (!record.capability.empty())
      append_field(told, record.capability);
    else if (S_ISREG(status->st_mode) && !tree_.is_context)
      TRY(append_capability(told, directory, name));
    if (listing_ != nullptr) list(path, record, *status, content);
    return S_ISDIR(status->st_mode);
  }

  Result<void> append_capability(std::string& told, const os::UniqueFd& directory,
                                 const std::string& name) {
    const os::UniqueFd file = TRY(os::openat(directory, name, O_PATH | O_NOFOLLOW));
    if (const auto value = TRY(os::get_xattr(file, "security.capability")))
      append_field(told, *value);
    return {};
  }

  void list(const std::string& path, const owners::Record& record, const struct ::stat& status,
            const std::string& content) {
    std::array<char, 64> start{};
    std::snprintf(start.data(), start.size(), "%06o %u:%u",
                  static_cast<unsigned>(mode_of(tree_, record, status)), record.uid, record.gid);
    listing_->add(path.empty() ? "." : path,
                  start.data() + (content.empty() ? "" : " " + sha256(content).short_hex()));
  }

  const SourceTree& tree_;
  const Filter& filter_;
  const FileDigest& file_digest_;
  Listing* const listing_;
  Tasks tasks_;
  Digest digest_of_top_;
};

}  // namespace

Result<FileSha256> read_digest(const os::UniqueFd& directory, const std::string& name) {
  os::FileSource source(TRY(os::openat(directory, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK)), name);
  HashingSource hashing(source);
  const std::string hex = TRY(hashing.drain()).hex();
  const auto value = [&](std::size_t at) {
    return hex[at] <= '9' ? hex[at] - '0' : hex[at] - 'a' + 10;
  };
  FileSha256 digest{};
  for (std::size_t i = 0; i < digest.size(); ++i)
    digest[i] = static_cast<char>(value(2 * i) << 4 | value(2 * i + 1));
  return digest;
}

Result<Digest> digest_of(const SourceTree& tree, const graph::Copy& copy,
                         const FileDigest& file_digest, Listing* listing) {
  const Filter filter = TRY(Filter::make(tree, copy));
  return Walk(tree, filter, file_digest, listing).digest(copy, TRY(select(tree, copy)));
}

}  // namespace lichen::ops
