// Keeps the record of a build (history/writer.h) out of the events that pass by.
//
//   Recorder recorder(request, events);
//   recorder.open(store.path());            // as soon as there is a store
//   … recorder.sink() is where events go …
//   recorder.finish(outcome, tier);
//
// Nothing is written before a step runs: a build that finds everything writes once, at its end.
// Thread-safe, as its sink must be.
#pragma once

#include <chrono>
#include <set>
#include <string>
#include <utility>

#include "base/result.h"
#include "build/event.h"
#include "build/request.h"
#include "history/entry.h"
#include "history/step_spec.h"
#include "history/writer.h"

namespace lichen::build {

// Where a store has its builds' records.
std::string history_directory(const std::string& store);

class Recorder {
 public:
  Recorder(const Request& request, EventSink next);

  const std::string& id() const { return writer_.id(); }
  EventSink sink();
  void open(const std::string& store);
  void set_dockerfile(const std::string& place);
  void peak(int step, std::uint64_t bytes);
  void kept(int step, std::int64_t snapshot);
  void spec(int step, const history::StepSpec& spec);
  void finish(const Result<Outcome>& outcome, const std::string& tier);

 private:
  void add(history::Entry entry);
  void on(const StepsExpected&);
  void on(const StepStarted& event);
  void on(const StepMissed& event);
  void on(const StepLog& event);
  void on(const StepTransfer& event);
  void on(const StepCached& event);
  void on(const StepDone& event);
  void on(const StepFailed& event);
  void on(const Warning& event);
  void on(const Notice& event);

  const std::chrono::steady_clock::time_point began_;
  const EventSink next_;
  history::Writer writer_;
  std::string directory_, dockerfile_;
  std::set<std::pair<int, std::string>> moving_;  // transfers whose begin was noted
};

}  // namespace lichen::build
