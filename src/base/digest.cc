#include "base/digest.h"

#include <openssl/evp.h>

#include <cstdint>

namespace lichen {

Result<Digest> Digest::parse(std::string_view text) {
  constexpr std::string_view kPrefix = "sha256:";
  if (text.rfind("sha512:", 0) == 0)
    return fail(Errc::kUnsupported,
                "digest algorithm sha512 is not supported: " + std::string(text));
  bool valid = text.size() == kPrefix.size() + 64 && text.substr(0, kPrefix.size()) == kPrefix;
  for (std::size_t i = kPrefix.size(); valid && i < text.size(); ++i)
    valid = (text[i] >= '0' && text[i] <= '9') || (text[i] >= 'a' && text[i] <= 'f');
  if (!valid)
    return fail(Errc::kInvalid, "invalid digest \"" + std::string(text) + "\"",
                "a digest is sha256: and 64 lower-case hex digits");
  Digest digest;
  digest.text_ = text;
  return digest;
}

struct Hasher::State {
  EVP_MD_CTX* context = EVP_MD_CTX_new();
  State() = default;
  State(const State&) = delete;
  State& operator=(const State&) = delete;
  ~State() { EVP_MD_CTX_free(context); }
};

Hasher::Hasher() : state_(std::make_unique<State>()) {
  LICHEN_ASSERT(EVP_DigestInit_ex(state_->context, EVP_sha256(), nullptr) == 1);
}
Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

Hasher& Hasher::update(std::string_view bytes) {
  EVP_DigestUpdate(state_->context, bytes.data(), bytes.size());
  return *this;
}

Hasher& Hasher::field(std::string_view bytes) {
  std::uint64_t size = bytes.size();
  char prefix[8];
  for (char& byte : prefix) {
    byte = static_cast<char>(size & 0xff);
    size >>= 8;
  }
  return update({prefix, sizeof prefix}).update(bytes);
}

Digest Hasher::finish() {
  unsigned char bytes[EVP_MAX_MD_SIZE];
  unsigned size = 0;
  LICHEN_ASSERT(EVP_DigestFinal_ex(state_->context, bytes, &size) == 1 && size == 32);
  static constexpr char kHex[] = "0123456789abcdef";
  Digest digest;
  digest.text_ = "sha256:";
  for (unsigned i = 0; i < size; ++i) {
    digest.text_ += kHex[bytes[i] >> 4];
    digest.text_ += kHex[bytes[i] & 15];
  }
  return digest;
}

Digest sha256(std::string_view bytes) {
  return Hasher().update(bytes).finish();
}

}  // namespace lichen
