// A step for tests: a tree with copies of this machine's shell and a few programs, or of this very
// test (a Probe), run by run() in a process of its own, as a worker would.
//
//   StepRun step(directory);
//   Outcome outcome = step.run("echo hello; exit 3");
//   EXPECT_EQ(outcome.output, "hello\n");
#pragma once

#include <fcntl.h>
#include <signal.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <map>
#include <sstream>
#include <string>
#include <vector>

#include "bare/step.h"
#include "os/child.h"
#include "os/file.h"
#include "os/socket.h"

namespace lichen::bare::testing {

struct Outcome {
  std::string failure;  // of run() itself
  std::string output;   // stdout and stderr
  int code = -1;        // 128+N: ended by signal N
};

// What this test program does instead of testing when it runs inside a step: by the environment's
// PROBE. Entered before main.
inline std::map<std::string, std::function<int()>>& probes() {
  static std::map<std::string, std::function<int()>> all;
  return all;
}
struct Probe {
  Probe(const char* name, std::function<int()> body) {
    const char* wanted = std::getenv("PROBE");
    if (wanted != nullptr && std::strcmp(wanted, name) == 0) ::_exit(body());
  }
};

class StepRun {
 public:
  explicit StepRun(std::string directory)
      : directory_(std::filesystem::weakly_canonical(directory)) {
    static_cast<void>(os::remove_tree(directory_));
    ::umask(022);  // other tests of this process need none
    for (const char* name : {"/root/tmp", "/root/bin", "/root/proc", "/root/dev", "/root/etc"})
      std::filesystem::create_directories(directory_ + name);
    for (const char* name : {"sh", "cat", "sleep", "ls", "id", "true", "mkfifo", "timeout", "chown",
                             "stat", "rm", "seq", "kill"}) {
      const std::string program = os::find_program(name);
      if (!program.empty()) add(program, std::string("/bin/") + name);
    }
    add("/proc/self/exe", "/bin/probe");
  }
  ~StepRun() { static_cast<void>(os::remove_tree(directory_)); }
  StepRun(const StepRun&) = delete;
  StepRun& operator=(const StepRun&) = delete;

  // A program, with the libraries that ldd(1) names.
  void add(const std::string& from, const std::string& to) {
    const std::string real = std::filesystem::canonical(from);
    copy(real, to);
    const auto listed = os::run_program({.argv = {"ldd", real}, .env = os::current_environment()});
    std::istringstream words(listed ? listed->out : "");
    for (std::string word; words >> word;) {
      if (word.front() == '/' && !os::exists(directory_ + "/root" + word)) copy(word, word);
    }
  }

  Outcome run(const std::string& script, Options options = {}) {
    options.argv = {"/bin/sh", "-c", script};
    return run(std::move(options));
  }
  Outcome run(Options options) {
    const std::string scratch = directory_ + "/scratch";
    static_cast<void>(os::remove_tree(scratch));
    std::filesystem::create_directories(scratch);
    options.root = directory_ + "/root";
    options.scratch = scratch;
    options.env.push_back("PATH=/bin");
    options.env.push_back("LC_ALL=C");
    auto [output, to_output] = *os::pipe();
    auto [result, to_result] = *os::pipe();
    worker_ = ::fork();
    if (worker_ == 0) {
      ::umask(0);
      Stdio stdio{os::UniqueFd(::open("/dev/null", O_RDONLY | O_CLOEXEC)),
                  *os::duplicate(to_output), std::move(to_output)};
      const auto ended = bare::run(std::move(options), std::move(stdio));
      static_cast<void>(os::write_all(to_result, text_of(ended)));
      ::_exit(0);
    }
    to_output.reset();
    to_result.reset();
    if (while_it_runs) while_it_runs();
    Outcome outcome;
    outcome.output = os::read_file(output).value_or("");
    std::istringstream text(os::read_file(result).value_or(""));
    ::waitpid(worker_, nullptr, 0);
    text >> outcome.code;
    std::getline(text, outcome.failure);
    return outcome;
  }

  std::string real(const std::string& path) const { return directory_ + "/root" + path; }
  pid_t worker() const { return worker_; }
  std::function<void()> while_it_runs;

 private:
  static std::string text_of(const Result<Ended>& ended) {
    if (!ended) return "-1 " + to_text(ended.error());
    if (const auto* exited = std::get_if<os::Exited>(&ended->status))
      return std::to_string(exited->code);
    return std::to_string(128 + std::get<os::Signaled>(ended->status).signal);
  }
  void copy(const std::string& from, const std::string& to) {
    const std::filesystem::path there = real(to);
    std::filesystem::create_directories(there.parent_path());
    std::filesystem::copy_file(from, there, std::filesystem::copy_options::overwrite_existing);
  }

  std::string directory_;
  pid_t worker_ = -1;
};

}  // namespace lichen::bare::testing
