// Which system calls are one and the same to whoever answers them, whatever a machine's spellings,
// old and new. Pure.
#pragma once

namespace lichen::emulate {

enum class Family {
  kOther,
  // Files by path or descriptor.
  kStat,
  kOpen,
  kAccess,
  kReadlink,
  kExec,
  kCreate,  // mkdir, symlink
  kMknod,
  kRemove,  // unlink, rmdir
  kRename,
  kLink,
  kChmod,
  kChown,
  kTimes,
  kTruncate,
  kXattr,
  kStatfs,
  kWatch,  // inotify_add_watch
  // What paths mean to a process.
  kDirectory,  // chdir, getcwd
  kChroot,
  kNamespace,  // unshare, setns, clone
  // Who a process is.
  kGetId,  // and getgroups
  kSetId,
  kSetGroups,
  kCapGet,
  kCapSet,
  kPrctl,
  kRlimit,  // and prlimit64
  kUname,
  // Sockets, but for bind and getsockopt those that have an address.
  kBind,
  kSocketOption,  // getsockopt
  kSocket,
};
Family family_of(int nr);

}  // namespace lichen::emulate
