#include "cli/doctor.h"

#include <algorithm>

#include "base/text.h"
#include "cli/format.h"
#include "oci/json.h"

namespace lichen::cli {

namespace {

const char* how_root_is_had(os::Tier tier) {
  switch (tier) {
    case os::Tier::kIds:
      return "the kernel maps a range of ids; fastest";
    case os::Tier::kUserns:
      return "one id is mapped, a supervisor answers for the others";
    case os::Tier::kBare:
      return "no namespaces at all: paths are redirected, owners recorded";
  }
  return "";
}

std::string line(const char* label, const std::string& value) {
  std::string text = "  ";
  text += label;
  text.resize(12, ' ');
  return text + value + "\n";
}

std::string taken_tier(const Diagnosis& diagnosis) {
  for (const os::TierState& state : diagnosis.host.tiers())
    if (state.ok) return os::to_text(state.tier);
  return "";
}

}  // namespace

bool some_tier_works(const Diagnosis& diagnosis) {
  return !taken_tier(diagnosis).empty();
}

std::string doctor_text(const Diagnosis& diagnosis) {
  std::string text = std::string("lichen ") + LICHEN_VERSION + "\n";
  text += line("kernel", diagnosis.kernel) + line("user", diagnosis.user);
  if (diagnosis.store.empty())
    text += line("store", "none: " + printable(diagnosis.store_error));
  else
    text += line("store", printable(diagnosis.store) + " (" + diagnosis.file_system + ", " +
                              human_size(diagnosis.free_bytes) + " free)");

  text += "\nTiers\n";
  const std::string taken = taken_tier(diagnosis);
  for (const os::TierState& state : diagnosis.host.tiers()) {
    const std::string name = os::to_text(state.tier);
    text += line(name.c_str(), (state.ok ? "yes" : "no ") + std::string("  ") +
                                   how_root_is_had(state.tier) +
                                   (name == taken ? "  <- --tier=auto takes it" : ""));
    if (!state.ok) text += line("", "     " + printable(state.missing));
  }

  text += "\nFound\n";
  for (const os::Feature& feature : diagnosis.host.features)
    if (feature.ok) text += "  " + feature.name + ": " + printable(feature.detail) + "\n";

  std::string missing;
  for (const os::Feature& feature : diagnosis.host.features) {
    if (feature.ok) continue;
    missing += "  " + feature.name + ": " + printable(feature.detail) + "\n";
    if (!feature.fix.empty()) missing += "      an administrator: " + printable(feature.fix) + "\n";
    if (!feature.buys.empty()) missing += "      it buys: " + printable(feature.buys) + "\n";
  }
  if (!missing.empty()) text += "\nMissing\n" + missing;
  return text;
}

std::string doctor_json(const Diagnosis& diagnosis) {
  using Json = nlohmann::ordered_json;
  Json tiers = Json::array(), features = Json::array();
  for (const os::TierState& state : diagnosis.host.tiers())
    tiers.push_back({{"name", os::to_text(state.tier)},
                     {"ok", state.ok},
                     {"missing", state.missing},
                     {"fix", state.fix}});
  for (const os::Feature& feature : diagnosis.host.features)
    features.push_back({{"name", feature.name},
                        {"ok", feature.ok},
                        {"detail", feature.detail},
                        {"fix", feature.fix},
                        {"buys", feature.buys}});
  const Json json = {{"version", LICHEN_VERSION},
                     {"kernel", diagnosis.kernel},
                     {"user", diagnosis.user},
                     {"store",
                      {{"path", diagnosis.store},
                       {"error", diagnosis.store_error},
                       {"file_system", diagnosis.file_system},
                       {"free_bytes", diagnosis.free_bytes}}},
                     {"tier", taken_tier(diagnosis)},
                     {"tiers", tiers},
                     {"features", features}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace lichen::cli
