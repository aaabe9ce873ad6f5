// Sources of ADD that are no paths: http(s) URLs and git repositories. Pure.
#pragma once

#include <optional>
#include <string>

#include "base/result.h"
#include "dockerfile/instruction.h"
#include "graph/graph.h"

namespace lichen::dockerfile {

struct RemoteSource {
  graph::SourceOp op;
  std::string path;         // what is copied out of it: "/" or the name of the downloaded file
  bool is_archive = false;  // may be unpacked: a download, not a repository
};

// `source` of `copy`, variables expanded; nullopt when it is a path.
Result<std::optional<RemoteSource>> remote_source(const CopyFiles& copy, const std::string& source);

}  // namespace lichen::dockerfile
