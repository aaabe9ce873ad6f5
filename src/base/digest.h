// Digest: "sha256:" and 64 hex digits, the name of a blob (OCI image-spec, descriptor.md, Digests).
//
// Hasher is incremental SHA-256 (OpenSSL, SHA-NI where the CPU has it). Both are values of one
// thread.
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <string_view>

#include "base/result.h"

namespace lichen {

class Digest {
 public:
  Digest() = default;  // the empty digest: no blob has it

  // Accepts "sha256:<64 lower-case hex digits>" only; sha512 is kUnsupported.
  static Result<Digest> parse(std::string_view text);

  const std::string& text() const { return text_; }                         // "sha256:ab…"
  std::string hex() const { return text_.empty() ? "" : text_.substr(7); }  // "ab…"
  std::string short_hex() const { return hex().substr(0, 12); }
  bool empty() const { return text_.empty(); }

  friend bool operator==(const Digest&, const Digest&) = default;
  friend auto operator<=>(const Digest&, const Digest&) = default;

 private:
  friend class Hasher;
  std::string text_;
};

class Hasher {
 public:
  Hasher();
  ~Hasher();
  Hasher(Hasher&&) noexcept;
  Hasher& operator=(Hasher&&) noexcept;

  Hasher& update(std::string_view bytes);
  // Length-prefixed: two fields never run into each other. For cache keys.
  Hasher& field(std::string_view bytes);
  Digest finish();  // once

 private:
  struct State;
  std::unique_ptr<State> state_;
};

Digest sha256(std::string_view bytes);

}  // namespace lichen

template <>
struct std::hash<lichen::Digest> {
  std::size_t operator()(const lichen::Digest& digest) const noexcept {
    return std::hash<std::string>{}(digest.text());
  }
};
