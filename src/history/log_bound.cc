#include "history/log_bound.h"

#include <algorithm>
#include <string>
#include <utility>

namespace lichen::history {

bool LogBound::take(const Entry& log) {
  Step& step = steps_[log.step];
  const std::size_t size = size_of(log);
  const bool has_begun_tail = step.omitted != 0 || !step.kept.empty();
  if (!has_begun_tail && step.head + size <= (is_full() ? limits_.least : limits_.head)) {
    step.head += size;
    used_ += size;
    return true;
  }
  const std::size_t most = is_full() ? limits_.least : limits_.tail;
  step.kept.push_back(log);
  step.tail += size;
  while (step.tail > most && step.kept.size() > 1) {
    step.omitted += step.kept.front().text.size();
    step.tail -= size_of(step.kept.front());
    step.kept.pop_front();
  }
  if (step.tail > most) {  // one that is larger than that alone
    std::string& text = step.kept.front().text;
    const std::size_t excess = std::min(step.tail - most, text.size());
    text.erase(0, excess);
    step.omitted += excess;
    step.tail -= excess;
  }
  return false;
}

std::vector<Entry> LogBound::rest(int number) {
  std::vector<Entry> entries;
  const auto found = steps_.find(number);
  if (found == steps_.end()) return entries;
  Step& step = found->second;
  if (step.omitted != 0)
    entries.push_back({.at = step.kept.empty() ? 0 : step.kept.front().at,
                       .kind = Kind::kOmitted,
                       .step = number,
                       .bytes = step.omitted});
  for (Entry& entry : step.kept) entries.push_back(std::move(entry));
  used_ += step.tail;
  step = {.head = step.head};
  return entries;
}

std::vector<Entry> LogBound::rest() {
  std::vector<Entry> entries;
  for (const auto& [number, step] : steps_)
    for (Entry& entry : rest(number)) entries.push_back(std::move(entry));
  return entries;
}

}  // namespace lichen::history
