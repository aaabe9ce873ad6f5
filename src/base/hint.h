// What a user may have meant by a word that is none of those that there are. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lichen {

// "did you mean X?", or, when none is near, "a, b or c".
std::string hint_for(std::string_view word, const std::vector<std::string>& words);

}  // namespace lichen
