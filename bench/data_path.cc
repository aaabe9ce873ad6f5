// The data path's pieces, one a command, so that each can be held against a peer that does no more
// (bench/data-path does that, and says what the peers are):
//
//   commit DIRECTORY BLOB gzip|zstd   a layer's blob out of a directory, with both digests
//   apply BLOB DIRECTORY              a layer's blob into an empty directory, with both digests
//   copy CONTEXT DIRECTORY            COPY . / into an empty directory
//   metadata STORE                    a store opened and asked fifty things; four writers at once
//   push LAYOUT REFERENCE CONNECTIONS an OCI layout to a registry, so many blobs at once
//
// commit, apply and copy are the jobs that a build gives its workers, done by a keeper at the
// highest tier that works here. Beside DIRECTORY are directories of the store's: DIRECTORY.work
// and so on.
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>
#include <vector>

#include "base/text.h"
#include "build/session.h"
#include "ops/job.h"
#include "os/file.h"
#include "registry/host_client.h"
#include "store/store.h"
#include "transfer/copy.h"

namespace {

using namespace lichen;
using Words = std::vector<std::string>;

constexpr int kLookups = 50, kOpens = 21, kWriters = 4, kWrites = 250;

Result<Digest> digest_of(const std::string& path) {
  os::FileSource file(TRY(os::open(path, O_RDONLY)), path);
  HashingSource hashed(file);
  return hashed.drain();
}

Result<void> make_directories(const Words& paths) {
  for (const std::string& path : paths) TRY(os::mkdirs(path, 0755));
  return {};
}

Result<void> commit(const Words& words) {
  const build::KeeperAtTier started = TRY(build::start_keeper(build::TierChoice::kAuto));
  ops::JobClient jobs(*started.keeper, nullptr);
  const auto reply =
      TRY(jobs.call<ops::DiffReply>(ops::DiffJob{.tier = started.tier,
                                                 .fs = words[0],
                                                 .output = words[1],
                                                 .compression = words[2],
                                                 .threads = std::thread::hardware_concurrency()}));
  std::printf("%s %s\n", reply.diff_id.text().c_str(), reply.digest.text().c_str());
  return {};
}

// As when a layer comes from a registry its digest is taken while it arrives, so here beside.
Result<void> apply(const Words& words) {
  const build::KeeperAtTier started = TRY(build::start_keeper(build::TierChoice::kAuto));
  ops::JobClient jobs(*started.keeper, nullptr);
  TRY(make_directories({words[1]}));
  Result<Digest> digest;
  std::jthread verifier([&] { digest = digest_of(words[0]); });
  const auto reply = TRY(jobs.call<ops::ApplyReply>(
      ops::ApplyJob{.tier = started.tier, .blob = words[0], .fs = words[1]}));
  verifier.join();
  std::printf("%s %s\n", reply.diff_id.text().c_str(), TRY(std::move(digest)).text().c_str());
  return {};
}

Result<void> copy(const Words& words) {
  const build::KeeperAtTier started = TRY(build::start_keeper(build::TierChoice::kAuto));
  ops::JobClient jobs(*started.keeper, nullptr);
  const std::string& upper = words[1];
  const std::string lower = upper + ".lower", work = upper + ".work", mounts = upper + ".mounts";
  TRY(make_directories({lower, upper, work, mounts}));
  ops::FileJob job{.tier = started.tier,
                   .overlay = {.lower = {lower}, .upper = upper, .work = work, .target = {}},
                   .sidecars = {},
                   .inputs = {},
                   .actions = {},
                   .mounts = mounts};
  job.inputs.push_back({.directory = words[0], .ignore = {}, .lower = {}, .sidecars = {}});
  job.actions.emplace_back(graph::Copy{.input = 0, .src = "/", .dest = "/"});
  (void)TRY(jobs.call<ops::FileReply>(job));
  return {};
}

Digest key_of(int writer, int n) {
  return sha256(std::to_string(writer) + "/" + std::to_string(n));
}

Result<double> open_and_look_up(const std::string& root) {
  const auto start = std::chrono::steady_clock::now();
  const auto store = TRY(store::Store::open(root));
  for (int n = 0; n < kLookups; ++n)
    if (!TRY(store->find_cache("ids", key_of(n % kWriters, n))))
      return fail(Errc::kInternal, "a record is lost");
  return std::chrono::duration<double, std::milli>(std::chrono::steady_clock::now() - start)
      .count();
}

Result<void> write_records(const std::string& root, int writer) {
  const auto store = TRY(store::Store::open(root));
  const std::int64_t snapshot = TRY(store->begin_snapshot("ids", {}));
  TRY(store->commit_snapshot(snapshot));
  for (int n = 0; n < kWrites; ++n)
    TRY(store->put_cache("ids", key_of(writer, n), snapshot, "[]", "a step"));
  return {};
}

Result<void> metadata(const Words& words) {
  std::vector<pid_t> writers;
  for (int writer = 0; writer < kWriters; ++writer) {
    const pid_t pid = ::fork();
    if (pid < 0) return fail(os_error("fork", "a writer"));
    if (pid > 0) {
      writers.push_back(pid);
      continue;
    }
    const auto written = write_records(words[0], writer);
    if (!written) std::fprintf(stderr, "%s\n", to_text(written.error()).c_str());
    ::_exit(written ? EXIT_SUCCESS : EXIT_FAILURE);
  }
  int failures = 0;
  for (const pid_t pid : writers) {
    int status = 0;
    if (::waitpid(pid, &status, 0) != pid || status != 0) ++failures;
  }
  std::vector<double> times;
  for (int n = 0; n < kOpens; ++n) times.push_back(TRY(open_and_look_up(words[0])));
  std::sort(times.begin(), times.end());
  std::printf("%.3f %d\n", times[times.size() / 2], failures);
  return {};
}

// The same target, used by so many threads.
class Narrowed final : public transfer::ImageTarget {
 public:
  Narrowed(std::unique_ptr<transfer::ImageTarget> to, unsigned parallel)
      : to_(std::move(to)), parallel_(parallel) {}
  unsigned parallel() const override { return parallel_ == 0 ? to_->parallel() : parallel_; }
  Result<void> put_blob(const transfer::Blob& blob, const oci::Reference& mount_from) override {
    return to_->put_blob(blob, mount_from);
  }
  Result<void> put_document(const oci::Descriptor& descriptor, std::string_view bytes,
                            bool is_root) override {
    return to_->put_document(descriptor, bytes, is_root);
  }
  Result<void> finish(const oci::Descriptor& root) override { return to_->finish(root); }

 private:
  std::unique_ptr<transfer::ImageTarget> to_;
  unsigned parallel_;
};

Result<void> push(const Words& words) {
  const registry::HostClient host = TRY(registry::make_host_client({.tls_verify = false}));
  const auto from = TRY(transfer::open_source(TRY(transfer::parse_place("oci:" + words[0])),
                                              {.client = host.client.get()}));
  Narrowed to(transfer::registry_target(*host.client, TRY(oci::parse_reference(words[1]))),
              static_cast<unsigned>(std::atoi(words[2].c_str())));
  (void)TRY(transfer::copy_image(*from, to, {.platform = oci::host_platform()},
                                 [](const std::string&, std::uint64_t, std::uint64_t, bool) {}));
  return {};
}

struct Command {
  const char* name;
  std::size_t words;
  Result<void> (*run)(const Words&);
};
constexpr Command kCommands[] = {{"commit", 3, commit},
                                 {"apply", 2, apply},
                                 {"copy", 2, copy},
                                 {"metadata", 1, metadata},
                                 {"push", 3, push}};

}  // namespace

int main(int argc, char** argv) {
  const Words words(argv + std::min(argc, 2), argv + argc);
  for (const Command& command : kCommands) {
    if (argc < 2 || std::string(argv[1]) != command.name || words.size() != command.words) continue;
    const Result<void> done = command.run(words);
    if (!done) std::fprintf(stderr, "data_path_bench: %s\n", to_text(done.error()).c_str());
    return done ? EXIT_SUCCESS : EXIT_FAILURE;
  }
  std::fprintf(stderr, "data_path_bench: see the head of bench/data_path.cc\n");
  return EXIT_FAILURE;
}
