#include "oci/reference.h"

#include <algorithm>

#include "base/text.h"

namespace lichen::oci {

namespace {

constexpr std::string_view kHub = "docker.io";
constexpr std::size_t kMaxRepository = 255;
constexpr std::size_t kMaxTag = 128;

bool lower_or_digit(char c) {
  return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}
bool alphanumeric(char c) {
  return lower_or_digit(c) || (c >= 'A' && c <= 'Z');
}
bool all_digits(std::string_view text) {
  return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
}
bool is_image_id(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}
bool looks_like_domain(std::string_view first) {
  return first.find_first_of(".:") != std::string_view::npos || first == "localhost";
}

auto wrong(const std::string& why, std::string hint = {}) {
  return fail(Errc::kInvalid, "invalid reference format: " + why, std::move(hint));
}

// Labels of letters, digits and inner hyphens, separated by dots.
bool good_host_name(std::string_view host) {
  for (const std::string& label : split(host, '.')) {
    if (label.empty() || label.front() == '-' || label.back() == '-') return false;
    for (char c : label)
      if (!alphanumeric(c) && c != '-') return false;
  }
  return true;
}

bool good_domain(std::string_view domain) {
  std::string_view port;
  bool good_host = false;
  if (starts_with(domain, "[")) {
    const std::size_t end = domain.find(']');
    if (end == std::string_view::npos) return false;
    const std::string_view address = domain.substr(1, end - 1);
    good_host = !address.empty() &&
                address.find_first_not_of("0123456789abcdefABCDEF:.") == std::string_view::npos;
    port = domain.substr(end + 1);
  } else {
    const std::size_t colon = domain.find(':');
    good_host = good_host_name(domain.substr(0, colon));
    port = colon == std::string_view::npos ? "" : domain.substr(colon);
  }
  if (port.empty()) return good_host;
  port.remove_prefix(1);
  return good_host && domain[domain.size() - port.size() - 1] == ':' && all_digits(port) &&
         port.size() <= 5 && std::stoi(std::string(port)) <= 65535;
}

// Runs of lower-case letters and digits, separated by ".", "_", "__" or any number of "-".
bool good_component(std::string_view part) {
  if (part.empty() || !lower_or_digit(part.front()) || !lower_or_digit(part.back())) return false;
  for (std::size_t i = 0; i < part.size();) {
    std::size_t end = i;
    while (end < part.size() && !lower_or_digit(part[end])) ++end;
    const std::string_view separator = part.substr(i, end - i);
    const bool hyphens = separator.find_first_not_of('-') == std::string_view::npos;
    if (!hyphens && separator != "." && separator != "_" && separator != "__") return false;
    i = end + 1;
  }
  return true;
}

constexpr char kComponentHint[] =
    "use lower-case letters and digits, separated by one of . _ __ or hyphens";

Result<void> check_repository(std::string_view repository) {
  if (repository.empty()) return wrong("the repository name is empty");
  const std::string lower = to_lower(repository);
  if (std::any_of(repository.begin(), repository.end(),
                  [](char c) { return c >= 'A' && c <= 'Z'; }))
    return wrong("repository name must be lowercase",
                 check_repository(lower) ? "write " + lower : kComponentHint);
  if (repository.size() > kMaxRepository)
    return wrong("repository name must not be more than 255 characters");
  for (const std::string& part : split(repository, '/')) {
    if (part.empty()) return wrong("a component of the repository name is empty");
    if (!good_component(part))
      return wrong("bad repository name component \"" + printable(part) + "\"", kComponentHint);
  }
  return {};
}

Result<void> check_tag(std::string_view tag) {
  if (tag.empty()) return wrong("the tag is empty");
  if (tag.size() > kMaxTag) return wrong("a tag must not be more than 128 characters");
  for (std::size_t i = 0; i < tag.size(); ++i) {
    const bool good =
        alphanumeric(tag[i]) || tag[i] == '_' || (i > 0 && (tag[i] == '.' || tag[i] == '-'));
    if (!good)
      return wrong("bad tag \"" + printable(tag) + "\"",
                   "a tag has letters, digits, _ . and -, and does not start with . or -");
  }
  return {};
}

std::string suffix(const Reference& reference) {
  std::string text;
  if (!reference.tag.empty()) text += ":" + reference.tag;
  if (!reference.digest.empty()) text += "@" + reference.digest.text();
  return text;
}

}  // namespace

Result<Reference> parse_reference(std::string_view text) {
  // An image id must never be mistaken for a name that someone could register.
  if (is_image_id(text))
    return wrong("64 hexadecimal digits are an image id, not a name",
                 "write sha256: before it, or use a name");
  if (text.empty()) return wrong("it is empty");

  Reference reference;
  std::string_view rest = text;
  const std::size_t slash = rest.find('/');
  if (slash != std::string_view::npos && looks_like_domain(rest.substr(0, slash))) {
    reference.domain = rest.substr(0, slash);
    rest.remove_prefix(slash + 1);
    if (!good_domain(reference.domain))
      return wrong("bad registry host \"" + printable(reference.domain) + "\"");
    if (reference.domain == "index.docker.io") reference.domain = kHub;
  } else {
    reference.domain = kHub;
  }

  if (const std::size_t at = rest.find('@'); at != std::string_view::npos) {
    auto digest = Digest::parse(rest.substr(at + 1));
    if (!digest) {
      Error error = std::move(digest).error();
      error.message = "invalid reference format: " + printable(error.message);
      return fail(std::move(error));
    }
    reference.digest = *digest;
    rest = rest.substr(0, at);
  }
  const std::size_t name_start = rest.rfind('/') == std::string_view::npos ? 0 : rest.rfind('/');
  if (const std::size_t colon = rest.find(':', name_start); colon != std::string_view::npos) {
    reference.tag = rest.substr(colon + 1);
    TRY(check_tag(reference.tag));
    rest = rest.substr(0, colon);
  }
  TRY(check_repository(rest));
  reference.repository = rest;
  if (reference.domain == kHub && rest.find('/') == std::string_view::npos)
    reference.repository.insert(0, "library/");
  if (reference.repository.size() > kMaxRepository)
    return wrong("repository name must not be more than 255 characters");
  if (reference.tag.empty() && reference.digest.empty()) reference.tag = "latest";
  return reference;
}

std::string to_text(const Reference& reference) {
  return reference.domain + "/" + reference.repository + suffix(reference);
}

std::string familiar_text(const Reference& reference) {
  std::string_view name = reference.repository;
  if (reference.domain != kHub) return to_text(reference);
  constexpr std::string_view kOfficial = "library/";
  if (starts_with(name, kOfficial) && name.find('/', kOfficial.size()) == std::string_view::npos)
    name.remove_prefix(kOfficial.size());
  // What would be read back as something else keeps its domain.
  const std::size_t slash = name.find('/');
  const bool misread = slash == std::string_view::npos ? is_image_id(name)
                                                       : looks_like_domain(name.substr(0, slash));
  if (misread) return to_text(reference);
  return std::string(name) + suffix(reference);
}

}  // namespace lichen::oci
