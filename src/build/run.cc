#include <fcntl.h>
#include <unistd.h>

#include <cstdlib>

#include "base/text.h"
#include "build/base_images.h"
#include "build/build.h"
#include "build/foreground.h"
#include "build/session.h"
#include "build/steps.h"
#include "container/emulator.h"
#include "graph/graph.h"
#include "ops/limits.h"
#include "ops/network_files.h"
#include "ops/runner.h"
#include "os/file.h"

namespace lichen::build {

namespace {

Result<container::Volume> parse_volume(const std::string& text) {
  const std::vector<std::string> parts = split(text, ':');
  if (parts.size() < 2 || parts.size() > 3 || !starts_with(parts[1], "/"))
    return fail(Errc::kInvalid, "-v " + printable(text) + ": want SOURCE:TARGET[:ro]",
                "TARGET is an absolute path in the container");
  container::Volume volume{.source = {}, .target = parts[1]};
  if (parts.size() == 3) {
    if (parts[2] != "ro" && parts[2] != "rw")
      return fail(Errc::kUnsupported, "-v " + printable(text) + ": only ro and rw are supported");
    volume.read_only = parts[2] == "ro";
  }
  char absolute[PATH_MAX];
  if (::realpath(parts[0].c_str(), absolute) == nullptr) return fail(os_error("open", parts[0]));
  volume.source = absolute;
  return volume;
}

// The image's command and environment with the user's changes, by docker's rules.
Result<container::RunJob> plan_job(const RunRequest& request, const oci::ImageConfig& config) {
  container::RunJob job;
  job.env = config.env;
  for (const std::string& entry : request.env) {
    if (entry.find('=') != std::string::npos) {
      oci::set_env(job.env, oci::env_key(entry), entry.substr(entry.find('=') + 1));
    } else if (const char* value = std::getenv(entry.c_str())) {
      oci::set_env(job.env, entry, value);
    }
  }
  if (request.entrypoint) {
    if (!request.entrypoint->empty()) job.argv.push_back(*request.entrypoint);
  } else if (config.entrypoint) {
    job.argv = *config.entrypoint;
  }
  if (!request.command.empty())
    job.argv.insert(job.argv.end(), request.command.begin(), request.command.end());
  else if (config.cmd && !request.entrypoint)
    job.argv.insert(job.argv.end(), config.cmd->begin(), config.cmd->end());
  if (job.argv.empty())
    return fail(Errc::kInvalid, "the image names no command", "give one: lichen run IMAGE COMMAND");
  job.cwd = clean_path(request.workdir.empty() ? config.working_dir : request.workdir);
  job.user = request.user.empty() ? config.user : request.user;
  for (const std::string& volume : request.volumes)
    job.volumes.push_back(TRY(parse_volume(volume)));
  job.terminal = request.terminal;
  return job;
}

// Finds or pulls the image, and unpacks it at the session's tier.
struct Unpacked {
  solver::ResultId snapshot = 0;
  oci::ImageConfig config;
};
Result<Unpacked> unpack_image(Session& session, const RunRequest& request,
                              const Environment& environment, Steps& steps) {
  std::string name = request.image;
  // An id names what `lichen images` lists.
  if (const auto known = TRY(session.store().find_image(name))) name = known->name;
  graph::GraphBuilder builder;
  graph::SourceOp source;
  Unpacked unpacked;
  const oci::Platform platform = request.platform.value_or(oci::host_platform());
  if (const auto digest = Digest::parse(name)) {
    // An untagged build: known by its manifest's digest alone.
    const transfer::Fetched loaded =
        TRY(transfer::load(session.store(), {.digest = *digest}, platform));
    source.identifier = "docker-image://localhost/untagged@" + loaded.manifest.digest.text();
    unpacked.config = loaded.config;
  } else {
    BaseImages images({.store = session.store(),
                       .registry = session.registry(),
                       .steps = steps,
                       .pull = request.pull});
    dockerfile::ResolvedImage image = TRY(images.resolve(name, platform));
    source = {.identifier = image.identifier, .attributes = image.attributes, .written = name};
    unpacked.config = std::move(image.config);
  }
  const graph::VertexId vertex =
      builder.add({.inputs = {}, .op = source, .platform = {}}, {.name = name});
  const graph::Graph graph = std::move(builder).finish(graph::Input{vertex, 0});
  ops::StatCache no_stat_cache("");
  ops::Runner runner(
      graph,
      {.store = session.store(),
       .jobs = session.jobs(),
       .registry = session.registry(),
       .stat_cache = no_stat_cache,
       .tier = session.tier(),
       .cancelled = environment.cancelled,
       .open_context = {},
       .on_log = [](graph::VertexId, bool, const std::string&) {},
       .on_transfer = [&](graph::VertexId, const std::string& what, std::uint64_t bytes,
                          std::uint64_t total,
                          bool done) { steps.transfer("unpack", what, bytes, total, done); }});
  unpacked.snapshot = TRY(runner.run(vertex, {}));
  return unpacked;
}

}  // namespace

Result<os::WaitStatus> run(const RunRequest& request, const Environment& environment,
                           const EventSink& events) {
  std::vector<container::Published> ports;
  for (const std::string& port : request.ports)
    ports.push_back(TRY(container::parse_published(port)));
  graph::NetworkMode network = request.network;
  if (!ports.empty() && network == graph::NetworkMode::kDefault)
    network = graph::NetworkMode::kSandbox;
  if (!ports.empty() && network != graph::NetworkMode::kSandbox)
    return fail(Errc::kInvalid, "-p needs --network=sandbox",
                "with the host's network a server's port is the host's already");
  std::vector<os::ResourceLimit> limits = TRY(ops::limits_of(request.ulimits));
  const auto session = TRY(Session::open(environment, events));
  Steps steps(events);
  const Unpacked image = TRY(unpack_image(*session, request, environment, steps));
  container::RunJob job = TRY(plan_job(request, image.config));
  job.limits = std::move(limits);

  store::Store& store = session->store();
  const ops::Stack below = TRY(ops::stack_of(store, image.snapshot));
  // Its changes go into a snapshot that is never committed.
  const std::int64_t id =
      TRY(store.begin_snapshot(container::to_text(session->tier()),
                               image.snapshot == 0 ? std::nullopt : std::optional(image.snapshot)));
  auto outcome = [&]() -> Result<container::RunOutcome> {
    job.tier = session->tier();
    // The image says whom its programs are for; one that says nothing is this machine's.
    if (!image.config.platform.architecture.empty())
      job.architecture = TRY(container::foreign_architecture(image.config.platform));
    job.hostname = "lichen";
    TRY(ops::check_network(session->tier(), network));
    const ops::NetworkFiles files =
        TRY(ops::NetworkFiles::write(store, job.hostname, request.add_hosts, network));
    job.keeps = false;
    job.own_network = ops::has_own_network(network);
    job.network = files.network();
    job.network.ports = ports;
    job.resolv_conf = files.resolv_conf();
    job.hosts = files.hosts();
    job.hostname_file = files.hostname();
    job.overlay = {.lower = below.lower,
                   .upper = store.fs_path(id),
                   .work = store.work_path(id),
                   .target = session->tier() == container::Tier::kBare
                                 ? store.work_path(id) + "/tree"
                                 : store.mount_path()};
    job.sidecars = below.sidecars;
    return run_in_foreground(*session, std::move(job),
                             {request.terminal, request.interactive, environment.relay});
  }();
  ops::discard_snapshot(store, session->jobs(), id);
  if (!outcome) return fail(std::move(outcome).error());
  if (outcome->signal != 0) return os::WaitStatus(os::Signaled{outcome->signal});
  return os::WaitStatus(os::Exited{outcome->exit_code});
}

}  // namespace lichen::build
