// A stack of layer directories, looked at as overlayfs would merge it. Internal to store.
//
//   const Layers layers = TRY(Layers::open({"/store/2/fs", "/store/1/fs"}));  // top first
//   Layers::Parts etc = TRY(layers.enter(layers.root(), "etc"));
//   if (auto passwd = TRY(layers.find(etc, "etc/passwd"))) …                   // passwd->status
//
// The caller goes down name by name, so no path that is given to the kernel has a symlink in its
// middle. The layers must not change meanwhile.
#pragma once

#include <sys/stat.h>

#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "os/fd.h"

namespace lichen::store {

// A directory hides those of lower layers when it has this attribute ("y"), or, where the file
// system has no user.* attributes, a whiteout of this name, which no file can have.
inline constexpr char kOpaque[] = "user.overlay.opaque";
inline constexpr char kOpaqueName[] = ".wh..wh..opq";
bool is_opaque(const os::UniqueFd& directory);
Result<void> set_opaque(const os::UniqueFd& directory);

bool is_whiteout(const struct ::stat& status);
Result<void> make_whiteout(const os::UniqueFd& directory, const std::string& name,
                           const std::string& path);

class Layers {
 public:
  static Result<Layers> open(const std::vector<std::string>& directories);

  // The layers that one directory of the merged tree is made of, top first.
  using Parts = std::vector<std::size_t>;
  Parts root() const;
  // Of the directory `path`, whose parent is made of `parent`. Empty: there is none.
  Result<Parts> enter(const Parts& parent, const std::string& path) const;

  struct Found {
    std::size_t layer = 0;
    struct ::stat status {};
  };
  // What the merged tree has at `path`, whose parent is made of `parent`.
  Result<std::optional<Found>> find(const Parts& parent, const std::string& path) const;

  // With O_NOFOLLOW. "" is the layer itself.
  Result<os::UniqueFd> open_in(std::size_t layer, const std::string& path, int flags) const;
  const os::UniqueFd& fd(std::size_t layer) const { return fds_[layer]; }
  bool empty() const { return fds_.empty(); }

 private:
  Result<bool> is_opaque(std::size_t layer, const std::string& path) const;

  std::vector<os::UniqueFd> fds_;
};

}  // namespace lichen::store
