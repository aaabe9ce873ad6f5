// The headers of an ELF program, as far as loading one needs them: elf(5), and what the kernel's
// loader (fs/binfmt_elf.c, Linux 6.18) refuses. Pure; bytes are hostile.
//
//   auto header = parse_elf_header(first_bytes);          // of at least kElfHeaderBytes
//   … read header->segments …
//   auto segments = parse_elf_segments(*header, bytes);
//   … read segments->interpreter …
//   auto path = parse_elf_interpreter(bytes);
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <tl/expected.hpp>

namespace lichen::bare {

inline constexpr std::size_t kElfHeaderBytes = 64;

// Whom an ELF file is for, in the numbers of elf.h.
struct ElfMachine {
  std::uint8_t elf_class = 0, data = 0;
  std::uint16_t machine = 0;
  friend bool operator==(const ElfMachine&, const ElfMachine&) = default;
};
// nullopt: not an ELF file. `head`: its first bytes.
std::optional<ElfMachine> elf_machine(std::string_view head);

enum class ElfFault {
  kNotElf,
  kForeign,  // a program, but not for this machine: describe_foreign_elf says for which
  kDamaged,  // or no program: an object file, a core
};

struct ElfRange {  // of the file
  std::uint64_t offset = 0, bytes = 0;
  friend bool operator==(const ElfRange&, const ElfRange&) = default;
};

struct ElfHeader {
  bool is_movable = false;  // ET_DYN
  std::uint64_t entry = 0;
  ElfRange segments;  // the program headers, at most 64 KiB
  friend bool operator==(const ElfHeader&, const ElfHeader&) = default;
};
tl::expected<ElfHeader, ElfFault> parse_elf_header(std::string_view head);

struct ElfSegments {
  std::optional<ElfRange> interpreter;  // of its path, with NUL; at most a page
  friend bool operator==(const ElfSegments&, const ElfSegments&) = default;
};
// `bytes` are those of header.segments.
tl::expected<ElfSegments, ElfFault> parse_elf_segments(const ElfHeader& header,
                                                       std::string_view bytes);

// nullopt: not a path.
std::optional<std::string> parse_elf_interpreter(std::string_view bytes);

// "a 32-bit program", "a program for another processor (ELF machine 183)".
std::string describe_foreign_elf(std::string_view head);

}  // namespace lichen::bare
