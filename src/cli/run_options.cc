#include "cli/run_options.h"

#include "base/hint.h"
#include "base/text.h"
#include "cli/environment_flags.h"
#include "cli/flags.h"
#include "cli/ulimit_flag.h"

namespace lichen::cli {

namespace {

Flag pull_policy_flag(bool& pull) {
  return {"pull", 0, "always|missing",
          "ask the registry first, or only when the image is not here (the default)",
          [&pull](const std::string& text) -> Result<void> {
            if (text == "never") return fail(Errc::kUnsupported, "\"never\" is not supported yet");
            if (text != "always" && text != "missing")
              return fail(Errc::kInvalid, "\"" + text + "\" is not a pull policy",
                          hint_for(text, {"always", "missing"}));
            pull = text == "always";
            return {};
          }};
}

Syntax run_syntax(RunOptions& options) {
  build::RunRequest& request = options.request;
  Syntax syntax{.name = "run",
                .arguments = "IMAGE [COMMAND [ARGUMENT…]]",
                .summary = "Runs a command in an image, in the same sandbox as a build's RUN.",
                .text =
                    "What the command changes is discarded when it ends. Its exit status is "
                    "passed on;\n125 means that lichen itself failed.",
                .least = 1,
                .missing_hint = "`lichen images` lists the images",
                .ends_at_first = true};
  syntax.flags = {
      list_flag("volume", 'v', "SOURCE:TARGET[:ro]", "show a directory or file inside; repeatable",
                request.volumes),
      list_flag("env", 'e', "NAME[=VALUE]",
                "set a variable; NAME alone takes it from the environment; repeatable",
                request.env),
      text_flag("workdir", 'w', "DIR", "working directory (default: the image's)", request.workdir),
      text_flag("user", 'u', "USER[:GROUP]", "user (default: the image's)", request.user),
      switch_flag("interactive", 'i', "pass standard input on", request.interactive),
      switch_flag("tty", 't', "give the command a terminal", request.terminal),
      {"entrypoint", 0, "PROGRAM", "instead of the image's entry point; \"\": none",
       [&request](const std::string& text) -> Result<void> {
         request.entrypoint = text;
         return {};
       }},
      network_flag(request.network),
      list_flag("publish", 'p', "[ADDRESS:]HOST:CONTAINER[/udp]",
                "a port of the host that leads in; repeatable; means --network=sandbox",
                request.ports),
      add_host_flag(request.add_hosts),
      ulimit_flag(request.ulimits),
      {"platform", 0, "OS/ARCH", "of an image for several platforms (default: this machine's)",
       [&request](const std::string& text) -> Result<void> {
         request.platform = oci::normalised(TRY(oci::parse_platform(text)));
         return {};
       }},
      pull_policy_flag(request.pull),
      tier_flag(options.environment.tier),
      tls_flag(options.environment.tls_verify),
      root_flag(options.environment.root),
      ignored_switch("rm"),    // always so
      ignored_switch("init"),  // always so
  };
  for (const char* name :
       {"cap-add", "cap-drop", "cpus", "device", "env-file", "gpus", "label", "mount", "name",
        "restart", "security-opt", "shm-size", "tmpfs", "userns"})
    syntax.flags.push_back(refused_flag(name, 0, "VALUE"));
  syntax.flags.push_back(refused_flag("hostname", 0, "VALUE"));
  syntax.flags.push_back(refused_flag("memory", 'm', "VALUE"));
  syntax.flags.push_back(refused_flag("detach", 'd', ""));
  syntax.flags.push_back(refused_flag("privileged", 0, ""));
  syntax.flags.push_back(refused_flag("read-only", 0, ""));
  syntax.examples = {{"lichen run app", "the image's own command"},
                     {"lichen run -it debian:12 bash", "a shell with a terminal"},
                     {"lichen run -v \"$PWD\":/src -w /src app make", "work on files of the host"},
                     {"lichen run -p 8080:80 app", "http://localhost:8080 is its port 80"},
                     {"lichen run --network none app ./selftest", "without network"}};
  return syntax;
}

}  // namespace

Result<RunOptions> parse_run(const std::vector<std::string>& args) {
  RunOptions options;
  const Parsed parsed = TRY(parse_flags(run_syntax(options), args));
  options.help = parsed.help;
  if (parsed.help) return options;
  options.request.image = parsed.arguments.front();
  options.request.command.assign(parsed.arguments.begin() + 1, parsed.arguments.end());
  return options;
}

std::string run_help() {
  RunOptions options;
  return help_text(run_syntax(options));
}

}  // namespace lichen::cli
