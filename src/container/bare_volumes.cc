#include "container/bare_volumes.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <sys/file.h>
#include <sys/vfs.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <utility>

#include "base/path.h"
#include "base/text.h"
#include "container/volumes.h"
#include "os/file.h"
#include "store/tree.h"

namespace lichen::container {

namespace {

constexpr char kMemory[] = "/dev/shm";
constexpr std::string_view kSecrets = "lichen-secrets-";
constexpr int kMaxLinks = 40;
constexpr unsigned kStatus = STATX_BASIC_STATS | STATX_BTIME;

std::string path_of(const os::UniqueFd& file) {
  char text[4096];
  const ssize_t size = ::readlink(os::proc_path(file).c_str(), text, sizeof text);
  return size > 0 && size < static_cast<ssize_t>(sizeof text)
             ? std::string(text, static_cast<std::size_t>(size))
             : std::string();
}

// A directory whose step was killed together with its supervisor: nobody holds its lock.
void sweep_memory() {
  const auto memory = os::open(kMemory, O_RDONLY | O_DIRECTORY);
  const auto entries = memory ? os::read_directory(*memory)
                              : Result<std::vector<os::DirectoryEntry>>(fail(Errc::kNotFound, ""));
  if (!entries) return;
  for (const os::DirectoryEntry& entry : *entries) {
    if (!starts_with(entry.name, kSecrets)) continue;
    const auto old = os::openat(*memory, entry.name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW);
    const auto status = old ? os::fstat(*old) : Result<struct ::stat>(fail(Errc::kNotFound, ""));
    if (!status || status->st_uid != ::geteuid() || ::flock(old->get(), LOCK_EX | LOCK_NB) < 0)
      continue;
    (void)os::remove_tree(*memory, entry.name);
  }
}

owners::Owners one_record(const std::string& path, const owners::Record& record) {
  owners::Owners owners;
  owners.apply(owners::Change{.path = path, .record = record});
  return owners;
}

// The step's view has these from elsewhere: no place in the tree is seen.
bool is_covered(const std::string& target) {
  for (const char* top : {"/dev/", "/proc/", "/sys/"})
    if (starts_with(target, top)) return true;
  return false;
}

struct statx_timestamp change_time(const os::UniqueFd& directory, ino_t* inode) {
  struct statx status {};
  if (::statx(directory.get(), "", AT_EMPTY_PATH, kStatus, &status) != 0) return {};
  if (inode != nullptr) *inode = status.stx_ino;
  return status.stx_ctime;
}

bool is_same(const struct statx_timestamp& a, const struct statx_timestamp& b) {
  return a.tv_sec == b.tv_sec && a.tv_nsec == b.tv_nsec;
}

// Lets `act` change a directory of the tree such that its times stay and harvest() takes no notice,
// unless the step has changed it, too.
template <class Act>
void quietly(const os::UniqueFd& directory, store::Workspace& space, const Act& act) {
  ino_t inode = 0;
  const struct statx_timestamp before = change_time(directory, &inode);
  const auto known = space.directories.find(inode);
  const auto status = os::fstat(directory);
  const bool is_quiet = known != space.directories.end() && is_same(known->second.changed, before);
  act();
  if (!status) return;
  const struct ::timespec times[2] = {status->st_atim, status->st_mtim};
  ::utimensat(AT_FDCWD, os::proc_path(directory).c_str(), times, 0);
  if (is_quiet) known->second.changed = change_time(directory, nullptr);
}

}  // namespace

BareVolumes::BareVolumes(BareVolumes&& other) noexcept
    : volumes_(std::move(other.volumes_)),
      trees_(std::move(other.trees_)),
      caches_(std::move(other.caches_)),
      stubs_(std::move(other.stubs_)),
      root_(std::move(other.root_)),
      memory_(std::exchange(other.memory_, "")),
      memory_lock_(std::move(other.memory_lock_)),
      count_(other.count_) {}

BareVolumes::~BareVolumes() {
  if (!memory_.empty()) (void)os::remove_tree(memory_);
}

Result<BareVolumes> BareVolumes::prepare(const RunJob& job, store::Workspace& space) {
  BareVolumes volumes;
  volumes.root_ = path_of(TRY(os::open(space.path, O_PATH | O_DIRECTORY)));
  for (const Volume& volume : job.volumes) TRY(volumes.add(job, volume, space));
  return volumes;
}

Result<void> BareVolumes::add(const RunJob& job, const Volume& volume, store::Workspace& space) {
  bare::Volume made = TRY(make(job, volume));
  const os::UniqueFd source = TRY(os::open(made.source, O_PATH));
  const bool is_directory = S_ISDIR(TRY(os::fstat(source)).st_mode);
  made.target = TRY(place(clean_path(volume.target), is_directory, space));
  volumes_.push_back(std::move(made));
  return {};
}

Result<std::string> BareVolumes::new_directory(const RunJob& job) {
  std::string directory = job.overlay.work + "/volume-" + std::to_string(count_++);
  TRY(os::mkdirs(directory, 0700));
  return directory;
}

Result<bare::Volume> BareVolumes::make(const RunJob& job, const Volume& volume) {
  switch (volume.kind) {
    case Volume::Kind::kTree:
      return make_tree(job, volume);
    case Volume::Kind::kCache:
      return make_cache(volume);
    case Volume::Kind::kFile:
      return make_file(job, volume);
    case Volume::Kind::kTmpfs: {
      const std::string directory = TRY(new_directory(job));
      return bare::Volume{.source = directory,
                          .keeps_records = true,
                          .tree = directory,
                          .owners = one_record("", {.mode = 01777})};
    }
    case Volume::Kind::kSocket:
      return bare::Volume{
          .source = volume.source,
          .keeps_records = true,
          .tree = parent_of(volume.source),
          .owners = one_record(name_of(volume.source),
                               {.uid = volume.uid, .gid = volume.gid, .mode = volume.mode})};
    case Volume::Kind::kHost:
      break;
  }
  return bare::Volume{.source = volume.source, .read_only = volume.read_only};
}

Result<bare::Volume> BareVolumes::make_tree(const RunJob& job, const Volume& volume) {
  const std::string directory = TRY(new_directory(job));
  trees_.push_back(TRY(store::materialize(volume.lower, directory, store::Materialize::kLink)));
  const os::UniqueFd tree = TRY(os::open(directory, O_PATH | O_DIRECTORY));
  return bare::Volume{.source = path_of(TRY(open_selected(tree, volume))),
                      .read_only = volume.read_only,
                      .keeps_records = true,
                      .tree = directory,
                      .owners = TRY(store::load_owners(volume.sidecars))};
}

Result<bare::Volume> BareVolumes::make_cache(const Volume& volume) {
  caches_.push_back(volume.source);
  owners::Owners owners;
  if (!volume.records.empty()) owners.apply(TRY(owners::parse_sidecar(volume.records)));
  const os::UniqueFd tree = TRY(os::open(volume.source, O_PATH | O_DIRECTORY));
  return bare::Volume{.source = path_of(TRY(open_selected(tree, volume))),
                      .read_only = volume.read_only,
                      .keeps_records = true,
                      .tree = volume.source,
                      .owners = std::move(owners)};
}

Result<bare::Volume> BareVolumes::make_file(const RunJob& job, const Volume& volume) {
  if (memory_.empty()) {
    sweep_memory();
    struct statfs system {};
    std::string place = std::string(kMemory) + "/" + std::string(kSecrets) + "XXXXXX";
    const bool is_memory = ::statfs(kMemory, &system) == 0 && system.f_type == TMPFS_MAGIC;
    memory_ = is_memory && ::mkdtemp(place.data()) != nullptr ? place : TRY(new_directory(job));
    memory_lock_ = TRY(os::open(memory_, O_RDONLY | O_DIRECTORY));
    ::flock(memory_lock_.get(), LOCK_EX | LOCK_NB);
  }
  const std::string name = std::to_string(count_++);
  const os::UniqueFd file =
      TRY(os::openat(memory_lock_, name, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW, 0600));
  TRY(os::write_all(file, volume.content));
  if (::fchmod(file.get(), owners::bare_mode(volume.mode, false)) < 0)
    return fail(os_error("chmod", volume.target));
  return bare::Volume{
      .source = memory_ + "/" + name,
      .read_only = true,
      .keeps_records = true,
      .tree = memory_,
      .owners =
          one_record(name, {.uid = volume.uid, .gid = volume.gid, .mode = volume.mode & 07777})};
}

Result<void> BareVolumes::make_stub(const os::UniqueFd& parent, const std::string& name,
                                    bool is_directory, store::Workspace* space) {
  int error = 0;
  const auto make = [&] {
    if (is_directory) {
      error = ::mkdirat(parent.get(), name.c_str(), 0755) == 0 ? 0 : errno;
    } else {
      const auto made = os::openat(parent, name, O_CREAT | O_EXCL | O_NOFOLLOW | O_WRONLY, 0644);
      error = made ? 0 : made.error().os_errno;
    }
  };
  if (space != nullptr)
    quietly(parent, *space, make);
  else
    make();
  if (error != 0) return fail(os_error(error, "create", name));
  if (space != nullptr) stubs_.push_back({TRY(os::duplicate(parent)), name});
  return {};
}

// Where the step sees the volume: `target` without symlinks. It is made there when it is absent, in
// the root or in the volume that is seen on the way.
Result<std::string> BareVolumes::place(const std::string& target, bool is_directory,
                                       store::Workspace& space) {
  if (is_covered(target)) return target;
  const bare::Volume* below = nullptr;
  for (const bare::Volume& volume : volumes_)
    if (starts_with(target, volume.target + "/") &&
        (below == nullptr || volume.target.size() >= below->target.size()))
      below = &volume;
  const std::string base = below == nullptr ? root_ : below->source;
  const std::string seen_base = below == nullptr ? "" : below->target;
  const os::UniqueFd top = TRY(os::open(base, O_PATH));
  std::string rest = target.substr(seen_base.size());
  for (int links = 0; links < kMaxLinks; ++links) {
    os::UniqueFd at = TRY(os::duplicate(top));
    std::string path;  // what is there of `rest`
    bool is_link = false;
    const std::vector<std::string> names = split(rest, '/');
    for (std::size_t i = 0; i < names.size() && !is_link; ++i) {
      if (names[i].empty()) continue;
      const bool is_last = i + 1 == names.size();
      auto next = os::open_beneath(top, path + "/" + names[i], O_PATH);
      if (!next && next.error().code == Errc::kNotFound) {
        if (below != nullptr && below->read_only)
          return fail(os_error(EROFS, "create the mount target", target));
        // The end of a dangling symlink is made, inside.
        if (const auto status = TRY(os::lstatat(at, names[i]));
            status && S_ISLNK(status->st_mode)) {
          const std::string link = TRY(os::readlinkat(at, names[i]));
          rest = clean_path(link, path.empty() ? "/" : path);
          for (std::size_t j = i + 1; j < names.size(); ++j) rest += "/" + names[j];
          is_link = true;
          continue;
        }
        TRY(make_stub(at, names[i], !is_last || is_directory, below == nullptr ? &space : nullptr));
        next = os::open_beneath(top, path + "/" + names[i], O_PATH | O_NOFOLLOW);
      }
      at = TRY(std::move(next));
      const std::string real = path_of(at);
      if (real.size() < base.size() || !starts_with(real, base))
        return fail(Errc::kInvalid, "the mount target " + printable(target) + " moved away");
      path = real.substr(base.size());
    }
    if (is_link) continue;
    return seen_base + path;
  }
  return fail(os_error(ELOOP, "create", target));
}

void BareVolumes::give(bare::Options& options) {
  options.volumes = std::move(volumes_);
  for (const store::Workspace& tree : trees_) {
    options.frozen.insert(tree.frozen.begin(), tree.frozen.end());
    options.frozen_directories.insert(tree.frozen_directories.begin(),
                                      tree.frozen_directories.end());
  }
}

Result<std::vector<std::string>> BareVolumes::cache_records(
    const std::function<owners::Record(const struct statx&)>& record_of) const {
  std::vector<std::string> all;
  for (const std::string& cache : caches_) {
    const owners::Owners nothing;
    owners::Owners::Recorder recorder(nothing);
    const os::UniqueFd top = TRY(os::open(cache, O_RDONLY | O_DIRECTORY));
    std::vector<std::string> pending{""};
    struct statx status {};
    if (::statx(top.get(), "", AT_EMPTY_PATH, kStatus, &status) != 0)
      return fail(os_error("stat", cache));
    recorder.set("", record_of(status), true);
    while (!pending.empty()) {
      const std::string path = std::move(pending.back());
      pending.pop_back();
      const os::UniqueFd directory = TRY(
          os::open_beneath(top, path.empty() ? "." : path, O_RDONLY | O_DIRECTORY | O_NOFOLLOW));
      for (const os::DirectoryEntry& entry : TRY(os::read_directory(directory))) {
        if (::statx(directory.get(), entry.name.c_str(), AT_SYMLINK_NOFOLLOW, kStatus, &status) !=
            0)
          continue;
        const std::string name = beneath(path, entry.name);
        recorder.set(name, record_of(status), S_ISDIR(status.stx_mode));
        if (S_ISDIR(status.stx_mode)) pending.push_back(name);
      }
    }
    all.push_back(owners::to_bytes(recorder.take()));
  }
  return all;
}

void BareVolumes::remove_stubs(store::Workspace& space) const {
  for (auto stub = stubs_.rbegin(); stub != stubs_.rend(); ++stub) {
    const auto status = os::lstatat(stub->parent, stub->name);
    if (!status || !*status) continue;
    const bool is_directory = S_ISDIR((*status)->st_mode);
    if (!is_directory && (!S_ISREG((*status)->st_mode) || (*status)->st_size != 0)) continue;
    quietly(stub->parent, space, [&] {
      ::unlinkat(stub->parent.get(), stub->name.c_str(), is_directory ? AT_REMOVEDIR : 0);
    });
  }
}

}  // namespace lichen::container
