// The image config: image-spec config.md with Docker's additions.
//
// Order of members: BuildKit writes the outer object from a Go map, hence sorted by name, and the
// inner "config" from a Go struct, hence in the order of its fields (image-spec's, then Docker's
// Healthcheck, OnBuild, Shell). Empty members are left out.
#include <algorithm>
#include <climits>

#include "oci/json.h"
#include "oci/types.h"

namespace lichen::oci {

namespace {

using json::Node;

constexpr const char* kOuterMembers[] = {"architecture", "author",     "config",
                                         "created",      "history",    "os",
                                         "rootfs",       "os.version", "variant"};
constexpr const char* kInnerMembers[] = {
    "User",   "ExposedPorts", "Env",         "Entrypoint",  "Cmd",     "Volumes", "WorkingDir",
    "Labels", "StopSignal",   "ArgsEscaped", "Healthcheck", "OnBuild", "Shell"};

// The members of `object` that are not in `known`, as JSON text; "" when there are none.
template <std::size_t N>
std::string unknown_members(const json::Value& object, const char* const (&known)[N]) {
  json::Value rest = object;
  for (const char* key : known) rest.erase(key);
  return rest.empty() ? "" : json::dump(rest);
}

// Docker's sets are objects with empty values. Sorted, because the parser's map is.
Result<std::vector<std::string>> read_set(const Node& node) {
  std::vector<std::string> keys;
  for (const auto& [key, ignored] : TRY(node.members())) keys.push_back(key);
  return keys;
}

Result<std::optional<std::vector<std::string>>> read_command(const Node& node) {
  if (node.absent()) return std::nullopt;
  return TRY(node.texts());
}

Result<Healthcheck> read_healthcheck(const Node& node) {
  const auto nanoseconds = [&](const char* key) -> Result<std::int64_t> {
    return TRY(node.member(key)).integer(INT64_MIN, INT64_MAX);
  };
  return Healthcheck{
      .test = TRY(TRY(node.member("Test")).texts()),
      .interval_ns = TRY(nanoseconds("Interval")),
      .timeout_ns = TRY(nanoseconds("Timeout")),
      .start_period_ns = TRY(nanoseconds("StartPeriod")),
      .start_interval_ns = TRY(nanoseconds("StartInterval")),
      .retries = static_cast<int>(TRY(TRY(node.member("Retries")).integer(INT_MIN, INT_MAX)))};
}

Result<History> read_history(const Node& node) {
  return History{.created = TRY(TRY(node.member("created")).text()),
                 .created_by = TRY(TRY(node.member("created_by")).text()),
                 .author = TRY(TRY(node.member("author")).text()),
                 .comment = TRY(TRY(node.member("comment")).text()),
                 .empty_layer = TRY(TRY(node.member("empty_layer")).boolean())};
}

Result<void> read_inner(const Node& node, ImageConfig& config) {
  config.user = TRY(TRY(node.member("User")).text());
  config.exposed_ports = TRY(read_set(TRY(node.member("ExposedPorts"))));
  config.env = TRY(TRY(node.member("Env")).texts());
  config.entrypoint = TRY(read_command(TRY(node.member("Entrypoint"))));
  config.cmd = TRY(read_command(TRY(node.member("Cmd"))));
  config.volumes = TRY(read_set(TRY(node.member("Volumes"))));
  config.working_dir = TRY(TRY(node.member("WorkingDir")).text());
  config.labels = TRY(TRY(node.member("Labels")).text_map());
  config.stop_signal = TRY(TRY(node.member("StopSignal")).text());
  config.args_escaped = TRY(TRY(node.member("ArgsEscaped")).boolean());
  const Node healthcheck = TRY(node.member("Healthcheck"));
  if (!healthcheck.absent()) config.healthcheck = TRY(read_healthcheck(healthcheck));
  config.on_build = TRY(TRY(node.member("OnBuild")).texts());
  config.shell = TRY(TRY(node.member("Shell")).texts());
  if (!node.absent()) config.config_extra = unknown_members(*node.value(), kInnerMembers);
  return {};
}

// Appends the kept members; text that is no object (a caller's mistake) adds nothing.
void write_extra(json::ObjectWriter& writer, const std::string& extra) {
  if (extra.empty()) return;
  const auto members = json::parse(extra, "extra");
  if (!members || !members->is_object()) return;
  for (auto at = members->begin(); at != members->end(); ++at)
    writer.raw(at.key(), json::dump(*at));
}

std::string write(const Healthcheck& check) {
  json::ObjectWriter writer;
  const auto number = [&](const char* key, std::int64_t value) {
    if (value != 0) writer.raw(key, std::to_string(value));
  };
  writer.texts_unless_empty("Test", check.test);
  number("Interval", check.interval_ns);
  number("Timeout", check.timeout_ns);
  number("StartPeriod", check.start_period_ns);
  number("StartInterval", check.start_interval_ns);
  number("Retries", check.retries);
  return writer.finish();
}

std::string write(const History& entry) {
  json::ObjectWriter writer;
  writer.text_unless_empty("created", entry.created)
      .text_unless_empty("created_by", entry.created_by)
      .text_unless_empty("author", entry.author)
      .text_unless_empty("comment", entry.comment);
  if (entry.empty_layer) writer.raw("empty_layer", "true");
  return writer.finish();
}

void write_set(json::ObjectWriter& writer, const char* key, std::vector<std::string> keys) {
  if (keys.empty()) return;
  std::sort(keys.begin(), keys.end());
  keys.erase(std::unique(keys.begin(), keys.end()), keys.end());
  json::ObjectWriter set;
  for (const std::string& item : keys) set.raw(item, "{}");
  writer.raw(key, set.finish());
}

std::string write_inner(const ImageConfig& config) {
  json::ObjectWriter writer;
  writer.text_unless_empty("User", config.user);
  write_set(writer, "ExposedPorts", config.exposed_ports);
  writer.texts_unless_empty("Env", config.env);
  if (config.entrypoint) writer.texts_unless_empty("Entrypoint", *config.entrypoint);
  if (config.cmd) writer.texts_unless_empty("Cmd", *config.cmd);
  write_set(writer, "Volumes", config.volumes);
  writer.text_unless_empty("WorkingDir", config.working_dir)
      .map_unless_empty("Labels", config.labels)
      .text_unless_empty("StopSignal", config.stop_signal);
  if (config.args_escaped) writer.raw("ArgsEscaped", "true");
  if (config.healthcheck) writer.raw("Healthcheck", write(*config.healthcheck));
  writer.texts_unless_empty("OnBuild", config.on_build).texts_unless_empty("Shell", config.shell);
  write_extra(writer, config.config_extra);
  return writer.finish();
}

std::string write_rootfs(const std::vector<Digest>& diff_ids) {
  std::vector<std::string> texts;
  for (const Digest& diff_id : diff_ids) texts.push_back(json::quote(diff_id.text()));
  return json::ObjectWriter().text("type", "layers").raw("diff_ids", json::array(texts)).finish();
}

std::string write_history(const std::vector<History>& history) {
  std::vector<std::string> texts;
  for (const History& entry : history) texts.push_back(write(entry));
  return json::array(texts);
}

}  // namespace

Result<ImageConfig> parse_image_config(std::string_view bytes) {
  const json::Value document = TRY(json::parse(bytes, "image config"));
  const Node root("image config", document);
  if (!document.is_object()) return fail(root.wrong("want an object"));

  ImageConfig config;
  config.created = TRY(TRY(root.member("created")).text());
  config.author = TRY(TRY(root.member("author")).text());
  config.platform.os = TRY(TRY(root.member("os")).text());
  config.platform.architecture = TRY(TRY(root.member("architecture")).text());
  config.platform.variant = TRY(TRY(root.member("variant")).text());
  config.platform.os_version = TRY(TRY(root.member("os.version")).text());
  TRY(read_inner(TRY(root.member("config")), config));

  const Node rootfs = TRY(root.member("rootfs"));
  const std::string type = TRY(TRY(rootfs.member("type")).text());
  if (!type.empty() && type != "layers")
    return fail(TRY(rootfs.member("type")).wrong("want \"layers\""));
  for (const Node& item : TRY(TRY(rootfs.member("diff_ids")).items()))
    config.diff_ids.push_back(TRY(item.digest()));
  for (const Node& item : TRY(TRY(root.member("history")).items()))
    config.history.push_back(TRY(read_history(item)));
  config.extra = unknown_members(document, kOuterMembers);
  return config;
}

std::string to_json(const ImageConfig& config) {
  json::ObjectWriter writer;
  writer.text("architecture", config.platform.architecture)
      .text_unless_empty("author", config.author)
      .raw("config", write_inner(config))
      .text_unless_empty("created", config.created);
  if (!config.history.empty()) writer.raw("history", write_history(config.history));
  writer.text("os", config.platform.os)
      .text_unless_empty("os.version", config.platform.os_version)
      .raw("rootfs", write_rootfs(config.diff_ids))
      .text_unless_empty("variant", config.platform.variant);
  write_extra(writer, config.extra);
  return writer.finish();
}

std::string env_key(std::string_view entry) {
  return std::string(entry.substr(0, entry.find('=')));
}

std::optional<std::string> find_env(const std::vector<std::string>& env, std::string_view key) {
  for (const std::string& entry : env) {
    const std::size_t equals = entry.find('=');
    if (std::string_view(entry).substr(0, equals) == key)
      return equals == std::string::npos ? "" : entry.substr(equals + 1);
  }
  return std::nullopt;
}

void set_env(std::vector<std::string>& env, std::string_view key, std::string_view value) {
  std::string text = std::string(key) + "=" + std::string(value);
  for (std::string& entry : env) {
    if (env_key(entry) != key) continue;
    entry = std::move(text);
    return;
  }
  env.push_back(std::move(text));
}

}  // namespace lichen::oci
