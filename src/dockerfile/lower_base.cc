// What a stage starts from: another stage, an image, a named context, nothing.
#include <nlohmann/json.hpp>

#include "base/hint.h"
#include "base/text.h"
#include "dockerfile/lint_from.h"
#include "dockerfile/lowering.h"
#include "dockerfile/parser.h"
#include "graph/ignore.h"
#include "oci/reference.h"

namespace lichen::dockerfile {

namespace {

constexpr char kDefaultPath[] = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
constexpr std::string_view kImageScheme = "docker-image://";
constexpr std::string_view kLayoutScheme = "oci-layout://";

std::string json_array(const std::vector<std::string>& values) {
  return nlohmann::json(values).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

}  // namespace

Result<const ResolvedImage*> Lowering::resolve(const std::string& reference,
                                               const oci::Platform& platform) {
  const std::string key = reference + " " + oci::to_text(platform);
  auto known = resolved_.find(key);
  if (known == resolved_.end()) {
    if (!starts_with(reference, kLayoutScheme)) {
      const auto parsed = oci::parse_reference(reference);
      if (!parsed)
        return fail(Errc::kInvalid,
                    "failed to parse stage name \"" + reference + "\": " + parsed.error().message);
    }
    ResolvedImage image = TRY(images_.resolve(reference, platform));
    known = resolved_.emplace(key, std::move(image)).first;
  }
  return &known->second;
}

Result<const ResolvedImage*> Lowering::resolve_source(const std::string& from,
                                                      const oci::Platform& platform) {
  auto image = resolve(from, platform);
  if (image) return image;
  std::vector<std::string> names;
  for (const Stage& stage : stages_.stages)
    if (!stage.from.name.empty()) names.push_back(stage.from.name);
  Error error = std::move(image).error();
  if (const std::string meant = near_miss(from, names); !meant.empty())
    error.hint = "no stage is called " + printable(from) + ": did you mean " + meant + "?";
  return fail(std::move(error));
}

void Lowering::check_platform(const ResolvedImage& image, const std::string& written,
                              const oci::Platform& platform, Lines lines) {
  if (!image.config.diff_ids.empty())
    lint_image_platform(written, platform, image.config.platform, {.lines = lines}, linter_);
}

namespace {

using NamedContexts = std::map<std::string, std::string>;

// "name::linux/arm64" is for that platform alone, and goes before "name".
NamedContexts::const_iterator find_named(const NamedContexts& given, const std::string& name,
                                         const oci::Platform& platform) {
  const auto own = given.find(name + "::" + oci::to_text(oci::normalised(platform)));
  return own != given.end() ? own : given.find(name);
}

}  // namespace

// Takes what the user gave for `name` with --build-context; false when nothing was.
Result<bool> Lowering::use_named_context(StageBase& base, const std::string& name,
                                         const oci::Platform& platform) {
  auto given = find_named(request_.named_contexts, name, platform);
  if (given == request_.named_contexts.end()) {
    const std::string lower = to_lower(name);
    given = find_named(request_.named_contexts,
                       ends_with(lower, ":latest") ? lower.substr(0, lower.size() - 7) : lower,
                       platform);
  }
  if (given == request_.named_contexts.end()) return false;
  const std::string& source = given->second;
  if (starts_with(source, kImageScheme) || starts_with(source, kLayoutScheme)) {
    base.written = starts_with(source, kImageScheme) ? source.substr(kImageScheme.size()) : source;
    if (base.written == "scratch") {
      base.scratch = true;
      return true;
    }
    base.image = *TRY(resolve(base.written, platform));
    if (starts_with(source, kLayoutScheme)) base.name = name;
    return true;
  }
  base.local = given->first;
  return true;
}

Result<void> Lowering::prepare_stage(Stage& stage) {
  StageBase& base = bases_[stage.index];
  base.prepared = true;
  const oci::Platform platform = stage.platform.value_or(target_platform_);
  if (!stage.from.name.empty() && TRY(use_named_context(base, stage.from.name, platform))) {
    base.replaced = true;
    stage.commands.clear();
    stage.base.reset();
    stage.deps.clear();
    return {};
  }
  if (stage.base) {
    std::vector<std::string> triggers;
    for (const Instruction& command : stages_.stages[*stage.base].commands)
      if (const auto* onbuild = std::get_if<OnBuild>(&command.body))
        triggers.push_back(onbuild->trigger);
    return add_triggers(stage, triggers);
  }
  if (stage.from.base == "scratch") {
    base.scratch = true;
    return {};
  }
  if (!TRY(use_named_context(base, stage.from.base, platform))) {
    base.written = stage.from.base;
    base.image = *TRY(resolve(stage.from.base, platform));
    check_platform(*base.image, base.written, platform, stage.lines);
  }
  if (base.image) return add_triggers(stage, base.image->config.on_build);
  return {};
}

Result<void> Lowering::add_triggers(Stage& stage, const std::vector<std::string>& triggers) {
  std::vector<Instruction> commands;
  for (const std::string& trigger : triggers) {
    const auto in_trigger = [&trigger](Error error) {
      error.message = "ONBUILD " + trigger.substr(0, trigger.find('\n')) + ": " + error.message;
      return fail(std::move(error));
    };
    auto ast = parse(trigger);
    if (!ast) return in_trigger(std::move(ast).error());
    for (const Node& node : ast->nodes) {
      auto command = parse_instruction(node);
      if (!command) return in_trigger(std::move(command).error());
      if (std::holds_alternative<From>(command->body) ||
          std::holds_alternative<OnBuild>(command->body) ||
          std::holds_alternative<Maintainer>(command->body))
        return in_trigger({.code = Errc::kInvalid, .message = "isn't allowed as a trigger"});
      command->lines = stage.lines;
      commands.push_back(std::move(*command));
    }
  }
  bases_[stage.index].triggers = commands.size();
  stage.commands.insert(stage.commands.begin(), commands.begin(), commands.end());
  stages_.add_deps(stage, commands);
  return {};
}

std::optional<graph::Input> Lowering::add_image(const StageBase& base,
                                                const oci::Platform& platform,
                                                graph::Metadata about) {
  const ResolvedImage& image = *base.image;
  if (image.config.diff_ids.empty()) return std::nullopt;  // no layers: like scratch
  about.ignore_cache = false;
  return graph::Input{
      builder_.add({.op = graph::SourceOp{.identifier = image.identifier,
                                          .attributes = image.attributes,
                                          .written = base.name.empty() ? base.written : base.name},
                    .platform = platform},
                   std::move(about)),
      0};
}

std::string Lowering::ignore_text(const std::string& context) const {
  if (context == "context") return request_.dockerignore;
  const auto found = request_.named_ignores.find(context);
  return found == request_.named_ignores.end() ? "" : found->second;
}

Result<graph::Input> Lowering::add_local(const std::string& name) {
  graph::SourceOp source{.identifier = "local://" + name};
  auto ignore = graph::Ignore::parse(ignore_text(name));
  if (!ignore) return fail(std::move(ignore).error().in(".dockerignore"));
  if (!ignore->empty()) source.attributes["local.excludepatterns"] = json_array(ignore->patterns());
  if (request_.git_modes) source.attributes["local.modes"] = "git";
  const std::string label = name == "context" ? "[internal] load build context"
                                              : "[context " + name + "] load from client";
  return graph::Input{
      builder_.add({.op = std::move(source)}, {.name = label, .file = request_.file}), 0};
}

Result<void> Lowering::start_stage(const Stage& stage, StageState& state) {
  const StageBase& base = bases_[stage.index];
  state.platform = stage.platform.value_or(target_platform_);
  const bool counts_base = !stage.base && stage.from.base != "scratch";
  state.total = counts_base ? 1 : 0;
  for (const Instruction& command : stage.commands)
    if (std::holds_alternative<CopyFiles>(command.body) ||
        std::holds_alternative<Run>(command.body) || std::holds_alternative<Workdir>(command.body))
      ++state.total;

  if (stage.base) {
    const StageState& from = states_[*stage.base];
    state.root = from.root;
    state.image = from.image;
    state.args = from.args;
    state.env = from.env;  // ARGs of a parent stage go on
    state.has_workdir = from.has_workdir;
    state.platform = from.platform;
  } else if (base.image) {
    std::string shown = base.image->identifier;
    if (starts_with(shown, kImageScheme)) shown = shown.substr(kImageScheme.size());
    if (starts_with(shown, kLayoutScheme)) shown = base.written;
    state.image = base.image->config;
    state.root =
        add_image(base, state.platform, metadata(step_name(state, "FROM " + shown), stage.lines));
  } else {
    state.image.platform = state.platform;
    if (!base.local.empty()) {
      const graph::Input local = TRY(add_local(base.local));
      graph::FileOp whole{.scratch = true,
                          .actions = {graph::Copy{.input = 0, .src = "/", .dest = "/"}}};
      set_root(state,
               builder_.add({.inputs = {local}, .op = std::move(whole)},
                            metadata(step_name(state, "FROM " + stage.from.base), stage.lines)));
    }
  }
  state.image.created.clear();
  state.image.on_build.clear();
  if (state.image.working_dir.empty()) state.image.working_dir = "/";
  if (state.image.platform.os != "windows" && !oci::find_env(state.image.env, "PATH"))
    state.image.env.emplace_back(kDefaultPath);
  // One entry a name, where the last value counts.
  for (const std::string& entry : state.image.env) {
    const std::string key = oci::env_key(entry);
    oci::set_env(state.env, key,
                 std::string_view(entry).substr(std::min(key.size() + 1, entry.size())));
  }
  return {};
}

}  // namespace lichen::dockerfile
