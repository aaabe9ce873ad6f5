// What a worker is asked for to run a step's command, with the files that it needs.
#pragma once

#include <string>

#include "base/result.h"
#include "container/run.h"
#include "graph/graph.h"
#include "ops/network_files.h"
#include "ops/runner.h"
#include "ops/step_mounts.h"

namespace lichen::ops {

struct ExecJob {
  container::RunJob job;
  NetworkFiles files;  // that the job names: they go with this

  // On the tree `below`, its changes into snapshot `id`.
  static Result<ExecJob> make(const Services& services, const graph::ExecOp& exec,
                              const Stack& below, std::int64_t id, const StepMounts& mounts,
                              const std::string& architecture);
};

}  // namespace lichen::ops
