#include "graph/sensitive.h"

#include <algorithm>
#include <iterator>

#include "base/text.h"

namespace lichen::graph {

namespace {

constexpr std::string_view kSecretWords[] = {"apikey", "auth",     "credential", "credentials",
                                             "key",    "password", "pword",      "passwd",
                                             "secret", "token"};
constexpr std::string_view kHarmlessWords[] = {"public", "file", "version"};

template <std::size_t N>
bool has_word(std::string_view name, const std::string_view (&words)[N]) {
  for (const std::string& part : split(to_lower(name), '_'))
    if (std::find(std::begin(words), std::end(words), part) != std::end(words)) return true;
  return false;
}

}  // namespace

bool is_secret_name(std::string_view variable) {
  return has_word(variable, kSecretWords) && !has_word(variable, kHarmlessWords);
}

std::string without_url_credentials(std::string_view text) {
  constexpr std::string_view kMark = "://";
  std::string clean;
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t mark = text.find(kMark, at);
    if (mark == std::string_view::npos) return clean.append(text.substr(at));
    const std::size_t host = mark + kMark.size();
    clean.append(text.substr(at, host - at));
    // The authority ends at the first of these; a password may hold any other byte.
    const std::size_t end = std::min(text.find_first_of("/?# \t\n\r\"'`<>\\", host), text.size());
    const std::size_t sign = text.substr(host, end - host).rfind('@');
    at = sign == std::string_view::npos ? host : host + sign + 1;
  }
  return clean;
}

}  // namespace lichen::graph
