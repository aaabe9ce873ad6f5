#include "bare/elf.h"

#include <elf.h>

#include <algorithm>
#include <cstring>
#include <limits>

namespace lichen::bare {

namespace {

static_assert(sizeof(Elf64_Ehdr) == kElfHeaderBytes);

#if defined(__x86_64__)
constexpr std::uint16_t kMachine = EM_X86_64;
#elif defined(__aarch64__)
constexpr std::uint16_t kMachine = EM_AARCH64;
#else
constexpr std::uint16_t kMachine = EM_NONE;
#endif

constexpr std::uint64_t kMaxHeaderBytes = 65536;
constexpr std::uint64_t kMaxAddress = std::uint64_t{1} << 47;  // user addresses are below
constexpr std::uint64_t kSmallestPage = 4096;
constexpr std::uint64_t kMaxPath = 4096;
constexpr std::uint64_t kMaxOffset = std::numeric_limits<std::int64_t>::max();

// EI_CLASS and e_machine lie at the same place in files of both classes.
bool is_native(const Elf64_Ehdr& header) {
  return header.e_ident[EI_CLASS] == ELFCLASS64 && header.e_ident[EI_DATA] == ELFDATA2LSB &&
         header.e_machine == kMachine;
}

bool fits(const ElfRange& range) {
  return range.offset <= kMaxOffset && range.bytes <= kMaxOffset - range.offset;
}

bool is_loadable(const Elf64_Phdr& segment) {
  return segment.p_filesz <= segment.p_memsz && segment.p_vaddr < kMaxAddress &&
         segment.p_memsz <= kMaxAddress - segment.p_vaddr &&
         fits({segment.p_offset, segment.p_filesz}) &&
         // Or it could not be mapped.
         (segment.p_filesz == 0 ||
          segment.p_vaddr % kSmallestPage == segment.p_offset % kSmallestPage);
}

}  // namespace

std::optional<ElfMachine> elf_machine(std::string_view head) {
  if (head.size() < kElfHeaderBytes || head.substr(0, SELFMAG) != ELFMAG) return std::nullopt;
  Elf64_Ehdr header;
  std::memcpy(&header, head.data(), sizeof header);
  std::uint16_t machine = header.e_machine;
  if (header.e_ident[EI_DATA] == ELFDATA2MSB)
    machine = static_cast<std::uint16_t>(machine << 8 | machine >> 8);
  return ElfMachine{header.e_ident[EI_CLASS], header.e_ident[EI_DATA], machine};
}

tl::expected<ElfHeader, ElfFault> parse_elf_header(std::string_view head) {
  if (head.substr(0, SELFMAG) != ELFMAG) return tl::unexpected(ElfFault::kNotElf);
  if (head.size() < kElfHeaderBytes) return tl::unexpected(ElfFault::kDamaged);
  Elf64_Ehdr header;
  std::memcpy(&header, head.data(), sizeof header);
  if (!is_native(header)) return tl::unexpected(ElfFault::kForeign);
  const ElfHeader parsed{
      .is_movable = header.e_type == ET_DYN,
      .entry = header.e_entry,
      .segments = {header.e_phoff, std::uint64_t{header.e_phnum} * sizeof(Elf64_Phdr)}};
  const bool is_program = header.e_type == ET_DYN || header.e_type == ET_EXEC;
  if (!is_program || header.e_phentsize != sizeof(Elf64_Phdr) || header.e_phnum == 0 ||
      parsed.segments.bytes > kMaxHeaderBytes || !fits(parsed.segments)) {
    return tl::unexpected(ElfFault::kDamaged);
  }
  return parsed;
}

tl::expected<ElfSegments, ElfFault> parse_elf_segments(const ElfHeader& header,
                                                       std::string_view bytes) {
  if (bytes.size() != header.segments.bytes) return tl::unexpected(ElfFault::kDamaged);
  ElfSegments parsed;
  std::uint64_t end = 0;
  for (std::size_t at = 0; at + sizeof(Elf64_Phdr) <= bytes.size(); at += sizeof(Elf64_Phdr)) {
    Elf64_Phdr segment;
    std::memcpy(&segment, bytes.data() + at, sizeof segment);
    if (segment.p_type == PT_INTERP && !parsed.interpreter) {  // the first one counts
      parsed.interpreter = ElfRange{segment.p_offset, segment.p_filesz};
      if (segment.p_filesz < 2 || segment.p_filesz > kMaxPath || !fits(*parsed.interpreter))
        return tl::unexpected(ElfFault::kDamaged);
    }
    if (segment.p_type != PT_LOAD) continue;
    if (!is_loadable(segment)) return tl::unexpected(ElfFault::kDamaged);
    end = std::max(end, segment.p_vaddr + segment.p_memsz);
  }
  if (end == 0) return tl::unexpected(ElfFault::kDamaged);
  return parsed;
}

std::optional<std::string> parse_elf_interpreter(std::string_view bytes) {
  if (bytes.empty() || bytes.back() != '\0') return std::nullopt;
  const std::string_view path = bytes.substr(0, bytes.find('\0'));
  if (path.empty()) return std::nullopt;
  return std::string(path);
}

std::string describe_foreign_elf(std::string_view head) {
  Elf64_Ehdr header{};
  std::memcpy(&header, head.data(), std::min(head.size(), sizeof header));
  if (header.e_machine == EM_386 || header.e_ident[EI_CLASS] == ELFCLASS32)
    return "a 32-bit program";
  return "a program for another processor (ELF machine " + std::to_string(header.e_machine) + ")";
}

}  // namespace lichen::bare
