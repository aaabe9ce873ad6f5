#include "bare/programs.h"

#include <elf.h>
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <fstream>
#include <vector>

#include "bare/elf.h"
#include "os/file.h"

namespace lichen::bare {
namespace {

#ifdef __x86_64__
constexpr std::uint16_t kMachine = EM_X86_64;
#else
constexpr std::uint16_t kMachine = EM_AARCH64;
#endif

Elf64_Ehdr good_header() {
  Elf64_Ehdr header{};
  std::memcpy(header.e_ident, ELFMAG, SELFMAG);
  header.e_ident[EI_CLASS] = ELFCLASS64;
  header.e_ident[EI_DATA] = ELFDATA2LSB;
  header.e_type = ET_DYN;
  header.e_machine = kMachine;
  header.e_entry = 0x1000;
  header.e_phoff = sizeof header;
  header.e_phentsize = sizeof(Elf64_Phdr);
  header.e_phnum = 1;
  return header;
}

template <class T>
std::string bytes_of(const T& value) {
  return std::string(reinterpret_cast<const char*>(&value), sizeof value);
}

std::string foreign_head(unsigned char elf_class, std::uint16_t machine) {
  Elf64_Ehdr header = good_header();
  header.e_ident[EI_CLASS] = elf_class;
  header.e_machine = machine;
  return bytes_of(header);
}

TEST(Elf, ReadsAHeader) {
  const auto parsed = parse_elf_header(bytes_of(good_header()));
  ASSERT_TRUE(parsed);
  EXPECT_EQ(*parsed, (ElfHeader{true, 0x1000, {64, 56}}));
}

TEST(Elf, RefusesOtherHeaders) {
  const struct {
    const char* what;
    void (*change)(Elf64_Ehdr&);
    ElfFault want;
  } rows[] = {
      {"magic", [](Elf64_Ehdr& h) { h.e_ident[0] = 'x'; }, ElfFault::kNotElf},
      {"32 bits", [](Elf64_Ehdr& h) { h.e_ident[EI_CLASS] = ELFCLASS32; }, ElfFault::kForeign},
      {"big endian", [](Elf64_Ehdr& h) { h.e_ident[EI_DATA] = ELFDATA2MSB; }, ElfFault::kForeign},
      {"machine", [](Elf64_Ehdr& h) { h.e_machine = EM_RISCV; }, ElfFault::kForeign},
      {"object", [](Elf64_Ehdr& h) { h.e_type = ET_REL; }, ElfFault::kDamaged},
      {"size", [](Elf64_Ehdr& h) { h.e_phentsize = 32; }, ElfFault::kDamaged},
      {"none", [](Elf64_Ehdr& h) { h.e_phnum = 0; }, ElfFault::kDamaged},
      {"too many", [](Elf64_Ehdr& h) { h.e_phnum = 1171; }, ElfFault::kDamaged},
      {"offset", [](Elf64_Ehdr& h) { h.e_phoff = ~0ull; }, ElfFault::kDamaged},
      {"last offset", [](Elf64_Ehdr& h) { h.e_phoff = INT64_MAX - 1; }, ElfFault::kDamaged},
  };
  for (const auto& row : rows) {
    Elf64_Ehdr header = good_header();
    row.change(header);
    const auto parsed = parse_elf_header(bytes_of(header));
    ASSERT_FALSE(parsed) << row.what;
    EXPECT_EQ(parsed.error(), row.want) << row.what;
  }
  EXPECT_EQ(parse_elf_header("").error(), ElfFault::kNotElf);
  EXPECT_EQ(parse_elf_header(ELFMAG).error(), ElfFault::kDamaged);
}

TEST(Elf, NamesForeignPrograms) {
  EXPECT_EQ(describe_foreign_elf(foreign_head(ELFCLASS32, EM_386)), "a 32-bit program");
  EXPECT_EQ(describe_foreign_elf(foreign_head(ELFCLASS64, EM_RISCV)),
            "a program for another processor (ELF machine 243)");
  EXPECT_NE(describe_foreign_elf(""), "");
}

TEST(Elf, JudgesSegments) {
  using Change = void (*)(Elf64_Phdr&);
  const struct {
    const char* what;
    Change change;
    bool want;
  } rows[] = {
      {"good", [](Elf64_Phdr&) {}, true},
      {"none to load", [](Elf64_Phdr& s) { s.p_type = PT_NOTE; }, false},
      {"empty", [](Elf64_Phdr& s) { s.p_vaddr = s.p_memsz = s.p_filesz = 0; }, false},
      {"more of the file", [](Elf64_Phdr& s) { s.p_filesz = s.p_memsz + 1; }, false},
      {"wraps", [](Elf64_Phdr& s) { s.p_memsz = ~0ull; }, false},
      {"kernel's", [](Elf64_Phdr& s) { s.p_vaddr = 1ull << 47; }, false},
      {"not congruent", [](Elf64_Phdr& s) { s.p_offset = 8; }, false},
      {"only zeros", [](Elf64_Phdr& s) { s.p_filesz = 0, s.p_offset = 8; }, true},
      {"far in the file", [](Elf64_Phdr& s) { s.p_offset = ~0ull << 12; }, false},
      {"no interpreter", [](Elf64_Phdr& s) { s.p_type = PT_INTERP, s.p_filesz = 1; }, false},
      {"long interpreter", [](Elf64_Phdr& s) { s.p_type = PT_INTERP, s.p_filesz = 4097; }, false},
  };
  const auto header = parse_elf_header(bytes_of(good_header()));
  for (const auto& row : rows) {
    Elf64_Phdr segment{};
    segment.p_type = PT_LOAD;
    segment.p_filesz = 10;
    segment.p_memsz = 20;
    row.change(segment);
    EXPECT_EQ(parse_elf_segments(*header, bytes_of(segment)).has_value(), row.want) << row.what;
  }
  EXPECT_FALSE(parse_elf_segments(*header, ""));
}

TEST(Elf, ReadsTheInterpretersPath) {
  EXPECT_EQ(parse_elf_interpreter(std::string_view("/lib/ld\0", 8)), "/lib/ld");
  EXPECT_EQ(parse_elf_interpreter(std::string_view("/l\0xx\0", 6)), "/l");
  EXPECT_EQ(parse_elf_interpreter("/lib/ld"), std::nullopt);
  EXPECT_EQ(parse_elf_interpreter(std::string_view("\0\0", 2)), std::nullopt);
  EXPECT_EQ(parse_elf_interpreter(""), std::nullopt);
}

TEST(Script, ReadsTheFirstLine) {
  const std::string long_name(300, 'n');
  const struct {
    std::string head;
    std::optional<Script> want;
  } rows[] = {
      {"#!/bin/sh\necho", Script{"/bin/sh", {}}},
      {"#! \t/bin/sh -e  -x \t\n", Script{"/bin/sh", "-e  -x"}},
      {"#!/bin/sh", Script{"/bin/sh", {}}},
      {"#!sh\n", Script{"sh", {}}},
      {"#!\n/bin/sh\n", std::nullopt},
      {"#!  \t", std::nullopt},
      {"#! ", std::nullopt},
      {"#", std::nullopt},
      {"", std::nullopt},
      {"echo", std::nullopt},
      {"#!/" + long_name, std::nullopt},  // who knows how it goes on
      {"#!/a " + long_name, Script{"/a", std::string(250, 'n')}},
      {std::string("#!/a b\0c\nd\n", 11), Script{"/a", "b"}},
      {"#!/a b\r\n", Script{"/a", "b\r"}},
  };
  for (const auto& row : rows) {
    const auto script = parse_script(row.head.substr(0, kScriptHeadBytes));
    EXPECT_EQ(script.has_value(), row.want.has_value()) << row.head;
    if (script && row.want) {
      EXPECT_EQ(script->interpreter, row.want->interpreter) << row.head;
      EXPECT_EQ(script->argument, row.want->argument) << row.head;
    }
  }
}

// The kernel is asked: of interpreters that echo.
TEST(Script, IsReadAsTheKernelReadsIt) {
  const std::string path = ::testing::TempDir() + "script-" + std::to_string(::getpid());
  for (const std::string head :
       {"#!/bin/echo\n", "#!/bin/echo one two \t\n", "#! \t /bin/echo  x", "#!/bin/echo",
        "#!/bin/echo\r\n", "#!\n", "#!", "#! \t", "#!/bin/echo\tE\tx"}) {
    for (const std::string& text : {head, head + std::string(300, 'y'), head + '\0' + "z\n"}) {
      std::ofstream(path) << text;
      ::chmod(path.c_str(), 0755);
      const os::UniqueFd output(::memfd_create("output", MFD_CLOEXEC));
      const pid_t child = ::fork();
      if (child == 0) {
        ::dup2(output.get(), 1);
        ::execl(path.c_str(), "x", nullptr);
        ::_exit(100);
      }
      int status = 0;
      ASSERT_EQ(::waitpid(child, &status, 0), child);
      ::lseek(output.get(), 0, SEEK_SET);
      const std::string seen = os::read_file(output).value_or("");

      const auto script = parse_script(text.substr(0, kScriptHeadBytes));
      const bool runs = script && script->interpreter == "/bin/echo";
      EXPECT_EQ(WEXITSTATUS(status), runs ? 0 : 100) << text;
      std::string want = path + "\n";
      if (script && script->argument) want.insert(0, *script->argument + " ");
      EXPECT_EQ(seen, runs ? want : "") << text;
    }
  }
  ::unlink(path.c_str());
}

TEST(ProgramFiles, RememberByChangeTime) {
  const std::string path = ::testing::TempDir() + "program-" + std::to_string(::getpid());
  const os::UniqueFd proc(::open("/proc", O_PATH | O_CLOEXEC));
  ProgramFiles files;
  const auto read = [&](const char* name) {
    const os::UniqueFd file(::open(name, O_PATH | O_CLOEXEC));
    struct statx status {};
    ::statx(file.get(), "", AT_EMPTY_PATH, STATX_BASIC_STATS, &status);
    return files.read(proc, file, status);
  };
  std::ofstream(path) << "#!/bin/sh -e\n";
  const auto script = read(path.c_str());
  EXPECT_EQ(script->script, (Script{"/bin/sh", "-e"}));
  EXPECT_EQ(read(path.c_str()), script);
  std::ofstream(path) << foreign_head(ELFCLASS32, EM_386);
  EXPECT_EQ(read(path.c_str())->error, ENOEXEC);
  EXPECT_EQ(read(path.c_str())->why, "is a 32-bit program, which tier bare cannot run");
  std::ofstream(path) << "";
  EXPECT_EQ(read(path.c_str())->error, ENOEXEC);
  ::unlink(path.c_str());

  const auto self = read("/proc/self/exe");
  EXPECT_EQ(self->error, 0);
  EXPECT_EQ(self->interpreter.substr(0, 1), "/");
}

}  // namespace
}  // namespace lichen::bare
