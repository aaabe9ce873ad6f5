#include "container/volumes.h"

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "container/merged.h"
#include "os/file.h"
#include "owners/record.h"
#include "store/tree.h"

namespace lichen::container {

namespace {

constexpr char kContent[] = "content";
constexpr char kDiscarded[] = "discard";

Error not_in_tree(const Volume& volume, Error error) {
  if (error.code != Errc::kNotFound) return error;
  return {.code = Errc::kNotFound,
          .message = "failed to mount " + printable(volume.target) + ": \"" +
                     printable(volume.selector) + "\": not found"};
}

owners::Owners one_record(const std::string& path, const Volume& volume) {
  owners::Owners owners;
  owners.apply(owners::Change{.path = path, .record = {.uid = volume.uid, .gid = volume.gid}});
  return owners;
}

// Gives a file of ours the owner that the kernel can be told.
Result<void> give(const os::UniqueFd& file, const std::string& name, const Volume& volume,
                  Tier tier) {
  if (tier == Tier::kIds && ::fchownat(file.get(), name.c_str(), volume.uid, volume.gid, 0) < 0)
    return fail(os_error("chown", volume.target));
  if (::fchmodat(file.get(), name.c_str(), volume.mode & 07777, 0) < 0)
    return fail(os_error("chmod", volume.target));
  return {};
}

// Of what is there, as other builders do; else everybody's.
unsigned tmpfs_mode(const os::UniqueFd& root, const std::string& target) {
  const auto there = os::open_beneath(root, target, O_PATH | O_DIRECTORY);
  const auto status = there ? os::fstat(*there) : Result<struct ::stat>(fail(Errc::kNotFound, ""));
  return status ? status->st_mode & 07777 : 01777;
}

}  // namespace

Result<os::UniqueFd> open_selected(const os::UniqueFd& tree, const Volume& volume) {
  if (volume.selector.empty() || volume.selector == "/") return os::duplicate(tree);
  if (volume.kind != Volume::Kind::kCache) {
    auto found = os::open_beneath(tree, volume.selector, O_PATH);
    if (!found) return fail(not_in_tree(volume, std::move(found).error()));
    return found;
  }
  os::UniqueFd at = TRY(os::duplicate(tree));
  for (const std::string& name : split(volume.selector, '/')) {
    if (name.empty()) continue;
    auto next = os::openat(at, name, O_PATH | O_NOFOLLOW);
    if (!next) return fail(not_in_tree(volume, std::move(next).error()));
    if (S_ISLNK(TRY(os::fstat(*next)).st_mode))
      return fail(Errc::kDenied,
                  "the source " + printable(volume.selector) +
                      " of a cache mount leads through a symbolic link: " + printable(name));
    at = std::move(*next);
  }
  return at;
}

Result<Volumes> Volumes::prepare(const RunJob& job, const os::UniqueFd& root) {
  Volumes volumes;
  for (const Volume& volume : job.volumes) TRY(volumes.add(job, volume, root));
  return volumes;
}

Result<void> Volumes::add(const RunJob& job, const Volume& volume, const os::UniqueFd& root) {
  switch (volume.kind) {
    case Volume::Kind::kHost:
      steps_.emplace_back(sandbox::Bind{
          .source = volume.source, .target = volume.target, .read_only = volume.read_only});
      return {};
    case Volume::Kind::kTmpfs:
      steps_.emplace_back(sandbox::Tmpfs{
          .target = volume.target, .mode = tmpfs_mode(root, volume.target), .bytes = volume.bytes});
      return {};
    case Volume::Kind::kTree:
      return add_tree(job, volume);
    case Volume::Kind::kCache:
      return add_cache(volume);
    case Volume::Kind::kFile:
      return add_file(job, volume);
    case Volume::Kind::kSocket:
      return add_socket(job, volume);
  }
  return {};
}

// A directory of the private tmpfs.
Result<std::string> Volumes::new_place(const RunJob& job) {
  if (place_.empty()) {
    const std::string place = job.overlay.work + "/volumes";
    TRY(os::mkdirs(place, 0700));
    if (::mount("tmpfs", place.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0)
      return fail(os_error("mount tmpfs", place));
    place_ = place;
    work_ = TRY(os::open(job.overlay.work, O_RDONLY | O_DIRECTORY));
  }
  std::string directory = place_ + "/" + std::to_string(places_++);
  TRY(os::mkdirs(directory, 0700));
  return directory;
}

void Volumes::bind(const os::UniqueFd& source, const Volume& volume, bool read_only) {
  steps_.emplace_back(sandbox::Bind{.source = os::proc_path(source),
                                    .target = volume.target,
                                    .read_only = read_only,
                                    .nodev = true});
}

Result<void> Volumes::add_tree(const RunJob& job, const Volume& volume) {
  Overlay overlay{.lower = volume.lower, .target = TRY(new_place(job))};
  const std::string disk = job.overlay.work + "/" + kDiscarded + "/" + std::to_string(places_);
  overlay.work = disk + "/work";
  if (!volume.read_only) {
    overlay.upper = disk + "/upper";
    for (const std::string& directory : {overlay.upper, overlay.work}) TRY(os::mkdirs(directory));
    // The mode of the root is the upper one's.
    const os::UniqueFd top = TRY(os::open(volume.lower.front(), O_PATH | O_DIRECTORY));
    ::chmod(overlay.upper.c_str(), TRY(os::fstat(top)).st_mode & 07777);
  }
  const Merged merged = TRY(Merged::make(overlay));
  os::UniqueFd tree = TRY(os::open(overlay.target, O_RDONLY | O_DIRECTORY));
  open_.push_back(TRY(open_selected(tree, volume)));
  bind(open_.back(), volume, volume.read_only);
  trees_.push_back({.root = std::move(tree),
                    .owners = TRY(store::load_owners(volume.sidecars)),
                    .is_overlay = !merged.is_copy()});
  return {};
}

Result<void> Volumes::add_cache(const Volume& volume) {
  os::UniqueFd tree = TRY(os::open(volume.source, O_RDONLY | O_DIRECTORY));
  open_.push_back(TRY(open_selected(tree, volume)));
  bind(open_.back(), volume, volume.read_only);
  caches_.push_back(TRY(os::duplicate(tree)));
  owners::Owners owners;
  if (!volume.records.empty()) owners.apply(TRY(owners::parse_sidecar(volume.records)));
  trees_.push_back({.root = std::move(tree), .owners = std::move(owners)});
  return {};
}

Result<void> Volumes::add_file(const RunJob& job, const Volume& volume) {
  const std::string place = TRY(new_place(job));
  os::UniqueFd directory = TRY(os::open(place, O_RDONLY | O_DIRECTORY));
  const os::UniqueFd file =
      TRY(os::openat(directory, kContent, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(os::write_all(file, volume.content));
  TRY(give(directory, kContent, volume, job.tier));
  open_.push_back(TRY(os::openat(directory, kContent, O_PATH)));
  bind(open_.back(), volume, true);
  if (job.tier != Tier::kIds)
    trees_.push_back({.root = std::move(directory), .owners = one_record(kContent, volume)});
  return {};
}

Result<void> Volumes::add_socket(const RunJob& job, const Volume& volume) {
  const std::size_t slash = volume.source.find_last_of('/');
  const std::string name = volume.source.substr(slash + 1);
  os::UniqueFd directory = TRY(os::open(volume.source.substr(0, slash), O_RDONLY | O_DIRECTORY));
  TRY(give(directory, name, volume, job.tier));
  open_.push_back(TRY(os::openat(directory, name, O_PATH)));
  bind(open_.back(), volume, false);
  if (job.tier != Tier::kIds)
    trees_.push_back({.root = std::move(directory), .owners = one_record(name, volume)});
  return {};
}

Result<std::vector<std::string>> Volumes::cache_records(
    const emulate::Supervisor& supervisor) const {
  std::vector<std::string> records;
  for (const os::UniqueFd& cache : caches_)
    records.push_back(owners::to_bytes(TRY(supervisor.read_tree(cache))));
  return records;
}

void Volumes::remove() const {
  if (work_.valid())
    (void)os::remove_tree(work_, kDiscarded);  // else it goes with the work directory
}

}  // namespace lichen::container
