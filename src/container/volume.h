// What a step sees at a place of its root beside the root itself, as data: made by the front, and
// mounted (volumes.h) or pretended (bare_volumes.h) by the worker.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "base/wire.h"

namespace lichen::container {

struct Volume {
  enum class Kind {
    kHost,    // `source`, a file or directory of the host
    kTree,    // a stack of layers; without `read_only` changes are discarded
    kCache,   // `source`, a directory that is kept, with the records of its files
    kTmpfs,   // an empty directory that is discarded
    kFile,    // a small file with `content`, which is never on a disk where memory can be had
    kSocket,  // `source`, a unix socket of ours
  };
  std::string source, target;
  bool read_only = false;
  Kind kind = Kind::kHost;
  std::string selector;  // kTree: a path inside, through symlinks; kCache: none may be on the way
  std::vector<std::string> lower;            // kTree: top first
  std::vector<std::string> sidecars;         // kTree: bottom first
  std::string records;                       // kCache: a sidecar
  std::string content;                       // kFile
  std::uint32_t mode = 0, uid = 0, gid = 0;  // kFile, kSocket
  std::uint64_t bytes = 0;                   // kTmpfs; 0: no limit
};

template <class Wire>
void fields(Wire& wire, Volume& volume) {
  wire(volume.source, volume.target, volume.read_only, volume.kind, volume.selector, volume.lower,
       volume.sidecars, volume.records, volume.content, volume.mode, volume.uid, volume.gid,
       volume.bytes);
}

}  // namespace lichen::container
