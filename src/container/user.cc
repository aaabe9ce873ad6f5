#include "container/user.h"

#include <fcntl.h>

#include <algorithm>
#include <charconv>
#include <optional>

#include "base/text.h"
#include "os/file.h"

namespace lichen::container {

namespace {

constexpr std::size_t kMaxDatabaseBytes = 8u << 20;

std::optional<std::uint32_t> number(std::string_view text) {
  std::uint32_t value = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size() || value == 0xffffffffu)
    return std::nullopt;
  return value;
}

// Lines of a passwd-like file, split at colons; lines with fewer fields are passed over.
template <class F>
void each_entry(std::string_view database, std::size_t fields, F visit) {
  for (const std::string& line : split(database, '\n')) {
    const std::vector<std::string> entry = split(line, ':');
    if (entry.size() >= fields && !starts_with(line, "#")) visit(entry);
  }
}

std::optional<std::uint32_t> gid_of(std::string_view group, std::string_view database) {
  std::optional<std::uint32_t> gid;
  each_entry(database, 3, [&](const std::vector<std::string>& entry) {
    if (!gid && entry[0] == group) gid = number(entry[2]);
  });
  return gid;
}

Result<std::uint32_t> find_group(std::string_view group, std::string_view database) {
  std::optional<std::uint32_t> gid = gid_of(group, database);
  if (!gid) gid = number(group);
  if (!gid)
    return fail(Errc::kNotFound, "unable to find group " + std::string(group) +
                                     ": no matching entries in group file");
  return *gid;
}

}  // namespace

Result<User> parse_user(std::string_view user, std::string_view passwd, std::string_view group) {
  const std::size_t colon = user.find(':');
  std::string_view name = user.substr(0, colon);
  if (name.empty()) name = "0";
  User found;
  std::string listed_as;  // the name under which /etc/group lists supplementary groups
  bool known = false;
  const std::optional<std::uint32_t> uid = number(name);
  each_entry(passwd, 4, [&](const std::vector<std::string>& entry) {
    const std::optional<std::uint32_t> entry_uid = number(entry[2]);
    if (known || !entry_uid || (entry[0] != name && uid != entry_uid)) return;
    known = true;
    found.uid = *entry_uid;
    found.gid = number(entry[3]).value_or(0);
    if (entry.size() > 5 && starts_with(entry[5], "/")) found.home = entry[5];
    listed_as = entry[0];
  });
  if (!known) {
    if (!uid)
      return fail(Errc::kNotFound, "unable to find user " + std::string(name) +
                                       ": no matching entries in passwd file");
    found.uid = *uid;
  }
  if (found.uid == 0 && !known) found.home = "/root";
  if (colon != std::string_view::npos) {
    found.gid = TRY(find_group(user.substr(colon + 1), group));
    listed_as.clear();
  }
  found.groups.push_back(found.gid);
  if (listed_as.empty()) return found;
  each_entry(group, 4, [&](const std::vector<std::string>& entry) {
    const std::vector<std::string> members = split(entry[3], ',');
    if (std::find(members.begin(), members.end(), listed_as) == members.end()) return;
    const auto gid = number(entry[2]);
    if (gid && gid != found.gid) found.groups.push_back(*gid);
  });
  return found;
}

Owner parse_owner(std::string_view owner, std::string_view passwd, std::string_view group) {
  const std::size_t colon = owner.find(':');
  const std::string_view user = owner.substr(0, colon);
  Owner found;
  if (const auto uid = number(user)) {
    found.uid = found.gid = *uid;
  } else {
    bool known = user.empty() || user == "root";  // root needs no entry
    each_entry(passwd, 4, [&](const std::vector<std::string>& entry) {
      const std::optional<std::uint32_t> entry_uid = number(entry[2]);
      if (entry[0] != user || !entry_uid) return;
      found.uid = *entry_uid;
      found.gid = number(entry[3]).value_or(0);
      known = true;
    });
    if (!known) found.unknown.push_back("user " + std::string(user));
  }
  const std::string_view of = colon == std::string_view::npos ? "" : owner.substr(colon + 1);
  if (of.empty()) return found;
  std::optional<std::uint32_t> gid = number(of);
  if (!gid) gid = gid_of(of, group);
  if (!gid && of != "root") found.unknown.push_back("group " + std::string(of));
  found.gid = gid.value_or(found.gid);
  return found;
}

namespace {

Result<std::string> read_database(const os::UniqueFd& root, const std::string& path) {
  auto fd = os::open_beneath(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!fd) {
    if (fd.error().code == Errc::kNotFound) return std::string();
    return fail(std::move(fd).error());
  }
  const struct ::stat status = TRY(os::fstat(*fd));
  if (!S_ISREG(status.st_mode)) return std::string();
  auto bytes = os::read_file(*fd, kMaxDatabaseBytes);
  if (!bytes) return fail(std::move(bytes).error().in(path + " of the image"));
  return bytes;
}

}  // namespace

Result<User> find_user(const os::UniqueFd& root, const std::string& user) {
  const std::string passwd = TRY(read_database(root, "etc/passwd"));
  const std::string group = TRY(read_database(root, "etc/group"));
  return parse_user(user, passwd, group);
}

Result<Owner> find_owner(const os::UniqueFd& root, const std::string& owner) {
  const std::string passwd = TRY(read_database(root, "etc/passwd"));
  const std::string group = TRY(read_database(root, "etc/group"));
  return parse_owner(owner, passwd, group);
}

}  // namespace lichen::container
