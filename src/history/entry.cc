#include "history/entry.h"

#include <cmath>
#include <iterator>

#include "base/base64.h"
#include "oci/json.h"

namespace lichen::history {

namespace {

// In the order of Kind.
constexpr const char* kKinds[] = {"begin",    "started", "missed", "cached",  "log",
                                  "transfer", "done",    "failed", "warning", "notice",
                                  "peak",     "kept",    "spec",   "omitted", "end"};

constexpr std::int64_t kMost = std::int64_t{1} << 62;

Result<Kind> parse_kind(const std::string& text) {
  for (std::size_t i = 0; i < std::size(kKinds); ++i)
    if (text == kKinds[i]) return static_cast<Kind>(i);
  return fail(Errc::kInvalid, "history: unknown kind of entry");
}

}  // namespace

std::string to_line(const Entry& entry) {
  oci::json::ObjectWriter json;
  // Milliseconds: numbers with fractions are read by few as they were written.
  json.raw("ms", std::to_string(std::llround(entry.at * 1000)));
  json.text("kind", kKinds[static_cast<std::size_t>(entry.kind)]);
  if (entry.step != 0) json.raw("step", std::to_string(entry.step));
  if (entry.kind == Kind::kLog)
    json.text("data", base64_encode(entry.text));
  else
    json.text_unless_empty("text", entry.text);
  if (entry.flag) json.raw("flag", "true");
  if (entry.bytes != 0) json.raw("bytes", std::to_string(entry.bytes));
  if (entry.total != 0) json.raw("total", std::to_string(entry.total));
  if (entry.number != 0) json.raw("number", std::to_string(entry.number));
  for (const auto& [name, value] : entry.more) json.text("x-" + name, value);
  if (!entry.json.empty()) json.raw("object", entry.json);
  return json.finish() + "\n";
}

Result<Entry> parse_entry(std::string_view line) {
  const oci::json::Value document = TRY(oci::json::parse(line, "history"));
  Entry entry;
  for (const auto& [name, node] : TRY(oci::json::Node("history", document).members())) {
    if (name == "ms") {
      entry.at = static_cast<double>(TRY(node.integer(0, kMost))) / 1000;
    } else if (name == "kind") {
      entry.kind = TRY(parse_kind(TRY(node.text())));
    } else if (name == "step") {
      entry.step = static_cast<int>(TRY(node.integer(0, 1'000'000)));
    } else if (name == "text") {
      entry.text = TRY(node.text());
    } else if (name == "data") {
      auto bytes = base64_decode(TRY(node.text()));
      if (!bytes) return fail(node.wrong("want base64"));
      entry.text = std::move(*bytes);
    } else if (name == "flag") {
      entry.flag = TRY(node.boolean());
    } else if (name == "bytes") {
      entry.bytes = static_cast<std::uint64_t>(TRY(node.integer(0, kMost)));
    } else if (name == "total") {
      entry.total = static_cast<std::uint64_t>(TRY(node.integer(0, kMost)));
    } else if (name == "number") {
      entry.number = TRY(node.integer(0, kMost));
    } else if (name.starts_with("x-")) {
      entry.more.emplace_back(name.substr(2), TRY(node.text()));
    } else if (name == "object") {
      if (node.value() == nullptr || !node.value()->is_object())
        return fail(node.wrong("want an object"));
      entry.json = oci::json::dump(*node.value());
    }
  }
  return entry;
}

}  // namespace lichen::history
