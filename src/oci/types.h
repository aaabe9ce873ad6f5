// OCI image-spec 1.1 documents as values, and their JSON.
//
// parse_* take foreign bytes (kInvalid or kCorrupt on anything odd, never a crash); to_json gives
// deterministic bytes: keys in the order that Go's structs have them where the order is pinned,
// no blanks. Docker's schema 2 manifests and manifest lists parse into the same types.
// Pure: no I/O. Values; safe to share between threads when const.
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

namespace lichen::oci {

inline constexpr char kManifestType[] = "application/vnd.oci.image.manifest.v1+json";
inline constexpr char kIndexType[] = "application/vnd.oci.image.index.v1+json";
inline constexpr char kConfigType[] = "application/vnd.oci.image.config.v1+json";
inline constexpr char kLayerType[] = "application/vnd.oci.image.layer.v1.tar";
inline constexpr char kLayerGzipType[] = "application/vnd.oci.image.layer.v1.tar+gzip";
inline constexpr char kLayerZstdType[] = "application/vnd.oci.image.layer.v1.tar+zstd";
inline constexpr char kDockerManifestType[] =
    "application/vnd.docker.distribution.manifest.v2+json";
inline constexpr char kDockerIndexType[] =
    "application/vnd.docker.distribution.manifest.list.v2+json";
inline constexpr char kDockerConfigType[] = "application/vnd.docker.container.image.v1+json";
inline constexpr char kDockerLayerType[] = "application/vnd.docker.image.rootfs.diff.tar";
inline constexpr char kDockerLayerGzipType[] = "application/vnd.docker.image.rootfs.diff.tar.gzip";

// Documents are small; larger ones are refused unread.
inline constexpr std::size_t kMaxDocumentBytes = 8u << 20;

struct Platform {
  std::string os = "linux";
  std::string architecture = "amd64";  // Go's names: amd64, arm64, arm, 386, …
  std::string variant;                 // v7, v8, …
  std::string os_version;

  friend bool operator==(const Platform&, const Platform&) = default;
};
Platform host_platform();                                // of the machine that runs lichen
Result<Platform> parse_platform(std::string_view text);  // "linux/arm64/v8", "arm64", "linux"
std::string to_text(const Platform& platform);           // "linux/arm64/v8"
// With the variant that builders write: arm's default is said (v7), the only one of others is not.
Platform normalised(Platform platform);

struct Descriptor {
  std::string media_type;
  Digest digest;
  std::uint64_t size = 0;
  std::map<std::string, std::string> annotations;
  std::optional<Platform> platform;
};

struct Manifest {
  std::string media_type = kManifestType;
  Descriptor config;
  std::vector<Descriptor> layers;  // lowest first
  std::map<std::string, std::string> annotations;
};

struct Index {
  std::string media_type = kIndexType;
  std::vector<Descriptor> manifests;
  std::map<std::string, std::string> annotations;
};

using Document = std::variant<Manifest, Index>;
Result<Document> parse_document(std::string_view json);  // by mediaType, else by its members
std::string to_json(const Manifest& manifest);
std::string to_json(const Index& index);
// The manifest of `index` for `platform` (exact variant first, then any), or kNotFound naming
// those that there are. Attestation entries (unknown/unknown) never match.
Result<Descriptor> select(const Index& index, const Platform& platform);

struct Healthcheck {
  std::vector<std::string> test;  // {"NONE"}, {"CMD", …}, {"CMD-SHELL", text}
  std::int64_t interval_ns = 0, timeout_ns = 0, start_period_ns = 0, start_interval_ns = 0;
  int retries = 0;

  friend bool operator==(const Healthcheck&, const Healthcheck&) = default;
};

struct History {
  std::string created;  // RFC 3339; empty: filled in by the exporter
  std::string created_by, author, comment;
  bool empty_layer = false;
};

// image-spec config.md plus the Docker members that builders keep (Healthcheck, Shell, OnBuild,
// ArgsEscaped). Unknown members of a parsed document are kept in `extra`/`config_extra` as JSON
// objects and written back.
struct ImageConfig {
  std::string created, author;
  Platform platform;

  std::string user;
  std::vector<std::string> exposed_ports;                   // "80/tcp", sorted, unique
  std::vector<std::string> env;                             // "K=V", order matters
  std::optional<std::vector<std::string>> entrypoint, cmd;  // nullopt: null
  std::vector<std::string> volumes;                         // sorted, unique
  std::string working_dir;
  std::map<std::string, std::string> labels;
  std::string stop_signal;
  std::optional<Healthcheck> healthcheck;
  std::vector<std::string> shell;
  std::vector<std::string> on_build;
  bool args_escaped = false;

  std::vector<Digest> diff_ids;  // rootfs.diff_ids, lowest first
  std::vector<History> history;

  std::string extra, config_extra;
};
Result<ImageConfig> parse_image_config(std::string_view json);
std::string to_json(const ImageConfig& config);

// "KEY" of "KEY=VALUE", and look-up and replacement in such lists. set_env replaces the first entry
// with the same key in place, else appends (image-config.md).
std::string env_key(std::string_view entry);
std::optional<std::string> find_env(const std::vector<std::string>& env, std::string_view key);
void set_env(std::vector<std::string>& env, std::string_view key, std::string_view value);

// image-spec, manifest.md/layer.md: chain(1) = diff(1); chain(n) = sha256(chain(n-1) " " diff(n)).
Digest chain_id(const Digest& parent, const Digest& diff_id);

}  // namespace lichen::oci
