#include <ctime>

#include "base/text.h"
#include "build/explain.h"
#include "cli/builds_text.h"
#include "cli/commands.h"
#include "cli/environment_flags.h"
#include "cli/format.h"
#include "cli/report.h"
#include "history/report.h"
#include "transfer/output_file.h"

namespace lichen::cli {

namespace {

struct Options {
  std::string root, format, output, step;
  bool json = false, quiet = false;
  std::vector<std::string> arguments;  // after the verb

  std::string build() const { return arguments.empty() ? "" : arguments.front(); }
};

Flag format_flag(bool& json) {
  return {"format", 0, "json|table", "how lists are printed (default: table)",
          [&json](const std::string& text) -> Result<void> {
            if (text != "json" && text != "table")
              return fail(Errc::kInvalid, "\"" + text + "\" is not a format", "json or table");
            json = text == "json";
            return {};
          }};
}

Syntax builds_syntax(Options& options) {
  Syntax syntax{.name = "builds",
                .arguments = "ls | inspect [BUILD] | logs [BUILD] | report [BUILD] | rm BUILD…",
                .summary = "Shows past builds, their steps and what they wrote.",
                .text =
                    "BUILD is an id of `lichen builds ls`, or what one begins or ends with; the "
                    "newest without it. report writes one HTML page that needs no other file. The "
                    "newest 200 builds are kept, up to 64 MiB of records; `lichen prune` removes "
                    "them before anything else.",
                .least = 1,
                .missing_hint = "`lichen builds ls`"};
  syntax.flags = {format_flag(options.json),
                  switch_flag("json", 0, "as --format json", options.json),
                  switch_flag("quiet", 'q', "ls: ids alone", options.quiet),
                  text_flag("step", 0, "NUMBER", "logs: of this step alone", options.step),
                  text_flag("output", 'o', "FILE",
                            "report: where it goes; - is standard output (default: BUILD.html)",
                            options.output),
                  root_flag(options.root)};
  syntax.examples = {{"lichen builds ls", "one line a build, the newest first"},
                     {"lichen builds logs", "what the newest one's steps wrote"},
                     {"lichen builds report 3f2a9c -o report.html", "a page for a browser"},
                     {"lichen builds rm 3f2a9c", "forget one"}};
  return syntax;
}

Result<int> list(const Options& options) {
  if (options.quiet && !options.json) {
    std::string lines;
    for (const std::string& id : TRY(build::past_ids(options.root))) lines += id + "\n";
    return print(lines);
  }
  const std::vector<history::Build> builds = TRY(build::past_builds(options.root));
  return print(options.json ? builds_json(builds) : builds_table(builds, std::time(nullptr)));
}

Result<int> inspect(const Options& options) {
  const history::Build build = TRY(build::past_build(options.root, options.build()));
  return print(options.json ? build_json(build) : build_text(build));
}

Result<int> logs(const Options& options) {
  const history::Build build = TRY(build::past_build(options.root, options.build()));
  if (options.step.empty()) return print(log_text(build, 0));
  const std::string number = starts_with(options.step, "#") ? options.step.substr(1) : options.step;
  for (const auto& [step, record] : build.steps)
    if (std::to_string(step) == number) return print(log_text(build, step));
  return fail(Errc::kNotFound, "build " + build.id + " has no step " + printable(options.step),
              "`lichen builds inspect " + build.id + "` lists them");
}

Result<int> report_page(const Options& options) {
  const history::Build build = TRY(build::past_build(options.root, options.build()));
  const std::string page = history::report_html(build);
  if (options.output == "-") return print(page);
  const std::string file = options.output.empty() ? build.id + ".html" : options.output;
  TRY(transfer::OutputFile::write(file, page));
  return print(file + "\n");
}

Result<int> remove(const Options& options) {
  for (const std::string& one : options.arguments) {
    const int printed = print(TRY(build::remove_build(options.root, one)) + "\n");
    if (printed != 0) return printed;
  }
  return 0;
}

struct Row {
  const char* name;
  std::size_t least, most;  // arguments
  Result<int> (*run)(const Options& options);
};
constexpr Row kRows[] = {{"ls", 0, 0, list},
                         {"inspect", 0, 1, inspect},
                         {"logs", 0, 1, logs},
                         {"report", 0, 1, report_page},
                         {"rm", 1, 10'000, remove}};

Syntax explain_syntax(Options& options) {
  Syntax syntax{.name = "explain",
                .arguments = "[BUILD | BEFORE AFTER]",
                .summary = "Says why the steps of a build ran, instead of coming from the cache.",
                .text =
                    "Of two builds: which parts of their steps' keys differ, whether they ran or "
                    "not. BUILD is an id of `lichen builds ls`, or what one begins or ends with; "
                    "the newest without it.",
                .most = 2};
  syntax.flags = {format_flag(options.json),
                  switch_flag("json", 0, "as --format json", options.json),
                  root_flag(options.root)};
  syntax.examples = {{"lichen explain", "why the newest build's steps ran"},
                     {"lichen explain 3f2a9c 81b0d4", "what is different between two builds"}};
  return syntax;
}

Result<int> explain(const Options& options) {
  const std::vector<std::string>& builds = options.arguments;
  const build::Explanation explanation =
      builds.size() == 2 ? TRY(build::explain(options.root, builds[0], builds[1]))
                         : TRY(build::explain(options.root, options.build()));
  return print(options.json ? explanation_json(explanation) : explanation_text(explanation));
}

}  // namespace

int builds_command(const Invocation& invocation) {
  Options options;
  const Syntax syntax = builds_syntax(options);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  const std::string& verb = parsed->arguments.front();
  options.arguments.assign(parsed->arguments.begin() + 1, parsed->arguments.end());
  for (const Row& row : kRows) {
    if (verb != row.name) continue;
    if (options.arguments.size() < row.least || options.arguments.size() > row.most)
      return report_usage({.code = Errc::kInvalid,
                           .message = "lichen builds " + verb + ": wrong number of arguments",
                           .hint = "lichen builds " + syntax.arguments});
    const auto status = row.run(options);
    return status ? *status : report(status.error());
  }
  return report_usage({.code = Errc::kInvalid,
                       .message = "unknown command: lichen builds " + printable(verb),
                       .hint = "there are " + syntax.arguments});
}

int explain_command(const Invocation& invocation) {
  Options options;
  const Syntax syntax = explain_syntax(options);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  options.arguments = parsed->arguments;
  const auto status = explain(options);
  return status ? *status : report(status.error());
}

}  // namespace lichen::cli
