// How wide text is on a terminal. Pure; UTF-8.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace lichen::cli {

// Columns that `text` takes: colour sequences take none, East Asian wide characters two, a tab runs
// to the next multiple of eight.
std::size_t text_width(std::string_view text);

// `text` cut to `columns`, tabs as blanks, bytes that are not UTF-8 as "?" in a box. Colour that
// was begun is ended.
std::string fit(std::string_view text, std::size_t columns);

}  // namespace lichen::cli
