// The identity that a process of the step believes to have: credentials(7), capabilities(7).
//
// In a user namespace with one id the kernel knows every process as uid 0 with the container's full
// capability sets. What setuid, capset or a setuid program made of that lives here. Rules are pure
// functions of one file each (setid.h, caps.h, exec.h) from Credentials to Credentials.
//
//   CredentialTable table(initial);
//   std::shared_ptr<const Credentials> now = table.of(tid);
//   table.set(tid, changed);          // false: the tag could not be stored
//
// A process carries the number of its set in its soft RLIMIT_RTTIME, which the kernel copies on
// fork and keeps over exec: no process table, nothing to forget when one dies. Equal sets share a
// number, and the table is bounded. Thread-safe.
#pragma once

#include <linux/capability.h>
#include <sys/types.h>

#include <atomic>
#include <compare>
#include <cstdint>
#include <map>
#include <memory>
#include <mutex>
#include <shared_mutex>
#include <vector>

namespace lichen::emulate {

using CapabilitySet = std::uint64_t;
inline constexpr CapabilitySet kNoCapabilities = 0;
inline constexpr CapabilitySet kAllCapabilities = (CapabilitySet{1} << (CAP_LAST_CAP + 1)) - 1;
constexpr CapabilitySet capability(int number) {
  return CapabilitySet{1} << number;
}

struct Ids {
  std::uint32_t real = 0, effective = 0, saved = 0, fs = 0;
  friend auto operator<=>(const Ids&, const Ids&) = default;
};

struct Capabilities {
  CapabilitySet permitted = kAllCapabilities, effective = kAllCapabilities;
  CapabilitySet inheritable = kNoCapabilities, ambient = kNoCapabilities;
  CapabilitySet bounding = kAllCapabilities;
  friend auto operator<=>(const Capabilities&, const Capabilities&) = default;
};

struct Credentials {
  Ids uid, gid;
  std::vector<std::uint32_t> groups;
  Capabilities caps;
  std::uint32_t securebits = 0;   // SECBIT_*, keep_caps among them
  bool own_root = false;          // called chroot: its "/" may be another than the container's
  bool own_users = false;         // called unshare: may be in a user namespace of its own
  std::uint32_t root_number = 0;  // which one, at tier `bare` (bare::Roots); 0: the step's

  bool capable(int number) const { return (caps.effective & capability(number)) != 0; }
  bool in_group(std::uint32_t id) const;  // fs gid and supplementary groups
  friend auto operator<=>(const Credentials&, const Credentials&) = default;
};

// Those of a process that was just started as this user: uid 0 is all-powerful, others are not.
Credentials credentials_of(std::uint32_t uid, std::uint32_t gid, std::vector<std::uint32_t> groups);

// A number of 24 bits that a process carries beside its credentials, with the same inheritance:
// tier `bare` knows its executable by it. 0: none. false: the tag could not be stored.
inline constexpr std::uint32_t kMaxMark = 0xffffff;
std::uint32_t mark_of(pid_t tid);
bool set_mark(pid_t tid, std::uint32_t mark);
// For the first process of a step, which may have another step's tag from whoever started us.
bool clear_tag(pid_t tid);

class CredentialTable {
 public:
  explicit CredentialTable(Credentials initial);
  std::shared_ptr<const Credentials> of(pid_t tid) const;
  bool set(pid_t tid, const Credentials& credentials);
  // No process so far has been other than root with all of its powers over files, and in the root
  // that it was given: lookups need not ask who looks.
  bool all_powerful() const { return all_powerful_; }
  // Held while a process's credentials are read, changed and set.
  std::mutex& change_mutex() { return change_mutex_; }

  // The number for `credentials`; 0 is the initial set. -1: too many sets. For tests.
  std::int64_t intern(const Credentials& credentials);

 private:
  mutable std::shared_mutex mutex_;
  std::mutex change_mutex_;
  std::vector<std::shared_ptr<const Credentials>> sets_;
  std::map<Credentials, std::uint32_t> numbers_;
  std::size_t bytes_ = 0;
  std::atomic<bool> all_powerful_ = true;
};

}  // namespace lichen::emulate
