// What a directory's git says of it, for provenance. Not verified: a hint.
#pragma once

#include <map>
#include <string>

namespace lichen::build {

// "revision" (the commit that is checked out) and "source" (the URL of the remote); nothing where
// there is no repository, or no git.
std::map<std::string, std::string> vcs_of(const std::string& directory);

}  // namespace lichen::build
