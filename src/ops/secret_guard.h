// Looks for secrets in a stream of bytes that goes on to somewhere else: the tar of a layer.
//
//   SecretGuard guard({{"token", bytes}}, sink);
//   … write to guard …
//   TRY(guard.close());
//   guard.found();            // {"token"}: it was there
//
// A secret is found as it is, in base64 (either alphabet, wherever in a longer text it stands), and
// in URLs. Those shorter than kLeastBytes are not looked for: they are anywhere. Nor is what a step
// compressed or encrypted. One thread.
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"
#include "base/stream.h"

namespace lichen::ops {

class SecretGuard final : public Sink {
 public:
  static constexpr std::size_t kLeastBytes = 8;

  SecretGuard(const std::map<std::string, std::string>& secrets, Sink& next);
  Result<void> write(std::string_view bytes) override;
  Result<void> close() override { return next_.close(); }
  std::vector<std::string> found() const;  // ids, sorted

 private:
  struct Pattern {
    std::string id, bytes;
    bool found = false;
  };
  void search(std::string_view bytes);

  Sink& next_;
  std::vector<Pattern> patterns_;
  std::size_t longest_ = 0;
  std::string seam_;  // the end of what was written
};

// The texts that a secret may have become; for tests.
std::vector<std::string> spellings(const std::string& secret);

}  // namespace lichen::ops
