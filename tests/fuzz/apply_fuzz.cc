// Any bytes as a layer, unpacked: nothing appears, changes or disappears outside of its directory.
// What was unpacked can be made a layer of, and that one unpacks to the same.
#include <fcntl.h>
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>
#include <string_view>

#include "archive/tar_writer.h"
#include "base/stream.h"
#include "os/file.h"
#include "store/tree.h"

using namespace lichen;  // NOLINT

namespace {

std::string place() {
  // Sparse files are as large as they say; none gets larger here.
  const struct ::rlimit most = {1 << 20, 1 << 20};
  ::setrlimit(RLIMIT_FSIZE, &most);
  ::signal(SIGXFSZ, SIG_IGN);
  std::string path = "/tmp/lichen-fuzz-XXXXXX";
  LICHEN_ASSERT(::mkdtemp(path.data()) != nullptr);
  static std::string kept;
  kept = path;
  std::atexit([] { (void)os::remove_tree(kept); });
  LICHEN_ASSERT(os::replace_file(path + "/outside", "outside", 0600));
  return path;
}

Result<std::string> layer_of(const std::string& fs, const owners::Sidecar& sidecar) {
  StringSink bytes;
  archive::TarWriter tar(bytes);
  TRY(store::diff_layer(fs, {}, os::Tier::kBare, {}, sidecar, {}, tar));
  TRY(tar.finish());
  return bytes.take();
}

Result<std::string> unpacked(std::string_view layer, const std::string& fs) {
  TRY(os::mkdirs(fs));
  StringSource source(layer);
  const store::ApplyResult applied = TRY(store::apply_layer(source, fs, {}, os::Tier::kBare, {}));
  return layer_of(fs, applied.sidecar);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string top = place();
  const auto layer = unpacked({reinterpret_cast<const char*>(data), size}, top + "/fs");
  LICHEN_ASSERT(os::read_file(top + "/outside").value_or("") == "outside");
  const auto directory = os::open(top, O_RDONLY | O_DIRECTORY);
  LICHEN_ASSERT(directory && os::read_directory(*directory)->size() == 2);
  if (layer) {
    const auto again = unpacked(*layer, top + "/again");
    LICHEN_ASSERT(again && *again == *layer);
    LICHEN_ASSERT(os::remove_tree(top + "/again"));
  }
  LICHEN_ASSERT(os::remove_tree(top + "/fs"));
  return 0;
}
