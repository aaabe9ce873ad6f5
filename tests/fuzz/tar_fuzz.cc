// Any bytes as a tar archive: entries or an error, in bounded memory and time.
#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string_view>

#include "archive/tar_reader.h"
#include "base/stream.h"

using namespace lichen;

// Sparse files are as large as they say; what is beyond this is not read.
constexpr std::uint64_t kMaxContent = 64 * 1024;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  StringSource source({reinterpret_cast<const char*>(data), size});
  archive::TarReader tar(source);
  for (;;) {
    const Result<std::optional<archive::Entry>> entry = tar.next();
    if (!entry || !*entry) return 0;
    // What comes out is in the normal form.
    const Result<std::string> path = archive::parse_path((*entry)->path);
    if (!path || *path != (*entry)->path) std::abort();
    char buffer[4096];
    std::uint64_t total = 0;
    while (total < kMaxContent) {
      const Result<std::size_t> count = tar.read(buffer, sizeof buffer);
      if (!count) return 0;
      if (*count == 0) {
        if (total != (*entry)->size) std::abort();
        break;
      }
      total += *count;
    }
  }
}
