// WWW-Authenticate headers, as values. Pure.
//
//   parse_challenges(R"(Bearer realm="https://a/t",service="s",scope="repository:x:pull,push")")
//
// Never fails: what cannot be read is left out, as the header is foreign input and a challenge
// that nobody understands is the same as none. Source: RFC 9110, section 11.6.1.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace lichen::registry {

struct Challenge {
  std::string scheme;                             // lower-case: "bearer", "basic"
  std::map<std::string, std::string> parameters;  // lower-case names; the first of a name counts

  friend bool operator==(const Challenge&, const Challenge&) = default;
};
std::vector<Challenge> parse_challenges(std::string_view header);

}  // namespace lichen::registry
