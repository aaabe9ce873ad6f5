// The build graph: immutable, content-addressed vertices of the kinds and fields of BuildKit's LLB
// (pb/ops.proto; shared names on purpose, so that raw LLB can be read into it later).
//
//   GraphBuilder graph;
//   VertexId base = graph.add({.op = SourceOp{"docker-image://docker.io/library/debian:12"}});
//   VertexId run = graph.add({.inputs = {{base, 0}}, .op = ExecOp{…}});
//   Graph done = std::move(graph).finish({run, 0});
//
// A vertex is named by the digest of its canonical bytes (canonical(op) and its inputs' digests),
// so equal work added twice is one vertex. Names for people and Dockerfile positions are kept
// beside the graph (Metadata), never in the digest. Pure; a Graph may be shared between threads.
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "base/digest.h"
#include "base/result.h"
#include "oci/types.h"

namespace lichen::graph {

using VertexId = std::size_t;  // index into Graph::vertices; inputs come before their users

struct Input {
  VertexId vertex = 0;
  std::size_t output = 0;

  friend bool operator==(const Input&, const Input&) = default;
};

// docker-image://REF@DIGEST (always resolved), oci-layout://NAME@DIGEST with attribute
// "oci.dir" = the directory, local://NAME (NAME is "context", or a named context) with attributes
// "local.excludepatterns" (JSON array: .dockerignore) and "local.followpaths". http(s)://… with
// attributes "http.filename" and "http.checksum", git://REPOSITORY#REF:SUBDIR with "git.fullurl",
// "git.keepgitdir", "git.skipsubmodules", "git.checksum" and "git.mtime".
struct SourceOp {
  std::string identifier;
  std::map<std::string, std::string> attributes;
  // Of an image, for people: what the Dockerfile said. Not in the digest.
  std::string written;
};

// kDefault is the host's. kSandbox: its own, connected to the outside.
enum class NetworkMode { kDefault, kHost, kNone, kSandbox };
enum class MountKind { kBind, kSecret, kSsh, kCache, kTmpfs };
// Of a cache: several steps at once; each its own; one after the other.
enum class Sharing { kShared, kPrivate, kLocked };

struct Mount {
  std::optional<std::size_t> input;   // index into Vertex::inputs; nullopt: scratch
  std::string selector;               // path inside the input, or the cache
  std::string dest;                   // "/" is the root file system; of a secret "": no file
  std::optional<std::size_t> output;  // nullopt: changes are discarded
  bool readonly = false;
  MountKind kind = MountKind::kBind;
  std::string id;  // of a cache, a secret or an ssh agent
  Sharing sharing = Sharing::kShared;
  std::optional<std::uint32_t> mode, uid, gid;  // of a cache's root, a secret's file, a socket
  bool required = false;                        // secret, ssh: its absence is an error
  std::string env;                              // secret: the variable that holds it; "": none
  std::uint64_t size = 0;                       // tmpfs, in bytes; 0: no limit
};

// A resource limit of a step: setrlimit(2) in the resource's own unit, -1: unlimited.
struct Ulimit {
  std::string name;  // docker's: "nofile"
  std::int64_t soft = 0, hard = 0;

  friend bool operator==(const Ulimit&, const Ulimit&) = default;
};
std::string to_text(const Ulimit& limit);  // "nofile=1024:2048"

struct ExecOp {
  std::vector<std::string> args;
  std::vector<std::string> env;  // "K=V"
  std::string cwd = "/";
  std::string user;  // as in USER; resolved in the root file system when it runs
  NetworkMode network = NetworkMode::kDefault;
  std::vector<std::string> extra_hosts;  // "name=address"
  std::string hostname;
  std::vector<Ulimit> ulimits;
  bool insecure = false;      // with every capability that there is to give
  std::vector<Mount> mounts;  // the first has dest "/", input 0 and output 0
  // Passed to the process but in no digest: predefined proxy arguments.
  std::vector<std::string> proxy_env;
};

// "user[:group]" of --chown: names are looked up in the destination's /etc/passwd and /etc/group.
// Empty: 0:0 for context files and the source's owners between stages.
struct Copy {
  std::optional<std::size_t> input;  // the source: index into Vertex::inputs (nullopt: scratch)
  std::string src;                   // absolute inside the source; may hold wildcards
  std::string dest;                  // absolute
  std::string owner;
  std::string mode;             // --chmod as written, octal or symbolic; empty: keep
  bool follow_symlink = false;  // src itself, not links inside
  bool dir_copy_contents = true;
  bool unpack = false;  // ADD: an archive is extracted into dest
  bool create_dest_path = true;
  bool allow_wildcard = true;
  bool allow_empty_wildcard = false;
  bool parents = false;  // --parents
  std::vector<std::string> exclude_patterns;
};
struct MakeFile {
  std::string path;
  unsigned mode = 0644;
  std::string data;
  std::string owner;
};
struct MakeDirectory {
  std::string path;
  unsigned mode = 0755;
  bool make_parents = false;
  std::string owner;  // empty: 0:0
};
using FileAction = std::variant<Copy, MakeFile, MakeDirectory>;

// Input 0 is the tree that is changed (no inputs[0] when `scratch` is set); the actions run in
// order and make one layer.
struct FileOp {
  bool scratch = false;  // starts from nothing: Vertex::inputs holds copy sources only
  // With scratch: the layer can be put on any tree (MergeOp).
  bool independent = false;
  std::vector<FileAction> actions;
  // mtime of the directories that they make, with SOURCE_DATE_EPOCH; nullopt: now.
  std::optional<std::int64_t> created;
};

// Input 0 with the layer of input 1 on top, which an independent FileOp makes. What input 0 has is
// not looked at: a file there makes way for a directory of the layer, and the other way round.
struct MergeOp {};

using Op = std::variant<SourceOp, ExecOp, FileOp, MergeOp>;

struct Vertex {
  std::vector<Input> inputs;
  Op op;
  std::optional<oci::Platform> platform;
};

// For people: progress names, errors. Not in any digest.
struct Metadata {
  std::string name;                   // "[build 2/5] RUN make"
  std::string file;                   // "Dockerfile", as the user named it
  int first_line = 0, last_line = 0;  // 1-based; 0: none
  bool ignore_cache = false;          // --no-cache
};

struct Graph {
  std::vector<Vertex> vertices;    // topological: inputs first
  std::vector<Digest> digests;     // of each vertex
  std::vector<Metadata> metadata;  // of each vertex
  // One for each platform that is built; nullopt: scratch, an image without layers.
  std::vector<std::optional<Input>> results;
};

class GraphBuilder {
 public:
  // Returns the id of an equal vertex if there is one: its first metadata stays, but that one of
  // them ignores the cache is enough.
  VertexId add(Vertex vertex, Metadata metadata = {});
  // Drops vertices that `result` does not reach.
  Graph finish(std::optional<Input> result) &&;
  // Drops none: all are of some result.
  Graph finish(std::vector<std::optional<Input>> results) &&;

 private:
  std::map<std::string, VertexId> by_digest_;
  Graph graph_;
};

// Several graphs as one, with the results of all in their order. Equal vertices become one, so what
// the platforms of a build have in common runs once; it keeps the metadata of the first.
Graph merge(std::vector<Graph> graphs);

// Canonical bytes of an op: versioned, length-prefixed, independent of platform and build. Written
// down in docs/formats/cache-key.md.
std::string canonical(const Op& op);

// One line per vertex with inputs and fields, stable across runs: what golden tests compare and
// `lichen debug graph` prints.
std::string to_text(const Graph& graph);

}  // namespace lichen::graph
