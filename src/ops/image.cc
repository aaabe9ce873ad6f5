#include <fcntl.h>
#include <sys/stat.h>

#include <algorithm>
#include <thread>

#include "base/text.h"
#include "ops/runner.h"
#include "os/file.h"

namespace lichen::ops {

using graph::VertexId;
using solver::ResultId;

namespace {

constexpr std::size_t kTransfers = 6;  // blobs of one image that are fetched at once

// "docker-image://REF@DIGEST" or "oci-layout://NAME@DIGEST" -> DIGEST
Result<Digest> pinned_digest(const std::string& identifier) {
  const std::size_t at = identifier.find_last_of('@');
  if (at == std::string::npos) return fail(Errc::kInternal, "unresolved image " + identifier);
  return Digest::parse(identifier.substr(at + 1));
}

// Tells how far a blob has come, a few times a second.
class ReportingSink final : public Sink {
 public:
  ReportingSink(Sink& next, std::function<void(std::uint64_t)> report)
      : next_(next), report_(std::move(report)) {}
  Result<void> write(std::string_view bytes) override {
    TRY(next_.write(bytes));
    total_ += bytes.size();
    if (total_ - reported_ >= kStep) report_(reported_ = total_);
    return {};
  }

 private:
  static constexpr std::uint64_t kStep = 4u << 20;
  Sink& next_;
  std::function<void(std::uint64_t)> report_;
  std::uint64_t total_ = 0, reported_ = 0;
};

// When a layer was made: what image::layers_of() reads. The directory gets no new entries any more.
void set_created(const store::Store& store, std::int64_t snapshot, std::int64_t seconds) {
  const std::string fs = store.fs_path(snapshot);
  const timespec times[2] = {{.tv_sec = 0, .tv_nsec = UTIME_OMIT}, {.tv_sec = seconds}};
  (void)::utimensat(AT_FDCWD, fs.substr(0, fs.find_last_of('/')).c_str(), times,
                    AT_SYMLINK_NOFOLLOW);
}

}  // namespace

Result<void> Runner::fetch_layer(const RemoteLayer& layer, const OnTransfer& on_transfer) {
  store::Store& store = services_.store;
  const Digest& blob = layer.layer.blob;
  const std::uint64_t size = layer.layer.size;
  if (store.has_blob(blob)) return {};
  const std::string what = blob.text();
  const auto fetch = [&]() -> Result<void> {
    on_transfer(what, 0, size, false);
    const auto writer = TRY(store.write_blob());
    ReportingSink sink(*writer,
                       [&](std::uint64_t bytes) { on_transfer(what, bytes, size, false); });
    TRY(layer.send(sink));
    (void)TRY(writer->commit(blob, size));
    return {};
  };
  auto fetched = fetch();
  // What a mirror has wrong, the registry itself may have right.
  if (!fetched && fetched.error().code == Errc::kCorrupt) fetched = fetch();
  if (fetched) on_transfer(what, size, size, true);
  return fetched;
}

Result<ResultId> Runner::unpack_layer(VertexId vertex, std::optional<std::int64_t> parent,
                                      const RemoteLayer& remote) {
  store::Store& store = services_.store;
  const store::Layer& layer = remote.layer;
  // Two builds that want one base image unpack it once.
  const auto flight = TRY(store.lock_key(container::to_text(services_.tier), layer.chain));
  if (const auto found =
          TRY(store.find_snapshot_by_chain(container::to_text(services_.tier), layer.chain)))
    return *found;
  const ResultId id = TRY(make_snapshot(
      vertex, parent.value_or(0),
      [&](std::int64_t snapshot, const Stack& below) -> Result<std::string> {
        ApplyJob job{.tier = services_.tier,
                     .blob = store.blob_path(layer.blob),
                     .fs = store.fs_path(snapshot),
                     .lower = parent ? below.lower : std::vector<std::string>(),
                     .sidecars = below.sidecars};
        ApplyReply reply = TRY(services_.jobs.call<ApplyReply>(job));
        if (reply.diff_id != layer.diff_id)
          return fail(Errc::kCorrupt, "layer " + layer.blob.text() + " unpacks to " +
                                          reply.diff_id.text() + ", but it is said to be " +
                                          layer.diff_id.text());
        TRY(store.set_layer(snapshot, layer));
        return std::move(reply.sidecar);
      }));
  if (remote.created != 0) set_created(store, id, remote.created);
  return id;
}

Result<RemoteTree> Runner::image_layers(const graph::SourceOp& source) {
  store::Store& store = services_.store;
  // The front end has resolved the image: manifest and config are in the store.
  const Digest digest = TRY(pinned_digest(source.identifier));
  const oci::Document document = TRY(oci::parse_document(TRY(store.read_blob(digest))));
  const auto* manifest = std::get_if<oci::Manifest>(&document);
  if (manifest == nullptr) return fail(Errc::kInternal, digest.text() + " is not a manifest");
  const oci::ImageConfig config =
      TRY(oci::parse_image_config(TRY(store.read_blob(manifest->config.digest))));
  const std::size_t count = manifest->layers.size();
  if (config.diff_ids.size() != count)
    return fail(Errc::kCorrupt, "the image has " + std::to_string(count) +
                                    " layers, but its config lists " +
                                    std::to_string(config.diff_ids.size()));
  RemoteTree tree;
  for (std::size_t i = 0; i < count; ++i) {
    const oci::Descriptor& blob = manifest->layers[i];
    tree.push_back(
        {.layer = {.chain = oci::chain_id(i == 0 ? Digest() : tree[i - 1].layer.chain,
                                          config.diff_ids[i]),
                   .diff_id = config.diff_ids[i],
                   .blob = blob.digest,
                   .size = blob.size,
                   .media_type = blob.media_type},
         .send = [this, source, blob](Sink& to) { return send_blob(source, blob, to); }});
  }
  return tree;
}

Result<void> Runner::send_blob(const graph::SourceOp& source, const oci::Descriptor& blob,
                               Sink& to) {
  if (const auto directory = source.attributes.find("oci.dir");
      directory != source.attributes.end()) {
    const std::string path = directory->second + "/blobs/sha256/" + blob.digest.hex();
    os::FileSource file(TRY(os::open(path, O_RDONLY)), path);
    (void)TRY(copy(file, to));
    return {};
  }
  const std::string name = source.identifier.substr(std::string("docker-image://").size());
  return services_.registry.fetch_blob(TRY(oci::parse_reference(name)), blob, to);
}

Result<ResultId> Runner::run_image(VertexId vertex, const graph::SourceOp& source) {
  const RemoteTree tree = TRY(image_layers(source));
  if (tree.empty()) return ResultId{0};
  return pull(vertex, tree,
              [&](const std::string& what, std::uint64_t bytes, std::uint64_t total, bool done) {
                services_.on_transfer(vertex, what, bytes, total, done);
              });
}

Result<ResultId> Runner::pull(VertexId vertex, const RemoteTree& tree,
                              const OnTransfer& on_transfer) {
  store::Store& store = services_.store;
  // What is unpacked already needs neither its blob nor those below it.
  std::optional<std::int64_t> top;
  std::size_t have = tree.size();
  for (; have > 0 && !top; --have)
    top = TRY(store.find_snapshot_by_chain(container::to_text(services_.tier),
                                           tree[have - 1].layer.chain));
  if (top) ++have;

  // Fetch the rest at once, unpack from the bottom up as soon as each is there.
  const std::size_t missing = tree.size() - have;
  std::vector<Result<void>> fetched(missing);
  std::atomic<std::size_t> next = 0;
  std::vector<std::atomic<bool>> ready(missing);
  std::vector<std::jthread> fetchers;  // last: they end before what they use
  for (std::size_t i = 0; i < std::min(kTransfers, missing); ++i)
    fetchers.emplace_back([&] {
      for (std::size_t at = next++; at < missing; at = next++) {
        fetched[at] = fetch_layer(tree[have + at], on_transfer);
        ready[at] = true;
        ready[at].notify_all();
      }
    });
  const auto give_up = [&](Error error) {
    next = missing;
    return fail(std::move(error));
  };
  for (std::size_t at = 0; at < missing; ++at) {
    ready[at].wait(false);
    if (!fetched[at]) return give_up(std::move(fetched[at]).error());
    const RemoteLayer& layer = tree[have + at];
    const std::string what = "extracting " + layer.layer.blob.text();
    on_transfer(what, 0, 0, false);
    auto unpacked = unpack_layer(vertex, top, layer);
    if (!unpacked) return give_up(std::move(unpacked).error());
    top = *unpacked;
    on_transfer(what, 0, 0, true);
  }
  return *top;
}

}  // namespace lichen::ops
