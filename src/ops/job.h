// What the front asks of a keeper's worker, as data: one struct per kind of work on trees.
//
//   JobClient client(keeper, cancelled);
//   DiffReply layer = TRY(client.call<DiffReply>(DiffJob{…}));
//
// perform() is the worker's side: the one handler that a keeper runs. Jobs carry store paths; a
// worker knows no database. All trees are given as lists of layer directories, top first.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "base/wire.h"
#include "container/keeper.h"
#include "container/run.h"
#include "graph/graph.h"
#include "os/fd.h"

namespace lichen::ops {

// Unpacks a layer blob into an empty layer directory.
struct ApplyJob {
  container::Tier tier = container::Tier::kIds;
  std::string blob;
  std::string fs;                     // the layer directory to fill
  std::vector<std::string> lower;     // top first
  std::vector<std::string> sidecars;  // of `lower`, bottom first
};
struct ApplyReply {
  Digest diff_id;
  std::string sidecar;
};

// Makes a layer blob out of a layer directory.
struct DiffJob {
  container::Tier tier = container::Tier::kIds;
  std::string fs, sidecar;
  std::vector<std::string> lower, sidecars;
  std::string output;       // the file to write
  std::string compression;  // "gzip", "zstd", "uncompressed"
  int level = -1;
  unsigned threads = 1;
  std::optional<std::int64_t> clamp;           // no mtime is later
  std::map<std::string, std::string> secrets;  // id -> bytes, to be looked for
};
struct DiffReply {
  Digest diff_id, digest;
  std::uint64_t bytes = 0;
  std::vector<std::string> secrets;  // ids of those that are in it
};

// A tree that is copied from: a directory of the host (the context) or a stack of layers.
struct TreeInput {
  std::string directory;              // of the host; or empty
  std::vector<std::string> ignore;    // patterns, for `directory`
  bool git_modes = false;             // SourceTree::git_modes, for `directory`
  std::vector<std::string> lower;     // top first
  std::vector<std::string> sidecars;  // bottom first
};
struct FileJob {
  container::Tier tier = container::Tier::kIds;
  container::Overlay overlay;  // no lower: there is nothing below
  std::vector<std::string> sidecars;
  std::vector<TreeInput> inputs;  // by Copy::input
  std::vector<graph::FileAction> actions;
  bool independent = false;             // FileOp::independent
  std::optional<std::int64_t> created;  // FileOp::created
  std::string copied;                   // where CopiedFiles are to be written; empty: nowhere
  // The layer directory that an earlier COPY in this place made, and its CopiedFiles; or empty.
  std::string earlier, earlier_copied;
  std::string mounts;  // an empty directory to mount the inputs under; not at tier bare
};
struct FileReply {
  std::string sidecar;
  std::vector<std::string> unknown_owners;  // "user alice": names that the image does not have
};

// The content digest of what a Copy would bring from a stack of layers.
struct DigestJob {
  container::Tier tier = container::Tier::kIds;
  TreeInput input;
  std::vector<graph::FileAction> copies;
  std::string mounts;   // as in FileJob
  std::string scratch;  // a name on the store's file system, for a directory that need not be
};
struct DigestReply {
  std::vector<Digest> digests;
  std::vector<std::map<std::string, std::string>> files;  // of each: Listing::finish()
};

// Whole trees as one tar archive to descriptor 0, or as files in a directory.
struct ExportTree {
  std::vector<std::string> lower, sidecars;
  std::string place;  // the directory that it goes into, which is there when files are made
  std::string name;   // for errors: the platform
};
struct ExportFile {  // of the caller, beside the trees
  std::string path, bytes;
};
struct ExportJob {
  container::Tier tier = container::Tier::kIds;
  std::vector<ExportTree> trees;
  std::string directory;  // empty: tar
  std::optional<std::int64_t> clamp;
  std::vector<ExportFile> files;  // after the trees
};
struct ExportReply {
  std::vector<std::string> warnings;
};

// What the regular files of a tree hold.
struct ContentsJob {
  std::vector<std::string> lower;  // top first
};
struct FileContent {
  std::string path;
  Digest digest;
};
struct ContentsReply {
  std::vector<FileContent> files;
};

struct RemoveJob {
  std::vector<std::string> paths;
};
struct RemoveReply {};

// What trees take on disk, in bytes; what several share counts for the first.
struct MeasureJob {
  std::vector<std::string> paths;
};
struct MeasureReply {
  std::vector<std::uint64_t> bytes;
};

using Job = std::variant<ApplyJob, DiffJob, FileJob, DigestJob, ExportJob, ContentsJob, RemoveJob,
                         MeasureJob, container::RunJob>;

// The worker's side: bytes of a Job in, bytes of its reply out.
Result<std::string> perform(std::string_view request, std::vector<os::UniqueFd> fds);

// Job <-> bytes.
std::string to_bytes(const Job& job);
Result<Job> parse_job(std::string_view bytes);

// The front's side.
class JobClient {
 public:
  JobClient(container::Keeper& keeper, const std::atomic<bool>* cancelled)
      : keeper_(keeper), cancelled_(cancelled) {}

  template <class Reply>
  Result<Reply> call(const Job& job, const std::vector<int>& fds = {}, int signals = -1) {
    return unpack<Reply>(TRY(keeper_.call(to_bytes(job), fds, cancelled_, signals)));
  }
  // Not ended by cancellation: cleaning up, and what goes before it.
  Result<void> remove(const std::vector<std::string>& paths);
  Result<std::vector<std::uint64_t>> measure(const std::vector<std::string>& paths);

 private:
  container::Keeper& keeper_;
  const std::atomic<bool>* cancelled_;
};

template <class Wire>
void fields(Wire& wire, ApplyReply& reply) {
  wire(reply.diff_id, reply.sidecar);
}
template <class Wire>
void fields(Wire& wire, DiffReply& reply) {
  wire(reply.diff_id, reply.digest, reply.bytes, reply.secrets);
}
template <class Wire>
void fields(Wire& wire, FileReply& reply) {
  wire(reply.sidecar, reply.unknown_owners);
}
template <class Wire>
void fields(Wire& wire, DigestReply& reply) {
  wire(reply.digests, reply.files);
}
template <class Wire>
void fields(Wire& wire, ExportReply& reply) {
  wire(reply.warnings);
}
template <class Wire>
void fields(Wire& wire, FileContent& file) {
  wire(file.path, file.digest);
}
template <class Wire>
void fields(Wire& wire, ContentsReply& reply) {
  wire(reply.files);
}
template <class Wire>
void fields(Wire&, RemoveReply&) {}
template <class Wire>
void fields(Wire& wire, MeasureReply& reply) {
  wire(reply.bytes);
}

}  // namespace lichen::ops
