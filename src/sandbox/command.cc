#include "sandbox/command.h"

#include <algorithm>
#include <string_view>

#include "base/text.h"

namespace lichen::sandbox {

namespace {

std::string value_of(const std::vector<std::string>& env, std::string_view name) {
  for (const std::string& entry : env)
    if (starts_with(entry, name) && entry.size() > name.size() && entry[name.size()] == '=')
      return entry.substr(name.size() + 1);
  return "";
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (const std::string& text : strings) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

// The paths at which a command of this name is looked for: itself, or in PATH.
std::vector<std::string> candidates_of(const std::string& program,
                                       const std::vector<std::string>& env) {
  if (program.find('/') != std::string::npos) return {program};
  std::vector<std::string> candidates;
  if (program.empty()) return candidates;
  std::string path = value_of(env, "PATH");
  if (path.empty()) path = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
  for (const std::string& place : split(path, ':'))
    candidates.push_back((place.empty() ? "." : place) + "/" + program);
  return candidates;
}

}  // namespace

Command::Command(const std::vector<std::string>& argv, const std::vector<std::string>& env)
    : name_(printable(argv[0])),
      candidates_(candidates_of(argv[0], env)),
      candidate_pointers_(pointers(candidates_)),
      argv_(pointers(argv)),
      env_(pointers(env)) {}

Result<Command> Command::make(const std::vector<std::string>& argv,
                              const std::vector<std::string>& env, const std::string& cwd) {
  if (argv.empty()) return fail(Errc::kInvalid, "no command was given");
  if (!starts_with(cwd, "/"))
    return fail(Errc::kInvalid, "the working directory must be absolute: " + printable(cwd));
  const auto has_nul = [](const std::string& text) { return text.find('\0') != text.npos; };
  if (std::any_of(argv.begin(), argv.end(), has_nul) ||
      std::any_of(env.begin(), env.end(), has_nul))
    return fail(Errc::kInvalid, "a zero byte in the command or its environment");
  return Command(argv, env);
}

}  // namespace lichen::sandbox
