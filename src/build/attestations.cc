#include "build/attestations.h"

#include <sys/random.h>

#include <ctime>

#include "attest/package_url.h"
#include "base/text.h"
#include "base/url.h"
#include "build/vcs.h"
#include "oci/reference.h"

namespace lichen::build {

namespace {

using graph::VertexId;

// 25 letters and digits, as BuildKit's ids.
std::string random_id() {
  constexpr std::string_view kDigits = "0123456789abcdefghijklmnopqrstuvwxyz";
  unsigned char bytes[25] = {};
  (void)!::getrandom(bytes, sizeof bytes, 0);
  std::string id;
  for (const unsigned char byte : bytes) id += kDigits[byte % kDigits.size()];
  return id;
}

// Arguments that say where something comes from, or what it shall be, are not the front end's.
bool is_for_builder(const std::string& name) {
  return starts_with(name, "BUILDKIT_ATTEST_");
}

std::map<std::string, std::string> arguments_of(const Request& request) {
  std::map<std::string, std::string> arguments;
  for (const auto& [name, value] : request.build_args)
    if (!is_for_builder(name)) arguments["build-arg:" + name] = value;
  for (const auto& [name, value] : request.labels) arguments["label:" + name] = value;
  for (const auto& [name, source] : request.named_contexts)
    // A directory of this machine says nothing to others.
    arguments["context:" + name] = is_remote_source(source) ? source : "local:" + name;
  if (!request.target.empty()) arguments["target"] = request.target;
  if (!request.add_hosts.empty()) arguments["add-hosts"] = join(request.add_hosts, ",");
  if (request.network == graph::NetworkMode::kHost) arguments["force-network-mode"] = "host";
  if (request.network == graph::NetworkMode::kNone) arguments["force-network-mode"] = "none";
  if (request.shm_bytes != 0) arguments["shm-size"] = std::to_string(request.shm_bytes);
  std::vector<std::string> limits;
  for (const graph::Ulimit& limit : request.ulimits) limits.push_back(graph::to_text(limit));
  if (!limits.empty()) arguments["ulimit"] = join(limits, ",");
  if (request.no_cache || !request.no_cache_stages.empty())
    arguments["no-cache"] = join(request.no_cache_stages, ",");
  return arguments;
}

// A repository by its URL, with what was asked for.
std::string uri_of(const graph::SourceOp& source) {
  const auto full = source.attributes.find("git.fullurl");
  if (full == source.attributes.end()) return source.identifier;
  const std::size_t hash = source.identifier.find('#');
  return full->second + (hash == std::string::npos ? "" : source.identifier.substr(hash));
}

std::map<VertexId, attest::Origin> fetched_by(const graph::Graph& graph,
                                              const ops::Runner& runner) {
  std::map<VertexId, attest::Origin> all;
  for (VertexId at = 0; at < graph.vertices.size(); ++at) {
    const auto* source = std::get_if<graph::SourceOp>(&graph.vertices[at].op);
    if (source == nullptr || !ops::is_fetched(*source)) continue;
    const auto digest = runner.source_digest(at);
    all[at] = {.uri = uri_of(*source),
               .algorithm = digest ? digest->algorithm : "",
               .hex = digest ? digest->hex : ""};
  }
  return all;
}

// The tree that a vertex changes, by one layer; nullopt: it starts from nothing, or is an image.
std::optional<VertexId> changed_by(const graph::Vertex& vertex) {
  if (std::holds_alternative<graph::SourceOp>(vertex.op)) return std::nullopt;
  std::optional<std::size_t> input = 0;
  if (const auto* exec = std::get_if<graph::ExecOp>(&vertex.op)) input = exec->mounts.at(0).input;
  if (const auto* file = std::get_if<graph::FileOp>(&vertex.op); file != nullptr && file->scratch)
    return std::nullopt;
  if (!input || *input >= vertex.inputs.size()) return std::nullopt;
  return vertex.inputs[*input].vertex;
}

// From the result down: each step has one layer more than what it changes, an image all the rest.
std::map<VertexId, std::vector<oci::Descriptor>> layers_of(
    const graph::Graph& graph, std::optional<graph::Input> result,
    const std::vector<oci::Descriptor>& layers) {
  std::map<VertexId, std::vector<oci::Descriptor>> all;
  std::size_t count = layers.size();
  for (std::optional<VertexId> at = result ? std::optional(result->vertex) : std::nullopt;
       at && count > 0; at = changed_by(graph.vertices[*at]), --count)
    all[*at].assign(layers.begin(), layers.begin() + static_cast<std::ptrdiff_t>(count));
  return all;
}

}  // namespace

std::string rfc3339_now() {
  struct ::timespec time {};
  ::clock_gettime(CLOCK_REALTIME, &time);
  return to_rfc3339(time.tv_sec, time.tv_nsec);
}

Attestations::Attestations(Options options) : options_(std::move(options)) {
  const Request& request = options_.request;
  if (!request.attestations.provenance) return;
  arguments_ = arguments_of(request);
  fetched_ = fetched_by(options_.graph, options_.runner);
  invocation_ = random_id();
  if (!options_.context.origin && !options_.context.is_foreign)
    vcs_ = vcs_of(options_.context.directory);
}

bool is_attested(const Request& request, const Output& output) {
  const AttestationRequest& attestations = request.attestations;
  if (attestations.sbom) return true;
  if (!attestations.provenance) return false;
  if (!attestations.provenance->inline_only) return true;
  const auto forced = output.attributes.find("attestation-inline");
  return output.kind == OutputKind::kStore || output.kind == OutputKind::kPush ||
         (forced != output.attributes.end() && forced->second == "true");
}

attest::Statement Attestations::provenance(std::size_t at,
                                           const std::vector<oci::Descriptor>& layers,
                                           const std::vector<attest::Subject>& subjects) const {
  const ProvenanceRequest& wanted = *options_.request.attestations.provenance;
  const std::optional<graph::Input> result = options_.results.at(at);
  const attest::BuildFacts facts{.graph = options_.graph,
                                 .result = result,
                                 .arguments = arguments_,
                                 .context = options_.context.origin,
                                 .dockerfile = options_.sources.dockerfile,
                                 .dockerfile_name = options_.sources.file,
                                 .fetched = fetched_,
                                 .layers = layers_of(options_.graph, result, layers),
                                 .vcs = vcs_,
                                 .builder = oci::normalised(oci::host_platform()),
                                 .invocation = invocation_,
                                 .started = options_.started,
                                 .finished = rfc3339_now()};
  return attest::make_statement(attest::predicate_type(wanted.options.version),
                                attest::provenance(facts, wanted.options), subjects);
}

Result<std::vector<NamedStatement>> Attestations::sboms(
    std::size_t at, const std::vector<attest::Subject>& subjects) const {
  std::vector<NamedStatement> statements;
  if (at >= options_.scans.size()) return statements;
  for (const ScanFile& file : options_.scans[at]) {
    auto statement = attest::adopt_statement(file.bytes, subjects);
    if (!statement)
      return fail(std::move(statement).error().in("the SBOM generator's " + printable(file.name)));
    statements.push_back({file.name, std::move(*statement)});
  }
  return statements;
}

Result<std::vector<attest::Statement>> Attestations::of_image(
    std::size_t at, const oci::Platform& platform, const image::Assembled& image,
    const std::vector<std::string>& names) const {
  std::vector<attest::Subject> subjects;
  for (const std::string& name : names)
    subjects.push_back({attest::package_url("docker", TRY(oci::parse_reference(name)), platform),
                        image.manifest.digest});
  if (subjects.empty()) subjects.push_back({"_", image.manifest.digest});
  std::vector<attest::Statement> statements;
  if (options_.request.attestations.provenance)
    statements.push_back(provenance(at, image.layers, subjects));
  for (NamedStatement& one : TRY(sboms(at, subjects)))
    statements.push_back(std::move(one.statement));
  return statements;
}

Result<std::vector<NamedStatement>> Attestations::of_tree(
    std::size_t at, const std::vector<attest::Subject>& files) const {
  std::vector<NamedStatement> statements;
  if (const auto& wanted = options_.request.attestations.provenance)
    statements.push_back({wanted->filename, provenance(at, {}, files)});
  for (NamedStatement& one : TRY(sboms(at, files))) statements.push_back(std::move(one));
  return statements;
}

}  // namespace lichen::build
