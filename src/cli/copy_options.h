// The arguments of `lichen copy`, and of its short forms: pull, push, save and load. Pure.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "cli/flags.h"
#include "cli/progress_mode.h"
#include "oci/types.h"
#include "transfer/copy.h"
#include "transfer/place.h"

namespace lichen::cli {

struct CopyRequest {
  bool help = false;
  transfer::Place from, to;
  std::vector<std::string> more;  // `save`: further images of the store, into the same archive
  // `load`: all images of the archive `from.path`, of either kind; no `to`.
  bool load = false;
  // `save`: the image is called in the archive what it was called here, if that is its name.
  bool keep_name = false;
  transfer::CopyOptions options;
  std::string root, digest_file;
  bool tls_verify = true;
  ProgressMode progress = ProgressMode::kAuto;
};

enum class CopyVerb { kCopy, kPull, kPush, kSave, kLoad };

Result<CopyRequest> parse_copy(CopyVerb verb, const std::vector<std::string>& args,
                               const oci::Platform& own);
std::string copy_help(CopyVerb verb);

}  // namespace lichen::cli
