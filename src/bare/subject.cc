#include "bare/subject.h"

#include <sys/stat.h>
#include <unistd.h>

#include <charconv>
#include <string_view>
#include <utility>

#include "emulate/place.h"

namespace lichen::bare {

std::optional<int> flags_of(const emulate::Task& task, int fd) {
  const std::string name = task.in_proc("fdinfo/" + std::to_string(fd));
  const os::UniqueFd info(::openat(task.proc().get(), name.c_str(), O_RDONLY | O_CLOEXEC));
  if (!info.valid()) return std::nullopt;
  char bytes[512];
  const ssize_t size = ::read(info.get(), bytes, sizeof bytes);
  if (size <= 0) return std::nullopt;
  constexpr std::string_view kKey = "flags:\t";
  const std::string_view text(bytes, static_cast<std::size_t>(size));
  const std::size_t at = text.find(kKey);
  if (at == text.npos) return std::nullopt;
  int flags = 0;
  std::from_chars(text.data() + at + kKey.size(), text.data() + text.size(), flags, 8);
  return flags;
}

Answer<Subject> named(const emulate::Task& task, int dirfd, std::uint64_t path, int flags) {
  Subject subject{.dirfd = dirfd};
  Answer<std::string> text = task.read_path(path);
  if (!text) return tl::unexpected(text.error());
  if (text->empty() && (flags & AT_EMPTY_PATH) == 0) return refuse(ENOENT);
  subject.path = std::move(*text);
  // The descriptor of a symlink is that symlink.
  if ((flags & AT_SYMLINK_NOFOLLOW) != 0 && !subject.path.empty()) subject.last = Last::kKeep;
  return subject;
}

Subject held(int fd) {
  return {.dirfd = fd, .must_be_open = true};
}

Answer<File> find(const Call& call, Model& model, const Subject& subject) {
  if (subject.must_be_open) {
    const auto flags = subject.dirfd >= 0 ? flags_of(call.task, subject.dirfd) : std::nullopt;
    if (!flags || (*flags & O_PATH) != 0) return refuse(EBADF);
  }
  Answer<File> file = model.tree.open(call, model, subject.dirfd, subject.path, subject.last);
  if (file && !call.task.valid()) return refuse(ESRCH);
  return file;
}

bool has_record(const File& file) {
  return file.mount != nullptr && file.mount->keeps_records();
}

bool is_read_only(const File& file) {
  return file.mount != nullptr && file.mount->read_only;
}

emulate::Owned owned(const Model& model, const Mount* mount, const struct statx& status) {
  File file;
  file.mount = mount;
  file.status = status;
  return model.owned(file);
}

Answer<void> renew(Model& model, File& file, bool truncate) {
  if (file.link.empty()) return {};
  return model.frozen->copy_up(model, file, truncate);
}

Answer<void> prepare(Model& model, const emulate::Credentials& credentials, File& file,
                     Change change, bool truncate) {
  if (is_read_only(file)) return refuse(EROFS);
  if (model.is_others_terminal(file.status)) return refuse(EPERM);
  if (!has_record(file)) return {};  // the kernel is the judge
  if (const auto now = renew(model, file, truncate); !now) return now;
  const int refused = emulate::decide(change, credentials, model.owned(file), {});
  if (refused != 0) return refuse(refused);
  return model.frozen->copy_up(model, file, truncate);
}

Answer<void> keep(Model& model, const File& file, const owners::Record& record,
                  std::uint32_t mode) {
  if (!model.put(file.fd, record, mode)) return refuse(ENOMEM);
  constexpr auto kSame = static_cast<uid_t>(-1);
  if (::fchownat(file.fd.get(), "", kSame, kSame, AT_EMPTY_PATH) != 0) return refuse(errno);
  return {};
}

void drop_privileges(owners::Record& record, std::uint32_t& mode,
                     const emulate::Credentials& credentials) {
  record.capability.clear();
  mode &= ~static_cast<std::uint32_t>(S_ISUID);
  const bool in_group = credentials.in_group(record.gid) || credentials.capable(CAP_FSETID);
  if ((mode & S_IXGRP) != 0 || !in_group) mode &= ~static_cast<std::uint32_t>(S_ISGID);
}

}  // namespace lichen::bare
