#include "build/sources.h"

#include <sys/stat.h>

#include <climits>
#include <cstdlib>

#include "base/path.h"
#include "base/text.h"
#include "os/file.h"

namespace lichen::build {

namespace {

constexpr std::size_t kMaxDockerfileBytes = 4u << 20;
constexpr std::size_t kMaxSecretBytes = 500u << 10;

Result<std::string> absolute_directory(const std::string& path, const char* what) {
  char absolute[PATH_MAX];
  if (::realpath(path.c_str(), absolute) == nullptr)
    return fail(os_error("open", std::string(what) + " " + printable(path)));
  struct ::stat status {};
  if (::stat(absolute, &status) < 0) return fail(os_error("stat", path));
  if (!S_ISDIR(status.st_mode))
    return fail(Errc::kInvalid, std::string(what) + " " + printable(path) + " is not a directory",
                "give a directory; name a Dockerfile elsewhere with -f");
  return std::string(absolute);
}

Result<void> read_secrets(const Request& request, std::map<std::string, std::string>& secrets) {
  for (const Secret& secret : request.secrets) {
    std::string bytes;
    if (secret.value) {
      bytes = *secret.value;
    } else {
      auto content = os::read_file(secret.path, kMaxSecretBytes + 1);
      if (!content)
        return fail(std::move(content).error().in("reading the secret " + printable(secret.id)));
      bytes = std::move(*content);
    }
    if (bytes.size() > kMaxSecretBytes)
      return fail(Errc::kInvalid, "the secret " + printable(secret.id) + " is larger than 500 KiB");
    secrets[secret.id] = std::move(bytes);
  }
  return {};
}

Result<void> find_agents(const Request& request, std::map<std::string, std::string>& agents) {
  for (const Agent& agent : request.agents) {
    struct ::stat status {};
    if (::stat(agent.path.c_str(), &status) < 0)
      return fail(os_error("stat", agent.path).in("--ssh " + printable(agent.id)));
    if (!S_ISSOCK(status.st_mode))
      return fail(Errc::kUnsupported,
                  "--ssh " + printable(agent.id) +
                      ": key files are not supported yet: " + printable(agent.path),
                  "add the key to an agent (ssh-add), and give the agent's socket");
    agents[agent.id] = agent.path;
  }
  return {};
}

}  // namespace

Result<Sources> read_sources(const Request& request) {
  Sources sources;
  const std::string context = TRY(absolute_directory(request.context, "the build context"));
  sources.contexts["context"] = context;
  for (const auto& [name, value] : request.named_contexts)
    if (value.find("://") == std::string::npos)
      sources.contexts[name] = TRY(absolute_directory(value, "build context"));

  TRY(read_secrets(request, sources.secrets));
  TRY(find_agents(request, sources.agents));
  std::string path = request.dockerfile_path;
  if (request.dockerfile_text) {
    sources.dockerfile = *request.dockerfile_text;
    sources.file = "Dockerfile";
  } else {
    if (path.empty()) {
      path = context + "/Dockerfile";
      if (!os::exists(path) && os::exists(context + "/Containerfile"))
        path = context + "/Containerfile";
    } else if (!starts_with(path, "/") && !os::exists(path) && os::exists(context + "/" + path)) {
      path = context + "/" + path;  // as people expect who come from other builders
    }
    auto text = os::read_file(path, kMaxDockerfileBytes);
    if (!text && text.error().code == Errc::kNotFound)
      return fail(Errc::kNotFound,
                  "failed to read dockerfile: " + printable(path) + ": no such file",
                  "name it with -f, or give another context directory");
    sources.dockerfile = TRY(std::move(text));
    sources.file = request.dockerfile_path.empty() ? name_of(path) : request.dockerfile_path;
  }
  for (const std::string& candidate :
       {path + ".dockerignore", context + "/.containerignore", context + "/.dockerignore"}) {
    if (candidate == ".dockerignore") continue;  // a Dockerfile from standard input has no own one
    if (auto text = TRY(os::find_file(candidate, kMaxDockerfileBytes))) {
      sources.dockerignore = std::move(*text);
      break;
    }
  }
  return sources;
}

dockerfile::Frontend frontend_request(const Request& request, const Sources& sources,
                                      std::optional<oci::Platform> platform) {
  return {.dockerfile = sources.dockerfile,
          .file = sources.file,
          .target = request.target,
          .build_args = request.build_args,
          .labels = request.labels,
          .named_contexts = request.named_contexts,
          .dockerignore = sources.dockerignore,
          .add_hosts = request.add_hosts,
          .network = request.network,
          .no_cache = request.no_cache,
          .platform = std::move(platform),
          .multi_platform = is_multi_platform(request),
          .source_date_epoch = request.source_date_epoch};
}

}  // namespace lichen::build
