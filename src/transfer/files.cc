#include "transfer/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <map>
#include <mutex>

#include "archive/compression.h"
#include "archive/tar_reader.h"
#include "archive/tar_writer.h"
#include "base/text.h"
#include "oci/types.h"
#include "os/file.h"
#include "transfer/input_file.h"
#include "transfer/output_file.h"
#include "transfer/staged.h"

namespace lichen::transfer {

namespace {

constexpr std::size_t kMaxMembers = 1'000'000;
constexpr int kMaxLinks = 8;

class Directory final : public Files {
 public:
  Directory(std::string path, os::UniqueFd fd) : path_(std::move(path)), fd_(std::move(fd)) {}

  Result<std::unique_ptr<Source>> open(const std::string& path) override {
    os::UniqueFd file = TRY(open_file(path));
    return std::make_unique<os::FileSource>(std::move(file), path_ + "/" + path);
  }
  Result<std::uint64_t> size(const std::string& path) override {
    return static_cast<std::uint64_t>(TRY(os::fstat(TRY(open_file(path)))).st_size);
  }

 private:
  Result<os::UniqueFd> open_file(const std::string& path) {
    auto file = os::open_beneath(fd_, path, O_RDONLY | O_NONBLOCK);
    if (!file) return fail(std::move(file).error().in(printable(path_)));
    if (!S_ISREG(TRY(os::fstat(*file)).st_mode))
      return fail(Errc::kInvalid, printable(path_ + "/" + path) + " is not a file");
    return file;
  }

  std::string path_;
  os::UniqueFd fd_;
};

// A tar archive that can be read from any place, and where its files are in it.
class Archive final : public Files {
 public:
  Archive(std::string name, std::shared_ptr<const os::UniqueFd> fd)
      : name_(std::move(name)), fd_(std::move(fd)) {}

  Result<void> read_members() {
    RegionSource all(fd_, name_);
    archive::TarReader tar(all);
    while (const auto entry = TRY(tar.next())) {
      if (members_.size() >= kMaxMembers) return fail(Errc::kInvalid, "too many files");
      Member member;
      if (entry->type == archive::EntryType::kFile) {
        if (tar.is_sparse())
          return fail(Errc::kUnsupported, printable(entry->path) + " is a sparse file");
        member = {.offset = tar.offset(), .size = entry->size, .link = {}};
      } else if (entry->type == archive::EntryType::kHardlink) {
        member.link = entry->link;
      } else if (entry->type == archive::EntryType::kSymlink) {
        member.link = beside(entry->path, entry->link);
      } else {
        continue;
      }
      members_[entry->path] = std::move(member);
    }
    return {};
  }

  Result<std::unique_ptr<Source>> open(const std::string& path) override {
    const Member& member = *TRY(find(path));
    return std::make_unique<RegionSource>(fd_, name_ + ": " + path, member.offset, member.size);
  }
  Result<std::uint64_t> size(const std::string& path) override { return TRY(find(path))->size; }

 private:
  struct Member {
    std::uint64_t offset = 0, size = 0;
    std::string link;  // the path of another one
  };

  // `docker save` of old writes "../OTHER/layer.tar" for a layer that two images have.
  static std::string beside(const std::string& path, const std::string& target) {
    std::vector<std::string> parts = split(path, '/');
    parts.pop_back();
    for (const std::string& part : split(target, '/')) {
      if (part == "..") {
        if (!parts.empty()) parts.pop_back();
      } else if (!part.empty() && part != ".") {
        parts.push_back(part);
      }
    }
    return join(parts, "/");
  }

  Result<const Member*> find(const std::string& path) const {
    std::string at = path;
    for (int links = 0; links < kMaxLinks; ++links) {
      const auto found = members_.find(at);
      if (found == members_.end()) break;
      if (found->second.link.empty()) return &found->second;
      at = found->second.link;
    }
    return fail(Errc::kNotFound, printable(name_) + " has no " + printable(path));
  }

  std::string name_;
  std::shared_ptr<const os::UniqueFd> fd_;
  std::map<std::string, Member> members_;
};

// The archive's own bytes as a file that can be read from any place.
Result<std::shared_ptr<const os::UniqueFd>> seekable(os::UniqueFd fd, const std::string& name,
                                                     const std::string& staging) {
  const bool is_file = S_ISREG(TRY(os::fstat(fd)).st_mode);
  auto shared = std::make_shared<const os::UniqueFd>(std::move(fd));
  if (is_file) {
    char magic[archive::kMagicBytes];
    RegionSource start(shared, name);
    const std::size_t count = TRY(start.read(magic, sizeof magic));
    if (archive::detect({magic, count}) == archive::Compression::kNone) return shared;
    if (::lseek(shared->get(), 0, SEEK_SET) != 0) return fail(os_error("seek", name));
  }
  os::FileSource file(TRY(os::duplicate(*shared)), name);
  const auto plain = TRY(archive::open_decompressor(file));
  const Staged staged = TRY(Staged::create(staging));
  (void)TRY(copy(*plain, *staged.sink()));
  return staged.fd();
}

class NewDirectory final : public NewFiles {
 public:
  explicit NewDirectory(std::string path) : path_(std::move(path)) {}

  bool one_at_a_time() const override { return false; }
  Result<void> put(const std::string& path, std::uint64_t, const Writer& write) override {
    const std::string to = path_ + "/" + path;
    if (const std::size_t slash = path.rfind('/'); slash != path.npos)
      TRY(os::mkdirs(path_ + "/" + path.substr(0, slash)));
    OutputFile file = TRY(OutputFile::replace(to));
    os::FileSink sink(TRY(os::duplicate(file.fd())), to);
    TRY(write(sink));
    return file.finish();
  }
  Result<std::string> earlier(const std::string& path) override {
    return os::read_file(path_ + "/" + path, oci::kMaxDocumentBytes);
  }
  bool has(const std::string& path, std::uint64_t size) override {
    const auto file = os::open(path_ + "/" + path, O_PATH | O_NOFOLLOW);
    const auto info = file ? os::fstat(*file) : Result<struct ::stat>(fail(Error(file.error())));
    return info && S_ISREG(info->st_mode) && static_cast<std::uint64_t>(info->st_size) == size;
  }
  Result<void> finish() override { return {}; }

 private:
  std::string path_;
};

class TarSink final : public Sink {
 public:
  explicit TarSink(archive::TarWriter& tar) : tar_(tar) {}
  Result<void> write(std::string_view bytes) override { return tar_.write(bytes); }

 private:
  archive::TarWriter& tar_;
};

class NewArchive final : public NewFiles {
 public:
  NewArchive(OutputFile file, os::UniqueFd fd, const std::string& name)
      : file_(std::move(file)), sink_(std::move(fd), name), tar_(sink_) {}

  bool one_at_a_time() const override { return true; }
  Result<void> put(const std::string& path, std::uint64_t size, const Writer& write) override {
    const std::lock_guard lock(mutex_);
    for (std::size_t slash = path.find('/'); slash != path.npos; slash = path.find('/', slash + 1))
      if (const std::string parent = path.substr(0, slash); files_.emplace(parent, 0).second)
        TRY(tar_.add({.path = parent, .type = archive::EntryType::kDirectory, .mode = 0755}));
    TRY(tar_.add({.path = path, .mode = 0644, .size = size}));
    TarSink content(tar_);
    TRY(write(content));
    files_[path] = size;
    return {};
  }
  Result<std::string> earlier(const std::string& path) override {
    return fail(Errc::kNotFound, path + " is not there yet");
  }
  bool has(const std::string& path, std::uint64_t) override {
    const std::lock_guard lock(mutex_);
    return files_.contains(path);
  }
  Result<void> finish() override {
    TRY(tar_.finish());
    return file_.finish();
  }

 private:
  std::mutex mutex_;
  OutputFile file_;
  os::FileSink sink_;
  archive::TarWriter tar_;
  std::map<std::string, std::uint64_t> files_;  // and directories
};

}  // namespace

Result<std::string> Files::read(const std::string& path) {
  const auto source = TRY(open(path));
  auto bytes = read_all(*source, oci::kMaxDocumentBytes);
  if (!bytes) return fail(std::move(bytes).error().in(printable(path)));
  return bytes;
}

Result<std::unique_ptr<Files>> open_directory(const std::string& path) {
  return std::make_unique<Directory>(path, TRY(os::open(path, O_PATH | O_DIRECTORY)));
}

Result<std::unique_ptr<Files>> open_archive(const std::string& path, const std::string& staging) {
  const bool from_input = path == "-";
  const std::string name = from_input ? "standard input" : path;
  os::UniqueFd fd = TRY(open_input(path, STDIN_FILENO));
  if (from_input && ::isatty(fd.get()))
    return fail(Errc::kInvalid, "an archive is not read from a terminal");
  auto archive = std::make_unique<Archive>(name, TRY(seekable(std::move(fd), name, staging)));
  if (auto read = archive->read_members(); !read)
    return fail(std::move(read).error().in(printable(name)));
  return archive;
}

Result<void> NewFiles::put(const std::string& path, std::string_view bytes) {
  return put(path, bytes.size(), [&](Sink& to) { return to.write(bytes); });
}

Result<std::unique_ptr<NewFiles>> make_directory(const std::string& path) {
  TRY(os::mkdirs(path));
  return std::make_unique<NewDirectory>(path);
}

Result<std::unique_ptr<NewFiles>> make_archive(const std::string& path, int output_fd) {
  OutputFile file = TRY(OutputFile::create(path, output_fd));
  os::UniqueFd fd = TRY(os::duplicate(file.fd()));
  return std::make_unique<NewArchive>(std::move(file), std::move(fd),
                                      path == "-" ? "standard output" : path);
}

}  // namespace lichen::transfer
