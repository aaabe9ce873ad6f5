// --cache-from: caches that other builds have exported, made known to the solver. Nothing but
// their documents is read here; layers come when they are used.
#pragma once

#include <vector>

#include "build/cache_option.h"
#include "build/session.h"
#include "build/steps.h"
#include "ops/imported.h"

namespace lichen::build {

// What cannot be read is a warning: a build is right without it. kCancelled is the only error.
Result<void> import_caches(Session& session, const std::vector<CacheSource>& sources, Steps& steps,
                           ops::ImportedCache& imported);

}  // namespace lichen::build
