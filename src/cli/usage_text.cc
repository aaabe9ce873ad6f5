#include "cli/usage_text.h"

#include <algorithm>

#include "base/text.h"
#include "cli/format.h"
#include "cli/image_info.h"
#include "oci/json.h"

namespace lichen::cli {

namespace {

using store::UsageEntry;
using store::UsageKind;

struct Kind {
  UsageKind kind;
  const char* name;
  const char* heading;
};
constexpr Kind kKinds[] = {
    {UsageKind::kImage, "image", "Images"},
    {UsageKind::kStep, "step", "Cached steps"},
    {UsageKind::kBase, "base", "Base images, unpacked"},
    {UsageKind::kSource, "source", "Base images, documents"},
    {UsageKind::kCacheMount, "cache mount", "Cache mounts"},
    {UsageKind::kGit, "git", "Git repositories"},
    {UsageKind::kDownload, "download", "Downloads"},
    {UsageKind::kContext, "context", "Context digests"},
    {UsageKind::kHistory, "build record", "Build records"},
    {UsageKind::kUnreferenced, "unreferenced", "Unreferenced"},
};

const char* name_of(UsageKind kind) {
  for (const Kind& one : kKinds)
    if (one.kind == kind) return one.name;
  return "";
}

// Without --all and limits.
bool is_reclaimable(const UsageEntry& entry) {
  return !entry.in_use && !entry.shared && !entry.has_name;
}

std::string short_id(const UsageEntry& entry) {
  constexpr std::size_t kIdWidth = 12;
  const std::string id = entry.id.substr(entry.id.rfind('/') + 1);
  const std::size_t colon = id.rfind(':');
  const bool is_hash = id.size() > 2 * kIdWidth && entry.kind != UsageKind::kSource;
  if (entry.kind == UsageKind::kImage && !Digest::parse(entry.id)) return "-";
  return is_hash ? id.substr(colon == std::string::npos ? 0 : colon + 1, kIdWidth) : id;
}

std::string description_of(const UsageEntry& entry) {
  constexpr std::size_t kWidth = 60;
  std::string text = entry.description;
  if (entry.kind == UsageKind::kImage) {
    const ShownName name = shown_name(entry.id);
    text = name.repository + ":" + name.tag;
  }
  return shorten(printable(text), kWidth);
}

}  // namespace

std::string usage_text(const store::Usage& usage) {
  std::vector<std::vector<std::string>> rows = {{"TYPE", "COUNT", "SIZE", "RECLAIMABLE"}};
  std::uint64_t reclaimable = 0;
  for (const Kind& kind : kKinds) {
    std::uint64_t bytes = 0, free = 0, count = 0;
    for (const UsageEntry& entry : usage.entries) {
      if (entry.kind != kind.kind) continue;
      ++count;
      bytes += entry.bytes;
      if (is_reclaimable(entry)) free += entry.bytes;
    }
    if (count == 0) continue;
    rows.push_back({kind.heading, std::to_string(count), human_size(bytes), human_size(free)});
    reclaimable += free;
  }
  rows.push_back({"Database, directories", "", human_size(usage.other), human_size(0)});
  rows.push_back({"Total", "", human_size(usage.total()), human_size(reclaimable)});
  return table(rows);
}

std::string entries_text(std::vector<UsageEntry> entries, std::int64_t now) {
  std::stable_sort(entries.begin(), entries.end(),
                   [](const UsageEntry& a, const UsageEntry& b) { return a.bytes > b.bytes; });
  std::vector<std::vector<std::string>> rows = {
      {"ID", "TYPE", "SIZE", "LAST USED", "STATE", "WHAT"}};
  for (const UsageEntry& entry : entries)
    rows.push_back({printable(short_id(entry)), name_of(entry.kind), human_size(entry.bytes),
                    entry.used == 0 ? "-" : human_ago(now - entry.used),
                    entry.in_use   ? "in use"
                    : entry.shared ? "of an image"
                    : entry.orphan ? "unreferenced"
                                   : "-",
                    description_of(entry)});
  return table(rows);
}

std::string usage_json(const build::DiskUsage& usage) {
  using Json = nlohmann::ordered_json;
  Json entries = Json::array();
  std::uint64_t reclaimable = 0;
  for (const UsageEntry& entry : usage.usage.entries) {
    if (is_reclaimable(entry)) reclaimable += entry.bytes;
    Json json = {{"id", entry.id},
                 {"type", name_of(entry.kind)},
                 {"description", entry.description},
                 {"bytes", entry.bytes},
                 {"created", entry.created},
                 {"used", entry.used},
                 {"inUse", entry.in_use},
                 {"shared", entry.shared},
                 {"reclaimable", is_reclaimable(entry)}};
    if (entry.parent) json["parent"] = std::to_string(*entry.parent);
    entries.push_back(std::move(json));
  }
  const Json json = {{"root", usage.root},
                     {"bytes", usage.usage.total()},
                     {"reclaimable", reclaimable},
                     {"other", usage.usage.other},
                     {"entries", std::move(entries)}};
  return json.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

}  // namespace lichen::cli
