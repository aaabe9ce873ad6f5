#include "ops/local.h"

#include <nlohmann/json.hpp>

namespace lichen::ops {

Result<std::vector<std::string>> ignore_patterns(const graph::SourceOp& source) {
  std::vector<std::string> patterns;
  const auto found = source.attributes.find("local.excludepatterns");
  if (found == source.attributes.end()) return patterns;
  const auto json = nlohmann::json::parse(found->second, nullptr, false);
  if (!json.is_array()) return fail(Errc::kInternal, "local.excludepatterns is not a JSON array");
  for (const auto& item : json)
    if (item.is_string()) patterns.push_back(item.get<std::string>());
  return patterns;
}

bool has_git_modes(const graph::SourceOp& source) {
  const auto found = source.attributes.find("local.modes");
  return found != source.attributes.end() && found->second == "git";
}

}  // namespace lichen::ops
