#include <ctime>

#include "base/rfc3339.h"
#include "base/text.h"
#include "cli/commands.h"
#include "cli/environment_flags.h"
#include "cli/format.h"
#include "cli/image_info.h"
#include "cli/json_text.h"
#include "cli/report.h"

namespace lichen::cli {

namespace {

struct Options {
  std::string root;
  bool json = false, quiet = false, no_trunc = false;
};

Syntax syntax_for(Options& options) {
  Syntax syntax{.name = "images",
                .arguments = "[NAME]",
                .summary = "Lists the images in the store, the newest first.",
                .text = "SIZE is what the layers take as compressed blobs.",
                .most = 1};
  syntax.flags = {
      switch_flag("quiet", 'q', "only ids", options.quiet),
      switch_flag("json", 0, "as JSON", options.json),
      switch_flag("no-trunc", 0, "whole ids", options.no_trunc),
      root_flag(options.root),
  };
  for (const char* name : {"filter", "format"})
    syntax.flags.push_back(refused_flag(name, 0, "VALUE"));
  syntax.examples = {{"lichen images", "all of them"},
                     {"lichen images app", "every tag of app"},
                     {"lichen images --json", "for programs"}};
  return syntax;
}

Result<std::string> list(const Options& options, const std::string& only) {
  const auto store = TRY(open_store(options.root));
  std::vector<ImageInfo> images;
  for (const store::Image& image : without_named(TRY(store->list_images()))) {
    const ShownName name = shown_name(image.name);
    if (!only.empty() && only != name.repository && only != name.repository + ":" + name.tag)
      continue;
    images.push_back(TRY(read_image(*store, image)));
  }
  sort_by_age(images);
  if (options.json) return images_json(images);
  const auto id_of = [&](const ImageInfo& info) {
    return options.no_trunc ? info.image.id().text() : info.image.id().short_hex();
  };
  std::string ids;
  std::vector<std::vector<std::string>> rows = {
      {"REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE"}};
  for (const ImageInfo& info : images) {
    const ShownName name = shown_name(info.image.name);
    const auto created = parse_rfc3339(info.config.created);
    ids += id_of(info) + "\n";
    rows.push_back({printable(name.repository), printable(name.tag), id_of(info),
                    created ? human_ago(std::time(nullptr) - *created) : "N/A",
                    human_size(info.bytes)});
  }
  return options.quiet ? ids : table(rows);
}

}  // namespace

int images_command(const Invocation& invocation) {
  Options options;
  const Syntax syntax = syntax_for(options);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  const auto text = list(options, parsed->arguments.empty() ? "" : parsed->arguments.front());
  return text ? print(*text) : report(text.error());
}

}  // namespace lichen::cli
