#include "sandbox/landlock.h"

#include <linux/landlock.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

namespace lichen::sandbox {

namespace {

// What linux/landlock.h of Linux 6.1 does not have.
constexpr std::uint64_t kTruncate = 1u << 14;             // ABI 3
constexpr std::uint64_t kIoctlDevice = 1u << 15;          // ABI 5
constexpr std::uint64_t kScopeAbstractSockets = 1u << 0;  // ABI 6
constexpr std::uint64_t kScopeSignals = 1u << 1;          // ABI 6
struct RulesetAttributes {
  std::uint64_t files = 0, network = 0, scopes = 0;
};
constexpr std::size_t kSizeWithoutScopes = sizeof(std::uint64_t);

constexpr std::uint64_t kRead = LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR;
// A rule for something that is no directory can have these alone.
constexpr std::uint64_t kOfFiles = LANDLOCK_ACCESS_FS_EXECUTE | LANDLOCK_ACCESS_FS_WRITE_FILE |
                                   LANDLOCK_ACCESS_FS_READ_FILE | kTruncate | kIoctlDevice;

Result<void> add_rule(const os::UniqueFd& ruleset, const PathRule& rule, std::uint64_t handled) {
  struct stat status {};
  if (::fstat(rule.fd.get(), &status) != 0) return fail(os_error("fstat", "for Landlock"));
  landlock_path_beneath_attr attributes{};
  attributes.parent_fd = rule.fd.get();
  attributes.allowed_access = kRead;
  if (rule.write) attributes.allowed_access = handled & ~std::uint64_t{LANDLOCK_ACCESS_FS_EXECUTE};
  if (rule.bind) attributes.allowed_access |= LANDLOCK_ACCESS_FS_MAKE_SOCK;
  if (rule.execute) attributes.allowed_access |= LANDLOCK_ACCESS_FS_EXECUTE;
  if (!S_ISDIR(status.st_mode)) attributes.allowed_access &= kOfFiles;
  attributes.allowed_access &= handled;
  if (::syscall(SYS_landlock_add_rule, ruleset.get(), LANDLOCK_RULE_PATH_BENEATH, &attributes, 0) <
      0) {
    // A pipe, a socket: Landlock never asks about those.
    if (errno == EBADFD) return {};
    return fail(os_error("landlock_add_rule", ""));
  }
  return {};
}

}  // namespace

int landlock_abi() {
  const long abi =
      ::syscall(SYS_landlock_create_ruleset, nullptr, 0, LANDLOCK_CREATE_RULESET_VERSION);
  return static_cast<int>(std::max(abi, 0L));  // ENOSYS, EOPNOTSUPP; EPERM of an outer filter
}

LandlockRights landlock_rights(int abi) {
  LandlockRights rights;
  if (abi < 1) return rights;
  rights.files = (std::uint64_t{LANDLOCK_ACCESS_FS_MAKE_SYM} << 1) - 1;
  if (abi >= 2) rights.files |= LANDLOCK_ACCESS_FS_REFER;
  if (abi >= 3) rights.files |= kTruncate;
  if (abi >= 5) rights.files |= kIoctlDevice;
  if (abi >= 6) rights.scopes = kScopeAbstractSockets | kScopeSignals;
  return rights;
}

Result<std::optional<os::UniqueFd>> make_ruleset(const LandlockRules& rules) {
  const LandlockRights known = landlock_rights(landlock_abi());
  RulesetAttributes attributes;
  if (rules.paths) attributes.files = known.files;
  if (rules.scope_signals) attributes.scopes |= known.scopes & kScopeSignals;
  if (rules.scope_abstract_sockets) attributes.scopes |= known.scopes & kScopeAbstractSockets;
  if (attributes.files == 0 && attributes.scopes == 0) return std::nullopt;
  const std::size_t size = attributes.scopes != 0 ? sizeof attributes : kSizeWithoutScopes;
  os::UniqueFd ruleset(
      static_cast<int>(::syscall(SYS_landlock_create_ruleset, &attributes, size, 0)));
  if (!ruleset.valid()) return fail(os_error("landlock_create_ruleset", ""));
  if (rules.paths) {
    for (const PathRule& rule : *rules.paths) TRY(add_rule(ruleset, rule, attributes.files));
  }
  return ruleset;
}

}  // namespace lichen::sandbox
