#include "dockerfile/platform_args.h"

#include <algorithm>

#include "base/text.h"

namespace lichen::dockerfile {

std::vector<std::string> platform_args(const oci::Platform& build, const oci::Platform& target,
                                       const std::string& stage) {
  std::vector<std::string> env;
  const auto add = [&env](const std::string& prefix, const oci::Platform& platform) {
    env.push_back(prefix + "PLATFORM=" + oci::to_text(platform));
    env.push_back(prefix + "OS=" + platform.os);
    env.push_back(prefix + "OSVERSION=" + platform.os_version);
    env.push_back(prefix + "ARCH=" + platform.architecture);
    env.push_back(prefix + "VARIANT=" + platform.variant);
  };
  add("BUILD", build);
  add("TARGET", target);
  env.push_back("TARGETSTAGE=" + (stage.empty() ? "default" : stage));
  return env;
}

bool is_proxy_arg(std::string_view key) {
  constexpr std::string_view kKeys[] = {"http_proxy", "https_proxy", "ftp_proxy", "no_proxy",
                                        "all_proxy"};
  return std::find(std::begin(kKeys), std::end(kKeys), to_lower(key)) != std::end(kKeys);
}

bool is_predefined_arg(std::string_view key) {
  constexpr std::string_view kSuffixes[] = {"PLATFORM", "OS",      "OSVERSION",
                                            "ARCH",     "VARIANT", "STAGE"};
  for (const std::string_view prefix : {"BUILD", "TARGET"})
    if (starts_with(key, prefix) && std::find(std::begin(kSuffixes), std::end(kSuffixes),
                                              key.substr(prefix.size())) != std::end(kSuffixes))
      return true;
  return is_proxy_arg(key) || starts_with(key, "BUILDKIT_") || key == "SOURCE_DATE_EPOCH";
}

}  // namespace lichen::dockerfile
