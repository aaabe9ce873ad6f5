#include "container/emulator.h"

#include <elf.h>
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstddef>
#include <cstdio>
#include <cstring>

#include "oci/platform_match.h"
#include "os/child.h"
#include "os/file.h"
#include "os/socket.h"
#include "sandbox/mounts.h"

namespace lichen::container {

namespace {

constexpr char kPackage[] = "qemu-user-static";

struct Architecture {
  const char* name;  // Go's
  const char* qemu;
  bare::ElfMachine machine;
};
constexpr Architecture kArchitectures[] = {
    {"amd64", "x86_64", {ELFCLASS64, ELFDATA2LSB, EM_X86_64}},
    {"386", "i386", {ELFCLASS32, ELFDATA2LSB, EM_386}},
    {"arm64", "aarch64", {ELFCLASS64, ELFDATA2LSB, EM_AARCH64}},
    {"arm", "arm", {ELFCLASS32, ELFDATA2LSB, EM_ARM}},
    {"riscv64", "riscv64", {ELFCLASS64, ELFDATA2LSB, EM_RISCV}},
    {"ppc64le", "ppc64le", {ELFCLASS64, ELFDATA2LSB, EM_PPC64}},
    {"ppc64", "ppc64", {ELFCLASS64, ELFDATA2MSB, EM_PPC64}},
    {"s390x", "s390x", {ELFCLASS64, ELFDATA2MSB, EM_S390}},
    {"mips64le", "mips64el", {ELFCLASS64, ELFDATA2LSB, EM_MIPS}},
    {"mips64", "mips64", {ELFCLASS64, ELFDATA2MSB, EM_MIPS}},
    {"mipsle", "mipsel", {ELFCLASS32, ELFDATA2LSB, EM_MIPS}},
    {"mips", "mips", {ELFCLASS32, ELFDATA2MSB, EM_MIPS}},
    {"loong64", "loongarch64", {ELFCLASS64, ELFDATA2LSB, 258 /* EM_LOONGARCH */}},
};

// Ours, and what the kernel of such a machine mostly runs, too.
#if defined(__x86_64__)
constexpr std::string_view kOwn = "amd64", kNarrow = "386";
#elif defined(__aarch64__)
constexpr std::string_view kOwn = "arm64", kNarrow = "arm";
#else
constexpr std::string_view kOwn = "", kNarrow = "";
#endif

// A step has no libraries of the host: only a program that needs none can run there.
bool is_static(const std::string& path) {
  const auto file = os::open(path, O_RDONLY);
  if (!file) return false;
  constexpr std::size_t kHeadBytes = 4096;
  std::string head(kHeadBytes, '\0');
  const ssize_t got = ::pread(file->get(), head.data(), head.size(), 0);
  head.resize(static_cast<std::size_t>(std::max<ssize_t>(got, 0)));
  const auto header = bare::parse_elf_header(head);
  if (!header || header->segments.offset > head.size()) return false;
  const auto segments = bare::parse_elf_segments(
      *header, std::string_view(head).substr(header->segments.offset, header->segments.bytes));
  return segments && !segments->interpreter;
}

// The parts of an ELF header that say whom it is for, as bytes.
struct Pattern {
  std::string magic, mask;
};
Pattern pattern_of(const bare::ElfMachine& machine) {
  constexpr std::size_t kBytes = 20;  // e_ident, e_type, e_machine
  Pattern pattern{std::string(kBytes, '\0'), std::string(kBytes, '\xff')};
  pattern.magic.replace(0, SELFMAG, ELFMAG);
  pattern.magic[EI_CLASS] = static_cast<char>(machine.elf_class);
  pattern.magic[EI_DATA] = static_cast<char>(machine.data);
  pattern.magic[EI_VERSION] = EV_CURRENT;
  pattern.mask[EI_OSABI] = '\0';  // GNU or none
  const bool little = machine.data == ELFDATA2LSB;
  const std::size_t low = little ? 0 : 1, high = 1 - low;
  // ET_EXEC and ET_DYN differ in the last bit.
  pattern.magic[EI_NIDENT + low] = ET_EXEC;
  pattern.mask[EI_NIDENT + low] = '\xfe';
  pattern.magic[EI_NIDENT + 2 + low] = static_cast<char>(machine.machine & 0xff);
  pattern.magic[EI_NIDENT + 2 + high] = static_cast<char>(machine.machine >> 8);
  return pattern;
}

std::string escaped(const std::string& bytes) {
  std::string text;
  for (const char byte : bytes) {
    char code[8];
    std::snprintf(code, sizeof code, "\\x%02x", static_cast<unsigned char>(byte));
    text += code;
  }
  return text;
}

const Architecture* find_architecture(const std::string& name) {
  for (const Architecture& one : kArchitectures)
    if (name == one.name) return &one;
  return nullptr;
}

// In the child: executes `program` with nothing of the host in reach, as in a step; its errno goes
// to `answer`, which is closed when it succeeds.
[[noreturn]] void try_program(int program, int nothing, int answer) {
  int error = 0;
  if (::chroot("/proc/self") < 0 || ::chdir("/") < 0) error = errno;
  for (int fd = 0; fd < 3; ++fd) ::dup2(nothing, fd);
  char name[] = "program";
  char* const argv[] = {name, nullptr};
  char* const env[] = {nullptr};
  if (error == 0) {
    ::syscall(SYS_execveat, program, "", argv, env, AT_EMPTY_PATH);
    error = errno;
  }
  const ssize_t written = ::write(answer, &error, sizeof error);
  ::_exit(written > 0 ? 126 : 127);
}

Result<bool> kernel_runs(const bare::ElfMachine& machine) {
  // Not closed on exec: the kernel refuses to hand such a file to an interpreter.
  const os::UniqueFd program(::memfd_create("lichen-probe", 0));
  if (!program.valid()) return fail(os_error("memfd_create", "probe"));
  TRY(os::write_all(program, probe_program(machine)));
  const os::UniqueFd nothing = TRY(os::open("/", O_PATH));  // is read and written in vain
  auto answer = TRY(os::pipe());
  const pid_t pid = ::fork();
  if (pid < 0) return fail(os_error("fork", "probe"));
  if (pid == 0) try_program(program.get(), nothing.get(), answer.second.get());
  os::Child child = TRY(os::Child::adopt(pid));  // ended, however far it is
  answer.second.reset();
  const std::string error = TRY(os::read_file(answer.first));
  return error.empty();
}

Error unregistered(Error cause, const std::string& architecture) {
  Error error{.code = Errc::kUnsupported,
              .message = "the host does not run programs for linux/" + architecture +
                         ", and they cannot be registered for this build alone: " + to_text(cause)};
  error.hint = std::string(
                   "Linux 6.7 lets every user do that; with an older one an administrator "
                   "registers them for all: apt-get install binfmt-support ") +
               kPackage;
  return error;
}

}  // namespace

Result<std::string> foreign_architecture(const oci::Platform& platform) {
  if (platform.os != "linux")
    return fail(Errc::kUnsupported, "programs for " + oci::to_text(platform) +
                                        " cannot be run: only those for Linux can");
  if (oci::match_rank(oci::host_platform(), platform) != 0) return std::string();
  return platform.architecture;
}

std::vector<Emulator> find_emulators() {
  std::vector<Emulator> found;
  for (const Architecture& one : kArchitectures) {
    if (one.name == kOwn) continue;
    const std::string name = std::string("qemu-") + one.qemu;
    for (const std::string& candidate : {name + "-static", name}) {
      std::string path = os::find_program(candidate);
      if (path.empty() || !is_static(path)) continue;
      found.push_back({one.name, one.machine, std::move(path)});
      break;
    }
  }
  return found;
}

Result<Emulator> choose_emulator(const std::vector<Emulator>& all,
                                 const std::string& architecture) {
  for (const Emulator& one : all)
    if (one.architecture == architecture) return one;
  const Architecture* known = find_architecture(architecture);
  if (known == nullptr)
    return fail(Errc::kUnsupported, "no emulator is known for programs of linux/" + architecture);
  return fail(Errc::kUnsupported,
              "RUN for linux/" + architecture + " needs an emulator, and qemu-" + known->qemu +
                  "-static is not installed",
              std::string("an administrator: apt-get install ") + kPackage);
}

std::string registration_of(const Emulator& emulator) {
  const Pattern pattern = pattern_of(emulator.machine);
  // F: the file is opened now, by a path of the host. C: setuid bits of the program count. P: the
  // emulator is told the program's argv[0].
  return ":lichen-" + emulator.architecture + ":M:0:" + escaped(pattern.magic) + ":" +
         escaped(pattern.mask) + ":" + emulator.program + ":FCP";
}

std::string probe_program(const bare::ElfMachine& machine) {
  std::string program = pattern_of(machine).magic;
  program.resize(bare::kElfHeaderBytes);
  if (machine.machine != EM_386) return program;
  constexpr std::string_view kExit("\xb8\x01\0\0\0\x31\xdb\xcd\x80", 9);  // _exit(0)
  constexpr std::uint32_t kBase = 0x08048000, kAlignment = 4096;
  struct Image {
    Elf32_Ehdr header;
    Elf32_Phdr segment;
    char code[kExit.size()];
  } image{};
  std::memcpy(&image.header, program.data(), sizeof image.header);
  image.header.e_version = EV_CURRENT;
  image.header.e_entry = kBase + offsetof(Image, code);
  image.header.e_phoff = offsetof(Image, segment);
  image.header.e_ehsize = sizeof image.header;
  image.header.e_phentsize = sizeof image.segment;
  image.header.e_phnum = 1;
  image.segment = {.p_type = PT_LOAD,
                   .p_offset = 0,
                   .p_vaddr = kBase,
                   .p_paddr = kBase,
                   .p_filesz = sizeof image,
                   .p_memsz = sizeof image,
                   .p_flags = PF_R | PF_X,
                   .p_align = kAlignment};
  std::memcpy(image.code, kExit.data(), kExit.size());
  return {reinterpret_cast<const char*>(&image), sizeof image};
}

Result<ForeignPrograms> ForeignPrograms::enable(const std::string& architecture) {
  ForeignPrograms programs;
  const Architecture* wanted = find_architecture(architecture);
  if (wanted != nullptr && TRY(kernel_runs(wanted->machine))) return programs;
  const std::vector<Emulator> all = find_emulators();
  (void)TRY(choose_emulator(all, architecture));

  const auto make = [&]() -> Result<void> {
    sandbox::FileSystem binfmt = TRY(sandbox::FileSystem::open("binfmt_misc"));
    programs.mount_ = TRY(binfmt.create(0));
    // All of them: from now on the host's own registrations are hidden from this namespace.
    for (const Emulator& one : all) {
      if (one.architecture == kNarrow && architecture != kNarrow) continue;
      const os::UniqueFd file = TRY(os::openat(programs.mount_, "register", O_WRONLY));
      auto written = os::write_all(file, registration_of(one));
      // Another worker may have been first.
      const bool is_there = !written && written.error().os_errno == EEXIST;
      if (!written && !is_there && one.architecture == architecture) return written;
    }
    return {};
  };
  if (auto made = make(); !made) return fail(unregistered(std::move(made).error(), architecture));
  return programs;
}

}  // namespace lichen::container
