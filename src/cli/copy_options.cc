#include "cli/copy_options.h"

#include <charconv>

#include "base/text.h"
#include "cli/environment_flags.h"

namespace lichen::cli {

namespace {

using transfer::Transport;

struct Written {
  CopyRequest request;
  std::string platform, file, format;
  bool quiet = false;
};

constexpr char kPlaces[] =
    "An IMAGE is a name in the store, docker://NAME (a registry), oci:DIR[:NAME],\n"
    "oci-archive:FILE[:NAME], docker-archive:FILE[:NAME] or dir:DIR. FILE may be \"-\".\n";

Result<int> parse_level(const std::string& text) {
  int level = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), level);
  if (error != std::errc() || end != text.data() + text.size() || level < 0 || level > 19)
    return fail(Errc::kInvalid, "\"" + text + "\" is not a level from 0 to 19");
  return level;
}

Result<std::optional<archive::Compression>> parse_compression(const std::string& text) {
  if (text == "keep") return std::nullopt;
  if (text == "gzip") return archive::Compression::kGzip;
  if (text == "zstd") return archive::Compression::kZstd;
  if (text == "uncompressed") return archive::Compression::kNone;
  return fail(Errc::kInvalid, "unknown compression \"" + text + "\"",
              "keep, gzip, zstd or uncompressed");
}

void add_layers(Syntax& syntax, transfer::CopyOptions& options) {
  syntax.flags.push_back({"compression", 0, "keep|gzip|zstd|uncompressed",
                          "make layers anew that are compressed otherwise (default: keep)",
                          [&options](const std::string& text) -> Result<void> {
                            options.compression = TRY(parse_compression(text));
                            return {};
                          }});
  syntax.flags.push_back({"compression-level", 0, "N", "of layers that are made anew",
                          [&options](const std::string& text) -> Result<void> {
                            options.level = TRY(parse_level(text));
                            return {};
                          }});
  syntax.flags.push_back(switch_flag("preserve-digests", 0,
                                     "fail rather than change the image's digest",
                                     options.preserve_digests));
  syntax.flags.push_back(memory_flag(options.memory_bytes));
}

void add_common(Syntax& syntax, Written& written) {
  syntax.flags.push_back(switch_flag(
      "quiet", 'q', "no progress; the digest on standard output is all", written.quiet));
  syntax.flags.push_back({"progress", 0, "auto|plain|tty|quiet", "how progress is shown",
                          [&written](const std::string& text) -> Result<void> {
                            written.request.progress = TRY(parse_progress(text));
                            return {};
                          }});
  syntax.flags.push_back(root_flag(written.request.root));
}

Flag platform_flag(std::string& platform) {
  return text_flag("platform", 0, "OS/ARCH",
                   "the image for this platform (default: this machine's)", platform);
}

Flag all_flag(CopyVerb verb, bool& all) {
  if (verb == CopyVerb::kPull)
    return switch_flag("all-platforms", 0, "the images for all platforms", all);
  return switch_flag("all", 'a', "the images for all platforms", all);
}

Flag digest_file_flag(std::string& path) {
  return text_flag("digestfile", 0, "FILE", "write the digest here", path);
}

Syntax copy_syntax(Written& written) {
  CopyRequest& request = written.request;
  Syntax syntax{.name = "copy",
                .arguments = "IMAGE IMAGE",
                .summary = "Copies an image between registries, layouts, archives and the store.",
                .text = std::string(kPlaces) +
                        "Bytes stay as they are, and with them the digest, which is printed.",
                .least = 2,
                .most = 2,
                .missing_hint = "`lichen copy docker://debian oci:debian`"};
  syntax.flags = {all_flag(CopyVerb::kCopy, request.options.all), platform_flag(written.platform),
                  digest_file_flag(request.digest_file), tls_flag(request.tls_verify)};
  add_layers(syntax, request.options);
  syntax.examples = {
      {"lichen copy docker://debian oci:debian:stable", "a layout that other tools read"},
      {"lichen copy --all docker://a.example/app docker://b.example/app", "for all platforms"},
      {"lichen copy --compression=zstd app docker://b.example/app", "with other layers"}};
  return syntax;
}

Syntax pull_syntax(Written& written) {
  CopyRequest& request = written.request;
  Syntax syntax{.name = "pull",
                .arguments = "NAME[:TAG|@DIGEST]",
                .summary = "Fetches an image from a registry into the store.",
                .text = "The digest is printed. What the store has is not fetched again.",
                .least = 1,
                .most = 1};
  syntax.flags = {all_flag(CopyVerb::kPull, request.options.all), platform_flag(written.platform),
                  tls_flag(request.tls_verify)};
  syntax.examples = {{"lichen pull debian:stable", "docker.io/library/debian:stable"},
                     {"lichen pull --platform linux/arm64 debian", "for another machine"}};
  return syntax;
}

Syntax push_syntax(Written& written) {
  CopyRequest& request = written.request;
  Syntax syntax{.name = "push",
                .arguments = "IMAGE [NAME[:TAG]]",
                .summary = "Sends an image of the store to a registry.",
                .text = "With one name, to the registry that it says. The digest is printed.",
                .least = 1,
                .most = 2,
                .missing_hint = "`lichen images` lists the images"};
  syntax.flags = {digest_file_flag(request.digest_file), tls_flag(request.tls_verify)};
  add_layers(syntax, request.options);
  syntax.examples = {{"lichen push registry.example/app:1", "where its name says"},
                     {"lichen push app registry.example/app:1", "under another name"}};
  return syntax;
}

Syntax save_syntax(Written& written) {
  CopyRequest& request = written.request;
  Syntax syntax{
      .name = "save",
      .arguments = "IMAGE [IMAGE…]",
      .summary = "Writes images of the store as an archive, for `docker load` and others.",
      .text = "What several images have in common is in it once.",
      .least = 1,
      .missing_hint = "`lichen images` lists the images"};
  syntax.flags = {
      text_flag("output", 'o', "FILE", "where to (default: standard output)", written.file),
      text_flag("format", 0, "docker-archive|oci-archive|oci-dir|docker-dir",
                "(default: docker-archive)", written.format),
      all_flag(CopyVerb::kSave, request.options.all), platform_flag(written.platform)};
  add_layers(syntax, request.options);
  syntax.examples = {{"lichen save -o app.tar app", "`docker load -i app.tar` reads it"},
                     {"lichen save app db | ssh host docker load", "two images, without a file"}};
  return syntax;
}

Syntax load_syntax(Written& written) {
  Syntax syntax{
      .name = "load",
      .summary = "Takes the images of an archive into the store.",
      .text = "The archive is one of `docker save`, or an OCI layout; it may be compressed.",
      .most = 0};
  syntax.flags = {
      text_flag("input", 'i', "FILE", "the archive (default: standard input)", written.file),
      platform_flag(written.platform)};
  syntax.examples = {{"lichen load -i app.tar", "all images in it"},
                     {"docker save app | lichen load", "from docker"}};
  return syntax;
}

Syntax syntax_of(CopyVerb verb, Written& written) {
  Syntax syntax = verb == CopyVerb::kCopy   ? copy_syntax(written)
                  : verb == CopyVerb::kPull ? pull_syntax(written)
                  : verb == CopyVerb::kPush ? push_syntax(written)
                  : verb == CopyVerb::kSave ? save_syntax(written)
                                            : load_syntax(written);
  add_common(syntax, written);
  return syntax;
}

// A name without a transport means the registry here.
Result<transfer::Place> parse_remote(const std::string& text) {
  const transfer::Place place = TRY(transfer::parse_place(text));
  if (place.transport != Transport::kStore) return place;
  return transfer::parse_place("docker://" + text);
}

Result<transfer::Place> parse_stored(const std::string& text) {
  transfer::Place place = TRY(transfer::parse_place(text));
  if (place.transport != Transport::kStore)
    return fail(Errc::kInvalid, printable(text) + " is not an image of the store",
                "`lichen copy` has other places");
  return place;
}

// The name under which the store keeps what came from a registry.
Result<std::string> stored_name(const std::string& reference) {
  oci::Reference name = TRY(oci::parse_reference(reference));
  if (name.tag.empty()) return std::string();
  name.digest = {};
  return oci::to_text(name);
}

Result<transfer::Place> saved_place(const Written& written) {
  struct Format {
    const char* name;
    Transport transport;
  };
  static constexpr Format kFormats[] = {{"docker-archive", Transport::kDockerArchive},
                                        {"oci-archive", Transport::kOciArchive},
                                        {"oci-dir", Transport::kOciDirectory},
                                        {"docker-dir", Transport::kDirectory}};
  const std::string format = written.format.empty() ? "docker-archive" : written.format;
  for (const Format& one : kFormats) {
    if (format != one.name) continue;
    const bool is_archive = ends_with(format, "-archive");
    if (!is_archive && written.file.empty())
      return fail(Errc::kInvalid, "--format " + format + " needs a directory", "-o DIR");
    return transfer::Place{
        .transport = one.transport, .path = written.file.empty() ? "-" : written.file, .name = {}};
  }
  return fail(Errc::kInvalid, "--format: unknown format \"" + printable(format) + "\"",
              "docker-archive, oci-archive, oci-dir or docker-dir");
}

Result<void> take_places(CopyVerb verb, const std::vector<std::string>& arguments,
                         Written& written) {
  CopyRequest& request = written.request;
  switch (verb) {
    case CopyVerb::kCopy:
      request.from = TRY(transfer::parse_place(arguments[0]));
      request.to = TRY(transfer::parse_place(arguments[1]));
      return {};
    case CopyVerb::kPull:
      request.from = TRY(parse_remote(arguments[0]));
      if (request.from.transport != Transport::kRegistry)
        return fail(Errc::kInvalid, printable(arguments[0]) + " is not in a registry",
                    "`lichen copy` has other places");
      request.to = {
          .transport = Transport::kStore, .path = {}, .name = TRY(stored_name(request.from.name))};
      return {};
    case CopyVerb::kPush:
      request.from = TRY(parse_stored(arguments[0]));
      request.to = TRY(parse_remote(arguments.back()));
      request.options.all = true;
      return {};
    case CopyVerb::kSave:
      request.from = TRY(parse_stored(arguments[0]));
      for (std::size_t i = 1; i < arguments.size(); ++i)
        request.more.push_back(TRY(parse_stored(arguments[i])).name);
      request.to = TRY(saved_place(written));
      request.keep_name = true;
      return {};
    case CopyVerb::kLoad:
      request.load = true;
      request.from.path = written.file.empty() ? "-" : written.file;
      return {};
  }
  return {};
}

}  // namespace

Result<CopyRequest> parse_copy(CopyVerb verb, const std::vector<std::string>& args,
                               const oci::Platform& own) {
  Written written;
  const Parsed parsed = TRY(parse_flags(syntax_of(verb, written), args));
  CopyRequest& request = written.request;
  request.help = parsed.help;
  if (parsed.help) return std::move(request);
  TRY(take_places(verb, parsed.arguments, written));
  request.options.platform = own;
  if (!written.platform.empty()) {
    const std::vector<oci::Platform> platforms = TRY(parse_platforms(written.platform, own));
    if (platforms.size() != 1 || request.options.all)
      return fail(Errc::kInvalid, "--platform names one platform",
                  "all of them come with --all, or in `lichen pull` --all-platforms");
    request.options.platform = platforms.front();
  }
  if (written.quiet) request.progress = ProgressMode::kQuiet;
  return std::move(request);
}

std::string copy_help(CopyVerb verb) {
  Written written;
  return help_text(syntax_of(verb, written));
}

}  // namespace lichen::cli
