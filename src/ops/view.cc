#include "ops/view.h"

#include <fcntl.h>

#include <utility>

#include "os/file.h"

namespace lichen::ops {

Result<View> View::open(container::Overlay overlay, container::Tier tier) {
  View view;
  view.overlay_ = std::move(overlay);
  if (view.overlay_.lower.empty()) {
    view.root_ = TRY(os::open(view.overlay_.upper, O_RDONLY | O_DIRECTORY));
    return view;
  }
  const std::string& target = view.overlay_.target;
  TRY(os::mkdirs(target));
  if (tier == container::Tier::kBare) {
    view.space_.emplace().path = target;  // from now on it is removed
    view.space_ = TRY(store::materialize(view.overlay_.lower, target, store::Materialize::kLink));
  } else {
    view.merged_ = TRY(container::Merged::make(view.overlay_));
    if (!view.merged_->is_copy() && !view.overlay_.upper.empty())
      view.upper_ = TRY(os::open(view.overlay_.upper, O_RDONLY | O_DIRECTORY));
  }
  view.root_ = TRY(os::open(target, O_RDONLY | O_DIRECTORY));
  return view;
}

View::View(View&& other) noexcept
    : overlay_(std::move(other.overlay_)),
      root_(std::move(other.root_)),
      upper_(std::move(other.upper_)),
      space_(std::exchange(other.space_, std::nullopt)),
      merged_(std::exchange(other.merged_, std::nullopt)) {}

View& View::operator=(View&& other) noexcept {
  std::swap(overlay_, other.overlay_);
  std::swap(root_, other.root_);
  std::swap(upper_, other.upper_);
  std::swap(space_, other.space_);
  std::swap(merged_, other.merged_);
  return *this;
}

View::~View() {
  root_.reset();
  if (space_) (void)os::remove_tree(space_->path);  // else the store's next start does it
  if (merged_) merged_->remove();
}

Result<void> View::settle(const owners::Owners& below) const {
  return merged_ ? merged_->harvest(below) : Result<void>();
}

Result<owners::Sidecar> View::harvest(const owners::Owners& below,
                                      const std::function<const owners::Record*(ino_t)>& written) {
  if (!space_) return fail(Errc::kInternal, "there is no tree to harvest");
  const auto record_of = [&](const struct statx& status) {
    if (const owners::Record* record = written(status.stx_ino)) return *record;
    const auto directory = space_->directories.find(status.stx_ino);
    const owners::Record* before =
        directory == space_->directories.end() ? nullptr : below.find(directory->second.path);
    return before == nullptr ? owners::Record{} : *before;
  };
  return store::harvest(*space_, overlay_.lower, overlay_.upper, below, record_of, false);
}

}  // namespace lichen::ops
