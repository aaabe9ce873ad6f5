#include "build/sources.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <climits>
#include <cstdlib>

#include "base/path.h"
#include "base/text.h"
#include "graph/sensitive.h"
#include "os/file.h"

namespace lichen::build {

namespace {

constexpr std::size_t kMaxDockerfileBytes = 4u << 20;
constexpr const char* kDockerfileNames[] = {"Dockerfile", "dockerfile", "Containerfile"};

Result<std::optional<std::string>> find_beneath(const std::string& directory,
                                                const std::string& path) {
  const os::UniqueFd root = TRY(os::open(directory, O_RDONLY | O_DIRECTORY));
  const auto fd = os::open_beneath(root, path, O_RDONLY | O_NONBLOCK);
  if (!fd) {
    if (fd.error().code == Errc::kNotFound) return std::optional<std::string>();
    return fail(Error(fd.error()).in(printable(path)));
  }
  if (!S_ISREG(TRY(os::fstat(*fd)).st_mode))
    return fail(Errc::kInvalid, printable(path) + " is not a file");
  return TRY(os::read_file(*fd, kMaxDockerfileBytes));
}

// Where the Dockerfile of a directory is: -f as it is, or, as people expect who come from other
// builders, inside the context.
std::string dockerfile_path(const std::string& written, const std::string& context) {
  if (written.empty()) {
    for (const char* name : kDockerfileNames)
      if (os::exists(context + "/" + name)) return context + "/" + name;
    return context + "/" + kDockerfileNames[0];
  }
  if (!starts_with(written, "/") && !os::exists(written) && os::exists(context + "/" + written))
    return context + "/" + written;
  return written;
}

Error no_dockerfile(const std::string& path) {
  return {.code = Errc::kNotFound,
          .message = "failed to read dockerfile: " + printable(path) + ": no such file",
          .hint = "name it with -f, or give another context"};
}

Result<void> read_dockerfile(const Request& request, const Context& context, Contexts& contexts,
                             Sources& sources) {
  const std::string& written = request.dockerfile_path;
  if (is_http_url(written)) {
    sources.dockerfile = TRY(contexts.read_url(written));
    sources.file = "Dockerfile";
    return {};
  }
  if (request.dockerfile_text || context.dockerfile) {
    // Of a URL that is a Dockerfile, -f says nothing.
    if (context.dockerfile &&
        (request.dockerfile_text || (request.context == "-" && !written.empty())))
      return fail(Errc::kInvalid, "ambiguous Dockerfile source: both the context and -f give one",
                  "give an archive or a directory as context, or leave out -f");
    sources.dockerfile = request.dockerfile_text ? *request.dockerfile_text : *context.dockerfile;
    sources.file = "Dockerfile";
    sources.from_stdin = request.dockerfile_text || request.context == "-";
    return {};
  }
  if (context.is_foreign) {
    std::vector<std::string> names = {written};
    if (written.empty()) names.assign(std::begin(kDockerfileNames), std::end(kDockerfileNames));
    for (const std::string& name : names) {
      auto text = TRY(find_beneath(context.directory, name));
      if (!text) continue;
      sources.file = name;
      sources.dockerfile = std::move(*text);
      return {};
    }
    return fail(no_dockerfile(names.front()));
  }
  const std::string path = dockerfile_path(written, context.directory);
  auto text = os::read_file(path, kMaxDockerfileBytes);
  if (!text && text.error().code == Errc::kNotFound) return fail(no_dockerfile(path));
  sources.dockerfile = TRY(std::move(text));
  sources.file = written.empty() ? name_of(path) : written;
  return {};
}

// What the Dockerfile is known by from one build to the next; no credentials.
std::string place_of(const Request& request, const Context& context, const Sources& sources) {
  const std::string from =
      is_http_url(request.context) || context.is_foreign || request.context == "-"
          ? graph::without_url_credentials(request.context)
          : context.directory;
  if (is_http_url(request.dockerfile_path))
    return graph::without_url_credentials(request.dockerfile_path);
  if (request.dockerfile_text) return from + " -";
  if (context.dockerfile || context.is_foreign) return from + " " + sources.file;
  const std::string path = dockerfile_path(request.dockerfile_path, context.directory);
  char absolute[PATH_MAX];
  return ::realpath(path.c_str(), absolute) == nullptr ? path : absolute;
}

Result<std::optional<std::string>> find_ignore_file(std::vector<std::string> candidates,
                                                    const std::string& directory) {
  candidates.push_back(directory + "/.containerignore");
  candidates.push_back(directory + "/.dockerignore");
  for (const std::string& candidate : candidates)
    if (auto text = TRY(os::find_file(candidate, kMaxDockerfileBytes))) return text;
  return std::optional<std::string>();
}

// Of directories; as the reference has it, what comes from elsewhere is taken whole.
Result<void> read_ignore_files(const Request& request, const Context& main, Contexts& contexts,
                               Sources& sources) {
  if (!main.is_foreign) {
    std::vector<std::string> own;
    if (!request.dockerfile_text && !is_http_url(request.dockerfile_path))
      own = {dockerfile_path(request.dockerfile_path, main.directory) + ".dockerignore"};
    if (auto text = TRY(find_ignore_file(own, main.directory)))
      sources.ignores["context"] = std::move(*text);
  }
  for (const auto& [name, source] : request.named_contexts) {
    if (is_remote_source(source)) continue;
    const Context& context = *TRY(contexts.open(name));
    if (auto text = TRY(find_ignore_file({}, context.directory)))
      sources.ignores[name] = std::move(*text);
  }
  return {};
}

}  // namespace

Result<Sources> read_sources(const Request& request, Contexts& contexts) {
  Sources sources;
  const Context& main = *TRY(contexts.open("context"));
  sources.context_time = main.time;
  TRY(read_dockerfile(request, main, contexts, sources));
  sources.place = place_of(request, main, sources);
  TRY(read_ignore_files(request, main, contexts, sources));
  return sources;
}

dockerfile::Frontend frontend_request(const Request& request, const Sources& sources,
                                      std::optional<oci::Platform> platform) {
  const auto ignore = sources.ignores.find("context");
  return {.dockerfile = sources.dockerfile,
          .file = sources.file,
          .target = request.target,
          .build_args = request.build_args,
          .labels = request.labels,
          .named_contexts = request.named_contexts,
          .dockerignore = ignore == sources.ignores.end() ? "" : ignore->second,
          .named_ignores = sources.ignores,
          .add_hosts = request.add_hosts,
          .network = request.network,
          .shm_bytes = request.shm_bytes,
          .ulimits = request.ulimits,
          .allow_insecure = request.allow_insecure,
          .git_modes = request.git_modes,
          .no_cache = request.no_cache,
          .no_cache_stages = request.no_cache_stages,
          .platform = std::move(platform),
          .multi_platform = is_multi_platform(request),
          .source_date_epoch = request.source_date_epoch,
          .context_time = sources.context_time,
          .scans = request.attestations.sbom.has_value()};
}

}  // namespace lichen::build
