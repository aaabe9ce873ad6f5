#include "build/cache_mounts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <memory>
#include <optional>
#include <tuple>

#include "archive/compression.h"
#include "base/human_size.h"
#include "base/text.h"
#include "build/session.h"
#include "ops/job.h"
#include "os/file.h"
#include "owners/record.h"
#include "store/prune.h"
#include "transfer/input_file.h"
#include "transfer/output_file.h"

namespace lichen::build {

namespace {

// Where a cache with a mode or an owner has its files (ops/step_mounts.cc).
constexpr char kOwnRoot[] = "cache";

void no_events(const Event&) {}

bool has_own_root(const store::CacheMountName& name) {
  return name.base.find(" mode ") != std::string::npos;
}

store::CacheMount::Cancelled cancelled_of(const Environment& environment) {
  return [cancelled = environment.cancelled] { return cancelled != nullptr && cancelled->load(); };
}

// nullopt: there is none.
Result<std::optional<store::CacheMountName>> find(Session& session, const std::string& which) {
  constexpr std::size_t kLeastDigits = 4;
  std::vector<store::CacheMountName> found;
  const std::string tier = container::to_text(session.tier());
  for (store::CacheMountName& one : TRY(store::CacheMount::list(session.store()))) {
    if (one.tier != tier) continue;
    if (one.id == which || store::shown_id(one.id) == which ||
        (which.size() >= kLeastDigits && starts_with(one.text(), which)))
      found.push_back(std::move(one));
  }
  if (found.empty()) return std::optional<store::CacheMountName>();
  if (found.size() == 1) return std::optional(std::move(found.front()));
  std::string names;
  for (const store::CacheMountName& one : found)
    names += (names.empty() ? "" : ", ") + one.text().substr(0, 12);
  return fail(Errc::kInvalid, "there are several cache mounts \"" + printable(which) + "\"",
              "name one by the beginning of its own id: " + names);
}

Result<store::CacheMountName> find_existing(Session& session, const std::string& which) {
  auto found = TRY(find(session, which));
  if (found) return std::move(*found);
  return fail(Errc::kNotFound,
              std::string("no cache mount \"") + printable(which) + "\" at tier " +
                  container::to_text(session.tier()),
              "`lichen cache-mount ls` lists them");
}

// Records by the paths that the step's directory has.
std::string beneath_own_root(const owners::Owners& all) {
  owners::Sidecar moved;
  const std::string prefix = std::string(kOwnRoot) + "/";
  for (const auto& [path, record] : all.all()) {
    if (path == kOwnRoot) moved.push_back({.path = "", .record = record});
    if (starts_with(path, prefix))
      moved.push_back({.path = path.substr(prefix.size()), .record = record});
  }
  return owners::to_bytes(moved);
}

Result<std::string> into_own_root(const std::string& sidecar) {
  owners::Owners all;
  if (!sidecar.empty()) all.apply(TRY(owners::parse_sidecar(sidecar)));
  owners::Sidecar moved;
  for (const auto& [path, record] : all.all())
    moved.push_back(
        {.path = path.empty() ? kOwnRoot : std::string(kOwnRoot) + "/" + path, .record = record});
  return moved.empty() ? std::string() : owners::to_bytes(moved);
}

// The archive as a file that a worker can read; it is removed with this.
class ArchiveFile {
 public:
  static Result<std::unique_ptr<ArchiveFile>> read(const store::Store& store, os::UniqueFd input) {
    std::unique_ptr<ArchiveFile> file(new ArchiveFile(TRY(store.temporary_path())));
    os::FileSource from(std::move(input), "the archive");
    os::FileSink to(TRY(os::open(file->path_, O_WRONLY | O_CREAT | O_EXCL, 0600)), file->path_);
    (void)TRY(copy(from, to));
    TRY(to.close());
    if (!TRY(file->has_bytes())) return fail(Errc::kInvalid, "the archive is empty");
    return file;
  }
  ~ArchiveFile() { (void)os::unlink(path_); }
  ArchiveFile(const ArchiveFile&) = delete;
  ArchiveFile& operator=(const ArchiveFile&) = delete;
  const std::string& path() const { return path_; }

 private:
  explicit ArchiveFile(std::string path) : path_(std::move(path)) {}
  // An archive of nothing has bytes; what has none is of a program that failed.
  Result<bool> has_bytes() const {
    os::FileSource bytes(TRY(os::open(path_, O_RDONLY)), "the archive");
    char first = 0;
    return TRY(TRY(archive::open_decompressor(bytes))->read(&first, 1)) != 0;
  }
  std::string path_;
};

// Fills a new cache's directory. What fails leaves nothing behind.
Result<std::string> unpack(Session& session, const store::CacheMountName& name,
                           const std::string& archive, const std::string& directory) {
  std::string fs = directory;
  if (has_own_root(name)) {
    fs += "/" + std::string(kOwnRoot);
    if (::mkdir(fs.c_str(), 0755) < 0) return fail(os_error("mkdir", fs));
  }
  auto reply = session.jobs().call<ops::ApplyReply>(ops::ApplyJob{
      .tier = session.tier(), .blob = archive, .fs = fs, .lower = {}, .sidecars = {}});
  if (!reply) {
    (void)session.jobs().remove({directory});
    return fail(std::move(reply).error().in("unpacking the archive"));
  }
  return has_own_root(name) ? into_own_root(reply->sidecar)
                            : Result<std::string>(std::move(reply->sidecar));
}

}  // namespace

Result<std::vector<CacheMountInfo>> list_cache_mounts(const Environment& environment) {
  const auto session = TRY(Session::open(environment, no_events));
  const store::Usage usage =
      TRY(store::usage_of(session->store(), [&](const std::vector<std::string>& paths) {
        return session->jobs().measure(paths);
      }));
  std::vector<CacheMountInfo> found;
  for (store::CacheMountName& name : TRY(store::CacheMount::list(session->store())))
    for (const store::UsageEntry& entry : usage.entries)
      if (entry.kind == store::UsageKind::kCacheMount && entry.id == name.text())
        found.push_back({.name = name, .shown = store::shown_id(name.id), .usage = entry});
  std::sort(found.begin(), found.end(), [](const CacheMountInfo& a, const CacheMountInfo& b) {
    return std::tie(a.name.id, a.name.tier, a.name.base) <
           std::tie(b.name.id, b.name.tier, b.name.base);
  });
  return found;
}

Result<void> export_cache_mount(const Environment& environment, const std::string& which,
                                const std::string& path, int output_fd) {
  TRY(transfer::OutputFile::check(path));
  const auto session = TRY(Session::open(environment, no_events));
  const store::CacheMountName name = TRY(find_existing(*session, which));
  // Alone: a step that writes meanwhile would be seen half.
  const auto cache = TRY(store::CacheMount::open(
      session->store(), name, store::CacheMount::Sharing::kLocked,
      [](const std::string&) -> Result<std::string> { return std::string(); },
      cancelled_of(environment)));
  std::string fs = cache.directory(), owners;
  if (has_own_root(name)) {
    fs += "/" + std::string(kOwnRoot);
    owners = beneath_own_root(cache.owners());
  } else {
    owners::Sidecar all;
    for (const auto& [file, record] : cache.owners().all())
      all.push_back({.path = file, .record = record});
    owners = owners::to_bytes(all);
  }
  const std::string sidecar = TRY(session->store().temporary_path());
  TRY(os::replace_file(sidecar, owners, 0600));
  ops::ExportJob job{.tier = session->tier(), .trees = {{.lower = {fs}, .sidecars = {sidecar}}}};
  auto output = TRY(transfer::OutputFile::create(path, output_fd));
  auto written = session->jobs().call<ops::ExportReply>(job, {output.fd().get()});
  (void)os::unlink(sidecar);
  if (!written) return fail(std::move(written).error().in("exporting " + printable(which)));
  return output.finish();
}

Result<void> import_cache_mount(const Environment& environment, const std::string& which,
                                const std::string& path, int input_fd) {
  os::UniqueFd input = TRY(transfer::open_input(path, input_fd));
  const auto session = TRY(Session::open(environment, no_events));
  auto known = TRY(find(*session, which));
  const store::CacheMountName name =
      known ? std::move(*known)
            : store::CacheMountName{.tier = container::to_text(session->tier()), .id = "/" + which};
  const auto archive = TRY(ArchiveFile::read(session->store(), std::move(input)));
  auto garbage = store::CacheMount::replace(
      session->store(), name,
      [&](const std::string& directory) {
        return unpack(*session, name, archive->path(), directory);
      },
      cancelled_of(environment));
  if (!garbage) return fail(std::move(garbage).error().in(printable(which)));
  return session->jobs().remove(*garbage);
}

Result<std::uint64_t> remove_cache_mounts(const Environment& environment,
                                          const std::vector<std::string>& which) {
  const auto session = TRY(Session::open(environment, no_events));
  std::vector<store::CacheMountName> names;
  for (const std::string& one : which) names.push_back(TRY(find_existing(*session, one)));
  std::vector<std::string> garbage;
  std::optional<Error> busy;
  for (std::size_t i = 0; i < names.size(); ++i) {
    const std::string to = TRY(session->store().temporary_path()) + ".garbage";
    if (TRY(store::CacheMount::remove(session->store(), names[i].text(), to)))
      garbage.push_back(to);
    else if (!busy)
      busy = Error{.code = Errc::kUnavailable,
                   .message = "a build uses the cache mount \"" + printable(which[i]) + "\" now"};
  }
  std::uint64_t bytes = 0;
  for (const std::uint64_t one : TRY(session->jobs().measure(garbage))) bytes += one;
  TRY(session->jobs().remove(garbage));
  if (busy) return fail(std::move(*busy));
  return bytes;
}

Result<std::string> limit_cache_mounts(Session& session, std::uint64_t max_bytes) {
  const store::Measure measure = [&](const std::vector<std::string>& paths) {
    return session.jobs().measure(paths);
  };
  const store::Usage usage = TRY(store::usage_of(session.store(), measure));
  std::uint64_t bytes = 0;
  for (const store::UsageEntry& entry : usage.entries)
    if (entry.kind == store::UsageKind::kCacheMount) bytes += entry.bytes;
  if (bytes <= max_bytes) return std::string();
  const store::Pruned pruned =
      TRY(store::prune(session.store(),
                       {.limits = {.max_used = usage.total() - (bytes - max_bytes)},
                        .kinds = {store::UsageKind::kCacheMount}},
                       measure));
  TRY(session.jobs().remove(pruned.garbage));
  if (bytes - std::min(bytes, pruned.bytes) <= max_bytes) return std::string();
  return "cache mounts take " + human_size(bytes - pruned.bytes) + ", more than the limit of " +
         human_size(max_bytes) + ": those that other builds use stay";
}

}  // namespace lichen::build
