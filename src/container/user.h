// USER of an image: names are looked up in the image's own /etc/passwd and /etc/group (hostile
// files: bounded, opened beneath the root).
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace lichen::container {

struct User {
  std::uint32_t uid = 0, gid = 0;
  // Supplementary. The primary one is among them, as with Docker since CVE-2022-36109: who gives it
  // up must not get what its members are denied.
  std::vector<std::uint32_t> groups;
  std::string home = "/";
};

// Docker's rules: "" is root; "name[:group]" or numbers; without a group the passwd entry's (0 when
// there is none) and the groups that list the user; an unknown name is kNotFound.
Result<User> parse_user(std::string_view user, std::string_view passwd, std::string_view group);
Result<User> find_user(const os::UniqueFd& root, const std::string& user);

// --chown, and who a WORKDIR belongs to. A number is taken as it is and, alone, is the group, too;
// a user's name alone brings its group of the passwd entry. As with BuildKit, a name that is not
// found is no error: such a user is root, and such a group changes nothing; `unknown` names them.
struct Owner {
  std::uint32_t uid = 0, gid = 0;
  std::vector<std::string> unknown;  // "user alice", "group staff"
};
Owner parse_owner(std::string_view owner, std::string_view passwd, std::string_view group);
Result<Owner> find_owner(const os::UniqueFd& root, const std::string& owner);

}  // namespace lichen::container
