// The main of a fuzz harness that is not built with libFuzzer: feeds it every file under the
// folders given, whole, cut short and with bytes changed, so that the harness itself never rots.
// Deterministic.
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kMaxSeedBytes = 64 << 10;

void feed(const std::string& bytes) {
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
}

void feed_variants(const std::string& seed) {
  feed(seed);
  for (std::size_t part = 1; part < 4; ++part) feed(seed.substr(0, seed.size() * part / 4));
  std::uint32_t random = 12345;
  for (int round = 0; round < 8 && !seed.empty(); ++round) {
    std::string changed = seed;
    for (int flip = 0; flip <= round; ++flip) {
      random = random * 1664525u + 1013904223u;
      changed[random % changed.size()] = static_cast<char>(random >> 24);
    }
    feed(changed);
  }
}

}  // namespace

int main(int argc, char** argv) {
  std::size_t count = 0;
  feed("");
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::exists(argv[i])) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file() || entry.file_size() > kMaxSeedBytes) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      feed_variants({std::istreambuf_iterator<char>(file), {}});
      ++count;
    }
  }
  std::printf("%zu seeds\n", count);
  return count > 0 ? 0 : 1;
}
