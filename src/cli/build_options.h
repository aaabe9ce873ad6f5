// `lichen build`'s arguments as data. Flags and their meaning are those of `docker build` and
// `docker buildx build`; what lichen has not yet is kUnsupported, never ignored.
//
//   const BuildOptions options = TRY(parse_build(args, process_variables(), oci::host_platform()));
//
// Pure: reads no file and asks no terminal.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "build/request.h"
#include "cli/call_options.h"
#include "cli/flags.h"
#include "cli/progress_mode.h"
#include "cli/variables.h"
#include "oci/types.h"

namespace lichen::cli {

struct BuildOptions {
  bool help = false;
  build::Request request;
  build::Environment environment;
  bool dockerfile_on_stdin = false;
  CallOptions call;
  ProgressMode progress = ProgressMode::kAuto;
  bool quiet = false;  // prints the image's id
  std::string iidfile, metadata_file;
};

Result<BuildOptions> parse_build(const std::vector<std::string>& args, const Variables& variables,
                                 const oci::Platform& own);
std::string build_help();

}  // namespace lichen::cli
