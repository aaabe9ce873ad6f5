#include "ops/trees.h"

#include "os/file.h"

namespace lichen::ops {

Trees::Lease::~Lease() {
  if (trees_ == nullptr) return;
  const std::lock_guard lock(trees_->mutex_);
  trees_->free_.push_back(std::move(path_));
}

// All that is in them is our own: nobody has other ids at this tier.
Trees::~Trees() {
  for (const std::string& path : free_) (void)os::remove_tree(path);
}

Result<Trees::Lease> Trees::take() {
  {
    const std::lock_guard lock(mutex_);
    if (!free_.empty()) {
      std::string path = std::move(free_.back());
      free_.pop_back();
      return Lease(*this, std::move(path));
    }
  }
  return Lease(*this, TRY(store_.temporary_path()));
}

}  // namespace lichen::ops
