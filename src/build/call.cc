#include "build/call.h"

#include <memory>

#include "build/base_images.h"
#include "build/context.h"
#include "build/sources.h"
#include "build/steps.h"
#include "dockerfile/lint_report.h"
#include "dockerfile/outline.h"
#include "dockerfile/targets.h"
#include "registry/host_client.h"
#include "store/root.h"

namespace lichen::build {

namespace {

// The store, from the first question on.
class LazyStore {
 public:
  explicit LazyStore(const Environment& environment) : environment_(environment) {}
  Result<store::Store*> get() {
    if (store_ == nullptr)
      store_ = TRY(store::Store::open(TRY(store::choose_root(environment_.root))));
    return store_.get();
  }

 private:
  const Environment& environment_;
  std::unique_ptr<store::Store> store_;
};

// Base images, with a store and a registry client from the first question on.
class LazyImages final : public dockerfile::Images {
 public:
  LazyImages(const Request& request, const Environment& environment, LazyStore& store, Steps& steps)
      : request_(request), environment_(environment), store_(store), steps_(steps) {}

  Result<dockerfile::ResolvedImage> resolve(const std::string& reference,
                                            const oci::Platform& platform) override {
    if (images_ == nullptr) TRY(open());
    return images_->resolve(reference, platform);
  }

 private:
  Result<void> open() {
    store::Store* store = TRY(store_.get());
    registry_ = TRY(registry::make_host_client(
        {.tls_verify = environment_.tls_verify, .cancelled = [flag = environment_.cancelled] {
           return flag != nullptr && flag->load();
         }}));
    images_ = std::make_unique<BaseImages>(
        BaseImages::Options{.store = *store,
                            .registry = *registry_.client,
                            .steps = steps_,
                            .pull = request_.pull,
                            .multi_platform = is_multi_platform(request_)});
    return {};
  }

  const Request& request_;
  const Environment& environment_;
  LazyStore& store_;
  Steps& steps_;
  registry::HostClient registry_;
  std::unique_ptr<BaseImages> images_;
};

}  // namespace

Result<Answer> call(Call call, const Request& request, const Environment& environment,
                    const EventSink& events) {
  LazyStore store(environment);
  Steps steps(events);
  const Secrets secrets = TRY(read_secrets(request));
  Contexts contexts(request, {.open_store = [&store] { return store.get(); },
                              .steps = steps,
                              .secrets = secrets,
                              .cancelled = environment.cancelled});
  const Sources sources = TRY(read_sources(request, contexts));
  // Questions are about the Dockerfile; of several platforms the first stands for all.
  const dockerfile::Frontend frontend = frontend_request(
      request, sources,
      request.platforms.empty() ? std::nullopt : std::optional(request.platforms.front()));
  if (call == Call::kTargets) {
    const dockerfile::Targets targets = TRY(list_targets(frontend));
    return Answer{.text = to_text(targets), .json = to_json(targets, frontend), .error = {}};
  }
  LazyImages images(request, environment, store, steps);
  if (call == Call::kOutline) {
    const dockerfile::Outline outline = TRY(outline_of(frontend, images));
    return Answer{.text = to_text(outline), .json = to_json(outline, frontend), .error = {}};
  }
  dockerfile::LintReport report = lint(frontend, images);
  return Answer{.text = to_text(report, frontend),
                .json = to_json(report, frontend),
                .has_warnings = !report.warnings.empty(),
                .error = std::move(report.error)};
}

}  // namespace lichen::build
