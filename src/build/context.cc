#include "build/context.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstdlib>

#include "base/boolean.h"
#include "base/text.h"
#include "base/url.h"
#include "build/context_archive.h"
#include "fetch/download.h"
#include "fetch/git_repository.h"
#include "os/file.h"

namespace lichen::build {

namespace {

constexpr std::size_t kMaxDockerfileBytes = 4u << 20;
constexpr const char* kMain = "context";

// Bytes that were looked at already, then the rest.
class Replayed final : public Source {
 public:
  Replayed(std::string_view head, Source& rest) : head_(head), rest_(rest) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    if (head_.empty()) return rest_.read(buffer, size);
    const std::size_t count = head_.copy(buffer, size);
    head_.remove_prefix(count);
    return count;
  }

 private:
  std::string_view head_;
  Source& rest_;
};

// Who writes may let us wait, and the user may not want to.
class InputSource final : public Source {
 public:
  InputSource(os::UniqueFd fd, const std::atomic<bool>* cancelled)
      : fd_(std::move(fd)), cancelled_(cancelled) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    constexpr int kBetweenLooksMs = 100;
    for (;;) {
      if (cancelled_ != nullptr && cancelled_->load()) return fail(Errc::kCancelled, "cancelled");
      pollfd input{fd_.get(), POLLIN, 0};
      const int ready = ::poll(&input, 1, kBetweenLooksMs);
      if (ready == 0 || (ready < 0 && errno == EINTR)) continue;
      const ssize_t count = ::read(fd_.get(), buffer, size);
      if (count >= 0) return static_cast<std::size_t>(count);
      if (errno != EINTR && errno != EAGAIN) return fail(os_error("read", "standard input"));
    }
  }

 private:
  const os::UniqueFd fd_;
  const std::atomic<bool>* const cancelled_;
};

Result<std::string> read_head(Source& from) {
  std::string head(kArchiveHeadBytes, '\0');
  std::size_t count = 0;
  while (count < head.size()) {
    const std::size_t got = TRY(from.read(head.data() + count, head.size() - count));
    if (got == 0) break;
    count += got;
  }
  head.resize(count);
  return head;
}

Result<Context> open_directory(const std::string& path) {
  const std::string what = "the build context " + printable(path);
  char absolute[PATH_MAX];
  if (::realpath(path.c_str(), absolute) == nullptr) return fail(os_error("open", what));
  struct ::stat status {};
  if (::stat(absolute, &status) < 0) return fail(os_error("stat", path));
  if (!S_ISDIR(status.st_mode))
    return fail(Errc::kInvalid, what + " is not a directory",
                "give a directory, or an archive on standard input (-); name a Dockerfile with -f");
  return Context{.directory = absolute, .dockerfile = {}, .time = {}};
}

// An image takes the place of a stage, and is no context.
bool is_image(const std::string& source) {
  return starts_with(source, "docker-image://") || starts_with(source, "oci-layout://");
}

// A value that is none is passed over, as the reference does.
bool keeps_git_dir(const Request& request) {
  const auto given = request.build_args.find("BUILDKIT_CONTEXT_KEEP_GIT_DIR");
  return given != request.build_args.end() && parse_bool(given->second).value_or(false);
}

// "github.com/…" may be a directory, too.
Result<std::optional<dockerfile::GitReference>> find_git(const std::string& source) {
  auto git = TRY(dockerfile::parse_git_reference(source));
  if (git && git->looks_local && os::exists(source)) git.reset();
  return git;
}

// A scheme that nobody here knows; a path may hold "://" further on.
std::optional<std::string> scheme_of(const std::string& source) {
  const std::size_t end = source.find("://");
  if (end == std::string::npos || end == 0) return std::nullopt;
  for (const char c : source.substr(0, end))
    if (!((c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '+' || c == '-' || c == '.'))
      return std::nullopt;
  return source.substr(0, end);
}

}  // namespace

bool is_http_url(const std::string& source) {
  return starts_with(source, "http://") || starts_with(source, "https://");
}

bool is_remote_source(const std::string& source) {
  if (scheme_of(source)) return true;
  const auto git = find_git(source);
  return !git || *git;  // also what is wrong with one
}

Contexts::Contexts(const Request& request, Options options)
    : request_(request), options_(std::move(options)) {}

Contexts::~Contexts() {
  for (const std::string& directory : temporary_) (void)os::remove_tree(directory);
}

Result<const Context*> Contexts::open(const std::string& name) {
  std::lock_guard lock(mutex_);
  if (const auto known = opened_.find(name); known != opened_.end()) return &known->second;
  std::string source = request_.context;
  if (name != kMain) {
    const auto given = request_.named_contexts.find(name);
    if (given == request_.named_contexts.end() || is_image(given->second))
      return fail(Errc::kNotFound, "there is no build context named " + printable(name));
    source = given->second;
  }
  auto context = open_source(source, name == kMain);
  if (!context) {
    if (name == kMain) return fail(std::move(context).error());
    return fail(std::move(context).error().in("--build-context " + printable(name)));
  }
  return &(opened_[name] = std::move(*context));
}

Result<Context> Contexts::open_source(const std::string& source, bool is_main) {
  if (is_main && source == "-") return read_input();
  if (const auto git = TRY(find_git(source))) return clone(*git);
  if (is_http_url(source)) return download(source, is_main);
  if (const auto scheme = scheme_of(source); scheme)
    return fail(Errc::kUnsupported,
                *scheme + ":// is not supported: " + printable(without_credentials(source)),
                "a directory, http(s)://, or a git repository");
  return open_directory(source);
}

// The main context alone may be one.
Result<Context> Contexts::read_input() {
  const std::string key = "context";
  options_.steps.started(key, "[internal] load build context from standard input");
  os::UniqueFd in(::fcntl(request_.input_fd, F_DUPFD_CLOEXEC, 3));
  Result<Context> context = fail(os_error("open", "standard input"));
  if (in.valid()) {
    InputSource input(std::move(in), options_.cancelled);
    context = read(input, "standard input");
  }
  return finish(key, std::move(context));
}

Result<ops::FetchAccess> Contexts::access() {
  return ops::FetchAccess{.store = *TRY(options_.open_store()),
                          .secrets = options_.secrets.values,
                          .agents = options_.secrets.agents,
                          .cancelled = options_.cancelled};
}

Result<Context> Contexts::finish(const std::string& key, Result<Context> context) {
  if (!context) context = fail(ops::with_advice(std::move(context).error()));
  options_.steps.finished(key, context ? nullptr : &context.error());
  return context;
}

Result<fetch::Download> Contexts::get(const std::string& key, const std::string& url) {
  fetch::Downloader downloader(ops::downloads_of(TRY(access())));
  return downloader.get({.url = url,
                         .name = kMain,
                         .checksum = {},
                         .keep = true,
                         .authorization = ops::http_authorization(options_.secrets.values, url),
                         .progress = [&](std::uint64_t bytes, std::uint64_t total) {
                           options_.steps.transfer(key, "context", bytes, total,
                                                   total != 0 && bytes == total);
                         }});
}

Result<std::string> Contexts::read_url(const std::string& url) {
  const std::string key = "dockerfile " + url;
  options_.steps.started(key, "[internal] load " + printable(without_credentials(url)));
  auto text = [&]() -> Result<std::string> {
    const fetch::Download got = TRY(get(key, url));
    return os::read_file(got.bytes.path(), kMaxDockerfileBytes);
  }();
  if (!text) text = fail(ops::with_advice(std::move(text).error()));
  options_.steps.finished(key, text ? nullptr : &text.error());
  return text;
}

Result<std::optional<std::int64_t>> Contexts::time_of(const std::string& source) {
  if (!is_remote_source(source)) return std::nullopt;
  std::lock_guard lock(mutex_);
  if (const auto known = times_.find(source); known != times_.end()) return known->second;
  const std::string key = "time of " + source;
  options_.steps.started(key, "[internal] time of " + printable(without_credentials(source)));
  auto time = fetch_time(source, key);
  if (!time) time = fail(ops::with_advice(std::move(time).error()));
  options_.steps.finished(key, time ? nullptr : &time.error());
  if (time) times_[source] = *time;
  return time;
}

Result<std::optional<std::int64_t>> Contexts::fetch_time(const std::string& source,
                                                         const std::string& key) {
  if (const auto git = TRY(find_git(source))) {
    auto repository = TRY(ops::open_repository(TRY(access()), git->remote));
    return TRY(repository.commit_time(TRY(repository.resolve(git->ref, git->checksum))));
  }
  const fetch::Download got = TRY(get(key, source));
  if (got.modified) return got.modified;
  os::FileSource bytes(TRY(os::open(got.bytes.path(), O_RDONLY)), "the download");
  const std::string head = TRY(read_head(bytes));
  if (!is_archive(head)) return std::nullopt;
  Replayed all(head, bytes);
  return newest_entry(all, options_.cancelled);
}

Result<Context> Contexts::download(const std::string& url, bool is_main) {
  const std::string key = "context " + url;
  options_.steps.started(key, "[internal] load remote build context");
  const auto fetch = [&]() -> Result<Context> {
    const fetch::Download got = TRY(get(key, url));
    os::FileSource bytes(TRY(os::open(got.bytes.path(), O_RDONLY)), "the download");
    Context context;
    if (is_main) {
      context = TRY(read(bytes, "the download"));
    } else {
      // As the reference has it: a named context is the file, whatever is in it.
      context.directory = TRY(make_directory());
      context.is_foreign = true;
      os::FileSink file(
          TRY(os::open(context.directory + "/context", O_WRONLY | O_CREAT | O_EXCL, 0600)),
          "context");
      (void)TRY(copy(bytes, file));
    }
    if (got.modified) context.time = got.modified;
    context.origin = attest::Origin{.uri = url, .algorithm = "sha256", .hex = got.digest.hex()};
    return context;
  };
  return finish(key, fetch());
}

Result<Context> Contexts::clone(const dockerfile::GitReference& git) {
  const std::string key = "context " + git.fragment_form(true);
  options_.steps.started(
      key, "[internal] load git source " + printable(without_credentials(git.fragment_form(true))));
  const auto check_out = [&]() -> Result<Context> {
    auto repository = TRY(ops::open_repository(TRY(access()), git.remote));
    const fetch::GitCommit commit = TRY(repository.resolve(git.ref, git.checksum));
    Context context{
        .directory = TRY(make_directory()), .is_foreign = true, .dockerfile = {}, .time = {}};
    TRY(repository.checkout(commit,
                            {.sub_dir = git.sub_dir,
                             .keep_git_dir = git.keep_git_dir.value_or(keeps_git_dir(request_)),
                             .submodules = git.submodules.value_or(true),
                             .mtime = git.mtime},
                            context.directory));
    context.time = TRY(repository.commit_time(commit));
    context.origin = attest::Origin{.uri = git.fragment_form(true),
                                    .algorithm = commit.commit.size() == 40 ? "sha1" : "sha256",
                                    .hex = commit.commit};
    return context;
  };
  return finish(key, check_out());
}

Result<Context> Contexts::read(Source& bytes, const char* what) {
  const std::string head = TRY(read_head(bytes));
  Replayed all(head, bytes);
  Context context{
      .directory = TRY(make_directory()), .is_foreign = true, .dockerfile = {}, .time = {}};
  if (is_archive(head)) {
    auto newest = unpack_context(all, context.directory, options_.cancelled);
    if (!newest) return fail(std::move(newest).error().in(what));
    context.time = *newest;
    return context;
  }
  auto text = read_all(all, kMaxDockerfileBytes);
  if (!text) return fail(std::move(text).error().in(what));
  if (text->empty()) return fail(Errc::kInvalid, std::string(what) + " is empty");
  if (text->find('\0') != std::string::npos)
    return fail(Errc::kInvalid, std::string(what) + " is neither an archive nor a Dockerfile");
  context.dockerfile = std::move(*text);
  return context;
}

Result<std::string> Contexts::make_directory() {
  std::string directory = TRY(TRY(options_.open_store())->make_temporary_directory());
  temporary_.push_back(directory);
  return directory;
}

}  // namespace lichen::build
