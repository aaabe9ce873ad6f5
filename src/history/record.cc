#include "history/record.h"

#include <algorithm>

#include "base/text.h"

namespace lichen::history {

const char* to_text(State state) {
  switch (state) {
    case State::kRunning:
      return "running";
    case State::kDone:
      return "done";
    case State::kCached:
      return "cached";
    case State::kFailed:
      return "failed";
    case State::kCancelled:
      return "cancelled";
    case State::kKilled:
      return "killed";
  }
  return "";
}

std::string omitted_text(std::uint64_t bytes, const std::string& where) {
  return "[" + std::to_string(bytes) + " bytes are left out of " + where + "]";
}

std::uint64_t Step::moved_bytes() const {
  std::uint64_t bytes = 0;
  for (const Transfer& transfer : transfers) bytes += transfer.bytes;
  return bytes;
}

std::string Step::log_text() const {
  std::string text;
  for (const LogChunk& chunk : log) text += chunk.bytes;
  return text;
}

namespace {

void add_transfer(Step& step, const Entry& entry) {
  const auto open = std::find_if(
      step.transfers.rbegin(), step.transfers.rend(),
      [&](const Transfer& one) { return one.what == entry.text && one.ended < one.began; });
  Transfer& transfer =
      open != step.transfers.rend()
          ? *open
          : step.transfers.emplace_back(Transfer{.what = entry.text, .began = entry.at});
  transfer.ended = entry.flag ? entry.at : -1;
  transfer.bytes = std::max(entry.bytes, transfer.bytes);
}

void add_omitted(Step& step, const Entry& entry) {
  const bool in_line = !step.log.empty() && !ends_with(step.log.back().bytes, "\n");
  step.log.push_back(
      {entry.at, false, (in_line ? "\n" : "") + omitted_text(entry.bytes, "this record") + "\n"});
}

void add_begin(Build& build, const Entry& entry) {
  if (entry.number != 0) build.began = entry.number;
  for (const auto& [name, value] : entry.more) {
    if (name == "dockerfile") build.dockerfile = value;
    if (name == "context") build.context = value;
    if (name == "target") build.target = value;
    if (name == "names") build.names = value;
  }
}

void add_end(Build& build, const Entry& entry) {
  build.error = entry.text;
  build.state = entry.flag ? State::kCancelled : entry.text.empty() ? State::kDone : State::kFailed;
  for (const auto& [name, value] : entry.more) {
    if (name == "tier") build.tier = value;
    if (name == "image") build.image = value;
  }
}

void add_to_step(Step& step, const Entry& entry) {
  switch (entry.kind) {
    case Kind::kStarted:
      step.name = entry.text;
      step.began = entry.at;
      break;
    case Kind::kMissed:
      step.why = entry.text;
      break;
    case Kind::kCached:
      step.name = entry.text;
      step.state = State::kCached;
      if (step.began == 0) step.began = entry.at;
      break;
    case Kind::kLog:
      step.log.push_back({entry.at, entry.flag, entry.text});
      break;
    case Kind::kOmitted:
      add_omitted(step, entry);
      break;
    case Kind::kTransfer:
      add_transfer(step, entry);
      break;
    case Kind::kDone:
      step.state = State::kDone;
      break;
    case Kind::kFailed:
      step.state = entry.flag ? State::kCancelled : State::kFailed;
      step.error = entry.text;
      break;
    case Kind::kPeak:
      step.peak_bytes = entry.bytes;
      break;
    case Kind::kKept:
      step.kept = entry.number;
      break;
    case Kind::kSpec:
      if (auto spec = parse_spec(entry.json)) step.spec = std::move(*spec);
      return;
    default:
      return;
  }
  step.ended = std::max(step.ended, entry.at);
}

}  // namespace

void Build::add(const Entry& entry) {
  if (entry.kind != Kind::kBegin) seconds = std::max(seconds, entry.at);
  switch (entry.kind) {
    case Kind::kBegin:
      return add_begin(*this, entry);
    case Kind::kEnd:
      return add_end(*this, entry);
    case Kind::kWarning:
      warnings.push_back(entry.text);
      return;
    case Kind::kNotice:
      notices.push_back(entry.text);
      return;
    default:
      break;
  }
  Step& step = steps[entry.step];
  step.number = entry.step;
  add_to_step(step, entry);
}

std::size_t Build::count(State wanted) const {
  std::size_t count = 0;
  for (const auto& [number, step] : steps) count += step.state == wanted ? 1 : 0;
  return count;
}

// Backwards from what failed, else from what ended last: what a step waited for is the one that
// ended last among its inputs; where inputs are not known (an export), among all that ended before
// it began.
std::vector<int> critical_path(const Build& build) {
  const auto rank = [](const Step& step) {
    return std::pair(step.state == State::kFailed, step.ended);
  };
  const Step* at = nullptr;
  for (const auto& [number, step] : build.steps)
    if (at == nullptr || rank(step) >= rank(*at)) at = &step;
  std::vector<int> path;
  while (at != nullptr) {
    path.push_back(at->number);
    const Step* before = nullptr;
    const auto consider = [&](const Step& step) {
      if (step.state == State::kCached || step.ended > at->began + 1e-3 ||
          std::find(path.begin(), path.end(), step.number) != path.end())
        return;
      if (before == nullptr || step.ended > before->ended) before = &step;
    };
    for (const int input : at->spec.inputs)
      if (const auto found = build.steps.find(input); found != build.steps.end())
        consider(found->second);
    if (before == nullptr)
      for (const auto& [number, step] : build.steps) consider(step);
    at = before;
  }
  std::reverse(path.begin(), path.end());
  return path;
}

}  // namespace lichen::history
