#include "transfer/place.h"

#include "base/text.h"

namespace lichen::transfer {

namespace {

struct Prefix {
  std::string_view text;
  Transport transport;
};
constexpr Prefix kPrefixes[] = {
    {"docker://", Transport::kRegistry},      {"oci:", Transport::kOciDirectory},
    {"oci-archive:", Transport::kOciArchive}, {"docker-archive:", Transport::kDockerArchive},
    {"dir:", Transport::kDirectory},          {"store:", Transport::kStore}};
// Transports of other tools that a name of an image could be taken for.
constexpr std::string_view kForeign[] = {
    "containers-storage:", "docker-daemon:", "atomic:", "tarball:", "sif:", "ostree:", "docker:"};

bool is_layout(Transport transport) {
  return transport == Transport::kOciDirectory || transport == Transport::kOciArchive;
}

// "PATH:NAME" or, in layouts, "PATH@DIGEST".
Result<Place> parse_files(Transport transport, std::string_view rest) {
  Place place{.transport = transport, .path = std::string(rest), .name = {}};
  if (transport != Transport::kDirectory) {
    const std::size_t digest = is_layout(transport) ? rest.find("@sha256:") : rest.npos;
    const std::size_t end = digest != rest.npos ? digest : rest.find(':');
    if (end != rest.npos) {
      place.path = rest.substr(0, end);
      place.name = rest.substr(end + 1);
      if (place.name.empty())
        return fail(Errc::kInvalid, "\"" + printable(rest) + "\" ends where a name should be");
    }
  }
  if (place.path.empty()) return fail(Errc::kInvalid, "a path is missing");
  if (transport == Transport::kDockerArchive && !place.name.empty())
    place.name = oci::to_text(TRY(oci::parse_reference(place.name)));
  return place;
}

}  // namespace

Result<Place> parse_place(std::string_view text) {
  for (const Prefix& prefix : kPrefixes) {
    if (!starts_with(text, prefix.text)) continue;
    const std::string_view rest = text.substr(prefix.text.size());
    if (prefix.transport == Transport::kRegistry) {
      const auto reference = oci::parse_reference(rest);
      if (!reference) return fail(Error(reference.error()).in(printable(text)));
      return Place{.transport = prefix.transport, .path = {}, .name = oci::to_text(*reference)};
    }
    if (prefix.transport == Transport::kStore && !rest.empty())
      return Place{.transport = prefix.transport, .path = {}, .name = std::string(rest)};
    auto place = parse_files(prefix.transport, rest);
    if (!place) return fail(std::move(place).error().in(printable(text)));
    return place;
  }
  for (const std::string_view foreign : kForeign)
    if (starts_with(text, foreign))
      return fail(Errc::kUnsupported, printable(text) + ": this transport is not supported",
                  "docker://, oci:, oci-archive:, docker-archive:, dir: or an image's name");
  if (text.empty()) return fail(Errc::kInvalid, "the name of an image is missing");
  return Place{.transport = Transport::kStore, .path = {}, .name = std::string(text)};
}

std::string to_text(const Place& place) {
  for (const Prefix& prefix : kPrefixes) {
    if (prefix.transport != place.transport) continue;
    if (place.transport == Transport::kStore) return place.name;
    const char* separator = place.path.empty() || place.name.empty() ? ""
                            : starts_with(place.name, "sha256:") && is_layout(place.transport)
                                ? "@"
                                : ":";
    return std::string(prefix.text) + place.path + separator + place.name;
  }
  return {};
}

}  // namespace lichen::transfer
