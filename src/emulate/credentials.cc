#include "emulate/credentials.h"

#include <sys/resource.h>

#include <algorithm>
#include <utility>

namespace lichen::emulate {

namespace {

// Of the 64 bits of the limit: this byte, 24 bits of mark, 32 bits that number the set.
constexpr std::uint64_t kTag = std::uint64_t{0x52} << 56;
constexpr std::uint64_t kTagMask = std::uint64_t{0xff} << 56;
constexpr std::uint64_t kNumberMask = 0xffffffff;
constexpr int kMarkShift = 32;
constexpr std::size_t kMaxBytes = 128u << 20;  // a hostile step could make sets for ever

}  // namespace

bool Credentials::in_group(std::uint32_t id) const {
  return id == gid.fs || std::find(groups.begin(), groups.end(), id) != groups.end();
}

Credentials credentials_of(std::uint32_t uid, std::uint32_t gid,
                           std::vector<std::uint32_t> groups) {
  Credentials credentials{
      .uid = {uid, uid, uid, uid}, .gid = {gid, gid, gid, gid}, .groups = std::move(groups)};
  std::sort(credentials.groups.begin(), credentials.groups.end());  // as getgroups(2) lists them
  if (uid != 0) {
    credentials.caps.permitted = kNoCapabilities;
    credentials.caps.effective = kNoCapabilities;
  }
  return credentials;
}

namespace {

// 0 for a process that nobody has tagged.
std::uint64_t tag_of(pid_t tid) {
  rlimit limit{};
  if (::prlimit(tid, RLIMIT_RTTIME, nullptr, &limit) != 0) return 0;
  return (limit.rlim_cur & kTagMask) == kTag ? limit.rlim_cur & ~kTagMask : 0;
}

bool set_tag(pid_t tid, std::uint64_t tag) {
  rlimit limit{};
  if (::prlimit(tid, RLIMIT_RTTIME, nullptr, &limit) != 0) return false;
  limit.rlim_cur = kTag | tag;
  return ::prlimit(tid, RLIMIT_RTTIME, &limit, nullptr) == 0;
}

}  // namespace

std::uint32_t mark_of(pid_t tid) {
  return static_cast<std::uint32_t>(tag_of(tid) >> kMarkShift);
}

bool set_mark(pid_t tid, std::uint32_t mark) {
  return mark <= kMaxMark &&
         set_tag(tid, (tag_of(tid) & kNumberMask) | (std::uint64_t{mark} << kMarkShift));
}

bool clear_tag(pid_t tid) {
  return tag_of(tid) == 0 || set_tag(tid, 0);
}

CredentialTable::CredentialTable(Credentials initial) {
  intern(initial);
}

std::shared_ptr<const Credentials> CredentialTable::of(pid_t tid) const {
  const std::size_t number = tag_of(tid) & kNumberMask;
  std::shared_lock lock(mutex_);
  return sets_[number < sets_.size() ? number : 0];
}

bool CredentialTable::set(pid_t tid, const Credentials& credentials) {
  const std::int64_t number = intern(credentials);
  return number >= 0 &&
         set_tag(tid, (tag_of(tid) & ~kNumberMask) | static_cast<std::uint64_t>(number));
}

std::int64_t CredentialTable::intern(const Credentials& credentials) {
  std::unique_lock lock(mutex_);
  if (auto known = numbers_.find(credentials); known != numbers_.end()) return known->second;
  const std::size_t cost =
      2 * (sizeof(Credentials) + credentials.groups.size() * sizeof(std::uint32_t)) + 128;
  if (bytes_ + cost > kMaxBytes) return -1;
  bytes_ += cost;
  if (!credentials.capable(CAP_DAC_OVERRIDE) || credentials.root_number != 0) all_powerful_ = false;
  const auto number = static_cast<std::uint32_t>(sets_.size());
  sets_.push_back(std::make_shared<const Credentials>(credentials));
  numbers_.emplace(credentials, number);
  return number;
}

}  // namespace lichen::emulate
