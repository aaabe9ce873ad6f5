#include <cstdio>
#include <deque>
#include <map>

#include "base/text.h"
#include "cli/display.h"
#include "cli/format.h"
#include "cli/line_buffer.h"

namespace lichen::cli {

namespace {

// Steps that run side by side would mix line by line. So one step has the floor; what the others
// say waits until it is done, or silent for a while, or has spoken for long.
constexpr double kSilenceSeconds = 1, kTurnSeconds = 5;
constexpr double kTransferSeconds = 2;  // between two lines about one blob

class PlainDisplay final : public Display {
 public:
  explicit PlainDisplay(Writer writer) : writer_(std::move(writer)) {}

  void show(const build::Event& event, double now) override {
    std::visit([&](const auto& one) { on(one, now); }, event);
    take_turns(now);
    flush();
  }

  void tick(double now) override {
    take_turns(now);
    flush();
  }

  void finish(double now) override {
    for (auto& [number, step] : steps_) end_lines(number, step, now);
    while (const int next = next_speaker()) give_floor(next, now);
    text_ += warnings_.text(/*colour=*/false);
    flush();
  }

 private:
  struct Transfer {
    double began = 0, said = 0;
  };
  struct Step {
    std::string name;
    double began = 0;
    bool ended = false;
    LineBuffer out, err;
    std::map<std::string, Transfer> transfers;
    std::deque<std::string> waiting;  // lines that wait for the floor
    double waits_since = 0;
  };

  void on(const build::StepsExpected&, double) {}
  void on(const build::StepStarted& event, double now) {
    Step& step = named(event.step, event.name, now);
    step.began = now;
    step.ended = false;
    say(event.step, "", now);
  }
  void on(const build::StepMissed& event, double now) {
    say(event.step, "MISS: " + printable(event.why), now);
  }
  void on(const build::StepCached& event, double now) {
    Step& step = named(event.step, event.name, now);
    say(event.step, "CACHED", now);
    step.ended = true;
  }
  void on(const build::StepLog& event, double now) {
    Step& step = steps_[event.step];
    LineBuffer& buffer = event.is_stderr ? step.err : step.out;
    for (const std::string& line : buffer.add(event.text)) say_log(event.step, step, line, now);
  }
  void on(const build::StepTransfer& event, double now) {
    Step& step = steps_[event.step];
    const auto [found, first] = step.transfers.try_emplace(event.what, Transfer{now, now});
    Transfer& transfer = found->second;
    const bool sentence = event.bytes == 0 && event.total == 0;  // "exporting layers"
    const bool due = sentence ? first : now - transfer.said >= kTransferSeconds;
    if (!event.done && !due) return;
    transfer.said = now;
    std::string line = transfer_text(event);
    if (event.done) {
      const double seconds = now - transfer.began;
      if (seconds >= 0.05) line += " " + human_seconds(seconds);
      line += " done";
      step.transfers.erase(event.what);
    }
    say(event.step, line, now);
  }
  void on(const build::StepDone& event, double now) {
    Step& step = steps_[event.step];
    end_lines(event.step, step, now);
    say(event.step, "DONE " + human_seconds(event.seconds), now);
    step.ended = true;
  }
  void on(const build::StepFailed& event, double now) {
    Step& step = steps_[event.step];
    end_lines(event.step, step, now);
    say(event.step,
        event.error.code == Errc::kCancelled ? "CANCELED"
                                             : "ERROR: " + printable(to_text(event.error)),
        now);
    step.ended = true;
  }
  void on(const build::Warning& event, double) {
    (void)warnings_.add(event);
    text_ += "lichen: " + warning_text(event) + "\n";
  }
  void on(const build::Notice& event, double) {
    text_ += "lichen: " + printable(event.text) + "\n";
  }

  Step& named(int number, const std::string& name, double now) {
    const bool first = steps_.find(number) == steps_.end();
    Step& step = steps_[number];
    if (first) step.began = now;
    // One that spoke before it had a name has no heading yet.
    const bool is_late = number == speaker_ && step.name.empty();
    step.name = printable(name);
    if (is_late) write_line(number, step.name);
    return step;
  }

  void say_log(int number, const Step& step, const std::string& line, double now) {
    char time[32];
    std::snprintf(time, sizeof time, "%.3f ", std::max(0.0, now - step.began));
    std::string shown = printable(line, /*keep_colour=*/true);
    if (shown.find('\x1b') != std::string::npos) shown += "\x1b[0m";
    say(number, time + shown, now);
  }

  void end_lines(int number, Step& step, double now) {
    for (LineBuffer* buffer : {&step.out, &step.err})
      if (const std::string rest = buffer->take_rest(); !rest.empty())
        say_log(number, step, rest, now);
  }

  // An empty line only asks for the step's heading.
  void say(int number, const std::string& line, double now) {
    Step& step = steps_[number];
    if (number != speaker_) {
      if (step.waiting.empty()) step.waits_since = now;
      step.waiting.push_back(line);
      return;
    }
    if (!line.empty()) write_line(number, line);
    spoke_ = now;
  }

  void write_line(int number, const std::string& line) {
    text_ += "#" + std::to_string(number) + " " + line + "\n";
  }

  void give_floor(int number, double now) {
    if (speaker_ != 0 && !steps_[speaker_].ended)
      text_ += "#" + std::to_string(speaker_) + " ...\n";
    if (speaker_ != 0) text_ += "\n";
    speaker_ = number;
    turn_began_ = spoke_ = now;
    Step& step = steps_[number];
    if (!step.name.empty()) write_line(number, step.name);
    for (const std::string& line : step.waiting)
      if (!line.empty()) write_line(number, line);
    step.waiting.clear();
  }

  // The step that is to speak next: one that has ended, so that it is out of the way, else the one
  // that has waited longest. 0: none has anything to say.
  int next_speaker() const {
    int next = 0;
    double since = 0;
    for (const auto& [number, step] : steps_) {
      if (step.waiting.empty()) continue;
      if (step.ended) return number;
      if (next != 0 && step.waits_since >= since) continue;
      next = number;
      since = step.waits_since;
    }
    return next;
  }

  void take_turns(double now) {
    while (const int next = next_speaker()) {
      const bool free = speaker_ == 0 || steps_[speaker_].ended ||
                        now - spoke_ >= kSilenceSeconds || now - turn_began_ >= kTurnSeconds;
      if (!free) return;
      give_floor(next, now);
    }
  }

  void flush() {
    if (!text_.empty()) writer_(text_);
    text_.clear();
  }

  Writer writer_;
  std::map<int, Step> steps_;
  int speaker_ = 0;
  double turn_began_ = 0, spoke_ = 0;
  WarningSummary warnings_;
  std::string text_;
};

}  // namespace

std::unique_ptr<Display> plain_display(Writer writer) {
  return std::make_unique<PlainDisplay>(std::move(writer));
}

std::string transfer_text(const build::StepTransfer& transfer) {
  return printable(trim(transfer.what)) + transfer_numbers(transfer);
}

std::string transfer_numbers(const build::StepTransfer& transfer) {
  std::string text;
  if (transfer.bytes > 0 || transfer.total > 0) text += " " + human_size(transfer.bytes);
  if (transfer.total > 0) text += " / " + human_size(transfer.total);
  return text;
}

}  // namespace lichen::cli
