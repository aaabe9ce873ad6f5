#include "registry/url.h"

#include <algorithm>

#include "base/text.h"

namespace lichen::registry {

namespace {

constexpr std::size_t kMaxUrl = 16 * 1024;

bool all_of(std::string_view text, std::string_view characters) {
  return text.find_first_not_of(characters) == std::string_view::npos;
}

auto wrong(std::string_view text, const char* why) {
  // The query is cut off: it may be a signed one.
  return fail(Errc::kInvalid,
              "invalid URL \"" +
                  printable(text.substr(0, std::min<std::size_t>(text.find('?'), 200))) +
                  "\": " + why);
}

int effective_port(const Url& url) {
  if (url.port != 0) return url.port;
  return url.scheme == "https" ? 443 : 80;
}

bool good_host(std::string_view host) {
  if (host.size() > 2 && host.front() == '[' && host.back() == ']')
    return all_of(host.substr(1, host.size() - 2), "0123456789abcdef:.");
  return !host.empty() && all_of(host, "abcdefghijklmnopqrstuvwxyz0123456789-._");
}

// Removes "." and ".." from a path (RFC 3986, 5.2.4); keeps the query and the trailing slash.
std::string clean_target(std::string_view target) {
  const std::size_t question = target.find('?');
  const std::string_view path = target.substr(0, question);
  const bool directory = ends_with(path, "/") || ends_with(path, "/.") || ends_with(path, "/..");
  std::vector<std::string> kept;
  for (const std::string& part : split(path.substr(1), '/')) {
    if (part == "..") {
      if (!kept.empty()) kept.pop_back();
    } else if (part != ".") {
      kept.push_back(part);
    }
  }
  std::string clean = "/" + join(kept, "/");
  if (directory && !ends_with(clean, "/")) clean += "/";
  if (question != std::string_view::npos) clean += target.substr(question);
  return clean;
}

}  // namespace

Result<Url> parse_url(std::string_view text) {
  if (text.size() > kMaxUrl) return wrong(text, "too long");
  for (const char c : text)
    if (static_cast<unsigned char>(c) <= 0x20 || c == 0x7f || c == '\\' || c == '"')
      return wrong(text, "bad character");
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return wrong(text, "no scheme");
  Url url{.scheme = to_lower(text.substr(0, colon))};
  if (url.scheme != "http" && url.scheme != "https") return wrong(text, "not http or https");

  std::string_view rest = text.substr(colon + 3);
  rest = rest.substr(0, rest.find('#'));
  const std::size_t end = std::min(rest.find_first_of("/?"), rest.size());
  std::string_view authority = rest.substr(0, end);
  if (authority.find('@') != std::string_view::npos) return wrong(text, "it has a user name");
  std::string_view target = rest.substr(end);

  const std::size_t bracket = authority.rfind(']');
  const std::size_t port_at = authority.find(':', bracket == std::string_view::npos ? 0 : bracket);
  if (port_at != std::string_view::npos) {
    const std::string_view digits = authority.substr(port_at + 1);
    if (digits.empty() || digits.size() > 5 || !all_of(digits, "0123456789"))
      return wrong(text, "bad port");
    url.port = std::stoi(std::string(digits));
    if (url.port == 0 || url.port > 65535) return wrong(text, "bad port");
    authority = authority.substr(0, port_at);
  }
  url.host = to_lower(authority);
  if (!good_host(url.host)) return wrong(text, "bad host");
  url.target = target;
  if (!starts_with(url.target, "/")) url.target.insert(0, "/");
  return url;
}

Result<Url> resolve_location(const Url& base, std::string_view location) {
  location = location.substr(0, location.find('#'));
  if (location.empty()) return wrong(location, "empty Location");
  const std::size_t delimiter = location.find_first_of(":/?");
  if (delimiter != std::string_view::npos && location[delimiter] == ':') return parse_url(location);
  if (starts_with(location, "//")) return parse_url(base.scheme + ":" + std::string(location));

  const std::string path = base.target.substr(0, base.target.find('?'));
  std::string target;
  if (starts_with(location, "/"))
    target = location;
  else if (starts_with(location, "?"))
    target = path + std::string(location);
  else
    target = path.substr(0, path.rfind('/') + 1) + std::string(location);
  Url origin = base;
  origin.target.clear();
  return parse_url(to_text(origin) + clean_target(target));
}

std::string to_text(const Url& url) {
  std::string text = url.scheme + "://" + url.host;
  if (url.port != 0) text += ":" + std::to_string(url.port);
  return text + url.target;
}

std::string without_query(const Url& url) {
  const std::string text = to_text(url);
  return printable(text.substr(0, text.find('?')));
}

std::string percent_encoded(std::string_view text) {
  static constexpr char kHex[] = "0123456789ABCDEF";
  std::string encoded;
  for (const char c : text) {
    const auto byte = static_cast<unsigned char>(c);
    const bool unreserved = (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
                            (c >= '0' && c <= '9') || c == '-' || c == '.' || c == '_' || c == '~';
    if (unreserved) {
      encoded += c;
    } else {
      encoded += '%';
      encoded += kHex[byte >> 4];
      encoded += kHex[byte & 15];
    }
  }
  return encoded;
}

void add_query(Url& url, std::string_view name_and_value) {
  url.target += url.target.find('?') == std::string::npos ? '?' : '&';
  url.target += name_and_value;
}

bool same_origin(const Url& a, const Url& b) {
  return a.scheme == b.scheme && a.host == b.host && effective_port(a) == effective_port(b);
}

bool is_loopback(std::string_view host) {
  if (host == "localhost" || host == "[::1]") return true;
  const std::vector<std::string> parts = split(host, '.');
  if (parts.size() != 4 || parts[0] != "127") return false;
  return std::all_of(parts.begin(), parts.end(), [](const std::string& part) {
    return !part.empty() && part.size() <= 3 && all_of(part, "0123456789") &&
           std::stoi(part) <= 255;
  });
}

}  // namespace lichen::registry
