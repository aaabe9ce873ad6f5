// Any text as a reference to a git repository. Its short form must be one, too, and mean the same.
#include <cstddef>
#include <cstdint>
#include <string>

#include "dockerfile/git_reference.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  const auto git = lichen::dockerfile::parse_git_reference(text);
  if (!git || !*git) return 0;
  if ((*git)->remote.empty()) __builtin_trap();
  // A remote alone is a reference to the same remote.
  const auto again = lichen::dockerfile::parse_git_reference((*git)->remote);
  if (!again || !*again || (*again)->remote != (*git)->remote) __builtin_trap();
  (void)(*git)->fragment_form(true);
  return 0;
}
