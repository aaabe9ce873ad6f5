#include <algorithm>
#include <ctime>

#include "base/text.h"
#include "cli/commands.h"
#include "cli/environment_flags.h"
#include "cli/format.h"
#include "cli/history_lines.h"
#include "cli/report.h"

namespace lichen::cli {

namespace {

struct Options {
  std::string root;
  bool json = false, no_trunc = false;
};

Syntax syntax_for(Options& options) {
  Syntax syntax{.name = "history",
                .arguments = "IMAGE",
                .summary = "Shows how an image was made, the last step first.",
                .least = 1,
                .most = 1,
                .missing_hint = "`lichen images` lists the images"};
  syntax.flags = {switch_flag("no-trunc", 0, "whole commands", options.no_trunc),
                  switch_flag("json", 0, "as JSON", options.json), root_flag(options.root),
                  refused_flag("format", 0, "VALUE"), refused_flag("quiet", 'q', "")};
  syntax.examples = {{"lichen history app", "one line for each step"},
                     {"lichen history --no-trunc app", "with whole commands"}};
  return syntax;
}

Result<std::string> history(const Options& options, const std::string& name) {
  const auto store = TRY(open_store(options.root));
  const ImageInfo info = TRY(read_image(*store, TRY(find_image(*store, name))));
  const std::vector<HistoryLine> lines = history_lines(info.config.history, info.manifest.layers);
  if (options.json) return history_json(lines);
  return history_table(lines, std::time(nullptr), options.no_trunc);
}

}  // namespace

int history_command(const Invocation& invocation) {
  Options options;
  const Syntax syntax = syntax_for(options);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  const auto text = history(options, parsed->arguments.front());
  return text ? print(*text) : report(text.error());
}

}  // namespace lichen::cli
