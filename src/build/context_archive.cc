#include "build/context_archive.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <functional>
#include <map>
#include <vector>

#include "archive/compression.h"
#include "archive/tar_reader.h"
#include "base/path.h"
#include "base/text.h"
#include "os/file.h"

namespace lichen::build {

namespace {

using archive::Entry;
using archive::EntryType;

Result<void> set_time(const os::UniqueFd& directory, const std::string& name, const Entry& entry) {
  const timespec time{.tv_sec = entry.mtime_s, .tv_nsec = static_cast<long>(entry.mtime_ns)};
  const timespec times[] = {time, time};
  if (::utimensat(directory.get(), name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
    return fail(os_error("utimensat", printable(entry.path)));
  return {};
}

class Unpacker {
 public:
  explicit Unpacker(const os::UniqueFd& root) : root_(root) {}

  Result<void> add(const Entry& entry, Source& content) {
    if (entry.path.empty()) return {};
    const std::string name = name_of(entry.path);
    const os::UniqueFd parent = TRY(directory_of(entry.path));
    if (entry.type == EntryType::kDirectory) return add_directory(parent, name, entry);
    if (TRY(os::lstatat(parent, name))) TRY(os::remove_tree(parent, name));
    directories_.erase(entry.path);
    switch (entry.type) {
      case EntryType::kFile:
        return add_file(parent, name, entry, content);
      case EntryType::kSymlink:
        if (::symlinkat(entry.link.c_str(), parent.get(), name.c_str()) < 0)
          return fail(os_error("symlink", printable(entry.path)));
        return set_time(parent, name, entry);
      case EntryType::kHardlink: {
        const os::UniqueFd from = TRY(directory_of(entry.link));
        const std::string first = name_of(entry.link);
        if (::linkat(from.get(), first.c_str(), parent.get(), name.c_str(), 0) < 0)
          return fail(os_error("link", printable(entry.path) + " to " + printable(entry.link)));
        return {};
      }
      case EntryType::kFifo:
        if (::mkfifoat(parent.get(), name.c_str(), 0600) < 0 ||
            ::fchmodat(parent.get(), name.c_str(), entry.mode | S_IRUSR, 0) < 0)
          return fail(os_error("mkfifo", printable(entry.path)));
        return set_time(parent, name, entry);
      default:
        return fail(Errc::kUnsupported,
                    printable(entry.path) + " is a device node: a build context has none",
                    "ADD of an archive that holds it makes it");
    }
  }

  // Directories get their times when nothing is made in them any more.
  Result<void> finish() {
    for (const auto& [path, entry] : directories_) {
      const os::UniqueFd parent = TRY(directory_of(path));
      TRY(set_time(parent, name_of(path), entry));
    }
    return {};
  }

 private:
  Result<os::UniqueFd> directory_of(const std::string& path) {
    const std::string parent = parent_of(path);
    if (parent.empty()) return os::duplicate(root_);
    auto directory = os::mkdirs_beneath(root_, parent, 0755);
    if (!directory) return fail(std::move(directory).error().in(printable(path)));
    return directory;
  }

  Result<void> add_directory(const os::UniqueFd& parent, const std::string& name,
                             const Entry& entry) {
    const auto there = TRY(os::lstatat(parent, name));
    if (there && !S_ISDIR(there->st_mode)) TRY(os::remove_tree(parent, name));
    if (::mkdirat(parent.get(), name.c_str(), 0700) < 0 && errno != EEXIST)
      return fail(os_error("mkdir", printable(entry.path)));
    // Not a symlink: it has just been made, or was looked at, and nobody else writes here.
    if (::fchmodat(parent.get(), name.c_str(), entry.mode | S_IRWXU, 0) < 0)
      return fail(os_error("chmod", printable(entry.path)));
    directories_[entry.path] = entry;
    return {};
  }

  static Result<void> add_file(const os::UniqueFd& parent, const std::string& name,
                               const Entry& entry, Source& content) {
    os::FileSink file(TRY(os::openat(parent, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600)),
                      printable(entry.path));
    (void)TRY(copy(content, file));
    if (::fchmod(file.fd().get(), entry.mode | S_IRUSR) < 0)
      return fail(os_error("chmod", printable(entry.path)));
    return set_time(parent, name, entry);
  }

  const os::UniqueFd& root_;
  std::map<std::string, Entry> directories_;
};

// All of a tar archive to `take`; the time of the newest entry.
Result<std::optional<std::int64_t>> read_entries(
    Source& bytes, const std::atomic<bool>* cancelled,
    const std::function<Result<void>(const Entry&, Source&)>& take) {
  const auto plain = TRY(archive::open_decompressor(bytes));
  archive::TarReader tar(*plain);
  std::optional<std::int64_t> newest;
  while (const std::optional<Entry> entry = TRY(tar.next())) {
    if (cancelled != nullptr && cancelled->load()) return fail(Errc::kCancelled, "cancelled");
    TRY(take(*entry, tar));
    newest = std::max(newest.value_or(entry->mtime_s), entry->mtime_s);
  }
  return newest;
}

}  // namespace

bool is_archive(std::string_view head) {
  return archive::detect(head.substr(0, archive::kMagicBytes)) != archive::Compression::kNone ||
         archive::is_tar(head);
}

Result<std::optional<std::int64_t>> unpack_context(Source& bytes, const std::string& directory,
                                                   const std::atomic<bool>* cancelled) {
  const os::UniqueFd root = TRY(os::open(directory, O_RDONLY | O_DIRECTORY));
  Unpacker unpacker(root);
  const auto newest = TRY(read_entries(bytes, cancelled, [&](const Entry& entry, Source& content) {
    return unpacker.add(entry, content);
  }));
  TRY(unpacker.finish());
  return newest;
}

Result<std::optional<std::int64_t>> newest_entry(Source& bytes,
                                                 const std::atomic<bool>* cancelled) {
  return read_entries(bytes, cancelled, [](const Entry&, Source&) -> Result<void> { return {}; });
}

}  // namespace lichen::build
