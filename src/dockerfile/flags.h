// Flags of an instruction ("--from=x"): which there are, and what was given. Pure.
#pragma once

#include <initializer_list>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lichen::dockerfile {

enum class FlagKind { kBool, kText, kList };

struct FlagRow {
  std::string_view name;
  FlagKind kind;
};

class Flags {
 public:
  // `given` as the parser found them. Unknown and repeated flags and bad values are kInvalid.
  static Result<Flags> parse(const std::vector<std::string>& given,
                             const std::vector<FlagRow>& known);

  std::optional<bool> boolean(std::string_view name) const;
  std::string text(std::string_view name) const;  // "" when not given
  const std::vector<std::string>& list(std::string_view name) const;
  bool has(std::string_view name) const { return values_.contains(std::string(name)); }
  std::vector<std::string> used() const;  // sorted

 private:
  std::map<std::string, std::vector<std::string>> values_;
};

// "(did you mean X?)" with a blank before it, or "".
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace lichen::dockerfile
