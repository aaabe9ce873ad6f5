// What the JSON of BuildKit's subrequests has in common (lint_report.h, outline.h, targets.h).
// Private to this module.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <string_view>
#include <vector>

#include "dockerfile/ast.h"

namespace lichen::dockerfile {

using CallJson = nlohmann::ordered_json;  // keys in BuildKit's order

CallJson location_json(Lines lines);     // {"ranges": [{"start": {"line": 3}, "end": …}]}
std::string dump(const CallJson& json);  // indented, with a line feed at the end

// Rows with aligned columns, `gap` blanks between them; the last column is not padded.
std::string table(const std::vector<std::vector<std::string>>& rows, std::size_t gap);

}  // namespace lichen::dockerfile
