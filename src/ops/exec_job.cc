#include "ops/exec_job.h"

#include "ops/limits.h"

namespace lichen::ops {

Result<ExecJob> ExecJob::make(const Services& services, const graph::ExecOp& exec,
                              const Stack& below, std::int64_t id, const StepMounts& mounts,
                              const std::string& architecture) {
  const store::Store& store = services.store;
  const std::string hostname = exec.hostname.empty() ? "lichen" : exec.hostname;
  NetworkFiles files = TRY(NetworkFiles::write(store, hostname, exec.extra_hosts, exec.network));
  container::RunJob job{
      .tier = services.tier,
      .overlay = {.lower = below.lower,
                  .upper = store.fs_path(id),
                  .work = store.work_path(id),
                  .target = services.tier == container::Tier::kBare ? store.work_path(id) + "/tree"
                                                                    : store.mount_path()},
      .sidecars = below.sidecars,
      .argv = exec.args,
      .env = exec.env,
      .cwd = exec.cwd.empty() ? "/" : exec.cwd,
      .user = exec.user,
      .hostname = hostname,
      .own_network = has_own_network(exec.network),
      .network = files.network(),
      .resolv_conf = files.resolv_conf(),
      .hosts = files.hosts(),
      .hostname_file = files.hostname(),
      .volumes = mounts.volumes(),
      .limits = TRY(limits_of(exec.ulimits)),
      .privileged = exec.insecure,
      .architecture = architecture};
  for (const std::string& entry : exec.proxy_env) job.env.push_back(entry);
  for (const auto& [name, value] : mounts.env()) oci::set_env(job.env, name, value);
  return ExecJob{std::move(job), std::move(files)};
}

}  // namespace lichen::ops
