#include "ops/fetched.h"

#include <fcntl.h>
#include <sys/stat.h>

#include "base/text.h"
#include "base/url.h"
#include "fetch/http_text.h"
#include "ops/runner.h"
#include "os/file.h"

namespace lichen::ops {

using graph::VertexId;

namespace {

bool is_git(const graph::SourceOp& source) {
  return starts_with(source.identifier, "git://");
}

std::string attribute(const graph::SourceOp& source, const std::string& name) {
  const auto found = source.attributes.find(name);
  return found == source.attributes.end() ? "" : found->second;
}

bool is_set(const graph::SourceOp& source, const std::string& name) {
  return attribute(source, name) == "true";
}

// "host:port" of a URL.
std::string authority(const std::string& url) {
  const std::string plain = without_credentials(url);
  const std::size_t scheme = plain.find("://");
  if (scheme == std::string::npos) return "";
  const std::string rest = plain.substr(scheme + 3);
  return rest.substr(0, rest.find_first_of("/?#"));
}

// A secret from a file ends with a newline more often than not.
std::string secret(const std::map<std::string, std::string>& secrets, const std::string& id) {
  const auto found = secrets.find(id);
  return found == secrets.end() ? "" : std::string(trim(found->second));
}

struct GitPlace {
  std::string ref, sub_dir;
};

// The fragment REF:SUBDIR.
GitPlace place_of(const graph::SourceOp& source) {
  const std::size_t hash = source.identifier.find('#');
  if (hash == std::string::npos) return {};
  const std::string fragment = source.identifier.substr(hash + 1);
  const std::size_t colon = fragment.find(':');
  if (colon == std::string::npos) return {.ref = fragment, .sub_dir = {}};
  return {.ref = fragment.substr(0, colon),
          .sub_dir = clean_path(fragment.substr(colon + 1)).substr(1)};
}

bool is_whole_commit(const std::string& text) {
  return (text.size() == 40 || text.size() == 64) &&
         text.find_first_not_of("0123456789abcdef") == std::string::npos;
}

fetch::GitCheckout checkout_of(const graph::SourceOp& source) {
  return {.sub_dir = place_of(source).sub_dir,
          .keep_git_dir = is_set(source, "git.keepgitdir"),
          .submodules = !is_set(source, "git.skipsubmodules"),
          .mtime = attribute(source, "git.mtime")};
}

}  // namespace

Result<fetch::GitRepository> open_repository(const FetchAccess& access, const std::string& url) {
  const auto agent = access.agents.find("default");
  return fetch::GitRepository::open(
      url, {.directory = access.store.path() + "/git",
            .cancelled = [flag = access.cancelled] { return flag != nullptr && flag->load(); },
            .authorization = git_authorization(access.secrets, url),
            .ssh_agent = agent == access.agents.end() ? "" : agent->second});
}

fetch::Downloader::Options downloads_of(const FetchAccess& access, std::string scratch) {
  return {.directory = access.store.path() + "/downloads",
          .scratch = std::move(scratch),
          .cancelled = [flag = access.cancelled] { return flag != nullptr && flag->load(); },
          .ca_file = {}};
}

Error with_advice(Error error) {
  if (error.code == Errc::kDenied && error.hint.empty())
    error.hint =
        "credentials are given as build secrets: --secret id=GIT_AUTH_TOKEN,env=… for git over "
        "https, id=HTTP_AUTH_TOKEN_HOST for a download; --ssh for git over ssh";
  return error;
}

bool is_fetched(const graph::SourceOp& source) {
  return is_git(source) || starts_with(source.identifier, "http://") ||
         starts_with(source.identifier, "https://");
}

std::string http_authorization(const std::map<std::string, std::string>& secrets,
                               const std::string& url) {
  const std::string with_port = authority(url);
  for (const std::string& host : {with_port, with_port.substr(0, with_port.rfind(':'))}) {
    if (host.empty()) continue;
    if (std::string header = secret(secrets, "HTTP_AUTH_HEADER_" + host); !header.empty())
      return header;
    if (const std::string token = secret(secrets, "HTTP_AUTH_TOKEN_" + host); !token.empty())
      return "Bearer " + token;
  }
  return "";
}

std::string git_authorization(const std::map<std::string, std::string>& secrets,
                              const std::string& url) {
  for (const std::string& host : {"." + authority(url), std::string()}) {
    if (std::string header = secret(secrets, "GIT_AUTH_HEADER" + host); !header.empty())
      return header;
    if (const std::string token = secret(secrets, "GIT_AUTH_TOKEN" + host); !token.empty())
      return fetch::basic_authorization("x-access-token:" + token);
  }
  return "";
}

FetchedSources::FetchedSources(const Services& services) : services_(services) {}

FetchedSources::~FetchedSources() {
  found_.clear();
  downloader_.reset();
  if (!scratch_.empty()) (void)os::remove_tree(scratch_);
}

bool FetchedSources::is_remote(const graph::SourceOp& source) {
  if (!is_git(source)) return is_fetched(source) && attribute(source, "http.checksum").empty();
  const std::string ref = place_of(source).ref;
  return !is_whole_commit(ref) &&
         !(ref.empty() && is_whole_commit(attribute(source, "git.checksum")));
}

FetchedSources::Found& FetchedSources::found(VertexId vertex) {
  std::lock_guard lock(mutex_);
  return found_[vertex];
}

Result<Digest> FetchedSources::key(VertexId vertex, const graph::SourceOp& source) {
  Found& what = found(vertex);
  auto key = is_git(source) ? git_key(source, what) : download_key(vertex, source, what);
  if (!key) return fail(with_advice(std::move(key).error()));
  return key;
}

std::optional<SourceDigest> FetchedSources::digest(VertexId vertex) const {
  std::lock_guard lock(mutex_);
  const auto found = found_.find(vertex);
  if (found == found_.end()) return std::nullopt;
  if (const std::string& commit = found->second.commit.commit; !commit.empty())
    return SourceDigest{commit.size() == 40 ? "sha1" : "sha256", commit};
  if (found->second.digest.empty()) return std::nullopt;
  return SourceDigest{"sha256", found->second.digest.hex()};
}

FetchAccess FetchedSources::access() const {
  return {.store = services_.store,
          .secrets = services_.secrets,
          .agents = services_.agents,
          .cancelled = services_.cancelled};
}

Result<fetch::Downloader*> FetchedSources::downloader() {
  std::lock_guard lock(mutex_);
  if (!downloader_) {
    scratch_ = TRY(services_.store.make_temporary_directory());
    downloader_ = std::make_unique<fetch::Downloader>(downloads_of(access(), scratch_));
  }
  return downloader_.get();
}

Result<fetch::Download> FetchedSources::download(VertexId vertex, const graph::SourceOp& source,
                                                 const Digest& checksum, bool want_bytes) {
  const std::string name = attribute(source, "http.filename");
  if (name.empty() || name == "." || name == ".." || name.find('/') != std::string::npos ||
      name.find('\0') != std::string::npos)
    return fail(Errc::kInvalid, "a download cannot be called " + printable(name));
  fetch::Downloader* const from = TRY(downloader());
  std::uint64_t size = 0;
  fetch::Download got =
      TRY(from->get({.url = source.identifier,
                     .name = name,
                     .checksum = checksum,
                     .want_bytes = want_bytes,
                     .authorization = http_authorization(services_.secrets, source.identifier),
                     .progress = [&](std::uint64_t bytes, std::uint64_t total) {
                       size = bytes;
                       services_.on_transfer(vertex, name, bytes, total, false);
                     }}));
  if (size > 0) services_.on_transfer(vertex, name, got.size, got.size, true);
  return got;
}

Result<Digest> FetchedSources::download_key(VertexId vertex, const graph::SourceOp& source,
                                            Found& what) {
  Hasher hasher;
  hasher.field("lichen key 1").field("download").field(attribute(source, "http.filename"));
  if (const std::string checksum = attribute(source, "http.checksum"); !checksum.empty()) {
    what.digest = TRY(Digest::parse(checksum));
    // Its time is not known, but is the place's.
    hasher.field(what.digest.text()).field(without_credentials(source.identifier));
    return hasher.finish();
  }
  fetch::Download got = TRY(download(vertex, source, Digest(), false));
  what.digest = got.digest;
  hasher.field(what.digest.text()).field(got.modified ? std::to_string(*got.modified) : "");
  if (got.bytes.valid()) what.download = std::move(got);
  return hasher.finish();
}

Result<Digest> FetchedSources::git_key(const graph::SourceOp& source, Found& what) {
  const std::string url = attribute(source, "git.fullurl");
  what.repository = TRY(open_repository(access(), url));
  what.commit =
      TRY(what.repository->resolve(place_of(source).ref, attribute(source, "git.checksum")));
  const fetch::GitCheckout checkout = checkout_of(source);
  const bool keeps = checkout.keep_git_dir && checkout.sub_dir.empty();
  Hasher hasher;
  hasher.field("lichen key 1").field("git");
  // Submodules and a .git know where they come from.
  hasher.field(what.repository->remote()).field(what.commit.commit).field(checkout.sub_dir);
  hasher.field(keeps ? "keep " + what.commit.ref + " " + what.commit.tag : "");
  hasher.field(checkout.submodules ? "submodules" : "");
  hasher.field(checkout.mtime == "commit" ? "" : checkout.mtime);
  return hasher.finish();
}

Result<void> FetchedSources::fill(VertexId vertex, const graph::SourceOp& source,
                                  const std::string& directory) {
  Found& what = found(vertex);
  if (is_git(source)) {
    LICHEN_ASSERT(what.repository);
    auto done = what.repository->checkout(what.commit, checkout_of(source), directory);
    if (!done) return fail(with_advice(std::move(done).error()));
    return {};
  }
  if (!what.download) {
    auto got = download(vertex, source, what.digest, true);
    if (!got) return fail(with_advice(std::move(got).error()));
    what.download = std::move(*got);
  }
  fetch::Download got = std::move(*what.download);
  what.download.reset();
  const std::string path = directory + "/" + got.name;
  const os::UniqueFd bytes = TRY(os::open(got.bytes.path(), O_RDONLY));
  if (TRY(os::fstat(bytes)).st_nlink == 1) {
    TRY(got.bytes.move_to(path));
  } else {  // kept for others
    const os::UniqueFd to = TRY(os::open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
    (void)TRY(os::copy_content(bytes, to));
  }
  const os::UniqueFd file = TRY(os::open(path, O_WRONLY | O_NOFOLLOW));
  const struct ::timespec time { .tv_sec = got.modified.value_or(0), .tv_nsec = 0 };
  const struct ::timespec times[2] = {time, time};
  if (::fchmod(file.get(), 0600) < 0 || ::futimens(file.get(), times) < 0)
    return fail(os_error("set mode and time of", got.name));
  return {};
}

}  // namespace lichen::ops
