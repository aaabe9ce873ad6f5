#include "base/hint.h"

#include <algorithm>

#include "base/text.h"

namespace lichen {

namespace {

// Edits between two words; two letters that are swapped are one.
std::size_t slips(const std::string& a, const std::string& b) {
  std::vector<std::vector<std::size_t>> rows(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
  for (std::size_t i = 0; i <= a.size(); ++i) rows[i][0] = i;
  for (std::size_t j = 0; j <= b.size(); ++j) rows[0][j] = j;
  for (std::size_t i = 1; i <= a.size(); ++i)
    for (std::size_t j = 1; j <= b.size(); ++j) {
      rows[i][j] = std::min({rows[i - 1][j] + 1, rows[i][j - 1] + 1,
                             rows[i - 1][j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1)});
      if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1])
        rows[i][j] = std::min(rows[i][j], rows[i - 2][j - 2] + 1);
    }
  return rows[a.size()][b.size()];
}

}  // namespace

std::string near_miss(std::string_view word, const std::vector<std::string>& words) {
  constexpr std::size_t kMostSlips = 2;
  constexpr std::size_t kLongest = 64;  // nobody's word is longer: the table stays small
  std::string best;
  if (word.size() > kLongest) return best;
  std::size_t most = std::min(kMostSlips, (word.size() + 1) / 3);
  for (const std::string& one : words) {
    if (one.size() > kLongest) continue;
    const std::size_t count = slips(to_lower(word), to_lower(one));
    if (count > most || (count == most && !best.empty())) continue;
    best = one;
    most = count;
  }
  return best;
}

std::string hint_for(std::string_view word, const std::vector<std::string>& words) {
  if (const std::string meant = near_miss(word, words); !meant.empty())
    return "did you mean " + meant + "?";
  std::string all;
  for (std::size_t i = 0; i < words.size(); ++i)
    all += (i == 0 ? "" : i + 1 == words.size() ? " or " : ", ") + words[i];
  return all;
}

}  // namespace lichen
