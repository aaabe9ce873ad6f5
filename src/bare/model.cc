#include "bare/model.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <utility>

#include "bare/devices.h"
#include "os/file.h"
#include "sandbox/launch.h"

namespace lichen::bare {

namespace {

constexpr std::uint32_t kNobody = 65534;  // who owns files of ids that the step has not

bool has_records(const Mount* mount) {
  return mount == nullptr || mount->keeps_records();
}

}  // namespace

Model::Model(Tree the_tree, emulate::Credentials initial, SocketDirectory for_sockets)
    : root(emulate::Profile::kFull, std::move(initial)),
      tree(std::move(the_tree)),
      sockets(std::move(for_sockets)),
      uid(::getuid()),
      gid(::getgid()) {
  root.most = sandbox::default_capabilities();
  struct stat status {};
  if (::fstat(tree.root().fd.get(), &status) == 0) device = status.st_dev;
}

std::shared_ptr<const emulate::Credentials> Model::who_looks(const Call& call) const {
  if (root.credentials.all_powerful()) return nullptr;
  auto caller = credentials(call);
  const bool ordinary = caller->capable(CAP_DAC_OVERRIDE) && caller->root_number == 0;
  return ordinary ? nullptr : caller;
}

void Model::give(const os::UniqueFd& stream) {
  struct stat status {};
  if (::fstat(stream.get(), &status) != 0) return;
  given.emplace(status.st_dev, status.st_ino);
  if (is_terminal(::major(status.st_rdev)) && S_ISCHR(status.st_mode)) {
    terminals.add(status.st_rdev);
  }
}

bool Model::was_given(const struct statx& status) const {
  return given.contains(
      {::makedev(status.stx_dev_major, status.stx_dev_minor), static_cast<ino_t>(status.stx_ino)});
}

bool Model::is_others_terminal(const struct statx& status) const {
  return S_ISCHR(status.stx_mode) && is_terminal(status.stx_rdev_major) &&
         !terminals.has(::makedev(status.stx_rdev_major, status.stx_rdev_minor));
}

// A device's placeholder, and the host's node that an open of it gives, look like one file:
// programs compare the two (install, cp).
void Model::show_as_node(struct statx& status, bool has_record) const {
  constexpr std::uint64_t kFirstInode = std::uint64_t{1} << 56;  // where no file of the tree is
  status.stx_dev_major = ::major(device);
  status.stx_dev_minor = ::minor(device);
  status.stx_ino = kFirstInode | std::uint64_t{status.stx_rdev_major} << 32 | status.stx_rdev_minor;
  status.stx_nlink = 1;
  if (!has_record) status.stx_uid = status.stx_gid = 0;
}

struct statx Model::seen(struct statx status, const Mount* mount) const {
  const auto links = frozen && has_records(mount) ? frozen->links(status) : std::nullopt;
  const auto record = has_records(mount) ? root.files.find(status) : std::nullopt;
  status.stx_uid = status.stx_uid == uid ? 0 : kNobody;
  status.stx_gid = status.stx_gid == gid ? 0 : kNobody;
  if (record) emulate::dress(status, *record);
  if (const auto time = frozen && has_records(mount) ? frozen->modified(status) : std::nullopt)
    status.stx_mtime = {.tv_sec = time->tv_sec, .tv_nsec = static_cast<__u32>(time->tv_nsec)};
  if (links) status.stx_nlink = static_cast<std::uint32_t>(*links);
  if (S_ISCHR(status.stx_mode) && is_known_node(status.stx_rdev_major, status.stx_rdev_minor)) {
    show_as_node(status, record.has_value());
  }
  return status;
}

emulate::Owned Model::owned(const File& file) const {
  const struct statx status = seen(file.status, file.mount);
  return {status.stx_uid, status.stx_gid, status.stx_mode};
}

bool Model::put(const os::UniqueFd& file, owners::Record record, std::uint32_t mode) {
  struct statx status {};
  if (::statx(file.get(), "", AT_EMPTY_PATH, emulate::kStatusMask, &status) != 0) return false;
  record.mode.reset();
  if (!S_ISLNK(status.stx_mode)) {
    mode &= 07777;
    const std::uint32_t real = (mode & 0777) | (S_ISDIR(status.stx_mode) ? 0700u : 0600u);
    if ((status.stx_mode & 07777u) != real) {
      if (::chmod(os::proc_path(file).c_str(), real) != 0) return false;
    }
    if (real != mode) record.mode = mode;
  }
  return root.files.put(status, record);
}

owners::Record Model::record_of(const struct statx& status) const {
  return root.files.find(status).value_or(owners::Record{});
}

bool permits(const Model& model, const emulate::Credentials& credentials, const File& file,
             int want) {
  if (file.mount == nullptr || !file.mount->keeps_records()) return true;
  return emulate::permits(credentials, model.owned(file), want);
}

}  // namespace lichen::bare
