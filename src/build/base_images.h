// Base images for the front end: the local store, an OCI layout, or a registry.
#pragma once

#include <map>
#include <optional>
#include <string>

#include "build/context.h"
#include "build/event.h"
#include "build/steps.h"
#include "dockerfile/lower.h"
#include "registry/client.h"
#include "store/store.h"
#include "transfer/fetch.h"

namespace lichen::build {

class BaseImages final : public dockerfile::Images {
 public:
  struct Options {
    store::Store& store;
    registry::Client& registry;
    Steps& steps;
    bool pull = false;             // ask the registry even when the store has the name
    bool multi_platform = false;   // names of steps say which platform
    Contexts* contexts = nullptr;  // for time_of(), which without them knows nothing
  };
  explicit BaseImages(Options options) : options_(options) {}

  Result<dockerfile::ResolvedImage> resolve(const std::string& reference,
                                            const oci::Platform& platform) override;
  Result<std::optional<std::int64_t>> time_of(const std::string& source) override;

 private:
  Result<dockerfile::ResolvedImage> resolve_layout(const std::string& text,
                                                   const oci::Platform& platform);
  Result<dockerfile::ResolvedImage> resolve_image(const std::string& text,
                                                  const oci::Platform& platform);
  Result<transfer::Fetched> find(const oci::Reference& reference, const oci::Platform& platform);
  // What was built or tagged here for `platform`. `otherwise`: what to say, or to take, when the
  // registry has it neither.
  Result<std::optional<transfer::Fetched>> find_own(
      const std::string& name, const oci::Platform& platform,
      std::optional<Result<transfer::Fetched>>& otherwise);

  Options options_;
  std::map<std::string, dockerfile::ResolvedImage> resolved_;  // each name is asked for once
};

}  // namespace lichen::build
