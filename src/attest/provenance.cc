#include "attest/provenance.h"

#include <algorithm>
#include <set>

#include "attest/llb_json.h"
#include "attest/package_url.h"
#include "base/base64.h"
#include "base/text.h"
#include "oci/json.h"

namespace lichen::attest {

using graph::VertexId;
using oci::json::Value;

namespace {

constexpr char kBuildTypeV1[] =
    "https://github.com/moby/buildkit/blob/master/docs/attestations/slsa-definitions.md";
constexpr char kBuildTypeV02[] = "https://mobyproject.org/buildkit@v1";
constexpr std::string_view kImageScheme = "docker-image://";
constexpr std::string_view kLayoutScheme = "oci-layout://";

struct Dependency {
  std::string uri, algorithm, hex;
  friend auto operator<=>(const Dependency&, const Dependency&) = default;
};

// An image's package URL and digest; nullopt: it has no digest.
std::optional<Dependency> image_dependency(const graph::Vertex& vertex,
                                           const graph::SourceOp& source) {
  const bool is_layout = starts_with(source.identifier, kLayoutScheme);
  const std::string text =
      source.identifier.substr(is_layout ? kLayoutScheme.size() : kImageScheme.size());
  const auto reference = oci::parse_reference(text);
  if (!reference || reference->digest.empty()) return std::nullopt;
  oci::Reference named = *reference;
  // A layout has no name of its own; the Dockerfile gave it one.
  if (is_layout)
    if (auto written = oci::parse_reference(source.written)) {
      named = std::move(*written);
      named.digest = {};
    }
  return Dependency{.uri = package_url(is_layout ? "oci" : "docker", named,
                                       vertex.platform.value_or(oci::host_platform())),
                    .algorithm = "sha256",
                    .hex = reference->digest.hex()};
}

// What the provenance needs of the graph, gathered in one walk.
struct Inputs {
  std::set<Dependency> images, fetched;
  std::map<std::string, bool> secrets, agents;  // id -> may be absent
  std::set<std::string> locals;
  bool hermetic = true;  // all that came in is known: no network for steps, no directories
};

void note_mount(Inputs& inputs, const graph::Mount& mount) {
  if (mount.kind != graph::MountKind::kSecret && mount.kind != graph::MountKind::kSsh) return;
  auto& all = mount.kind == graph::MountKind::kSecret ? inputs.secrets : inputs.agents;
  const auto [known, is_new] = all.emplace(mount.id, !mount.required);
  if (!is_new) known->second = known->second && !mount.required;
}

Inputs inputs_of(const BuildFacts& facts, const Steps& steps) {
  Inputs inputs;
  for (const VertexId at : steps.vertices()) {
    const graph::Vertex& vertex = facts.graph.vertices[at];
    if (const auto* exec = std::get_if<graph::ExecOp>(&vertex.op)) {
      if (exec->network != graph::NetworkMode::kNone) inputs.hermetic = false;
      for (const graph::Mount& mount : exec->mounts) note_mount(inputs, mount);
    }
    const auto* source = std::get_if<graph::SourceOp>(&vertex.op);
    if (source == nullptr) continue;
    constexpr std::string_view kLocal = "local://";
    if (starts_with(source->identifier, kLocal)) {
      inputs.locals.insert(source->identifier.substr(kLocal.size()));
    } else if (const auto origin = facts.fetched.find(at); origin != facts.fetched.end()) {
      inputs.fetched.insert(
          {masked(origin->second.uri), origin->second.algorithm, origin->second.hex});
    } else if (auto image = image_dependency(vertex, *source)) {
      inputs.images.insert(std::move(*image));
    }
  }
  if (facts.context) {
    inputs.locals.erase("context");
    inputs.fetched.insert(
        {masked(facts.context->uri), facts.context->algorithm, facts.context->hex});
  } else {
    inputs.locals.insert({"context", "dockerfile"});
  }
  if (!inputs.locals.empty()) inputs.hermetic = false;
  return inputs;
}

Value digest_of(const std::string& algorithm, const std::string& hex) {
  return hex.empty() ? Value::object() : Value{{algorithm, hex}};
}

Value dependencies(const Inputs& inputs) {
  Value all = Value::array();
  for (const auto* group : {&inputs.images, &inputs.fetched})
    for (const Dependency& one : *group)
      all.push_back({{"uri", one.uri}, {"digest", digest_of(one.algorithm, one.hex)}});
  return all;
}

Value config_source(const BuildFacts& facts, const char* path_key) {
  Value source = Value::object();
  if (facts.context)
    source = {{"uri", masked(facts.context->uri)},
              {"digest", digest_of(facts.context->algorithm, facts.context->hex)}};
  source[path_key] = facts.dockerfile_name;
  return source;
}

Value named(const std::map<std::string, bool>& all) {
  Value list = Value::array();
  for (const auto& [id, optional] : all) {
    Value one = {{"id", id}};
    if (optional) one["optional"] = true;
    list.push_back(std::move(one));
  }
  return list;
}

Value request(const BuildFacts& facts, const Inputs& inputs, Detail detail) {
  Value request = {{"frontend", "dockerfile.v0"}, {"args", Value::object()}};
  for (const auto& [key, value] : facts.arguments)
    if (detail == Detail::kMax || !(starts_with(key, "build-arg:") || starts_with(key, "label:")))
      request["args"][key] = masked(value);
  if (detail == Detail::kMax && !inputs.secrets.empty()) request["secrets"] = named(inputs.secrets);
  if (detail == Detail::kMax && !inputs.agents.empty()) request["ssh"] = named(inputs.agents);
  for (const std::string& local : inputs.locals) request["locals"].push_back({{"name", local}});
  return request;
}

Value layers_of(const BuildFacts& facts, const Steps& steps) {
  Value all = Value::object();
  for (const auto& [vertex, layers] : facts.layers) {
    if (std::find(steps.vertices().begin(), steps.vertices().end(), vertex) ==
        steps.vertices().end())
      continue;
    Value chain = Value::array();
    for (const oci::Descriptor& layer : layers)
      chain.push_back(
          {{"mediaType", layer.media_type}, {"digest", layer.digest.text()}, {"size", layer.size}});
    all[steps.id(vertex) + ":0"] = Value::array({chain});
  }
  return all;
}

// How the Dockerfile itself was had, as LLB.
Value dockerfile_source(const BuildFacts& facts) {
  const std::string from = facts.context ? masked(facts.context->uri) : "local://dockerfile";
  return Value::array({{{"id", "step0"}, {"op", {{"Op", {{"source", {{"identifier", from}}}}}}}},
                       {{"id", "step1"}, {"inputs", {"step0:0"}}}});
}

Value buildkit_metadata(const BuildFacts& facts, const Steps& steps, Detail detail) {
  Value metadata = Value::object();
  for (const auto& [key, value] : facts.vcs) metadata["vcs"][key] = masked(value);
  if (detail == Detail::kMin) return metadata;
  metadata["source"] = {{"infos", Value::array({{{"filename", facts.dockerfile_name},
                                                 {"language", "Dockerfile"},
                                                 {"data", base64_encode(facts.dockerfile)},
                                                 {"llbDefinition", dockerfile_source(facts)}}})},
                        {"locations", steps.locations()}};
  Value layers = layers_of(facts, steps);
  if (!layers.empty()) metadata["layers"] = std::move(layers);
  return metadata;
}

Value build_config(const Steps& steps) {
  return {{"llbDefinition", steps.definition()}, {"digestMapping", steps.digest_mapping()}};
}

Value provenance_v1(const BuildFacts& facts, const Steps& steps, const Inputs& inputs,
                    const ProvenanceOptions& options) {
  Value internal = {{"builderPlatform", oci::to_text(facts.builder)}};
  if (options.detail == Detail::kMax) internal["buildConfig"] = build_config(steps);
  return {{"buildDefinition",
           {{"buildType", kBuildTypeV1},
            {"externalParameters",
             {{"configSource", config_source(facts, "path")},
              {"request", request(facts, inputs, options.detail)}}},
            {"internalParameters", internal},
            {"resolvedDependencies", dependencies(inputs)}}},
          {"runDetails",
           {{"builder", {{"id", options.builder_id}}},
            {"metadata",
             {{"invocationId", facts.invocation},
              {"startedOn", facts.started},
              {"finishedOn", facts.finished},
              {"buildkit_hermetic", inputs.hermetic},
              {"buildkit_reproducible", options.reproducible},
              {"buildkit_completeness",
               {{"request", options.detail == Detail::kMax},
                {"resolvedDependencies", inputs.locals.empty()}}},
              {"buildkit_metadata", buildkit_metadata(facts, steps, options.detail)}}}}}};
}

Value provenance_v02(const BuildFacts& facts, const Steps& steps, const Inputs& inputs,
                     const ProvenanceOptions& options) {
  Value predicate = {{"builder", {{"id", options.builder_id}}},
                     {"buildType", kBuildTypeV02},
                     {"materials", dependencies(inputs)},
                     {"invocation",
                      {{"configSource", config_source(facts, "entryPoint")},
                       {"parameters", request(facts, inputs, options.detail)},
                       {"environment", {{"platform", oci::to_text(facts.builder)}}}}},
                     {"metadata",
                      {{"buildInvocationID", facts.invocation},
                       {"buildStartedOn", facts.started},
                       {"buildFinishedOn", facts.finished},
                       {"reproducible", options.reproducible},
                       {"completeness",
                        {{"parameters", options.detail == Detail::kMax},
                         {"environment", true},
                         {"materials", inputs.locals.empty()}}},
                       {"https://mobyproject.org/buildkit@v1#hermetic", inputs.hermetic},
                       {"https://mobyproject.org/buildkit@v1#metadata",
                        buildkit_metadata(facts, steps, options.detail)}}}};
  if (options.detail == Detail::kMax) predicate["buildConfig"] = build_config(steps);
  return predicate;
}

}  // namespace

const char* predicate_type(SlsaVersion version) {
  return version == SlsaVersion::kV1 ? "https://slsa.dev/provenance/v1"
                                     : "https://slsa.dev/provenance/v0.2";
}

std::string provenance(const BuildFacts& facts, const ProvenanceOptions& options) {
  const Steps steps(facts.graph, facts.result);
  const Inputs inputs = inputs_of(facts, steps);
  const auto write = options.version == SlsaVersion::kV1 ? provenance_v1 : provenance_v02;
  return oci::json::dump(write(facts, steps, inputs, options));
}

}  // namespace lichen::attest
