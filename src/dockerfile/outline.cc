#include "dockerfile/outline.h"

#include <algorithm>

#include "base/base64.h"
#include "base/path.h"
#include "dockerfile/call_json.h"
#include "dockerfile/lowering.h"

namespace lichen::dockerfile {

namespace {

template <class Row>
void sort_by_line(std::vector<Row>& rows) {
  std::stable_sort(rows.begin(), rows.end(),
                   [](const Row& a, const Row& b) { return a.lines.first < b.lines.first; });
}

// `names` and, however far, the ARGs that their defaults are made of.
std::set<std::string> with_dependencies(const StageOutline& stage) {
  std::set<std::string> all;
  std::vector<std::string> open(stage.used.begin(), stage.used.end());
  while (!open.empty()) {
    const std::string name = std::move(open.back());
    open.pop_back();
    if (!all.insert(name).second) continue;
    if (const auto known = stage.args.find(name); known != stage.args.end())
      open.insert(open.end(), known->second.depends.begin(), known->second.depends.end());
  }
  return all;
}

void add_mounts(std::vector<OutlineMount>& to, const std::map<std::string, OutlineMount>& from) {
  for (const auto& entry : from) {
    const bool known = std::any_of(
        to.begin(), to.end(), [&](const OutlineMount& one) { return one.name == entry.first; });
    if (!known) to.push_back(entry.second);
  }
}

void mount_rows(std::string& text, const char* title, const std::vector<OutlineMount>& mounts) {
  if (mounts.empty()) return;
  std::vector<std::vector<std::string>> rows = {{title, "REQUIRED"}};
  for (const OutlineMount& mount : mounts)
    rows.push_back({mount.name, mount.required ? "true" : ""});
  text += table(rows, 3) + "\n";
}

void mount_json(CallJson& json, const char* key, const std::vector<OutlineMount>& mounts) {
  for (const OutlineMount& mount : mounts) {
    CallJson one = {{"name", mount.name}};
    if (mount.required) one["required"] = true;
    one["location"] = location_json(mount.lines);
    json[key].push_back(std::move(one));
  }
}

}  // namespace

void StageOutline::define(OutlineArg arg, std::set<std::string> depends) {
  const std::string name = arg.name;
  if (depends.erase(name) > 0)
    if (const auto earlier = args.find(name); earlier != args.end())
      depends.insert(earlier->second.depends.begin(), earlier->second.depends.end());
  args[name] = {std::move(arg), std::move(depends)};
}

Outline merge_outlines(const std::vector<const StageOutline*>& stages) {
  Outline outline;
  std::set<std::string> seen;
  for (const StageOutline* stage : stages) {
    for (const std::string& name : with_dependencies(*stage)) {
      const auto known = stage->args.find(name);
      if (known != stage->args.end() && seen.insert(name).second)
        outline.args.push_back(known->second.arg);
    }
    add_mounts(outline.secrets, stage->secrets);
    add_mounts(outline.ssh, stage->ssh);
  }
  sort_by_line(outline.args);
  sort_by_line(outline.secrets);
  sort_by_line(outline.ssh);
  return outline;
}

Result<void> Lowering::note_mounts(const Stage& stage, const StageState& state, const Run& run) {
  const Variables variables = variables_of(state.env);
  const auto expand_word = [&](std::string_view word) -> Result<std::string> {
    return TRY(expander_.word(word, variables)).text;
  };
  for (const std::string& text : run.mounts) {
    const RunMount mount = TRY(parse_mount(text, expand_word));
    StageOutline& outline = outlines_[stage.index];
    if (mount.kind == graph::MountKind::kSecret) {
      std::string id = mount.source.empty() ? mount.id : mount.source;
      if (id.empty()) id = name_of(mount.target);
      outline.secrets.try_emplace(id, OutlineMount{id, mount.required, site_.lines});
    } else if (mount.kind == graph::MountKind::kSsh) {
      const std::string id = mount.id.empty() ? "default" : mount.id;
      outline.ssh.try_emplace(id, OutlineMount{id, mount.required, site_.lines});
    }
  }
  return {};
}

Result<Outline> outline_of(Frontend request, Images& images) {
  request.outline = true;
  Lowering lowering(request, images);
  (void)TRY(lowering.run());
  return lowering.outline();
}

std::string to_text(const Outline& outline) {
  std::string text;
  if (!outline.target.empty() || !outline.description.empty()) {
    std::vector<std::vector<std::string>> rows = {
        {"TARGET:", outline.target.empty() ? "(default)" : outline.target}};
    if (!outline.description.empty()) rows.push_back({"DESCRIPTION:", outline.description});
    text += table(rows, 1) + "\n";
  }
  if (!outline.args.empty()) {
    std::vector<std::vector<std::string>> rows = {{"BUILD ARG", "VALUE", "DESCRIPTION"}};
    for (const OutlineArg& arg : outline.args)
      rows.push_back({arg.name, arg.value, arg.description});
    text += table(rows, 3) + "\n";
  }
  mount_rows(text, "SECRET", outline.secrets);
  mount_rows(text, "SSH", outline.ssh);
  return text;
}

std::string to_json(const Outline& outline, const Frontend& request) {
  CallJson json = CallJson::object();
  if (!outline.target.empty()) json["name"] = outline.target;
  if (!outline.description.empty()) json["description"] = outline.description;
  for (const OutlineArg& arg : outline.args) {
    CallJson one = {{"name", arg.name}};
    if (!arg.description.empty()) one["description"] = arg.description;
    if (!arg.value.empty()) one["value"] = arg.value;
    one["location"] = location_json(arg.lines);
    json["args"].push_back(std::move(one));
  }
  mount_json(json, "secrets", outline.secrets);
  mount_json(json, "ssh", outline.ssh);
  json["sources"] = CallJson::array({base64_encode(request.dockerfile)});
  return dump(json);
}

}  // namespace lichen::dockerfile
