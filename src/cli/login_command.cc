#include "base/text.h"
#include "build/login.h"
#include "cli/commands.h"
#include "cli/environment_flags.h"
#include "cli/prompt.h"
#include "cli/report.h"

namespace lichen::cli {

namespace {

struct Options {
  build::Environment environment;
  std::string username, password;
  bool password_stdin = false;
};

Syntax syntax_for(Options& options) {
  Syntax syntax{
      .name = "login",
      .arguments = "[REGISTRY]",
      .summary = "Keeps credentials for a registry; without one for Docker Hub.",
      .text =
          "The registry is asked first whether they are good. They go where docker keeps them: "
          "to the helper that config.json names, or into config.json itself.",
      .most = 1};
  syntax.flags = {
      text_flag("username", 'u', "NAME", "who logs in; asked for without it", options.username),
      text_flag("password", 'p', "PASSWORD", "seen by whoever lists processes", options.password),
      switch_flag("password-stdin", 0, "take it from standard input", options.password_stdin),
      tls_flag(options.environment.tls_verify), root_flag(options.environment.root)};
  syntax.examples = {{"lichen login registry.example", "asks for name and password"},
                     {"lichen login -u me --password-stdin quay.io < token", "in a script"}};
  return syntax;
}

Syntax logout_syntax(std::string& root) {
  Syntax syntax{.name = "logout",
                .arguments = "[REGISTRY]",
                .summary = "Forgets the credentials for a registry; without one for Docker Hub.",
                .most = 1};
  syntax.flags = {root_flag(root)};
  syntax.examples = {{"lichen logout registry.example", "what `lichen login` has stored"}};
  return syntax;
}

Result<registry::Credential> ask(const Options& options, const std::string& domain,
                                 const std::atomic<bool>* cancelled) {
  registry::Credential credential{.username = options.username, .password = options.password};
  if (options.password_stdin) {
    if (!options.password.empty())
      return fail(Errc::kInvalid, "--password and --password-stdin are mutually exclusive");
    if (options.username.empty())
      return fail(Errc::kInvalid, "Must provide --username with --password-stdin");
    credential.password = TRY(read_password_from_stdin());
  } else if ((credential.username.empty() || credential.password.empty()) && !can_prompt()) {
    return fail(Errc::kInvalid, "cannot perform an interactive login from a non TTY device",
                "give --username and --password-stdin");
  }
  if (credential.username.empty())
    credential.username = TRY(prompt("User name for " + domain + ": ", true, cancelled));
  if (credential.password.empty() && !options.password_stdin)
    credential.password = TRY(prompt("Password: ", false, cancelled));
  if (credential.username.empty()) return fail(Errc::kInvalid, "a user name is required");
  if (credential.password.empty()) return fail(Errc::kInvalid, "password is empty");
  if (credential.username.find(':') != std::string::npos)
    return fail(Errc::kInvalid, "a user name cannot have a colon");
  return credential;
}

}  // namespace

int login_command(const Invocation& invocation) {
  Options options;
  options.environment.cancelled = invocation.cancelled;
  const Syntax syntax = syntax_for(options);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  const auto domain =
      build::registry_domain(parsed->arguments.empty() ? "" : parsed->arguments.front());
  if (!domain) return report_usage(domain.error());
  if (!options.password.empty())
    warn("--password is seen by whoever lists processes; use --password-stdin");
  const auto credential = ask(options, *domain, invocation.cancelled);
  if (!credential) return report_usage(credential.error());
  const auto outcome = build::login(*domain, *credential, options.environment);
  if (!outcome) return report(outcome.error());
  if (outcome->readable)
    warn("the credentials stand unencrypted in " + outcome->where +
         "; a credential helper would keep them better");
  if (!outcome->warning.empty()) warn(outcome->warning);
  return print("Login Succeeded\n");
}

int logout_command(const Invocation& invocation) {
  std::string root;  // taken, as by every command
  const Syntax syntax = logout_syntax(root);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  const auto domain =
      build::registry_domain(parsed->arguments.empty() ? "" : parsed->arguments.front());
  if (!domain) return report_usage(domain.error());
  const auto outcome = build::logout(*domain);
  if (!outcome) return report(outcome.error());
  if (!outcome->warning.empty()) warn(outcome->warning);
  return print((outcome->found ? "Removing login credentials for " : "Not logged in to ") +
               *domain + "\n");
}

}  // namespace lichen::cli
