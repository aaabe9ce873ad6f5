#include <algorithm>

#include "base/text.h"
#include "ops/local.h"
#include "ops/recipes.h"
#include "ops/runner.h"

namespace lichen::ops {

using graph::VertexId;
using solver::ResultId;

Result<ResultId> Runner::run_file(VertexId vertex, const graph::FileOp& file,
                                  const std::vector<ResultId>& inputs) {
  const ResultId base = file.scratch || inputs.empty() ? 0 : inputs[0];
  return make_snapshot(
      vertex, base, [&](std::int64_t id, const Stack& below) -> Result<std::string> {
        const store::Store& store = services_.store;
        FileJob job{.tier = services_.tier,
                    .overlay = {.lower = base == 0 ? std::vector<std::string>() : below.lower,
                                .upper = store.fs_path(id),
                                .work = store.work_path(id),
                                .target = {}},
                    .sidecars = below.sidecars,
                    .actions = file.actions,
                    .independent = file.independent,
                    .created = file.created,
                    .mounts = store.mount_path()};
        // Copy::input counts the vertex' inputs; the worker gets only those that are copied from.
        std::map<std::size_t, std::size_t> places;
        for (graph::FileAction& action : job.actions) {
          auto* copy = std::get_if<graph::Copy>(&action);
          if (copy == nullptr) continue;
          const auto [place, is_new] = places.try_emplace(copy->input.value(), job.inputs.size());
          if (is_new) {
            TreeInput input;
            if (const graph::SourceOp* source = find_context(vertex, copy->input)) {
              input.directory = TRY(context_directory(*source));
              input.ignore = TRY(ignore_patterns(*source));
              input.git_modes = has_git_modes(*source);
            } else {
              const Stack stack = TRY(stack_of(services_.store, inputs.at(*copy->input)));
              input.lower = stack.lower;
              input.sidecars = stack.sidecars;
            }
            job.inputs.push_back(std::move(input));
          }
          copy->input = place->second;
        }
        TRY(find_copied(vertex, base, id, job));
        FileReply reply = TRY(services_.jobs.call<FileReply>(job));
        for (const std::string& name : reply.unknown_owners)
          services_.on_log(vertex, true,
                           "warning: the image has no " + name + ": " +
                               (starts_with(name, "user ") ? "root" : "the user's own") +
                               " is taken\n");
        return std::move(reply.sidecar);
      });
}

// What is copied from the context is noted, and linked instead where an earlier snapshot has it.
// Not where a step could see both, and take two files for one: at tier bare, where trees are made
// of the layers' files; and without a base, when the layer itself may be mounted (COPY --link has
// none).
Result<void> Runner::find_copied(VertexId vertex, ResultId base, std::int64_t id, FileJob& job) {
  if (base == 0 || services_.tier == container::Tier::kBare) return {};
  store::Store& store = services_.store;
  const bool any = std::any_of(job.inputs.begin(), job.inputs.end(),
                               [](const TreeInput& input) { return !input.directory.empty(); });
  if (!any) return {};
  job.copied = store.copied_path(id);
  const auto earlier = TRY(recipes_->earlier(vertex, base));
  if (!earlier) return {};
  TRY(store.join_family(id, *earlier));
  job.earlier = store.fs_path(*earlier);
  job.earlier_copied = store.copied_path(*earlier);
  return {};
}

}  // namespace lichen::ops
