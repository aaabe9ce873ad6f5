// A word with variables, in all modes of expansion, and the values of flags that have a grammar of
// their own: --mount, --device. The first byte chooses the mode.
#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

#include "dockerfile/expand.h"
#include "dockerfile/mount.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  using lichen::dockerfile::Expander;
  if (size == 0) return 0;
  const std::string text(reinterpret_cast<const char*>(data) + 1, size - 1);
  const unsigned mode = data[0];
  const Expander expander{.escape = (mode & 1) != 0 ? '`' : '\\',
                          .raw_quotes = (mode & 2) != 0,
                          .raw_escapes = (mode & 4) != 0,
                          .skip_unset = (mode & 8) != 0,
                          .skip_quotes = (mode & 16) != 0};
  const std::vector<std::string> env = {"A=a*b?c", "B=/x/y/x", "E=", "B=\xc3\xa9\xff"};
  const auto variables = lichen::dockerfile::variables_of(env);
  const auto got = expander.word(text, variables);
  if (!got && got.error().message.empty()) __builtin_trap();
  // A name is set or it is not.
  if (got)
    for (const std::string& name : got->matched)
      if (got->unmatched.contains(name)) __builtin_trap();

  const auto checked = lichen::dockerfile::check_mount(text);
  const auto mount = lichen::dockerfile::parse_mount(
      text, [&](std::string_view word) -> lichen::Result<std::string> {
        auto expanded = expander.word(word, variables);
        if (!expanded) return lichen::fail(std::move(expanded).error());
        return std::move(expanded->text);
      });
  (void)checked;
  (void)mount;
  (void)lichen::dockerfile::parse_device(text);
  return 0;
}
