#include "history/step_spec.h"

#include "oci/json.h"

namespace lichen::history {

namespace {

using oci::json::Node;
using oci::json::ObjectWriter;

constexpr std::int64_t kMost = std::int64_t{1} << 62;
constexpr std::int64_t kMostId = 0xffffffff;

std::string number(std::uint64_t value) {
  return std::to_string(value);
}

template <class T>
void add(ObjectWriter& json, const char* name, const std::optional<T>& value) {
  if (value) json.raw(name, number(*value));
}

std::string mount_json(const graph::Mount& mount) {
  ObjectWriter json;
  add(json, "input", mount.input);
  add(json, "output", mount.output);
  json.text_unless_empty("selector", mount.selector);
  json.text("dest", mount.dest);
  if (mount.readonly) json.raw("readonly", "true");
  json.raw("kind", number(static_cast<unsigned>(mount.kind)));
  json.text_unless_empty("id", mount.id);
  json.raw("sharing", number(static_cast<unsigned>(mount.sharing)));
  add(json, "mode", mount.mode);
  add(json, "uid", mount.uid);
  add(json, "gid", mount.gid);
  if (mount.required) json.raw("required", "true");
  json.text_unless_empty("env", mount.env);
  if (mount.size != 0) json.raw("size", number(mount.size));
  return json.finish();
}

std::string exec_json(const graph::ExecOp& exec) {
  ObjectWriter json;
  json.texts_unless_empty("args", exec.args);
  json.texts_unless_empty("env", exec.env);
  json.text_unless_empty("cwd", exec.cwd);
  json.text_unless_empty("user", exec.user);
  json.raw("network", number(static_cast<unsigned>(exec.network)));
  json.texts_unless_empty("hosts", exec.extra_hosts);
  json.text_unless_empty("hostname", exec.hostname);
  std::vector<std::string> limits, mounts;
  for (const graph::Ulimit& limit : exec.ulimits)
    limits.push_back(ObjectWriter()
                         .text("name", limit.name)
                         .raw("soft", std::to_string(limit.soft))
                         .raw("hard", std::to_string(limit.hard))
                         .finish());
  for (const graph::Mount& mount : exec.mounts) mounts.push_back(mount_json(mount));
  json.raw("limits", oci::json::array(limits));
  if (exec.insecure) json.raw("insecure", "true");
  json.raw("mounts", oci::json::array(mounts));
  return json.finish();
}

template <class T>
Result<std::optional<T>> optional_number(const Node& node, const char* name, std::int64_t most) {
  const Node member = TRY(node.member(name));
  if (member.absent()) return std::optional<T>();
  return std::optional<T>(static_cast<T>(TRY(member.integer(0, most))));
}

Result<graph::Mount> parse_mount(const Node& node) {
  graph::Mount mount;
  mount.input = TRY(optional_number<std::size_t>(node, "input", 100'000));
  mount.output = TRY(optional_number<std::size_t>(node, "output", 100'000));
  mount.selector = TRY(TRY(node.member("selector")).text());
  mount.dest = TRY(TRY(node.member("dest")).text());
  mount.readonly = TRY(TRY(node.member("readonly")).boolean());
  mount.kind = static_cast<graph::MountKind>(TRY(TRY(node.member("kind")).integer(0, 4)));
  mount.id = TRY(TRY(node.member("id")).text());
  mount.sharing = static_cast<graph::Sharing>(TRY(TRY(node.member("sharing")).integer(0, 2)));
  mount.mode = TRY(optional_number<std::uint32_t>(node, "mode", 07777));
  mount.uid = TRY(optional_number<std::uint32_t>(node, "uid", kMostId));
  mount.gid = TRY(optional_number<std::uint32_t>(node, "gid", kMostId));
  mount.required = TRY(TRY(node.member("required")).boolean());
  mount.env = TRY(TRY(node.member("env")).text());
  mount.size = static_cast<std::uint64_t>(TRY(TRY(node.member("size")).integer(0, kMost)));
  return mount;
}

Result<graph::ExecOp> parse_exec(const Node& node, std::size_t inputs) {
  graph::ExecOp exec;
  exec.args = TRY(TRY(node.member("args")).texts());
  exec.env = TRY(TRY(node.member("env")).texts());
  exec.cwd = TRY(TRY(node.member("cwd")).text());
  exec.user = TRY(TRY(node.member("user")).text());
  exec.network = static_cast<graph::NetworkMode>(TRY(TRY(node.member("network")).integer(0, 3)));
  exec.extra_hosts = TRY(TRY(node.member("hosts")).texts());
  exec.hostname = TRY(TRY(node.member("hostname")).text());
  for (const Node& limit : TRY(TRY(node.member("limits")).items()))
    exec.ulimits.push_back({.name = TRY(TRY(limit.member("name")).text()),
                            .soft = TRY(TRY(limit.member("soft")).integer(-1, kMost)),
                            .hard = TRY(TRY(limit.member("hard")).integer(-1, kMost))});
  exec.insecure = TRY(TRY(node.member("insecure")).boolean());
  for (const Node& item : TRY(TRY(node.member("mounts")).items())) {
    graph::Mount mount = TRY(parse_mount(item));
    if (mount.input && *mount.input >= inputs)
      return fail(item.wrong("want an input that is there"));
    exec.mounts.push_back(std::move(mount));
  }
  return exec;
}

}  // namespace

std::string to_json(const StepSpec& spec) {
  ObjectWriter json;
  json.text("key", spec.key.text());
  json.text("place", spec.place);
  json.text_unless_empty("platform", spec.platform);
  std::vector<std::string> inputs;
  for (const int input : spec.inputs) inputs.push_back(std::to_string(input));
  json.raw("inputs", oci::json::array(inputs));
  std::map<std::string, std::string> contexts;
  for (const auto& [input, place] : spec.contexts) contexts[std::to_string(input)] = place;
  json.map_unless_empty("contexts", contexts);
  add(json, "root", spec.root);
  if (spec.exec) json.raw("exec", exec_json(*spec.exec));
  return json.finish();
}

Result<StepSpec> parse_spec(std::string_view text) {
  const oci::json::Value document = TRY(oci::json::parse(text, "step"));
  const Node node("step", document);
  StepSpec spec;
  spec.key = TRY(TRY(node.member("key")).digest());
  spec.place = TRY(TRY(node.member("place")).text());
  spec.platform = TRY(TRY(node.member("platform")).text());
  for (const Node& input : TRY(TRY(node.member("inputs")).items()))
    spec.inputs.push_back(static_cast<int>(TRY(input.integer(0, 1'000'000))));
  for (const auto& [name, place] : TRY(TRY(node.member("contexts")).text_map())) {
    std::size_t input = 0;
    for (const char digit : name) {
      if (digit < '0' || digit > '9' || input > 100'000)
        return fail(node.wrong("want the number of an input"));
      input = input * 10 + static_cast<std::size_t>(digit - '0');
    }
    spec.contexts[input] = place;
  }
  spec.root = TRY(optional_number<std::size_t>(node, "root", 100'000));
  if (spec.root && *spec.root >= spec.inputs.size())
    return fail(node.wrong("want a root that is an input"));
  if (const Node exec = TRY(node.member("exec")); !exec.absent())
    spec.exec = TRY(parse_exec(exec, spec.inputs.size()));
  return spec;
}

}  // namespace lichen::history
