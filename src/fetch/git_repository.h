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
// arguments or messages, and only to the remote's origin, so with them no redirect is followed:
// those of the URL, else `authorization`; ssh has the caller's keys, known hosts and `ssh_agent`,
// and no ssh configuration.
//
// Errors: kUnsupported (no git program; names it), kInvalid (a remote or a ref that cannot be one,
// a checksum that is none, or that several commits have), kNotFound (no such ref or directory),
// kCorrupt (checksum), kDenied (the remote wants credentials), kUnavailable (git could not do it;
// its last words), kNoSpace, kCancelled. A value is of one thread.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/file.h"

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
    std::string directory;               // where git works
    std::vector<std::string> arguments;  // the first is its command
    bool local = false;                  // from one directory of ours to another
  };
  struct Advertised {
    std::string object, name;
  };
  Result<std::string> git(const Run& run) const;  // its standard output
  std::vector<std::string> environment(const Run& run) const;
  Result<os::FileLock> lock() const;
  // The refs that match, as the remote has them; all without patterns. Also "HEAD@", with the name
  // of HEAD's branch as the object.
  Result<std::vector<Advertised>> list(const std::vector<std::string>& patterns) const;
  Result<GitCommit> resolve_commit(const std::string& digits) const;
  // The bare repository for commits that are named like this one. With the lock held, as the next.
  Result<std::string> prepare(const std::string& commit) const;
  Result<std::string> fetch(const GitCommit& commit) const;  // the bare repository
  Result<void> fetch_all(const std::string& bare) const;
  bool has(const std::string& bare, const GitCommit& commit) const;
  Result<std::int64_t> time_of(const std::string& bare, const GitCommit& commit) const;
  Result<void> check_out(const std::string& bare, const GitCommit& commit, const GitCheckout& what,
                         const std::string& work) const;

  GitOptions options_;
  std::string remote_;         // without credentials
  std::string origin_;         // of an http(s) remote: "https://host:8443"
  std::string authorization_;  // value of a header; "" none
  std::string place_;          // of the bare repositories and the lock: a path, to be gone on with
};

}  // namespace lichen::fetch
