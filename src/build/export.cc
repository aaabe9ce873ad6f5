#include "build/export.h"

#include <unistd.h>

#include <algorithm>
#include <map>

#include "base/hint.h"
#include "base/text.h"
#include "build/blob_source.h"
#include "image/assemble.h"
#include "image/attestation.h"
#include "oci/cache_config.h"
#include "oci/reference.h"
#include "ops/runner.h"
#include "os/file.h"
#include "transfer/copy.h"
#include "transfer/files.h"
#include "transfer/image_target.h"
#include "transfer/output_file.h"

namespace lichen::build {

namespace {

const char kExportStep[] = "export";

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
    for (NamedStatement& one : TRY(context.attestations->of_tree(i, files))) {
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
                           const oci::Descriptor& root, const std::vector<std::string>& names,
                           const std::vector<Built>& built) {
  auto files = attribute(output, "tar") == "false"
                   ? TRY(transfer::make_directory(output.dest))
                   : TRY(transfer::make_archive(output.dest, context.request.output_fd));
  BlobSource from(context.session.store(), root);
  for (const Built& one : built)
    if (ops::is_remote(one.snapshot)) from.add(context.imported.tree(one.snapshot));
  const auto to = TRY(transfer::layout_target(
      std::move(files), {.references = names, .docker = output.kind == OutputKind::kDocker}));
  (void)TRY(transfer::copy_image(
      from, *to, {.all = true},
      [&](const std::string& what, std::uint64_t bytes, std::uint64_t total, bool done) {
        context.steps.transfer(kExportStep, what, bytes, total, done);
      }));
  return {};
}

Result<void> push_names(const ExportContext& context, const oci::Descriptor& root,
                        const std::vector<std::string>& names, const std::vector<Built>& built) {
  BlobSource from(context.session.store(), root);
  for (const Built& one : built)
    if (ops::is_remote(one.snapshot)) from.add(context.imported.tree(one.snapshot));
  for (const std::string& name : names) {
    const std::string step = "push " + name;
    context.steps.started(step, "pushing " + name);
    const oci::Reference reference = TRY(oci::parse_reference(name));
    const auto to = transfer::registry_target(context.session.registry(), reference);
    auto pushed = transfer::copy_image(
        from, *to, {.all = true, .cancelled = context.environment.cancelled},
        [&](const std::string& what, std::uint64_t bytes, std::uint64_t total, bool done) {
          context.steps.transfer(step, what, bytes, total, done);
        });
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
                          const Output& output, const Exported& image,
                          const std::vector<Built>& built) {
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
      return push_names(context, image.root, names, built);
    default:
      return export_layout(context, output, image.root, names, built);
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
  for (attest::Statement& statement : TRY(context.attestations->of_image(
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
                                 const ImageForm& form, const InlineCache& inline_cache) {
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
    const image::Layers layers = TRY(layers_of(context, compression, one.snapshot));
    oci::ImageConfig config = one.config;
    // That of a base image tells of another build.
    std::string cache = inline_cache ? TRY(inline_cache(layers)) : "";
    config.extra =
        TRY(oci::with_text_member(config.extra, oci::kInlineCacheMember,
                                  cache.empty() ? std::nullopt : std::optional(std::move(cache))));
    image::Assembled image =
        TRY(image::assemble(store, layers, std::move(config),
                            {.source_date_epoch = epoch ? epoch : context.source_date_epoch,
                             .now = context.now,
                             .docker_media_types = docker_media_types,
                             .annotations = annotations(AnnotationPlace::kManifest, &one.platform),
                             .form = form_of(context, compression),
                             .clamp = clamp_of(context)},
                            convert));
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
  Images(const ExportContext& context, const std::vector<Built>& built,
         const InlineCache& inline_cache)
      : context_(context), built_(built), inline_cache_(inline_cache) {}
  Result<const Exported*> get(const Output& output) {
    const ImageForm form = TRY(image_form(context_, output));
    auto known = images_.find(form);
    if (known == images_.end()) {
      const std::uint64_t before = context_.packed;
      context_.steps.transfer(kExportStep, "exporting layers", 0, 0, false);
      Exported image = TRY(assemble_images(context_, built_, form, inline_cache_));
      context_.steps.transfer(kExportStep, "exporting layers", context_.packed - before, 0, true);
      known = images_.emplace(form, std::move(image)).first;
    }
    return &known->second;
  }

 private:
  const ExportContext& context_;
  const std::vector<Built>& built_;
  const InlineCache& inline_cache_;
  std::map<ImageForm, Exported> images_;
};

}  // namespace

bool is_image(const Output& output) {
  return output.kind != OutputKind::kTar && output.kind != OutputKind::kLocal &&
         output.kind != OutputKind::kCache;
}

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
      {"image", OutputKind::kStore},    {"registry", OutputKind::kPush},
      {"oci", OutputKind::kOci},        {"docker", OutputKind::kDocker},
      {"tar", OutputKind::kTar},        {"local", OutputKind::kLocal},
      {"cacheonly", OutputKind::kCache}};
  const auto kind = kinds.find(type);
  if (kind == kinds.end())
    return fail(
        Errc::kInvalid, "--output: unknown type \"" + printable(type) + "\"",
        hint_for(type, {"oci", "docker", "tar", "local", "image", "registry", "cacheonly"}));
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
    const bool is_layout = output.kind == OutputKind::kOci || output.kind == OutputKind::kDocker;
    if (output.kind == OutputKind::kTar || (is_layout && attribute(output, "tar") != "false"))
      TRY(transfer::OutputFile::check(output.dest));
    if (output.kind == OutputKind::kPush && TRY(names_of(request)).empty())
      return fail(Errc::kInvalid, "--push needs a name to push to", "add -t REGISTRY/NAME:TAG");
  }
  if (!request.report.empty()) TRY(transfer::OutputFile::check(request.report));
  if (request.report == "-" && to_stdout != 0)
    return fail(Errc::kInvalid, "standard output cannot be both an archive and the report");
  if (to_stdout > 1) return fail(Errc::kInvalid, "only one output can go to standard output");
  if (to_stdout == 1 && ::isatty(request.output_fd))
    return fail(Errc::kInvalid, "an archive is not written to a terminal",
                "redirect it, or give dest=FILE");
  return {};
}

bool needs_blobs_only(const Request& request) {
  const auto compression = compression_of(request);
  const std::vector<Output> outputs = outputs_of(request);
  return compression && !compression->forced && !request.attestations.sbom &&
         std::all_of(outputs.begin(), outputs.end(), [](const Output& output) {
           return output.kind == OutputKind::kCache ||
                  (is_image(output) && output.kind != OutputKind::kStore);
         });
}

Result<Outcome> export_result(const ExportContext& context, const std::vector<Built>& built,
                              const InlineCache& inline_cache) {
  const std::vector<Output> outputs = outputs_of(context.request);
  Outcome outcome;
  outcome.names = TRY(names_of(context.request));
  context.steps.started(kExportStep, "exporting");
  auto exported = [&]() -> Result<void> {
    Images images(context, built, inline_cache);
    // All of the images first: a layer that holds a secret fails the build before anything leaves.
    for (const Output& output : outputs)
      if (is_image(output)) (void)TRY(images.get(output));
    for (const Output& output : outputs) {
      if (output.kind == OutputKind::kCache) continue;
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
      TRY(export_image(context, outcome.names, output, image, built));
    }
    for (const std::string& name : outcome.names)
      context.steps.transfer(kExportStep, "naming to " + name, 0, 0, true);
    if (outcome.names.empty() && !outcome.id().empty())
      context.steps.transfer(kExportStep, "image " + outcome.id().text(), 0, 0, true);
    return {};
  }();
  context.steps.finished(kExportStep, exported ? nullptr : &exported.error());
  if (!exported) return fail(std::move(exported).error().in("exporting"));
  return outcome;
}

}  // namespace lichen::build
