// What a hostile SBOM generator writes: no crash, and what is accepted is a statement about our
// subject.
#include <cstddef>
#include <cstdint>
#include <string>

#include "attest/statement.h"

using namespace lichen;  // NOLINT

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto statement = attest::adopt_statement(text, {{"subject", sha256("")}})) {
    LICHEN_ASSERT(!statement->predicate_type.empty());
    LICHEN_ASSERT(statement->json.find(R"("subject":[{"name":"subject")") != std::string::npos);
  }
  return 0;
}
