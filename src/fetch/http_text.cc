#include "fetch/http_text.h"

#include "base/base64.h"
#include "base/text.h"
#include "base/url.h"

namespace lichen::fetch {

namespace {

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

}  // namespace

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
        extended = percent_decoded(std::string_view(value).substr(second + 1));
    }
    semicolon = header.find(';');
  }
  const std::string name = file_name_in(extended);
  return name.empty() ? file_name_in(plain) : name;
}

std::string basic_authorization(std::string_view user_and_password) {
  std::string text(user_and_password);
  if (text.find(':') == std::string::npos) text += ':';
  return "Basic " + base64_encode(text);
}

}  // namespace lichen::fetch
