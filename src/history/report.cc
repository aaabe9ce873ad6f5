#include "history/report.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "base/unicode.h"
#include "history/records.h"

namespace lichen::history {

namespace {

constexpr char kStyle[] = R"(
:root{color-scheme:light dark;--ink:#1c2321;--soft:#5d6966;--line:#d9dedb;--page:#f6f7f5;--card:#fff;
--run:#3d7f7a;--hit:#a9bdb4;--bad:#b3372f;--stop:#b98a1d;--path:#d97b29}
@media(prefers-color-scheme:dark){:root{--ink:#e4e9e6;--soft:#9aa6a2;--line:#37403d;--page:#171b1a;
--card:#1f2523;--run:#58a69f;--hit:#4d5f57;--bad:#e0675e;--stop:#d9b04a;--path:#ee9a4d}}
*{box-sizing:border-box}
body{margin:0;background:var(--page);color:var(--ink);font:15px/1.5 system-ui,sans-serif}
main{max-width:1200px;margin:0 auto;padding:24px 16px 64px}
h1{font-size:22px;margin:0 0 4px;overflow-wrap:anywhere}h2{font-size:16px;margin:32px 0 8px}
.soft{color:var(--soft);overflow-wrap:anywhere}.mono,pre{font-family:ui-monospace,"DejaVu Sans Mono",monospace;font-size:13px}
.cards{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:8px;margin:16px 0}
.card{background:var(--card);border:1px solid var(--line);border-radius:6px;padding:10px 12px}
.card b{display:block;font-size:20px;font-variant-numeric:tabular-nums;overflow-wrap:anywhere}
.tag{display:inline-block;padding:0 8px;border-radius:9px;color:#fff;background:var(--run);font-size:13px}
.tag.failed,.tag.killed{background:var(--bad)}.tag.cancelled,.tag.running{background:var(--stop)}
.tag.cached{background:var(--hit);color:var(--ink)}
.error{border-left:4px solid var(--bad);background:var(--card);padding:8px 12px;overflow-wrap:anywhere;
white-space:pre-wrap}
.time{display:grid;grid-template-columns:minmax(0,2fr) max-content minmax(0,3fr);gap:2px 10px;align-items:center}
.time .name{overflow:hidden;text-overflow:ellipsis;white-space:nowrap}
.track{position:relative;height:16px;background:var(--card);border-radius:3px}
.bar{position:absolute;top:2px;bottom:2px;min-width:3px;border-radius:2px;background:var(--run)}
.bar.cached{background:var(--hit)}.bar.failed,.bar.killed{background:var(--bad)}
.bar.cancelled,.bar.running{background:var(--stop)}.bar.path{box-shadow:0 0 0 2px var(--path)}
.axis{position:relative;height:20px;color:var(--soft);font-size:12px}
.axis span{position:absolute;padding-left:3px;border-left:1px solid var(--line);white-space:nowrap}
.legend{display:flex;flex-wrap:wrap;gap:4px 16px;margin-top:8px}
.key{display:inline-block;position:static;width:14px;height:10px;margin-right:5px}
.right{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
.step{background:var(--card);border:1px solid var(--line);border-radius:6px;margin:6px 0}
.step>summary{padding:8px 12px;cursor:pointer;overflow-wrap:anywhere}
.step>div{padding:0 12px 10px}
.why{color:var(--path)}
pre{margin:6px 0;padding:8px;background:var(--page);border:1px solid var(--line);border-radius:4px;
max-height:480px;overflow:auto;white-space:pre-wrap;overflow-wrap:anywhere}
table{border-collapse:collapse;width:100%}td.right{width:1%}td,th{text-align:left;padding:2px 10px 2px 0;overflow-wrap:anywhere}
td{vertical-align:top}
@media(max-width:640px){.time{grid-template-columns:minmax(0,1fr) max-content}.time .axis,.time .track{grid-column:1/3;margin-bottom:6px}}
@media print{pre{max-height:none}}
)";

std::string seconds_text(double seconds) {
  char text[32];
  if (seconds < 60)
    std::snprintf(text, sizeof text, "%.1f s", std::max(0.0, seconds));
  else
    std::snprintf(text, sizeof text, "%d min %02d s", static_cast<int>(seconds) / 60,
                  static_cast<int>(seconds) % 60);
  return text;
}

std::string bytes_text(std::uint64_t bytes) {
  constexpr const char* kUnits[] = {"B", "kB", "MB", "GB", "TB"};
  double value = static_cast<double>(bytes);
  std::size_t unit = 0;
  while (value >= 1000 && unit + 1 < std::size(kUnits)) {
    value /= 1000;
    ++unit;
  }
  char text[32];
  std::snprintf(text, sizeof text, unit == 0 || value >= 100 ? "%.0f %s" : "%.1f %s", value,
                kUnits[unit]);
  return text;
}

std::string percent(double part, double whole) {
  char text[32];
  std::snprintf(text, sizeof text, "%.3f%%",
                whole <= 0 ? 0 : std::clamp(part / whole * 100, 0.0, 100.0));
  return text;
}

std::string tag(State state) {
  return std::string("<span class=\"tag ") + to_text(state) + "\">" + to_text(state) + "</span>";
}

std::string card(const std::string& value, const std::string& what) {
  return "<div class=card><b>" + escaped(value) + "</b><span class=soft>" + escaped(what) +
         "</span></div>\n";
}

// What a line of a progress bar came to is behind its last carriage return.
std::string settled(const std::string& log) {
  std::string text;
  for (const std::string& line : split(log, '\n')) {
    std::string_view rest = line;
    while (!rest.empty() && rest.back() == '\r') rest.remove_suffix(1);
    const std::size_t back = rest.rfind('\r');
    text.append(back == std::string_view::npos ? rest : rest.substr(back + 1));
    text += '\n';
  }
  while (text.size() > 1 && text[text.size() - 2] == '\n') text.pop_back();
  return text == "\n" ? "" : text;
}

// Of what a step wrote: the begin, and more of the end.
std::string bounded(std::string log, const std::string& where) {
  constexpr std::size_t kHead = 32u << 10, kTail = 96u << 10;
  if (log.size() <= kHead + kTail) return log;
  std::size_t head = log.rfind('\n', kHead), tail = log.find('\n', log.size() - kTail);
  head = head == std::string::npos ? kHead : head + 1;
  tail = tail == std::string::npos || tail + 1 == log.size() ? log.size() - kTail : tail + 1;
  const std::string line = omitted_text(tail - head, "this page: " + where) + "\n";
  return log.replace(head, tail - head, (log[head - 1] == '\n' ? "" : "\n") + line);
}

class Page {
 public:
  explicit Page(const Build& build) : build_(build), path_(critical_path(build)) {}

  std::string text() {
    text_ =
        "<!doctype html>\n<html lang=en>\n<head>\n<meta charset=utf-8>\n"
        "<meta http-equiv=Content-Security-Policy content=\"default-src 'none'; "
        "style-src 'unsafe-inline'; base-uri 'none'; form-action 'none'\">\n"
        "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n<title>";
    text_ += "Build " + escaped(build_.id) + "</title>\n<style>" + kStyle +
             "</style>\n</head>\n<body>\n<main>\n";
    add_head();
    add_timeline();
    add_path();
    add_steps();
    add_list("Warnings", build_.warnings);
    add_list("Notices", build_.notices);
    return text_ + "</main>\n</body>\n</html>\n";
  }

 private:
  bool is_on_path(int step) const {
    return std::find(path_.begin(), path_.end(), step) != path_.end();
  }

  void add_head() {
    const std::string& name = build_.names.empty() ? build_.dockerfile : build_.names;
    text_ += "<h1>" + escaped(name) + " " + tag(build_.state) + "</h1>\n<div class=soft>build " +
             escaped(build_.id) + ", " + to_rfc3339(build_.began) +
             (build_.names.empty() ? "" : ", " + escaped(build_.dockerfile)) +
             (build_.target.empty() ? "" : ", stage " + escaped(build_.target)) + "</div>\n";
    if (!build_.image.empty())
      text_ += "<div class=\"soft mono\">" + escaped(build_.image) + "</div>\n";
    std::uint64_t moved = 0, peak = 0;
    std::size_t ran = 0;  // as `lichen explain` has it
    for (const auto& [number, step] : build_.steps) {
      moved += step.moved_bytes();
      ran += step.why.empty() ? 0 : 1;
      peak = std::max(peak, step.peak_bytes);
    }
    const std::size_t cached = build_.count(State::kCached);
    text_ += "<div class=cards>\n" + card(seconds_text(build_.seconds), "in all") +
             card(std::to_string(cached), "steps from the cache") +
             card(std::to_string(ran), "steps that ran") +
             card(moved == 0 ? "–" : bytes_text(moved), "moved or packed") +
             card(peak == 0 ? "–" : bytes_text(peak), "most memory of one process") +
             card(build_.tier.empty() ? "–" : build_.tier, "tier") + "</div>\n";
    if (!build_.error.empty()) text_ += "<div class=error>" + escaped(build_.error) + "</div>\n";
  }

  void add_timeline() {
    text_ += "<h2>Timeline</h2>\n<div class=time>\n";
    add_axis();
    for (const auto& [number, step] : build_.steps) {
      const std::string place = "left:" + percent(step.began, build_.seconds) +
                                ";width:" + percent(step.ended - step.began, build_.seconds);
      const std::string time =
          step.state == State::kCached ? "cached" : seconds_text(step.ended - step.began);
      text_ += "<div class=name><a href=\"#step-" + std::to_string(number) +
               "\" style=\"color:inherit\">" + escaped(step.name) + "</a></div><div class=right>" +
               time + "</div><div class=track><div class=\"bar " + to_text(step.state) +
               (is_on_path(number) ? " path" : "") + "\" style=\"" + place + "\"></div></div>\n";
    }
    text_ += "</div>\n<div class=\"soft legend\">\n";
    const auto key = [&](const char* kind, const char* what, bool shown) {
      if (shown)
        text_ +=
            std::string("<span><span class=\"bar key ") + kind + "\"></span>" + what + "</span>\n";
    };
    key("", "ran", build_.count(State::kDone) > 0);
    key("cached", "from the cache", build_.count(State::kCached) > 0);
    key("failed", "failed", build_.count(State::kFailed) > 0);
    key("cancelled", "stopped", build_.count(State::kCancelled) > 0);
    key("path", "on the critical path", !path_.empty());
    text_ += "</div>\n";
  }

  // Round times, a few of them, none so far right that it would be cut.
  void add_axis() {
    constexpr double kSteps[] = {0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5,  1,
                                 2,     5,     10,    20,   60,   120,  300, 600, 1200, 3600};
    constexpr double kMostTicks = 6, kMinute = 60;
    const double step = *std::find_if(std::begin(kSteps), std::end(kSteps) - 1, [&](double one) {
      return build_.seconds <= kMostTicks * one;
    });
    text_ += "<div></div><div></div><div class=axis>";
    for (int tick = 0; tick < 100 && tick * step <= build_.seconds * 0.95; ++tick) {
      char label[32];
      const bool minutes = step >= kMinute;
      std::snprintf(label, sizeof label, minutes ? "%g min" : "%g s",
                    tick * step / (minutes ? kMinute : 1));
      text_ +=
          "<span style=\"left:" + percent(tick * step, build_.seconds) + "\">" + label + "</span>";
    }
    text_ += "</div>\n";
  }

  void add_path() {
    if (path_.empty()) return;
    text_ +=
        "<h2>Critical path</h2>\n<div class=soft>What the build waited for; making one of these "
        "faster makes the build faster.</div>\n<table>\n";
    for (const int number : path_) {
      const Step& step = build_.steps.at(number);
      text_ += "<tr><td class=right>" + seconds_text(step.ended - step.began) + "</td><td>" +
               escaped(step.name) + "</td></tr>\n";
    }
    text_ += "</table>\n";
  }

  void add_steps() {
    text_ += "<h2>Steps</h2>\n";
    for (const auto& [number, step] : build_.steps) add_step(step);
    text_ +=
        "<div class=soft>Memory is the largest resident set of one process of the step "
        "(ru_maxrss); a step of several may have taken more.</div>\n";
  }

  void add_step(const Step& step) {
    const bool open = step.state == State::kFailed || step.state == State::kKilled;
    text_ += "<details class=step id=step-" + std::to_string(step.number) + (open ? " open" : "") +
             "><summary>" + tag(step.state) + " " + escaped(step.name);
    if (!step.why.empty()) text_ += " <span class=why>" + escaped(step.why) + "</span>";
    text_ += "</summary><div>\n<table>\n";
    const auto row = [&](const char* name, const std::string& value) {
      if (!value.empty())
        text_ += std::string("<tr><th>") + name + "</th><td>" + escaped(value) + "</td></tr>\n";
    };
    row("began", "after " + seconds_text(step.began));
    if (step.state != State::kCached) row("took", seconds_text(step.ended - step.began));
    row("why it ran", step.why);
    if (step.peak_bytes != 0) row("memory", bytes_text(step.peak_bytes));
    row("key", step.spec.key.text());
    row("error", step.error);
    for (const Transfer& transfer : step.transfers)
      row("moved", transfer.what + (transfer.bytes == 0 ? "" : " " + bytes_text(transfer.bytes)) +
                       (transfer.ended < transfer.began
                            ? ""
                            : ", " + seconds_text(transfer.ended - transfer.began)));
    text_ += "</table>\n";
    const std::string where =
        "lichen builds logs " + build_.id + " --step " + std::to_string(step.number);
    if (const std::string log = bounded(settled(step.log_text()), where); !log.empty())
      text_ += "<pre>" + escaped(log) + "</pre>\n";
    text_ += "</div></details>\n";
  }

  void add_list(const char* title, const std::vector<std::string>& lines) {
    if (lines.empty()) return;
    text_ += std::string("<h2>") + title + "</h2>\n<ul>\n";
    for (const std::string& line : lines) text_ += "<li>" + escaped(line) + "</li>\n";
    text_ += "</ul>\n";
  }

  const Build& build_;
  const std::vector<int> path_;
  std::string text_;
};

// How many bytes a terminal's sequence at the front has; `text` begins with ESC.
std::size_t sequence_length(std::string_view text) {
  if (text.size() < 2) return 1;
  if (text[1] == ']' || text[1] == 'P' || text[1] == '_' ||
      text[1] == '^') {  // up to BEL or ESC \.
    for (std::size_t i = 2; i < text.size() && i < 4096; ++i) {
      if (text[i] == '\a') return i + 1;
      if (text[i] == '\x1b') return i + 1 < text.size() && text[i + 1] == '\\' ? i + 2 : i;
    }
    return 2;
  }
  if (text[1] != '[') return 2;
  std::size_t end = 2;
  while (end < text.size() && text[end] >= 0x20 && text[end] < 0x40) ++end;
  return std::min(end + 1, text.size());
}

bool is_unwanted(char32_t c) {
  return (c < 0x20 && c != '\n' && c != '\t') || (c >= 0x7f && c < 0xa0) ||
         (c >= 0x200b && c <= 0x200f) || (c >= 0x202a && c <= 0x202e) ||
         (c >= 0x2060 && c <= 0x206f) || c == 0xfeff || (c >= 0xd800 && c <= 0xdfff);
}

}  // namespace

std::string escaped(std::string_view text) {
  std::string html;
  html.reserve(text.size());
  while (!text.empty()) {
    if (text.front() == '\x1b') {
      text.remove_prefix(sequence_length(text));
      continue;
    }
    const unicode::Rune rune = unicode::decode(text);
    const std::string_view bytes = text.substr(0, rune.length);
    text.remove_prefix(rune.length);
    if (!rune.valid) {
      html += "\xef\xbf\xbd";
    } else if (is_unwanted(rune.value)) {
      continue;
    } else if (rune.value == '&') {
      html += "&amp;";
    } else if (rune.value == '<') {
      html += "&lt;";
    } else if (rune.value == '>') {
      html += "&gt;";
    } else if (rune.value == '"') {
      html += "&quot;";
    } else if (rune.value == '\'') {
      html += "&#39;";
    } else {
      html += bytes;
    }
  }
  return html;
}

std::string report_html(const Build& build) {
  return Page(build).text();
}

}  // namespace lichen::history
