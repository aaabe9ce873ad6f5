#include "build/recorder.h"

#include "base/text.h"
#include "graph/sensitive.h"
#include "history/records.h"

namespace lichen::build {

using history::Entry;
using history::Kind;

namespace {

Entry begin_of(const Request& request) {
  Entry begin;
  begin.more = {{"context", graph::without_url_credentials(request.context)},
                {"target", request.target},
                {"names", join(request.tags, ", ")}};
  return begin;
}

}  // namespace

std::string history_directory(const std::string& store) {
  return store + "/history";
}

Recorder::Recorder(const Request& request, EventSink next)
    : began_(std::chrono::steady_clock::now()),
      next_(std::move(next)),
      writer_(begin_of(request), std::chrono::duration_cast<std::chrono::milliseconds>(
                                     std::chrono::system_clock::now().time_since_epoch())
                                     .count()) {}

EventSink Recorder::sink() {
  return [this](const Event& event) {
    std::visit([this](const auto& one) { on(one); }, event);
    next_(event);
  };
}

void Recorder::open(const std::string& store) {
  directory_ = history_directory(store);
  writer_.open_directory(directory_);
}

void Recorder::set_dockerfile(const std::string& place) {
  dockerfile_ = place;
  add({.kind = Kind::kBegin, .more = {{"dockerfile", place}}});
}

void Recorder::add(Entry entry) {
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - began_;
  entry.at = time.count();
  writer_.add(entry);
}

void Recorder::peak(int step, std::uint64_t bytes) {
  add({.kind = Kind::kPeak, .step = step, .bytes = bytes});
}
void Recorder::kept(int step, std::int64_t snapshot) {
  add({.kind = Kind::kKept, .step = step, .number = snapshot});
}
void Recorder::spec(int step, const history::StepSpec& spec) {
  add({.kind = Kind::kSpec, .step = step, .json = history::to_json(spec)});
}

void Recorder::on(const StepsExpected&) {}
void Recorder::on(const StepStarted& event) {
  add({.kind = Kind::kStarted, .step = event.step, .text = event.name});
}
void Recorder::on(const StepMissed& event) {
  add({.kind = Kind::kMissed, .step = event.step, .text = event.why});
  writer_.start();
}
void Recorder::on(const StepLog& event) {
  add({.kind = Kind::kLog, .step = event.step, .text = event.text, .flag = event.is_stderr});
  writer_.start();
}
// When it began and when it ended; what is between is for who watches.
void Recorder::on(const StepTransfer& event) {
  const auto [at, first] = moving_.emplace(event.step, event.what);
  if (!first && !event.done) return;
  if (event.done) moving_.erase(at);
  add({.kind = Kind::kTransfer,
       .step = event.step,
       .text = event.what,
       .flag = event.done,
       .bytes = event.bytes,
       .total = event.total});
}
void Recorder::on(const StepCached& event) {
  add({.kind = Kind::kCached, .step = event.step, .text = event.name});
}
void Recorder::on(const StepDone& event) {
  add({.kind = Kind::kDone, .step = event.step});
}
void Recorder::on(const StepFailed& event) {
  add({.kind = Kind::kFailed,
       .step = event.step,
       .text = to_text(event.error),
       .flag = event.error.code == Errc::kCancelled});
}
void Recorder::on(const Warning& event) {
  const std::string place =
      event.line > 0 ? event.file + ":" + std::to_string(event.line) + ": " : "";
  add({.kind = Kind::kWarning, .text = place + event.text});
}
void Recorder::on(const Notice& event) {
  add({.kind = Kind::kNotice, .text = event.text});
}

void Recorder::finish(const Result<Outcome>& outcome, const std::string& tier) {
  if (directory_.empty()) return;
  Entry end{.kind = Kind::kEnd, .more = {{"tier", tier}}};
  if (!outcome) {
    end.text = to_text(outcome.error());
    end.flag = outcome.error().code == Errc::kCancelled;
  } else if (!outcome->id().empty()) {
    end.more.emplace_back("image", outcome->id().text());
  }
  const std::chrono::duration<double> time = std::chrono::steady_clock::now() - began_;
  end.at = time.count();
  writer_.finish(end);
  (void)history::keep_within(directory_, {});
}

}  // namespace lichen::build
