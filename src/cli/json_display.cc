#include <map>

#include "base/base64.h"
#include "base/digest.h"
#include "cli/display.h"
#include "oci/json.h"

namespace lichen::cli {

namespace {

using oci::json::ObjectWriter;

// BuildKit's SolveStatus, as buildx writes it: an object a line, with lists of vertexes, statuses,
// logs or warnings. What BuildKit has no word for has one of its own, which its readers pass over:
// a vertex's `cacheMiss`, and `notices`.
class JsonDisplay final : public Display {
 public:
  JsonDisplay(Writer writer, std::function<std::string()> time)
      : writer_(std::move(writer)), time_(std::move(time)) {}

  void show(const build::Event& event, double) override {
    std::visit([&](const auto& one) { on(one); }, event);
  }
  void tick(double) override {}
  void finish(double) override {}

 private:
  struct Step {
    std::string name, digest, started, why;
    std::map<std::string, std::string> transfers;  // when each began
  };

  Step& named(int number, const std::string& name) {
    Step& step = steps_[number];
    step.name = name;
    step.digest = sha256("step " + std::to_string(number) + " " + name).text();
    return step;
  }
  const std::string& digest(int number) {
    Step& step = steps_[number];
    if (step.digest.empty()) named(number, step.name);
    return step.digest;
  }

  void on(const build::StepsExpected&) {}
  void on(const build::StepStarted& event) {
    Step& step = named(event.step, event.name);
    step.started = time_();
    write_vertex(event.step, {}, false, {});
  }
  void on(const build::StepMissed& event) {
    steps_[event.step].why = event.why;
    write_vertex(event.step, {}, false, {});
  }
  void on(const build::StepCached& event) {
    Step& step = named(event.step, event.name);
    const std::string now = time_();
    if (step.started.empty()) step.started = now;
    write_vertex(event.step, now, true, {});
  }
  void on(const build::StepDone& event) { write_vertex(event.step, time_(), false, {}); }
  void on(const build::StepFailed& event) {
    const bool cancelled = event.error.code == Errc::kCancelled;
    write_vertex(event.step, time_(), false,
                 (cancelled ? "context canceled: " : "") + to_text(event.error));
  }
  void on(const build::StepLog& event) {
    write("logs", ObjectWriter()
                      .text("vertex", digest(event.step))
                      .raw("stream", event.is_stderr ? "2" : "1")
                      .text("data", base64_encode(event.text))
                      .text("timestamp", time_())
                      .finish());
  }
  void on(const build::StepTransfer& event) {
    const std::string now = time_();
    Step& step = steps_[event.step];
    const std::string started = step.transfers.try_emplace(event.what, now).first->second;
    ObjectWriter json;
    json.text("id", event.what).text("vertex", digest(event.step));
    if (event.total != 0) json.raw("total", std::to_string(event.total));
    json.raw("current", std::to_string(event.bytes))
        .text("timestamp", now)
        .text("started", started);
    if (event.done) {
      json.text("completed", now);
      step.transfers.erase(event.what);
    }
    write("statuses", json.finish());
  }
  void on(const build::Warning& event) {
    ObjectWriter json;
    json.raw("level", "1").text("short", base64_encode(warning_text(event)));
    if (event.line > 0) {
      const std::string line = "{\"line\":" + std::to_string(event.line) + "}";
      json.raw("sourceInfo", ObjectWriter().text("filename", event.file).finish());
      json.raw("range", "[{\"start\":" + line + ",\"end\":" + line + "}]");
    }
    write("warnings", json.finish());
  }
  void on(const build::Notice& event) { write("notices", oci::json::quote(event.text)); }

  void write_vertex(int number, const std::string& completed, bool cached,
                    const std::string& error) {
    const Step& step = steps_[number];
    ObjectWriter json;
    json.text("digest", digest(number)).text("name", step.name);
    json.text_unless_empty("started", step.started).text_unless_empty("completed", completed);
    if (cached) json.raw("cached", "true");
    json.text_unless_empty("error", error).text_unless_empty("cacheMiss", step.why);
    write("vertexes", json.finish());
  }

  void write(const char* list, const std::string& item) {
    writer_(ObjectWriter().raw(list, "[" + item + "]").finish() + "\n");
  }

  Writer writer_;
  std::function<std::string()> time_;
  std::map<int, Step> steps_;
};

}  // namespace

std::unique_ptr<Display> json_display(Writer writer, std::function<std::string()> time) {
  return std::make_unique<JsonDisplay>(std::move(writer), std::move(time));
}

}  // namespace lichen::cli
