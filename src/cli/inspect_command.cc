#include "cli/commands.h"
#include "cli/environment_flags.h"
#include "cli/image_info.h"
#include "cli/json_text.h"
#include "cli/report.h"
#include "transfer/session.h"

namespace lichen::cli {

namespace {

using transfer::Transport;

struct Options {
  std::string root, platform;
  bool raw = false, config = false, tls_verify = true;
};

Syntax syntax_for(Options& options) {
  Syntax syntax{
      .name = "inspect",
      .arguments = "IMAGE…",
      .summary = "Shows images' configuration, layers, digests and names as JSON.",
      .text =
          "IMAGE is a name or an id in the store, docker://NAME (a registry, of which only\n"
          "documents are fetched), oci:DIR, oci-archive:FILE, docker-archive:FILE or dir:DIR.",
      .least = 1,
      .missing_hint = "`lichen images` lists the images"};
  syntax.flags = {switch_flag("raw", 0, "the manifest or index as it is", options.raw),
                  switch_flag("config", 0, "the image's config as it is", options.config),
                  text_flag("platform", 0, "OS/ARCH",
                            "which image of an index (default: this machine's)", options.platform),
                  tls_flag(options.tls_verify),
                  root_flag(options.root),
                  refused_flag("format", 'f', "VALUE")};
  syntax.examples = {{"lichen inspect app", "one image"},
                     {"lichen inspect app | jq '.[0].Config.Cmd'", "one member"},
                     {"lichen inspect --raw docker://debian", "a registry's index"}};
  return syntax;
}

class Inspector {
 public:
  Inspector(const Options& options, oci::Platform platform)
      : options_(options), platform_(std::move(platform)) {}

  Result<std::string> inspect(const std::vector<std::string>& names,
                              const std::atomic<bool>* cancelled) {
    std::vector<transfer::Place> places;
    bool with_store = false;
    for (const std::string& name : names) {
      places.push_back(TRY(transfer::parse_place(name)));
      with_store = with_store || places.back().transport == Transport::kStore;
    }
    session_ = TRY(transfer::Session::open({.with_store = with_store,
                                            .root = options_.root,
                                            .tls_verify = options_.tls_verify,
                                            .cancelled = cancelled}));
    std::string text;
    std::vector<Inspected> images;
    for (const transfer::Place& place : places) {
      const auto source = TRY(open(place));
      if (options_.raw)
        text += TRY(source->document(source->root()));
      else if (options_.config)
        text += TRY(transfer::read_config(
            *source, TRY(transfer::choose_manifest(*source, platform_)).manifest));
      else
        images.push_back(TRY(inspect(place, *source)));
    }
    return options_.raw || options_.config ? text : inspect_json(images);
  }

 private:
  Result<std::unique_ptr<transfer::ImageSource>> open(const transfer::Place& place) {
    // For the hint.
    if (place.transport == Transport::kStore) (void)TRY(find_image(session_->store(), place.name));
    return transfer::open_source(place, session_->services());
  }

  Result<Inspected> inspect(const transfer::Place& place, transfer::ImageSource& source) {
    const bool is_stored = place.transport == Transport::kStore;
    Inspected one{.info = TRY(read_image(source, platform_, is_stored)), .names = {}};
    if (is_stored) {
      store::Store& store = session_->store();
      one.names = names_of(TRY(store.list_images()), TRY(find_image(store, place.name)));
    } else if (place.transport == Transport::kRegistry) {
      one.names = {oci::familiar_text(TRY(oci::parse_reference(place.name)))};
    }
    return one;
  }

  const Options& options_;
  oci::Platform platform_;
  std::unique_ptr<transfer::Session> session_;
};

Result<oci::Platform> platform_of(const Options& options) {
  const oci::Platform own = oci::host_platform();
  if (options.platform.empty()) return own;
  const std::vector<oci::Platform> platforms = TRY(parse_platforms(options.platform, own));
  if (platforms.size() != 1) return fail(Errc::kInvalid, "--platform names one platform");
  return platforms.front();
}

}  // namespace

int inspect_command(const Invocation& invocation) {
  Options options;
  const Syntax syntax = syntax_for(options);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  const auto platform = platform_of(options);
  if (!platform) return report_usage(platform.error());
  const auto text = Inspector(options, *platform).inspect(parsed->arguments, invocation.cancelled);
  return text ? print(*text) : report(text.error());
}

}  // namespace lichen::cli
