#include "bare/exec.h"

#include <fcntl.h>
#include <signal.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <string_view>
#include <utility>

#include "bare/model.h"
#include "bare/path.h"
#include "bare/subject.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

constexpr int kMaxScripts = 5;          // a script of a script of …, as in the kernel
constexpr std::size_t kMaxPath = 4095;  // what one call of the stub can open
constexpr std::size_t kCommBytes = 15;  // TASK_COMM_LEN, without its NUL
constexpr std::size_t kMaxCopies = 64;
constexpr std::size_t kMaxNotes = 64;

// What the caller asks for.
struct Wanted {
  int dirfd = AT_FDCWD;
  std::string path;
  Last last = Last::kFollow;
  std::string filename;  // AT_EXECFN, and what a script's interpreter gets: by /dev/fd, if need be
  std::uint64_t arguments = 0, environment = 0;
};

Answer<Wanted> decode(const emulate::Task& task) {
  const bool at = task.nr() == SYS_execveat;
  const std::size_t path_index = at ? 1 : 0;
  const int flags = at ? task.int_arg(4) : 0;
  if ((flags & ~(AT_EMPTY_PATH | AT_SYMLINK_NOFOLLOW)) != 0) return refuse(EINVAL);
  Answer<std::string> path = task.read_path(task.arg(path_index));
  if (!path) return tl::unexpected(path.error());
  if (path->empty() && (flags & AT_EMPTY_PATH) == 0) return refuse(ENOENT);
  Wanted wanted{.path = std::move(*path),
                .arguments = task.arg(path_index + 1),
                .environment = task.arg(path_index + 2)};
  if (at) wanted.dirfd = task.int_arg(0);
  if ((flags & AT_SYMLINK_NOFOLLOW) != 0) wanted.last = Last::kKeep;
  wanted.filename = wanted.path;
  if (wanted.dirfd != AT_FDCWD && (wanted.path.empty() || wanted.path.front() != '/')) {
    wanted.filename = "/dev/fd/" + std::to_string(wanted.dirfd);
    if (!wanted.path.empty()) wanted.filename += "/" + wanted.path;
  }
  return wanted;
}

bool may_execute(const Model& model, const emulate::Credentials& credentials, const File& file) {
  if (has_record(file)) return permits(model, credentials, file, X_OK);
  return ::faccessat(model.proc.get(), ("self/fd/" + std::to_string(file.fd.get())).c_str(), X_OK,
                     0) == 0;
}

// One file that takes part in an execve.
struct Part {
  File file;
  std::shared_ptr<const ProgramFile> program;
};

Answer<Part> open_part(const Call& call, Model& model, int dirfd, const std::string& path,
                       Last last) {
  Answer<File> file = model.tree.open(call, model, dirfd, path, last);
  if (!file) return tl::unexpected(file.error());
  if (S_ISLNK(file->status.stx_mode)) return refuse(ELOOP);
  if (!S_ISREG(file->status.stx_mode)) return refuse(EACCES);
  if (!may_execute(model, *model.credentials(call), *file)) return refuse(EACCES);
  auto program = model.executables.files.read(model.proc, file->fd, file->status);
  return Part{std::move(*file), std::move(program)};
}

// The real path by which the stub opens a file.
Answer<std::string> path_for_stub(Model& model, const File& file) {
  std::string path = model.tree.real_path(file.fd);
  if (path.empty()) return model.executables.copy(model.proc, file.fd);
  if (path.size() > kMaxPath) return refuse(ENAMETOOLONG);
  return path;
}

// AT_SECURE: the program has more rights than whoever started it.
bool is_secure(const emulate::Credentials& now) {
  const bool has_gained = (now.caps.permitted & ~now.caps.ambient) != 0;
  return now.uid.effective != now.uid.real || now.gid.effective != now.gid.real ||
         (now.uid.real != 0 && has_gained);
}

// The ELF program at the end of a chain of scripts.
struct Found {
  Part part;
  std::vector<std::string> arguments;  // StubInfo::arguments
  std::string comm;
  const Emulator* emulator = nullptr;  // of a program for another machine
};

// The descriptor is gone by the time that an interpreter would open /dev/fd/N.
bool closes_on_exec(const Call& call, const Wanted& wanted) {
  return wanted.filename != wanted.path &&
         (flags_of(call.task, wanted.dirfd).value_or(0) & O_CLOEXEC) != 0;
}

Answer<std::string> first_argument(const emulate::Task& task, const Wanted& wanted) {
  std::uint64_t address = 0;
  if (wanted.arguments == 0) return std::string();
  if (!task.read(wanted.arguments, &address, sizeof address)) return refuse(EFAULT);
  if (address == 0) return std::string();
  Answer<std::string> text = task.read_path(address);
  if (!text && text.error() == Errno{ENAMETOOLONG}) return refuse(E2BIG);
  return text;
}

// What the emulator is told in place of argv[0], which goes on being the program's.
Answer<std::vector<std::string>> emulator_arguments(const Call& call, const Wanted& wanted,
                                                    const Found& found, std::string path) {
  std::vector<std::string> script = found.arguments;
  std::string argv0;
  if (script.empty()) {
    Answer<std::string> given = first_argument(call.task, wanted);
    if (!given) return tl::unexpected(given.error());
    argv0 = std::move(*given);
  } else {
    argv0 = script.front();
    script.erase(script.begin());
  }
  if (path.substr(0, 1) == "-") path.insert(0, "./");  // no option
  std::vector<std::string> line{std::string(name_of(found.emulator->program)), "-0",
                                std::move(argv0), std::move(path)};
  line.insert(line.end(), script.begin(), script.end());
  return line;
}

Answer<Found> find_program(const Call& call, Model& model, const Wanted& wanted) {
  Answer<Part> part = open_part(call, model, wanted.dirfd, wanted.path, wanted.last);
  if (!part) return tl::unexpected(part.error());
  Found found;
  found.comm = std::string(name_of(wanted.path.empty() ? model.tree.real_path(part->file.fd)
                                                       : std::string_view(wanted.path)));
  std::string path = wanted.filename;
  for (int depth = 0; part->program->script; ++depth) {
    if (depth == 0 && closes_on_exec(call, wanted)) return refuse(ENOENT);
    const Script& script = *part->program->script;
    std::vector<std::string> line{script.interpreter};
    if (script.argument) line.push_back(*script.argument);
    line.push_back(path);
    // The path of this script takes the place of argv[0], which so far was its own name.
    if (!found.arguments.empty()) found.arguments.erase(found.arguments.begin());
    found.arguments.insert(found.arguments.begin(), line.begin(), line.end());
    path = script.interpreter;
    part = open_part(call, model, AT_FDCWD, path, Last::kFollow);
    if (!part) return tl::unexpected(part.error());
    if (depth == kMaxScripts) return refuse(ELOOP);
  }
  if (part->program->foreign)
    found.emulator = model.executables.emulator_for(*part->program->foreign);
  if (part->program->error != 0 && found.emulator == nullptr) {
    if (!part->program->why.empty()) model.executables.note(path + " " + part->program->why);
    return refuse(part->program->error);
  }
  found.part = std::move(*part);
  if (found.emulator == nullptr) return found;
  if (found.arguments.empty() && wanted.filename != wanted.path) {
    // A descriptor: the emulator opens the file by its path, if it has one.
    const auto seen = model.tree.seen_as(model.tree.real_path(found.part.file.fd));
    if (seen) path = *seen;
    if (!seen && closes_on_exec(call, wanted)) return refuse(ENOENT);
  }
  Answer<std::vector<std::string>> line = emulator_arguments(call, wanted, found, std::move(path));
  if (!line) return tl::unexpected(line.error());
  found.arguments = std::move(*line);
  return found;
}

Answer<ExpectedExec> expected_of(const Call& call, Model& model, const Wanted& wanted) {
  Answer<Found> found = find_program(call, model, wanted);
  if (!found) return tl::unexpected(found.error());
  const File& file = found->part.file;
  ExpectedExec exec{
      .info = {.execfn = wanted.filename,
               .comm = found->comm.substr(0, kCommBytes),
               .arguments = std::move(found->arguments)},
      .request = {.file = model.owned(file), .honours_ids = has_record(file)},
  };
  if (exec.request.honours_ids) {
    const owners::Record record = model.record_of(file.status);
    exec.request.capabilities = emulate::parse_file_capabilities(record.capability);
    if (emulate::lacks_capabilities(exec.request, *model.credentials(call))) return refuse(EPERM);
  }
  if (const std::string& path = found->part.program->interpreter; !path.empty()) {
    const Answer<Part> interpreter = open_part(call, model, AT_FDCWD, path, Last::kFollow);
    if (!interpreter) return tl::unexpected(interpreter.error());
    if (interpreter->program->script || interpreter->program->error == ENOEXEC)
      return refuse(ELIBBAD);
    if (interpreter->program->error != 0) return refuse(interpreter->program->error);
    Answer<std::string> real = path_for_stub(model, interpreter->file);
    if (!real) return tl::unexpected(real.error());
    exec.info.interpreter = std::move(*real);
  }
  Answer<std::string> real = path_for_stub(model, file);
  if (!real) return tl::unexpected(real.error());
  exec.number = model.executables.intern(model.tree.seen_as(*real).value_or(""));
  exec.info.program = found->emulator != nullptr ? found->emulator->program : std::move(*real);
  return exec;
}

}  // namespace

void Executables::use_stub(std::string real_path, std::uint32_t magic,
                           std::function<void(const std::string&)> note) {
  stub_ = std::move(real_path);
  magic_ = magic;
  note_ = std::move(note);
}

const Emulator* Executables::emulator_for(const ElfMachine& machine) const {
  for (const Emulator& one : emulators_)
    if (one.machine == machine) return &one;
  return nullptr;
}

void Executables::note(const std::string& text) {
  const std::lock_guard lock(mutex_);
  if (note_ && noted_.size() < kMaxNotes && noted_.insert(text).second) note_(text);
}

std::uint32_t Executables::intern(const std::string& path) {
  const std::lock_guard lock(mutex_);
  if (const auto known = numbers_.find(path); known != numbers_.end()) return known->second;
  if (paths_.size() > emulate::kMaxMark) return 0;
  const auto number = static_cast<std::uint32_t>(paths_.size());
  paths_.push_back(path);
  numbers_.emplace(path, number);
  return number;
}

std::string Executables::path(std::uint32_t number) const {
  const std::lock_guard lock(mutex_);
  return number < paths_.size() ? paths_[number] : std::string();
}

void Executables::expect(pid_t tid, ExpectedExec exec) {
  const std::lock_guard lock(mutex_);
  expected_.insert_or_assign(tid, std::move(exec));
}

std::optional<ExpectedExec> Executables::take(pid_t tid) {
  const std::lock_guard lock(mutex_);
  auto node = expected_.extract(tid);
  if (node.empty()) return std::nullopt;
  return std::move(node.mapped());
}

Answer<std::string> Executables::copy(const os::UniqueFd& proc, const os::UniqueFd& file) {
  const os::UniqueFd from(::openat(proc.get(), ("self/fd/" + std::to_string(file.get())).c_str(),
                                   O_RDONLY | O_NONBLOCK | O_CLOEXEC));
  if (!from.valid()) return refuse(errno);
  std::string path;
  {
    const std::lock_guard lock(mutex_);
    path = stub_ + "-program-" + std::to_string(next_copy_++);
    copies_.push_back(path);
    if (copies_.size() > kMaxCopies) {
      ::unlink(copies_.front().c_str());
      copies_.pop_front();
    }
  }
  const os::UniqueFd to(
      ::open(path.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600));
  if (!to.valid()) return refuse(errno);
  if (const auto copied = os::copy_content(from, to); !copied)
    return refuse(copied.error().os_errno != 0 ? copied.error().os_errno : EIO);
  return path;
}

Reply answer_exec(const Call& call, Model& model) {
  if (!call.traced) return Errno{ENOSYS};  // the caller itself has to do it
  const Answer<Wanted> wanted = decode(call.task);
  if (!wanted) return wanted.error();
  Answer<ExpectedExec> exec = expected_of(call, model, *wanted);
  if (!exec) return exec.error();
  Executables& executables = model.executables;
  const pid_t tid = call.task.tid();
  executables.expect(tid, std::move(*exec));
  return Rewrite{
      .nr = SYS_execve,
      .arguments = {0, wanted->arguments, wanted->environment},
      .texts = {{.index = 0, .bytes = executables.stub() + '\0'}},
      .after =
          [&executables, tid](const emulate::Task&, std::int64_t result) {
            if (result < 0) executables.take(tid);
            return result;
          },
  };
}

int finish_exec(Model& model, pid_t tid, pid_t old_tid) {
  const auto finish = [&] {
    std::optional<ExpectedExec> exec = model.executables.take(old_tid);
    if (!exec) return ESRCH;
    {
      const std::lock_guard lock(model.root.credentials.change_mutex());
      const auto before = model.root.credentials.of(tid);
      const emulate::Credentials now = emulate::decide(exec->request, *before);
      if (now != *before && !model.root.credentials.set(tid, now)) return ENOMEM;
      exec->info.uid = now.uid.real;
      exec->info.euid = now.uid.effective;
      exec->info.gid = now.gid.real;
      exec->info.egid = now.gid.effective;
      exec->info.secure = is_secure(now);
    }
    if (!emulate::set_mark(tid, exec->number)) return EPERM;
    return tell_stub(model.proc, tid, exec->info, model.executables.magic());
  };
  const int error = finish();
  if (error != 0) ::kill(tid, SIGKILL);
  return error;
}

std::string executable_of(const Model& model, pid_t pid) {
  return model.executables.path(emulate::mark_of(pid));
}

}  // namespace lichen::bare
