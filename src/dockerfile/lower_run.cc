// RUN -> ExecOp.
#include "base/text.h"
#include "base/unicode.h"
#include "dockerfile/heredoc.h"
#include "dockerfile/history.h"
#include "dockerfile/lowering.h"
#include "dockerfile/platform_args.h"

namespace lichen::dockerfile {

namespace {

constexpr char kScriptDirectory[] = "/dev/pipes/";

// The proxy build arguments under both cases of their names; the lower-case one wins.
std::vector<std::string> proxy_env(const std::map<std::string, std::string>& build_args) {
  std::map<std::string, std::string> values;
  for (const auto& [key, value] : build_args)
    if (is_proxy_arg(key) && key != to_lower(key)) values[to_lower(key)] = value;
  for (const auto& [key, value] : build_args)
    if (is_proxy_arg(key) && key == to_lower(key)) values[key] = value;
  std::vector<std::string> env;
  for (const auto& [key, value] : values) {
    env.push_back(unicode::to_upper(key) + "=" + value);
    env.push_back(key + "=" + value);
  }
  return env;
}

}  // namespace

// There are none. What a step does not require it does without, as where BuildKit has not the one.
Result<void> Lowering::check_devices(const Run& run) {
  for (const RunDevice& device : run.devices) {
    const std::string what = "RUN --device=" + device.name;
    if (device.required)
      return fail(Errc::kUnsupported, what + " is not supported: lichen passes no devices on",
                  "without `required` the step does without it");
    warnings_.push_back({.text = what + ": there is no such device; the step does without it",
                         .lines = where_,
                         .rule = {},
                         .description = {},
                         .url = {}});
  }
  return {};
}

Result<void> Lowering::apply_run(StageState& state, const Run& run, graph::Metadata about) {
  TRY(check_devices(run));
  const bool insecure = run.security == "insecure";
  if (insecure && !request_.allow_insecure && !request_.lint)
    return fail(Errc::kDenied, "security.insecure is not allowed",
                "--allow security.insecure allows it");
  graph::Vertex vertex;
  graph::ExecOp op;
  graph::Mount root{.dest = "/", .output = 0};
  if (state.root) {
    root.input = 0;
    vertex.inputs.push_back(*state.root);
  }
  op.mounts.push_back(std::move(root));

  std::vector<std::string> words = run.command.words;
  if (!run.files.empty() && words.size() == 1) {
    const Heredoc& first = run.files[0];
    if (!TRY(parse_heredoc(words[0]))) {
      // The shell understands heredocs itself: give it back what was taken out of the line.
      for (const Heredoc& file : run.files) words[0] += "\n" + file.content + file.name;
    } else if (starts_with(first.content, "#!") || starts_with(first.body(), "#!")) {
      graph::FileOp script{.scratch = true};
      script.actions.push_back(
          graph::MakeFile{.path = "/" + first.name, .mode = 0755, .data = first.body()});
      const graph::VertexId made = builder_.add(
          {.op = std::move(script)},
          metadata("[internal] preparing inline document", {about.first_line, about.last_line}));
      op.mounts.push_back({.input = vertex.inputs.size(),
                           .selector = "/",
                           .dest = kScriptDirectory,
                           .readonly = true});
      vertex.inputs.push_back({made, 0});
      words[0] = kScriptDirectory + first.name;
    } else {
      words[0] = first.body();
    }
  }
  TRY(add_mounts(state, run, vertex, op, {about.first_line, about.last_line}));
  if (run.command.shell_form) words = with_shell(state, std::move(words));
  if (words.empty()) return fail(Errc::kInvalid, "RUN requires at least one argument");

  op.args = words;
  op.env = state.env;
  op.cwd = state.image.working_dir;
  op.user = state.image.user;
  op.network = run.network == "none"   ? graph::NetworkMode::kNone
               : run.network == "host" ? graph::NetworkMode::kHost
                                       : request_.network;
  op.extra_hosts = request_.add_hosts;
  op.ulimits = request_.ulimits;
  op.insecure = insecure;
  if (const auto name = request_.build_args.find("BUILDKIT_SANDBOX_HOSTNAME");
      name != request_.build_args.end())
    op.hostname = name->second;
  op.proxy_env = proxy_env(request_.build_args);
  vertex.op = std::move(op);
  vertex.platform = state.platform;
  set_root(state, builder_.add(std::move(vertex), std::move(about)));
  history::add(state.image, history::of_run(words, state.args, state.env), true);
  return {};
}

}  // namespace lichen::dockerfile
