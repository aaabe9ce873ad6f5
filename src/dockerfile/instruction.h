// Typed instructions: what a syntax node means, before variables are expanded.
//
//   Instruction copy = TRY(parse_instruction(node));
//   if (const Copy* c = std::get_if<Copy>(&copy.body)) …
//
// Pure; values. Messages follow BuildKit's, which scripts look for.
#pragma once

#include <optional>
#include <string>
#include <variant>
#include <vector>

#include "base/result.h"
#include "dockerfile/ast.h"
#include "dockerfile/mount.h"
#include "graph/graph.h"
#include "oci/types.h"

namespace lichen::dockerfile {

struct From {
  std::string base, name, platform;  // name is lower case, "" without AS
  std::string doc;                   // what a comment above says: "# NAME text"
};
struct ArgItem {
  std::string key;
  std::optional<std::string> value;
  std::string doc = {};  // as of From
};
struct Arg {
  std::vector<ArgItem> items;
};
struct Pair {
  std::string key, value;
  bool no_delim = false;  // the old form "NAME VALUE"
};
struct Env {
  std::vector<Pair> pairs;
};
struct Label {
  std::vector<Pair> pairs;
};
struct InlineFile {
  std::string path, data;
  bool expand = true;
};
// COPY and ADD; flags of the other one stay at their defaults.
struct CopyFiles {
  bool add = false;
  std::vector<std::string> sources;
  std::vector<InlineFile> inline_files;
  std::string dest, from, chown, chmod, checksum;
  std::vector<std::string> exclude;
  bool parents = false, link = false;
  std::optional<bool> keep_git_dir, unpack;
};
struct CommandLine {
  std::vector<std::string> words;
  bool shell_form = false;
};
struct Run {
  CommandLine command;
  std::vector<Heredoc> files;
  std::string network;              // "" is the default
  std::string security;             // "" is the default
  std::vector<std::string> mounts;  // as written; parse_mount() reads them with variables known
  std::vector<RunDevice> devices;
  std::vector<std::string> flags_used;
};
struct Cmd {
  CommandLine command;
};
struct Entrypoint {
  CommandLine command;
};
struct Shell {
  std::vector<std::string> words;
};
struct Workdir {
  std::string path;
};
struct User {
  std::string user;
};
struct Volume {
  std::vector<std::string> paths;
};
struct Expose {
  std::vector<std::string> ports;  // sorted as text
};
struct StopSignal {
  std::string signal;
};
struct HealthCheck {
  oci::Healthcheck check;
};
struct OnBuild {
  std::string trigger;
};
struct Maintainer {
  std::string value;
};

using InstructionBody =
    std::variant<From, Arg, Env, Label, CopyFiles, Run, Cmd, Entrypoint, Shell, Workdir, User,
                 Volume, Expose, StopSignal, HealthCheck, OnBuild, Maintainer>;

struct Instruction {
  InstructionBody body;
  std::string code;  // the logical line, trimmed
  Lines lines;
  std::string keyword;                // as written
  std::vector<std::string> comments;  // directly above, as in Node
};

Result<Instruction> parse_instruction(const Node& node);

}  // namespace lichen::dockerfile
