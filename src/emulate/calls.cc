#include "emulate/calls.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <iterator>

namespace lichen::emulate {

namespace {

using Match = NotifiedCall::Match;

// Of open(2); the second is O_TMPFILE's own bit.
constexpr std::uint32_t kCreateOrWrite = O_CREAT | 020'000'000 | O_ACCMODE | O_TRUNC;

// PR_*, RLIMIT_* and SO_* are all compared whole.
constexpr NotifiedCall exactly(int nr, int arg, std::uint32_t value) {
  return {nr, Match::kMaskEquals, arg, 0xffffffff, value};
}

constexpr NotifiedCall kNodes[] = {
    {SYS_mknodat, Match::kMaskEquals, 2, S_IFMT, S_IFCHR},
    {SYS_mknodat, Match::kMaskEquals, 2, S_IFMT, S_IFBLK},
#ifdef __x86_64__
    {SYS_mknod, Match::kMaskEquals, 1, S_IFMT, S_IFCHR},
    {SYS_mknod, Match::kMaskEquals, 1, S_IFMT, S_IFBLK},
#endif
};

struct OwnerArg {
  int nr, arg;
};
constexpr OwnerArg kOwnerArgs[] = {
    {SYS_fchown, 1}, {SYS_fchown, 2}, {SYS_fchownat, 2}, {SYS_fchownat, 3},
#ifdef __x86_64__
    {SYS_chown, 1},  {SYS_chown, 2},  {SYS_lchown, 1},   {SYS_lchown, 2},
#endif
};

constexpr NotifiedCall kStat[] = {
    {SYS_newfstatat}, {SYS_fstat}, {SYS_statx},
#ifdef __x86_64__
    {SYS_stat},       {SYS_lstat},
#endif
};

// In both kinds of profile.
constexpr NotifiedCall kNamespaces[] = {
    {SYS_chroot},
    {SYS_unshare, Match::kMaskAny, 0, CLONE_NEWUSER | CLONE_NEWNS},
    {SYS_clone, Match::kMaskAny, 0, CLONE_NEWUSER | CLONE_NEWNS},
    {SYS_setns},
};

constexpr NotifiedCall kOpen[] = {
    {SYS_openat},
    {SYS_openat2},
#ifdef __x86_64__
    {SYS_open},
    {SYS_creat},
#endif
};

// All but plain reading, which the kernel judges for root as the model would.
constexpr NotifiedCall kOpenToChange[] = {
    {SYS_openat, Match::kMaskAny, 2, kCreateOrWrite},
    {SYS_openat2},
#ifdef __x86_64__
    {SYS_open, Match::kMaskAny, 1, kCreateOrWrite},
    {SYS_creat},
#endif
};

constexpr NotifiedCall kIdentity[] = {
    {SYS_getuid},
    {SYS_geteuid},
    {SYS_getgid},
    {SYS_getegid},
    {SYS_getresuid},
    {SYS_getresgid},
    {SYS_getgroups},
    {SYS_setuid},
    {SYS_setgid},
    {SYS_setreuid},
    {SYS_setregid},
    {SYS_setresuid},
    {SYS_setresgid},
    {SYS_setfsuid},
    {SYS_setfsgid},
    {SYS_setgroups},
    {SYS_capget},
    {SYS_capset},
    exactly(SYS_prctl, 0, PR_GET_KEEPCAPS),
    exactly(SYS_prctl, 0, PR_SET_KEEPCAPS),
    exactly(SYS_prctl, 0, PR_GET_SECUREBITS),
    exactly(SYS_prctl, 0, PR_SET_SECUREBITS),
    exactly(SYS_prctl, 0, PR_CAPBSET_READ),
    exactly(SYS_prctl, 0, PR_CAPBSET_DROP),
    exactly(SYS_prctl, 0, PR_CAP_AMBIENT),
    exactly(SYS_prlimit64, 1, RLIMIT_RTTIME),
    exactly(SYS_setrlimit, 0, RLIMIT_RTTIME),
    exactly(SYS_getrlimit, 0, RLIMIT_RTTIME),
};

// What copies a file up, but for opens and chown.
constexpr NotifiedCall kChanges[] = {
    {SYS_renameat2}, {SYS_renameat},    {SYS_linkat},       {SYS_fchmod},       {SYS_fchmodat},
    {kFchmodat2},    {SYS_utimensat},   {SYS_truncate},     {SYS_setxattr},     {SYS_lsetxattr},
    {SYS_fsetxattr}, {SYS_removexattr}, {SYS_lremovexattr}, {SYS_fremovexattr},
#ifdef __x86_64__
    {SYS_rename},    {SYS_link},        {SYS_chmod},        {SYS_utime},        {SYS_utimes},
    {SYS_futimesat},
#endif
};

constexpr NotifiedCall kFull[] = {
    {SYS_execve},
    {SYS_execveat},
    {SYS_fchown},
    {SYS_fchownat},
    {SYS_mkdirat},
    {SYS_symlinkat},
    {SYS_mknodat},
#ifdef __x86_64__
    {SYS_chown},
    {SYS_lchown},
    {SYS_mkdir},
    {SYS_symlink},
    {SYS_mknod},
#endif
    {SYS_bind},
    exactly(SYS_getsockopt, 2, SO_PEERCRED),
    exactly(SYS_getsockopt, 2, SO_PEERGROUPS),
    // What only permissions concern.
    {SYS_faccessat},
    {SYS_faccessat2},
    {SYS_unlinkat},
#ifdef __x86_64__
    {SYS_access},
    {SYS_unlink},
    {SYS_rmdir},
#endif
};

template <std::size_t N>
void append(std::vector<NotifiedCall>& calls, const NotifiedCall (&table)[N]) {
  calls.insert(calls.end(), std::begin(table), std::end(table));
}

}  // namespace

std::vector<NotifiedCall> notified_calls(Profile profile, const Needs& needs) {
  std::vector<NotifiedCall> calls;
  const bool full = profile != Profile::kDevices;
  if (full || needs.devices) append(calls, kStat);
  const bool opens = needs.devices || (full && needs.reads);
  if (opens) append(calls, kOpen);
  append(calls, kNamespaces);
  if (!full) {
    append(calls, kNodes);
    const std::uint32_t first = needs.devices ? 0 : needs.map_size;
    for (const OwnerArg& owner : kOwnerArgs) {
      calls.push_back({owner.nr, Match::kAtLeast, owner.arg, 0, first});
    }
    if (needs.devices) append(calls, kChanges);
    return calls;
  }
  if (!opens) append(calls, kOpenToChange);
  append(calls, kIdentity);
  append(calls, kFull);
  append(calls, kChanges);
  return calls;
}

std::vector<NotifiedCall> identity_calls() {
  return {std::begin(kIdentity), std::end(kIdentity)};
}

bool is_covered(std::string_view path) {
  constexpr std::string_view kDev = "dev/";
  return path.substr(0, kDev.size()) == kDev;
}

bool becomes_users(const std::vector<std::string>& texts) {
  constexpr std::string_view kTools[] = {"su",      "sudo", "setpriv", "runuser",
                                         "su-exec", "gosu", "doas",    "start-stop-daemon"};
  constexpr std::string_view kOfWords =
      "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-";
  for (const std::string& text : texts) {
    std::size_t at = 0;
    while ((at = text.find_first_of(kOfWords, at)) != text.npos) {
      const std::size_t end = std::min(text.find_first_not_of(kOfWords, at), text.size());
      const auto word = std::string_view(text).substr(at, end - at);
      if (std::find(std::begin(kTools), std::end(kTools), word) != std::end(kTools)) return true;
      at = end;
    }
  }
  return false;
}

bool shows_devices(Profile profile, const owners::Owners& below, std::uint32_t map_size,
                   const std::vector<std::string>& texts) {
  for (const auto& [path, record] : below.all()) {
    if (is_covered(path)) continue;
    if (record.type != 0) return true;
    if (profile == Profile::kDevices && std::max(record.uid, record.gid) >= map_size) return true;
  }
  // A guess, which costs time when it is wrong: of what Dockerfiles call by name, these make nodes.
  constexpr std::string_view kMakers[] = {"mknod", "MAKEDEV", "debootstrap"};
  for (const std::string& text : texts) {
    for (const std::string_view maker : kMakers) {
      if (text.find(maker) != text.npos) return true;
    }
  }
  return false;
}

namespace {

std::uint64_t size_of(std::string_view map) {
  std::vector<std::array<std::uint64_t, 2>> ranges;  // first inside, count
  while (!map.empty()) {
    const std::string line(map.substr(0, map.find('\n')));
    map.remove_prefix(std::min(map.size(), line.size() + 1));
    std::array<std::uint64_t, 3> numbers{};
    const char* at = line.c_str();
    for (std::uint64_t& number : numbers) {
      char* end = nullptr;
      number = std::strtoull(at, &end, 10);
      at = end;
    }
    ranges.push_back({numbers[0], numbers[2]});
  }
  std::sort(ranges.begin(), ranges.end());
  std::uint64_t size = 0;
  for (const auto& [first, count] : ranges) {
    if (first > size) break;
    size = std::max(size, first + count);
  }
  return size;
}

}  // namespace

std::uint32_t map_size_of(std::string_view uid_map, std::string_view gid_map) {
  return static_cast<std::uint32_t>(
      std::min<std::uint64_t>({size_of(uid_map), size_of(gid_map), UINT32_MAX}));
}

}  // namespace lichen::emulate
