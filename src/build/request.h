// What a user asks of `lichen build` and `lichen run`, as data.
#pragma once

#include <atomic>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "archive/effort.h"
#include "base/digest.h"
#include "build/annotations.h"
#include "build/attestation_options.h"
#include "build/cache_option.h"
#include "graph/graph.h"
#include "oci/types.h"
#include "os/fd.h"

namespace lichen::build {

enum class OutputKind {
  kStore,   // the local store, under the tags (the default)
  kPush,    // the registry that each tag names
  kOci,     // an OCI layout in a tar archive (or a directory: attribute tar=false)
  kDocker,  // an archive for `docker load`
  kTar,     // the root file system as a tar archive
  kLocal,   // the root file system as files in a directory
  kCache,   // nowhere: the steps' results stay in the store's cache
};

struct Output {
  OutputKind kind = OutputKind::kStore;
  std::string dest;                               // path; "-": standard output
  std::map<std::string, std::string> attributes;  // compression, compression-level, tar, name, …
  std::vector<Annotation> annotations = {};       // attributes `annotation…`
};

bool is_image(const Output& output);  // not files, nor nothing

// The text of --output (conventions.md §1): "type=oci,dest=x.tar", a bare directory, or "-".
Result<Output> parse_output(const std::string& text);

enum class TierChoice { kAuto, kIds, kUserns, kBare };

// Signals that a command in the foreground gets instead of this process.
struct SignalRelay {
  os::UniqueFd numbers;             // to be read: a byte each
  std::atomic<bool> wanted{false};  // while there is such a command; a signal handler looks at it
};

// Everything that a command needs to reach store, sandbox and registry.
struct Environment {
  std::string root;  // of the store; empty: chosen by store::choose_root
  TierChoice tier = TierChoice::kAuto;
  bool tls_verify = true;
  std::uint64_t store_max = 0;        // bytes that a build may leave in the store; 0: no limit
  std::uint64_t cache_mount_max = 0;  // of which cache mounts may take so many; 0: no limit
  // Set from a signal handler's thread; by build() as long as it waits for the steps beside one
  // that failed.
  std::atomic<bool>* cancelled = nullptr;
  SignalRelay* relay = nullptr;  // null: signals are not passed on
};

// --secret: its bytes are `value`, or what the file has.
struct Secret {
  std::string id;
  std::optional<std::string> value;
  std::string path;
};

// --ssh: where an agent listens, or private keys for one of our own.
struct Agent {
  std::string id;
  std::vector<std::string> paths;
};

// What is done about a secret's bytes in a layer.
enum class SecretGuardMode { kFail, kWarn, kOff };

struct Request {
  std::string context;          // a directory, a URL, or "-": what `input_fd` has
  std::string dockerfile_path;  // -f; empty: Dockerfile, dockerfile or Containerfile in the context
  std::optional<std::string> dockerfile_text;  // -f -: what standard input had
  std::vector<std::string> tags;
  std::map<std::string, std::string> build_args, labels, named_contexts;
  std::string target;
  std::vector<std::string> add_hosts;
  graph::NetworkMode network = graph::NetworkMode::kDefault;
  std::vector<oci::Platform> platforms;  // each once; empty: the host's, or the base image's
  bool multi_platform = false;           // an index even of one (BUILDKIT_MULTI_PLATFORM)
  std::uint64_t shm_bytes = 0;           // of /dev/shm in steps; 0: the default
  std::vector<graph::Ulimit> ulimits;    // of steps; each name once
  std::uint64_t memory_bytes = archive::kMemoryBytes;  // of lichen's own, for compressing
  bool pull = false, no_cache = false;
  std::vector<std::string> no_cache_stages;  // --no-cache-filter
  bool allow_insecure = false;               // RUN --security=insecure: --allow security.insecure
  bool git_modes = false;                    // --context-mode=git
  std::vector<CacheSource> cache_from;
  std::vector<CacheTarget> cache_to;
  std::vector<Secret> secrets;
  std::vector<Agent> agents;
  SecretGuardMode secret_guard = SecretGuardMode::kFail;
  std::vector<Output> outputs;          // empty: the store
  std::vector<Annotation> annotations;  // of --annotation and of all outputs
  AttestationRequest attestations;
  std::optional<std::int64_t> source_date_epoch;
  std::string report;  // file for a page about the build; empty: none
  int output_fd = -1;  // where dest "-" goes; borrowed
  int input_fd = -1;   // of context "-"; borrowed
};

// An image for several platforms is an index of images; trees go to a directory for each.
inline bool is_multi_platform(const Request& request) {
  return request.multi_platform || request.platforms.size() > 1;
}

struct Outcome {
  Digest manifest_digest, config_digest;  // of several platforms: the index's, and none
  oci::Descriptor descriptor;             // of the manifest, or the index
  std::vector<std::string> names;         // canonical references of the tags
  std::string tier;                       // "ids", "userns"
  std::string build_id;                   // of the build's record

  // What people call the image's id. Empty when no image was made.
  const Digest& id() const { return config_digest.empty() ? manifest_digest : config_digest; }
};

struct RunRequest {
  std::string image;
  std::optional<oci::Platform> platform;  // of an image for several; empty: the host's
  std::vector<std::string> command;       // empty: the image's
  std::vector<std::string> env;           // -e: "K=V", or "K" to take it from the caller
  std::vector<std::string> volumes;       // -v: SOURCE:TARGET[:ro]
  std::vector<std::string> ports;         // -p: [ADDRESS:]HOST:CONTAINER[/tcp|udp]
  std::string workdir, user;
  std::optional<std::string> entrypoint;
  bool interactive = false, terminal = false;
  graph::NetworkMode network = graph::NetworkMode::kDefault;
  std::vector<std::string> add_hosts;
  std::vector<graph::Ulimit> ulimits;
  bool pull = false;
};

}  // namespace lichen::build
