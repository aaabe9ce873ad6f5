#include "build/sbom.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <cctype>

#include "attest/statement.h"
#include "base/text.h"
#include "os/file.h"

namespace lichen::build {

namespace {

constexpr char kDestination[] = "/run/out";
constexpr char kSource[] = "/run/src/core/sbom";
constexpr char kExtras[] = "/run/src/extras";

std::string upper(std::string text) {
  std::transform(text.begin(), text.end(), text.begin(),
                 [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
  return text;
}

std::vector<std::string> environment_of(const oci::ImageConfig& config, const SbomRequest& request,
                                        bool has_extras) {
  std::vector<std::string> env = config.env;
  if (!oci::find_env(env, "PATH"))
    oci::set_env(env, "PATH", "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin");
  for (const auto& [name, value] : request.parameters)
    oci::set_env(env, "BUILDKIT_SCAN_" + upper(name), value);
  oci::set_env(env, "BUILDKIT_SCAN_SOURCE", kSource);
  if (has_extras) oci::set_env(env, "BUILDKIT_SCAN_SOURCE_EXTRAS", std::string(kExtras) + "/");
  oci::set_env(env, "BUILDKIT_SCAN_DESTINATION", kDestination);
  return env;
}

Result<std::vector<std::string>> command_of(const oci::ImageConfig& config,
                                            const std::string& generator) {
  std::vector<std::string> args = config.entrypoint.value_or(std::vector<std::string>());
  if (config.cmd) args.insert(args.end(), config.cmd->begin(), config.cmd->end());
  if (args.empty())
    return fail(Errc::kInvalid,
                "the SBOM generator " + printable(generator) + " has neither ENTRYPOINT nor CMD");
  return args;
}

}  // namespace

Result<graph::Graph> with_scan(graph::Graph graph,
                               const std::vector<dockerfile::ScanTarget>& extras,
                               const SbomRequest& request,
                               const dockerfile::ResolvedImage& generator) {
  graph::GraphBuilder builder;
  for (std::size_t i = 0; i < graph.vertices.size(); ++i)
    builder.add(std::move(graph.vertices[i]), std::move(graph.metadata[i]));
  const std::optional<graph::Input> result = graph.results.front();
  if (!result) return std::move(builder).finish(std::vector<std::optional<graph::Input>>{{}, {}});

  const oci::Platform platform = oci::host_platform();
  const auto image = builder.add({.op = graph::SourceOp{.identifier = generator.identifier,
                                                        .attributes = generator.attributes,
                                                        .written = request.generator},
                                  .platform = platform},
                                 {.name = "[sbom] FROM " + request.generator});
  const auto prepared =
      builder.add({.inputs = {{image, 0}},
                   .op = graph::FileOp{.actions = {graph::MakeDirectory{.path = kDestination,
                                                                        .make_parents = true}}},
                   .platform = platform},
                  {.name = "[sbom] mkdir " + std::string(kDestination)});
  graph::Vertex scan{.inputs = {{prepared, 0}}, .op = {}, .platform = platform};
  graph::ExecOp exec{
      .args = TRY(command_of(generator.config, request.generator)),
      .env = environment_of(generator.config, request, !extras.empty()),
      .cwd = generator.config.working_dir.empty() ? "/" : generator.config.working_dir,
      .user = generator.config.user,
      .mounts = {{.input = 0, .dest = "/", .output = 0}}};
  const auto show = [&](const graph::Input& tree, const std::string& at) {
    exec.mounts.push_back({.input = scan.inputs.size(), .dest = at, .readonly = true});
    scan.inputs.push_back(tree);
  };
  show(*result, kSource);
  for (const dockerfile::ScanTarget& extra : extras)
    show(extra.tree, std::string(kExtras) + "/sbom-" + extra.name);
  scan.op = std::move(exec);
  const auto last =
      builder.add(std::move(scan), {.name = "[sbom] generate by " + request.generator});
  return std::move(builder).finish(
      std::vector<std::optional<graph::Input>>{result, graph::Input{last, 0}});
}

Result<std::vector<ScanFile>> read_scan(const store::Store& store, solver::ResultId scan) {
  std::vector<ScanFile> files;
  if (scan == 0) return files;
  const os::UniqueFd layer = TRY(os::open(store.fs_path(scan), O_RDONLY | O_DIRECTORY));
  auto directory =
      os::open_beneath(layer, std::string(kDestination).substr(1), O_RDONLY | O_DIRECTORY);
  // A layer has no directory that its step left as it was.
  if (!directory && directory.error().code == Errc::kNotFound) return files;
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(TRY(std::move(directory))))) {
    if (!ends_with(entry.name, "spdx.json")) continue;
    const std::string path = std::string(kDestination).substr(1) + "/" + entry.name;
    const os::UniqueFd file =
        TRY(os::open_beneath(layer, path, O_RDONLY | O_NOFOLLOW | O_NONBLOCK));
    if (!S_ISREG(TRY(os::fstat(file)).st_mode)) continue;
    files.push_back({entry.name, TRY(os::read_file(file, attest::kMaxStatementBytes))});
  }
  std::sort(files.begin(), files.end(),
            [](const ScanFile& a, const ScanFile& b) { return a.name < b.name; });
  return files;
}

}  // namespace lichen::build
