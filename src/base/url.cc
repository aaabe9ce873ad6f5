#include "base/url.h"

#include "base/text.h"

namespace lichen {

namespace {

// The length of "user:password" after "://"; npos: none.
std::size_t credentials_length(std::string_view rest) {
  return rest.substr(0, rest.find_first_of("/?# \t\r\n'\"")).rfind('@');
}

}  // namespace

std::string percent_decoded(std::string_view text) {
  const auto digit = [](char c) { return std::string_view("0123456789abcdef").find(c); };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    const std::string hex = text[i] == '%' ? to_lower(text.substr(i + 1, 2)) : "";
    if (hex.size() == 2 && digit(hex[0]) != std::string_view::npos &&
        digit(hex[1]) != std::string_view::npos) {
      out += static_cast<char>(digit(hex[0]) * 16 + digit(hex[1]));
      i += 2;
    } else {
      out += text[i];
    }
  }
  return out;
}

std::string file_name_in(std::string_view path) {
  if (const std::size_t slash = path.find_last_of("/\\"); slash != std::string_view::npos)
    path.remove_prefix(slash + 1);
  constexpr std::size_t kMaxName = 255;
  if (path == "." || path == ".." || path.size() > kMaxName) return "";
  for (const char c : path)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "";
  return std::string(path);
}

std::string file_name_in_url(std::string_view url) {
  constexpr const char* kUnnamed = "__unnamed__";
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = url.find("://");
  const std::size_t path = url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
  if (path == std::string_view::npos) return kUnnamed;
  const std::string name = file_name_in(clean_path(percent_decoded(url.substr(path))));
  return name.empty() ? kUnnamed : name;
}

std::string without_credentials(std::string_view text) {
  std::string out;
  for (std::size_t at = text.find("://"); at != std::string_view::npos; at = text.find("://")) {
    const bool is_ssh = ends_with(text.substr(0, at), "ssh");
    out += text.substr(0, at + 3);
    text.remove_prefix(at + 3);
    const std::size_t length = credentials_length(text);
    if (length == std::string_view::npos) continue;
    if (!is_ssh || text.substr(0, length).find(':') != std::string_view::npos)
      text.remove_prefix(length + 1);
  }
  return out += text;
}

std::string credentials_in(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return "";
  url.remove_prefix(scheme + 3);
  const std::size_t length = credentials_length(url);
  return length == std::string_view::npos ? "" : percent_decoded(url.substr(0, length));
}

}  // namespace lichen
