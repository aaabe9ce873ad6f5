// Which execve is refused, and what the stub is told of the others. The calls are the test's own.
#include <fcntl.h>
#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/syscall.h>

#include "bare/exec_testing.h"
#include "bare/stub_bytes.h"

namespace lichen::bare {
namespace {

using testing::ExecTree;

class Exec : public ::testing::Test {
 protected:
  Exec() : tree(::testing::TempDir() + "exec-" + std::to_string(::getpid())) {
    tree.copy("/bin/true", "/bin/program");
    const auto self =
        tree.model->tree.open(Call{task({})}, *tree.model, AT_FDCWD, "/bin/program", Last::kFollow);
    const auto program =
        tree.model->executables.files.read(tree.model->proc, self->fd, self->status);
    if (!program->interpreter.empty()) tree.copy(program->interpreter, program->interpreter);
  }
  ~Exec() override { become(0); }

  static pid_t tid() { return static_cast<pid_t>(::syscall(SYS_gettid)); }
  void become(std::uint32_t id) {
    tree.model->root.credentials.set(tid(), emulate::credentials_of(id, id, {}));
  }
  emulate::Task task(const emulate::Task::Arguments& arguments, int nr = SYS_execve) const {
    return {tree.model->proc, tid(), nr, arguments};
  }
  int answer(const emulate::Task& task) {
    tree.model->executables.take(tid());
    const Reply reply = answer_exec(Call{task, true}, *tree.model);
    if (const auto* no = std::get_if<Errno>(&reply)) return no->number;
    const auto* rewrite = std::get_if<Rewrite>(&reply);
    if (rewrite == nullptr) return -1;
    EXPECT_EQ(rewrite->nr, SYS_execve);
    EXPECT_EQ(rewrite->texts.size(), 1u);
    EXPECT_EQ(rewrite->texts[0].bytes, tree.model->executables.stub() + '\0');
    return 0;
  }
  static std::uint64_t address(const std::string& text) {
    return reinterpret_cast<std::uint64_t>(text.c_str());
  }
  int execve(const std::string& path) { return answer(task({address(path), 1, 2})); }
  int execveat(int fd, const std::string& path, int flags) {
    return answer(task(
        {static_cast<std::uint64_t>(fd), address(path), 1, 2, static_cast<std::uint64_t>(flags)},
        SYS_execveat));
  }
  ExpectedExec expected() { return tree.model->executables.take(tid()).value_or(ExpectedExec{}); }

  ExecTree tree;
};

TEST_F(Exec, RefusesAsTheKernelDoes) {
  tree.write("/plain", "no program");
  tree.write("/empty", "");
  tree.write("/unmarked", "#!/bin/program\n", 0644);
  tree.write("/lost", "#!/not/there\n");
  tree.write("/nameless", "#!\n");
  tree.write("/of-a-directory", "#!/bin\n");
  tree.write("/loop", "#!/loop\n");
  ASSERT_EQ(::symlink("self", tree.real("/self").c_str()), 0);
  const struct {
    const char* path;
    int want;
  } rows[] = {
      {"/none", ENOENT},     {"", ENOENT},        {"/bin", EACCES},  {"/plain/x", ENOTDIR},
      {"/plain", ENOEXEC},   {"/empty", ENOEXEC}, {"/lost", ENOENT}, {"/nameless", ENOEXEC},
      {"/unmarked", EACCES}, {"/loop", ELOOP},    {"/self", ELOOP},  {"/of-a-directory", EACCES},
      {"/bin/program", 0},
  };
  for (const auto& row : rows) EXPECT_EQ(execve(row.path), row.want) << row.path;
  EXPECT_EQ(answer(task({8, 1, 2})), EFAULT);
  EXPECT_EQ(execve("/" + std::string(5000, 'x')), ENAMETOOLONG);
}

TEST_F(Exec, FollowsFiveScripts) {
  tree.write("/s1", "#!/bin/program -1\n");
  for (int i = 2; i <= 6; ++i) {
    tree.write("/s" + std::to_string(i),
               "#!/s" + std::to_string(i - 1) + " -" + std::to_string(i) + "\n");
  }
  ASSERT_EQ(execve("/s5"), 0);
  const ExpectedExec exec = expected();
  EXPECT_EQ(exec.info.arguments, (std::vector<std::string>{"/bin/program", "-1", "/s1", "-2", "/s2",
                                                           "-3", "/s3", "-4", "/s4", "-5", "/s5"}));
  EXPECT_EQ(exec.info.execfn, "/s5");
  EXPECT_EQ(exec.info.comm, "s5");
  EXPECT_EQ(exec.info.program, tree.real("/bin/program"));
  EXPECT_EQ(tree.model->executables.path(exec.number), "/bin/program");
  EXPECT_EQ(execve("/s6"), ELOOP);
}

TEST_F(Exec, HandsForeignProgramsToTheirEmulator) {
  std::string head(
      "\x7f"
      "ELF\2\2\1",
      7);  // big-endian
  head.resize(kElfHeaderBytes);
  head[17] = 2;
  head[19] = 22;  // s390x
  const ElfMachine s390x{2, 2, 22};
  tree.write("/bin/foreign", head);
  tree.write("/script", "#!/bin/foreign -x\n");
  ASSERT_EQ(elf_machine(head), s390x);
  EXPECT_EQ(execve("/bin/foreign"), ENOEXEC);
  EXPECT_EQ(tree.notes.size(), 1u);

  tree.model->executables.use_emulators({{s390x, "/host/qemu"}});
  const std::string path = "/bin/foreign", name = "-name";
  const std::uint64_t argv[] = {address(name), 0};
  const auto call = [&](const std::string& file) {
    return answer(task({address(file), reinterpret_cast<std::uint64_t>(argv), 2}));
  };
  ASSERT_EQ(call(path), 0);
  const ExpectedExec exec = expected();
  EXPECT_EQ(exec.info.program, "/host/qemu");
  EXPECT_EQ(exec.info.arguments, (std::vector<std::string>{"qemu", "-0", name, path}));
  EXPECT_EQ(exec.info.comm, "foreign");
  EXPECT_EQ(tree.model->executables.path(exec.number), path);
  ASSERT_EQ(call("/script"), 0);
  EXPECT_EQ(expected().info.arguments,
            (std::vector<std::string>{"qemu", "-0", path, path, "-x", "/script"}));

  // A descriptor stands for its path.
  const int fd = ::open(tree.real(path).c_str(), O_RDONLY | O_CLOEXEC);
  const std::string empty;
  ASSERT_EQ(answer(task({static_cast<std::uint64_t>(fd), address(empty),
                         reinterpret_cast<std::uint64_t>(argv), 2, AT_EMPTY_PATH},
                        SYS_execveat)),
            0);
  EXPECT_EQ(expected().info.arguments, (std::vector<std::string>{"qemu", "-0", name, path}));
  ::close(fd);
  EXPECT_EQ(execve(path), EFAULT) << "argv is not to be read";
}

TEST_F(Exec, ForgetsACallThatFailed) {
  const std::string path = "/bin/program";
  const emulate::Task call = task({address(path), 1, 2});
  Reply reply = answer_exec(Call{call, true}, *tree.model);
  ASSERT_TRUE(std::holds_alternative<Rewrite>(reply));
  EXPECT_EQ(std::get<Rewrite>(reply).after(call, -E2BIG), -E2BIG);
  EXPECT_FALSE(tree.model->executables.take(tid()));
}

TEST_F(Exec, AsksForPermission) {
  tree.copy("/bin/true", "/secret/program");
  tree.give("/bin/program", 33, 0700);
  EXPECT_EQ(execve("/bin/program"), 0);
  become(1000);
  EXPECT_EQ(execve("/bin/program"), EACCES);
  EXPECT_EQ(execve("/secret/program"), 0);
  tree.give("/secret", 33, 0700);
  EXPECT_EQ(execve("/secret/program"), EACCES);
  become(33);
  EXPECT_EQ(execve("/bin/program"), 0);
  become(0);
  tree.give("/bin/program", 33, 0644);
  EXPECT_EQ(execve("/bin/program"), EACCES);
}

TEST_F(Exec, SeesIdBitsOfTheProgramNotOfItsScript) {
  tree.write("/script", "#!/bin/program\n");
  tree.give("/script", 7, 06755);
  tree.give("/bin/program", 33, 04755);
  ASSERT_EQ(execve("/script"), 0);
  const ExpectedExec exec = expected();
  EXPECT_EQ(exec.request.file.uid, 33u);
  EXPECT_EQ(exec.request.file.mode & 07777, 04755u);
  EXPECT_TRUE(exec.request.honours_ids);
}

TEST_F(Exec, KnowsFileCapabilities) {
  const os::UniqueFd file(::open(tree.real("/bin/program").c_str(), O_PATH | O_CLOEXEC));
  // Revision 2, effective, permitted: CAP_NET_RAW.
  const std::string capability("\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0", 20);
  ASSERT_TRUE(tree.model->put(file, {.capability = capability}, 0755));
  become(1000);
  ASSERT_EQ(execve("/bin/program"), 0);
  const auto request = expected().request;
  ASSERT_TRUE(request.capabilities);
  EXPECT_EQ(request.capabilities->permitted, emulate::capability(CAP_NET_RAW));
  emulate::Credentials bounded = emulate::credentials_of(1000, 1000, {});
  bounded.caps.bounding = 0;
  tree.model->root.credentials.set(tid(), bounded);
  EXPECT_EQ(execve("/bin/program"), EPERM);
}

TEST_F(Exec, WantsAnInterpreterThatIsOne) {
  tree.copy("/bin/true", "/bin/program");
  ASSERT_EQ(execve("/bin/program"), 0);
  const std::string loader = expected().info.interpreter;
  ASSERT_NE(loader, "") << "a dynamic program";
  const std::string path = loader.substr(tree.real("").size());
  tree.write(path, "#!/bin/program\n");
  EXPECT_EQ(execve("/bin/program"), ELIBBAD);
  tree.write(path, "neither");
  EXPECT_EQ(execve("/bin/program"), ELIBBAD);
  ::chmod(tree.real(path).c_str(), 0644);
  EXPECT_EQ(execve("/bin/program"), EACCES);
  ::unlink(tree.real(path).c_str());
  EXPECT_EQ(execve("/bin/program"), ENOENT);
}

TEST_F(Exec, TakesDescriptors) {
  tree.write("/script", "#!/bin/program\n");
  const os::UniqueFd bin(::open(tree.real("/bin").c_str(), O_PATH | O_CLOEXEC));
  const os::UniqueFd program(::open(tree.real("/bin/program").c_str(), O_PATH | O_CLOEXEC));
  const os::UniqueFd script(::open(tree.real("/script").c_str(), O_RDONLY | O_CLOEXEC));
  const std::string dev_fd = "/dev/fd/";

  ASSERT_EQ(execveat(bin.get(), "program", 0), 0);
  EXPECT_EQ(expected().info.execfn, dev_fd + std::to_string(bin.get()) + "/program");
  ASSERT_EQ(execveat(program.get(), "", AT_EMPTY_PATH), 0);
  const ExpectedExec exec = expected();
  EXPECT_EQ(exec.info.execfn, dev_fd + std::to_string(program.get()));
  EXPECT_EQ(exec.info.comm, "program");
  EXPECT_EQ(exec.info.program, tree.real("/bin/program"));
  EXPECT_EQ(execveat(program.get(), "", 0), ENOENT);
  EXPECT_EQ(execveat(999, "", AT_EMPTY_PATH), EBADF);
  EXPECT_EQ(execveat(AT_FDCWD, "/bin/program", 1 << 30), EINVAL);
  EXPECT_EQ(execveat(bin.get(), "/bin/program", 0), 0);
  ASSERT_EQ(::symlink("program", tree.real("/bin/link").c_str()), 0);
  EXPECT_EQ(execveat(AT_FDCWD, "/bin/link", 0), 0);
  EXPECT_EQ(execveat(AT_FDCWD, "/bin/link", AT_SYMLINK_NOFOLLOW), ELOOP);

  // By the time that the interpreter would open the script, it is closed.
  EXPECT_EQ(execveat(script.get(), "", AT_EMPTY_PATH), ENOENT);
  ::fcntl(script.get(), F_SETFD, 0);
  ASSERT_EQ(execveat(script.get(), "", AT_EMPTY_PATH), 0);
  EXPECT_EQ(expected().info.arguments,
            (std::vector<std::string>{"/bin/program", dev_fd + std::to_string(script.get())}));
}

TEST_F(Exec, CopiesWhatHasNoPath) {
  const std::string bytes = os::read_file("/bin/true").value_or("");
  const os::UniqueFd memory(::memfd_create("made", MFD_CLOEXEC));
  ASSERT_TRUE(os::write_all(memory, bytes));
  ::fchmod(memory.get(), 0755);
  ASSERT_EQ(execveat(memory.get(), "", AT_EMPTY_PATH), 0);
  const std::string copy = expected().info.program;
  EXPECT_EQ(copy.rfind(tree.model->executables.stub(), 0), 0u) << copy;
  EXPECT_EQ(os::read_file(copy).value_or(""), bytes);
}

TEST_F(Exec, TellsOfForeignProgramsOnce) {
  std::string foreign = os::read_file("/bin/true").value_or("").substr(0, 4096);
  foreign[4] = 1;  // ELFCLASS32
  tree.write("/foreign", foreign);
  EXPECT_EQ(execve("/foreign"), ENOEXEC);
  EXPECT_EQ(execve("/foreign"), ENOEXEC);
  EXPECT_EQ(tree.notes,
            std::vector<std::string>{"/foreign is a 32-bit program, which tier bare cannot run"});
}

TEST(Executables, NumbersPaths) {
  Executables executables;
  const std::uint32_t one = executables.intern("/bin/sh");
  EXPECT_NE(one, 0u);
  EXPECT_EQ(executables.intern("/bin/sh"), one);
  EXPECT_NE(executables.intern("/bin/ls"), one);
  EXPECT_EQ(executables.path(one), "/bin/sh");
  EXPECT_EQ(executables.intern(""), 0u);
  EXPECT_EQ(executables.path(0), "");
  EXPECT_EQ(executables.path(999), "");
}

}  // namespace
}  // namespace lichen::bare
