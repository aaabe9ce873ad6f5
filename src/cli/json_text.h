// The JSON that commands print: indented, keys in a fixed order. Pure.
#pragma once

#include <string>
#include <vector>

#include "build/request.h"
#include "cli/image_info.h"
#include "oci/types.h"
#include "os/host.h"

namespace lichen::cli {

// --metadata-file: what buildx writes, for what lichen knows.
std::string metadata_json(const build::Outcome& outcome);

std::string images_json(const std::vector<ImageInfo>& images);

// One image of `lichen inspect`: docker's members, and the manifest's layers.
struct Inspected {
  ImageInfo info;
  std::vector<std::string> names;
};
Result<std::string> inspect_json(const std::vector<Inspected>& images);

// A history entry beside the size of its layer (0: none).
struct HistoryLine {
  oci::History entry;
  std::uint64_t bytes = 0;
};
std::string history_json(const std::vector<HistoryLine>& lines);

}  // namespace lichen::cli
