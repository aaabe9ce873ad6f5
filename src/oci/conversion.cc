#include "oci/conversion.h"

#include <cctype>

#include "base/text.h"
#include "oci/json.h"

namespace lichen::oci {

namespace {

using json::Node;
using json::ObjectWriter;

constexpr const char* kTypes[][2] = {
    {kDockerManifestType, kManifestType},
    {kDockerIndexType, kIndexType},
    {kDockerConfigType, kConfigType},
    {kDockerLayerType, kLayerType},
    {kDockerLayerGzipType, kLayerGzipType},
    {"application/vnd.docker.image.rootfs.diff.tar.zstd", kLayerZstdType}};

// As encoding/json writes a string: HTML's characters and two line ends of Unicode are escaped.
std::string go_text(std::string_view text) {
  static constexpr char kHex[] = "0123456789abcdef";
  std::string quoted = "\"";
  for (std::size_t i = 0; i < text.size(); ++i) {
    const auto c = static_cast<unsigned char>(text[i]);
    if (c == '"' || c == '\\')
      (quoted += '\\') += text[i];
    else if (c == '\n')
      quoted += "\\n";
    else if (c == '\r')
      quoted += "\\r";
    else if (c == '\t')
      quoted += "\\t";
    else if (c < 0x20 || c == '<' || c == '>' || c == '&')
      ((quoted += "\\u00") += kHex[c >> 4]) += kHex[c & 15];
    else if (starts_with(text.substr(i), "\xe2\x80\xa8") ||
             starts_with(text.substr(i), "\xe2\x80\xa9")) {
      quoted += text[i + 2] == '\xa8' ? "\\u2028" : "\\u2029";
      i += 2;
    } else {
      quoted += text[i];
    }
  }
  return quoted + '"';
}

bool digits_at(std::string_view text, std::size_t at, std::size_t count) {
  if (at + count > text.size()) return false;
  for (const char c : text.substr(at, count))
    if (std::isdigit(static_cast<unsigned char>(c)) == 0) return false;
  return true;
}

// RFC 3339, as Go reads and writes it: no zeros at the end of a fraction, nine digits at most.
Result<std::string> go_time(const Node& node) {
  const std::string text = TRY(node.text());
  const auto is_at = [&](std::size_t at, char c) { return at < text.size() && text[at] == c; };
  if (!(digits_at(text, 0, 4) && is_at(4, '-') && digits_at(text, 5, 2) && is_at(7, '-') &&
        digits_at(text, 8, 2) && is_at(10, 'T') && digits_at(text, 11, 2) && is_at(13, ':') &&
        digits_at(text, 14, 2) && is_at(16, ':') && digits_at(text, 17, 2)))
    return fail(node.wrong("want a time, found \"" + printable(text) + "\""));
  std::size_t end = 19;
  std::string fraction;
  if (is_at(end, '.'))
    for (++end; digits_at(text, end, 1); ++end) fraction += text[end];
  if (fraction.size() > 9) fraction.resize(9);
  while (!fraction.empty() && fraction.back() == '0') fraction.pop_back();
  std::string zone = text.substr(end);
  const bool has_offset = zone.size() == 6 && (zone[0] == '+' || zone[0] == '-') &&
                          digits_at(zone, 1, 2) && zone[3] == ':' && digits_at(zone, 4, 2);
  if (zone != "Z" && !has_offset)
    return fail(node.wrong("want a time, found \"" + printable(text) + "\""));
  if (zone.substr(1) == "00:00") zone = "Z";
  return text.substr(0, 19) + (fraction.empty() ? "" : "." + fraction) + zone;
}

// Members of one JSON object, in the order in which they are asked for.
class Rewriter {
 public:
  explicit Rewriter(const Node& node) : node_(node) {}

  Result<void> time(const char* key) {
    const Node found = TRY(node_.member(key));
    if (!found.absent()) writer_.raw(key, go_text(TRY(go_time(found))));
    return {};
  }
  Result<void> text(const char* key, bool even_empty = false) {
    const std::string value = TRY(TRY(node_.member(key)).text());
    if (even_empty || !value.empty()) writer_.raw(key, go_text(value));
    return {};
  }
  Result<void> texts(const char* key, bool even_empty = false) {
    const Node found = TRY(node_.member(key));
    std::vector<std::string> values;
    for (const std::string& value : TRY(found.texts())) values.push_back(go_text(value));
    if (even_empty && found.absent())
      writer_.raw(key, "null");
    else if (even_empty || !values.empty())
      writer_.raw(key, json::array(values));
    return {};
  }
  Result<void> text_map(const char* key) {
    const auto values = TRY(TRY(node_.member(key)).text_map());
    if (values.empty()) return {};
    std::string object;
    for (const auto& [name, value] : values)
      object += (object.empty() ? "{" : ",") + go_text(name) + ":" + go_text(value);
    writer_.raw(key, object + "}");
    return {};
  }
  // Docker's sets: objects with empty values.
  Result<void> set(const char* key) {
    std::string object;
    for (const auto& [name, ignored] : TRY(TRY(node_.member(key)).members()))
      object += (object.empty() ? "{" : ",") + go_text(name) + ":{}";
    if (!object.empty()) writer_.raw(key, object + "}");
    return {};
  }
  Result<void> flag(const char* key) {
    if (TRY(TRY(node_.member(key)).boolean())) writer_.raw(key, "true");
    return {};
  }
  void raw(const char* key, const std::string& json_text) { writer_.raw(key, json_text); }
  std::string finish() const { return writer_.finish(); }

 private:
  const Node& node_;
  ObjectWriter writer_;
};

Result<std::string> inner_config(const Node& node) {
  Rewriter inner(node);
  TRY(inner.text("User"));
  TRY(inner.set("ExposedPorts"));
  for (const char* key : {"Env", "Entrypoint", "Cmd"}) TRY(inner.texts(key));
  TRY(inner.set("Volumes"));
  TRY(inner.text("WorkingDir"));
  TRY(inner.text_map("Labels"));
  TRY(inner.text("StopSignal"));
  TRY(inner.flag("ArgsEscaped"));
  return inner.finish();
}

Result<std::string> history_of(const std::vector<Node>& entries) {
  std::vector<std::string> texts;
  for (const Node& node : entries) {
    Rewriter entry(node);
    TRY(entry.time("created"));
    for (const char* key : {"created_by", "author", "comment"}) TRY(entry.text(key));
    TRY(entry.flag("empty_layer"));
    texts.push_back(entry.finish());
  }
  return json::array(texts);
}

std::string descriptor_text(const Descriptor& descriptor, const std::string& platform = {}) {
  ObjectWriter writer;
  writer.text("mediaType", descriptor.media_type)
      .text("digest", descriptor.digest.text())
      .raw("size", std::to_string(descriptor.size));
  if (!platform.empty()) writer.raw("platform", platform);
  return writer.finish();
}

Result<std::string> platform_text(const Node& node) {
  if (node.absent()) return std::string();
  Rewriter platform(node);
  TRY(platform.text("architecture", true));
  TRY(platform.text("os", true));
  TRY(platform.text("os.version"));
  TRY(platform.texts("os.features"));
  TRY(platform.text("variant"));
  return platform.finish();
}

}  // namespace

std::string oci_media_type(const std::string& media_type) {
  for (const auto& [docker, oci] : kTypes)
    if (media_type == docker) return oci;
  return media_type;
}

Result<std::string> to_oci_config(std::string_view docker_config) {
  const json::Value document = TRY(json::parse(docker_config, "image config"));
  const Node root("image config", document);
  if (!document.is_object()) return fail(root.wrong("want an object"));
  Rewriter config(root);
  TRY(config.time("created"));
  TRY(config.text("author"));
  TRY(config.text("architecture", true));
  TRY(config.text("variant"));
  TRY(config.text("os", true));
  TRY(config.text("os.version"));
  TRY(config.texts("os.features"));
  config.raw("config", TRY(inner_config(TRY(root.member("config")))));
  const Node rootfs = TRY(root.member("rootfs"));
  Rewriter layers(rootfs);
  TRY(layers.text("type", true));
  TRY(layers.texts("diff_ids", true));
  config.raw("rootfs", layers.finish());
  const auto history = TRY(TRY(root.member("history")).items());
  if (!history.empty()) config.raw("history", TRY(history_of(history)));
  return config.finish();
}

Result<std::string> to_oci_document(std::string_view docker_document,
                                    const std::map<Digest, Descriptor>& replaced) {
  const Document document = TRY(parse_document(docker_document));
  const auto converted = [&](const Descriptor& old) {
    const auto found = replaced.find(old.digest);
    Descriptor made = found == replaced.end() ? old : found->second;
    made.media_type = oci_media_type(made.media_type);
    return made;
  };
  ObjectWriter writer;
  writer.raw("schemaVersion", "2");
  if (const auto* manifest = std::get_if<Manifest>(&document)) {
    std::vector<std::string> layers;
    for (const Descriptor& layer : manifest->layers) {
      const Descriptor made = converted(layer);
      if (starts_with(made.media_type, "application/vnd.docker."))
        return fail(Errc::kUnsupported,
                    "there is no OCI type for a layer of type " + printable(made.media_type));
      layers.push_back(descriptor_text(made));
    }
    return writer.text("mediaType", kManifestType)
        .raw("config", descriptor_text(converted(manifest->config)))
        .raw("layers", json::array(layers))
        .finish();
  }
  const json::Value value = TRY(json::parse(docker_document, "manifest list"));
  const auto entries = TRY(TRY(Node("manifest list", value).member("manifests")).items());
  const auto& manifests = std::get<Index>(document).manifests;
  std::vector<std::string> texts;
  for (std::size_t i = 0; i < manifests.size(); ++i)
    texts.push_back(descriptor_text(converted(manifests[i]),
                                    TRY(platform_text(TRY(entries[i].member("platform"))))));
  return writer.text("mediaType", kIndexType).raw("manifests", json::array(texts)).finish();
}

}  // namespace lichen::oci
