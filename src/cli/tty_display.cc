#include <algorithm>
#include <deque>
#include <map>
#include <set>
#include <vector>

#include "base/text.h"
#include "cli/display.h"
#include "cli/format.h"
#include "cli/line_buffer.h"
#include "cli/text_width.h"

namespace lichen::cli {

namespace {

constexpr char kHideCursor[] = "\x1b[?25l", kShowCursor[] = "\x1b[?25h";
constexpr char kClearLine[] = "\x1b[K", kClearBelow[] = "\x1b[J";
constexpr char kPlain[] = "\x1b[0m";

class TtyDisplay final : public Display {
 public:
  TtyDisplay(Writer writer, TtyOptions options)
      : writer_(std::move(writer)), options_(std::move(options)) {}

  void show(const build::Event& event, double now) override {
    std::visit([&](const auto& one) { on(one, now); }, event);
  }

  void tick(double now) override { draw(live_lines(now), /*last=*/false); }

  void finish(double now) override {
    if (any_step())
      done_.push_back({summary(now) + (ended_.size() == known() ? " FINISHED" : ""), ""});
    draw({}, /*last=*/true);
    // Not cut to the window: it stays.
    if (const std::string text = warnings_.text(options_.colour); !text.empty()) writer_(text);
  }

 private:
  struct Line {
    std::string text, right;  // `right` ends at the window's edge
    std::string colour = {};
    std::string numbers = {};  // behind the text, which is cut where there is no room for both
  };
  struct Step {
    std::string name;
    std::string why;  // it was not found in the cache
    double began = 0;
    LineBuffer out, err;
    std::deque<std::string> lines;  // the last ones that it wrote
    struct Transfer {
      std::string text, numbers;
      double began = 0;
    };
    std::map<std::string, Transfer> transfers;
    std::vector<Line> finished;  // of transfers, what is worth keeping
  };

  void on(const build::StepsExpected& event, double) {
    expected_ = mentioned_.size() + static_cast<std::size_t>(std::max(0, event.more));
  }
  void on(const build::StepStarted& event, double now) {
    mention(event.step, now);
    Step& step = running_[event.step];
    step.name = printable(event.name);
    step.began = now;
  }
  void on(const build::StepMissed& event, double) {
    running_[event.step].why = printable(event.why);
  }
  void on(const build::StepCached& event, double now) {
    mention(event.step, now);
    ended_.insert(event.step);
    running_.erase(event.step);
    done_.push_back(
        {" => CACHED " + printable(event.name), human_seconds(0), options_.colours.run});
  }
  void on(const build::StepLog& event, double) {
    Step& step = running_[event.step];
    LineBuffer& buffer = event.is_stderr ? step.err : step.out;
    for (std::string& line : buffer.add(event.text)) {
      step.lines.push_back(std::move(line));
      if (step.lines.size() > static_cast<std::size_t>(options_.log_lines)) step.lines.pop_front();
    }
  }
  void on(const build::StepTransfer& event, double now) {
    Step& step = running_[event.step];
    const auto [found, first] = step.transfers.try_emplace(event.what);
    if (first) found->second.began = now;
    found->second.text = printable(trim(event.what));
    found->second.numbers = transfer_numbers(event);
    if (!event.done) return;
    // A sentence ("naming to …") is worth keeping; of a blob's way only the end mattered.
    if (event.total == 0)
      step.finished.push_back({.text = " => => " + found->second.text,
                               .right = human_seconds(now - found->second.began),
                               .numbers = found->second.numbers});
    step.transfers.erase(found);
  }
  void on(const build::StepDone& event, double) {
    end(event.step, "", human_seconds(event.seconds), options_.colours.run);
  }
  void on(const build::StepFailed& event, double now) {
    const auto step = running_.find(event.step);
    const double began = step == running_.end() ? now : step->second.began;
    const bool cancelled = event.error.code == Errc::kCancelled;
    end(event.step, cancelled ? "CANCELED " : "ERROR ", human_seconds(now - began),
        cancelled ? options_.colours.cancel : options_.colours.error);
  }
  void on(const build::Warning& event, double) {
    if (warnings_.add(event)) return;
    done_.push_back({"lichen: " + warning_text(event), "", options_.colours.warning});
  }
  void on(const build::Notice& event, double) {
    done_.push_back({"lichen: " + printable(event.text), "", ""});
  }

  void end(int number, const char* word, const std::string& time, const std::string& colour) {
    const auto step = running_.find(number);
    if (step == running_.end()) return;
    for (Line& line : explained({std::string(" => ") + word + step->second.name, time, colour},
                                step->second.why))
      done_.push_back(std::move(line));
    for (Line& line : step->second.finished) done_.push_back(std::move(line));
    running_.erase(step);
    ended_.insert(number);
  }

  void mention(int step, double now) {
    if (!any_step()) began_ = now;
    mentioned_.insert(step);
    ended_.erase(step);  // one that starts again
  }
  bool any_step() const { return !mentioned_.empty(); }

  // "[+] Building 3.4s (9/12)": how long, and how many steps of those that are known have ended.
  std::string summary(double now) const {
    return "[+] Building " + human_seconds(now - began_) + " (" + std::to_string(ended_.size()) +
           "/" + std::to_string(known()) + ")";
  }
  std::size_t known() const { return std::max(expected_, mentioned_.size()); }

  // The last column stays free: some terminals wrap as soon as it is written.
  std::size_t columns() const {
    return static_cast<std::size_t>(std::max(20, options_.window().columns) - 1);
  }

  // Why a step runs stands behind its name where there is room, else below.
  std::vector<Line> explained(Line heading, const std::string& why) const {
    if (why.empty()) return {std::move(heading)};
    const std::string note = " (" + why + ")";
    if (text_width(heading.text + note) + heading.right.size() + 1 <= columns()) {
      heading.text += note;
      return {std::move(heading)};
    }
    return {std::move(heading), {" => => why: " + why, "", ""}};
  }

  // What is redrawn: each running step's heading always, as much of the rest as the window holds.
  std::vector<Line> live_lines(double now) const {
    const WindowSize window = options_.window();
    std::size_t rows = static_cast<std::size_t>(std::max(2, window.rows)) - 1;
    std::vector<Line> lines;
    if (any_step() && rows > 1) {
      lines.push_back({summary(now), ""});
      --rows;
    }
    const std::size_t headings = lines.size();
    std::vector<std::vector<Line>> blocks;
    for (const auto& [number, step] : running_) blocks.push_back(block(step, now));
    std::size_t total = 0;
    for (const auto& one : blocks) total += one.size();
    while (total > rows && shorten_longest(blocks)) --total;
    for (const auto& one : blocks) lines.insert(lines.end(), one.begin(), one.end());
    if (lines.size() > headings + rows) {
      const std::size_t hidden = lines.size() - headings - rows + 1;
      lines.resize(headings + rows - 1);
      lines.push_back({" … and " + std::to_string(hidden) + " more", "", ""});
    }
    return lines;
  }

  std::vector<Line> block(const Step& step, double now) const {
    std::vector<Line> lines;
    if (!step.name.empty())
      lines = explained({" => " + step.name, human_seconds(now - step.began), ""}, step.why);
    lines.insert(lines.end(), step.finished.begin(), step.finished.end());
    for (const auto& [what, transfer] : step.transfers)
      lines.push_back({.text = " => => " + transfer.text,
                       .right = human_seconds(now - transfer.began),
                       .numbers = transfer.numbers});
    std::vector<std::string> log(step.lines.begin(), step.lines.end());
    for (const LineBuffer* buffer : {&step.out, &step.err})
      if (std::string rest = buffer->rest(); !rest.empty()) log.push_back(std::move(rest));
    const auto limit = static_cast<std::size_t>(options_.log_lines);
    for (std::size_t i = log.size() > limit ? log.size() - limit : 0; i < log.size(); ++i)
      lines.push_back({" => => # " + printable(log[i], options_.colour), "", ""});
    return lines;
  }

  // Takes the oldest line below a heading from the longest block; false when only headings are
  // left.
  static bool shorten_longest(std::vector<std::vector<Line>>& blocks) {
    const auto longest =
        std::max_element(blocks.begin(), blocks.end(),
                         [](const auto& a, const auto& b) { return a.size() < b.size(); });
    if (longest == blocks.end() || longest->size() < 2) return false;
    longest->erase(longest->begin() + 1);
    return true;
  }

  std::string drawn(const Line& line, std::size_t width) const {
    const std::size_t room =
        line.right.empty() ? width : width - std::min(width, line.right.size() + 1);
    const std::size_t numbers = text_width(line.numbers);
    std::string text = fit(fit(line.text, room - std::min(room, numbers)) + line.numbers, room);
    if (!line.right.empty()) {
      const std::size_t used = text_width(text);
      text.append(room > used ? room - used : 0, ' ');
      text += " " + line.right;
    }
    if (options_.colour && !line.colour.empty()) text = line.colour + text + kPlain;
    return text + kClearLine + "\n";
  }

  // The cursor stands below the live lines: goes up, writes what was finished over them, then the
  // new ones, and clears what is left.
  void draw(const std::vector<Line>& live, bool last) {
    if (done_.empty() && live.empty() && live_drawn_ == 0 && !(last && hidden_)) return;
    const std::size_t width = columns();
    std::string text;
    if (!hidden_ && !last) text += kHideCursor;
    hidden_ = true;
    if (live_drawn_ > 0) text += "\r\x1b[" + std::to_string(live_drawn_) + "A";
    for (const Line& line : done_) text += drawn(line, width);
    for (const Line& line : live) text += drawn(line, width);
    text += kClearBelow;
    if (last) {
      text += kShowCursor;
      hidden_ = false;
    }
    done_.clear();
    live_drawn_ = live.size();
    writer_(text);
  }

  Writer writer_;
  TtyOptions options_;
  std::map<int, Step> running_;
  std::vector<Line> done_;  // finished since the last drawing
  std::set<int> mentioned_, ended_;
  std::size_t expected_ = 0;
  double began_ = 0;  // when the first step was mentioned
  WarningSummary warnings_;
  std::size_t live_drawn_ = 0;
  bool hidden_ = false;
};

}  // namespace

std::unique_ptr<Display> tty_display(Writer writer, TtyOptions options) {
  return std::make_unique<TtyDisplay>(std::move(writer), std::move(options));
}

}  // namespace lichen::cli
