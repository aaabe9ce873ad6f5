#include "build/vcs.h"

#include <vector>

#include "base/text.h"
#include "os/child.h"

namespace lichen::build {

namespace {

// The first line that git writes; "" when it has none, or fails.
std::string ask_git(const std::string& directory, const std::vector<std::string>& arguments) {
  std::vector<std::string> argv = {"git", "-C", directory};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  const auto output = os::run_program({.argv = std::move(argv), .env = os::current_environment()});
  if (!output || output->status != os::WaitStatus(os::Exited{})) return "";
  return std::string(trim(output->out.substr(0, output->out.find('\n'))));
}

}  // namespace

std::map<std::string, std::string> vcs_of(const std::string& directory) {
  std::map<std::string, std::string> vcs;
  const std::string revision = ask_git(directory, {"rev-parse", "--verify", "HEAD"});
  if (revision.empty()) return vcs;
  vcs["revision"] = revision;
  const std::string source = ask_git(directory, {"remote", "get-url", "origin"});
  if (!source.empty()) vcs["source"] = source;
  return vcs;
}

}  // namespace lichen::build
