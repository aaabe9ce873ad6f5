// What an image says is a program: ELF headers, as if the input were the whole file, and the first
// line of a script. What was accepted lies within the file, and can be loaded.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "bare/elf.h"
#include "bare/script.h"

using namespace lichen::bare;  // NOLINT

namespace {

void check(bool holds) {
  if (!holds) __builtin_trap();
}

std::string_view part(std::string_view file, const ElfRange& range) {
  if (range.offset > file.size()) return {};
  return file.substr(range.offset, range.bytes);
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string_view file(reinterpret_cast<const char*>(data), size);
  if (const auto script = parse_script(file.substr(0, kScriptHeadBytes))) {
    check(!script->interpreter.empty() && script->interpreter.size() < kScriptHeadBytes);
    check(!script->argument || !script->argument->empty());
  }
  describe_foreign_elf(file);
  const auto header = parse_elf_header(file.substr(0, kElfHeaderBytes));
  if (!header) return 0;
  check(header->segments.bytes > 0 && header->segments.bytes <= 65536);
  const auto segments = parse_elf_segments(*header, part(file, header->segments));
  if (!segments || !segments->interpreter) return 0;
  check(segments->interpreter->bytes <= 4096);
  if (const auto path = parse_elf_interpreter(part(file, *segments->interpreter)))
    check(!path->empty() && path->find('\0') == path->npos);
  return 0;
}
