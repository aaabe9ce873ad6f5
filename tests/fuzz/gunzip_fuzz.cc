// Any bytes as a compressed stream of any format: data or an error, in bounded memory and time.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "archive/compression.h"
#include "base/stream.h"

using namespace lichen;

constexpr std::uint64_t kMaxOutput = 8 * 1024 * 1024;

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  StringSource source({reinterpret_cast<const char*>(data), size});
  const Result<std::unique_ptr<Source>> from = archive::open_decompressor(source);
  if (!from) return 0;
  char buffer[5000];
  for (std::uint64_t total = 0; total < kMaxOutput;) {
    const Result<std::size_t> count = (*from)->read(buffer, sizeof buffer);
    if (!count || *count == 0) break;
    total += *count;
  }
  return 0;
}
