// The bytes that name a vertex; docs/formats/cache-key.md is the description. A change of meaning
// here needs a new version there: cached results are found by these bytes.
#include "graph/graph.h"

namespace lichen::graph {

namespace {

constexpr std::string_view kVersion = "lichen.vertex.v4";

class Bytes {
 public:
  void number(std::uint64_t value) {
    for (int shift = 0; shift < 64; shift += 8) bytes_ += static_cast<char>(value >> shift);
  }
  void flag(bool value) { bytes_ += value ? '\1' : '\0'; }
  void text(std::string_view value) {
    number(value.size());
    bytes_ += value;
  }
  void texts(const std::vector<std::string>& values) {
    number(values.size());
    for (const std::string& value : values) text(value);
  }
  void index(const std::optional<std::size_t>& value) {
    flag(value.has_value());
    number(value.value_or(0));
  }
  std::string take() { return std::move(bytes_); }

 private:
  std::string bytes_;
};

void write(Bytes& bytes, const Copy& copy) {
  bytes.text("copy");
  bytes.index(copy.input);
  bytes.text(copy.src);
  bytes.text(copy.dest);
  bytes.text(copy.owner);
  bytes.text(copy.mode);
  for (const bool value :
       {copy.follow_symlink, copy.dir_copy_contents, copy.unpack, copy.create_dest_path,
        copy.allow_wildcard, copy.allow_empty_wildcard, copy.parents})
    bytes.flag(value);
  bytes.texts(copy.exclude_patterns);
}

void write(Bytes& bytes, const MakeFile& file) {
  bytes.text("mkfile");
  bytes.text(file.path);
  bytes.number(file.mode);
  bytes.text(file.data);
  bytes.text(file.owner);
}

void write(Bytes& bytes, const MakeDirectory& directory) {
  bytes.text("mkdir");
  bytes.text(directory.path);
  bytes.number(directory.mode);
  bytes.flag(directory.make_parents);
  bytes.text(directory.owner);
}

void write(Bytes& bytes, const SourceOp& op) {
  bytes.text("source");
  bytes.text(op.identifier);
  bytes.number(op.attributes.size());
  for (const auto& [name, value] : op.attributes) {
    bytes.text(name);
    bytes.text(value);
  }
}

void write(Bytes& bytes, const ExecOp& op) {
  bytes.text("exec");
  bytes.texts(op.args);
  bytes.texts(op.env);
  bytes.text(op.cwd);
  bytes.text(op.user);
  bytes.number(static_cast<std::uint64_t>(op.network));
  bytes.texts(op.extra_hosts);
  bytes.text(op.hostname);
  bytes.number(op.ulimits.size());
  for (const Ulimit& limit : op.ulimits) {
    bytes.text(limit.name);
    bytes.number(static_cast<std::uint64_t>(limit.soft));
    bytes.number(static_cast<std::uint64_t>(limit.hard));
  }
  bytes.flag(op.insecure);
  bytes.number(op.mounts.size());
  for (const Mount& mount : op.mounts) {
    bytes.index(mount.input);
    bytes.text(mount.selector);
    bytes.text(mount.dest);
    bytes.index(mount.output);
    bytes.flag(mount.readonly);
    bytes.number(static_cast<std::uint64_t>(mount.kind));
    bytes.text(mount.id);
    bytes.number(static_cast<std::uint64_t>(mount.sharing));
    for (const auto& value : {mount.mode, mount.uid, mount.gid}) bytes.index(value);
    bytes.flag(mount.required);
    bytes.text(mount.env);
    bytes.number(mount.size);
  }
}

void write(Bytes& bytes, const FileOp& op) {
  bytes.text(op.independent ? "independent file" : "file");
  bytes.flag(op.scratch);
  bytes.flag(op.created.has_value());
  bytes.number(static_cast<std::uint64_t>(op.created.value_or(0)));
  bytes.number(op.actions.size());
  for (const FileAction& action : op.actions)
    std::visit([&bytes](const auto& one) { write(bytes, one); }, action);
}

void write(Bytes& bytes, const MergeOp&) {
  bytes.text("merge");
}

}  // namespace

std::string canonical(const Op& op) {
  Bytes bytes;
  bytes.text(kVersion);
  std::visit([&bytes](const auto& one) { write(bytes, one); }, op);
  return bytes.take();
}

}  // namespace lichen::graph
