#include "fetch/git_repository.h"

#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>
#include <chrono>
#include <cstdlib>
#include <set>
#include <thread>
#include <utility>

#include "base/digest.h"
#include "base/path.h"
#include "base/text.h"
#include "base/url.h"
#include "fetch/http_text.h"
#include "os/child.h"
#include "os/disk.h"
#include "registry/url.h"

namespace lichen::fetch {

namespace {

constexpr std::size_t kMaxOutputBytes = 64u << 20;  // of refs: some 800,000

// What of git's own configuration a fetch or a checkout could be led astray by.
constexpr const char* kSettings[] = {
    "core.hooksPath=/dev/null",    "core.attributesFile=/dev/null",
    "core.excludesFile=/dev/null", "core.fsmonitor=false",
    "core.logAllRefUpdates=false", "core.askPass=",
    "credential.helper=",          "init.defaultBranch=main",
    "advice.detachedHead=false",   "fetch.recurseSubmodules=false",
    "submodule.recurse=false",     "gc.auto=0",
    "maintenance.auto=false",      "http.lowSpeedLimit=1",
    "http.lowSpeedTime=60",
};

constexpr const char* kSshCommand =
    "ssh -F none -o BatchMode=yes -o ConnectTimeout=10 -o ServerAliveInterval=15 "
    "-o ServerAliveCountMax=4 -o ControlPath=none -o ForwardAgent=no";

// What of the caller's environment git gets to see.
constexpr const char* kPassedOn[] = {
    "PATH",        "TMPDIR",    "USER",      "LOGNAME",        "http_proxy",     "https_proxy",
    "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "GIT_SSL_CAINFO", "GIT_SSL_CAPATH",
};

bool is_hex(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

bool is_whole(std::string_view text) {
  return (text.size() == 40 || text.size() == 64) && is_hex(text);
}

bool is_control(char c) {
  return static_cast<unsigned char>(c) < 0x20 || c == 0x7f;
}

bool has_control(std::string_view text) {
  for (const char c : text)
    if (is_control(c)) return true;
  return false;
}

// "USER@HOST:PATH", as scp has it.
bool is_scp_form(std::string_view text) {
  const std::size_t at = text.find('@');
  const std::size_t colon = text.find(':');
  return at != std::string_view::npos && colon != std::string_view::npos && at > 0 &&
         at + 1 < colon && text.find('/') > colon && text[at + 1] != '-';
}

tl::unexpected<Error> bad_remote(const std::string& remote, const std::string& why = {}) {
  return fail(Errc::kInvalid,
              "not a git repository that can be fetched: " +
                  printable(without_credentials(remote)) + (why.empty() ? "" : ": " + why),
              "https, http, ssh and git URLs, and USER@HOST:PATH, are");
}

// As git check-ref-format has it, and some more that no ref needs.
Result<void> check_ref(const std::string& ref) {
  bool good = !starts_with(ref, "-") && !starts_with(ref, "/") && !ends_with(ref, "/") &&
              !ends_with(ref, ".") && !ends_with(ref, ".lock") && !has_control(ref) &&
              ref.find_first_of(" ~^:?*[\\") == std::string::npos;
  for (const char* part : {"..", "//", "@{", "/."})
    good = good && ref.find(part) == std::string::npos;
  if (good) return {};
  return fail(Errc::kInvalid, "invalid git ref: " + printable(ref));
}

Result<std::string> parse_checksum(const std::string& text) {
  constexpr std::size_t kLeast = 4, kMost = 64;
  std::string digits = to_lower(text);
  if (is_hex(digits) && digits.size() >= kLeast && digits.size() <= kMost) return digits;
  return fail(Errc::kInvalid,
              "invalid checksum " + printable(text) + ": expected hex commit hash of git");
}

// The end of what git says, in one line.
std::string last_words(const std::string& text) {
  constexpr std::size_t kLines = 4;
  std::vector<std::string> lines;
  for (const std::string& line : split(text, '\n')) {
    const std::string words = printable(trim(without_credentials(line)));
    if (words.empty() || starts_with(words, "hint:")) continue;
    lines.push_back(words);
    if (lines.size() > kLines) lines.erase(lines.begin());
  }
  return lines.empty() ? "it says nothing" : join(lines, "; ");
}

Errc meaning(const std::string& words) {
  const auto says = [&](const char* text) { return words.find(text) != std::string::npos; };
  if (says("No space left on device") || says("Disk quota exceeded")) return Errc::kNoSpace;
  if (says("could not read Username") || says("could not read Password") ||
      says("Authentication failed") || says("Permission denied (publickey"))
    return Errc::kDenied;
  return Errc::kUnavailable;
}

// What a checkout leaves to be done: modes whatever the umask was, times, and git's own files,
// which go unless they are to stay.
struct Settling {
  std::optional<std::int64_t> time;
  bool keep_git = false;
};

Result<void> settle(const os::UniqueFd& directory, const Settling& how) {
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(directory))) {
    if (entry.name == ".git" && !how.keep_git) {
      TRY(os::remove_tree(directory, entry.name));
      continue;
    }
    const auto status = TRY(os::lstatat(directory, entry.name));
    if (!status) continue;
    const bool is_directory = S_ISDIR(status->st_mode);
    if (is_directory) {
      const os::UniqueFd child =
          TRY(os::openat(directory, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      TRY(settle(child, how));
    }
    const mode_t mode = is_directory || (status->st_mode & S_IXUSR) != 0 ? 0755 : 0644;
    if (!S_ISLNK(status->st_mode) && ::fchmodat(directory.get(), entry.name.c_str(), mode, 0) < 0)
      return fail(os_error("chmod", entry.name));
    if (!how.time) continue;
    const struct ::timespec time { .tv_sec = *how.time, .tv_nsec = 0 };
    const struct ::timespec times[2] = {time, time};
    if (::utimensat(directory.get(), entry.name.c_str(), times, AT_SYMLINK_NOFOLLOW) < 0)
      return fail(os_error("utimens", entry.name));
  }
  return {};
}

// The entries of `from`, a directory beneath `to`, but for git's own.
Result<void> move_up(const os::UniqueFd& from, const os::UniqueFd& to) {
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(from)))
    if (entry.name != ".git") TRY(os::renameat(from, entry.name, to));
  return {};
}

std::vector<std::string> init(const std::string& commit, bool is_bare) {
  std::vector<std::string> arguments = {"init", "-q", "--template="};
  if (is_bare) arguments.push_back("--bare");
  if (commit.size() == 64) arguments.push_back("--object-format=sha256");
  return arguments;
}

}  // namespace

Result<GitRepository> GitRepository::open(const std::string& remote, GitOptions options) {
  const std::string text = starts_with(remote, "github.com/") ? "https://" + remote : remote;
  if (text.empty() || text[0] == '-' || has_control(text)) return bad_remote(remote);
  GitRepository repository;
  const std::size_t colon = text.find("://");
  const std::string scheme = colon == std::string::npos ? "" : text.substr(0, colon);
  repository.remote_ = text;
  if (scheme == "http" || scheme == "https") {
    repository.remote_ = without_credentials(text);
    const auto url = registry::parse_url(repository.remote_);
    if (!url) return bad_remote(remote, url.error().message);
    repository.origin_ = url->scheme + "://" + url->host;
    if (url->port != 0) repository.origin_ += ":" + std::to_string(url->port);
    const std::string user = credentials_in(text);
    repository.authorization_ = user.empty() ? options.authorization : basic_authorization(user);
    if (has_control(repository.authorization_))
      return fail(Errc::kInvalid, "the credentials for " + repository.origin_ +
                                      " hold a line break or another control character");
  } else if (scheme == "ssh") {
    if (credentials_in(text).find(':') != std::string::npos)
      return bad_remote(remote, "ssh takes no password");
  } else if (scheme == "git") {
    repository.remote_ = without_credentials(text);
  } else if (!(scheme.empty() && is_scp_form(text)) &&
             !(options.allow_local && (scheme == "file" || text[0] == '/'))) {
    return bad_remote(remote);
  }
  Hasher hasher;
  hasher.field("lichen git 1").field(repository.remote_);
  repository.place_ = options.directory + "/" + hasher.finish().hex();
  repository.options_ = std::move(options);
  return repository;
}

std::vector<std::string> GitRepository::environment(const Run& run) const {
  std::vector<std::string> env;
  const auto set = [&env](const std::string& name, const std::string& value) {
    env.push_back(name + "=" + value);
  };
  const auto find = [](const char* name) {
    const char* value = std::getenv(name);
    return std::string(value == nullptr ? "" : value);
  };
  for (const char* name : kPassedOn)
    if (const std::string value = find(name); !value.empty()) set(name, value);
  // As for downloads: never a proxy for loopback.
  constexpr const char* kLoopback = "localhost,127.0.0.1,::1";
  const std::string direct = find("no_proxy").empty() ? find("NO_PROXY") : find("no_proxy");
  set("no_proxy", direct.empty() ? kLoopback : direct == "*" ? direct : direct + "," + kLoopback);
  // git's own library for TLS need not be one that knows these.
  for (const auto& [from, to] :
       {std::pair("SSL_CERT_FILE", "GIT_SSL_CAINFO"), std::pair("SSL_CERT_DIR", "GIT_SSL_CAPATH")})
    if (const std::string value = find(from); !value.empty() && find(to).empty()) set(to, value);
  set("LC_ALL", "C");
  // No user's file: neither git's configuration nor ~/.netrc.
  set("HOME", "/nonexistent");
  set("XDG_CONFIG_HOME", "/nonexistent");
  set("GIT_CONFIG_NOSYSTEM", "1");
  set("GIT_CONFIG_GLOBAL", "/dev/null");
  set("GIT_ATTR_NOSYSTEM", "1");
  set("GIT_NO_REPLACE_OBJECTS", "1");
  set("GIT_TERMINAL_PROMPT", "0");
  // Only the repository that is meant is found, none around it.
  set("GIT_CEILING_DIRECTORIES", parent_of(run.directory));
  set("GIT_ALLOW_PROTOCOL", run.local              ? "file"
                            : options_.allow_local ? "https:http:ssh:git:file"
                                                   : "https:http:ssh:git");
  if (run.local) return env;
  set("GIT_SSH_COMMAND", kSshCommand);
  set("GIT_SSH_VARIANT", "ssh");
  const std::string agent = options_.ssh_agent.empty() ? find("SSH_AUTH_SOCK") : options_.ssh_agent;
  if (!agent.empty()) set("SSH_AUTH_SOCK", agent);
  if (!authorization_.empty()) {
    set("GIT_CONFIG_COUNT", "1");
    set("GIT_CONFIG_KEY_0", "http." + origin_ + "/.extraHeader");
    set("GIT_CONFIG_VALUE_0", "Authorization: " + authorization_);
  }
  return env;
}

Result<std::string> GitRepository::git(const Run& run) const {
  if (os::find_program("git").empty())
    return fail(Errc::kUnsupported,
                "git repositories are fetched by the program git, which is not here",
                "install git, or add its directory to PATH");
  os::SpawnOptions spawn{.argv = {"git", "-C", run.directory},
                         .env = environment(run),
                         .input = {},
                         .output_limit = kMaxOutputBytes,
                         .timeout_ms = 0,
                         .new_session = true,
                         .cancelled = options_.cancelled};
  const auto add = [&spawn](const std::string& word) { spawn.argv.push_back(word); };
  for (const char* setting : kSettings) {
    add("-c");
    add(setting);
  }
  add("-c");
  // git would carry the header along.
  add(authorization_.empty() ? "http.followRedirects=initial" : "http.followRedirects=false");
  for (const std::string& argument : run.arguments) add(argument);
  os::Output output = TRY(os::run_program(spawn));
  if (output.status == os::WaitStatus(os::Exited{0})) return std::move(output.out);
  const std::string words = last_words(output.err);
  const bool is_redirect =
      !authorization_.empty() && words.find("returned error: 30") != std::string::npos;
  return fail(
      meaning(words), "git " + run.arguments[0] + " of " + printable(remote_) + " failed: " + words,
      is_redirect ? "it has moved, and credentials follow no redirect: give its new address" : "");
}

Result<os::FileLock> GitRepository::lock() const {
  TRY(os::mkdirs(options_.directory, 0700));
  for (;;) {
    if (auto held = TRY(os::FileLock::try_exclusive(place_ + ".lock"))) {
      os::touch(place_ + ".lock");  // when it was last used
      return std::move(*held);
    }
    if (options_.cancelled && options_.cancelled()) return fail(Errc::kCancelled, "cancelled");
    constexpr std::chrono::milliseconds kBetweenTries(100);
    std::this_thread::sleep_for(kBetweenTries);
  }
}

Result<std::vector<GitRepository::Advertised>> GitRepository::list(
    const std::vector<std::string>& patterns) const {
  TRY(os::mkdirs(options_.directory, 0700));
  Run run{.directory = options_.directory, .arguments = {"ls-remote", "--symref", "--", remote_}};
  run.arguments.insert(run.arguments.end(), patterns.begin(), patterns.end());
  std::vector<Advertised> refs;
  for (const std::string& line : split(TRY(git(run)), '\n')) {
    const std::size_t tab = line.find('\t');
    if (tab == std::string::npos) continue;
    const std::string object = line.substr(0, tab), name = line.substr(tab + 1);
    constexpr std::string_view kSymbolic = "ref: ";
    if (is_whole(object))
      refs.push_back({object, name});
    else if (starts_with(object, kSymbolic) && name == "HEAD")
      refs.push_back({object.substr(kSymbolic.size()), "HEAD@"});
  }
  return refs;
}

Result<GitCommit> GitRepository::resolve(const std::string& ref, const std::string& checksum) {
  const std::string digits = checksum.empty() ? "" : TRY(parse_checksum(checksum));
  TRY(check_ref(ref));
  if (ref.empty() && !digits.empty()) return resolve_commit(digits);
  GitCommit commit;
  if (is_whole(ref)) {
    commit.commit = ref;
  } else {
    // As git-checkout does: branches come first.
    std::vector<std::string> names = {"refs/heads/" + ref, "refs/tags/" + ref, "refs/" + ref};
    if (ref.empty() || ref == "HEAD") names = {"HEAD"};
    if (starts_with(ref, "refs/")) names = {ref};
    std::vector<std::string> patterns;
    for (const std::string& name : names) {
      patterns.push_back(name);
      if (name != "HEAD") patterns.push_back(name + "^{}");
    }
    const std::vector<Advertised> refs = TRY(list(patterns));
    const auto find = [&refs](const std::string& name) {
      for (const Advertised& one : refs)
        if (one.name == name) return one.object;
      return std::string();
    };
    for (const std::string& name : names) {
      const std::string object = find(name), peeled = find(name + "^{}");
      if (object.empty()) continue;
      const std::string branch = name == "HEAD" ? find("HEAD@") : "";
      commit = {.commit = peeled.empty() ? object : peeled,
                .ref = branch.empty() ? name : branch,
                .tag = peeled.empty() ? "" : object};
      break;
    }
    if (commit.commit.empty())
      return fail(Errc::kNotFound, "repository does not contain ref " +
                                       printable(ref.empty() ? "HEAD" : ref) + ": " +
                                       printable(remote_));
  }
  if (starts_with(commit.commit, digits) ||
      (!commit.tag.empty() && starts_with(commit.tag, digits)))
    return commit;
  return fail(Errc::kCorrupt, "expected checksum to match " + digits + ", but " +
                                  printable(ref.empty() ? "HEAD" : ref) + " of " +
                                  printable(remote_) + " is " + commit.commit);
}

// First what the remote shows, then all of its history.
Result<GitCommit> GitRepository::resolve_commit(const std::string& digits) const {
  if (is_whole(digits)) return GitCommit{.commit = digits, .ref = {}, .tag = {}};
  const std::vector<Advertised> refs = TRY(list({}));
  if (refs.empty()) return fail(Errc::kNotFound, "repository is empty: " + printable(remote_));
  const auto ambiguous = [&] {
    return fail(Errc::kInvalid,
                digits + " begins the names of several commits of " + printable(remote_));
  };
  std::set<std::string> found;
  std::string any;
  for (const Advertised& one : refs) {
    if (one.name == "HEAD@") continue;
    any = one.object;
    if (!starts_with(one.object, digits)) continue;
    // A tag's own object stands for its commit.
    std::string object = one.object;
    for (const Advertised& other : refs)
      if (other.name == one.name + "^{}") object = other.object;
    found.insert(object);
  }
  if (found.size() > 1) return ambiguous();
  if (found.size() == 1) return GitCommit{.commit = *found.begin(), .ref = {}, .tag = {}};
  const os::FileLock held = TRY(lock());
  const std::string bare = TRY(prepare(any));
  TRY(fetch_all(bare));
  const auto named = git({.directory = bare,
                          .arguments = {"rev-parse", "--verify", digits + "^{commit}"},
                          .local = true});
  if (named) return GitCommit{.commit = std::string(trim(*named)), .ref = {}, .tag = {}};
  if (named.error().code == Errc::kCancelled) return fail(named.error());
  if (named.error().message.find("ambiguous") != std::string::npos) return ambiguous();
  return fail(Errc::kNotFound,
              "repository does not contain commit " + digits + ": " + printable(remote_));
}

Result<std::string> GitRepository::prepare(const std::string& commit) const {
  const std::string bare = place_ + (commit.size() == 64 ? ".sha256" : ".sha1");
  // Left by a git that was killed.
  if (os::exists(bare)) {
    TRY(os::unlink(bare + "/shallow.lock"));
    return bare;
  }
  const std::string fresh = bare + ".new";
  TRY(os::remove_tree(fresh));
  TRY(os::mkdirs(fresh, 0700));
  (void)TRY(git({.directory = fresh, .arguments = init(commit, true), .local = true}));
  TRY(os::rename(fresh, bare));
  return bare;
}

bool GitRepository::has(const std::string& bare, const GitCommit& commit) const {
  const auto is_there = [&](const std::string& object) {
    return git({.directory = bare, .arguments = {"cat-file", "-e", object}, .local = true})
        .has_value();
  };
  return is_there(commit.commit + "^{commit}") && (commit.tag.empty() || is_there(commit.tag));
}

Result<void> GitRepository::fetch_all(const std::string& bare) const {
  Run run{.directory = bare, .arguments = {"fetch", "-q", "--no-tags", "--prune", "--force"}};
  if (os::exists(bare + "/shallow")) run.arguments.push_back("--unshallow");
  for (const std::string& word :
       {std::string("--"), remote_, std::string("+refs/*:refs/lichen/all/*")})
    run.arguments.push_back(word);
  (void)TRY(git(run));
  return {};
}

Result<std::string> GitRepository::fetch(const GitCommit& commit) const {
  const std::string bare = TRY(prepare(commit.commit));
  if (has(bare, commit)) return bare;
  const auto is_cancelled = [](const auto& result) {
    return !result && result.error().code == Errc::kCancelled;
  };
  // Only the commit, where the remote gives what is asked for. Some give refs alone; and of some
  // (files that a web server shows) only a whole history can be had.
  const std::string want = commit.tag.empty() ? commit.commit : commit.tag;
  auto fetched = git({.directory = bare,
                      .arguments = {"fetch", "-q", "--no-tags", "--depth=1", "--", remote_, want}});
  if (!fetched && !is_cancelled(fetched) && !commit.ref.empty())
    fetched = git({.directory = bare,
                   .arguments = {"fetch", "-q", "--no-tags", "--force", "--", remote_,
                                 "+" + commit.ref + ":refs/lichen/one"}});
  if (is_cancelled(fetched)) return fail(fetched.error());
  if (!has(bare, commit)) TRY(fetch_all(bare));
  if (!has(bare, commit))
    return fail(Errc::kNotFound,
                "repository does not contain commit " + commit.commit + ": " + printable(remote_));
  return bare;
}

Result<std::int64_t> GitRepository::commit_time(const GitCommit& commit) {
  const os::FileLock held = TRY(lock());
  return time_of(TRY(fetch(commit)), commit);
}

Result<std::int64_t> GitRepository::time_of(const std::string& bare,
                                            const GitCommit& commit) const {
  const std::string text =
      TRY(git({.directory = bare,
               .arguments = {"show", "-s", "--format=%ct", commit.commit + "^{commit}"},
               .local = true}));
  const std::string_view digits = trim(text);
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), seconds);
  if (error != std::errc() || end != digits.data() + digits.size())
    return fail(Errc::kCorrupt, "commit " + commit.commit + " has no time");
  return seconds;
}

// Into `work`, which is empty, with a .git of its own.
Result<void> GitRepository::check_out(const std::string& bare, const GitCommit& commit,
                                      const GitCheckout& what, const std::string& work) const {
  const auto local = [&](std::vector<std::string> arguments) {
    return git({.directory = work, .arguments = std::move(arguments), .local = true});
  };
  (void)TRY(local(init(commit.commit, false)));
  const auto add_remote = [&] { return local({"remote", "add", "origin", remote_}); };
  if (what.keep_git_dir) {
    (void)TRY(add_remote());
    const std::string want = commit.tag.empty() ? commit.commit : commit.tag;
    (void)TRY(local({"fetch", "-q", "--no-tags", "--depth=1", "--", bare, want}));
    TRY(os::unlink(work + "/.git/FETCH_HEAD"));
    std::string name = commit.ref;
    constexpr std::string_view kBranches = "refs/heads/";
    if (starts_with(name, kBranches)) name = "refs/remotes/origin/" + name.substr(kBranches.size());
    if (starts_with(name, "refs/")) (void)TRY(local({"update-ref", name, want}));
  } else {
    TRY(os::mkdirs(work + "/.git/objects/info"));
    TRY(os::replace_file(work + "/.git/objects/info/alternates", bare + "/objects\n"));
    if (const auto shallow = TRY(os::find_file(bare + "/shallow")))
      TRY(os::replace_file(work + "/.git/shallow", *shallow));
  }
  (void)TRY(local({"checkout", "-q", "--force", "--detach", commit.commit}));
  if (!what.submodules || !os::exists(work + "/.gitmodules")) return {};
  // Submodules name themselves relative to it.
  if (!what.keep_git_dir) (void)TRY(add_remote());
  Run update{.directory = work,
             .arguments = {"submodule", "-q", "update", "--init", "--recursive", "--depth=1"}};
  auto updated = git(update);
  if (!updated && updated.error().code != Errc::kCancelled) {
    update.arguments.pop_back();  // not every remote gives a part of its history
    updated = git(update);
  }
  if (!updated) return fail(std::move(updated).error().in("submodules of " + printable(remote_)));
  return {};
}

Result<void> GitRepository::checkout(const GitCommit& commit, const GitCheckout& what,
                                     const std::string& directory) {
  if (!what.mtime.empty() && what.mtime != "commit" && what.mtime != "checkout")
    return fail(Errc::kInvalid,
                "mtime of a git repository is commit or checkout, not " + printable(what.mtime));
  Settling settling{.time = {}, .keep_git = what.keep_git_dir};
  const os::FileLock held = TRY(lock());
  const std::string bare = TRY(fetch(commit));
  if (what.mtime != "checkout") settling.time = TRY(time_of(bare, commit));
  const os::UniqueFd to = TRY(os::open(directory, O_RDONLY | O_DIRECTORY));
  const std::string sub_dir = clean_path(what.sub_dir).substr(1);
  if (sub_dir.empty()) {
    TRY(check_out(bare, commit, what, directory));
    return settle(to, settling);
  }
  const auto type = git({.directory = bare,
                         .arguments = {"cat-file", "-t", commit.commit + ":" + sub_dir},
                         .local = true});
  if (!type && type.error().code == Errc::kCancelled) return fail(type.error());
  if (!type || trim(*type) != "tree")
    return fail(Errc::kNotFound, "repository does not contain the directory " + printable(sub_dir) +
                                     " at " + commit.commit + ": " + printable(remote_));
  std::string work = directory + "/.lichen.XXXXXX";
  if (::mkdtemp(work.data()) == nullptr) return fail(os_error("mkdir in", directory));
  GitCheckout whole = what;
  whole.keep_git_dir = false;
  TRY(check_out(bare, commit, whole, work));
  {
    const os::UniqueFd root = TRY(os::open(work, O_RDONLY | O_DIRECTORY));
    TRY(move_up(TRY(os::open_beneath(root, sub_dir, O_RDONLY | O_DIRECTORY)), to));
  }
  TRY(os::remove_tree(work));
  settling.keep_git = false;
  return settle(to, settling);
}

}  // namespace lichen::fetch
