#include "attest/package_url.h"

#include "base/text.h"

namespace lichen::attest {

namespace {

std::string escaped(std::string_view text, std::string_view allowed) {
  constexpr char kHex[] = "0123456789ABCDEF";
  std::string out;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
        std::string_view("-._~").find(c) != std::string_view::npos ||
        allowed.find(c) != std::string_view::npos)
      out += c;
    else
      out += {'%', kHex[byte >> 4], kHex[byte & 15]};
  }
  return out;
}

// "debian", "me/app", "registry.example:5000/app".
std::string familiar_name(const oci::Reference& reference) {
  if (reference.domain != "docker.io") return reference.domain + "/" + reference.repository;
  constexpr std::string_view kOfficial = "library/";
  return starts_with(reference.repository, kOfficial)
             ? reference.repository.substr(kOfficial.size())
             : reference.repository;
}

}  // namespace

std::string package_url(const std::string& type, const oci::Reference& reference,
                        const oci::Platform& platform) {
  std::string url = "pkg:" + type + "/" + escaped(familiar_name(reference), "/:");
  if (!reference.tag.empty()) url += "@" + escaped(reference.tag, "");
  url += "?";
  if (reference.tag.empty() && !reference.digest.empty())
    url += "digest=" + escaped(reference.digest.text(), ":") + "&";
  return url + "platform=" + escaped(oci::to_text(oci::normalised(platform)), "");
}

}  // namespace lichen::attest
