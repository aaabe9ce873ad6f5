// A config.json of docker, which may come from another machine: no crash, a secret is never part of
// an error, and what is stored in it is found again, with all else as it was.
#include <unistd.h>

#include <cstddef>
#include <cstdint>
#include <cstdlib>
#include <string>

#include "os/file.h"
#include "registry/credential_store.h"
#include "registry/credentials.h"

using namespace lichen;  // NOLINT

namespace {

std::string directory() {
  ::setenv("PATH", "/nonexistent", 1);  // helpers that it names are not to be had
  std::string path = "/tmp/lichen-fuzz-XXXXXX";
  LICHEN_ASSERT(::mkdtemp(path.data()) != nullptr);
  static std::string kept;
  kept = path;
  std::atexit([] { (void)os::remove_tree(kept); });
  return path;
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  static const std::string path = directory() + "/config.json";
  const std::string text(reinterpret_cast<const char*>(data), size);
  registry::CredentialFiles files({.text = text, .paths = {}});
  const auto found = files.find("quay.io", "org/app");
  if (!text.empty() && !found)
    LICHEN_ASSERT(to_text(found.error()).find("secret") == std::string::npos);
  // One in sixteen is also changed, on disk.
  if (size % 16 != 0) return 0;
  LICHEN_ASSERT(os::replace_file(path, text, 0600));
  const registry::Credential mine{.username = "me", .password = "pa:ss", .identity_token = {}};
  const auto stored = registry::store_credential(path, "quay.io", mine);
  if (!stored) return 0;
  registry::CredentialFiles changed({.text = {}, .paths = {path}});
  const auto again = changed.find("quay.io", "");
  if (again) LICHEN_ASSERT(*again && **again == mine);
  LICHEN_ASSERT(registry::erase_credential(path, "quay.io"));
  return 0;
}
