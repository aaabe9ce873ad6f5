// Command-line flags as a table, parsed as docker's are (pflag): "--name value", "--name=value",
// "-n value", "-nvalue", joined switches ("-it"), "--" ends the flags. Flags may stand behind
// arguments, unless the rest is somebody else's command.
//
//   std::string file;
//   Syntax syntax{.name = "build", .arguments = "PATH", .least = 1, .most = 1};
//   syntax.flags.push_back(text_flag("file", 'f', "FILE", "the Dockerfile", file));
//   const Parsed parsed = TRY(parse_flags(syntax, args));
//
// Home-made, because the usual library rewrites arguments such as "[a,b]", which belong to the
// user's command. Pure; a flag's `set` writes through references that must outlive the call.
#pragma once

#include <cstddef>
#include <functional>
#include <limits>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/boolean.h"
#include "base/result.h"

namespace lichen::cli {

struct Flag {
  std::string name;   // "build-arg"
  char letter = 0;    // 'f', or none
  std::string value;  // what --help calls its value; "": a switch, which may be given as --x=false
  std::string help;   // "": not listed
  std::function<Result<void>(const std::string& value)> set;
};

struct Example {
  std::string command, meaning;
};

struct Syntax {
  std::string name;       // "build"
  std::string arguments;  // "PATH", for --help and messages
  std::string summary;    // one line
  std::string text;       // what else to know
  std::vector<Flag> flags;
  std::vector<Example> examples;
  std::size_t least = 0, most = std::numeric_limits<std::size_t>::max();  // arguments
  std::string missing_hint;    // what to do when there are too few
  bool ends_at_first = false;  // what follows the first argument is not ours
};

Flag text_flag(std::string name, char letter, std::string value, std::string help, std::string& to);
Flag list_flag(std::string name, char letter, std::string value, std::string help,
               std::vector<std::string>& to);
Flag switch_flag(std::string name, char letter, std::string help, bool& to);
// What other builders have and lichen has not: a clear kUnsupported.
Flag refused_flag(std::string name, char letter, std::string value);
// Accepted for scripts' sake; changes nothing that lichen does.
Flag ignored_switch(std::string name, char letter = 0);

struct Parsed {
  bool help = false;  // --help or -h was there; nothing else was checked
  std::vector<std::string> arguments;
  std::optional<std::size_t> dashes;  // so many arguments stand before "--"
};

// Errors are kInvalid (how it is used is wrong) or what a flag's `set` says, naming the flag.
Result<Parsed> parse_flags(const Syntax& syntax, const std::vector<std::string>& args);

std::string help_text(const Syntax& syntax);

}  // namespace lichen::cli
