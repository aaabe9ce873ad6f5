#include "container/emulator.h"

#include <gtest/gtest.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "os/file.h"

namespace lichen::container {
namespace {

constexpr bare::ElfMachine kArm64{2, 1, 183}, kS390x{2, 2, 22};

TEST(Emulator, IsRegisteredByWhatAnElfHeaderSays) {
  EXPECT_EQ(registration_of({"arm64", kArm64, "/usr/bin/qemu-aarch64-static"}),
            R"(:lichen-arm64:M:0:)"
            R"(\x7f\x45\x4c\x46\x02\x01\x01\x00\x00\x00\x00\x00\x00\x00\x00\x00\x02\x00\xb7\x00:)"
            R"(\xff\xff\xff\xff\xff\xff\xff\x00\xff\xff\xff\xff\xff\xff\xff\xff\xfe\xff\xff\xff:)"
            R"(/usr/bin/qemu-aarch64-static:FCP)");
  EXPECT_NE(registration_of({"s390x", kS390x, "/q"}).find(R"(\x00\x02\x00\x16:)"),
            std::string::npos);
  EXPECT_NE(registration_of({"s390x", kS390x, "/q"}).find(R"(\xff\xff\xff\xfe\xff\xff:)"),
            std::string::npos);
}

TEST(Emulator, TheProbeIsForThatMachine) {
  const std::string program = probe_program(kArm64);
  EXPECT_EQ(program.size(), bare::kElfHeaderBytes);
  EXPECT_EQ(bare::elf_machine(program), kArm64);
  EXPECT_EQ(bare::elf_machine(probe_program(kS390x)), kS390x);
}

TEST(Emulator, TheProbeFor386IsAWholeProgram) {
  const std::string program = probe_program({1, 1, 3});
  EXPECT_GT(program.size(), bare::kElfHeaderBytes);
  const os::UniqueFd file(::memfd_create("probe", MFD_CLOEXEC));
  ASSERT_TRUE(os::write_all(file, program));
  const pid_t pid = ::fork();
  if (pid == 0) {
    char name[] = "probe";
    char* const argv[] = {name, nullptr};
    ::fexecve(file.get(), argv, argv + 1);
    ::_exit(errno == ENOEXEC ? 77 : 1);
  }
  int status = 0;
  ASSERT_EQ(::waitpid(pid, &status, 0), pid);
  const int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;
  EXPECT_TRUE(code == 0 || code == 77) << "it ends at once, where it runs: " << code;
}

TEST(Emulator, WhatIsMissingIsNamedWithItsPackage) {
  const std::vector<Emulator> all = {{"arm64", kArm64, "/usr/bin/qemu-aarch64-static"}};
  ASSERT_TRUE(choose_emulator(all, "arm64"));
  EXPECT_EQ(choose_emulator(all, "arm64")->program, "/usr/bin/qemu-aarch64-static");
  const auto missing = choose_emulator(all, "riscv64");
  ASSERT_FALSE(missing);
  EXPECT_NE(missing.error().message.find("qemu-riscv64-static"), std::string::npos);
  EXPECT_NE(missing.error().hint.find("qemu-user-static"), std::string::npos);
  EXPECT_FALSE(choose_emulator(all, "z80"));
}

}  // namespace
}  // namespace lichen::container
