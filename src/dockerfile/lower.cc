#include "dockerfile/lower.h"

#include <algorithm>
#include <charconv>
#include <set>

#include "base/boolean.h"
#include "base/text.h"
#include "base/unicode.h"
#include "dockerfile/directives.h"
#include "dockerfile/excerpt.h"
#include "dockerfile/flags.h"
#include "dockerfile/lint_file.h"
#include "dockerfile/lint_from.h"
#include "dockerfile/lowering.h"
#include "dockerfile/parser.h"
#include "dockerfile/platform_args.h"
#include "dockerfile/remote_source.h"

namespace lichen::dockerfile {

namespace {

constexpr char kEpoch[] = "SOURCE_DATE_EPOCH";

// A boolean, or names of stages.
bool asks_for(const std::optional<std::string>& value, const std::string& stage) {
  if (!value || value->empty()) return false;
  if (const auto flag = parse_bool(*value)) return *flag;
  const std::vector<std::string> names = split(*value, ',');
  return std::any_of(names.begin(), names.end(), [&](const std::string& name) {
    return to_lower(trim(name)) == to_lower(stage);
  });
}

std::optional<std::string> find_arg(const std::vector<ArgItem>& args, const std::string& key) {
  for (auto arg = args.rbegin(); arg != args.rend(); ++arg)
    if (arg->key == key) return arg->value;
  return std::nullopt;
}

}  // namespace

Result<Lowered> lower(const Frontend& request, Images& images, std::vector<Warning>* warnings) {
  Lowering lowering(request, images);
  auto lowered = lowering.run();
  if (warnings != nullptr) *warnings = lowering.warnings();
  return lowered;
}

std::vector<Warning> Lowering::warnings() const {
  std::vector<Warning> warnings = linter_.warnings();
  warnings.insert(warnings.end(), warnings_.begin(), warnings_.end());
  return warnings;
}

Result<Lowered> Lowering::run() {
  const auto place = [this](Error error) {
    return fail(located(std::move(error), request_.file, request_.dockerfile, where_));
  };
  const auto work = [this]() -> Result<Lowered> {
    TRY(read());
    TRY(set_globals());
    TRY(expand_stages());
    const std::size_t wanted = target_ = TRY(target());
    TRY(prepare(wanted));
    // From here every base image is known and every stage that the target reaches is too.
    for (const std::size_t stage : needed(wanted)) TRY(lower_stage(stage));
    return finish(wanted);
  };
  auto lowered = work();
  if (!lowered) return place(std::move(lowered).error());
  return lowered;
}

// The target first, then what it is built on, then what it copies from.
Outline Lowering::outline() const {
  std::vector<const StageOutline*> stages;
  std::set<std::size_t> seen;
  std::vector<std::size_t> open = {target_};
  while (!open.empty()) {
    const std::size_t stage = open.back();
    open.pop_back();
    if (!seen.insert(stage).second) continue;
    stages.push_back(&outlines_[stage]);
    const std::vector<std::size_t>& deps = stages_.stages[stage].deps;
    open.insert(open.end(), deps.rbegin(), deps.rend());
  }
  Outline outline = merge_outlines(stages);
  outline.target = stages_.stages[target_].from.name;
  outline.description = stages_.stages[target_].from.doc;
  return outline;
}

Result<void> Lowering::check_syntax() {
  std::optional<Syntax> syntax = detect_syntax(request_.dockerfile);
  if (const auto given = request_.build_args.find("BUILDKIT_SYNTAX");
      given != request_.build_args.end())
    syntax = Syntax{given->second.substr(0, given->second.find(' ')), given->second, 1};
  if (!syntax || syntax->value.empty() || is_builtin_syntax(syntax->value)) return {};
  where_ = {syntax->line, syntax->line};
  return fail(Errc::kUnsupported, "the front end " + syntax->value +
                                      " is not supported: lichen has its own for "
                                      "docker/dockerfile and runs no other");
}

Result<void> Lowering::read() {
  where_ = {1, 1};
  if (request_.dockerfile.size() > kMaxFileBytes)
    return fail(Errc::kInvalid, "the Dockerfile is larger than 4 MiB");
  TRY(check_syntax());
  TRY(set_lint());
  Ast ast = TRY(parse(request_.dockerfile, &where_));
  expander_.escape = ast.escape;
  lint_continuations(ast, linter_);
  std::vector<Instruction> instructions;
  instructions.reserve(ast.nodes.size());
  for (const Node& node : ast.nodes) {
    where_ = node.lines;
    lint_node(node, linter_);
    auto instruction = parse_instruction(node);
    if (!instruction) {
      Error error = std::move(instruction).error();
      error.message = "dockerfile parse error on line " + std::to_string(node.lines.first) + ": " +
                      error.message;
      return fail(std::move(error));
    }
    lint_description(node, *instruction, linter_);
    instructions.push_back(std::move(*instruction));
  }
  stages_ = TRY(group_stages(std::move(instructions), where_));
  lint_stage_names(stages_, linter_);
  lint_casing(stages_, linter_);
  return {};
}

Result<void> Lowering::set_lint() {
  const auto given = request_.build_args.find("BUILDKIT_DOCKERFILE_CHECK");
  linter_ = Linter(TRY(lint_options_of(
      request_.dockerfile, given == request_.build_args.end() ? nullptr : &given->second)));
  auto ignore = graph::Ignore::parse(request_.dockerignore);
  if (ignore) ignore_ = std::move(*ignore);  // a bad one fails where the context is read
  return {};
}

Result<void> Lowering::set_globals() {
  // From here on it is a number, which steps see, or was not given.
  if (const auto given = request_.build_args.find(kEpoch);
      given != request_.build_args.end() && given->second == "context") {
    if (request_.context_time)
      given->second = std::to_string(*request_.context_time);
    else
      request_.build_args.erase(given);
  }
  build_platform_ = oci::host_platform();
  target_platform_ = request_.platform.value_or(build_platform_);
  const std::string stage =
      request_.target.empty() ? stages_.stages.back().from.name : request_.target;
  for (const std::string& entry : platform_args(build_platform_, target_platform_, stage)) {
    const std::string key(oci::env_key(entry));
    const auto given = request_.build_args.find(key);
    globals_.push_back(given == request_.build_args.end() ? entry : key + "=" + given->second);
  }
  lint_default_args(stages_, globals_, expander_, linter_);
  const Variables variables = variables_of(globals_);
  for (auto& [arg, lines] : stages_.global_args) {
    where_ = lines;
    for (ArgItem& item : arg.items) {
      const auto given = request_.build_args.find(item.key);
      std::set<std::string> depends;
      if (given != request_.build_args.end()) {
        item.value = given->second;
      } else if (item.value) {
        Expansion expansion = TRY(expander_.word(*item.value, variables));
        item.value = std::move(expansion.text);
        depends = std::move(expansion.matched);
      }
      if (item.value) oci::set_env(globals_, item.key, *item.value);
      global_outline_.define({item.key, item.value.value_or(""), item.doc, lines},
                             std::move(depends));
    }
  }
  return set_epoch();
}

Result<void> Lowering::set_epoch() {
  epoch_ = request_.source_date_epoch;
  std::optional<std::string> epoch = oci::find_env(globals_, kEpoch);
  const auto given = request_.build_args.find(kEpoch);
  if (given != request_.build_args.end()) epoch = given->second;
  if (!epoch || epoch->empty()) return {};
  epoch_ = TRY(epoch_of(*epoch));
  // What steps see of it is the number.
  if (given != request_.build_args.end()) {
    if (epoch_)
      given->second = std::to_string(*epoch_);
    else
      request_.build_args.erase(given);
  }
  if (epoch_ && oci::find_env(globals_, kEpoch))
    oci::set_env(globals_, kEpoch, std::to_string(*epoch_));
  return {};
}

// A number of seconds, or whose time it is: the context's, a named context's, or that of the one
// file that a stage is.
Result<std::optional<std::int64_t>> Lowering::epoch_of(const std::string& text) {
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc() && end == text.data() + text.size()) return std::optional(seconds);
  if (text == "context") return request_.context_time;
  std::string source;
  if (const auto named = request_.named_contexts.find(text);
      named != request_.named_contexts.end()) {
    source = named->second;
    if (starts_with(source, "docker-image://") || starts_with(source, "oci-layout://"))
      return fail(Errc::kInvalid, "SOURCE_DATE_EPOCH: the named context " + text +
                                      " is an image, which has no time");
  } else if (const auto stage = stages_.find(text, stages_.stages.size())) {
    source = TRY(epoch_source(stages_.stages[*stage]));
  } else {
    return fail(Errc::kInvalid, "invalid SOURCE_DATE_EPOCH: " + text,
                "a number of seconds since 1970, context, a named context or a stage");
  }
  return images_.time_of(source);
}

// What a stage fetches that is nothing else.
Result<std::string> Lowering::epoch_source(const Stage& stage) {
  where_ = stage.lines;
  if (stage.from.base != "scratch")
    return fail(Errc::kInvalid, "SOURCE_DATE_EPOCH stage must use FROM scratch");
  const auto* add =
      stage.commands.size() == 1 ? std::get_if<CopyFiles>(&stage.commands.front().body) : nullptr;
  if (add == nullptr || !add->add || add->sources.size() != 1 || !add->inline_files.empty())
    return fail(Errc::kInvalid, "SOURCE_DATE_EPOCH stage must be one ADD of one source");
  where_ = stage.commands.front().lines;
  std::string source = TRY(expander_.word(add->sources.front(), variables_of(globals_))).text;
  CopyFiles copy = *add;
  copy.checksum.clear();  // looked at when it is fetched
  if (!TRY(remote_source(copy, source)))
    return fail(Errc::kInvalid, "SOURCE_DATE_EPOCH stage must ADD a URL or a git repository");
  where_ = {};
  return source;
}

Result<void> Lowering::expand_stages() {
  const Variables variables = variables_of(globals_);
  std::vector<std::string> declared;
  for (const auto& [arg, lines] : stages_.global_args)
    for (const ArgItem& item : arg.items) declared.push_back(item.key);
  const std::size_t count = stages_.stages.size();
  for (Stage& stage : stages_.stages) {
    where_ = stage.lines;
    From& from = stage.from;
    const LintSite site{.lines = stage.lines, .comments = &stage.comments};
    const std::string written = from.base;
    Expansion base = TRY(expander_.word(written, variables));
    lint_from_variables(base, globals_, declared, site, linter_);
    std::set<std::string> used = std::move(base.matched);
    from.base = std::move(base.text);
    if (from.base.empty())
      return fail(Errc::kInvalid, "base name (" + written + ") should not be blank",
                  "a variable in it is not set: ARG before FROM gives it a default");
    if (!from.platform.empty()) {
      const Expansion platform = TRY(expander_.word(from.platform, variables));
      lint_from_variables(platform, globals_, declared, site, linter_);
      lint_from_platform(from.platform, platform, from.name, globals_, site, linter_);
      const std::string meant = suggested_arg(platform, globals_, declared);
      if (platform.text.empty())
        return fail(Errc::kInvalid,
                    "empty platform value from expression " + from.platform + meant);
      auto parsed = oci::parse_platform(platform.text);
      if (!parsed) {
        Error error = std::move(parsed).error();
        error.message = "failed to parse platform " + from.platform + ": " + error.message + meant;
        return fail(std::move(error));
      }
      stage.platform = std::move(*parsed);
      used.insert(platform.matched.begin(), platform.matched.end());
    }
    if (from.base != "scratch") stage.base = stages_.find(from.base, stage.index);
    if (stage.base) stage.deps.push_back(*stage.base);
    outlines_.push_back(stage.base ? outlines_[*stage.base] : global_outline_);
    outlines_.back().used.insert(used.begin(), used.end());
  }
  for (Stage& stage : stages_.stages) stages_.add_deps(stage, stage.commands);
  bases_.resize(count);
  states_.resize(count);
  for (std::size_t i = 0; i < count && count > 1; ++i) {
    const std::string& name = stages_.stages[i].from.name;
    states_[i].label = name.empty() ? "stage-" + std::to_string(i) : name;
  }
  return {};
}

Result<std::size_t> Lowering::target() {
  where_ = {};
  if (request_.target.empty()) return stages_.stages.size() - 1;
  if (const auto found = stages_.find(request_.target, stages_.stages.size())) return *found;
  std::vector<std::string> names;
  for (const Stage& stage : stages_.stages)
    if (!stage.from.name.empty()) names.push_back(stage.from.name);
  return fail(Errc::kNotFound, "target stage " + unicode::quote(request_.target) +
                                   " could not be found" + did_you_mean(request_.target, names));
}

std::set<std::size_t> Lowering::needed(std::size_t target) const {
  if (!request_.all_stages) return reachable(stages_.stages, target);
  std::set<std::size_t> all;
  for (std::size_t i = 0; i < stages_.stages.size(); ++i) all.insert(all.end(), i);
  return all;
}

// Resolves the bases of all stages that the target reaches. Triggers of base images may reach more
// stages, hence the loop.
Result<void> Lowering::prepare(std::size_t wanted) {
  for (bool changed = true; changed;) {
    changed = false;
    if (const auto cycle = find_cycle(stages_.stages)) {
      where_ = stages_.stages[*cycle].lines;
      const Stage& stage = stages_.stages[*cycle];
      return fail(Errc::kInvalid,
                  "circular dependency detected on stage: " +
                      (stage.from.name.empty() ? std::to_string(*cycle) : stage.from.name));
    }
    for (const std::size_t index : needed(wanted)) {
      if (bases_[index].prepared) continue;
      where_ = stages_.stages[index].lines;
      TRY(prepare_stage(stages_.stages[index]));
      changed = true;
    }
  }
  return {};
}

Result<void> Lowering::lower_stage(std::size_t index) {
  Stage& stage = stages_.stages[index];
  StageState& state = states_[index];
  where_ = stage.lines;
  ignore_cache_ = ignores_cache(stage);
  TRY(start_stage(stage, state));
  if (!bases_[index].replaced) {
    for (std::size_t i = 0; i < stage.commands.size(); ++i) {
      const Instruction& command = stage.commands[i];
      where_ = command.lines;
      site_ = {.lines = command.lines, .comments = &command.comments, .keyword = command.keyword};
      auto applied = apply(stage, state, stage.commands[i], i < bases_[index].triggers);
      const bool passed_over =
          !applied && request_.lint && applied.error().code == Errc::kUnsupported;
      if (!applied && !passed_over) return applied;
    }
  }
  state.done = true;
  return {};
}

Result<Lowered> Lowering::finish(std::size_t wanted) {
  StageState& state = states_[wanted];
  for (const auto& [key, value] : request_.labels) state.image.labels[key] = value;
  if (request_.platform) {
    oci::Platform& have = state.image.platform;
    const oci::Platform& want = *request_.platform;
    const bool changed = have.os != want.os || have.architecture != want.architecture;
    have.os = want.os;
    have.architecture = want.architecture;
    if (changed || !want.variant.empty()) have.variant = want.variant;
    if (changed || !want.os_version.empty()) have.os_version = want.os_version;
  }
  warn_unused_args();
  warn_unknown_stages();
  Lines first;
  if (auto error = linter_.error(first)) {
    where_ = first;
    return fail(std::move(*error));
  }
  std::vector<ScanTarget> scanned;
  if (request_.scans) scanned = TRY(scan_targets(wanted));
  return Lowered{.graph = scanned.empty() ? std::move(builder_).finish(state.root)
                                          : std::move(builder_).finish(std::vector{state.root}),
                 .config = std::move(state.image),
                 .warnings = warnings(),
                 .source_date_epoch = epoch_,
                 .scanned = std::move(scanned)};
}

// Stages that the target does not need have no tree.
Result<std::vector<ScanTarget>> Lowering::scan_targets(std::size_t wanted) {
  constexpr char kContext[] = "BUILDKIT_SBOM_SCAN_CONTEXT", kStage[] = "BUILDKIT_SBOM_SCAN_STAGE";
  std::vector<ScanTarget> targets;
  bool context = asks_for(oci::find_env(globals_, kContext), "");
  for (const std::size_t index : needed(wanted)) {
    const StageState& state = states_[index];
    const std::string& written = stages_.stages[index].from.name;
    const std::string name = written.empty() ? std::to_string(index) : written;
    context = context || asks_for(find_arg(state.args, kContext), name);
    if (index != wanted && state.root && asks_for(find_arg(state.args, kStage), name))
      targets.push_back({name, *state.root});
  }
  if (context) targets.push_back({"context", TRY(add_local("context"))});
  return targets;
}

void Lowering::warn_unused_args() {
  std::set<std::string> declared;
  const auto declare = [&declared](const Arg& arg) {
    for (const ArgItem& item : arg.items) declared.insert(item.key);
  };
  for (const auto& [arg, lines] : stages_.global_args) declare(arg);
  for (const Stage& stage : stages_.stages)
    for (const Instruction& command : stage.commands)
      if (const auto* arg = std::get_if<Arg>(&command.body)) declare(*arg);
  std::vector<std::string> unused;
  for (const auto& [key, value] : request_.build_args)
    if (!declared.contains(key) && !is_predefined_arg(key)) unused.push_back(key);
  if (!unused.empty())
    warnings_.push_back(
        {.text = "One or more build-args [" + join(unused, " ") + "] were not consumed",
         .lines = {},
         .rule = {},
         .description = {},
         .url = {}});
}

bool Lowering::ignores_cache(const Stage& stage) const {
  return request_.no_cache ||
         std::any_of(
             request_.no_cache_stages.begin(), request_.no_cache_stages.end(),
             [&](const std::string& name) { return to_lower(name) == to_lower(stage.from.name); });
}

void Lowering::warn_unknown_stages() {
  std::vector<std::string> names;
  for (const Stage& stage : stages_.stages)
    if (!stage.from.name.empty()) names.push_back(to_lower(stage.from.name));
  for (const std::string& name : request_.no_cache_stages)
    if (std::find(names.begin(), names.end(), to_lower(name)) == names.end())
      warnings_.push_back({.text = "--no-cache-filter: there is no stage " + unicode::quote(name) +
                                   did_you_mean(name, names),
                           .lines = {},
                           .rule = {},
                           .description = {},
                           .url = {}});
}

graph::Metadata Lowering::metadata(std::string name, Lines lines) const {
  return {.name = std::move(name),
          .file = request_.file,
          .first_line = lines.first,
          .last_line = lines.last,
          .ignore_cache = ignore_cache_};
}

}  // namespace lichen::dockerfile
