// The exec stub, a whole ELF program (stub.c); empty on machines that it does not know. Written by
// EmbedStub.cmake.
#pragma once

#include <string_view>

namespace lichen::bare {

extern const std::string_view kStubBytes;

}  // namespace lichen::bare
