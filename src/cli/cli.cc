#include "cli/cli.h"

#include "base/hint.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/flags.h"
#include "cli/report.h"
#include "cli/signals.h"

namespace lichen::cli {

const std::vector<Command>& commands() {
  static const std::vector<Command> all = {
      {"build", "build an image from a Dockerfile", build_command},
      {"run", "run a command in an image", run_command},
      {"pull", "fetch an image from a registry", pull_command},
      {"push", "send an image to a registry", push_command},
      {"copy", "copy an image between registries, archives and the store", copy_command},
      {"save", "write an image as an archive", save_command},
      {"load", "take the images of an archive into the store", load_command},
      {"tags", "list the tags of a registry's repository", tags_command},
      {"delete", "delete an image from a registry", delete_command},
      {"images", "list images", images_command},
      {"inspect", "show an image's configuration and layers", inspect_command},
      {"history", "show how an image was made", history_command},
      {"tag", "give an image another name", tag_command},
      {"rmi", "remove images", rmi_command},
      {"du", "show what the store takes on disk", du_command},
      {"prune", "remove what is not needed from the store", prune_command},
      {"cache-mount", "list, export, import and remove what RUN --mount=type=cache keeps",
       cache_mount_command},
      {"builds", "show past builds, their logs and reports", builds_command},
      {"explain", "say why steps ran again", explain_command},
      {"login", "keep credentials for a registry", login_command},
      {"logout", "forget them", logout_command},
      {"doctor", "what this host allows, and what would help", doctor_command},
      {"debug", "open a shell in a step, check the store, show how files are read", debug_command},
      {"version", "show the version", version_command},
  };
  return all;
}

namespace {

std::string overview() {
  std::string text =
      "lichen builds container images as an ordinary user: no root, no daemon.\n\n"
      "Usage: lichen COMMAND [flags] [arguments]\n\nCommands:\n";
  for (const Command& command : commands()) {
    std::string line = std::string("  ") + command.name;
    line.resize(14, ' ');
    text += line + command.summary + "\n";
  }
  return text +
         "\nExamples:\n"
         "  lichen build -t app .         build ./Dockerfile into the local store\n"
         "  lichen run app                run it\n"
         "  lichen doctor                 what this host allows\n\n"
         "`lichen COMMAND --help` has the flags and more examples. Every command takes --root DIR\n"
         "(or LICHEN_ROOT), the directory of the store.\n";
}

int unknown_command(const std::string& name) {
  std::vector<std::string> names;
  for (const Command& command : commands()) names.push_back(command.name);
  const std::string meant = near_miss(name, names);
  return report_usage({.code = Errc::kInvalid,
                       .message = "unknown command \"" + name + "\"",
                       .hint = meant.empty() ? "`lichen --help` lists the commands"
                                             : "did you mean `lichen " + meant + "`?"});
}

}  // namespace

int version_command(const Invocation& invocation) {
  std::string root;  // taken, as by every command
  Syntax syntax{.name = "version", .summary = "Shows lichen's version.", .most = 0};
  syntax.flags = {text_flag("root", 0, "DIR", "", root)};
  syntax.examples = {{"lichen version", "as `lichen --version`"}};
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  return print(std::string("lichen ") + LICHEN_VERSION + "\n");
}

int run(const std::vector<std::string>& args) {
  Invocation invocation{
      .args = args, .variables = process_variables(), .cancelled = install_signal_handlers()};
  if (args.empty()) {
    (void)print(overview());
    return kUsageStatus;
  }
  std::string name = args.front();
  invocation.args.erase(invocation.args.begin());
  if (name == "--version" || name == "-v") name = "version";
  if (name == "--help" || name == "-h" || name == "help") {
    if (name != "help" || invocation.args.empty()) return print(overview());
    name = invocation.args.front();  // `lichen help build`
    invocation.args = {"--help"};
  }
  for (const Command& command : commands())
    if (name == command.name) return command.run(invocation);
  return unknown_command(name);
}

}  // namespace lichen::cli
