#include "build/debug_shell.h"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>

#include "base/text.h"
#include "build/explain.h"
#include "build/foreground.h"
#include "build/secrets.h"
#include "build/session.h"
#include "container/emulator.h"
#include "history/record.h"
#include "ops/exec_job.h"
#include "ops/runner.h"
#include "ops/step_mounts.h"
#include "os/file.h"

namespace lichen::build {

namespace {

using Where = ShellRequest::Where;

bool is_number(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string::npos;
}

Result<const history::Step*> find_failed(const history::Build& build) {
  for (const auto& [number, step] : build.steps)
    if (step.state == history::State::kFailed) return &step;
  return fail(Errc::kNotFound, "no step of build " + build.id + " failed",
              "name a step, and --before or --after");
}

// By number ("5", "#5"), else the only one whose name has the text.
Result<const history::Step*> find_step(const history::Build& build, const std::string& text) {
  const std::string number = starts_with(text, "#") ? text.substr(1) : text;
  std::vector<const history::Step*> fitting;
  for (const auto& [id, step] : build.steps) {
    if (is_number(number) && std::to_string(id) == number) return &step;
    if (!is_number(number) && to_lower(step.name).find(to_lower(text)) != std::string::npos)
      fitting.push_back(&step);
  }
  const std::string list = "`lichen builds inspect " + build.id + "` lists its steps";
  if (fitting.empty())
    return fail(Errc::kNotFound, "build " + build.id + " has no step \"" + printable(text) + "\"",
                list);
  if (fitting.size() > 1) {
    std::vector<std::string> names;
    for (const history::Step* step : fitting)
      names.push_back("#" + std::to_string(step->number) + " " + printable(step->name));
    return fail(Errc::kInvalid, "\"" + printable(text) + "\" is in the names of several steps",
                join(names, "; "));
  }
  return fitting.front();
}

// Trees of a past build that are still in the store.
class Trees {
 public:
  Trees(const history::Build& build, store::Store& store) : build_(build), store_(store) {}

  Result<solver::ResultId> after(const history::Step& step) {
    if (step.spec.key.empty())
      return fail(Errc::kNotFound,
                  "of step #" + std::to_string(step.number) +
                      " the record does not say what it was made of",
                  "a build that was killed, and a step that makes no tree, have none");
    const auto found = TRY(store_.find_cache(build_.tier, step.spec.key));
    if (!found)
      return fail(Errc::kNotFound,
                  "the result of #" + std::to_string(step.number) + " " + printable(step.name) +
                      " is no longer in the store",
                  "build again");
    return *found;
  }
  Result<solver::ResultId> input(const history::Step& step, std::size_t input) {
    const auto found = build_.steps.find(step.spec.inputs.at(input));
    if (found == build_.steps.end())
      return fail(Errc::kNotFound,
                  "what #" + std::to_string(step.number) + " stands on is not in the record");
    return after(found->second);
  }
  Result<solver::ResultId> base(const history::Step& step, Where where) {
    if (where == Where::kFailed) {
      if (step.kept == 0)
        return fail(Errc::kNotFound, "step #" + std::to_string(step.number) + " left no snapshot",
                    "only a RUN whose command failed does; --before shows what it started from");
      if (!TRY(store_.find_snapshot(step.kept)))
        return fail(Errc::kNotFound, "what the failed step left is no longer in the store",
                    "it is the first to be pruned; build again");
      return step.kept;
    }
    if (where == Where::kAfter) return after(step);
    if (step.spec.key.empty()) return after(step);  // tells why not
    if (!step.spec.root) return solver::ResultId{0};
    return input(step, *step.spec.root);
  }

 private:
  const history::Build& build_;
  store::Store& store_;
};

Result<std::vector<ops::MountSource>> mount_sources(const history::Step& step,
                                                    const graph::ExecOp& exec, Trees& trees) {
  std::vector<ops::MountSource> sources(exec.mounts.size());
  for (std::size_t i = 0; i < exec.mounts.size(); ++i) {
    const graph::Mount& mount = exec.mounts[i];
    if (!mount.input || mount.output) continue;
    const auto context = step.spec.contexts.find(*mount.input);
    if (context == step.spec.contexts.end()) {
      sources[i].snapshot = TRY(trees.input(step, *mount.input));
      continue;
    }
    if (!os::exists(context->second))
      return fail(Errc::kNotFound,
                  "the context of mount " + printable(mount.dest) +
                      " is gone: " + printable(context->second),
                  "a context from standard input or a server is there as long as its build");
    sources[i].directory = context->second;
  }
  return sources;
}

// A RUN as it was, but for what it runs; of another step a plain shell.
graph::ExecOp plan_exec(const ShellRequest& request, const history::Step& step) {
  graph::ExecOp exec = step.spec.exec.value_or(graph::ExecOp{});
  if (!step.spec.exec)
    exec.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
  exec.args = request.command.empty() ? std::vector<std::string>{"/bin/sh"} : request.command;
  for (graph::Mount& mount : exec.mounts) mount.required = false;
  return exec;
}

void tell_missing(const Secrets& secrets, const graph::ExecOp& exec, const EventSink& events) {
  for (const graph::Mount& mount : exec.mounts)
    if (mount.kind == graph::MountKind::kSecret && secrets.values.count(mount.id) == 0)
      events(Warning{.text = "without the secret " + printable(mount.id) +
                             ": no record has it; give it with --secret",
                     .file = {},
                     .line = 0,
                     .rule = {}});
}

Result<Environment> at_tier_of(const history::Build& build, Environment environment) {
  if (build.tier == "ids") environment.tier = TierChoice::kIds;
  if (build.tier == "userns") environment.tier = TierChoice::kUserns;
  if (build.tier == "bare") environment.tier = TierChoice::kBare;
  if (build.tier.empty())
    return fail(Errc::kNotFound,
                "the record of build " + build.id + " does not say at which tier it ran",
                "a build that was killed has no steps to look into; build again");
  return environment;
}

}  // namespace

Result<os::WaitStatus> debug_shell(const ShellRequest& request, Environment environment,
                                   const EventSink& events) {
  const history::Build build = TRY(past_build(environment.root, request.build));
  const history::Step& step = *(request.where == Where::kFailed && request.step.empty()
                                    ? TRY(find_failed(build))
                                    : TRY(find_step(build, request.step)));
  Request asked;
  asked.secrets = request.secrets;
  asked.agents = request.agents;
  const Secrets secrets = TRY(read_secrets(asked));
  const auto session = TRY(Session::open(TRY(at_tier_of(build, environment)), events));
  store::Store& store = session->store();

  Trees trees(build, store);
  const solver::ResultId base = TRY(trees.base(step, request.where));
  const graph::ExecOp exec = plan_exec(request, step);
  tell_missing(secrets, exec, events);
  ops::StatCache no_stat_cache("");
  ops::Services services{.store = store,
                         .jobs = session->jobs(),
                         .registry = session->registry(),
                         .stat_cache = no_stat_cache,
                         .tier = session->tier(),
                         .cancelled = environment.cancelled,
                         .open_context = {},
                         .secrets = secrets.values,
                         .agents = secrets.agents,
                         .on_log = {},
                         .on_transfer = {}};
  const ops::Stack below = TRY(ops::stack_of(store, base));
  // What it changes goes into a snapshot that is never committed.
  const std::int64_t id = TRY(store.begin_snapshot(container::to_text(session->tier()),
                                                   base == 0 ? std::nullopt : std::optional(base)));
  auto outcome = [&]() -> Result<container::RunOutcome> {
    ops::StepMounts mounts =
        TRY(ops::StepMounts::make(services, exec, TRY(mount_sources(step, exec, trees)), nullptr));
    const std::string architecture =
        step.spec.platform.empty()
            ? std::string()
            : TRY(container::foreign_architecture(TRY(oci::parse_platform(step.spec.platform))));
    ops::ExecJob plan = TRY(ops::ExecJob::make(services, exec, below, id, mounts, architecture));
    plan.job.keeps = false;
    plan.job.terminal = request.terminal;
    auto ran = run_in_foreground(*session, plan.job,
                                 {request.terminal, request.interactive, environment.relay});
    if (ran) TRY(mounts.keep(*ran));
    return ran;
  }();
  ops::discard_snapshot(store, session->jobs(), id);
  if (!outcome) return fail(std::move(outcome).error());
  if (outcome->signal != 0) return os::WaitStatus(os::Signaled{outcome->signal});
  return os::WaitStatus(os::Exited{outcome->exit_code});
}

}  // namespace lichen::build
