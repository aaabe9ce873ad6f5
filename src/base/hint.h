// What a user may have meant by a word that is none of those that there are. Pure.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace lichen {

// The word that was meant by one with a slip in it: up to two letters, and no more than about every
// third, are wrong, missing, too many or swapped. "": none is so near.
std::string near_miss(std::string_view word, const std::vector<std::string>& words);

// "did you mean X?", or, when none is near, "a, b or c".
std::string hint_for(std::string_view word, const std::vector<std::string>& words);

}  // namespace lichen
