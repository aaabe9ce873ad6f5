#include "os/idmap.h"

#include <fcntl.h>
#include <linux/capability.h>
#include <pwd.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <thread>

#include "base/text.h"
#include "os/child.h"
#include "os/file.h"

namespace lichen::os {

namespace {

constexpr std::size_t kMaxLines = 340;  // UID_GID_MAP_MAX_EXTENTS
constexpr std::uint32_t kRootFirst = 100'000, kRootCount = 65'535;

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || text.empty()) return std::nullopt;
  return value;
}

struct Kind {
  const char* file;     // of subordinate ids
  const char* own_map;  // of the namespace we are in
  const char* helper;   // setuid program that writes a map
  const char* map;      // in /proc/PID
  const char* usermod;  // option that adds a range
  const char* getsubids_option;
  int capability;
};
constexpr Kind kUids{
    "/etc/subuid", "/proc/self/uid_map", "newuidmap", "uid_map", "--add-subuids", "", CAP_SETUID};
constexpr Kind kGids{
    "/etc/subgid", "/proc/self/gid_map", "newgidmap", "gid_map", "--add-subgids", "-g", CAP_SETGID};

std::string usermod_hint() {
  return "as root: usermod --add-subuids 100000-165535 --add-subgids 100000-165535 " + user_name();
}

// What root may hand out when nobody wrote down a range for it: ids that our own namespace has.
std::vector<IdRange> root_ranges(const Kind& kind) {
  const auto text = read_file(kind.own_map);
  if (!text) return {};
  std::vector<IdRange> rest;
  for (const std::string& line : split(*text, '\n')) {
    std::vector<std::uint32_t> fields;
    for (const std::string& word : split(line, ' '))
      if (const auto value = number(word)) fields.push_back(*value);
    if (fields.size() != 3) continue;
    const std::uint64_t first = fields[0], end = first + fields[2];
    if (first <= kRootFirst && end >= std::uint64_t{kRootFirst} + kRootCount)
      return {{0, kRootFirst, kRootCount}};
    const std::uint64_t from = std::max<std::uint64_t>(first, 1);
    if (end > from)
      rest.push_back({0, static_cast<std::uint32_t>(from), static_cast<std::uint32_t>(end - from)});
  }
  return rest;
}

Result<std::vector<IdRange>> find_ranges(const Kind& kind) {
  const std::string name = user_name();
  const std::uint32_t uid = ::geteuid();
  if (name == std::to_string(uid) && !has_capability(kind.capability))
    return fail(Errc::kUnsupported,
                std::string(kind.helper) + " maps for named users only, and user id " + name +
                    " has no name on this host",
                "add the user to /etc/passwd, with a range in /etc/subuid and /etc/subgid");
  if (const auto text = read_file(kind.file)) {
    auto ranges = parse_subordinate(*text, name, uid);
    if (!ranges.empty()) return ranges;
  }
  if (uid == 0 && has_capability(kind.capability)) {
    auto ranges = root_ranges(kind);
    if (!ranges.empty()) return ranges;
  }
  if (!find_program("getsubids").empty()) {
    SpawnOptions options{.argv = {"getsubids"}, .env = current_environment()};
    if (*kind.getsubids_option != '\0') options.argv.emplace_back(kind.getsubids_option);
    options.argv.push_back(name);
    options.timeout_ms = 5'000;
    const auto output = run_program(options);
    if (output && output->status == WaitStatus(Exited{0})) {
      auto ranges = parse_getsubids(output->out);
      if (!ranges.empty()) return ranges;
    }
  }
  return fail(Errc::kUnsupported, std::string(kind.file) + " has no range for " + name,
              usermod_hint());
}

Result<void> write_proc(pid_t pid, const char* file, const std::string& text) {
  const std::string path = "/proc/" + std::to_string(pid) + "/" + file;
  const UniqueFd fd = TRY(open(path, O_WRONLY));
  // One write: the kernel takes a map once.
  if (::write(fd.get(), text.data(), text.size()) < 0) return fail(os_error("write", path));
  return {};
}

Result<void> run_helper(const Kind& kind, pid_t pid, const std::vector<IdRange>& map) {
  SpawnOptions options{.argv = {kind.helper, std::to_string(pid)}, .env = current_environment()};
  for (const IdRange& range : map)
    for (const std::uint32_t value : {range.inside, range.outside, range.count})
      options.argv.push_back(std::to_string(value));
  auto output = run_program(options);
  if (!output) {
    Error error = std::move(output).error();
    if (error.code == Errc::kNotFound)
      error.hint = "as root: apt-get install uidmap (elsewhere: shadow-utils)";
    return fail(std::move(error));
  }
  if (output->status == WaitStatus(Exited{0})) return {};
  const std::string said(trim(output->err));
  return fail(Errc::kUnsupported,
              std::string(kind.helper) + " refused to map " + std::to_string(ids_of(map)) +
                  " ids: " + printable(said),
              said.find("not allowed") != std::string::npos
                  ? usermod_hint()
                  : "as root: chmod u+s " + find_program(kind.helper) +
                        " (the helper must be setuid root or have file capabilities, and the "
                        "process must be allowed to gain privileges)");
}

bool is_own_id_alone(const std::vector<IdRange>& map, std::uint32_t own) {
  return map.size() == 1 && map[0].count == 1 && map[0].outside == own;
}

}  // namespace

std::string user_name() {
  const uid_t uid = ::geteuid();
  passwd entry{};
  passwd* found = nullptr;
  char buffer[4096];
  if (::getpwuid_r(uid, &entry, buffer, sizeof buffer, &found) == 0 && found != nullptr)
    return found->pw_name;
  return std::to_string(uid);
}

bool has_capability(int capability) {
  __user_cap_header_struct header{_LINUX_CAPABILITY_VERSION_3, 0};
  __user_cap_data_struct data[2] = {};
  if (::syscall(SYS_capget, &header, data) < 0) return false;
  return (data[capability / 32].effective & (1u << (capability % 32))) != 0;
}

std::uint64_t ids_of(const std::vector<IdRange>& map) {
  std::uint64_t sum = 0;
  for (const IdRange& range : map) sum += range.count;
  return sum;
}

std::vector<IdRange> parse_subordinate(std::string_view file, std::string_view name,
                                       std::uint32_t uid) {
  std::vector<IdRange> ranges;
  for (const std::string& line : split(file, '\n')) {
    const std::vector<std::string> fields = split(trim(line), ':');
    if (fields.size() != 3) continue;
    if (fields[0] != name && fields[0] != std::to_string(uid)) continue;
    const auto first = number(fields[1]), count = number(fields[2]);
    if (first && count && *count > 0) ranges.push_back({0, *first, *count});
  }
  return ranges;
}

std::vector<IdRange> parse_getsubids(std::string_view output) {
  std::vector<IdRange> ranges;
  for (const std::string& line : split(output, '\n')) {
    std::vector<std::string> words = split(trim(line), ' ');
    std::erase(words, "");
    if (words.size() != 4) continue;
    const auto first = number(words[2]), count = number(words[3]);
    if (first && count && *count > 0) ranges.push_back({0, *first, *count});
  }
  return ranges;
}

std::vector<IdRange> lay_out(std::uint32_t own, const std::vector<IdRange>& ranges) {
  std::vector<IdRange> map{{0, own, 1}};
  std::uint32_t inside = 1;
  for (const IdRange& range : ranges) {
    if (map.size() == kMaxLines) break;
    if (own >= range.outside && own - range.outside < range.count) continue;  // ours already
    // 2^32 - 1 is no id.
    const std::uint32_t count = std::min(range.count, UINT32_MAX - inside);
    if (count == 0) break;
    map.push_back({inside, range.outside, count});
    inside += count;
  }
  return map;
}

std::string to_text(const std::vector<IdRange>& map) {
  std::string text;
  for (const IdRange& range : map)
    text += std::to_string(range.inside) + " " + std::to_string(range.outside) + " " +
            std::to_string(range.count) + "\n";
  return text;
}

IdMaps single_map() {
  return {.uids = {{0, ::geteuid(), 1}}, .gids = {{0, ::getegid(), 1}}};
}

Result<IdMaps> subordinate_maps() {
  IdMaps maps;
  maps.uids = lay_out(::geteuid(), TRY(find_ranges(kUids)));
  maps.gids = lay_out(::getegid(), TRY(find_ranges(kGids)));
  return maps;
}

Result<void> write_id_maps(pid_t pid, const std::vector<IdRange>& uids,
                           const std::vector<IdRange>& gids) {
  if (is_own_id_alone(uids, ::geteuid()) && is_own_id_alone(gids, ::getegid())) {
    TRY(write_proc(pid, "setgroups", "deny"));
    TRY(write_proc(pid, kUids.map, to_text(uids)));
    return write_proc(pid, kGids.map, to_text(gids));
  }
  if (has_capability(CAP_SETUID) && has_capability(CAP_SETGID)) {
    TRY(write_proc(pid, kUids.map, to_text(uids)));
    return write_proc(pid, kGids.map, to_text(gids));
  }
  Result<void> users, groups;
  {
    const std::jthread other([&] { groups = run_helper(kGids, pid, gids); });
    users = run_helper(kUids, pid, uids);
  }
  if (!users) return users;
  return groups;
}

}  // namespace lichen::os
