#include "dockerfile/flags.h"

#include <algorithm>

#include "base/text.h"

namespace lichen::dockerfile {

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
  // Of equally near ones, that with the same first letter is meant.
  std::vector<std::string> ordered = candidates;
  const std::string first = to_lower(word.substr(0, 1));
  std::stable_partition(ordered.begin(), ordered.end(), [&first](const std::string& one) {
    return to_lower(std::string_view(one).substr(0, 1)) == first;
  });
  const std::string best = closest(word, ordered);
  return best.empty() || best == word ? "" : " (did you mean " + best + "?)";
}

Result<Flags> Flags::parse(const std::vector<std::string>& given,
                           const std::vector<FlagRow>& known) {
  Flags flags;
  for (const std::string& flag : given) {
    const std::size_t equals = flag.find('=');
    const bool has_value = equals != std::string::npos;
    const std::string name = flag.substr(2, has_value ? equals - 2 : equals);
    const std::string value = has_value ? flag.substr(equals + 1) : "";
    const auto row = std::find_if(known.begin(), known.end(),
                                  [&name](const FlagRow& one) { return one.name == name; });
    if (row == known.end()) {
      std::vector<std::string> names;
      for (const FlagRow& one : known) names.emplace_back(one.name);
      return fail(Errc::kInvalid, "unknown flag: --" + name + did_you_mean(name, names));
    }
    std::vector<std::string>& values = flags.values_[name];
    if (!values.empty() && row->kind != FlagKind::kList)
      return fail(Errc::kInvalid, "duplicate flag specified: --" + name);
    if (row->kind != FlagKind::kBool) {
      if (!has_value) return fail(Errc::kInvalid, "missing a value on flag: --" + name);
      values.push_back(value);
      continue;
    }
    if (has_value && value.empty())
      return fail(Errc::kInvalid, "missing a value on flag: --" + name);
    const std::string lower = has_value ? to_lower(value) : "true";
    if (lower != "true" && lower != "false")
      return fail(Errc::kInvalid, "expecting boolean value for flag --" + name + ", not: " + value);
    values.push_back(lower);
  }
  return flags;
}

std::optional<bool> Flags::boolean(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  if (found == values_.end()) return std::nullopt;
  return found->second.front() == "true";
}

std::string Flags::text(std::string_view name) const {
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? "" : found->second.front();
}

const std::vector<std::string>& Flags::list(std::string_view name) const {
  static const std::vector<std::string> kNone;
  const auto found = values_.find(std::string(name));
  return found == values_.end() ? kNone : found->second;
}

std::vector<std::string> Flags::used() const {
  std::vector<std::string> names;
  for (const auto& [name, values] : values_) names.push_back(name);
  return names;
}

}  // namespace lichen::dockerfile
