#include "os/i386.h"

#ifdef __x86_64__

#include <sys/syscall.h>

#include <algorithm>

namespace lichen::os {

namespace {

constexpr int kFchmodat2 = 452;  // newer than the headers; the number is that of every machine

// Sorted by the first.
constexpr I386Number kNumbers[] = {
    {5, SYS_open},
    {8, SYS_creat},
    {9, SYS_link},
    {10, SYS_unlink},
    {11, SYS_execve},
    {14, SYS_mknod},
    {15, SYS_chmod},
    {30, SYS_utime},
    {33, SYS_access},
    {36, SYS_sync},
    {38, SYS_rename},
    {39, SYS_mkdir},
    {40, SYS_rmdir},
    {51, SYS_acct},
    {54, SYS_ioctl},
    {61, SYS_chroot},
    {83, SYS_symlink},
    {87, SYS_swapon},
    {88, SYS_reboot},
    {92, SYS_truncate},
    {94, SYS_fchmod},
    {115, SYS_swapoff},
    {118, SYS_fsync},
    {120, SYS_clone},
    {128, SYS_init_module},
    {129, SYS_delete_module},
    {148, SYS_fdatasync},
    {172, SYS_prctl},
    {184, SYS_capget},
    {185, SYS_capset},
    {193, SYS_truncate},
    {195, SYS_stat},
    {196, SYS_lstat},
    {197, SYS_fstat},
    {198, SYS_lchown},
    {199, SYS_getuid},
    {200, SYS_getgid},
    {201, SYS_geteuid},
    {202, SYS_getegid},
    {203, SYS_setreuid},
    {204, SYS_setregid},
    {205, SYS_getgroups},
    {206, SYS_setgroups},
    {207, SYS_fchown},
    {208, SYS_setresuid},
    {209, SYS_getresuid},
    {210, SYS_setresgid},
    {211, SYS_getresgid},
    {212, SYS_chown},
    {213, SYS_setuid},
    {214, SYS_setgid},
    {215, SYS_setfsuid},
    {216, SYS_setfsgid},
    {226, SYS_setxattr},
    {227, SYS_lsetxattr},
    {228, SYS_fsetxattr},
    {235, SYS_removexattr},
    {236, SYS_lremovexattr},
    {237, SYS_fremovexattr},
    {271, SYS_utimes},
    {283, SYS_kexec_load},
    {286, SYS_add_key},
    {287, SYS_request_key},
    {288, SYS_keyctl},
    {295, SYS_openat},
    {296, SYS_mkdirat},
    {297, SYS_mknodat},
    {298, SYS_fchownat},
    {299, SYS_futimesat},
    {300, SYS_newfstatat},
    {301, SYS_unlinkat},
    {302, SYS_renameat},
    {303, SYS_linkat},
    {304, SYS_symlinkat},
    {306, SYS_fchmodat},
    {307, SYS_faccessat},
    {310, SYS_unshare},
    {314, SYS_sync_file_range},
    {320, SYS_utimensat},
    {336, SYS_perf_event_open},
    {340, SYS_prlimit64},
    {342, SYS_open_by_handle_at},
    {344, SYS_syncfs},
    {346, SYS_setns},
    {350, SYS_finit_module},
    {353, SYS_renameat2},
    {357, SYS_bpf},
    {358, SYS_execveat},
    {361, SYS_bind},
    {365, SYS_getsockopt},
    {374, SYS_userfaultfd},
    {383, SYS_statx},
    {412, SYS_utimensat},
    {425, SYS_io_uring_setup},
    {426, SYS_io_uring_enter},
    {427, SYS_io_uring_register},
    {435, SYS_clone3},
    {437, SYS_openat2},
    {439, SYS_faccessat2},
    {kFchmodat2, kFchmodat2},
};

// oldstat, lchown, setuid, getuid, oldfstat, setgid, getgid, geteuid, getegid, setreuid, setregid,
// getgroups, setgroups, oldlstat, fchown, stat, lstat, fstat, setfsuid, setfsgid, setresuid,
// getresuid, setresgid, getresgid, chown.
constexpr int kOutdated[] = {18, 16, 23,  24,  28,  46,  47,  49,  50,  70,  71,  80, 81,
                             84, 95, 106, 107, 108, 138, 139, 164, 165, 170, 171, 182};

}  // namespace

std::span<const I386Number> i386_numbers() {
  return kNumbers;
}

std::optional<int> native_of_i386(int i386) {
  const auto* found =
      std::lower_bound(std::begin(kNumbers), std::end(kNumbers), i386,
                       [](const I386Number& row, int number) { return row.i386 < number; });
  if (found == std::end(kNumbers) || found->i386 != i386) return std::nullopt;
  return found->native;
}

std::span<const int> i386_outdated() {
  return kOutdated;
}

}  // namespace lichen::os

#else

namespace lichen::os {

std::span<const I386Number> i386_numbers() {
  return {};
}
std::optional<int> native_of_i386(int) {
  return std::nullopt;
}
std::span<const int> i386_outdated() {
  return {};
}

}  // namespace lichen::os

#endif
