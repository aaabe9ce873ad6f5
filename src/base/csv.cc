#include "base/csv.h"

#include <algorithm>

namespace lichen {

namespace {

tl::unexpected<Error> malformed(std::size_t at, std::string_view why) {
  return fail(Errc::kInvalid,
              "parse error on line 1, column " + std::to_string(at + 1) + ": " + std::string(why));
}

}  // namespace

Result<std::vector<std::string>> parse_csv(std::string_view text) {
  if (text.empty()) return fail(Errc::kInvalid, "EOF");
  std::vector<std::string> fields;
  for (std::size_t at = 0;; ++at) {  // `at` steps over the comma
    std::string field;
    if (at < text.size() && text[at] == '"') {
      for (++at;; ++at) {
        if (at == text.size()) return malformed(at, "extraneous or missing \" in quoted-field");
        if (text[at] != '"') {
          field += text[at];
        } else if (at + 1 < text.size() && text[at + 1] == '"') {
          field += text[at++];
        } else {
          break;
        }
      }
      if (++at < text.size() && text[at] != ',')
        return malformed(at - 1, "extraneous or missing \" in quoted-field");
    } else {
      const std::size_t end = std::min(text.find(',', at), text.size());
      field = text.substr(at, end - at);
      if (const std::size_t quote = field.find('"'); quote != std::string::npos)
        return malformed(at + quote, "bare \" in non-quoted-field");
      at = end;
    }
    fields.push_back(std::move(field));
    if (at >= text.size()) return fields;
  }
}

}  // namespace lichen
