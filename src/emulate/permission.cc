#include "emulate/permission.h"

#include <fcntl.h>
#include <linux/securebits.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "emulate/place.h"

namespace lichen::emulate {

namespace {

constexpr std::uint32_t kAnyExecute = 0111;

}  // namespace

Owned owned(const FileTable& files, struct statx status) {
  if (const auto record = files.find(status)) dress(status, *record);
  return {status.stx_uid, status.stx_gid, status.stx_mode};
}

bool permits(const Credentials& credentials, const Owned& file, int want) {
  std::uint32_t bits = file.mode & 7;
  if (credentials.uid.fs == file.uid) {
    bits = (file.mode >> 6) & 7;
  } else if (credentials.in_group(file.gid)) {
    bits = (file.mode >> 3) & 7;
  }
  if ((static_cast<std::uint32_t>(want) & ~bits) == 0) return true;
  if (credentials.capable(CAP_DAC_OVERRIDE)) {
    return (want & X_OK) == 0 || S_ISDIR(file.mode) || (file.mode & kAnyExecute) != 0;
  }
  const bool reads_only = want == R_OK || (S_ISDIR(file.mode) && (want & W_OK) == 0);
  return reads_only && credentials.capable(CAP_DAC_READ_SEARCH);
}

int wanted_access(std::uint64_t open_flags) {
  if ((open_flags & O_PATH) != 0) return 0;
  const auto mode = open_flags & O_ACCMODE;
  return (mode == O_WRONLY ? 0 : R_OK) |
         (mode != O_RDONLY || (open_flags & O_TRUNC) != 0 ? W_OK : 0);
}

bool owns(const Credentials& credentials, const Owned& file) {
  return credentials.uid.fs == file.uid || credentials.capable(CAP_FOWNER);
}

int may_remove(const Credentials& credentials, const Owned& directory, const Owned& entry) {
  if (!permits(credentials, directory, W_OK | X_OK)) return EACCES;
  if ((directory.mode & S_ISVTX) != 0 && credentials.uid.fs != directory.uid &&
      !owns(credentials, entry)) {
    return EPERM;
  }
  return 0;
}

Credentials as_real(Credentials credentials) {
  credentials.uid.fs = credentials.uid.real;
  credentials.gid.fs = credentials.gid.real;
  if ((credentials.securebits & SECBIT_NO_SETUID_FIXUP) == 0) {
    credentials.caps.effective =
        credentials.uid.real == 0 ? credentials.caps.permitted : kNoCapabilities;
  }
  return credentials;
}

bool is_judged(const struct statx& status) {
  if (S_ISCHR(status.stx_mode) || S_ISBLK(status.stx_mode)) return false;
  if (S_ISDIR(status.stx_mode) || S_ISLNK(status.stx_mode)) return true;
  // Without a birth time: procfs, pipefs, sockfs, sysfs.
  return (status.stx_mask & STATX_BTIME) != 0;
}

bool may_search(const Task& task, const FileTable& files, const Credentials& credentials,
                const os::UniqueFd& directory, const std::string& from) {
  if (credentials.capable(CAP_DAC_OVERRIDE)) return true;
  const std::string path = canonical(task, directory);
  if (path.empty()) return true;
  std::size_t end = 0;  // of the prefix that is not judged
  if (!from.empty() && path.compare(0, from.size(), from) == 0 &&
      (path.size() == from.size() || path[from.size()] == '/' || from == "/")) {
    end = from == "/" ? 0 : from.size();
    // A start that is reached need not be searchable from above, but is searched itself.
    const std::string start = path.substr(0, end);
    const Place place{.at = AT_FDCWD, .text = start.empty() ? "/" : start, .last = Last::kKeep};
    const auto status = status_of(place);
    if (status && !permits(credentials, owned(files, *status), X_OK)) return false;
  }
  while (end < path.size() && path != "/") {
    end = path.find('/', end + 1);
    if (end == path.npos) end = path.size();
    const Place place{.at = AT_FDCWD, .text = path.substr(0, end), .last = Last::kKeep};
    const auto status = status_of(place);
    if (!status || !is_judged(*status)) continue;
    if (!permits(credentials, owned(files, *status), X_OK)) return false;
  }
  return true;
}

std::string start_of(const Task& task, int dirfd, const std::string& path) {
  if (!path.empty() && path.front() == '/') return {};
  const Place place = locate(task, Credentials{}, dirfd, "", Last::kFollow);
  const os::UniqueFd directory = open_place(place, O_PATH);
  return directory.valid() ? canonical(task, directory) : std::string();
}

}  // namespace lichen::emulate
