#include "base/text.h"
#include "build/upkeep.h"
#include "cli/commands.h"
#include "cli/debug_lint.h"
#include "cli/debug_shell.h"
#include "cli/debug_text.h"
#include "cli/environment_flags.h"
#include "cli/report.h"
#include "os/file.h"

namespace lichen::cli {

namespace {

constexpr std::size_t kMaxFileBytes = 4u << 20;

struct Options {
  build::Environment environment;
  bool quick = false, repair = false;
  bool json = false;
  std::string target;
  std::vector<std::string> build_args;
  ShellOptions shell;
  Variables variables;
  std::vector<std::string> arguments;  // after the name of what is looked into
  bool dashes = false;                 // "--" stands before them
};

Syntax syntax_for(Options& options) {
  Syntax syntax{
      .name = "debug",
      .arguments =
          "fsck | shell [STEP] [-- COMMAND…] | ast FILE | words FILE | ignore FILE [PATH...] | "
          "lint FILE [IGNORE]",
      .summary = "Looks into a build's steps, and into lichen: its store, how it reads files.",
      .text =
          "fsck prints one line for each thing that is wrong with the store, and exits "
          "with 6 if there is any; --repair removes what cannot be used, and exits with 6 "
          "if anything is left. shell opens a shell in the tree of a past build's step, before or "
          "after it, with its mounts, variables and user; what it changes is discarded. STEP is a "
          "number of `lichen builds inspect`, or a part of a name; without it, with --failed, the "
          "one that "
          "failed. ast prints the syntax tree of a "
          "Dockerfile, words "
          "what each line of a file expands to (lines \"ENV NAME=VALUE\" set variables), "
          "ignore the patterns of a .dockerignore, or which paths match it, lint what "
          "`lichen build --check` would say, without a look at base images.",
      .least = 1,
      .missing_hint = "`lichen debug fsck`"};
  syntax.flags = {
      switch_flag("quick", 0, "fsck: do not read the blobs' bytes", options.quick),
      switch_flag("repair", 0, "fsck: remove what is damaged", options.repair),
      switch_flag("json", 0, "ast: everything, as JSON", options.json),
      text_flag("target", 0, "STAGE", "lint: this stage (default: all)", options.target),
      list_flag("build-arg", 0, "NAME=VALUE", "lint: repeatable", options.build_args),
      tier_flag(options.environment.tier),
      root_flag(options.environment.root)};
  add_shell_flags(syntax.flags, options.shell);
  syntax.examples = {{"lichen debug shell --failed", "where the newest build's step failed"},
                     {"lichen debug shell --failed -- cat config.log", "a command instead"},
                     {"lichen debug shell --before 'RUN make'", "what that step started from"},
                     {"lichen debug fsck", "check every blob, record and image"},
                     {"lichen debug fsck --repair", "remove what is damaged"},
                     {"lichen debug ast Dockerfile", "its instructions, one a line"},
                     {"lichen debug ignore .dockerignore a/b", "whether a/b is left out"}};
  return syntax;
}

Result<int> check_store(const Options& options) {
  const build::StoreCheck check = TRY(
      build::check_store(options.environment, {.deep = !options.quick, .repair = options.repair}));
  std::string text;
  for (const std::string& problem : check.checked.problems) text += printable(problem) + "\n";
  if (text.empty()) text = "no problems in " + printable(check.root) + "\n";
  const int printed = print(text);
  return check.checked.left == 0 ? printed : exit_status(Errc::kCorrupt);
}

Result<int> show_ast(const Options& options) {
  const std::string text = TRY(os::read_file(options.arguments[0], kMaxFileBytes));
  return print(TRY(ast_text(text, options.json)));
}

Result<int> show_words(const Options& options) {
  return print(words_text(TRY(os::read_file(options.arguments[0], kMaxFileBytes))));
}

Result<int> show_ignore(const Options& options) {
  const std::string text = TRY(os::read_file(options.arguments[0], kMaxFileBytes));
  const std::vector<std::string> paths(options.arguments.begin() + 1, options.arguments.end());
  return print(TRY(ignore_text(text, paths)));
}

Result<int> show_lint(const Options& options) {
  dockerfile::Frontend request{
      .dockerfile = TRY(os::read_file(options.arguments[0], kMaxFileBytes)), .file = "Dockerfile"};
  request.target = options.target;
  for (const std::string& arg : options.build_args)
    request.build_args[arg.substr(0, arg.find('='))] =
        arg.substr(std::min(arg.find('='), arg.size() - 1) + 1);
  if (options.arguments.size() > 1)
    request.dockerignore = TRY(os::read_file(options.arguments[1], kMaxFileBytes));
  return print(lint_text(request));
}

Result<int> open_shell(const Options& options) {
  auto request = parse_shell(options.shell, options.arguments, options.dashes, options.variables);
  if (!request) return report_usage(request.error());
  return run_shell(std::move(*request), options.environment);
}

struct Row {
  const char* name;
  std::size_t least, most;  // arguments
  Result<int> (*run)(const Options& options);
};
constexpr Row kRows[] = {
    {"fsck", 0, 0, check_store},        {"ast", 1, 1, show_ast},   {"words", 1, 1, show_words},
    {"ignore", 1, 10'000, show_ignore}, {"lint", 1, 2, show_lint}, {"shell", 0, 10'000, open_shell},
};

}  // namespace

int debug_command(const Invocation& invocation) {
  Options options;
  const Syntax syntax = syntax_for(options);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  options.environment.cancelled = invocation.cancelled;
  options.variables = invocation.variables;
  const std::string& what = parsed->arguments.front();
  options.arguments.assign(parsed->arguments.begin() + 1, parsed->arguments.end());
  options.dashes = parsed->dashes == 1;
  for (const Row& row : kRows) {
    if (what != row.name) continue;
    if (options.arguments.size() < row.least || options.arguments.size() > row.most)
      return report_usage({.code = Errc::kInvalid,
                           .message = "lichen debug " + what + ": wrong number of arguments",
                           .hint = "lichen debug " + syntax.arguments});
    const auto status = row.run(options);
    return status ? *status : report(status.error());
  }
  return report_usage({.code = Errc::kInvalid,
                       .message = "unknown command: lichen debug " + what,
                       .hint = "there are " + syntax.arguments});
}

}  // namespace lichen::cli
