#include "history/records.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/file.h>
#include <sys/stat.h>

#include <algorithm>
#include <charconv>
#include <optional>
#include <string_view>

#include "base/text.h"
#include "os/file.h"

namespace lichen::history {

namespace {

constexpr char kSuffix[] = ".jsonl";
constexpr std::size_t kMostBytes = std::size_t{1} << 30;  // of a record that is read

bool is_locked(const os::UniqueFd& file) {
  if (::flock(file.get(), LOCK_SH | LOCK_NB) != 0) return true;
  (void)::flock(file.get(), LOCK_UN);
  return false;
}

// "A, B, C and 197 more"
std::string first_of(const std::vector<std::string>& ids) {
  constexpr std::size_t kShown = 5;
  std::string text;
  for (std::size_t i = 0; i < std::min(ids.size(), kShown); ++i)
    text += (i == 0 ? "" : ", ") + ids[i];
  if (ids.size() > kShown) text += " and " + std::to_string(ids.size() - kShown) + " more";
  return text;
}

std::string named(const std::string& text) {
  return "no build \"" + printable(text) + "\"";
}

}  // namespace

std::string file_of(const std::string& directory, const std::string& id) {
  return directory + "/" + id + kSuffix;
}

bool is_id(const std::string& text) {
  return !text.empty() && text.find_first_not_of("0123456789abcdef-") == std::string::npos;
}

Result<std::vector<std::string>> ids(const std::string& directory) {
  std::vector<std::string> found;
  const auto opened = os::open(directory, O_RDONLY | O_DIRECTORY);
  if (!opened && opened.error().code == Errc::kNotFound) return found;
  if (!opened) return fail(opened.error());
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(*opened))) {
    if (!ends_with(entry.name, kSuffix)) continue;
    const std::string id = entry.name.substr(0, entry.name.size() - (sizeof kSuffix - 1));
    if (is_id(id)) found.push_back(id);
  }
  std::sort(found.rbegin(), found.rend());
  return found;
}

Result<std::string> find(const std::string& directory, const std::string& text) {
  const std::vector<std::string> all = TRY(ids(directory));
  if (text.empty() || text == "latest") {
    if (all.empty())
      return fail(Errc::kNotFound, "there is no record of a build", "lichen build makes one");
    return all.front();
  }
  std::vector<std::string> fitting;
  for (const std::string& id : all)
    if (id == text || starts_with(id, text) || ends_with(id, text)) fitting.push_back(id);
  if (fitting.empty()) return fail(Errc::kNotFound, named(text), "`lichen builds ls` lists them");
  if (fitting.size() > 1 && fitting.front() != text)
    return fail(Errc::kInvalid, printable(text) + " is the id of several builds",
                "give more of it: " + first_of(fitting));
  return fitting.front();
}

namespace {

// When a line of what a step wrote was written; nullopt: it is no such line (history/entry.cc).
std::optional<double> time_of_log(std::string_view line) {
  constexpr std::string_view kBegin = "{\"ms\":", kLog = ",\"kind\":\"log\",";
  if (!line.starts_with(kBegin)) return std::nullopt;
  line.remove_prefix(kBegin.size());
  std::int64_t ms = 0;
  const auto [end, error] = std::from_chars(line.data(), line.data() + line.size(), ms);
  if (error != std::errc()) return std::nullopt;
  line.remove_prefix(static_cast<std::size_t>(end - line.data()));
  if (!line.starts_with(kLog)) return std::nullopt;
  return static_cast<double>(ms) / 1000;
}

Result<Build> read(const std::string& directory, const std::string& id, bool with_logs) {
  Build build{.id = id};
  if (!is_id(id)) return fail(Errc::kNotFound, named(id));
  auto file = os::open(file_of(directory, id), O_RDONLY);
  if (!file && file.error().code == Errc::kNotFound) return fail(Errc::kNotFound, named(id));
  const os::UniqueFd opened = TRY(std::move(file));
  const bool is_running = is_locked(opened);  // before it is read: it may end meanwhile
  const std::string text = TRY(os::read_file(opened, kMostBytes));
  for (std::size_t at = 0; at < text.size();) {
    const std::size_t end = std::min(text.find('\n', at), text.size());
    const std::string_view line = std::string_view(text).substr(at, end - at);
    at = end + 1;
    const auto passed = with_logs ? std::nullopt : time_of_log(line);
    if (passed)
      build.seconds = std::max(build.seconds, *passed);
    else if (const auto entry = parse_entry(line))
      build.add(*entry);
  }
  if (build.state == State::kRunning && !is_running) {
    build.state = State::kKilled;
    for (auto& [number, step] : build.steps)
      if (step.state == State::kRunning) {
        step.state = State::kKilled;
        step.ended = std::max(step.ended, build.seconds);
      }
  }
  return build;
}

}  // namespace

Result<Build> read(const std::string& directory, const std::string& id) {
  return read(directory, id, true);
}

Result<std::vector<Build>> list(const std::string& directory) {
  std::vector<Build> builds;
  for (const std::string& id : TRY(ids(directory)))
    if (auto build = read(directory, id, false)) builds.push_back(std::move(*build));
  return builds;
}

Result<bool> remove(const std::string& directory, const std::string& id) {
  if (!is_id(id)) return fail(Errc::kNotFound, named(id));
  const std::string path = file_of(directory, id);
  auto file = os::open(path, O_RDONLY);
  if (!file && file.error().code == Errc::kNotFound) return fail(Errc::kNotFound, named(id));
  if (is_locked(TRY(std::move(file)))) return false;
  TRY(os::unlink(path));
  return true;
}

Result<void> keep_within(const std::string& directory, const Bound& bound) {
  const auto opened = os::open(directory, O_RDONLY | O_DIRECTORY);
  if (!opened) return {};
  std::uint64_t bytes = 0;
  std::size_t builds = 0;
  for (const std::string& id : TRY(ids(directory))) {
    const auto status = TRY(os::lstatat(*opened, id + kSuffix));
    if (!status) continue;
    bytes += static_cast<std::uint64_t>(status->st_size);
    if (++builds > 1 && (builds > bound.builds || bytes > bound.bytes)) (void)remove(directory, id);
  }
  return {};
}

}  // namespace lichen::history
