#include "ops/job.h"

namespace lichen::graph {

template <class Wire>
void fields(Wire& wire, Copy& copy) {
  wire(copy.input, copy.src, copy.dest, copy.owner, copy.mode, copy.follow_symlink,
       copy.dir_copy_contents, copy.unpack, copy.create_dest_path, copy.allow_wildcard,
       copy.allow_empty_wildcard, copy.parents, copy.exclude_patterns);
}
template <class Wire>
void fields(Wire& wire, MakeFile& file) {
  wire(file.path, file.mode, file.data, file.owner);
}
template <class Wire>
void fields(Wire& wire, MakeDirectory& directory) {
  wire(directory.path, directory.mode, directory.make_parents, directory.owner);
}

}  // namespace lichen::graph

namespace lichen {

// A variant travels as its index and its value.
template <class Wire, class... T>
void fields(Wire& wire, std::variant<T...>& value) {
  std::uint32_t index = static_cast<std::uint32_t>(value.index());
  wire(index);
  std::uint32_t at = 0;
  const auto alternative = [&](auto example) {
    using Alternative = decltype(example);
    if (at++ != index) return;
    if (!std::holds_alternative<Alternative>(value)) value = Alternative{};
    wire(std::get<Alternative>(value));
  };
  (alternative(T{}), ...);
}

namespace ops {

template <class Wire>
void fields(Wire& wire, TreeInput& input) {
  wire(input.directory, input.ignore, input.git_modes, input.lower, input.sidecars);
}
template <class Wire>
void fields(Wire& wire, ApplyJob& job) {
  wire(job.tier, job.blob, job.fs, job.lower, job.sidecars);
}
template <class Wire>
void fields(Wire& wire, DiffJob& job) {
  wire(job.tier, job.fs, job.sidecar, job.lower, job.sidecars, job.output, job.compression,
       job.level, job.threads, job.clamp, job.secrets);
}
template <class Wire>
void fields(Wire& wire, FileJob& job) {
  wire(job.tier, job.overlay, job.sidecars, job.inputs, job.actions, job.independent, job.created,
       job.copied, job.earlier, job.earlier_copied, job.mounts);
}
template <class Wire>
void fields(Wire& wire, DigestJob& job) {
  wire(job.tier, job.input, job.copies, job.mounts, job.scratch);
}
template <class Wire>
void fields(Wire& wire, ExportTree& tree) {
  wire(tree.lower, tree.sidecars, tree.place, tree.name);
}
template <class Wire>
void fields(Wire& wire, ExportFile& file) {
  wire(file.path, file.bytes);
}
template <class Wire>
void fields(Wire& wire, ExportJob& job) {
  wire(job.tier, job.trees, job.directory, job.clamp, job.files);
}
template <class Wire>
void fields(Wire& wire, ContentsJob& job) {
  wire(job.lower);
}
template <class Wire>
void fields(Wire& wire, RemoveJob& job) {
  wire(job.paths);
}
template <class Wire>
void fields(Wire& wire, MeasureJob& job) {
  wire(job.paths);
}

std::string to_bytes(const Job& job) {
  return pack(job);
}

Result<Job> parse_job(std::string_view bytes) {
  return unpack<Job>(bytes);
}

Result<void> JobClient::remove(const std::vector<std::string>& paths) {
  if (paths.empty()) return {};
  (void)TRY(keeper_.call(to_bytes(RemoveJob{paths}), {}, nullptr));
  return {};
}

Result<std::vector<std::uint64_t>> JobClient::measure(const std::vector<std::string>& paths) {
  if (paths.empty()) return std::vector<std::uint64_t>();
  const std::string reply = TRY(keeper_.call(to_bytes(MeasureJob{paths}), {}, nullptr));
  return std::move(TRY(unpack<MeasureReply>(reply)).bytes);
}

}  // namespace ops
}  // namespace lichen
