// A foreign archive's own documents: index.json, manifest.json and all that they name have the
// input's bytes, or pieces of them. No crash, and what is found has the bytes that its digest says.
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <string_view>

#include "transfer/image_source.h"
#include "transfer/layout.h"

using namespace lichen;  // NOLINT

namespace {

// The first half is the document that says what is there, the rest is everything else.
class Both final : public transfer::Files {
 public:
  Both(std::string_view bytes, bool is_layout)
      : first_(bytes.substr(0, bytes.size() / 2)),
        rest_(bytes.substr(bytes.size() / 2)),
        is_layout_(is_layout) {}
  Result<std::unique_ptr<Source>> open(const std::string& path) override {
    return std::make_unique<StringSource>(TRY(bytes_of(path)));
  }
  Result<std::uint64_t> size(const std::string& path) override {
    return TRY(bytes_of(path)).size();
  }

 private:
  Result<std::string_view> bytes_of(const std::string& path) const {
    if (path == "index.json" && !is_layout_) return fail(Errc::kNotFound, "no index.json");
    return path == "index.json" || path == "manifest.json" ? first_ : rest_;
  }
  std::string_view first_, rest_;
  bool is_layout_;
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view bytes(reinterpret_cast<const char*>(data), size);
  for (const bool is_layout : {true, false}) {
    const auto images = transfer::open_all(std::make_shared<Both>(bytes, is_layout));
    if (!images) continue;
    for (const transfer::Archived& image : *images) {
      for (const std::string& name : image.names) LICHEN_ASSERT(oci::parse_reference(name));
      const auto chosen = transfer::choose_manifest(*image.source, oci::host_platform());
      if (!chosen) continue;
      LICHEN_ASSERT(sha256(chosen->bytes) == chosen->descriptor.digest);
      (void)transfer::read_config(*image.source, chosen->manifest);
    }
  }
  Both files(bytes, true);
  (void)transfer::find_in_layout(files, "x");
  if (const auto index = transfer::layout_index(bytes, {}))
    LICHEN_ASSERT(transfer::layout_index(*index, {}).value_or("") == *index);
  return 0;
}
