#include "bare/programs.h"

#include <fcntl.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include <cerrno>
#include <utility>

#include "bare/elf.h"

namespace lichen::bare {

namespace {

constexpr std::size_t kMaxKnown = 4096;
constexpr std::size_t kHeadBytes = 4096;  // mostly with all program headers and the interpreter

// "" when it could not be read whole.
std::string read_range(const os::UniqueFd& file, const std::string& head, const ElfRange& range) {
  if (range.offset <= head.size() && range.bytes <= head.size() - range.offset)
    return head.substr(range.offset, range.bytes);
  std::string bytes(range.bytes, '\0');
  const ssize_t got =
      ::pread(file.get(), bytes.data(), bytes.size(), static_cast<off_t>(range.offset));
  if (got != static_cast<ssize_t>(bytes.size())) bytes.clear();
  return bytes;
}

ProgramFile parse_program(const os::UniqueFd& file, const std::string& head) {
  if (is_script(head)) {
    ProgramFile program{.script = parse_script(head.substr(0, kScriptHeadBytes))};
    if (!program.script) program.error = ENOEXEC;
    return program;
  }
  const auto header = parse_elf_header(head);
  if (!header) {
    ProgramFile program{.error = ENOEXEC};
    if (header.error() == ElfFault::kForeign) {
      program.why = "is " + describe_foreign_elf(head) + ", which tier bare cannot run";
      program.foreign = elf_machine(head);
    }
    return program;
  }
  const auto segments = parse_elf_segments(*header, read_range(file, head, header->segments));
  if (!segments) return {.error = ENOEXEC};
  if (!segments->interpreter) return {};
  const auto path = parse_elf_interpreter(read_range(file, head, *segments->interpreter));
  if (!path) return {.error = ENOEXEC};
  return {.interpreter = *path};
}

}  // namespace

std::shared_ptr<const ProgramFile> ProgramFiles::read(const os::UniqueFd& proc,
                                                      const os::UniqueFd& file,
                                                      const struct statx& status) {
  const Key key{status.stx_dev_major,    status.stx_dev_minor,     status.stx_ino,
                status.stx_ctime.tv_sec, status.stx_ctime.tv_nsec, status.stx_size};
  {
    const std::lock_guard lock(mutex_);
    if (const auto known = known_.find(key); known != known_.end()) return known->second;
  }
  const auto failed = [](int error, std::string why = {}) {
    return std::make_shared<ProgramFile>(ProgramFile{.error = error, .why = std::move(why)});
  };
  struct statvfs mount {};
  if (::fstatvfs(file.get(), &mount) == 0 && (mount.f_flag & ST_NOEXEC) != 0)
    return failed(EACCES, "is on a file system that is mounted noexec");
  const os::UniqueFd readable(::openat(proc.get(),
                                       ("self/fd/" + std::to_string(file.get())).c_str(),
                                       O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!readable.valid()) return failed(errno);
  std::string head(kHeadBytes, '\0');
  const ssize_t bytes = ::pread(readable.get(), head.data(), head.size(), 0);
  if (bytes < 0) return failed(errno);
  head.resize(static_cast<std::size_t>(bytes));
  auto program = std::make_shared<const ProgramFile>(parse_program(readable, head));

  const std::lock_guard lock(mutex_);
  if (known_.size() >= kMaxKnown) known_.clear();
  known_.emplace(key, program);
  return program;
}

}  // namespace lichen::bare
