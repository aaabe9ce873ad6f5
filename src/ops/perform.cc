// The worker's side of every job. A worker is one process for one job: what it mounts or opens goes
// with it.

#include <fcntl.h>
#include <sys/mount.h>
#include <sys/resource.h>
#include <sys/stat.h>

#include <ctime>
#include <iterator>
#include <optional>

#include "archive/compression.h"
#include "archive/tar_writer.h"
#include "base/text.h"
#include "container/user.h"
#include "ops/content_digest.h"
#include "ops/copy.h"
#include "ops/job.h"
#include "ops/secret_guard.h"
#include "ops/view.h"
#include "os/disk.h"
#include "os/file.h"
#include "store/tree.h"
#include "store/tree_paths.h"

namespace lichen::ops {

namespace {

Result<ApplyReply> perform(ApplyJob& job, std::vector<os::UniqueFd>&) {
  const owners::Owners below = TRY(store::load_owners(job.sidecars));
  os::FileSource blob(TRY(os::open(job.blob, O_RDONLY)), job.blob);
  const store::ApplyResult applied =
      TRY(store::apply_layer(blob, job.fs, job.lower, job.tier, below));
  return ApplyReply{applied.diff_id, owners::to_bytes(applied.sidecar)};
}

Result<archive::Compression> parse_compression(const std::string& text) {
  if (text.empty() || text == "gzip") return archive::Compression::kGzip;
  if (text == "zstd") return archive::Compression::kZstd;
  if (text == "uncompressed") return archive::Compression::kNone;
  return fail(Errc::kUnsupported, "compression \"" + printable(text) + "\" is not supported",
              "gzip, zstd or uncompressed");
}

Result<DiffReply> perform(DiffJob& job, std::vector<os::UniqueFd>&) {
  const owners::Owners below = TRY(store::load_owners(job.sidecars));
  owners::Sidecar own;
  if (const auto bytes = TRY(os::find_file(job.sidecar))) own = TRY(owners::parse_sidecar(*bytes));
  // tar -> compress, hash beside it (diff id) -> hash (digest) -> file, in one pass
  os::FileSink file(TRY(os::open(job.output, O_WRONLY | O_CREAT | O_TRUNC, 0600)), job.output);
  HashingSink compressed(&file);
  Hasher plain;
  const auto compressor = TRY(archive::make_compressor(TRY(parse_compression(job.compression)),
                                                       job.level, job.threads, compressed, &plain));
  SecretGuard guard(job.secrets, *compressor);
  archive::TarWriter tar(guard);
  TRY(store::diff_layer(job.fs, job.lower, job.tier, below, own, {.clamp_mtime = job.clamp}, tar));
  TRY(tar.finish());
  TRY(guard.close());
  return DiffReply{plain.finish(), compressed.digest(), compressed.bytes(), guard.found()};
}

// A stack (or a plain directory) to copy from, with what it needs to stay alive.
struct OpenTree {
  os::UniqueFd root;
  View stack;
  std::optional<graph::Ignore> ignore;
  owners::Owners owners;
  bool is_context = false, git_modes = false, is_bare = false;

  SourceTree view() const {
    return {.root = is_context ? root : stack.root(),
            .ignore = ignore ? &*ignore : nullptr,
            .owners = &owners,
            .is_context = is_context,
            .git_modes = git_modes,
            .is_bare = is_bare};
  }
};

Result<std::unique_ptr<OpenTree>> open_tree(const TreeInput& input, container::Tier tier,
                                            const std::string& place, const std::string& scratch) {
  auto tree = std::make_unique<OpenTree>();
  if (!input.directory.empty()) {
    tree->is_context = true;
    tree->git_modes = input.git_modes;
    tree->root = TRY(os::open(input.directory, O_RDONLY | O_DIRECTORY));
    if (!input.ignore.empty()) tree->ignore = TRY(graph::Ignore::from_patterns(input.ignore));
    return tree;
  }
  tree->is_bare = tier == container::Tier::kBare;
  tree->stack =
      TRY(View::open({.lower = input.lower, .upper = {}, .work = scratch, .target = place}, tier));
  tree->owners = TRY(store::load_owners(input.sidecars));
  return tree;
}

// A private tmpfs over the store's mount directory gives every tree its own mount point.
Result<void> prepare_mounts(const std::string& mounts, container::Tier tier) {
  if (tier == container::Tier::kBare) return {};  // trees have directories of their own
  TRY(container::enter_worker());
  if (::mount("tmpfs", mounts.c_str(), "tmpfs", MS_NOSUID | MS_NODEV, "mode=0700") < 0)
    return fail(os_error("mount tmpfs", mounts));
  return {};
}

Result<std::optional<Ownership>> resolve_owner(const os::UniqueFd& root, const std::string& owner,
                                               std::vector<std::string>& unknown) {
  if (owner.empty()) return std::optional<Ownership>();
  container::Owner found = TRY(container::find_owner(root, owner));
  std::move(found.unknown.begin(), found.unknown.end(), std::back_inserter(unknown));
  return std::optional<Ownership>({found.uid, found.gid});
}

// nullopt: nothing is to be linked.
Result<std::optional<Earlier>> open_earlier(const FileJob& job) {
  if (job.earlier.empty()) return std::optional<Earlier>();
  const auto bytes = os::find_file(job.earlier_copied);
  if (!bytes || !*bytes) return std::optional<Earlier>();
  return Earlier{.root = TRY(os::open(job.earlier, O_RDONLY | O_DIRECTORY)),
                 .marks = CopiedFiles::parse(**bytes)};
}

Result<FileReply> perform(FileJob& job, std::vector<os::UniqueFd>&) {
  TRY(prepare_mounts(job.mounts, job.tier));
  // The snapshot's own directory goes away with whatever a worker that died left in it.
  const std::string place =
      (job.tier == container::Tier::kBare ? job.overlay.work : job.mounts) + "/";
  job.overlay.target = place + "dest";
  View dest = TRY(View::open(job.overlay, job.tier));
  const os::UniqueFd& root = dest.root();
  const owners::Owners below = TRY(store::load_owners(job.sidecars));
  std::vector<std::unique_ptr<OpenTree>> trees;
  for (const TreeInput& input : job.inputs) {
    const std::string name = std::to_string(trees.size());
    trees.push_back(
        TRY(open_tree(input, job.tier, place + name, job.overlay.work + "/input" + name)));
  }

  struct ::timespec start {};
  ::clock_gettime(CLOCK_REALTIME_COARSE, &start);
  CopiedFiles copied(start);
  const std::optional<Earlier> earlier = TRY(open_earlier(job));
  FileWriter writer({.root = root,
                     .tier = job.tier,
                     .below = below,
                     .created = job.created,
                     .frozen = dest.frozen(),
                     .independent = job.independent,
                     .upper = dest.upper(),
                     .copied = job.copied.empty() ? nullptr : &copied,
                     .earlier = earlier ? &*earlier : nullptr});
  FileReply reply;
  const auto owner_of = [&](const std::string& owner) {
    return resolve_owner(root, owner, reply.unknown_owners);
  };
  for (const graph::FileAction& action : job.actions) {
    if (const auto* copy = std::get_if<graph::Copy>(&action)) {
      LICHEN_ASSERT(copy->input && *copy->input < trees.size());
      const auto owner = TRY(owner_of(copy->owner));
      TRY(ops::copy(writer, trees[*copy->input]->view(), *copy, owner));
    } else if (const auto* file = std::get_if<graph::MakeFile>(&action)) {
      TRY(writer.make_file(*file, TRY(owner_of(file->owner))));
    } else if (const auto* directory = std::get_if<graph::MakeDirectory>(&action)) {
      TRY(writer.make_directory(*directory, TRY(owner_of(directory->owner))));
    }
  }
  if (!job.copied.empty() && copied.size() >= CopiedFiles::kFewest)
    TRY(os::replace_file(job.copied, copied.to_bytes(), 0600));
  if (job.tier != container::Tier::kBare || job.overlay.lower.empty()) {
    TRY(dest.settle(below));
    reply.sidecar = owners::to_bytes(writer.take_sidecar());
    return reply;
  }
  reply.sidecar = owners::to_bytes(
      TRY(dest.harvest(below, [&](ino_t inode) { return writer.written(inode); })));
  return reply;
}

Result<DigestReply> perform(DigestJob& job, std::vector<os::UniqueFd>&) {
  TRY(prepare_mounts(job.mounts, job.tier));
  const bool is_bare = job.tier == container::Tier::kBare;
  const auto tree =
      TRY(open_tree(job.input, job.tier, is_bare ? job.scratch : job.mounts + "/0", job.scratch));
  DigestReply reply;
  for (const graph::FileAction& action : job.copies) {
    Listing listing;
    reply.digests.push_back(TRY(digest_of(
        tree->view(), std::get<graph::Copy>(action),
        [](const os::UniqueFd& directory, const std::string& name, const struct ::stat&) {
          return read_digest(directory, name);
        },
        &listing)));
    reply.files.push_back(listing.finish());
  }
  return reply;
}

// Several trees in one place: no file of one may be where another has something, too.
Result<void> check_overlap(const std::vector<ExportTree>& trees) {
  std::map<std::pair<std::string, std::string>, std::pair<std::string, bool>> seen;
  for (const ExportTree& tree : trees)
    for (const store::TreePath& one : TRY(store::list_tree(tree.lower))) {
      const auto [first, is_new] =
          seen.try_emplace({tree.place, one.path}, std::pair(tree.name, one.is_directory));
      if (is_new || (first->second.second && one.is_directory)) continue;
      return fail(Errc::kInvalid,
                  "cannot overwrite /" + printable(one.path) + " from " + first->second.first +
                      " with " + tree.name + " when split option is disabled",
                  "leave out platform-split=false");
    }
  return {};
}

Result<ExportReply> perform(ExportJob& job, std::vector<os::UniqueFd>& fds) {
  if (job.trees.size() > 1 && job.trees[0].place == job.trees[1].place)
    TRY(check_overlap(job.trees));
  ExportReply reply;
  if (!job.directory.empty()) {
    for (const ExportTree& tree : job.trees) {
      const owners::Owners all = TRY(store::load_owners(tree.sidecars));
      const std::vector<std::string> warnings =
          TRY(store::copy_tree_local(tree.lower, job.tier, all, job.directory + "/" + tree.place));
      reply.warnings.insert(reply.warnings.end(), warnings.begin(), warnings.end());
    }
    for (const ExportFile& file : job.files)
      TRY(os::replace_file(job.directory + "/" + file.path, file.bytes));
    return reply;
  }
  if (fds.size() != 1) return fail(Errc::kInternal, "export without an output");
  os::FileSink file(std::move(fds[0]), "the output");
  archive::TarWriter tar(file);
  for (const ExportTree& tree : job.trees) {
    const owners::Owners all = TRY(store::load_owners(tree.sidecars));
    TRY(store::write_tree(tree.lower, job.tier, all,
                          {.clamp_mtime = job.clamp, .place = tree.place}, tar));
  }
  for (const ExportFile& one : job.files) {
    archive::Entry entry;
    entry.path = one.path;
    entry.mode = 0644;
    entry.size = one.bytes.size();
    entry.mtime_s = job.clamp.value_or(std::time(nullptr));
    TRY(tar.add(entry));
    TRY(tar.write(one.bytes));
  }
  TRY(tar.finish());
  return reply;
}

Result<ContentsReply> perform(ContentsJob& job, std::vector<os::UniqueFd>&) {
  ContentsReply reply;
  for (store::TreeFile& file : TRY(store::digest_tree(job.lower)))
    reply.files.push_back({std::move(file.path), std::move(file.digest)});
  return reply;
}

Result<RemoveReply> perform(RemoveJob& job, std::vector<os::UniqueFd>&) {
  for (const std::string& path : job.paths) TRY(os::remove_tree(path));
  return RemoveReply{};
}

Result<MeasureReply> perform(MeasureJob& job, std::vector<os::UniqueFd>&) {
  return MeasureReply{os::disk_usage(job.paths)};
}

Result<container::RunOutcome> perform(container::RunJob& job, std::vector<os::UniqueFd>& fds) {
  if (fds.size() != 3) return fail(Errc::kInternal, "a run without standard streams");
  container::RunOutcome outcome = TRY(container::run(
      job, {.in = std::move(fds[0]), .out = std::move(fds[1]), .err = std::move(fds[2])}));
  // The step's processes are all that this worker has waited for.
  struct ::rusage usage {};
  if (::getrusage(RUSAGE_CHILDREN, &usage) == 0)
    outcome.peak_bytes = static_cast<std::uint64_t>(usage.ru_maxrss) * 1024;
  return outcome;
}

}  // namespace

Result<std::string> perform(std::string_view request, std::vector<os::UniqueFd> fds) {
  Job job = TRY(parse_job(request));
  return std::visit([&](auto& one) -> Result<std::string> { return pack(TRY(perform(one, fds))); },
                    job);
}

}  // namespace lichen::ops
