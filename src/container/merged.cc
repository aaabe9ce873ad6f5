#include "container/merged.h"

#include <sys/mount.h>
#include <sys/xattr.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>
#include <string_view>

#include "os/file.h"
#include "sandbox/namespace.h"

namespace lichen::container {

namespace {

bool is_off() {
  const char* choice = std::getenv("LICHEN_OVERLAY");
  return choice != nullptr && std::string_view(choice) == "off";
}

// Overlayfs goes on without them, until a directory is replaced by another.
bool keeps_attributes(const std::string& directory) {
  constexpr char kName[] = "user.overlay.probe";
  if (::setxattr(directory.c_str(), kName, "y", 1, 0) < 0) return errno != ENOTSUP;
  ::removexattr(directory.c_str(), kName);
  return true;
}

bool would_fail_again(const Error& error) {
  return error.code == Errc::kNotFound || error.os_errno == ENOSPC || error.os_errno == EDQUOT ||
         error.os_errno == ENOMEM || error.os_errno == EMFILE;
}

}  // namespace

Result<Merged> Merged::make(const Overlay& overlay) {
  Merged merged;
  merged.overlay_ = overlay;
  std::optional<Error> refused;
  // One layer that is only read needs no overlay.
  if (!is_off() || (overlay.upper.empty() && overlay.lower.size() == 1)) {
    auto mounted =
        sandbox::mount_overlay(overlay.lower, overlay.upper, overlay.work, overlay.target);
    if (mounted && (overlay.upper.empty() || keeps_attributes(overlay.upper))) return merged;
    if (mounted)
      ::umount2(overlay.target.c_str(), MNT_DETACH);
    else
      refused = std::move(mounted).error();
  }
  if (refused && would_fail_again(*refused)) return fail(std::move(*refused));
  if (overlay.work.empty()) return fail(Errc::kInternal, "a copy of layers without a place");
  TRY(os::mkdirs(overlay.work));
  auto space = store::materialize(overlay.lower, overlay.work + "/tree", store::Materialize::kCopy);
  if (!space) {
    Error error = std::move(space).error();
    if (refused)
      error.context.push_back("overlayfs does not work here (" + to_text(*refused) +
                              "), and a copy");
    return fail(std::move(error));
  }
  merged.space_ = std::move(*space);
  if (::mount(merged.space_->path.c_str(), overlay.target.c_str(), nullptr, MS_BIND, nullptr) < 0)
    return fail(os_error("bind", overlay.target));
  return merged;
}

Result<void> Merged::harvest(const owners::Owners& below) const {
  if (!space_) return {};
  // Who changes an owner that only a record holds touches the file as well, so the records that
  // were there before tell as much as those that are there now.
  const auto record_of = [&](const struct statx& status) {
    const auto directory = space_->directories.find(status.stx_ino);
    const owners::Record* before =
        directory == space_->directories.end() ? nullptr : below.find(directory->second.path);
    return before == nullptr ? owners::Record{} : *before;
  };
  (void)TRY(store::harvest(*space_, overlay_.lower, overlay_.upper, below, record_of,
                           /*keep_tree=*/true));
  return {};
}

void Merged::remove() const {
  if (!space_) return;
  ::umount2(overlay_.target.c_str(), MNT_DETACH);
  (void)os::remove_tree(space_->path);
  if (overlay_.upper.empty()) ::rmdir(overlay_.work.c_str());  // it was made for the copy
}

}  // namespace lichen::container
