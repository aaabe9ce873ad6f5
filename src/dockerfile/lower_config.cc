// Instructions that only change the image's config, and what all instructions share.
#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "base/unicode.h"
#include "dockerfile/history.h"
#include "dockerfile/lint_stage.h"
#include "dockerfile/lowering.h"
#include "dockerfile/mount.h"
#include "dockerfile/ports.h"
#include "dockerfile/signals.h"
#include "graph/sensitive.h"

namespace lichen::dockerfile {

namespace {

constexpr char kMask[] = "****";

void insert_sorted(std::vector<std::string>& values, const std::string& value) {
  const auto at = std::lower_bound(values.begin(), values.end(), value);
  if (at == values.end() || *at != value) values.insert(at, value);
}

// Names of steps are shown, and kept in records.
std::vector<std::string> masked(std::vector<std::string> env) {
  for (std::string& entry : env)
    if (const std::string name = oci::env_key(entry);
        graph::is_secret_name(name) && entry.size() > name.size() + 1)
      entry = name + "=" + kMask;
  return env;
}

}  // namespace

Result<std::string> Lowering::expand(const StageState& state, std::string_view text) {
  return expand(state, text, expander_);
}

Result<std::string> Lowering::expand(const StageState& state, std::string_view text,
                                     const Expander& expander) {
  Expansion expanded = TRY(expander.word(text, variables_of(state.env)));
  lint_variables(expanded.unmatched, state.args, state.env, site_, linter_);
  return std::move(expanded.text);
}

std::vector<std::string> Lowering::with_shell(const StageState& state,
                                              std::vector<std::string> words) const {
  std::vector<std::string> command = state.image.shell;
  if (command.empty() && state.image.platform.os == "windows") command = {"cmd", "/S", "/C"};
  if (command.empty()) command = {"/bin/sh", "-c"};
  command.push_back(join(words, " "));
  return command;
}

// "[build 2/5] RUN make": the position counts FROM an image and steps that make a layer.
std::string Lowering::step_name(StageState& state, std::string_view text, bool counted) const {
  return step_name(state, text, counted, state.env);
}

std::string Lowering::step_name(StageState& state, std::string_view text, bool counted,
                                const std::vector<std::string>& env) const {
  Expander shown = expander_;
  shown.raw_quotes = true;
  shown.skip_unset = true;
  const auto expanded = shown.word(text, variables_of(masked(env)));
  std::string name = expanded ? expanded->text : std::string(text);
  const std::size_t blank = std::min(name.find(' '), name.size());
  name = unicode::to_upper(std::string_view(name).substr(0, blank)) + name.substr(blank);
  if (!counted || state.total == 0) return name;
  ++state.shown;
  const std::string total = std::to_string(state.total);
  std::string number = std::to_string(state.shown);
  if (number.size() < total.size()) number.insert(0, total.size() - number.size(), ' ');
  return "[" + platform_label(state) + (state.label.empty() ? "" : state.label + " ") + number +
         "/" + total + "] " + name;
}

// Of a build for several platforms: "linux/arm64 ", or "linux/amd64->arm64 " of a stage that runs
// on one and asks which other it builds for.
std::string Lowering::platform_label(const StageState& state) const {
  if (!request_.multi_platform) return {};
  const std::string label = oci::to_text(state.platform);
  const auto value = [&](const char* name) { return oci::find_env(state.env, name); };
  oci::Platform target = state.platform;
  if (const auto text = value("TARGETPLATFORM")) {
    const auto parsed = oci::parse_platform(*text);
    if (!parsed) return label + " ";
    target = *parsed;
  } else {
    target.os = value("TARGETOS").value_or(target.os);
    if (const auto architecture = value("TARGETARCH")) {
      target.architecture = *architecture;
      target.variant = value("TARGETVARIANT").value_or("");
    }
  }
  if (target.os != state.platform.os) return label + "->" + oci::to_text(target) + " ";
  if (target.architecture == state.platform.architecture) return label + " ";
  return label + "->" + oci::to_text(target).substr(target.os.size() + 1) + " ";
}

// What a RUN's name shows of variables: those that hold secrets in it, and only in it, are masked.
std::vector<std::string> Lowering::shown_env(const StageState& state, const Run& run) const {
  std::vector<std::string> env = state.env;
  const ExpandWord expand = [&](std::string_view word) -> Result<std::string> {
    return std::move(TRY(expander_.word(word, variables_of(state.env))).text);
  };
  for (const std::string& text : run.mounts) {
    const auto mount = parse_mount(text, expand);  // what is wrong with it is told elsewhere
    if (mount && mount->kind == graph::MountKind::kSecret && mount->env)
      oci::set_env(env, *mount->env, kMask);
  }
  return env;
}

Result<void> Lowering::apply(Stage& stage, StageState& state, Instruction& command, bool trigger) {
  InstructionBody& body = command.body;
  oci::ImageConfig& image = state.image;
  const auto about = [&] {
    return metadata(step_name(state, (trigger ? "ONBUILD " : "") + command.code), command.lines);
  };
  if (auto* arg = std::get_if<Arg>(&body)) return apply_arg(stage, state, *arg);
  if (auto* env = std::get_if<Env>(&body)) return apply_env(state, *env);
  if (auto* label = std::get_if<Label>(&body)) return apply_label(state, *label);
  if (request_.outline && std::holds_alternative<CopyFiles>(body)) return {};
  if (auto* copy = std::get_if<CopyFiles>(&body)) return apply_copy(stage, state, *copy, about());
  if (auto* run = std::get_if<Run>(&body)) {
    if (request_.outline) return note_mounts(stage, state, *run);
    std::string name = (trigger ? "ONBUILD " : "") + command.code;
    if (run->files.size() == 1) {
      const std::string& data = run->files[0].content;
      const std::string first = data.substr(0, data.find('\n'));
      name += " (" + first + (data.size() > first.size() + 1 ? "..." : "") + ")";
    }
    return apply_run(
        state, *run,
        metadata(step_name(state, name, /*counted=*/true, shown_env(state, *run)), command.lines));
  }
  if (auto* workdir = std::get_if<Workdir>(&body)) {
    const std::string path = TRY(expand(state, workdir->path));
    lint_workdir(path, state.has_workdir, site_, linter_);
    if (path.empty()) return fail(Errc::kInvalid, "WORKDIR requires a path that is not empty");
    image.working_dir = clean_path(path, image.working_dir);
    if (image.working_dir == "/") {
      history::add(image, "WORKDIR /", false);
      return {};
    }
    return apply_workdir(state, *workdir, about());
  }
  if (auto* user = std::get_if<User>(&body)) return apply_user(state, *user);
  if (auto* volume = std::get_if<Volume>(&body)) return apply_volume(state, *volume);
  if (auto* expose = std::get_if<Expose>(&body)) return apply_expose(state, *expose);
  if (auto* stop = std::get_if<StopSignal>(&body)) return apply_stop_signal(state, *stop);
  if (auto* cmd = std::get_if<Cmd>(&body)) {
    lint_used_once(state.cmd_at, site_, linter_);
    lint_command(cmd->command, image.shell, site_, linter_);
    apply_cmd(state, *cmd);
  }
  if (auto* entrypoint = std::get_if<Entrypoint>(&body)) {
    lint_used_once(state.entrypoint_at, site_, linter_);
    lint_command(entrypoint->command, image.shell, site_, linter_);
    apply_entrypoint(state, *entrypoint);
  }
  if (auto* shell = std::get_if<Shell>(&body)) {
    image.shell = shell->words;
    history::add(image, "SHELL " + unicode::plain_list(shell->words), false);
  }
  if (auto* health = std::get_if<HealthCheck>(&body)) {
    lint_used_once(state.healthcheck_at, site_, linter_);
    image.healthcheck = health->check;
    history::add(image, history::of_healthcheck(health->check), false);
  }
  if (auto* onbuild = std::get_if<OnBuild>(&body)) image.on_build.push_back(onbuild->trigger);
  if (auto* maintainer = std::get_if<Maintainer>(&body)) {
    image.author = maintainer->value;
    history::add(image, "MAINTAINER " + maintainer->value, false);
  }
  return {};
}

Result<void> Lowering::apply_arg(const Stage& stage, StageState& state, Arg& arg) {
  StageOutline& outline = outlines_[stage.index];
  for (ArgItem& item : arg.items) {
    item.key = TRY(expander_.word(item.key, variables_of(state.env))).text;
    lint_arg(item.key, site_, linter_);
    const auto given = request_.build_args.find(item.key);
    const bool is_default = item.value.has_value();
    if (given != request_.build_args.end())
      item.value = given->second;
    else if (item.value)
      item.value = TRY(expand(state, *item.value));
    else
      item.value = oci::find_env(globals_, item.key);
    // An ARG without a default that a global one gives its value stays the global one.
    if (given != request_.build_args.end() || is_default || !item.value)
      outline.args[item.key] = {{item.key, item.value.value_or(""), item.doc, site_.lines}, {}};
    outline.used.insert(item.key);
    if (item.value) oci::set_env(state.env, item.key, *item.value);
    state.args.push_back(item);
  }
  history::add(state.image, history::of_arg(arg.items), false);
  return {};
}

Result<void> Lowering::apply_env(StageState& state, Env& env) {
  // All pairs see the values from before the instruction.
  for (Pair& pair : env.pairs) {
    pair.key = TRY(expand(state, pair.key));
    pair.value = TRY(expand(state, pair.value));
    if (pair.key.empty()) return fail(Errc::kInvalid, "ENV names can not be blank");
  }
  lint_env(env.pairs, site_, linter_);
  for (const Pair& pair : env.pairs) {
    oci::set_env(state.env, pair.key, pair.value);
    oci::set_env(state.image.env, pair.key, pair.value);
  }
  history::add(state.image, history::of_pairs("ENV", env.pairs), false);
  return {};
}

Result<void> Lowering::apply_label(StageState& state, Label& label) {
  for (Pair& pair : label.pairs) {
    pair.key = TRY(expand(state, pair.key));
    pair.value = TRY(expand(state, pair.value));
    state.image.labels[pair.key] = pair.value;
  }
  lint_label(label.pairs, site_, linter_);
  history::add(state.image, history::of_pairs("LABEL", label.pairs), false);
  return {};
}

Result<void> Lowering::apply_workdir(StageState& state, const Workdir&,
                                     const graph::Metadata& about) {
  graph::FileOp op{.scratch = !state.root.has_value(), .created = epoch_};
  op.actions.push_back(graph::MakeDirectory{
      .path = state.image.working_dir, .make_parents = true, .owner = state.image.user});
  graph::Vertex vertex{.op = std::move(op)};
  if (state.root) vertex.inputs.push_back(*state.root);
  set_root(state, builder_.add(std::move(vertex), about));
  history::add(state.image, "WORKDIR " + state.image.working_dir, true);
  return {};
}

Result<void> Lowering::apply_user(StageState& state, const User& user) {
  state.image.user = TRY(expand(state, user.user));
  history::add(state.image, "USER " + state.image.user, false);
  return {};
}

Result<void> Lowering::apply_volume(StageState& state, const Volume& volume) {
  std::vector<std::string> paths;
  for (const std::string& word : volume.paths) {
    const std::string path = TRY(expand(state, word));
    if (path.empty()) return fail(Errc::kInvalid, "VOLUME specified can not be an empty string");
    paths.push_back(path);
  }
  for (const std::string& path : paths) insert_sorted(state.image.volumes, path);
  history::add(state.image, "VOLUME " + unicode::plain_list(paths), false);
  return {};
}

Result<void> Lowering::apply_expose(StageState& state, const Expose& expose) {
  std::vector<std::string> words;
  for (const std::string& port : expose.ports) {
    Expansion expanded = TRY(expander_.word(port, variables_of(state.env)));
    for (std::string& word : expanded.words) words.push_back(std::move(word));
  }
  lint_expose(words, site_, linter_);
  const std::vector<std::string> ports = TRY(parse_ports(words));
  std::vector<std::string>& exposed = state.image.exposed_ports;
  exposed.insert(exposed.end(), ports.begin(), ports.end());
  std::sort(exposed.begin(), exposed.end());
  exposed.erase(std::unique(exposed.begin(), exposed.end()), exposed.end());
  history::add(state.image, "EXPOSE " + unicode::plain_list(ports), false);
  return {};
}

Result<void> Lowering::apply_stop_signal(StageState& state, const StopSignal& stop) {
  const std::string signal = TRY(expand(state, stop.signal));
  if (!is_signal(signal)) return fail(Errc::kInvalid, "Invalid signal: " + signal);
  state.image.stop_signal = signal;
  history::add(state.image, "STOPSIGNAL " + signal, false);
  return {};
}

void Lowering::apply_cmd(StageState& state, const Cmd& cmd) {
  std::vector<std::string> words = cmd.command.words;
  if (cmd.command.shell_form) words = with_shell(state, std::move(words));
  history::add(state.image, "CMD " + unicode::quote_list(words), false);
  state.image.cmd = std::move(words);
  state.image.args_escaped = true;
  state.has_cmd = true;
}

void Lowering::apply_entrypoint(StageState& state, const Entrypoint& entrypoint) {
  std::vector<std::string> words = entrypoint.command.words;
  if (entrypoint.command.shell_form) words = with_shell(state, std::move(words));
  history::add(state.image, "ENTRYPOINT " + unicode::quote_list(words), false);
  state.image.entrypoint.reset();
  if (!words.empty()) state.image.entrypoint = std::move(words);
  if (!state.has_cmd) state.image.cmd.reset();
}

}  // namespace lichen::dockerfile
