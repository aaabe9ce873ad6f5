// RUN --mount -> mounts of an ExecOp.
#include "base/path.h"
#include "base/text.h"
#include "base/unicode.h"
#include "dockerfile/lowering.h"
#include "dockerfile/mount.h"
#include "graph/ignore.h"

namespace lichen::dockerfile {

namespace {

using graph::MountKind;

constexpr std::uint32_t kSecretMode = 0400, kSocketMode = 0600;

// As it is written, but clean: relative ones stay so.
std::string clean_id(const std::string& target) {
  const std::string clean = clean_path(target);
  if (starts_with(target, "/")) return clean;
  return clean == "/" ? "." : clean.substr(1);
}

graph::Sharing sharing_of(const std::string& word) {
  if (word == "private") return graph::Sharing::kPrivate;
  return word == "locked" ? graph::Sharing::kLocked : graph::Sharing::kShared;
}

bool has_owner(const RunMount& spec) {
  return spec.mode || spec.uid || spec.gid;
}

graph::Mount secret_of(const RunMount& spec, const std::string& directory) {
  graph::Mount mount{.readonly = true, .kind = MountKind::kSecret};
  mount.id = spec.source.empty() ? spec.id : spec.source;
  if (mount.id.empty()) mount.id = name_of(spec.target);
  if (!spec.target.empty())
    mount.dest = clean_path(spec.target, directory);
  else if (!spec.env)
    mount.dest = "/run/secrets/" + name_of(mount.id);
  mount.mode = spec.mode.value_or(kSecretMode);
  mount.uid = spec.uid.value_or(0);
  mount.gid = spec.gid.value_or(0);
  mount.required = spec.required;
  mount.env = spec.env.value_or("");
  return mount;
}

graph::Mount ssh_of(const RunMount& spec, const std::string& directory, std::size_t number) {
  return {.dest = spec.target.empty() ? "/run/buildkit/ssh_agent." + std::to_string(number)
                                      : clean_path(spec.target, directory),
          .kind = MountKind::kSsh,
          .id = spec.id.empty() ? "default" : spec.id,
          .mode = spec.mode.value_or(kSocketMode),
          .uid = spec.uid.value_or(0),
          .gid = spec.gid.value_or(0),
          .required = spec.required};
}

}  // namespace

// nullopt: nothing, an empty tree. A directory of the host stays one only where it is what a step
// may see of it, and is only read; else what is mounted is copied first.
Result<std::optional<graph::Input>> Lowering::mount_source(const StageState& state,
                                                           const std::string& from,
                                                           const graph::Mount& mount, Lines lines) {
  using Found = std::optional<graph::Input>;
  StageBase base;
  if (from.empty()) {
    base.local = "context";
  } else if (const auto index = stages_.find(from, stages_.stages.size())) {
    if (!states_[*index].done)
      return fail(Errc::kInvalid, "cannot mount from stage " + unicode::quote(from) + " to " +
                                      unicode::quote(mount.dest) +
                                      ", stage needs to be defined before current command");
    return states_[*index].root;
  } else if (from == "scratch") {
    return Found();
  } else if (!TRY(use_named_context(base, from, state.platform))) {
    base.written = from;
    base.image = *TRY(resolve_source(from, state.platform));
  }
  if (base.image) {
    std::string shown = base.image->identifier;
    if (starts_with(shown, "docker-image://")) shown = shown.substr(15);
    return add_image(base, state.platform, metadata("FROM " + shown, lines));
  }
  if (base.local.empty()) return Found();

  const graph::Input local = TRY(add_local(base.local));
  const auto ignore = graph::Ignore::parse(ignore_text(base.local));
  const bool is_whole = ignore && ignore->empty();
  if (is_whole && !request_.git_modes && mount.readonly && mount.kind == MountKind::kBind)
    return Found(local);
  const std::string path = mount.kind == MountKind::kBind ? clean_path(mount.selector) : "/";
  graph::FileOp copy{.scratch = true};
  copy.actions.push_back(graph::Copy{
      .input = 0, .src = path, .dest = path, .follow_symlink = true, .allow_wildcard = false});
  return Found({builder_.add({.inputs = {local}, .op = std::move(copy)},
                             metadata("[internal] load " + path + " to mount it", lines)),
                0});
}

Result<graph::Mount> Lowering::make_mount(const StageState& state, const std::string& text,
                                          std::size_t sockets, graph::Vertex& vertex, Lines lines) {
  const RunMount spec =
      TRY(parse_mount(text, [&](std::string_view word) { return expand(state, word); }));
  const std::string& directory = state.image.working_dir;
  if (spec.kind == MountKind::kSecret) return secret_of(spec, directory);
  if (spec.kind == MountKind::kSsh) {
    if (!spec.source.empty()) return fail(Errc::kInvalid, "ssh does not support source");
    return ssh_of(spec, directory, sockets);
  }
  graph::Mount mount{
      .dest = clean_path(spec.target, directory), .readonly = spec.readonly, .kind = spec.kind};
  if (mount.dest == "/") return fail(Errc::kInvalid, "invalid mount target \"/\"");
  if (spec.kind == MountKind::kTmpfs) {
    mount.size = static_cast<std::uint64_t>(spec.size);
    return mount;
  }
  if (const std::string source = clean_path(spec.source); source != "/") mount.selector = source;
  if (spec.kind == MountKind::kCache) {
    const auto space = request_.build_args.find("BUILDKIT_CACHE_MOUNT_NS");
    mount.id = (space == request_.build_args.end() ? "" : space->second) + "/" +
               (spec.id.empty() ? clean_id(spec.target) : spec.id);
    mount.sharing = sharing_of(spec.sharing);
    if (mount.selector.empty() && has_owner(spec)) {
      mount.mode = spec.mode.value_or(0755);
      mount.uid = spec.uid.value_or(0);
      mount.gid = spec.gid.value_or(0);
    }
    if (spec.from.empty()) return mount;
  }
  if (const auto source = TRY(mount_source(state, spec.from, mount, lines))) {
    mount.input = vertex.inputs.size();
    vertex.inputs.push_back(*source);
  }
  return mount;
}

Result<void> Lowering::add_mounts(const StageState& state, const Run& run, graph::Vertex& vertex,
                                  graph::ExecOp& op, Lines lines) {
  std::size_t sockets = 0;
  if (request_.shm_bytes != 0)
    op.mounts.push_back(
        {.dest = "/dev/shm", .kind = MountKind::kTmpfs, .size = request_.shm_bytes});
  for (const std::string& text : run.mounts) {
    op.mounts.push_back(TRY(make_mount(state, text, sockets, vertex, lines)));
    if (op.mounts.back().kind == MountKind::kSsh) ++sockets;
  }
  return {};
}

}  // namespace lichen::dockerfile
