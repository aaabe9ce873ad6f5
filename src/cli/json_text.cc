#include "cli/json_text.h"

#include "oci/json.h"

namespace lichen::cli {

namespace {

using Json = nlohmann::ordered_json;

std::string text_of(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json descriptor_json(const oci::Descriptor& descriptor) {
  Json json = {{"mediaType", descriptor.media_type},
               {"digest", descriptor.digest.text()},
               {"size", descriptor.size}};
  if (!descriptor.annotations.empty()) json["annotations"] = descriptor.annotations;
  if (descriptor.platform) {
    json["platform"] = {{"architecture", descriptor.platform->architecture},
                        {"os", descriptor.platform->os}};
    if (!descriptor.platform->variant.empty())
      json["platform"]["variant"] = descriptor.platform->variant;
  }
  return json;
}

Json platforms_json(const ImageInfo& info) {
  Json json = Json::array();
  for (const oci::Descriptor& manifest : info.manifests)
    if (manifest.platform) json.push_back(oci::to_text(*manifest.platform));
  if (info.manifests.empty()) json.push_back(oci::to_text(info.config.platform));
  return json;
}

}  // namespace

std::string metadata_json(const build::Outcome& outcome) {
  Json json = Json::object();
  if (!outcome.config_digest.empty())
    json["containerimage.config.digest"] = outcome.config_digest.text();
  if (!outcome.manifest_digest.empty()) {
    json["containerimage.descriptor"] = descriptor_json(outcome.descriptor);
    json["containerimage.digest"] = outcome.manifest_digest.text();
  }
  if (!outcome.names.empty()) {
    std::string names;
    for (const std::string& name : outcome.names) names += (names.empty() ? "" : ",") + name;
    json["image.name"] = names;
  }
  if (!outcome.build_id.empty()) json["buildx.build.ref"] = outcome.build_id;
  return text_of(json);
}

std::string images_json(const std::vector<ImageInfo>& images) {
  Json json = Json::array();
  for (const ImageInfo& info : images) {
    const ShownName name = shown_name(info.image.name);
    json.push_back({{"repository", name.repository},
                    {"tag", name.tag},
                    {"name", info.image.name},
                    {"id", info.image.id().text()},
                    {"digest", info.image.manifest.text()},
                    {"platforms", platforms_json(info)},
                    {"created", info.config.created},
                    {"size", info.bytes}});
  }
  return text_of(json);
}

Result<std::string> inspect_json(const std::vector<Inspected>& images) {
  Json json = Json::array();
  for (const auto& [info, names] : images) {
    const oci::json::Value config = TRY(oci::json::parse(info.config_json, "config"));
    Json diff_ids = Json::array(), layers = Json::array();
    for (const Digest& id : info.config.diff_ids) diff_ids.push_back(id.text());
    for (const oci::Descriptor& layer : info.manifest.layers)
      layers.push_back(descriptor_json(layer));
    Json one = {{"Id", info.image.id().text()},
                {"RepoTags", names},
                {"Digest", info.image.manifest.text()},
                {"MediaType", info.image.media_type},
                {"Created", info.config.created},
                {"Author", info.config.author},
                {"Architecture", info.config.platform.architecture},
                {"Os", info.config.platform.os}};
    if (!info.config.platform.variant.empty()) one["Variant"] = info.config.platform.variant;
    one["Size"] = info.bytes;
    one["Config"] = config.contains("config") ? Json(config["config"]) : Json::object();
    one["RootFS"] = {{"Type", "layers"}, {"Layers", diff_ids}};
    one["Layers"] = layers;
    for (const oci::Descriptor& manifest : info.manifests)
      one["Manifests"].push_back(descriptor_json(manifest));
    if (!info.manifest.annotations.empty()) one["Annotations"] = info.manifest.annotations;
    json.push_back(std::move(one));
  }
  return text_of(json);
}

std::string history_json(const std::vector<HistoryLine>& lines) {
  Json json = Json::array();
  for (const HistoryLine& line : lines)
    json.push_back({{"created", line.entry.created},
                    {"created_by", line.entry.created_by},
                    {"comment", line.entry.comment},
                    {"empty_layer", line.entry.empty_layer},
                    {"size", line.bytes}});
  return text_of(json);
}

}  // namespace lichen::cli
