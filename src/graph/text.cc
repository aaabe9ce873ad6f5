#include "base/text.h"

#include <cstdio>

#include "graph/graph.h"

namespace lichen::graph {

namespace {

std::string quoted(std::string_view text) {
  std::string out = "\"";
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if (c == '"' || c == '\\') {
      out += {'\\', c};
    } else if (c == '\n') {
      out += "\\n";
    } else if (c == '\t') {
      out += "\\t";
    } else if (byte < 0x20 || byte == 0x7f) {
      char escaped[8];
      std::snprintf(escaped, sizeof escaped, "\\x%02x", byte);
      out += escaped;
    } else {
      out += c;
    }
  }
  return out + '"';
}

std::string quoted(const std::vector<std::string>& texts) {
  std::string out = "[";
  for (std::size_t i = 0; i < texts.size(); ++i) out += (i > 0 ? ", " : "") + quoted(texts[i]);
  return out + "]";
}

std::string octal(unsigned mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode);
  return text;
}

std::string of_input(const std::optional<std::size_t>& input) {
  return input ? "in" + std::to_string(*input) : "scratch";
}

std::string field(std::string_view name, std::string_view value) {
  return value.empty() ? "" : " " + std::string(name) + "=" + quoted(value);
}
std::string field(std::string_view name, const std::vector<std::string>& values) {
  return values.empty() ? "" : " " + std::string(name) + "=" + quoted(values);
}
std::string flag(std::string_view name, bool value) {
  return value ? " " + std::string(name) : "";
}

std::string text_of(const Copy& copy) {
  return "copy " + of_input(copy.input) + " " + quoted(copy.src) + " -> " + quoted(copy.dest) +
         field("owner", copy.owner) + field("mode", copy.mode) +
         flag("follow", copy.follow_symlink) + flag("dir", !copy.dir_copy_contents) +
         flag("unpack", copy.unpack) + flag("no-create", !copy.create_dest_path) +
         flag("literal", !copy.allow_wildcard) + flag("may-be-empty", copy.allow_empty_wildcard) +
         flag("parents", copy.parents) + field("exclude", copy.exclude_patterns);
}
std::string text_of(const MakeFile& file) {
  return "mkfile " + quoted(file.path) + " mode=" + octal(file.mode) +
         " data=" + quoted(file.data) + field("owner", file.owner);
}
std::string text_of(const MakeDirectory& directory) {
  return "mkdir " + quoted(directory.path) + " mode=" + octal(directory.mode) +
         flag("parents", directory.make_parents) + field("owner", directory.owner);
}

std::string text_of(const SourceOp& op) {
  std::string text = "source " + quoted(op.identifier);
  for (const auto& [name, value] : op.attributes) text += " " + name + "=" + quoted(value);
  return text;
}

std::string number(std::string_view name, const std::optional<std::uint32_t>& value) {
  return value ? " " + std::string(name) + "=" + std::to_string(*value) : "";
}

std::string text_of(const Mount& mount) {
  constexpr std::string_view kKinds[] = {"bind", "secret", "ssh", "cache", "tmpfs"};
  constexpr std::string_view kSharings[] = {"", "private", "locked"};
  return std::string(kKinds[static_cast<std::size_t>(mount.kind)]) + " " + of_input(mount.input) +
         field("from", mount.selector) + " at " + quoted(mount.dest) + flag("ro", mount.readonly) +
         field("id", mount.id) + field("env", mount.env) +
         field("sharing", kSharings[static_cast<std::size_t>(mount.sharing)]) +
         (mount.mode ? " mode=" + octal(*mount.mode) : "") + number("uid", mount.uid) +
         number("gid", mount.gid) + flag("required", mount.required) +
         (mount.size > 0 ? " size=" + std::to_string(mount.size) : "") +
         (mount.output ? " out" + std::to_string(*mount.output) : "");
}

std::vector<std::string> texts_of(const std::vector<Ulimit>& limits) {
  std::vector<std::string> texts;
  for (const Ulimit& limit : limits) texts.push_back(to_text(limit));
  return texts;
}

std::string text_of(const ExecOp& op) {
  constexpr std::string_view kNetworks[] = {"", "host", "none", "sandbox"};
  std::string text = "exec " + quoted(op.args) + " cwd=" + quoted(op.cwd) + field("user", op.user) +
                     field("env", op.env) +
                     field("network", kNetworks[static_cast<std::size_t>(op.network)]) +
                     field("hosts", op.extra_hosts) + field("hostname", op.hostname) +
                     field("ulimits", texts_of(op.ulimits)) + flag("insecure", op.insecure) +
                     field("proxy", op.proxy_env);
  for (const Mount& mount : op.mounts) text += " mount(" + text_of(mount) + ")";
  return text;
}

std::string text_of(const FileOp& op) {
  std::string text = op.scratch ? "file scratch" : "file";
  text += flag("independent", op.independent);
  if (op.created) text += " created=" + std::to_string(*op.created);
  for (const FileAction& action : op.actions)
    text += "\n      " + std::visit([](const auto& one) { return text_of(one); }, action);
  return text;
}

std::string text_of(const MergeOp&) {
  return "merge";
}

std::string name_of(VertexId id) {
  return "v" + std::to_string(id);
}

std::string text_of(const Input& input) {
  return name_of(input.vertex) + (input.output == 0 ? "" : ":" + std::to_string(input.output));
}

}  // namespace

std::string to_text(const Ulimit& limit) {
  return limit.name + "=" + std::to_string(limit.soft) + ":" + std::to_string(limit.hard);
}

std::string to_text(const Graph& graph) {
  std::string text;
  for (VertexId id = 0; id < graph.vertices.size(); ++id) {
    const Vertex& vertex = graph.vertices[id];
    const Metadata& metadata = graph.metadata[id];
    text += name_of(id) + " (";
    for (std::size_t i = 0; i < vertex.inputs.size(); ++i)
      text += (i > 0 ? ", " : "") + text_of(vertex.inputs[i]);
    text += ") " + std::visit([](const auto& op) { return text_of(op); }, vertex.op);
    if (vertex.platform) text += " platform=" + oci::to_text(*vertex.platform);
    text += "\n    # " + printable(metadata.name);
    if (metadata.first_line > 0)
      text += " @" + metadata.file + ":" + std::to_string(metadata.first_line) +
              (metadata.last_line > metadata.first_line ? "-" + std::to_string(metadata.last_line)
                                                        : "");
    text += std::string(metadata.ignore_cache ? " no-cache" : "") + "\n";
  }
  for (const auto& result : graph.results)
    text += "result " + (result ? text_of(*result) : "scratch") + "\n";
  return text;
}

}  // namespace lichen::graph
