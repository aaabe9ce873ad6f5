// Dockerfile -> graph: the front end's one entry point.
//
//   Frontend request{.dockerfile = text, .file = "Dockerfile", …};
//   Lowered lowered = TRY(lower(request, images));
//
// text -> lexer/parser (Ast with positions) -> stages -> graph vertices + image config. Nothing
// executes here; the questions that lower() asks the world are in Images: the config of base
// images, and only for stages that the target reaches. An instruction or flag that lichen does not
// have is kUnsupported and names file and line; sources that ADD has to fetch are lowered, and for
// the caller to refuse. Lint runs beside (lint.h); with error=true what it finds is an error, after
// all others. Errors carry the excerpt with `>>>` in Error::detail and "FILE:LINE" as their
// outermost context (FILE alone for what has no line, such as a target that does not exist).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "dockerfile/lint.h"
#include "graph/graph.h"
#include "oci/types.h"

namespace lichen::dockerfile {

struct ResolvedImage {
  std::string identifier;  // what SourceOp::identifier shall be: docker-image://REF@DIGEST
  std::map<std::string, std::string> attributes;
  oci::ImageConfig config;
};

// Resolves base images; implemented by build with registry and store. Called from lower()'s thread.
class Images {
 public:
  Images() = default;
  Images(const Images&) = delete;
  Images& operator=(const Images&) = delete;
  virtual ~Images() = default;
  // `reference` is what FROM or --from says ("debian:12"), or "oci-layout://DIR[:TAG][@DIGEST]".
  virtual Result<ResolvedImage> resolve(const std::string& reference,
                                        const oci::Platform& platform) = 0;
  // Of a URL or a git repository, for SOURCE_DATE_EPOCH: when it was last changed, as the server
  // says, else its newest entry, else nullopt; the time of a commit. Who only asks about a
  // Dockerfile needs none.
  virtual Result<std::optional<std::int64_t>> time_of(const std::string& /*source*/) {
    return std::nullopt;
  }
};

struct Frontend {
  std::string dockerfile;  // the text
  std::string file;        // its name for messages: "Dockerfile"
  std::string target;      // --target; empty: the last stage
  std::map<std::string, std::string> build_args;
  std::map<std::string, std::string> labels;  // --label
  std::map<std::string, std::string>
      named_contexts;        // name -> oci-layout://DIR, docker-image://REF, or what is copied from
  std::string dockerignore;  // text of the ignore file, may be empty
  std::map<std::string, std::string> named_ignores;  // of named contexts
  std::vector<std::string> add_hosts;                // "name=address"
  graph::NetworkMode network = graph::NetworkMode::kDefault;
  std::uint64_t shm_bytes = 0;         // of /dev/shm in RUN; 0: the default
  std::vector<graph::Ulimit> ulimits;  // of RUN
  bool allow_insecure = false;         // RUN --security=insecure
  bool git_modes = false;              // of contexts no mode counts but what git keeps of it
  bool no_cache = false;
  std::vector<std::string> no_cache_stages;  // as no_cache, for stages of these names
  std::optional<oci::Platform> platform;     // --platform; empty: the host's
  bool multi_platform = false;               // one of several: names of steps say which
  std::optional<std::int64_t> source_date_epoch;
  std::optional<std::int64_t> context_time;  // what SOURCE_DATE_EPOCH=context means; empty: unset
  bool scans = false;                        // Lowered::scanned is wanted
  bool all_stages = false;                   // lowers also what the target does not reach: for lint
  bool lint = false;     // no graph is wanted: what lichen cannot build yet is passed over
  bool outline = false;  // no graph is wanted: RUN, COPY and ADD make nothing
};

// What an SBOM shall cover beside the result, as BUILDKIT_SBOM_SCAN_CONTEXT and _STAGE have it.
struct ScanTarget {
  std::string name;  // "context", or the stage's
  graph::Input tree;
};

struct Lowered {
  graph::Graph graph;
  // The image's config: history complete but for `created` of this build's entries (empty) and with
  // diff_ids of the base image only.
  oci::ImageConfig config;
  std::vector<Warning> warnings;
  // In effect for this build: the request's, or the build argument's or the global ARG's.
  std::optional<std::int64_t> source_date_epoch;
  std::vector<ScanTarget> scanned;
};

// `warnings`, if not null, gets Lowered::warnings, and on failure those of the work until then.
Result<Lowered> lower(const Frontend& request, Images& images,
                      std::vector<Warning>* warnings = nullptr);

}  // namespace lichen::dockerfile
