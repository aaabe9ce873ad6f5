// Runs programs of a tree through the exec stub, under a tracer of the test's own that does what
// bare::run does with answer_exec and finish_exec.
#include <gtest/gtest.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/ptrace.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/user.h>
#include <sys/wait.h>

#include <map>
#include <sstream>

#include "bare/exec_testing.h"
#include "bare/stub_bytes.h"

#ifdef __x86_64__

namespace lichen::bare {
namespace {

using testing::ExecTree;

constexpr std::uint64_t kRedZone = 128;

struct Ran {
  int status = -1;  // of waitpid
  std::string output;
  std::map<std::string, std::string> seen;  // key=value
};

class Stub : public ::testing::Test {
 protected:
  Stub() : tree(::testing::TempDir() + "stub-" + std::to_string(::getpid())) {
    // The programs' own interpreter; their libraries they open natively, that is, on the host.
    tree.copy("/lib64/ld-linux-x86-64.so.2", "/lib64/ld-linux-x86-64.so.2");
  }
  void SetUp() override { ASSERT_FALSE(kStubBytes.empty()); }

  static std::string probe(const std::string& kind) {
    return std::string(LICHEN_STUB_PROBES) + "/lichen_stub_probe_" + kind;
  }

  Ran run(const std::string& path, std::vector<std::string> arguments) {
    const os::UniqueFd output(::memfd_create("output", MFD_CLOEXEC));
    std::vector<char*> argv;
    for (std::string& argument : arguments) argv.push_back(argument.data());
    argv.push_back(nullptr);
    char variable[] = "PROBE=yes";
    char* env[] = {variable, nullptr};
    const pid_t child = ::fork();
    if (child == 0) {
      ::dup2(output.get(), 1);
      ::dup2(output.get(), 2);
      ::ptrace(PTRACE_TRACEME, 0, nullptr, nullptr);
      ::raise(SIGSTOP);
      ::execve(path.c_str(), argv.data(), env);
      ::_exit(errno);
    }
    tree.model->processes.add(child);
    Ran ran;
    trace(child, ran);
    ::lseek(output.get(), 0, SEEK_SET);
    ran.output = os::read_file(output).value_or("");
    std::istringstream lines(ran.output);
    for (std::string line; std::getline(lines, line);) {
      const std::size_t equals = line.find('=');
      if (equals != line.npos) ran.seen[line.substr(0, equals)] += line.substr(equals + 1);
    }
    return ran;
  }

  void trace(pid_t child, Ran& ran) {
    ::waitpid(child, &ran.status, 0);
    ::ptrace(PTRACE_SETOPTIONS, child, nullptr,
             PTRACE_O_TRACESYSGOOD | PTRACE_O_TRACEEXEC | PTRACE_O_EXITKILL);
    bool entering = true;
    std::int64_t refused = 0;  // what the call that is not made returns
    bool is_refused = false;
    std::optional<Rewrite> rewrite;
    user_regs_struct before{};
    for (int signal = 0;;) {
      ::ptrace(PTRACE_SYSCALL, child, nullptr, signal);
      signal = 0;
      if (::waitpid(child, &ran.status, 0) != child || !WIFSTOPPED(ran.status)) return;
      if (ran.status >> 8 == (SIGTRAP | (PTRACE_EVENT_EXEC << 8))) {
        unsigned long old_tid = 0;
        ::ptrace(PTRACE_GETEVENTMSG, child, nullptr, &old_tid);
        EXPECT_EQ(finish_exec(*tree.model, child, static_cast<pid_t>(old_tid)), 0);
        rewrite.reset();  // the registers are the stub's
        continue;
      }
      if (WSTOPSIG(ran.status) != (SIGTRAP | 0x80)) {
        signal = WSTOPSIG(ran.status);
        continue;
      }
      user_regs_struct registers{};
      ::ptrace(PTRACE_GETREGS, child, nullptr, &registers);
      const emulate::Task task(
          tree.model->proc, child, static_cast<int>(registers.orig_rax),
          {registers.rdi, registers.rsi, registers.rdx, registers.r10, registers.r8, registers.r9});
      if (entering && (task.nr() == SYS_execve || task.nr() == SYS_execveat)) {
        before = registers;
        Reply reply = answer_exec(Call{task, true}, *tree.model);
        if (const auto* no = std::get_if<Errno>(&reply)) {
          refused = -no->number;
          is_refused = true;
          registers.orig_rax = ~0ull;
        } else if (std::holds_alternative<Rewrite>(reply)) {
          rewrite = std::get<Rewrite>(std::move(reply));
          std::uint64_t at = registers.rsp - kRedZone;
          EXPECT_EQ(rewrite->texts.size(), 1u);
          const std::string& bytes = rewrite->texts[0].bytes;
          at -= bytes.size();
          EXPECT_TRUE(task.write(at, bytes.data(), bytes.size()));
          registers.orig_rax = static_cast<unsigned long long>(rewrite->nr);
          registers.rdi = at;
          registers.rsi = rewrite->arguments[1];
          registers.rdx = rewrite->arguments[2];
        }
        ::ptrace(PTRACE_SETREGS, child, nullptr, &registers);
      } else if (!entering && is_refused) {
        before.rax = static_cast<unsigned long long>(refused);
        ::ptrace(PTRACE_SETREGS, child, nullptr, &before);
        is_refused = false;
      } else if (!entering && rewrite) {  // the kernel refused it
        before.rax = static_cast<unsigned long long>(
            rewrite->after(task, static_cast<std::int64_t>(registers.rax)));
        ::ptrace(PTRACE_SETREGS, child, nullptr, &before);
        rewrite.reset();
      }
      entering = !entering;
    }
  }

  ExecTree tree;
};

void expect_program(const Ran& ran, bool has_interpreter) {
  EXPECT_EQ(ran.status, 0) << ran.output;
  const auto seen = [&](const char* key) {
    const auto found = ran.seen.find(key);
    return found == ran.seen.end() ? std::string("?") : found->second;
  };
  EXPECT_EQ(seen("PROBE"), "yes");
  EXPECT_EQ(seen("environ"), "PROBE=yes|");
  EXPECT_EQ(seen("ids"), "0 0 0 0");
  EXPECT_EQ(seen("secure"), "0");
  EXPECT_EQ(seen("headers"), "1");
  EXPECT_EQ(seen("entry"), "1");
  EXPECT_EQ(seen("base"), has_interpreter ? "1" : "0");
  EXPECT_EQ(seen("auxv"), "1");
  EXPECT_EQ(seen("brk"), "1");
  EXPECT_EQ(seen("left"), "r-xp 4096");
}

TEST_F(Stub, RunsEveryKindOfProgram) {
  // The magic number, in halves, which must be nowhere in the program's memory.
  const std::string halves =
      std::to_string((std::uint64_t{ExecTree::kMagic & 0xffff} << 32) | (ExecTree::kMagic >> 16));
  const struct {
    const char* kind;
    bool has_interpreter;
    const char* stack;
  } rows[] = {{"pie", true, "rw-p"},       {"fixed", true, "rw-p"},
              {"static", false, "rw-p"},   {"static_pie", false, "rw-p"},
              {"execstack", true, "rwxp"}, {"aligned", true, "rw-p"}};
  for (const auto& row : rows) {
    SCOPED_TRACE(row.kind);
    tree.copy(probe(row.kind), "/bin/a-program-of-some-name");
    Ran ran = run("/bin/a-program-of-some-name", {"name", "magic", halves});
    expect_program(ran, row.has_interpreter);
    EXPECT_EQ(ran.seen["argv"], "name|magic|" + halves + "|");
    EXPECT_EQ(ran.seen["cmdline"], "name|magic|" + halves + "|");
    EXPECT_EQ(ran.seen["execfn"], "/bin/a-program-of-some-name");
    EXPECT_EQ(ran.seen["comm"], "a-program-of-so");
    EXPECT_EQ(ran.seen["stack"], row.stack);
    EXPECT_EQ(ran.seen["magic"], "0");
  }
}

TEST_F(Stub, RunsAChainOfScripts) {
  tree.copy(probe("pie"), "/probe");
  tree.write("/inner", "#! /probe one\n");
  tree.write("/outer", "#!/inner two  words \n");
  Ran ran = run("/outer", {"unseen", "a", "", "b"});
  expect_program(ran, true);
  const std::string want = "/probe|one|/inner|two  words|/outer|a||b|";
  EXPECT_EQ(ran.seen["argv"], want);
  EXPECT_EQ(ran.seen["cmdline"], want);
  EXPECT_EQ(ran.seen["argc"], "8");
  EXPECT_EQ(ran.seen["execfn"], "/outer");
  EXPECT_EQ(ran.seen["comm"], "outer");
}

TEST_F(Stub, TakesMoreArgumentsThanItsFirstStackHolds) {
  tree.copy(probe("static"), "/probe");
  tree.write("/script", "#!/probe\n");
  std::vector<std::string> many(20001, "0123456789");
  for (const char* path : {"/probe", "/script"}) {
    SCOPED_TRACE(path);
    Ran ran = run(path, many);
    expect_program(ran, false);
    EXPECT_EQ(ran.seen["argc"], std::string(path) == "/probe" ? "20001" : "20002");
  }
}

TEST_F(Stub, RunsWithoutArguments) {
  tree.copy(probe("pie"), "/probe");
  tree.write("/script", "#!/probe\n");
  Ran ran = run("/script", {});
  expect_program(ran, true);
  EXPECT_EQ(ran.seen["argv"], "/probe|/script|");
}

TEST_F(Stub, KnowsItsExecutable) {
  tree.copy(probe("static_pie"), "/usr/bin/probe");
  Ran ran = run("/usr/bin/probe", {"first", "again", "x"});
  expect_program(ran, false);
  EXPECT_EQ(ran.seen["argv"], "second|x|");
  EXPECT_EQ(ran.seen["execfn"], "/proc/self/exe");
  EXPECT_EQ(ran.seen["comm"], "exe");
}

TEST_F(Stub, BelievesASetuidProgram) {
  tree.copy(probe("pie"), "/probe");
  tree.give("/probe", 33, 06755);
  Ran ran = run("/probe", {"x"});
  EXPECT_EQ(ran.status, 0) << ran.output;
  EXPECT_EQ(ran.seen["ids"], "0 33 0 33");
  EXPECT_EQ(ran.seen["secure"], "1");
}

TEST_F(Stub, RunsMusl) {
  const char* interpreter = "/lib/ld-musl-x86_64.so.1";
  if (::access("/usr/bin/musl-gcc", X_OK) != 0) GTEST_SKIP() << "no musl-gcc";
  tree.copy(interpreter, interpreter);
  tree.write("/probe.c",
             os::read_file(std::string(LICHEN_STUB_SOURCES) + "/stub_probe.c").value_or(""));
  for (const char* flags : {"", " -static"}) {
    const std::string command =
        "musl-gcc -o " + tree.real("/probe") + flags + " " + tree.real("/probe.c");
    ASSERT_EQ(::system(command.c_str()), 0) << command;
    expect_program(run("/probe", {"x"}), *flags == '\0');
  }
}

TEST_F(Stub, SaysWhyItFails) {
  tree.copy(probe("pie"), "/probe");
  // What the supervisor cannot foresee: the file goes away meanwhile.
  Ran missing = run("/none", {"x"});
  EXPECT_EQ(WEXITSTATUS(missing.status), ENOENT);
  const pid_t nobody = ::fork();
  if (nobody == 0) {
    ::close(2);
    ::execl(tree.model->executables.stub().c_str(), "stub", nullptr);
    ::_exit(1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(nobody, &status, 0), nobody);
  EXPECT_EQ(WEXITSTATUS(status), 126);
}

}  // namespace
}  // namespace lichen::bare

#endif  // __x86_64__
