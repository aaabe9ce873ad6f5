// What a step's first process executes, in the form that a child between clone(2) and execve(2) can
// use.
//
//   const Command command = TRY(Command::make(plan.argv, plan.env, plan.cwd));
//   child.program = command.program();   // valid as long as `command`, and argv and env, are there
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "sandbox/first_process.h"

namespace lichen::sandbox {

class Command {
 public:
  // argv[0] is looked up in PATH of `env`. kInvalid: none, zero bytes in it, or `cwd`, where it
  // starts, is not absolute.
  static Result<Command> make(const std::vector<std::string>& argv,
                              const std::vector<std::string>& env, const std::string& cwd);

  Program program() const {
    return {name_.c_str(), candidate_pointers_.data(), argv_.data(), env_.data()};
  }

  Command(Command&&) noexcept = default;  // a copy would point into the original
  Command& operator=(Command&&) noexcept = default;

 private:
  Command(const std::vector<std::string>& argv, const std::vector<std::string>& env);
  std::string name_;  // for messages
  std::vector<std::string> candidates_;
  std::vector<char*> candidate_pointers_, argv_, env_;
};

}  // namespace lichen::sandbox
