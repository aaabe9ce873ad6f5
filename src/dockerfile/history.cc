#include "dockerfile/history.h"

#include <algorithm>

#include "base/text.h"
#include "base/unicode.h"
#include "dockerfile/duration.h"

namespace lichen::dockerfile::history {

void add(oci::ImageConfig& config, std::string text, bool makes_layer) {
  config.history.push_back({.created_by = std::move(text),
                            .comment = "buildkit.dockerfile.v0",
                            .empty_layer = !makes_layer});
}

std::string of_arg(const std::vector<ArgItem>& items) {
  std::string text = "ARG";
  for (const ArgItem& item : items) text += " " + item.key + (item.value ? "=" + *item.value : "");
  return text;
}

std::string of_pairs(const std::string& keyword, const std::vector<Pair>& pairs) {
  std::string text = keyword;
  for (const Pair& pair : pairs) text += " " + pair.key + "=" + pair.value;
  return text;
}

std::string of_run(const std::vector<std::string>& words, const std::vector<ArgItem>& args,
                   const std::vector<std::string>& env) {
  // Each name once, where it first came, with the value that it has now.
  std::vector<std::string> shown;
  std::vector<std::string> names;
  for (const ArgItem& arg : args) {
    const std::string value = oci::find_env(env, arg.key).value_or(arg.value.value_or(""));
    const auto known = std::find(names.begin(), names.end(), arg.key);
    if (known != names.end()) {
      shown[static_cast<std::size_t>(known - names.begin())] = arg.key + "=" + value;
      continue;
    }
    names.push_back(arg.key);
    shown.push_back(arg.key + "=" + value);
  }
  std::string text = "RUN ";
  if (!shown.empty()) text += "|" + std::to_string(shown.size()) + " " + join(shown, " ") + " ";
  return text + join(words, " ") + " # buildkit";
}

std::string of_copy(const CopyFiles& copy) {
  std::string text = copy.add ? "ADD" : "COPY";
  if (copy.parents) text += " --parents";
  if (!copy.chown.empty()) text += " --chown=" + copy.chown;
  if (!copy.chmod.empty()) text += " --chmod=" + copy.chmod;
  for (const std::string& source : copy.sources) text += " " + source;
  for (const InlineFile& file : copy.inline_files) text += " <<" + file.path;
  return text + " " + copy.dest + " # buildkit";
}

std::string of_healthcheck(const oci::Healthcheck& check) {
  return "HEALTHCHECK {Test:" + unicode::plain_list(check.test) +
         " Interval:" + duration_text(check.interval_ns) +
         " Timeout:" + duration_text(check.timeout_ns) +
         " StartPeriod:" + duration_text(check.start_period_ns) +
         " StartInterval:" + duration_text(check.start_interval_ns) +
         " Retries:" + std::to_string(check.retries) + "}";
}

}  // namespace lichen::dockerfile::history
