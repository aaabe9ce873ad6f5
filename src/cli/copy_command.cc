#include <unistd.h>

#include "base/text.h"
#include "build/steps.h"
#include "cli/commands.h"
#include "cli/copy_options.h"
#include "cli/progress.h"
#include "cli/report.h"
#include "transfer/copy.h"
#include "transfer/output_file.h"
#include "transfer/session.h"

namespace lichen::cli {

namespace {

using transfer::Transport;

// Copies as one step of the display.
class Copier {
 public:
  Copier(const CopyRequest& request, const transfer::Services& services, build::EventSink events)
      : request_(request), to_(request.to), services_(services), steps_(std::move(events)) {}

  Result<oci::Descriptor> copy(transfer::ImageSource& from, transfer::ImageTarget& to,
                               const transfer::CopyOptions& options, const std::string& name) {
    steps_.started(name, name);
    auto copied =
        transfer::copy_image(from, to, options,
                             [&](const std::string& what, std::uint64_t bytes, std::uint64_t total,
                                 bool done) { steps_.transfer(name, what, bytes, total, done); });
    steps_.finished(name, copied ? nullptr : &copied.error());
    return copied;
  }

  Result<std::vector<std::string>> run(const transfer::CopyOptions& options) {
    if (request_.load) return load(options);
    if (!request_.more.empty()) return save(options);
    const auto from = TRY(transfer::open_source(request_.from, services_));
    if (request_.keep_name) to_.name = TRY(own_name(request_.from.name));
    const auto to = TRY(open_target());
    const std::string name = "copy " + to_text(request_.from) + " to " + to_text(to_);
    return std::vector{TRY(copy(*from, *to, options, name)).digest.text()};
  }

 private:
  Result<std::unique_ptr<transfer::ImageTarget>> open_target() {
    // Pulled by its digest alone.
    if (to_.transport == Transport::kStore && to_.name.empty())
      return transfer::store_target(*services_.store, {});
    return transfer::open_target(to_, services_);
  }
  // What the store calls the image, if the user called it that and not by an id.
  Result<std::string> own_name(const std::string& written) {
    const auto image = TRY(services_.store->find_image(written));
    const auto typed = oci::parse_reference(written);
    return image && typed && oci::to_text(*typed) == image->name ? image->name : std::string();
  }

  // Several images into one archive.
  Result<std::vector<std::string>> save(const transfer::CopyOptions& options) {
    std::vector<std::string> names = {request_.from.name};
    names.insert(names.end(), request_.more.begin(), request_.more.end());
    std::vector<std::unique_ptr<transfer::ImageSource>> images;
    for (const std::string& name : names)
      images.push_back(TRY(transfer::open_source(
          {.transport = Transport::kStore, .path = {}, .name = name}, services_)));
    transfer::SharedLayout archive = TRY(transfer::SharedLayout::open(to_, services_));
    std::vector<std::string> lines;
    for (std::size_t i = 0; i < names.size(); ++i) {
      const std::string own = TRY(own_name(names[i]));
      transfer::LayoutNames called{.docker = to_.transport == Transport::kDockerArchive};
      if (called.docker && !own.empty()) called.references = {own};
      if (!called.docker) called.ref = own;
      const auto to = archive.next(std::move(called));
      const std::string step = "copy " + printable(names[i]) + " to " + to_text(to_);
      lines.push_back(TRY(copy(*images[i], *to, options, step)).digest.text());
    }
    TRY(archive.finish());
    return lines;
  }

  Result<std::vector<std::string>> load(const transfer::CopyOptions& options) {
    const std::shared_ptr<transfer::Files> archive =
        TRY(transfer::open_archive(request_.from.path, services_.staging));
    std::vector<std::string> lines;
    for (const transfer::Archived& image : TRY(transfer::open_all(archive))) {
      const auto to = transfer::store_target(*services_.store, image.names);
      transfer::CopyOptions own = options;
      own.all = image.is_complete;
      const std::string name =
          image.names.empty() ? image.source->root().digest.text() : image.names.front();
      const oci::Descriptor copied = TRY(copy(*image.source, *to, own, "load " + name));
      if (image.names.empty()) lines.push_back("Loaded image: " + copied.digest.text());
      for (const std::string& one : image.names)
        lines.push_back("Loaded image: " + oci::familiar_text(TRY(oci::parse_reference(one))));
    }
    if (lines.empty()) return fail(Errc::kNotFound, "the archive has no image");
    return lines;
  }

  const CopyRequest& request_;
  transfer::Place to_;
  transfer::Services services_;
  build::Steps steps_;
};

Result<int> copy(const CopyRequest& request, const Invocation& invocation) {
  const ProgressMode mode =
      TRY(choose_progress(request.progress, ::isatty(STDERR_FILENO) == 1, invocation.variables));
  if (!request.digest_file.empty()) TRY(transfer::OutputFile::check(request.digest_file));
  if (request.to.transport == Transport::kOciArchive ||
      request.to.transport == Transport::kDockerArchive)
    TRY(transfer::OutputFile::check(request.to.path));
  const auto is_stored = [](const transfer::Place& place) {
    return place.transport == Transport::kStore;
  };
  const auto session = TRY(transfer::Session::open(
      {.with_store = request.load || is_stored(request.from) || is_stored(request.to),
       .root = request.root,
       .tls_verify = request.tls_verify,
       .cancelled = invocation.cancelled}));
  const transfer::Services services = session->services();
  transfer::CopyOptions options = request.options;
  options.staging = services.staging;
  options.cancelled = invocation.cancelled;
  options.oci = request.to.transport == Transport::kOciDirectory ||
                request.to.transport == Transport::kOciArchive;

  Progress progress(mode, STDERR_FILENO, invocation.variables);
  auto lines = Copier(request, services, progress.sink()).run(options);
  progress.finish();
  if (!lines) return fail(std::move(lines).error());
  if (!request.digest_file.empty())
    TRY(transfer::OutputFile::write(request.digest_file, lines->front(), STDOUT_FILENO));
  // The archive itself may be there.
  if (request.to.path == "-") return 0;
  std::string text;
  for (const std::string& line : *lines) text += line + "\n";
  return print(text);
}

int run_verb(CopyVerb verb, const Invocation& invocation) {
  const auto request = parse_copy(verb, invocation.args, oci::host_platform());
  if (!request) return report_usage(request.error());
  if (request->help) return print(copy_help(verb));
  const auto status = copy(*request, invocation);
  return status ? *status : report(status.error());
}

}  // namespace

int copy_command(const Invocation& invocation) {
  return run_verb(CopyVerb::kCopy, invocation);
}
int pull_command(const Invocation& invocation) {
  return run_verb(CopyVerb::kPull, invocation);
}
int push_command(const Invocation& invocation) {
  return run_verb(CopyVerb::kPush, invocation);
}
int save_command(const Invocation& invocation) {
  return run_verb(CopyVerb::kSave, invocation);
}
int load_command(const Invocation& invocation) {
  return run_verb(CopyVerb::kLoad, invocation);
}

}  // namespace lichen::cli
