#include "cli/debug_lint.h"

#include <nlohmann/json.hpp>

#include "dockerfile/lint_report.h"

namespace lichen::cli {

namespace {

using Json = nlohmann::ordered_json;

// Every image is there, has one layer, a PATH and the platform that is asked for.
class AnyImage final : public dockerfile::Images {
 public:
  Result<dockerfile::ResolvedImage> resolve(const std::string& reference,
                                            const oci::Platform& platform) override {
    dockerfile::ResolvedImage image;
    image.identifier = "docker-image://" + reference;
    image.config.platform = platform;
    image.config.env = {"PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"};
    image.config.diff_ids = {sha256(reference)};
    return image;
  }
};

std::string line_of(const Json& json) {
  return json.dump(-1, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace

std::string lint_text(const dockerfile::Frontend& request) {
  AnyImage images;
  const dockerfile::LintReport report = dockerfile::lint(request, images);
  std::string text;
  for (const dockerfile::Warning& warning : report.warnings)
    text +=
        line_of({{"rule", warning.rule}, {"detail", warning.text}, {"line", warning.lines.first}});
  if (report.error)
    text += line_of({{"error", report.error_message}, {"line", report.error_lines.first}});
  return text;
}

}  // namespace lichen::cli
