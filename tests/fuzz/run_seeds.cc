// The main of a fuzz harness that is not built with libFuzzer: feeds it every file under the
// folders given, whole, cut short and with bytes changed, so that the harness itself never rots.
// With LICHEN_FUZZ_SECONDS it goes on for so long with mutations and splices of the seeds, from
// LICHEN_FUZZ_SEED on (1). Deterministic but for where time ends it. An input that ends the harness
// is left in the working directory.
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <random>
#include <string>
#include <vector>

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);

namespace {

constexpr std::size_t kMaxSeedBytes = 64 << 10;
constexpr char kFinding[] = "fuzz-finding";

const std::string* current = nullptr;

extern "C" void keep_input(int signal) {
  const int fd = ::open(kFinding, O_WRONLY | O_CREAT | O_TRUNC, 0644);
  if (fd >= 0 && current != nullptr) (void)!::write(fd, current->data(), current->size());
  constexpr char kText[] = "the input is in ./fuzz-finding\n";
  (void)!::write(STDERR_FILENO, kText, sizeof kText - 1);
  ::signal(signal, SIG_DFL);
  ::raise(signal);
}

void feed(const std::string& bytes) {
  current = &bytes;
  LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
  current = nullptr;
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

class Mutator {
 public:
  Mutator(const std::vector<std::string>& seeds, std::uint32_t seed)
      : seeds_(seeds), random_(seed) {}

  std::string next() {
    std::string bytes = pick();
    for (std::size_t changes = 1 + below(6); changes > 0; --changes) change(bytes);
    if (bytes.size() > kMaxSeedBytes) bytes.resize(kMaxSeedBytes);
    return bytes;
  }

 private:
  std::size_t below(std::size_t limit) { return limit == 0 ? 0 : random_() % limit; }
  const std::string& pick() { return seeds_[below(seeds_.size())]; }
  std::string piece(const std::string& from) {
    return from.empty() ? "" : from.substr(below(from.size()), 1 + below(32));
  }

  void change(std::string& bytes) {
    constexpr char kTelling[] = "\0\n\r\t \"'\\$#{}[](),:;=@/.*!?<>-0\x7f\xff";
    const std::size_t at = below(bytes.size() + 1);
    switch (below(7)) {
      case 0:
        if (at < bytes.size()) bytes[at] = static_cast<char>(random_());
        return;
      case 1:
        if (at < bytes.size())
          bytes[at] = static_cast<char>(static_cast<unsigned char>(bytes[at]) ^ (1u << below(8)));
        return;
      case 2:
        bytes.insert(at, 1, kTelling[below(sizeof kTelling - 1)]);
        return;
      case 3:
        bytes.erase(at, 1 + below(16));
        return;
      case 4:
        bytes.insert(at, piece(bytes));
        return;
      case 5:
        bytes.insert(at, piece(pick()));
        return;
      default:
        bytes = bytes.substr(0, at) + pick().substr(0, kMaxSeedBytes).erase(0, below(64));
    }
  }

  const std::vector<std::string>& seeds_;
  std::mt19937 random_;
};

unsigned number_of(const char* variable, unsigned otherwise) {
  const char* text = std::getenv(variable);
  return text == nullptr ? otherwise : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

}  // namespace

int main(int argc, char** argv) {
  for (const int signal : {SIGILL, SIGTRAP, SIGABRT, SIGSEGV, SIGBUS, SIGFPE})
    ::signal(signal, keep_input);
  std::vector<std::string> seeds;
  feed("");
  for (int i = 1; i < argc; ++i) {
    if (!std::filesystem::exists(argv[i])) continue;
    for (const auto& entry : std::filesystem::recursive_directory_iterator(argv[i])) {
      if (!entry.is_regular_file() || entry.file_size() > kMaxSeedBytes) continue;
      std::ifstream file(entry.path(), std::ios::binary);
      seeds.emplace_back(std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>());
      feed_variants(seeds.back());
    }
  }
  if (seeds.empty()) return 1;
  using Clock = std::chrono::steady_clock;
  const auto end = Clock::now() + std::chrono::seconds(number_of("LICHEN_FUZZ_SECONDS", 0));
  Mutator mutator(seeds, number_of("LICHEN_FUZZ_SEED", 1));
  std::size_t count = 0;
  for (; Clock::now() < end; ++count) feed(mutator.next());
  std::printf("%zu seeds, %zu mutations\n", seeds.size(), count);
  return 0;
}
