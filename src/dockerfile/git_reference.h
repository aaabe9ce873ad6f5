// References to git repositories as a Dockerfile and a context have them:
//
//   https://host/repository.git#REF:SUBDIR      git@host:repository.git?subdir=SUBDIR#REF
//   https://host/repository.git?tag=v1&checksum=…    ssh://… git://… github.com/…
//
// Pure; values. An http(s) URL is one only when its path ends in ".git". Source of rules:
// BuildKit's tests of its front end.
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lichen::dockerfile {

struct GitReference {
  std::string remote;      // what git is given; without scheme for the short form github.com/…
  std::string short_name;  // the last part of the remote's path, without ".git"
  std::string ref;         // branch, tag or commit; "" is the remote's HEAD
  std::string sub_dir;
  std::string checksum;  // the commit that it must be, or its first digits
  std::string mtime;     // where files' times come from
  std::optional<bool> keep_git_dir, submodules;
  bool fetch_by_commit = false;
  bool looks_local = false;  // "github.com/…" could be a path: a context may mean it, ADD may not
  bool unencrypted = false;  // git:// or http://

  // REMOTE#REF, with `with_sub_dir` REMOTE#REF:SUBDIR.
  std::string fragment_form(bool with_sub_dir) const;
};

// nullopt: no reference to a git repository. An error: it is one, but its query or fragment are
// wrong.
Result<std::optional<GitReference>> parse_git_reference(std::string_view text);

}  // namespace lichen::dockerfile
