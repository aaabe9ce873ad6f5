#include "dockerfile/remote_source.h"

#include "base/digest.h"
#include "base/text.h"
#include "base/unicode.h"
#include "base/url.h"
#include "dockerfile/git_reference.h"

namespace lichen::dockerfile {

namespace {

bool is_http(std::string_view source) {
  return starts_with(source, "http://") || starts_with(source, "https://");
}

Result<RemoteSource> download(const CopyFiles& copy, const std::string& url) {
  if (!copy.add) return fail(Errc::kInvalid, "source can't be a URL for COPY");
  RemoteSource remote{
      .op = {.identifier = url}, .path = "/" + file_name_in_url(url), .is_archive = true};
  remote.op.attributes["http.filename"] = remote.path.substr(1);
  if (!copy.checksum.empty())
    remote.op.attributes["http.checksum"] = TRY(Digest::parse(copy.checksum)).text();
  return remote;
}

Result<RemoteSource> repository(const CopyFiles& copy, GitReference git) {
  if (!copy.add) return fail(Errc::kInvalid, "source can't be a git ref for COPY");
  if (!copy.checksum.empty()) {
    if (!git.checksum.empty() && git.checksum != copy.checksum)
      return fail(Errc::kInvalid, "checksum conflicts: " + unicode::quote(copy.checksum) + " vs " +
                                      unicode::quote(git.checksum));
    git.checksum = copy.checksum;
  }
  if (copy.keep_git_dir && git.keep_git_dir && *copy.keep_git_dir != *git.keep_git_dir)
    return fail(Errc::kInvalid, "--keep-git-dir conflicts with the query of the git reference");
  const std::string text = git.fragment_form(true);
  const std::size_t scheme = text.find("://");
  RemoteSource remote{
      .op = {.identifier =
                 "git://" + (scheme == std::string::npos ? text : text.substr(scheme + 3))},
      .path = "/"};
  auto& attributes = remote.op.attributes;
  attributes["git.fullurl"] = git.remote;
  if (copy.keep_git_dir.value_or(git.keep_git_dir.value_or(false)))
    attributes["git.keepgitdir"] = "true";
  if (git.submodules && !*git.submodules) attributes["git.skipsubmodules"] = "true";
  if (!git.checksum.empty()) attributes["git.checksum"] = git.checksum;
  if (!git.mtime.empty()) attributes["git.mtime"] = git.mtime;
  if (git.fetch_by_commit) attributes["git.fetchbycommit"] = "true";
  return remote;
}

}  // namespace

Result<std::optional<RemoteSource>> remote_source(const CopyFiles& copy,
                                                  const std::string& source) {
  using Found = std::optional<RemoteSource>;
  std::optional<GitReference> git = TRY(parse_git_reference(source));
  const bool is_git = git && !git->looks_local;
  if (!is_git && !is_http(source)) {
    if (copy.checksum.empty()) return Found();
    return fail(Errc::kInvalid, "checksum requires HTTP(S) or Git sources");
  }
  if (!copy.checksum.empty() && copy.sources.size() > 1)
    return fail(Errc::kInvalid, "checksum can't be specified for multiple sources");
  return Found(is_git ? TRY(repository(copy, std::move(*git))) : TRY(download(copy, source)));
}

}  // namespace lichen::dockerfile
