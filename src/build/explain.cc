#include "build/explain.h"

#include <map>

#include "build/recorder.h"
#include "history/records.h"
#include "solver/recipe.h"
#include "store/root.h"
#include "store/store.h"

namespace lichen::build {

namespace {

constexpr std::size_t kMostReasons = 20;

Result<std::string> directory_of(const std::string& root) {
  return history_directory(TRY(store::choose_root(root)));
}

Result<std::vector<std::string>> differences(store::Store& store, const history::Build& before,
                                             const history::Build& build, const Digest& old_key,
                                             const Digest& new_key) {
  const auto old_record = TRY(store.find_recipe(before.tier, old_key));
  const auto new_record = TRY(store.find_recipe(build.tier, new_key));
  if (!old_record || !new_record)
    return std::vector<std::string>{
        "its key is another; of what the two were made is no longer known"};
  return solver::explain_all(TRY(solver::parse_recipe(old_record->parts)),
                             TRY(solver::parse_recipe(new_record->parts)), kMostReasons);
}

}  // namespace

Result<std::string> build_id(const std::string& root, const std::string& build) {
  return history::find(TRY(directory_of(root)), build);
}

Result<history::Build> past_build(const std::string& root, const std::string& build) {
  const std::string directory = TRY(directory_of(root));
  return history::read(directory, TRY(history::find(directory, build)));
}

Result<std::vector<std::string>> past_ids(const std::string& root) {
  return history::ids(TRY(directory_of(root)));
}

Result<std::vector<history::Build>> past_builds(const std::string& root) {
  return history::list(TRY(directory_of(root)));
}

Result<std::string> remove_build(const std::string& root, const std::string& build) {
  const std::string directory = TRY(directory_of(root));
  const std::string id = TRY(history::find(directory, build));
  if (!TRY(history::remove(directory, id)))
    return fail(Errc::kUnavailable, "build " + id + " is going on", "try again when it has ended");
  return id;
}

Result<Explanation> explain(const std::string& root, const std::string& build) {
  Explanation explanation{.before = {}, .build = TRY(past_build(root, build)), .steps = {}};
  for (const auto& [number, step] : explanation.build.steps)
    if (!step.why.empty())
      explanation.steps.push_back(
          {.step = number, .name = step.name, .has_run = true, .reasons = {step.why}});
  return explanation;
}

Result<Explanation> explain(const std::string& root, const std::string& before,
                            const std::string& build) {
  Explanation explanation{
      .before = TRY(past_build(root, before)), .build = TRY(past_build(root, build)), .steps = {}};
  const auto store = TRY(store::Store::open(TRY(store::choose_root(root))));
  std::map<std::string, const history::Step*> old_steps;
  for (const auto& [number, step] : explanation.before.steps)
    if (!step.spec.place.empty()) old_steps.emplace(step.spec.place, &step);
  for (const auto& [number, step] : explanation.build.steps) {
    if (step.spec.place.empty()) continue;
    StepReasons reasons{.step = number,
                        .name = step.name,
                        .has_run = step.state != history::State::kCached,
                        .reasons = {}};
    const auto old_step = old_steps.find(step.spec.place);
    if (old_step == old_steps.end())
      reasons.reasons.emplace_back("it is in the second build alone");
    else if (old_step->second->spec.key != step.spec.key)
      reasons.reasons = TRY(differences(*store, explanation.before, explanation.build,
                                        old_step->second->spec.key, step.spec.key));
    if (old_step != old_steps.end() && old_step->second->spec.key != step.spec.key &&
        reasons.reasons.empty())
      reasons.reasons.emplace_back("what it stands on has another key, and the same content");
    if (!reasons.reasons.empty()) explanation.steps.push_back(std::move(reasons));
  }
  return explanation;
}

}  // namespace lichen::build
