#include "owners/record.h"

namespace lichen::owners {

namespace {

// What sorts before everything beneath `path` and after `path` itself: "/" ends a name.
std::string beneath(std::string_view path) {
  return path.empty() ? std::string() : std::string(path) + "/";
}

}  // namespace

void Owners::erase_beneath(const std::string& path) {
  const std::string prefix = beneath(path);
  auto from = path.empty() ? records_.upper_bound(prefix) : records_.lower_bound(prefix);
  auto to = from;
  while (to != records_.end() && to->first.compare(0, prefix.size(), prefix) == 0) ++to;
  records_.erase(from, to);
}

void Owners::apply(const Change& change) {
  switch (change.kind) {
    case Change::Kind::kSet:
      if (change.record.is_default()) {
        records_.erase(change.path);
      } else {
        records_[change.path] = change.record;
      }
      break;
    case Change::Kind::kRemove:
      records_.erase(change.path);
      erase_beneath(change.path);
      break;
    case Change::Kind::kOpaque:
      erase_beneath(change.path);
      break;
  }
}

void Owners::apply(const Sidecar& sidecar) {
  for (const Change& change : sidecar) apply(change);
}

const Record* Owners::find(std::string_view path) const {
  auto found = records_.find(path);
  return found == records_.end() ? nullptr : &found->second;
}

bool Owners::any_beneath(std::string_view path) const {
  const std::string prefix = beneath(path);
  auto first = path.empty() ? records_.upper_bound(prefix) : records_.lower_bound(prefix);
  return first != records_.end() && first->first.compare(0, prefix.size(), prefix) == 0;
}

void Owners::Recorder::emit(Change change) {
  now_.apply(change);
  changes_.push_back(std::move(change));
}

void Owners::Recorder::set(std::string_view path, const Record& record, bool is_directory) {
  if (!is_directory && now_.any_beneath(path)) remove(path);
  const Record* current = now_.find(path);
  if (record == (current == nullptr ? Record{} : *current)) return;
  emit({.kind = Change::Kind::kSet, .path = std::string(path), .record = record});
}

void Owners::Recorder::remove(std::string_view path) {
  if (now_.find(path) == nullptr && !now_.any_beneath(path)) return;
  emit({.kind = Change::Kind::kRemove, .path = std::string(path)});
}

void Owners::Recorder::opaque(std::string_view path) {
  if (!now_.any_beneath(path)) return;
  emit({.kind = Change::Kind::kOpaque, .path = std::string(path)});
}

}  // namespace lichen::owners
