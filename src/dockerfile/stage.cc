#include "dockerfile/stage.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "dockerfile/mount.h"

namespace lichen::dockerfile {

std::optional<std::size_t> Stages::find(const std::string& name, std::size_t before) const {
  if (name.empty()) return std::nullopt;
  const std::string lower = to_lower(name);
  for (std::size_t i = std::min(before, stages.size()); i-- > 0;)
    if (stages[i].from.name == lower) return i;
  return std::nullopt;
}

std::optional<std::size_t> Stages::find_source(const std::string& from) const {
  std::size_t index = 0;
  const auto [end, error] = std::from_chars(from.data(), from.data() + from.size(), index);
  if (error == std::errc() && end == from.data() + from.size()) return index;
  return find(from, stages.size());
}

void Stages::add_deps(Stage& stage, const std::vector<Instruction>& commands) const {
  const auto add = [&](std::optional<std::size_t> source) {
    if (!source || *source >= stages.size()) return;
    if (std::find(stage.deps.begin(), stage.deps.end(), *source) == stage.deps.end())
      stage.deps.push_back(*source);
  };
  for (const Instruction& command : commands) {
    if (const auto* copy = std::get_if<CopyFiles>(&command.body); copy && !copy->from.empty())
      add(find_source(copy->from));
    if (const auto* run = std::get_if<Run>(&command.body))
      for (const std::string& mount : run->mounts) add(find(from_of_mount(mount), stages.size()));
  }
}

Result<Stages> group_stages(std::vector<Instruction> instructions, Lines& where) {
  Stages result;
  for (Instruction& instruction : instructions) {
    where = instruction.lines;
    if (auto* from = std::get_if<From>(&instruction.body)) {
      result.stages.push_back({.from = std::move(*from),
                               .lines = instruction.lines,
                               .keyword = std::move(instruction.keyword),
                               .comments = std::move(instruction.comments),
                               .index = result.stages.size()});
    } else if (!result.stages.empty()) {
      result.stages.back().commands.push_back(std::move(instruction));
    } else if (auto* arg = std::get_if<Arg>(&instruction.body)) {
      result.global_args.emplace_back(std::move(*arg), instruction.lines);
    } else {
      return fail(Errc::kInvalid, "no build stage in current context",
                  "start with FROM; only ARG, comments and directives may come before it");
    }
  }
  if (result.stages.empty()) return fail(Errc::kInvalid, "dockerfile contains no stages to build");
  return result;
}

std::optional<std::size_t> find_cycle(const std::vector<Stage>& stages) {
  enum class Mark : char { kNew, kOpen, kDone };
  std::vector<Mark> marks(stages.size(), Mark::kNew);
  for (std::size_t root = 0; root < stages.size(); ++root) {
    if (marks[root] != Mark::kNew) continue;
    std::vector<std::pair<std::size_t, std::size_t>> path = {{root, 0}};  // stage, next dependency
    marks[root] = Mark::kOpen;
    while (!path.empty()) {
      auto& [stage, next] = path.back();
      if (next == stages[stage].deps.size()) {
        marks[stage] = Mark::kDone;
        path.pop_back();
        continue;
      }
      const std::size_t dep = stages[stage].deps[next++];
      if (marks[dep] == Mark::kOpen) return root;
      if (marks[dep] == Mark::kDone) continue;
      marks[dep] = Mark::kOpen;
      path.emplace_back(dep, 0);
    }
  }
  return std::nullopt;
}

std::set<std::size_t> reachable(const std::vector<Stage>& stages, std::size_t target) {
  std::set<std::size_t> found;
  std::vector<std::size_t> open = {target};
  while (!open.empty()) {
    const std::size_t stage = open.back();
    open.pop_back();
    if (!found.insert(stage).second) continue;
    open.insert(open.end(), stages[stage].deps.begin(), stages[stage].deps.end());
  }
  return found;
}

}  // namespace lichen::dockerfile
