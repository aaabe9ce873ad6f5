// Commits of git repositories, by the machine's `git`.
//
//   GitRepository repository = TRY(GitRepository::open("https://host/project.git",
//                                                      {.directory = store.path() + "/git"}));
//   GitCommit commit = TRY(repository.resolve("v1.2", checksum));      // one request
//   TRY(repository.checkout(commit, {.sub_dir = "docs"}, directory));  // fetches what is missing
//
// What was fetched stays in a bare repository for each remote under `directory`; a lock keeps
// processes apart. git runs without the host's and the user's configuration (so no hooks, filters
// or helpers of theirs), in a session of its own (it cannot prompt), and speaks https, http, ssh
// and git only. Submodules are bound by the same. Credentials travel in its environment, never in
// arguments or messages: those of the URL, else `authorization`; ssh has the caller's keys, known
// hosts and `ssh_agent`, and no ssh configuration.
//
// Errors: kUnsupported (no git program; names it), kInvalid (a remote or a ref that cannot be one,
// a checksum that is none), kNotFound (no such ref or directory), kCorrupt (checksum), kUnavailable
// (git could not reach it; its last words), kCancelled. A value is of one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"

namespace lichen::fetch {

struct GitOptions {
  std::string directory;            // made when it is not there; for this class alone
  std::function<bool()> cancelled;  // asked often
  std::string authorization;        // of the Authorization header for http(s): "Basic …"
  std::string ssh_agent;            // a socket; "": $SSH_AUTH_SOCK
  bool allow_local = false;         // tests: "file://…" and paths
};

struct GitCommit {
  std::string commit;  // 40 or 64 hex digits
  std::string ref;     // "refs/tags/v1", "refs/heads/main"; "" when a commit was asked for
  std::string tag;     // of an annotated tag: the tag's own object
};

struct GitCheckout {
  std::string sub_dir;        // what becomes the root; "": all
  bool keep_git_dir = false;  // with a `sub_dir` there is none to keep
  bool submodules = true;     // recursively
  // "commit" (or ""): every file has the commit's time. "checkout": now.
  std::string mtime;
};

class GitRepository {
 public:
  // Touches no network. `remote` is what git is given; "github.com/…" stands for https.
  static Result<GitRepository> open(const std::string& remote, GitOptions options);

  // What `ref` names now: "" the remote's HEAD, a full ref, a branch before a tag, or a whole
  // commit (which costs no request). `checksum`: the commit (or tag object) that it must be, or its
  // first digits; with an empty `ref` it is the commit that is looked for.
  Result<GitCommit> resolve(const std::string& ref, const std::string& checksum = {});
  // Fills the empty `directory`: modes are 0755 and 0644, owners are the caller's.
  Result<void> checkout(const GitCommit& commit, const GitCheckout& what,
                        const std::string& directory);
  // Seconds since 1970; fetches the commit.
  Result<std::int64_t> commit_time(const GitCommit& commit);

  const std::string& remote() const { return remote_; }  // without credentials

 private:
  GitRepository() = default;

  struct Run {
    std::vector<std::string> arguments;
    bool local = false;  // reads our own bare repository: "file" is allowed
    std::string index;   // GIT_INDEX_FILE
  };
  Result<std::string> git(const Run& run) const;
  Result<void> prepare(const std::string& commit);
  Result<void> fetch(const GitCommit& commit);
  bool has(const std::string& commit) const;
  Result<GitCommit> resolve_commit(const std::string& prefix);
  Result<void> check_out(const GitCommit& commit, const GitCheckout& what,
                         const std::string& directory);

  std::string remote_;         // without credentials
  std::string authorization_;  // value of a header; "" none
  std::string bare_;           // the repository
  std::string lock_;
  GitOptions options_;
};

}  // namespace lichen::fetch
