#include "instruction_json.h"

#include "dockerfile/mount.h"

namespace lichen::conformance {

namespace {

using Texts = std::vector<std::string>;
using namespace dockerfile;  // NOLINT(google-build-using-namespace): the instructions' names

template <class T>
Json optional(const std::optional<T>& value) {
  return value ? Json(*value) : Json();
}

struct ToJson {
  static Json of(const std::vector<Pair>& pairs) {
    Json json = Json::array();
    for (const Pair& pair : pairs)
      json.push_back({{"key", pair.key}, {"value", pair.value}, {"no_delim", pair.no_delim}});
    return json;
  }
  static Json of(const char* cmd, const CommandLine& command) {
    return {{"cmd", cmd}, {"cmdline", command.words}, {"shell_form", command.shell_form}};
  }
  Json operator()(const From& from) const {
    return {{"cmd", "FROM"},
            {"base", from.base},
            {"name", from.name},
            {"platform", from.platform},
            {"doc", from.doc}};
  }
  Json operator()(const Arg& arg) const {
    Json args = Json::array();
    for (const ArgItem& item : arg.items)
      args.push_back({{"key", item.key}, {"value", optional(item.value)}, {"doc", item.doc}});
    return {{"cmd", "ARG"}, {"args", args}};
  }
  Json operator()(const Env& env) const { return {{"cmd", "ENV"}, {"pairs", of(env.pairs)}}; }
  Json operator()(const Label& label) const {
    return {{"cmd", "LABEL"}, {"pairs", of(label.pairs)}};
  }
  Json operator()(const CopyFiles& copy) const {
    Json json = {{"cmd", copy.add ? "ADD" : "COPY"},
                 {"sources", copy.sources},
                 {"dest", copy.dest},
                 {"chown", copy.chown},
                 {"chmod", copy.chmod},
                 {"exclude", copy.exclude},
                 {"link", copy.link}};
    for (const InlineFile& file : copy.inline_files)
      json["inline"].push_back({{"path", file.path}, {"data", file.data}, {"expand", file.expand}});
    if (copy.add) {
      json["checksum"] = copy.checksum;
      json["keep_git_dir"] = optional(copy.keep_git_dir);
      json["unpack"] = optional(copy.unpack);
    } else {
      json["from"] = copy.from;
      json["parents"] = copy.parents;
    }
    return json;
  }
  Json operator()(const Run& run) const {
    Json json = of("RUN", run.command);
    json["network"] = run.network.empty() ? "default" : run.network;
    json["security"] = run.security.empty() ? "sandbox" : run.security;
    json["flags_used"] = run.flags_used;
    for (const Heredoc& file : run.files)
      json["files"].push_back({{"name", file.name}, {"data", file.content}, {"chomp", file.chomp}});
    for (const RunDevice& device : run.devices)
      json["devices"].push_back({{"name", device.name}, {"required", device.required}});
    add_mounts(run, json);
    return json;
  }
  Json operator()(const Cmd& cmd) const { return of("CMD", cmd.command); }
  Json operator()(const Entrypoint& entrypoint) const {
    return of("ENTRYPOINT", entrypoint.command);
  }
  Json operator()(const Shell& shell) const { return {{"cmd", "SHELL"}, {"shell", shell.words}}; }
  Json operator()(const Workdir& workdir) const {
    return {{"cmd", "WORKDIR"}, {"path", workdir.path}};
  }
  Json operator()(const User& user) const { return {{"cmd", "USER"}, {"user", user.user}}; }
  Json operator()(const Volume& volume) const {
    return {{"cmd", "VOLUME"}, {"volumes", volume.paths}};
  }
  Json operator()(const Expose& expose) const {
    return {{"cmd", "EXPOSE"}, {"ports", expose.ports}};
  }
  Json operator()(const StopSignal& stop) const {
    return {{"cmd", "STOPSIGNAL"}, {"signal", stop.signal}};
  }
  Json operator()(const HealthCheck& health) const {
    const oci::Healthcheck& check = health.check;
    return {{"cmd", "HEALTHCHECK"},
            {"test", check.test},
            {"interval_ns", check.interval_ns},
            {"timeout_ns", check.timeout_ns},
            {"start_period_ns", check.start_period_ns},
            {"start_interval_ns", check.start_interval_ns},
            {"retries", check.retries}};
  }
  Json operator()(const OnBuild& onbuild) const {
    return {{"cmd", "ONBUILD"}, {"expression", onbuild.trigger}};
  }
  Json operator()(const Maintainer& maintainer) const {
    return {{"cmd", "MAINTAINER"}, {"value", maintainer.value}};
  }
};

}  // namespace

void add_mounts(const Run& run, Json& json) {
  for (const std::string& written : run.mounts) {
    const auto mount = parse_mount(
        written, [](std::string_view word) -> Result<std::string> { return std::string(word); });
    if (!mount) {
      json.erase("mounts");
      json["mount_error"] = mount.error().message;
      return;
    }
    json["mounts"].push_back({{"type", to_text(mount->kind)},
                              {"from", mount->from},
                              {"source", mount->source},
                              {"target", mount->target},
                              {"id", mount->id},
                              {"sharing", mount->sharing},
                              {"readonly", mount->readonly},
                              {"required", mount->required},
                              {"size", mount->size},
                              {"mode", optional(mount->mode)},
                              {"uid", optional(mount->uid)},
                              {"gid", optional(mount->gid)},
                              {"env", optional(mount->env)}});
  }
}

void drop_empty(Json& json) {
  for (auto item = json.begin(); item != json.end();) {
    if (item->is_null() || (item->is_array() && item->empty())) {
      item = json.erase(item);
      continue;
    }
    if (item->is_array())
      for (Json& one : *item)
        if (one.is_object()) drop_empty(one);
    ++item;
  }
}

Json json_of(const Instruction& instruction) {
  Json json = std::visit(ToJson(), instruction.body);
  drop_empty(json);
  return json;
}

}  // namespace lichen::conformance
