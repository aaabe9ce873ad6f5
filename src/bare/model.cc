#include "bare/model.h"

#include <fcntl.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include <utility>

#include "os/file.h"

namespace lichen::bare {

namespace {

constexpr std::uint32_t kNobody = 65534;  // who owns files of ids that the step has not

bool has_records(const Mount* mount) {
  return mount == nullptr || mount->kind == Mount::Kind::kTree || mount->kind == Mount::Kind::kOwn;
}

}  // namespace

Model::Model(Tree the_tree, emulate::Credentials initial, std::string sockets_directory)
    : root(emulate::Profile::kDac, std::move(initial)),
      tree(std::move(the_tree)),
      sockets(std::move(sockets_directory)),
      uid(::getuid()),
      gid(::getgid()) {}

std::shared_ptr<const emulate::Credentials> Model::who_looks(const Call& call) const {
  if (root.credentials.all_powerful()) return nullptr;
  auto caller = credentials(call);
  const bool ordinary = caller->capable(CAP_DAC_OVERRIDE) && caller->root_number == 0;
  return ordinary ? nullptr : caller;
}

struct statx Model::seen(struct statx status, const Mount* mount) const {
  const auto links = frozen && has_records(mount) ? frozen->links(status) : std::nullopt;
  const auto record = has_records(mount) ? root.files.find(status) : std::nullopt;
  status.stx_uid = status.stx_uid == uid ? 0 : kNobody;
  status.stx_gid = status.stx_gid == gid ? 0 : kNobody;
  if (record) emulate::dress(status, *record);
  if (links) status.stx_nlink = static_cast<std::uint32_t>(*links);
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

}  // namespace lichen::bare
