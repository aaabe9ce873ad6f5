#include "cli/builds_text.h"

#include <cstdio>

#include "base/text.h"
#include "cli/format.h"
#include "oci/json.h"

namespace lichen::cli {

namespace {

using Json = nlohmann::ordered_json;
using history::State;

std::string dump(const Json& json) {
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

std::string what_of(const history::Build& build) {
  return build.names.empty() ? build.dockerfile : build.names;
}

Json summary_json(const history::Build& build) {
  return {{"id", build.id},
          {"status", history::to_text(build.state)},
          {"created", to_rfc3339(build.began)},
          {"seconds", build.seconds},
          {"dockerfile", build.dockerfile},
          {"context", build.context},
          {"target", build.target},
          {"names", build.names},
          {"tier", build.tier},
          {"image", build.image},
          {"error", build.error},
          {"steps", build.steps.size()},
          {"cachedSteps", build.count(State::kCached)}};
}

Json step_json(const history::Step& step) {
  Json json = {{"number", step.number},
               {"name", step.name},
               {"status", history::to_text(step.state)},
               {"began", step.began},
               {"ended", step.ended},
               {"why", step.why},
               {"key", step.spec.key.text()},
               {"inputs", step.spec.inputs},
               {"bytesMoved", step.moved_bytes()},
               {"peakMemoryBytes", step.peak_bytes},
               {"error", step.error}};
  if (step.kept != 0) json["failedSnapshot"] = step.kept;
  return json;
}

std::string step_state(const history::Step& step) {
  if (step.state == State::kCached) return "CACHED";
  const std::string time = human_seconds(step.ended - step.began);
  if (step.state == State::kDone) return time;
  return std::string(history::to_text(step.state)) + " " + time;
}

}  // namespace

std::string builds_table(const std::vector<history::Build>& builds, std::int64_t now) {
  constexpr std::size_t kWidth = 60;
  std::vector<std::vector<std::string>> rows = {
      {"BUILD", "STATUS", "CREATED", "TIME", "STEPS", "CACHED", "WHAT"}};
  for (const history::Build& build : builds)
    rows.push_back({build.id, history::to_text(build.state), human_ago(now - build.began),
                    human_seconds(build.seconds), std::to_string(build.steps.size()),
                    std::to_string(build.count(State::kCached)),
                    shorten(printable(what_of(build)), kWidth)});
  return table(rows);
}

std::string builds_json(const std::vector<history::Build>& builds) {
  Json json = Json::array();
  for (const history::Build& build : builds) json.push_back(summary_json(build));
  return dump(json);
}

std::string build_text(const history::Build& build) {
  std::string text;
  const auto line = [&](const char* name, const std::string& value) {
    if (value.empty()) return;
    std::string label = std::string(name) + ":";
    label.resize(12, ' ');
    text += label + printable(value) + "\n";
  };
  line("Build", build.id);
  line("Status", history::to_text(build.state));
  line("Created", to_rfc3339(build.began));
  line("Time", human_seconds(build.seconds));
  line("Names", build.names);
  line("Dockerfile", build.dockerfile);
  line("Context", build.context);
  line("Target", build.target);
  line("Tier", build.tier);
  line("Image", build.image);
  line("Error", build.error);
  std::vector<std::vector<std::string>> rows = {{"STEP", "TIME", "WHAT"}};
  for (const auto& [number, step] : build.steps) {
    rows.push_back({"#" + std::to_string(number), step_state(step), printable(step.name)});
    if (!step.why.empty()) rows.push_back({"", "", "  why: " + printable(step.why)});
  }
  return text + "\n" + table(rows);
}

std::string build_json(const history::Build& build) {
  Json json = summary_json(build);
  Json steps = Json::array();
  for (const auto& [number, step] : build.steps) steps.push_back(step_json(step));
  json["steps"] = std::move(steps);
  json["criticalPath"] = history::critical_path(build);
  json["warnings"] = build.warnings;
  json["notices"] = build.notices;
  return dump(json);
}

std::string log_text(const history::Build& build, int only) {
  std::string text;
  for (const auto& [number, step] : build.steps) {
    if (only != 0 && number != only) continue;
    const std::string mark = "#" + std::to_string(number) + " ";
    text += mark + printable(step.name) + "\n";
    if (!step.why.empty()) text += mark + "MISS: " + printable(step.why) + "\n";
    std::string log = step.log_text();
    if (ends_with(log, "\n")) log.pop_back();
    if (!log.empty())
      for (const std::string& line : split(log, '\n'))
        text += mark + printable(line, /*keep_colour=*/true) +
                (line.find('\x1b') == std::string::npos ? "\n" : "\x1b[0m\n");
    switch (step.state) {
      case State::kCached:
        text += mark + "CACHED\n";
        break;
      case State::kDone:
        text += mark + "DONE " + human_seconds(step.ended - step.began) + "\n";
        break;
      case State::kFailed:
        text += mark + "ERROR: " + printable(step.error) + "\n";
        break;
      case State::kCancelled:
        text += mark + "CANCELED\n";
        break;
      case State::kKilled:
        text += mark + "KILLED\n";
        break;
      case State::kRunning:
        break;
    }
    text += "\n";
  }
  return text;
}

std::string explanation_text(const build::Explanation& explanation) {
  const bool of_two = !explanation.before.id.empty();
  std::string text = "build " + explanation.build.id +
                     (of_two ? " against " + explanation.before.id : "") + ", " +
                     printable(what_of(explanation.build)) + "\n";
  if (explanation.steps.empty())
    return text + (of_two ? "no step has another key\n" : "no step ran: all came from the cache\n");
  for (const build::StepReasons& step : explanation.steps) {
    text += "#" + std::to_string(step.step) + " " + printable(step.name) +
            (of_two && !step.has_run ? " (came from the cache)" : "") + "\n";
    for (const std::string& reason : step.reasons) text += "    " + printable(reason) + "\n";
  }
  return text;
}

std::string explanation_json(const build::Explanation& explanation) {
  Json json = {{"build", explanation.build.id}};
  if (!explanation.before.id.empty()) json["against"] = explanation.before.id;
  Json steps = Json::array();
  for (const build::StepReasons& step : explanation.steps)
    steps.push_back({{"number", step.step},
                     {"name", step.name},
                     {"ran", step.has_run},
                     {"reasons", step.reasons}});
  json["steps"] = std::move(steps);
  return dump(json);
}

}  // namespace lichen::cli
