#include "owners/independent_recorder.h"

namespace lichen::owners {

void IndependentRecorder::set(std::string_view path, const Record& record, bool is_directory) {
  const auto [told, is_new] = told_.try_emplace(std::string(path), record);
  if (!is_new && told->second == record) return;
  told->second = record;
  if (is_new && !is_directory)
    changes_.push_back({.kind = Change::Kind::kRemove, .path = std::string(path)});
  // A removal has left the default.
  if (is_new && !is_directory && record.is_default()) return;
  changes_.push_back({.kind = Change::Kind::kSet, .path = std::string(path), .record = record});
}

}  // namespace lichen::owners
