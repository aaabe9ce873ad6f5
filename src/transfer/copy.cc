#include "transfer/copy.h"

#include <algorithm>
#include <mutex>
#include <set>
#include <thread>
#include <vector>

#include "base/text.h"
#include "oci/conversion.h"
#include "transfer/recode.h"

namespace lichen::transfer {

namespace {

constexpr int kMaxDepth = 4;
constexpr std::uint64_t kReportEvery = 4u << 20;

// What makes up the image: documents, what one names before it, and the blobs of all.
struct Parts {
  struct Document {
    oci::Descriptor descriptor;
    std::string bytes;
  };
  std::vector<Document> documents;
  std::vector<oci::Descriptor> blobs;
};

class Collector {
 public:
  Collector(ImageSource& from, const CopyOptions& options) : from_(from), options_(options) {}

  Result<Parts> collect() {
    TRY(add(from_.root(), 0));
    return std::move(parts_);
  }

 private:
  Result<void> add(const oci::Descriptor& descriptor, int depth) {
    if (depth > kMaxDepth)
      return fail(Errc::kCorrupt, descriptor.digest.text() + ": indexes in too many indexes");
    if (seen_.contains(descriptor.digest)) return {};
    std::string bytes = TRY(from_.document(descriptor));
    const oci::Document document = TRY(oci::parse_document(bytes));
    if (const auto* index = std::get_if<oci::Index>(&document)) {
      if (!options_.all) return add(TRY(oci::select(*index, options_.platform)), depth + 1);
      for (const oci::Descriptor& entry : index->manifests)
        if (is_document(entry))
          TRY(add(entry, depth + 1));
        else
          add_blob(entry);
    } else {
      const auto& manifest = std::get<oci::Manifest>(document);
      add_blob(manifest.config);
      for (const oci::Descriptor& layer : manifest.layers) add_blob(layer);
    }
    if (!seen_.insert(descriptor.digest).second) return {};
    oci::Descriptor own{
        .media_type = std::visit([](const auto& one) { return one.media_type; }, document),
        .digest = descriptor.digest,
        .size = bytes.size()};
    if (descriptor.digest == from_.root().digest) own.annotations = from_.root().annotations;
    parts_.documents.push_back({std::move(own), std::move(bytes)});
    return {};
  }
  // A build cache may be an index of layers.
  static bool is_document(const oci::Descriptor& entry) {
    return entry.media_type.ends_with("+json") &&
           entry.media_type.find(".config.") == std::string::npos;
  }
  void add_blob(const oci::Descriptor& blob) {
    if (seen_.insert(blob.digest).second) parts_.blobs.push_back(blob);
  }

  ImageSource& from_;
  const CopyOptions& options_;
  Parts parts_;
  std::set<Digest> seen_;
};

// Tells how far a blob has come, and stops when it should.
class ReportingSource final : public Source {
 public:
  using Report = std::function<Result<void>(std::uint64_t bytes)>;
  ReportingSource(std::unique_ptr<Source> from, Report report)
      : from_(std::move(from)), report_(std::move(report)) {}
  Result<std::size_t> read(char* buffer, std::size_t size) override {
    const std::size_t count = TRY(from_->read(buffer, size));
    total_ += count;
    if (total_ - reported_ >= kReportEvery) TRY(report_(reported_ = total_));
    return count;
  }

 private:
  std::unique_ptr<Source> from_;
  Report report_;
  std::uint64_t total_ = 0, reported_ = 0;
};

class ReportingSink final : public Sink {
 public:
  ReportingSink(Sink& to, ReportingSource::Report report) : to_(to), report_(std::move(report)) {}
  Result<void> write(std::string_view bytes) override {
    TRY(to_.write(bytes));
    total_ += bytes.size();
    if (total_ - reported_ >= kReportEvery) TRY(report_(reported_ = total_));
    return {};
  }

 private:
  Sink& to_;
  ReportingSource::Report report_;
  std::uint64_t total_ = 0, reported_ = 0;
};

class Copy {
 public:
  Copy(ImageSource& from, ImageTarget& to, const CopyOptions& options, const Progress& progress)
      : from_(from), to_(to), options_(options), progress_(progress) {
    if (options.compression)
      compression_ = options.compression;
    else if (from.is_made_up())
      compression_ = archive::Compression::kGzip;
  }

  Result<oci::Descriptor> run() {
    const Parts parts = TRY(Collector(from_, options_).collect());
    for (const Parts::Document& document : parts.documents)
      if (is_converted(document)) TRY(convert_config(document));
    TRY(copy_blobs(parts.blobs));
    oci::Descriptor root;
    for (const Parts::Document& document : parts.documents)
      root = TRY(copy_document(document, &document == &parts.documents.back()));
    TRY(to_.finish(root));
    return root;
  }

 private:
  Result<void> copy_blobs(const std::vector<oci::Descriptor>& blobs) {
    std::atomic<std::size_t> next = 0;
    std::optional<Error> failed;
    const auto work = [&] {
      for (std::size_t at = next++; at < blobs.size(); at = next++) {
        auto copied = copy_blob(blobs[at]);
        if (copied) continue;
        next = blobs.size();
        const std::lock_guard lock(mutex_);
        if (!failed) failed = std::move(copied).error();
      }
    };
    {
      std::vector<std::jthread> threads;
      const std::size_t count = std::min<std::size_t>(to_.parallel(), blobs.size());
      for (std::size_t i = 1; i < count; ++i) threads.emplace_back(work);
      work();
    }
    if (failed) return fail(std::move(*failed));
    return {};
  }

  bool is_converted(const Parts::Document& document) const {
    return options_.oci && !options_.preserve_digests &&
           oci::oci_media_type(document.descriptor.media_type) != document.descriptor.media_type;
  }
  Result<void> convert_config(const Parts::Document& document) {
    const oci::Document read = TRY(oci::parse_document(document.bytes));
    const auto* manifest = std::get_if<oci::Manifest>(&read);
    if (manifest == nullptr || manifest->config.media_type != oci::kDockerConfigType) return {};
    std::string config = TRY(oci::to_oci_config(TRY(read_config(from_, *manifest))));
    replacements_[manifest->config.digest] = config_descriptor(config);
    configs_[manifest->config.digest] = std::move(config);
    return {};
  }
  static oci::Descriptor config_descriptor(const std::string& config) {
    return {.media_type = oci::kConfigType, .digest = sha256(config), .size = config.size()};
  }
  // `config` is one of configs_.
  static Blob converted(const std::string& config) {
    return {.descriptor = config_descriptor(config),
            .send = [&config](Sink& to) { return to.write(config); },
            .open = [&config]() -> Result<std::unique_ptr<Source>> {
              return std::make_unique<StringSource>(config);
            }};
  }

  Result<void> copy_blob(const oci::Descriptor& descriptor) {
    TRY(report(descriptor, 0, false));
    if (const auto config = configs_.find(descriptor.digest); config != configs_.end()) {
      TRY(to_.put_blob(converted(config->second), from_.repository()));
      return report(descriptor, descriptor.size, true);
    }
    Blob blob = reported(from_.blob(descriptor));
    if (is_recoded(descriptor)) {
      blob = TRY(recoded(blob));
      const std::lock_guard lock(mutex_);
      replacements_[descriptor.digest] = blob.descriptor;
    }
    TRY(to_.put_blob(blob, from_.repository()));
    return report(descriptor, descriptor.size, true);
  }

  // One layer at a time, on all processors: memory is bounded.
  Result<Blob> recoded(const Blob& blob) {
    const std::lock_guard lock(recoding_);
    const archive::Effort effort =
        archive::effort_of(options_.memory_bytes, *compression_, options_.level);
    return recode(blob, {.compression = *compression_,
                         .level = options_.level,
                         .threads = effort.threads,
                         .staging = options_.staging});
  }

  bool is_recoded(const oci::Descriptor& blob) const {
    if (!compression_ || !is_layer(blob.media_type)) return false;
    return compression_of(blob.media_type) != *compression_ && !is_kept(blob);
  }
  // What a docker archive has compressed already was compressed on purpose.
  bool is_kept(const oci::Descriptor& blob) const {
    return !options_.compression && compression_of(blob.media_type) != archive::Compression::kNone;
  }

  Blob reported(Blob blob) {
    const auto tell = [this, descriptor = blob.descriptor](std::uint64_t bytes) {
      return report(descriptor, bytes, false);
    };
    return {.descriptor = blob.descriptor,
            .send =
                [send = blob.send, tell](Sink& to) {
                  ReportingSink sink(to, tell);
                  return send(sink);
                },
            .open = [open = blob.open, tell]() -> Result<std::unique_ptr<Source>> {
              return std::make_unique<ReportingSource>(TRY(open()), tell);
            },
            .sends_checked = blob.sends_checked};
  }

  Result<void> report(const oci::Descriptor& blob, std::uint64_t bytes, bool done) {
    if (options_.cancelled != nullptr && options_.cancelled->load())
      return fail(Errc::kCancelled, "cancelled");
    const std::lock_guard lock(mutex_);
    progress_(blob.digest.text(), bytes, blob.size, done);
    return {};
  }

  Result<oci::Descriptor> copy_document(const Parts::Document& document, bool is_root) {
    oci::Descriptor descriptor = document.descriptor;
    if (is_converted(document) || !replacements_.empty()) {
      const std::string changed = is_converted(document)
                                      ? TRY(oci::to_oci_document(document.bytes, replacements_))
                                      : TRY(replace_descriptors(document.bytes, replacements_));
      if (options_.preserve_digests && changed != document.bytes)
        return fail(Errc::kInvalid, "the layers' compression would change the image's digest",
                    "leave out --preserve-digests or --compression");
      if (is_converted(document))
        descriptor.media_type = oci::oci_media_type(descriptor.media_type);
      descriptor.digest = sha256(changed);
      descriptor.size = changed.size();
      replacements_[document.descriptor.digest] = descriptor;
      TRY(to_.put_document(descriptor, changed, is_root));
      return descriptor;
    }
    TRY(to_.put_document(descriptor, document.bytes, is_root));
    return descriptor;
  }

  ImageSource& from_;
  ImageTarget& to_;
  const CopyOptions& options_;
  const Progress& progress_;
  std::optional<archive::Compression> compression_;
  std::mutex recoding_;
  std::mutex mutex_;  // of progress_ and
  Replacements replacements_;
  std::map<Digest, std::string> configs_;  // those that are made anew, by their old digests
};

}  // namespace

Result<oci::Descriptor> copy_image(ImageSource& from, ImageTarget& to, const CopyOptions& options,
                                   const Progress& progress) {
  return Copy(from, to, options, progress).run();
}

}  // namespace lichen::transfer
