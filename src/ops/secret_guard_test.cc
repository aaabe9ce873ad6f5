#include "ops/secret_guard.h"

#include <gtest/gtest.h>

namespace lichen::ops {
namespace {

class Collect final : public Sink {
 public:
  Result<void> write(std::string_view bytes) override {
    all += bytes;
    return {};
  }
  std::string all;
};

// In pieces of `size` bytes.
std::vector<std::string> found_in(const std::string& text, std::size_t size,
                                  const std::map<std::string, std::string>& secrets) {
  Collect collected;
  SecretGuard guard(secrets, collected);
  for (std::size_t at = 0; at < text.size(); at += size)
    EXPECT_TRUE(guard.write(std::string_view(text).substr(at, size)));
  EXPECT_TRUE(guard.close());
  EXPECT_EQ(collected.all, text);
  return guard.found();
}

TEST(SecretGuard, FindsEverySpelling) {
  const std::string secret = "s3cr3t/token+é \n";
  const struct {
    const char* text;
  } rows[] = {
      {"s3cr3t/token+é "},
      {"czNjcjN0L3Rva2VuK8OpIA=="},      // base64 of the secret
      {"Om3vczNjcjN0L3Rva2VuK8OpIGFh"},  // after three other bytes
      {"dTpzM2NyM3QvdG9rZW4rw6kgYQ=="},  // "u:" before it
      {"eHM0OnMzY3IzdC90b2tlbivDqSA="},  // "xs4:"
      {"s3cr3t%2Ftoken%2B%C3%A9%20"},
      {"s3cr3t%2ftoken%2b%c3%a9+"},
  };
  for (const auto& row : rows) {
    const std::string text = std::string(1000, 'x') + row.text + std::string(1000, 'y');
    for (const std::size_t size : {1u, 7u, 64u, 1003u, 5000u})
      EXPECT_EQ(found_in(text, size, {{"id", secret}}), std::vector<std::string>{"id"})
          << row.text << " in pieces of " << size;
  }
}

TEST(SecretGuard, PassesWhatIsNotThere) {
  const std::map<std::string, std::string> secrets{
      {"a", "correct horse"}, {"b", "battery staple"}, {"short", "1234567"}};
  EXPECT_TRUE(found_in("correct hors battery stapl 1234567", 5, secrets).empty());
  EXPECT_EQ(found_in("a battery staple", 5, secrets), std::vector<std::string>{"b"});
  EXPECT_TRUE(found_in("anything", 3, {}).empty());
}

}  // namespace
}  // namespace lichen::ops
