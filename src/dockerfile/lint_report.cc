#include "dockerfile/lint_report.h"

#include <algorithm>

#include "base/base64.h"
#include "base/text.h"
#include "dockerfile/call_json.h"
#include "dockerfile/excerpt.h"
#include "dockerfile/lowering.h"

namespace lichen::dockerfile {

LintReport lint(Frontend request, Images& images) {
  request.all_stages = request.target.empty();
  request.lint = true;
  Lowering lowering(request, images);
  const auto lowered = lowering.run();
  LintReport report;
  for (Warning& warning : lowering.warnings())
    if (!warning.rule.empty()) merge_warnings(report.warnings, {std::move(warning)});
  std::stable_sort(
      report.warnings.begin(), report.warnings.end(),
      [](const Warning& a, const Warning& b) { return a.lines.first < b.lines.first; });
  if (lowered) return report;
  report.error = lowered.error();
  report.error_lines = lowering.where();
  Error bare = lowered.error();
  if (!bare.context.empty()) bare.context.pop_back();  // "FILE:LINE"
  report.error_message = to_text(bare);
  return report;
}

std::string to_text(const LintReport& report, const Frontend& request) {
  if (report.clean()) return "Check complete, no warnings found.\n";
  const std::size_t count = report.warnings.size();
  std::string text;
  if (count > 0)
    text = "Check complete, " + std::to_string(count) +
           (count == 1 ? " warning has been found!\n" : " warnings have been found!\n");
  for (const Warning& warning : report.warnings) {
    text += "\nWARNING: " + warning.rule;
    if (!warning.url.empty()) text += " - " + warning.url;
    text += "\n" + printable(warning.text) + "\n" +
            excerpt(request.file, request.dockerfile, warning.lines);
  }
  return text;
}

std::string to_json(const LintReport& report, const Frontend& request) {
  CallJson json = {{"warnings", CallJson::array()}};
  for (const Warning& warning : report.warnings) {
    CallJson one = {{"ruleName", warning.rule}, {"description", warning.description}};
    if (!warning.url.empty()) one["url"] = warning.url;
    one["detail"] = warning.text;
    one["location"] = location_json(warning.lines);
    json["warnings"].push_back(std::move(one));
  }
  json["sources"] = CallJson::array({CallJson{{"filename", request.file},
                                              {"data", base64_encode(request.dockerfile)},
                                              {"language", "Dockerfile"}}});
  if (report.error)
    json["buildError"] = {{"message", report.error_message},
                          {"location", location_json(report.error_lines)}};
  return dump(json);
}

}  // namespace lichen::dockerfile
