// `lichen tags` and `lichen delete`: what a registry's repository has.
#include "base/text.h"
#include "cli/commands.h"
#include "cli/environment_flags.h"
#include "cli/report.h"
#include "transfer/place.h"
#include "transfer/session.h"

namespace lichen::cli {

namespace {

struct Options {
  bool tls_verify = true;
  std::string root;  // taken, as by every command
};

Syntax tags_syntax(Options& options) {
  Syntax syntax{.name = "tags",
                .arguments = "NAME",
                .summary = "Lists the tags of a repository of a registry.",
                .least = 1,
                .most = 1};
  syntax.flags = {tls_flag(options.tls_verify), root_flag(options.root)};
  syntax.examples = {{"lichen tags debian", "one a line"}};
  return syntax;
}

Syntax delete_syntax(Options& options) {
  Syntax syntax{.name = "delete",
                .arguments = "NAME:TAG|NAME@DIGEST",
                .summary = "Deletes an image from a registry.",
                .text =
                    "Registries delete what a tag names, and with it its other tags. Not every "
                    "registry\ndoes. Images of the store are removed with `lichen rmi`.",
                .least = 1,
                .most = 1};
  syntax.flags = {tls_flag(options.tls_verify), root_flag(options.root)};
  syntax.examples = {{"lichen delete registry.example/app:old", "an image that nobody needs"}};
  return syntax;
}

// With or without docker://.
Result<oci::Reference> parse_remote(const std::string& text) {
  const transfer::Place place = TRY(transfer::parse_place(text));
  if (place.transport != transfer::Transport::kRegistry &&
      place.transport != transfer::Transport::kStore)
    return fail(Errc::kInvalid, printable(text) + " is not in a registry");
  return oci::parse_reference(place.name);
}

Result<std::unique_ptr<transfer::Session>> open(const Options& options,
                                                const Invocation& invocation) {
  return transfer::Session::open(
      {.tls_verify = options.tls_verify, .cancelled = invocation.cancelled});
}

Result<std::string> list_tags(const Options& options, const Invocation& invocation,
                              const std::string& name) {
  const oci::Reference reference = TRY(parse_remote(name));
  const auto session = TRY(open(options, invocation));
  std::string text;
  for (const std::string& tag : TRY(session->services().client->tags(reference)))
    text += printable(tag) + "\n";
  return text;
}

Result<std::string> remove(const Options& options, const Invocation& invocation,
                           const std::string& name) {
  const oci::Reference reference = TRY(parse_remote(name));
  // The tag that nobody wrote is not one to delete.
  if (name.find_last_of(":@") == std::string::npos ||
      name.find('/', name.find_last_of(":@")) != std::string::npos)
    return fail(Errc::kInvalid, printable(name) + " has neither tag nor digest",
                "say which image: " + printable(name) + ":TAG");
  const auto session = TRY(open(options, invocation));
  registry::Client& client = *session->services().client;
  const Digest digest =
      reference.digest.empty() ? TRY(client.resolve(reference)).digest : reference.digest;
  TRY(client.remove_manifest(reference, digest));
  return "Deleted: " + digest.text() + "\n";
}

int run(const Invocation& invocation, Syntax (*syntax_of)(Options&),
        Result<std::string> (*act)(const Options&, const Invocation&, const std::string&)) {
  Options options;
  const Syntax syntax = syntax_of(options);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  const auto text = act(options, invocation, parsed->arguments.front());
  return text ? print(*text) : report(text.error());
}

}  // namespace

int tags_command(const Invocation& invocation) {
  return run(invocation, tags_syntax, list_tags);
}

int delete_command(const Invocation& invocation) {
  return run(invocation, delete_syntax, remove);
}

}  // namespace lichen::cli
