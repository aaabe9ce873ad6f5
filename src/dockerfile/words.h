// Splitting an instruction's line into flags, words, name=value pairs or a JSON array. Pure.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lichen::dockerfile {

// At runs of blanks, quoted parts and escaped blanks staying together; quotes and escapes remain.
std::vector<std::string> split_words(std::string_view text, char escape);
// At runs of blanks, nothing else is special.
std::vector<std::string> split_blanks(std::string_view text);

struct Command {
  std::string keyword;
  std::vector<std::string> flags;  // "--x=v", quotes and escapes processed
  std::string args;
};
Command split_command(std::string_view line);

struct NameValue {
  std::string name, value, separator;  // separator "=" or, in the old form "NAME VALUE", ""
};
// The arguments of ENV and LABEL; `keyword` is for messages.
Result<std::vector<NameValue>> split_name_values(std::string_view text, std::string_view keyword,
                                                 char escape);

// The strings of a JSON array; nullopt when `text` is no JSON array; an error when it is one with
// other elements than strings.
Result<std::optional<std::vector<std::string>>> parse_json_array(std::string_view text);

}  // namespace lichen::dockerfile
