#include "cli/removal.h"

#include <algorithm>

#include "base/text.h"
#include "cli/image_info.h"
#include "oci/reference.h"

namespace lichen::cli {

Result<std::vector<store::Image>> plan_removal(const std::vector<store::Image>& all,
                                               const store::Image& found, const std::string& text,
                                               bool force) {
  const auto reference = oci::parse_reference(text);
  if (reference && oci::to_text(*reference) == found.name) return std::vector{found};
  std::vector<store::Image> images;
  for (const store::Image& image : all)
    if (image.manifest == found.manifest) images.push_back(image);
  const std::vector<std::string> names = names_of(all, found);
  if (names.size() > 1 && !force)
    return fail(Errc::kInvalid, text + " has several names: " + join(names, ", "),
                "remove them by name, or all at once with --force");
  return images;
}

std::string removal_text(const std::vector<store::Image>& all,
                         const std::vector<store::Image>& removed) {
  std::string text;
  const auto is_removed = [&](const store::Image& image) {
    return std::any_of(removed.begin(), removed.end(),
                       [&](const store::Image& one) { return one.name == image.name; });
  };
  for (const store::Image& image : removed) {
    if (is_untagged(image)) continue;
    const auto reference = oci::parse_reference(image.name);
    text +=
        "Untagged: " + printable(reference ? oci::familiar_text(*reference) : image.name) + "\n";
  }
  const bool left = std::any_of(all.begin(), all.end(), [&](const store::Image& image) {
    return image.id() == removed.front().id() && !is_removed(image);
  });
  if (!left) text += "Deleted: " + removed.front().id().text() + "\n";
  return text;
}

}  // namespace lichen::cli
