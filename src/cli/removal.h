// What `lichen rmi` removes. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace lichen::cli {

// The records to remove from `all` for `text`, which the store found to mean `found`: one when it
// was named, every name of the image when its id was given (several need `force`).
Result<std::vector<store::Image>> plan_removal(const std::vector<store::Image>& all,
                                               const store::Image& found, const std::string& text,
                                               bool force);

// "Untagged: …" for each, and "Deleted: sha256:…" when no other name of the image is left.
std::string removal_text(const std::vector<store::Image>& all,
                         const std::vector<store::Image>& removed);

}  // namespace lichen::cli
