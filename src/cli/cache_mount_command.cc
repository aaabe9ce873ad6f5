#include <unistd.h>

#include <ctime>

#include "base/text.h"
#include "build/cache_mounts.h"
#include "cli/commands.h"
#include "cli/environment_flags.h"
#include "cli/format.h"
#include "cli/report.h"
#include "oci/json.h"

namespace lichen::cli {

namespace {

struct Options {
  build::Environment environment;
  bool json = false;
  std::string output = "-";
};

using Action = Result<int> (*)(const Options&, const std::vector<std::string>& arguments);

// What its first content was made of, in the words of the store.
std::string base_of(const build::CacheMountInfo& cache) {
  return cache.name.base.empty() ? "-" : std::string(trim(cache.name.base));
}

std::string list_text(const std::vector<build::CacheMountInfo>& caches) {
  constexpr std::size_t kIdWidth = 12, kNameWidth = 50;
  std::vector<std::vector<std::string>> rows = {
      {"ID", "TIER", "SIZE", "LAST USED", "STATE", "FIRST CONTENT", "NAME"}};
  for (const build::CacheMountInfo& cache : caches)
    rows.push_back({cache.name.text().substr(0, kIdWidth), cache.name.tier,
                    human_size(cache.usage.bytes), human_ago(std::time(nullptr) - cache.usage.used),
                    cache.usage.in_use ? "in use" : "-", printable(base_of(cache)),
                    shorten(printable(cache.shown), kNameWidth)});
  return table(rows);
}

std::string list_json(const std::vector<build::CacheMountInfo>& caches) {
  using Json = nlohmann::ordered_json;
  Json all = Json::array();
  for (const build::CacheMountInfo& cache : caches)
    all.push_back({{"id", cache.name.text()},
                   {"name", cache.shown},
                   {"tier", cache.name.tier},
                   {"firstContent", std::string(trim(cache.name.base))},
                   {"bytes", cache.usage.bytes},
                   {"created", cache.usage.created},
                   {"used", cache.usage.used},
                   {"inUse", cache.usage.in_use}});
  return all.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Result<int> list(const Options& options, const std::vector<std::string>&) {
  const auto caches = TRY(build::list_cache_mounts(options.environment));
  return print(options.json ? list_json(caches) : list_text(caches));
}

Result<int> export_one(const Options& options, const std::vector<std::string>& arguments) {
  if (options.output == "-" && ::isatty(STDOUT_FILENO) == 1)
    return fail(Errc::kInvalid, "an archive is not written to a terminal",
                "redirect it, or give -o FILE");
  TRY(build::export_cache_mount(options.environment, arguments[0], options.output, STDOUT_FILENO));
  return 0;
}

Result<int> import_one(const Options& options, const std::vector<std::string>& arguments) {
  const std::string path = arguments.size() > 1 ? arguments[1] : "-";
  if (path == "-" && ::isatty(STDIN_FILENO) == 1)
    return fail(Errc::kInvalid, "an archive is not read from a terminal");
  TRY(build::import_cache_mount(options.environment, arguments[0], path, STDIN_FILENO));
  return 0;
}

Result<int> remove(const Options& options, const std::vector<std::string>& arguments) {
  const std::uint64_t bytes = TRY(build::remove_cache_mounts(options.environment, arguments));
  return print("Total reclaimed space: " + human_size(bytes) + "\n");
}

Syntax list_syntax(Options& options) {
  return {
      .name = "cache-mount ls",
      .summary = "Lists the directories behind RUN --mount=type=cache.",
      .text = "Each tier has its own. FIRST CONTENT is what a mount's from, mode, uid and gid say.",
      .flags = {switch_flag("json", 0, "for programs; sizes in bytes", options.json)},
      .examples = {{"lichen cache-mount ls", "what there is"}},
      .most = 0};
}

Syntax export_syntax(Options& options) {
  return {.name = "cache-mount export",
          .arguments = "NAME",
          .summary = "Writes what a cache mount holds as a tar archive.",
          .text =
              "NAME is the mount's id in the Dockerfile (without one its target), or the\n"
              "beginning of an ID of `lichen cache-mount ls`. Owners are as steps see them.\n"
              "Steps that use it are waited for.",
          .flags = {text_flag("output", 'o', "FILE", "write here (default: standard output)",
                              options.output)},
          .examples = {{"lichen cache-mount export /root/.m2 -o m2.tar", "to a file"},
                       {"lichen cache-mount export go | zstd > go.tar.zst", "through a pipe"}},
          .least = 1,
          .most = 1};
}

Syntax import_syntax(Options&) {
  return {.name = "cache-mount import",
          .arguments = "NAME [FILE]",
          .summary = "Gives a cache mount the content of a tar archive.",
          .text =
              "The archive may be compressed. What the cache held before is removed, but stays\n"
              "when the archive cannot be unpacked. A cache that is not there is made.",
          .examples = {{"lichen cache-mount import /root/.m2 m2.tar", "from a file"}},
          .least = 1,
          .most = 2};
}

Syntax remove_syntax(Options&) {
  return {.name = "cache-mount rm",
          .arguments = "NAME…",
          .summary = "Removes cache mounts.",
          .text = "One that a build uses stays, which is an error.",
          .examples = {{"lichen cache-mount rm /root/.m2", "one"}},
          .least = 1};
}

struct Verb {
  const char* name;
  Syntax (*syntax)(Options&);
  Action act;
};
constexpr Verb kVerbs[] = {{"ls", list_syntax, list},
                           {"export", export_syntax, export_one},
                           {"import", import_syntax, import_one},
                           {"rm", remove_syntax, remove}};

int run_verb(const Verb& verb, const Invocation& invocation) {
  Options options;
  Syntax syntax = verb.syntax(options);
  syntax.flags.push_back(tier_flag(options.environment.tier));
  syntax.flags.push_back(root_flag(options.environment.root));
  const auto parsed = parse_flags(syntax, {invocation.args.begin() + 1, invocation.args.end()});
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  options.environment.cancelled = invocation.cancelled;
  const auto status = verb.act(options, parsed->arguments);
  return status ? *status : report(status.error());
}

std::string overview() {
  std::string text =
      "Usage: lichen cache-mount COMMAND\n\n"
      "The directories behind RUN --mount=type=cache.\n\nCommands:\n";
  Options options;
  for (const Verb& verb : kVerbs) {
    std::string line = std::string("  ") + verb.name;
    line.resize(10, ' ');
    text += line + verb.syntax(options).summary + "\n";
  }
  return text + "\nExamples:\n  lichen cache-mount ls      what there is\n";
}

}  // namespace

int cache_mount_command(const Invocation& invocation) {
  const std::string name = invocation.args.empty() ? "" : invocation.args.front();
  for (const Verb& verb : kVerbs)
    if (name == verb.name) return run_verb(verb, invocation);
  if (name == "--help" || name == "-h") return print(overview());
  return report_usage({.code = Errc::kInvalid,
                       .message = name.empty() ? "cache-mount: a command is missing"
                                               : "cache-mount: unknown command \"" + name + "\"",
                       .hint = "ls, export, import or rm"});
}

}  // namespace lichen::cli
