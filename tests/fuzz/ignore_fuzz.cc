// A .dockerignore and paths: the first half of the input is the file, the rest the path. Skipping a
// directory must agree with what is excluded inside it.
#include <cstddef>
#include <cstdint>
#include <string>

#include "graph/ignore.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const std::string path = text.substr(size / 2);
  const auto ignore = lichen::graph::Ignore::parse(text.substr(0, size / 2));
  if (ignore) {
    ignore->excludes(path);
    const std::size_t slash = path.find('/');
    if (slash != std::string::npos && slash > 0 &&
        ignore->can_skip_directory(path.substr(0, slash)) && !ignore->excludes(path))
      __builtin_trap();
  }
  (void)lichen::graph::match_wildcard(text.substr(0, size / 2), path);
  return 0;
}
