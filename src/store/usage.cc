#include "store/usage.h"

#include <fcntl.h>

#include <algorithm>

#include "base/text.h"
#include "os/disk.h"
#include "os/file.h"
#include "store/cache_mount.h"
#include "store/db.h"
#include "store/inventory.h"
#include "store/leases.h"
#include "store/store.h"

namespace lichen::store {

namespace {

bool is_locked(const std::string& path) {
  if (!os::exists(path)) return false;
  const auto lock = os::FileLock::try_exclusive(path);
  return lock && !*lock;
}

}  // namespace

std::int64_t UsageEntry::snapshot() const {
  return kind == UsageKind::kStep || kind == UsageKind::kBase ? std::stoll(id) : 0;
}

std::uint64_t Usage::total() const {
  std::uint64_t total = other;
  for (const UsageEntry& entry : entries) total += entry.bytes;
  return total;
}

Result<Usage> Inventory::take() {
  references_ = TRY(References::load(store_, *store_.db_));
  TRY(add_images());
  TRY(add_sources());
  TRY(add_snapshots());
  TRY(add_blobs());
  TRY(add_cache_mounts());
  TRY(add_fetched());
  TRY(add_rest());
  TRY(measure());
  spread();
  return std::move(usage_);
}

std::size_t Inventory::add(UsageEntry entry) {
  usage_.entries.push_back(std::move(entry));
  return usage_.entries.size() - 1;
}

void Inventory::own(const std::set<Digest>& blobs, std::size_t entry) {
  for (const Digest& blob : blobs) owners_.emplace(blob, entry);
}

Result<std::vector<std::string>> Inventory::names(const std::string& directory) const {
  auto fd = os::open(store_.path() + "/" + directory, O_RDONLY | O_DIRECTORY);
  if (!fd && fd.error().code == Errc::kNotFound) return std::vector<std::string>();
  std::vector<std::string> names;
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(TRY(std::move(fd)))))
    names.push_back(entry.name);
  return names;
}

Result<void> Inventory::add_images() {
  for (const Image& image : TRY(store_.list_images())) {
    const bool has_name = !Digest::parse(image.name);
    const std::size_t entry = add({.kind = UsageKind::kImage,
                                   .id = image.name,
                                   .description = image.name,
                                   .created = image.created,
                                   .used = image.created,
                                   .has_name = has_name});
    own(references_.of_image(image.name), entry);
  }
  return {};
}

Result<void> Inventory::add_sources() {
  for (const Row& row :
       TRY(store_.db_->query("SELECT reference, platform, seen FROM resolutions"))) {
    const std::string key = source_key(text(row[0]), text(row[1]));
    const std::size_t entry = add({.kind = UsageKind::kSource,
                                   .id = key,
                                   .description = key,
                                   .created = number(row[2]),
                                   .used = number(row[2])});
    own(references_.of_source(key), entry);
  }
  return {};
}

Result<void> Inventory::add_snapshots() {
  // Directories first: one that is made has its row already.
  const std::vector<std::string> directories = TRY(names("snapshots"));
  std::set<std::int64_t> cached;
  for (const Row& row : TRY(store_.db_->query("SELECT DISTINCT snapshot FROM cache")))
    cached.insert(number(row[0]));
  std::set<Digest> named_images;
  for (const UsageEntry& entry : usage_.entries)
    if (entry.has_name)
      named_images.insert(references_.of_image(entry.id).begin(),
                          references_.of_image(entry.id).end());
  version_ = TRY(store_.db_->version());
  std::set<std::int64_t> unmeasured, unready;
  for (const Row& row : TRY(store_.db_->query(
           "SELECT s.id, s.parent, s.ready, s.created, s.used, s.bytes, s.description,"
           " COALESCE(l.chain, ''), s.linked, s.family FROM snapshots s"
           " LEFT JOIN layers l ON l.snapshot = s.id ORDER BY s.id"))) {
    const std::int64_t id = number(row[0]);
    const Digest blob = references_.of_snapshot(id);
    const bool is_layer = !text(row[7]).empty() && !blob.empty();
    const bool is_cached = cached.count(id) != 0, is_ready = number(row[2]) != 0;
    UsageEntry entry{.kind = is_layer && !is_cached ? UsageKind::kBase : UsageKind::kStep,
                     .id = std::to_string(id),
                     .description = text(row[6]),
                     .bytes = static_cast<std::uint64_t>(number(row[5])),
                     .created = number(row[3]),
                     .used = number(row[4]),
                     .in_use = !is_ready || store_.leases_->is_held(Leases::of(id)),
                     .shared = is_layer && named_images.count(blob) != 0};
    entry.orphan = !is_cached && !(is_layer && (references_.named_by_images().count(blob) != 0 ||
                                                references_.named_by_sources().count(blob) != 0));
    if (number(row[1]) != 0) entry.parent = number(row[1]);
    if (number(row[8]) != 0) entry.linked = number(row[8]);
    if (number(row[9]) != 0) entry.family = number(row[9]);
    const std::size_t at = snapshots_[id] = add(std::move(entry));
    if (!blob.empty()) own({blob}, at);
    if (!is_ready) unready.insert(id);
    if (!is_ready || std::holds_alternative<std::monostate>(row[5])) unmeasured.insert(id);
  }
  measure_later(std::move(unmeasured), unready);
  for (const std::string& name : directories) {
    const std::string path = store_.path() + "/snapshots/" + name;
    if (name.find_first_not_of("0123456789") == std::string::npos && name.size() < 19 &&
        snapshots_.count(std::stoll(name)) != 0)
      continue;
    unmeasured_.push_back(
        {.path = path, .entry = add({.id = "snapshots/" + name, .orphan = true})});
  }
  return {};
}

// Of a family all or none: what they share counts for the oldest that is there.
void Inventory::measure_later(std::set<std::int64_t> snapshots,
                              const std::set<std::int64_t>& unready) {
  std::set<std::int64_t> families;
  const auto family_of = [this](std::size_t entry) {
    return usage_.entries[entry].family.value_or(0);
  };
  for (const std::int64_t id : snapshots) families.insert(family_of(snapshots_.at(id)));
  families.erase(0);
  for (const auto& [id, entry] : snapshots_) {
    if (families.count(family_of(entry)) != 0)
      usage_.entries[entry].bytes = 0;
    else if (snapshots.count(id) == 0)
      continue;
    unmeasured_.push_back({.path = store_.path() + "/snapshots/" + std::to_string(id),
                           .entry = entry,
                           .snapshot = unready.count(id) == 0 ? id : 0});
  }
}

Result<void> Inventory::add_blobs() {
  for (const std::string& name : TRY(names("blobs/sha256"))) {
    const auto digest = Digest::parse("sha256:" + name);
    const std::uint64_t bytes = os::own_usage(store_.path() + "/blobs/sha256/" + name);
    const auto owner = digest ? owners_.find(*digest) : owners_.end();
    if (owner != owners_.end()) {
      usage_.entries[owner->second].bytes += bytes;
    } else {
      const bool in_use = digest && store_.leases_->is_held(Leases::of(*digest));
      add({.id = "blobs/sha256/" + name,
           .description = "blob",
           .bytes = bytes,
           .in_use = in_use,
           .orphan = true});
    }
  }
  return {};
}

Result<void> Inventory::add_cache_mounts() {
  for (const std::string& name : TRY(names("caches"))) {
    const std::string place = store_.path() + "/caches/" + name;
    const auto id = TRY(os::find_file(place + "/id"));
    const std::vector<std::string> lines = split(id.value_or(""), '\n');
    UsageEntry entry{.kind = UsageKind::kCacheMount,
                     .id = name,
                     .description = lines.size() > 1 ? shown_id(lines[1]) : "",
                     .created = os::modified(place),
                     .used = os::modified(place + "/id")};
    for (const std::string& file : TRY(names("caches/" + name)))
      if (ends_with(file, ".lock") && is_locked(place + "/" + file)) entry.in_use = true;
    unmeasured_.push_back({.path = place, .entry = add(std::move(entry))});
  }
  return {};
}

// Files and directories HEX.… of one remote, or URL; HEX.lock is touched when it is used.
Result<void> Inventory::add_fetched() {
  constexpr std::pair<const char*, UsageKind> kPlaces[] = {{"git", UsageKind::kGit},
                                                           {"downloads", UsageKind::kDownload}};
  for (const auto& [directory, kind] : kPlaces) {
    std::map<std::string, std::size_t> known;
    for (const std::string& file : TRY(names(directory))) {
      const std::string name = file.substr(0, file.find('.'));
      const std::string place = store_.path() + "/" + directory + "/" + name;
      auto [at, is_new] = known.emplace(name, usage_.entries.size());
      if (is_new)
        add({.kind = kind,
             .id = name,
             .created = os::modified(place + ".lock"),
             .used = os::modified(place + ".lock"),
             .in_use = is_locked(place + ".lock")});
      usage_.entries[at->second].bytes +=
          os::disk_usage(store_.path() + "/" + directory + "/" + file);
    }
  }
  return {};
}

Result<void> Inventory::add_rest() {
  usage_.other += os::own_usage(store_.path());
  const os::UniqueFd root = TRY(os::open(store_.path(), O_RDONLY | O_DIRECTORY));
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(root))) {
    const std::string path = store_.path() + "/" + entry.name;
    if (entry.name == "snapshots" || entry.name == "caches" || entry.name == "git" ||
        entry.name == "downloads") {
      usage_.other += os::own_usage(path);
    } else if (entry.name == "blobs") {
      usage_.other += os::own_usage(path) + os::own_usage(path + "/sha256");
    } else if (entry.name == "stat-cache") {
      add({.kind = UsageKind::kContext,
           .id = entry.name,
           .description = "digests of context files",
           .bytes = os::own_usage(path),
           .created = os::modified(path),
           .used = os::modified(path)});
    } else if (entry.name == "history") {
      usage_.other += os::own_usage(path);
      for (const std::string& name : TRY(names("history")))
        add({.kind = UsageKind::kHistory,
             .id = "history/" + name,
             .description = "record of build " + name.substr(0, name.rfind('.')),
             .bytes = os::own_usage(path + "/" + name),
             .created = os::modified(path + "/" + name),
             .used = os::modified(path + "/" + name)});
    } else if (entry.name == "tmp") {
      unmeasured_.push_back({.path = path, .entry = kOther});
    } else {
      usage_.other += os::disk_usage(path);
    }
  }
  return {};
}

Result<void> Inventory::measure() {
  std::vector<std::string> paths;
  for (const Unmeasured& one : unmeasured_) paths.push_back(one.path);
  const std::vector<std::uint64_t> bytes = TRY(measure_(paths));
  LICHEN_ASSERT(bytes.size() == paths.size());
  std::map<std::int64_t, std::uint64_t> of_snapshots;
  for (std::size_t i = 0; i < bytes.size(); ++i) {
    const Unmeasured& one = unmeasured_[i];
    (one.entry == kOther ? usage_.other : usage_.entries[one.entry].bytes) += bytes[i];
    if (one.snapshot != 0) of_snapshots[one.snapshot] = bytes[i];
  }
  // On a full disk nothing is remembered.
  if (!of_snapshots.empty()) (void)remember(of_snapshots);
  return {};
}

Result<void> Inventory::remember(const std::map<std::int64_t, std::uint64_t>& bytes) {
  Database::Transaction rows = TRY(store_.db_->begin());
  // Of a family that another process has changed meanwhile it would be wrong.
  const Rows version = TRY(rows.query("PRAGMA data_version"));
  const bool is_same = number(version.at(0).at(0)) == version_;
  for (const auto& [id, size] : bytes) {
    if (!is_same && usage_.entries[snapshots_.at(id)].family) continue;
    (void)TRY(rows.query("UPDATE snapshots SET bytes = ? WHERE id = ?",
                         {static_cast<std::int64_t>(size), id}));
  }
  return rows.commit();
}

void Inventory::spread() {
  const auto spread_to = [this](std::optional<std::int64_t> id, const UsageEntry& entry) {
    const auto found = id ? snapshots_.find(*id) : snapshots_.end();
    if (found == snapshots_.end()) return;
    UsageEntry& below = usage_.entries[found->second];
    below.used = std::max(below.used, entry.used);
    below.in_use = below.in_use || entry.in_use;
    below.shared = below.shared || entry.shared;
    below.orphan = below.orphan && entry.orphan;
  };
  // What one stands on has a smaller number always.
  for (auto it = snapshots_.rbegin(); it != snapshots_.rend(); ++it) {
    const UsageEntry& entry = usage_.entries[it->second];
    spread_to(entry.parent, entry);
    spread_to(entry.linked, entry);
  }
  std::map<Digest, const UsageEntry*> of_layer;
  for (const auto& [id, at] : snapshots_)
    if (const Digest blob = references_.of_snapshot(id); !blob.empty())
      of_layer[blob] = &usage_.entries[at];
  for (UsageEntry& source : usage_.entries) {
    if (source.kind != UsageKind::kSource) continue;
    for (const Digest& layer : references_.layers_of_source(source.id)) {
      const auto found = of_layer.find(layer);
      if (found == of_layer.end()) continue;
      source.used = std::max(source.used, found->second->used);
      source.in_use = source.in_use || found->second->in_use;
      source.shared = source.shared || found->second->shared;
    }
  }
}

Result<Usage> usage_of(Store& store, const Measure& measure) {
  return Inventory(store, measure).take();
}

}  // namespace lichen::store
