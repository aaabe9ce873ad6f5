#include "build/export.h"

#include <unistd.h>

#include <algorithm>
#include <charconv>
#include <map>
#include <thread>

#include "base/boolean.h"
#include "base/hint.h"
#include "base/text.h"
#include "image/assemble.h"
#include "image/attestation.h"
#include "oci/reference.h"
#include "ops/runner.h"
#include "os/file.h"
#include "transfer/files.h"
#include "transfer/image_target.h"
#include "transfer/output_file.h"
#include "transfer/push.h"
#include "transfer/recode.h"

namespace lichen::build {

namespace {

const char kExportStep[] = "export";

std::string attribute(const Output& output, const std::string& key) {
  const auto found = output.attributes.find(key);
  return found == output.attributes.end() ? "" : found->second;
}

Result<bool> is_set(const Output& output, const std::string& key, bool otherwise) {
  const std::string text = attribute(output, key);
  if (text.empty()) return otherwise;
  auto value = parse_bool(text);
  if (!value) return fail(std::move(value).error().in("--output: " + key));
  return *value;
}

// One compression for all image outputs of a build: the layers are made once.
struct Compression {
  std::string name = "gzip";
  int level = -1;
  bool forced = false;  // also for layers that come from elsewhere
};

Result<Compression> compression_of(const Request& request) {
  Compression compression;
  for (const Output& output : request.outputs) {
    if (const std::string name = attribute(output, "compression"); !name.empty()) {
      if (name != "gzip" && name != "zstd" && name != "uncompressed")
        return fail(Errc::kUnsupported, "compression=" + printable(name) + " is not supported",
                    hint_for(name, {"gzip", "zstd", "uncompressed"}));
      compression.name = name;
    }
    if (const std::string level = attribute(output, "compression-level"); !level.empty()) {
      const auto [end, error] =
          std::from_chars(level.data(), level.data() + level.size(), compression.level);
      if (error != std::errc() || end != level.data() + level.size())
        return fail(Errc::kInvalid, "compression-level=" + printable(level) + " is not a number");
    }
    if (TRY(is_set(output, "force-compression", false))) compression.forced = true;
  }
  return compression;
}

const char* media_type(const std::string& compression) {
  if (compression == "zstd") return oci::kLayerZstdType;
  if (compression == "uncompressed") return oci::kLayerType;
  return oci::kLayerGzipType;
}

bool is_image(const Output& output) {
  return output.kind != OutputKind::kTar && output.kind != OutputKind::kLocal;
}

// source-date-epoch of an output: SOURCE_DATE_EPOCH of the build when it is not given, none when it
// is empty.
Result<std::optional<std::int64_t>> epoch_of(const Output& output,
                                             std::optional<std::int64_t> otherwise) {
  const auto found = output.attributes.find("source-date-epoch");
  if (found == output.attributes.end()) return otherwise;
  const std::string& text = found->second;
  if (text.empty()) return std::optional<std::int64_t>();
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0)
    return fail(Errc::kInvalid, "--output: source-date-epoch=" + printable(text) +
                                    " is not a number of seconds since 1970");
  return std::optional(seconds);
}

// One time for all images of a build, like the compression.
std::optional<std::int64_t> image_epoch(const ExportContext& context) {
  for (const Output& output : context.request.outputs)
    if (is_image(output) && output.attributes.contains("source-date-epoch"))
      return epoch_of(output, {}).value_or(std::nullopt);
  return context.source_date_epoch;
}

// Files' times in layers, with SOURCE_DATE_EPOCH: no later than it, unless rewrite-timestamp=false.
std::optional<std::int64_t> clamp_of(const ExportContext& context) {
  for (const Output& output : context.request.outputs)
    if (!is_set(output, "rewrite-timestamp", true).value_or(true)) return std::nullopt;
  return image_epoch(context);
}

std::string form_of(const Compression& compression) {
  return compression.name + " " + std::to_string(compression.level);
}

// All that a layer's bytes depend on beside its files.
std::string form_of(const ExportContext& context, const Compression& compression) {
  const std::optional<std::int64_t> clamp = clamp_of(context);
  return form_of(compression) + (clamp ? " until " + std::to_string(*clamp) : "");
}

unsigned compressing_threads() {
  return std::max(1u, std::thread::hardware_concurrency());
}

// One snapshot's layer as a blob: tar, both digests and compression in one pass, in a worker.
Result<store::Layer> make_layer(const ExportContext& context, const Compression& compression,
                                std::int64_t snapshot) {
  store::Store& store = context.session.store();
  const std::vector<std::int64_t> chain = TRY(store.chain(snapshot));
  const std::int64_t parent = chain.size() > 1 ? chain[chain.size() - 2] : 0;
  const ops::Stack below = TRY(ops::stack_of(store, parent));
  ops::DiffJob job{.tier = context.session.tier(),
                   .fs = store.fs_path(snapshot),
                   .sidecar = store.owners_path(snapshot),
                   .lower = below.lower,
                   .sidecars = below.sidecars,
                   .output = TRY(store.temporary_path()),
                   .compression = compression.name,
                   .level = compression.level,
                   .threads = compressing_threads(),
                   .clamp = clamp_of(context),
                   .secrets = {}};
  const SecretGuardMode guard = context.request.secret_guard;
  if (guard != SecretGuardMode::kOff) job.secrets = context.secrets;
  auto reply = context.session.jobs().call<ops::DiffReply>(job);
  if (!reply) {
    (void)os::unlink(job.output);
    return fail(std::move(reply).error());
  }
  if (!reply->secrets.empty()) {
    const std::string what =
        "a layer holds the bytes of the secret " + printable(join(reply->secrets, ", "));
    if (guard == SecretGuardMode::kFail) {
      (void)os::unlink(job.output);
      return fail(Errc::kDenied, what,
                  "a step has written it to a file; --secret-guard=warn lets it pass");
    }
    context.steps.send(Warning{.text = what, .file = {}, .line = 0});
  }
  TRY(store.import_blob(job.output, reply->digest, reply->bytes));
  context.layer_written();
  return store::Layer{.chain = {},
                      .diff_id = reply->diff_id,
                      .blob = reply->digest,
                      .size = reply->bytes,
                      .media_type = media_type(compression.name),
                      .form = form_of(context, compression)};
}

// A layer from elsewhere in this build's compression; one that has none stays as it is. Its tar,
// and so its diff id, does not change.
Result<store::Layer> convert_layer(const ExportContext& context, const Compression& compression,
                                   const store::Layer& layer) {
  const archive::Compression wanted = transfer::compression_of(media_type(compression.name));
  if (!transfer::is_layer(layer.media_type) || transfer::compression_of(layer.media_type) == wanted)
    return layer;
  store::Store& store = context.session.store();
  const std::string form = form_of(compression);
  if (auto known = TRY(store.find_conversion(layer, form))) return std::move(*known);
  const auto blobs = transfer::store_source(store, {});
  const transfer::Blob recoded = TRY(transfer::recode(
      blobs->blob({.media_type = layer.media_type, .digest = layer.blob, .size = layer.size}),
      {.compression = wanted,
       .level = compression.level,
       .threads = compressing_threads(),
       .staging = store.path() + "/tmp"}));
  const auto writer = TRY(store.write_blob());
  TRY(recoded.send(*writer));
  store::Layer made = layer;
  made.blob = TRY(writer->commit(recoded.descriptor.digest, recoded.descriptor.size));
  made.size = recoded.descriptor.size;
  made.media_type = media_type(compression.name);
  made.form = form;
  TRY(store.put_conversion(layer.blob, made));
  return made;
}

// "linux_arm_v7": where a platform's tree goes when there are several.
std::string directory_of(const oci::Platform& platform) {
  std::string name = oci::to_text(oci::normalised(platform));
  std::replace(name.begin(), name.end(), '/', '_');
  return name;
}

Result<bool> is_split(const Request& request, const Output& output) {
  return is_set(output, "platform-split", is_multi_platform(request));
}

// "provenance.json" -> "provenance.linux_arm64.json": of several trees in one place.
std::string with_platform(const std::string& name, const oci::Platform& platform) {
  const std::size_t dot = name.find_last_of('.');
  const std::string extension = dot == std::string::npos ? "" : name.substr(dot);
  return name.substr(0, dot) + "." + directory_of(platform) + extension;
}

// What is said about the files of a tree, as files beside them.
Result<void> add_statements(const ExportContext& context, const Output& output,
                            const std::vector<Built>& built, ops::ExportJob& job) {
  if (!is_attested(context.request, output)) return {};
  const bool together = built.size() > 1 && job.trees[0].place == job.trees[1].place;
  for (std::size_t i = 0; i < built.size(); ++i) {
    const ops::ExportTree& tree = job.trees[i];
    const auto contents =
        TRY(context.session.jobs().call<ops::ContentsReply>(ops::ContentsJob{.lower = tree.lower}));
    std::vector<attest::Subject> files;
    for (const ops::FileContent& file : contents.files) files.push_back({file.path, file.digest});
    for (NamedStatement& one : TRY(context.attestations.of_tree(i, files))) {
      const std::string name =
          attribute(output, "attestation-prefix") +
          (together ? with_platform(one.filename, built[i].platform) : one.filename);
      job.files.push_back({.path = tree.place.empty() ? name : tree.place + "/" + name,
                           .bytes = std::move(one.statement.json)});
    }
  }
  return {};
}

Result<void> export_trees(const ExportContext& context, const Output& output,
                          const std::vector<Built>& built) {
  const bool split = TRY(is_split(context.request, output));
  ops::ExportJob job{.tier = context.session.tier(),
                     .trees = {},
                     .directory = {},
                     .clamp = TRY(epoch_of(output, context.source_date_epoch)),
                     .files = {}};
  for (const Built& one : built) {
    ops::Stack stack = TRY(ops::stack_of(context.session.store(), one.snapshot));
    job.trees.push_back({.lower = std::move(stack.lower),
                         .sidecars = std::move(stack.sidecars),
                         .place = split ? directory_of(one.platform) : "",
                         .name = oci::to_text(oci::normalised(one.platform))});
  }
  TRY(add_statements(context, output, built, job));
  if (output.kind == OutputKind::kLocal) {
    for (const ops::ExportTree& tree : job.trees) TRY(os::mkdirs(output.dest + "/" + tree.place));
    job.directory = output.dest;
    const ops::ExportReply reply = TRY(context.session.jobs().call<ops::ExportReply>(job));
    for (const std::string& warning : reply.warnings)
      context.steps.send(Warning{.text = warning, .file = {}});
    return {};
  }
  auto destination = TRY(transfer::OutputFile::create(output.dest, context.request.output_fd));
  (void)TRY(context.session.jobs().call<ops::ExportReply>(job, {destination.fd().get()}));
  return destination.finish();
}

Result<void> export_layout(const ExportContext& context, const Output& output,
                           const oci::Descriptor& root, const std::vector<std::string>& names) {
  auto files = attribute(output, "tar") == "false"
                   ? TRY(transfer::make_directory(output.dest))
                   : TRY(transfer::make_archive(output.dest, context.request.output_fd));
  const auto from = transfer::store_source(context.session.store(), root);
  const auto to = TRY(transfer::layout_target(
      std::move(files), {.references = names, .docker = output.kind == OutputKind::kDocker}));
  (void)TRY(transfer::copy_image(*from, *to, {.all = true}, [](auto&&...) {}));
  return {};
}

Result<void> push_names(const ExportContext& context, const oci::Descriptor& root,
                        const std::vector<std::string>& names) {
  for (const std::string& name : names) {
    const std::string step = "push " + name;
    context.steps.started(step, "pushing " + name);
    const oci::Reference reference = TRY(oci::parse_reference(name));
    auto pushed =
        transfer::push(context.session.store(), context.session.registry(), reference, root,
                       [&](const std::string& what, std::uint64_t bytes, std::uint64_t total,
                           bool done) { context.steps.transfer(step, what, bytes, total, done); });
    context.steps.finished(step, pushed ? nullptr : &pushed.error());
    if (!pushed) return fail(std::move(pushed).error().in("push " + name));
  }
  return {};
}

std::vector<Output> outputs_of(const Request& request) {
  return request.outputs.empty() ? std::vector<Output>{Output{}} : request.outputs;
}

Result<std::vector<std::string>> names_of(const Request& request) {
  std::vector<std::string> names;
  const auto add = [&](const std::string& tag) -> Result<void> {
    const std::string name = oci::to_text(TRY(oci::parse_reference(tag)));
    if (std::find(names.begin(), names.end(), name) == names.end()) names.push_back(name);
    return {};
  };
  for (const std::string& tag : request.tags) TRY(add(tag));
  for (const Output& output : request.outputs)
    if (const std::string name = attribute(output, "name"); !name.empty())
      for (const std::string& one : split(name, ',')) TRY(add(one));
  return names;
}

// An image, or the index of several.
struct Exported {
  oci::Descriptor root;
  Digest config;  // of an index: none
};

Result<void> export_image(const ExportContext& context, const std::vector<std::string>& names,
                          const Output& output, const Exported& image) {
  store::Store& store = context.session.store();
  switch (output.kind) {
    case OutputKind::kStore: {
      const std::vector<std::string> keep =
          names.empty() ? std::vector<std::string>{image.root.digest.text()} : names;
      for (const std::string& name : keep)
        TRY(store.put_image({.name = name,
                             .manifest = image.root.digest,
                             .config = image.config,
                             .media_type = image.root.media_type,
                             .size = image.root.size}));
      return {};
    }
    case OutputKind::kPush:
      return push_names(context, image.root, names);
    default:
      return export_layout(context, output, image.root, names);
  }
}

// What of an image depends on the output that it is for.
struct ImageForm {
  bool docker_media_types = false;
  bool attested = false, artifact = true;  // attestations are there; as OCI artifacts

  friend auto operator<=>(const ImageForm&, const ImageForm&) = default;
};

Result<ImageForm> image_form(const ExportContext& context, const Output& output) {
  ImageForm form{.docker_media_types = !TRY(is_set(output, "oci-mediatypes", true)),
                 .attested = is_attested(context.request, output)};
  form.artifact = form.attested && TRY(is_set(output, "oci-artifact", true));
  return form;
}

// The manifest about one platform's image; nullopt: there is nothing to say.
Result<std::optional<oci::Descriptor>> attest_image(const ExportContext& context,
                                                    const ImageForm& form, std::size_t at,
                                                    const Built& built,
                                                    const image::Assembled& image) {
  if (!form.attested) return std::nullopt;
  std::vector<image::AttestationBlob> blobs;
  for (attest::Statement& statement : TRY(context.attestations.of_image(
           at, built.platform, image, TRY(names_of(context.request)))))
    blobs.push_back({.media_type = attest::kStatementMediaType,
                     .predicate_type = std::move(statement.predicate_type),
                     .bytes = std::move(statement.json)});
  const auto kind = form.docker_media_types ? image::AttestationForm::kDockerImage
                    : form.artifact         ? image::AttestationForm::kArtifact
                                            : image::AttestationForm::kImage;
  return TRY(image::assemble_attestation(context.session.store(), image.manifest, blobs, kind));
}

// The layers are made once; the documents about them are small, and of docker's or OCI's types.
Result<Exported> assemble_images(const ExportContext& context, const std::vector<Built>& built,
                                 const ImageForm& form) {
  const bool docker_media_types = form.docker_media_types;
  store::Store& store = context.session.store();
  const Compression compression = TRY(compression_of(context.request));
  const auto tell = [&](const std::string& what, const oci::Descriptor& document) {
    context.steps.transfer(kExportStep, what + document.digest.text(), 0, 0, true);
  };
  const auto annotations = [&](AnnotationPlace place, const oci::Platform* platform) {
    return annotations_of(context.request.annotations, place, platform);
  };
  image::ConvertLayer convert;
  if (compression.forced)
    convert = [&](const store::Layer& layer) { return convert_layer(context, compression, layer); };
  std::vector<oci::Descriptor> manifests, attestations;
  for (const Built& one : built) {
    // What an output's own time does not say, the build's does.
    const std::optional<std::int64_t> epoch = image_epoch(context);
    image::Assembled image = TRY(image::assemble(
        store, one.snapshot, one.config,
        {.source_date_epoch = epoch ? epoch : context.source_date_epoch,
         .now = context.now,
         .docker_media_types = docker_media_types,
         .annotations = annotations(AnnotationPlace::kManifest, &one.platform),
         .form = form_of(context, compression),
         .clamp = clamp_of(context)},
        [&](std::int64_t id) { return make_layer(context, compression, id); }, convert));
    image.manifest.annotations = annotations(AnnotationPlace::kManifestDescriptor, &one.platform);
    tell("manifest ", image.manifest);
    auto attestation = TRY(attest_image(context, form, manifests.size(), one, image));
    if (attestation) {
      tell("attestation manifest ", *attestation);
      attestations.push_back(std::move(*attestation));
    } else if (!is_multi_platform(context.request))
      return Exported{image.manifest, image.config};
    image.manifest.platform = one.platform;
    manifests.push_back(std::move(image.manifest));
  }
  manifests.insert(manifests.end(), attestations.begin(), attestations.end());
  Exported index{TRY(image::assemble_index(store, std::move(manifests), docker_media_types,
                                           annotations(AnnotationPlace::kIndex, nullptr))),
                 {}};
  index.root.annotations = annotations(AnnotationPlace::kIndexDescriptor, nullptr);
  tell("manifest list ", index.root);
  return index;
}

// The images of a build by their media types, each made when it is first wanted.
class Images {
 public:
  Images(const ExportContext& context, const std::vector<Built>& built)
      : context_(context), built_(built) {}
  Result<const Exported*> get(const Output& output) {
    const ImageForm form = TRY(image_form(context_, output));
    auto known = images_.find(form);
    if (known == images_.end()) {
      context_.steps.transfer(kExportStep, "exporting layers", 0, 0, false);
      Exported image = TRY(assemble_images(context_, built_, form));
      context_.steps.transfer(kExportStep, "exporting layers", 0, 0, true);
      known = images_.emplace(form, std::move(image)).first;
    }
    return &known->second;
  }

 private:
  const ExportContext& context_;
  const std::vector<Built>& built_;
  std::map<ImageForm, Exported> images_;
};

}  // namespace

Result<Output> parse_output(const std::string& text) {
  if (text == "-") return Output{.kind = OutputKind::kTar, .dest = "-", .attributes = {}};
  if (text.find('=') == std::string::npos)
    return Output{.kind = OutputKind::kLocal, .dest = text, .attributes = {}};
  Output output;
  std::string type;
  for (const std::string& field : split(text, ',')) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos)
      return fail(Errc::kInvalid, "--output: \"" + printable(field) + "\" is not key=value");
    const std::string written(trim(field.substr(0, equals))), key = to_lower(written);
    const std::string value = field.substr(equals + 1);
    auto annotation = parse_annotation_attribute(written, value);
    if (!annotation) return fail(std::move(annotation).error().in("--output"));
    if (*annotation)
      output.annotations.push_back(std::move(**annotation));
    else if (key == "type")
      type = value;
    else if (key == "dest")
      output.dest = value;
    else
      output.attributes[key] = value;
  }
  const std::map<std::string, OutputKind> kinds = {
      {"image", OutputKind::kStore}, {"registry", OutputKind::kPush},
      {"oci", OutputKind::kOci},     {"docker", OutputKind::kDocker},
      {"tar", OutputKind::kTar},     {"local", OutputKind::kLocal}};
  const auto kind = kinds.find(type);
  if (kind == kinds.end())
    return fail(Errc::kInvalid, "--output: unknown type \"" + printable(type) + "\"",
                hint_for(type, {"oci", "docker", "tar", "local", "image", "registry"}));
  output.kind = kind->second;
  if (output.kind == OutputKind::kStore && attribute(output, "push") == "true")
    output.kind = OutputKind::kPush;
  static const std::vector<std::string> known = {"compression",
                                                 "compression-level",
                                                 "force-compression",
                                                 "tar",
                                                 "name",
                                                 "push",
                                                 "oci-mediatypes",
                                                 "load",
                                                 "platform-split",
                                                 "rewrite-timestamp",
                                                 "source-date-epoch",
                                                 "store",
                                                 "oci-artifact",
                                                 "attestation-inline",
                                                 "attestation-prefix"};
  for (const auto& [key, value] : output.attributes)
    if (std::find(known.begin(), known.end(), key) == known.end())
      return fail(Errc::kUnsupported, "--output: \"" + printable(key) + "\" is not supported yet",
                  hint_for(key, known));
  const bool needs_dest = output.kind == OutputKind::kTar || output.kind == OutputKind::kLocal ||
                          output.kind == OutputKind::kOci || output.kind == OutputKind::kDocker;
  if (needs_dest && output.dest.empty()) {
    if (output.kind == OutputKind::kLocal)
      return fail(Errc::kInvalid, "--output: type=local needs dest=DIRECTORY");
    output.dest = "-";
  }
  return output;
}

Result<void> check_outputs(const Request& request) {
  (void)TRY(names_of(request));
  (void)TRY(compression_of(request));
  TRY(check_annotations(request));
  int to_stdout = 0;
  const bool several = is_multi_platform(request);
  for (const Output& output : request.outputs) {
    (void)TRY(is_set(output, "oci-mediatypes", true));
    (void)TRY(is_set(output, "rewrite-timestamp", true));
    (void)TRY(is_set(output, "oci-artifact", true));
    (void)TRY(is_set(output, "attestation-inline", false));
    (void)TRY(epoch_of(output, {}));
    if (several && output.kind == OutputKind::kDocker)
      return fail(Errc::kUnsupported,
                  "docker exporter does not currently support exporting manifest lists",
                  "`docker load` takes one platform: build one at a time, or use type=oci");
    if (output.kind == OutputKind::kDocker && is_attested(request, output))
      return fail(Errc::kUnsupported, "an archive for `docker load` has no room for attestations",
                  "use type=oci, or leave them out: --provenance=false --sbom=false");
    (void)TRY(is_split(request, output));
    to_stdout += output.dest == "-" ? 1 : 0;
    if (output.kind == OutputKind::kPush && TRY(names_of(request)).empty())
      return fail(Errc::kInvalid, "--push needs a name to push to", "add -t REGISTRY/NAME:TAG");
  }
  if (to_stdout > 1) return fail(Errc::kInvalid, "only one output can go to standard output");
  if (to_stdout == 1 && ::isatty(request.output_fd))
    return fail(Errc::kInvalid, "an archive is not written to a terminal",
                "redirect it, or give dest=FILE");
  return {};
}

Result<Outcome> export_result(const ExportContext& context, const std::vector<Built>& built) {
  const std::vector<Output> outputs = outputs_of(context.request);
  Outcome outcome;
  outcome.names = TRY(names_of(context.request));
  context.steps.started(kExportStep, "exporting");
  auto exported = [&]() -> Result<void> {
    Images images(context, built);
    // All of the images first: a layer that holds a secret fails the build before anything leaves.
    for (const Output& output : outputs)
      if (is_image(output)) (void)TRY(images.get(output));
    for (const Output& output : outputs) {
      if (!is_image(output)) {
        TRY(export_trees(context, output, built));
        continue;
      }
      const Exported& image = *TRY(images.get(output));
      if (outcome.manifest_digest.empty()) {
        outcome.descriptor = image.root;
        outcome.manifest_digest = image.root.digest;
        outcome.config_digest = image.config;
      }
      TRY(export_image(context, outcome.names, output, image));
    }
    for (const std::string& name : outcome.names)
      context.steps.transfer(kExportStep, "naming to " + name, 0, 0, true);
    return {};
  }();
  context.steps.finished(kExportStep, exported ? nullptr : &exported.error());
  if (!exported) return fail(std::move(exported).error().in("exporting"));
  return outcome;
}

}  // namespace lichen::build
