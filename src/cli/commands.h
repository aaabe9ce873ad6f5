// The commands, one .cc file each. A command parses its own arguments (a pure function wherever
// there is more than a flag or two), acts, prints, and returns the exit status.
#pragma once

#include <atomic>
#include <string>
#include <vector>

#include "cli/variables.h"

namespace lichen::cli {

struct Invocation {
  std::vector<std::string> args;  // after the command's name
  Variables variables;
  std::atomic<bool>* cancelled = nullptr;
};

struct Command {
  const char* name;
  const char* summary;
  int (*run)(const Invocation&);
};

// In the order of `lichen --help`.
const std::vector<Command>& commands();

int build_command(const Invocation& invocation);
int run_command(const Invocation& invocation);
int pull_command(const Invocation& invocation);
int push_command(const Invocation& invocation);
int copy_command(const Invocation& invocation);
int save_command(const Invocation& invocation);
int load_command(const Invocation& invocation);
int tags_command(const Invocation& invocation);
int delete_command(const Invocation& invocation);
int images_command(const Invocation& invocation);
int inspect_command(const Invocation& invocation);
int tag_command(const Invocation& invocation);
int rmi_command(const Invocation& invocation);
int du_command(const Invocation& invocation);
int prune_command(const Invocation& invocation);
int builds_command(const Invocation& invocation);
int explain_command(const Invocation& invocation);
int cache_mount_command(const Invocation& invocation);
int history_command(const Invocation& invocation);
int login_command(const Invocation& invocation);
int logout_command(const Invocation& invocation);
int doctor_command(const Invocation& invocation);
int debug_command(const Invocation& invocation);
int version_command(const Invocation& invocation);

}  // namespace lichen::cli
