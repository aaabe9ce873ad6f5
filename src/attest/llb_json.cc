#include "attest/llb_json.h"

#include <set>

#include "base/base64.h"
#include "base/text.h"
#include "base/url.h"

namespace lichen::attest {

using graph::VertexId;
using oci::json::Value;

namespace {

// Protocol buffers leave out what is zero.
void set(Value& object, const char* key, const std::string& text) {
  if (!text.empty()) object[key] = text;
}
void set(Value& object, const char* key, const std::vector<std::string>& texts) {
  if (!texts.empty()) object[key] = texts;
}
void set(Value& object, const char* key, std::int64_t number) {
  if (number != 0) object[key] = number;
}
void set(Value& object, const char* key, bool flag) {
  if (flag) object[key] = true;
}

std::int64_t index_of(const std::optional<std::size_t>& index) {
  return index ? static_cast<std::int64_t>(*index) : -1;
}

Value platform_of(const oci::Platform& platform) {
  Value value = Value::object();
  set(value, "Architecture", platform.architecture);
  set(value, "OS", platform.os);
  set(value, "Variant", platform.variant);
  set(value, "OSVersion", platform.os_version);
  return value;
}

Value value_of(const graph::SourceOp& op) {
  Value source = {{"identifier", masked(op.identifier)}};
  for (const auto& [name, text] : op.attributes)
    // A directory of this machine says nothing to others.
    if (name != "oci.dir") source["attrs"][name] = masked(text);
  return {{"source", source}};
}

Value value_of(const graph::Mount& mount) {
  constexpr int kTypes[] = {0, 1, 2, 3, 4};  // pb.MountType: as MountKind
  Value value = {{"input", index_of(mount.input)}, {"output", index_of(mount.output)}};
  set(value, "selector", mount.selector);
  set(value, "dest", mount.dest);
  set(value, "readonly", mount.readonly);
  set(value, "mountType", std::int64_t{kTypes[static_cast<std::size_t>(mount.kind)]});
  switch (mount.kind) {
    case graph::MountKind::kCache:
      value["cacheOpt"] = {{"ID", mount.id}};
      set(value["cacheOpt"], "sharing", static_cast<std::int64_t>(mount.sharing));
      break;
    case graph::MountKind::kSecret:
      value["secretOpt"] = {{"ID", mount.id}, {"mode", mount.mode.value_or(0400)}};
      set(value["secretOpt"], "optional", !mount.required);
      break;
    case graph::MountKind::kSsh:
      value["SSHOpt"] = {{"ID", mount.id}, {"mode", mount.mode.value_or(0600)}};
      set(value["SSHOpt"], "optional", !mount.required);
      break;
    case graph::MountKind::kTmpfs:
      if (mount.size > 0) value["TmpfsOpt"] = {{"size", mount.size}};
      break;
    case graph::MountKind::kBind:
      break;
  }
  return value;
}

Value value_of(const graph::ExecOp& op) {
  std::vector<std::string> env;
  for (const std::string& variable : op.env) env.push_back(masked(variable));
  std::vector<std::string> args;
  for (const std::string& argument : op.args) args.push_back(masked(argument));
  Value meta = {{"args", args}, {"cwd", op.cwd}};
  set(meta, "env", env);
  set(meta, "user", op.user);
  set(meta, "hostname", op.hostname);
  for (const std::string& host : op.extra_hosts) {
    const std::size_t equals = host.find('=');
    meta["extraHosts"].push_back(
        {{"Host", host.substr(0, equals)},
         {"IP", equals == std::string::npos ? "" : host.substr(equals + 1)}});
  }
  for (const graph::Ulimit& limit : op.ulimits)
    meta["ulimit"].push_back({{"Name", limit.name}, {"Soft", limit.soft}, {"Hard", limit.hard}});
  Value exec = {{"meta", meta}, {"mounts", Value::array()}};
  for (const graph::Mount& mount : op.mounts) {
    // A secret that is a variable alone is no mount in LLB.
    if (mount.kind == graph::MountKind::kSecret && !mount.env.empty()) {
      Value variable = {{"ID", mount.id}, {"name", mount.env}};
      set(variable, "optional", !mount.required);
      exec["secretenv"].push_back(variable);
    }
    if (!mount.dest.empty()) exec["mounts"].push_back(value_of(mount));
  }
  if (op.network == graph::NetworkMode::kHost) exec["network"] = 1;
  if (op.network == graph::NetworkMode::kNone) exec["network"] = 2;
  set(exec, "security", std::int64_t{op.insecure ? 1 : 0});
  return {{"exec", exec}};
}

Value owner_of(const std::string& owner) {
  const std::size_t colon = owner.find(':');
  const auto name = [](const std::string& text) {
    return Value{{"User", {{"byName", {{"name", text}}}}}};
  };
  Value value = {{"user", name(owner.substr(0, colon))}};
  if (colon != std::string::npos) value["group"] = name(owner.substr(colon + 1));
  return value;
}

Value value_of(const graph::Copy& copy) {
  Value value = {{"src", copy.src}, {"dest", copy.dest}};
  if (!copy.owner.empty()) value["owner"] = owner_of(copy.owner);
  set(value, "modeStr", copy.mode);
  set(value, "followSymlink", copy.follow_symlink);
  set(value, "dirCopyContents", copy.dir_copy_contents);
  set(value, "attemptUnpackDockerCompatibility", copy.unpack);
  set(value, "createDestPath", copy.create_dest_path);
  set(value, "allowWildcard", copy.allow_wildcard);
  set(value, "allowEmptyWildcard", copy.allow_empty_wildcard);
  set(value, "exclude_patterns", copy.exclude_patterns);
  return {{"copy", value}};
}
Value value_of(const graph::MakeFile& file) {
  Value value = {{"path", file.path}, {"mode", file.mode}, {"data", base64_encode(file.data)}};
  if (!file.owner.empty()) value["owner"] = owner_of(file.owner);
  return {{"mkfile", value}};
}
Value value_of(const graph::MakeDirectory& directory) {
  Value value = {{"path", directory.path}, {"mode", directory.mode}};
  set(value, "makeParents", directory.make_parents);
  if (!directory.owner.empty()) value["owner"] = owner_of(directory.owner);
  return {{"mkdir", value}};
}

// In LLB each action names what it changes: an input, or the action before by its number above
// them.
Value value_of(const graph::FileOp& op, std::size_t inputs) {
  Value actions = Value::array();
  std::int64_t changed = op.scratch ? -1 : 0;
  for (std::size_t i = 0; i < op.actions.size(); ++i) {
    const auto* copy = std::get_if<graph::Copy>(&op.actions[i]);
    actions.push_back(
        {{"input", changed},
         {"secondaryInput", copy != nullptr ? index_of(copy->input) : -1},
         {"output", i + 1 == op.actions.size() ? 0 : -1},
         {"Action", std::visit([](const auto& a) { return value_of(a); }, op.actions[i])}});
    changed = static_cast<std::int64_t>(inputs + i);
  }
  return {{"file", {{"actions", actions}}}};
}

Value value_of(const graph::Vertex& vertex) {
  if (const auto* source = std::get_if<graph::SourceOp>(&vertex.op)) return value_of(*source);
  if (const auto* exec = std::get_if<graph::ExecOp>(&vertex.op)) return value_of(*exec);
  if (const auto* file = std::get_if<graph::FileOp>(&vertex.op))
    return value_of(*file, vertex.inputs.size());
  Value inputs = Value::array();
  for (std::size_t i = 0; i < vertex.inputs.size(); ++i) inputs.push_back({{"input", i}});
  return {{"merge", {{"inputs", inputs}}}};
}

}  // namespace

std::string masked(std::string_view text) {
  std::string out;
  for (std::size_t at = text.find("://"); at != std::string_view::npos; at = text.find("://")) {
    out += text.substr(0, at + 3);
    text.remove_prefix(at + 3);
    const std::size_t end = text.find_first_of("/?# \t\n\"'");
    const std::string_view authority = text.substr(0, end);
    const std::size_t sign = authority.rfind('@');
    if (sign == std::string_view::npos) continue;
    const bool has_password = authority.substr(0, sign).find(':') != std::string_view::npos;
    // ssh's "git@" is no secret.
    out += has_password               ? "xxxxx:xxxxx"
           : ends_with(out, "ssh://") ? authority.substr(0, sign)
                                      : "xxxxx";
    text.remove_prefix(sign);
  }
  return out += text;
}

Steps::Steps(const graph::Graph& graph, std::optional<graph::Input> result)
    : graph_(graph), result_(result) {
  std::set<VertexId> needed;
  if (result) needed.insert(result->vertex);
  // Inputs come before their users: from the last to the first, all are found.
  for (auto at = needed.rbegin(); at != needed.rend(); ++at)
    for (const graph::Input& input : graph.vertices[*at].inputs) needed.insert(input.vertex);
  vertices_.assign(needed.begin(), needed.end());
  for (std::size_t i = 0; i < vertices_.size(); ++i) numbers_[vertices_[i]] = i;
}

std::string Steps::id(VertexId vertex) const {
  return "step" + std::to_string(numbers_.at(vertex));
}

Value Steps::definition() const {
  const auto of_input = [&](const graph::Input& input) {
    return id(input.vertex) + ":" + std::to_string(input.output);
  };
  Value steps = Value::array();
  for (const VertexId at : vertices_) {
    const graph::Vertex& vertex = graph_.vertices[at];
    Value step = {{"id", id(at)}, {"op", {{"Op", value_of(vertex)}}}};
    if (vertex.platform) step["op"]["platform"] = platform_of(*vertex.platform);
    for (const graph::Input& input : vertex.inputs) step["inputs"].push_back(of_input(input));
    steps.push_back(std::move(step));
  }
  if (result_)
    steps.push_back({{"id", "step" + std::to_string(vertices_.size())},
                     {"inputs", Value::array({of_input(*result_)})}});
  return steps;
}

Value Steps::digest_mapping() const {
  Value mapping = Value::object();
  for (const VertexId at : vertices_) mapping[graph_.digests[at].text()] = id(at);
  return mapping;
}

Value Steps::locations() const {
  Value all = Value::object();
  for (const VertexId at : vertices_) {
    const graph::Metadata& metadata = graph_.metadata[at];
    Value& here = all[id(at)] = Value::object();
    if (metadata.first_line <= 0) continue;
    here["locations"].push_back(
        {{"ranges", Value::array({{{"start", {{"line", metadata.first_line}}},
                                   {"end", {{"line", metadata.last_line}}}}})}});
  }
  return all;
}

}  // namespace lichen::attest
