#include "fetch/http_text.h"

#include <ctime>

#include "base/text.h"
#include "registry/base64.h"

namespace lichen::fetch {

namespace {

// One path component that does no harm, or "".
std::string component(std::string_view text) {
  if (const std::size_t slash = text.find_last_of("/\\"); slash != std::string_view::npos)
    text.remove_prefix(slash + 1);
  constexpr std::size_t kMaxName = 255;
  if (text == "." || text == ".." || text.size() > kMaxName) return "";
  for (const char c : text)
    if (static_cast<unsigned char>(c) < 0x20 || c == 0x7f) return "";
  return std::string(text);
}

// Takes a token or a quoted string off the front of `text`.
std::string take_value(std::string_view& text) {
  std::string value;
  if (!starts_with(text, "\"")) {
    const std::size_t end = std::min(text.find(';'), text.size());
    value = trim(text.substr(0, end));
    text.remove_prefix(end);
    return value;
  }
  std::size_t i = 1;
  for (; i < text.size() && text[i] != '"'; ++i) {
    if (text[i] == '\\' && i + 1 < text.size()) ++i;
    value += text[i];
  }
  text.remove_prefix(std::min(i + 1, text.size()));
  return value;
}

// The length of "user:password" after "://"; npos: none.
std::size_t credentials_length(std::string_view rest) {
  return rest.substr(0, rest.find_first_of("/?# \t\r\n'\"")).rfind('@');
}

}  // namespace

std::string unescaped(std::string_view text) {
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

std::string disposition_name(std::string_view header) {
  std::string plain, extended;
  std::size_t semicolon = header.find(';');
  while (semicolon != std::string_view::npos) {
    header = trim(header.substr(semicolon + 1));
    const std::size_t equals = header.find('=');
    if (equals == std::string_view::npos) break;
    const std::string key = to_lower(trim(header.substr(0, equals)));
    header = trim(header.substr(equals + 1));
    const std::string value = take_value(header);
    if (key == "filename" && plain.empty()) plain = value;
    if (key == "filename*" && extended.empty()) {
      // CHARSET'LANGUAGE'ESCAPED (RFC 8187); the only charset in use is UTF-8.
      const std::size_t first = value.find('\'');
      const std::size_t second = first == std::string::npos ? first : value.find('\'', first + 1);
      if (second != std::string::npos && to_lower(value.substr(0, first)) == "utf-8")
        extended = unescaped(std::string_view(value).substr(second + 1));
    }
    semicolon = header.find(';');
  }
  const std::string name = component(extended);
  return name.empty() ? component(plain) : name;
}

std::string name_in_url(std::string_view url) {
  constexpr const char* kUnnamed = "__unnamed__";
  url = url.substr(0, url.find_first_of("?#"));
  const std::size_t scheme = url.find("://");
  const std::size_t path = url.find('/', scheme == std::string_view::npos ? 0 : scheme + 3);
  if (path == std::string_view::npos) return kUnnamed;
  const std::string clean = clean_path(unescaped(url.substr(path)));
  const std::string name = component(clean.substr(clean.rfind('/') + 1));
  return name.empty() ? kUnnamed : name;
}

std::optional<std::int64_t> parse_http_date(const std::string& text) {
  for (const char* form :
       {"%a, %d %b %Y %H:%M:%S GMT", "%A, %d-%b-%y %H:%M:%S GMT", "%a %b %e %H:%M:%S %Y"}) {
    std::tm parts{};
    const char* end = ::strptime(text.c_str(), form, &parts);
    if (end != nullptr && *end == 0) return ::timegm(&parts);
  }
  return std::nullopt;
}

std::string without_credentials(std::string_view text) {
  std::string out;
  for (std::size_t at = text.find("://"); at != std::string_view::npos; at = text.find("://")) {
    out += text.substr(0, at + 3);
    text.remove_prefix(at + 3);
    if (const std::size_t length = credentials_length(text); length != std::string_view::npos)
      text.remove_prefix(length + 1);
  }
  return out += text;
}

std::string credentials_in(std::string_view url) {
  const std::size_t scheme = url.find("://");
  if (scheme == std::string_view::npos) return "";
  url.remove_prefix(scheme + 3);
  const std::size_t length = credentials_length(url);
  return length == std::string_view::npos ? "" : unescaped(url.substr(0, length));
}

std::string basic_authorization(std::string_view user_and_password) {
  return "Basic " + registry::base64_encode(user_and_password);
}

}  // namespace lichen::fetch
