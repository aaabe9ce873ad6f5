#include "ops/secret_guard.h"

#include <string.h>

#include <algorithm>
#include <cstdint>
#include <set>

namespace lichen::ops {

namespace {

// The characters of base64 that say nothing but bytes of `secret`, when `before` (0 to 2) other
// bytes stand before it in their group of three.
std::string base64_core(const std::string& secret, std::size_t before, const char* digits) {
  std::string text;
  std::size_t bits = 0, first = 0;
  std::uint32_t value = 0;
  // Six bits each; those that are not all the secret's are left out.
  first = before == 0 ? 0 : before == 1 ? 4 : 2;  // bits of the first byte in a shared character
  for (const char c : secret) {
    value = value << 8 | static_cast<unsigned char>(c);
    bits += 8;
    if (first > 0) {
      bits -= first;
      first = 0;
      value &= (1u << bits) - 1;
    }
    while (bits >= 6) {
      bits -= 6;
      text += digits[value >> bits & 63];
      value &= (1u << bits) - 1;
    }
  }
  return text;
}

bool is_plain_in_url(unsigned char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '.' || c == '_' || c == '~';
}

std::string url_encoded(const std::string& secret, const char* digits, const char* space) {
  std::string text;
  for (const char c : secret) {
    const auto byte = static_cast<unsigned char>(c);
    if (is_plain_in_url(byte)) {
      text += c;
    } else if (c == ' ') {
      text += space;
    } else {
      text += '%';
      text += digits[byte >> 4];
      text += digits[byte & 15];
    }
  }
  return text;
}

// A file ends with a newline that the environment variable made of it has not.
std::string without_newline(std::string secret) {
  while (!secret.empty() && (secret.back() == '\n' || secret.back() == '\r')) secret.pop_back();
  return secret;
}

}  // namespace

std::vector<std::string> spellings(const std::string& secret) {
  constexpr char kStandard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  constexpr char kUrl[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
  std::set<std::string> texts{secret};
  for (std::size_t before = 0; before < 3; ++before)
    for (const char* digits : {kStandard, kUrl}) texts.insert(base64_core(secret, before, digits));
  for (const char* digits : {"0123456789ABCDEF", "0123456789abcdef"})
    for (const char* space : {"%20", "+"}) texts.insert(url_encoded(secret, digits, space));
  return {texts.begin(), texts.end()};
}

SecretGuard::SecretGuard(const std::map<std::string, std::string>& secrets, Sink& next)
    : next_(next) {
  for (const auto& [id, bytes] : secrets) {
    const std::string secret = without_newline(bytes);
    if (secret.size() < kLeastBytes) continue;
    for (std::string& text : spellings(secret)) {
      longest_ = std::max(longest_, text.size());
      patterns_.push_back({.id = id, .bytes = std::move(text)});
    }
  }
}

Result<void> SecretGuard::write(std::string_view bytes) {
  if (longest_ > 0) {
    // What lies across the end of the last piece, then the piece itself.
    const std::size_t overlap = longest_ - 1;
    seam_ += bytes.substr(0, overlap);
    search(seam_);
    search(bytes);
    if (bytes.size() >= overlap)
      seam_ = bytes.substr(bytes.size() - overlap);
    else if (seam_.size() > overlap)
      seam_.erase(0, seam_.size() - overlap);
  }
  return next_.write(bytes);
}

void SecretGuard::search(std::string_view bytes) {
  for (Pattern& pattern : patterns_)
    if (!pattern.found && bytes.size() >= pattern.bytes.size())
      pattern.found = ::memmem(bytes.data(), bytes.size(), pattern.bytes.data(),
                               pattern.bytes.size()) != nullptr;
}

std::vector<std::string> SecretGuard::found() const {
  std::set<std::string> ids;
  for (const Pattern& pattern : patterns_)
    if (pattern.found) ids.insert(pattern.id);
  return {ids.begin(), ids.end()};
}

}  // namespace lichen::ops
