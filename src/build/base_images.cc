#include "build/base_images.h"

#include <climits>
#include <cstdlib>

#include "base/text.h"
#include "oci/platform_match.h"
#include "oci/reference.h"
#include "transfer/image_source.h"

namespace lichen::build {

namespace {

constexpr std::string_view kLayoutScheme = "oci-layout://";
constexpr std::string_view kImageScheme = "docker-image://";

// "DIR[:TAG][@DIGEST]" -> directory and selector.
std::pair<std::string, std::string> split_layout(std::string text) {
  if (const std::size_t at = text.find("@sha256:"); at != std::string::npos)
    return {text.substr(0, at), text.substr(at + 1)};
  const std::size_t colon = text.find_last_of(':');
  if (colon != std::string::npos && text.find('/', colon) == std::string::npos)
    return {text.substr(0, colon), text.substr(colon + 1)};
  return {text, ""};
}

}  // namespace

Result<dockerfile::ResolvedImage> BaseImages::resolve(const std::string& reference,
                                                      const oci::Platform& platform) {
  const std::string key = reference + " " + oci::to_text(platform);
  if (const auto known = resolved_.find(key); known != resolved_.end()) return known->second;
  const std::string step = "metadata " + key;
  options_.steps.started(
      step, "[" + (options_.multi_platform ? oci::to_text(platform) + " " : std::string()) +
                "internal] load metadata for " + printable(reference));
  auto resolved = starts_with(reference, kLayoutScheme)
                      ? resolve_layout(reference.substr(kLayoutScheme.size()), platform)
                      : resolve_image(reference, platform);
  options_.steps.finished(step, resolved ? nullptr : &resolved.error());
  if (!resolved) return fail(std::move(resolved).error().in(printable(reference)));
  return resolved_[key] = std::move(*resolved);
}

Result<std::optional<std::int64_t>> BaseImages::time_of(const std::string& source) {
  if (options_.contexts == nullptr) return std::nullopt;
  return options_.contexts->time_of(source);
}

Result<dockerfile::ResolvedImage> BaseImages::resolve_layout(const std::string& text,
                                                             const oci::Platform& platform) {
  const auto [written, selector] = split_layout(text);
  char absolute[PATH_MAX];
  if (::realpath(written.c_str(), absolute) == nullptr) return fail(os_error("open", written));
  const std::string directory = absolute;
  const auto layout = TRY(transfer::open_source(
      {.transport = transfer::Transport::kOciDirectory, .path = directory, .name = selector}, {}));
  const transfer::ChosenManifest chosen = TRY(transfer::choose_manifest(*layout, platform));
  const std::string config = TRY(transfer::read_config(*layout, chosen.manifest));
  (void)TRY(options_.store.put_blob(chosen.bytes));
  (void)TRY(options_.store.put_blob(config));
  return dockerfile::ResolvedImage{
      .identifier = std::string(kLayoutScheme) + "layout@" + chosen.descriptor.digest.text(),
      .attributes = {{"oci.dir", directory}},
      .config = TRY(oci::parse_image_config(config))};
}

Result<dockerfile::ResolvedImage> BaseImages::resolve_image(const std::string& text,
                                                            const oci::Platform& platform) {
  const std::string name =
      starts_with(text, kImageScheme) ? text.substr(kImageScheme.size()) : text;
  oci::Reference reference = TRY(oci::parse_reference(name));
  transfer::Fetched found = TRY(find(reference, platform));
  reference.digest = found.manifest.digest;
  return dockerfile::ResolvedImage{
      .identifier = std::string(kImageScheme) + oci::to_text(reference),
      .attributes = {},
      .config = std::move(found.config)};
}

Result<std::optional<transfer::Fetched>> BaseImages::find_own(
    const std::string& name, const oci::Platform& platform,
    std::optional<Result<transfer::Fetched>>& otherwise) {
  const auto local = TRY(options_.store.find_image(name));
  if (!local) return std::nullopt;
  auto loaded = transfer::load(
      options_.store,
      {.media_type = local->media_type, .digest = local->manifest, .size = local->size}, platform);
  if (!loaded && loaded.error().code != Errc::kNotFound) return fail(std::move(loaded).error());
  if (loaded) {
    const oci::Platform& have = loaded->config.platform;
    if (have.architecture.empty() || oci::match_rank(platform, have) != 0)
      return std::move(*loaded);
  }
  otherwise = std::move(loaded);
  return std::nullopt;
}

// What the user built or tagged here comes first, as with docker; then the registry; and when that
// cannot be reached, what it said last time. An image of another platform is better than none.
Result<transfer::Fetched> BaseImages::find(const oci::Reference& reference,
                                           const oci::Platform& platform) {
  store::Store& store = options_.store;
  const std::string name = oci::to_text(reference);
  std::optional<Result<transfer::Fetched>> otherwise;
  if (!options_.pull) {
    if (!reference.digest.empty())
      if (auto loaded = transfer::load(store, {.digest = reference.digest}, platform))
        return loaded;
    if (auto own = TRY(find_own(name, platform, otherwise))) return std::move(*own);
  }
  auto fetched = transfer::fetch(store, options_.registry, reference, platform);
  if (fetched) {
    TRY(store.put_resolution(name, oci::to_text(platform), fetched->manifest));
    return fetched;
  }
  if (otherwise && fetched.error().code != Errc::kCancelled) return std::move(*otherwise);
  if (fetched.error().code != Errc::kUnavailable || options_.pull) return fetched;
  const auto last = TRY(store.find_resolution(name, oci::to_text(platform)));
  if (!last) return fetched;
  auto loaded = transfer::load(store, *last, platform);
  if (!loaded) return fetched;
  options_.steps.send(Warning{.text = to_text(fetched.error()) + "; using " +
                                      oci::familiar_text(reference) + " as it was last seen, " +
                                      last->digest.text(),
                              .file = {}});
  return loaded;
}

}  // namespace lichen::build
