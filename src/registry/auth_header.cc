#include "registry/auth_header.h"

#include "base/text.h"

namespace lichen::registry {

namespace {

constexpr std::size_t kMaxHeader = 16 * 1024;

bool is_token(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
         std::string_view("!#$%&'*+-.^_`|~").find(c) != std::string_view::npos;
}

class Scanner {
 public:
  explicit Scanner(std::string_view text) : rest_(text) {}
  bool done() const { return rest_.empty(); }
  char peek() const { return rest_.empty() ? '\0' : rest_.front(); }
  void skip() { rest_.remove_prefix(1); }
  void skip_blanks(bool commas) {
    while (!done() && (peek() == ' ' || peek() == '\t' || (commas && peek() == ','))) skip();
  }
  std::string token() {
    std::size_t length = 0;
    while (length < rest_.size() && is_token(rest_[length])) ++length;
    return take(length);
  }
  // A quoted string, or what stands up to the next blank or comma.
  std::string value() {
    if (peek() != '"') {
      const std::size_t end = rest_.find_first_of(" \t,");
      return take(end == std::string_view::npos ? rest_.size() : end);
    }
    std::string text;
    for (skip(); !done() && peek() != '"'; skip()) {
      if (peek() == '\\' && rest_.size() > 1) skip();
      text += peek();
    }
    if (!done()) skip();
    return text;
  }

 private:
  std::string take(std::size_t length) {
    std::string text(rest_.substr(0, length));
    rest_.remove_prefix(length);
    return text;
  }
  std::string_view rest_;
};

}  // namespace

std::vector<Challenge> parse_challenges(std::string_view header) {
  std::vector<Challenge> all;
  Scanner in(header.substr(0, kMaxHeader));
  for (;;) {
    in.skip_blanks(/*commas=*/true);
    if (in.done()) return all;
    const std::string word = to_lower(in.token());
    if (word.empty()) {  // no token can start here: go on after it
      in.skip();
      continue;
    }
    in.skip_blanks(false);
    if (in.peek() != '=') {  // a word without "=" begins a challenge
      all.push_back({.scheme = word, .parameters = {}});
      continue;
    }
    in.skip();
    in.skip_blanks(false);
    std::string value = in.value();
    if (!all.empty()) all.back().parameters.emplace(word, std::move(value));
  }
}

}  // namespace lichen::registry
