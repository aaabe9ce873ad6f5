#include "base/hint.h"

#include "base/text.h"

namespace lichen {

std::string hint_for(std::string_view word, const std::vector<std::string>& words) {
  if (const std::string meant = closest(word, words); !meant.empty())
    return "did you mean " + meant + "?";
  std::string all;
  for (std::size_t i = 0; i < words.size(); ++i)
    all += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return all;
}

}  // namespace lichen
