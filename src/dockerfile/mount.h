// Values of RUN --mount and --device.
//
//   RunMount mount = TRY(parse_mount("type=cache,target=/c", expand));
//
// Pure; values. Source of rules: the Dockerfile reference and BuildKit's tests. Variables are
// expanded in all values but `from`, so most mistakes are found when the step is lowered only.
#pragma once

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>

#include "base/result.h"
#include "graph/graph.h"

namespace lichen::dockerfile {

struct RunMount {
  graph::MountKind kind = graph::MountKind::kBind;
  std::string from, source, target, id;
  std::string sharing;  // of a cache: shared, private, locked, or "" as none was given
  bool readonly = false;
  bool required = false;  // of secret and ssh
  std::int64_t size = 0;  // of tmpfs, in bytes
  std::optional<unsigned> mode, uid, gid;
  std::optional<std::string> env;
};

struct RunDevice {
  std::string name;
  bool required = false;
};

using ExpandWord = std::function<Result<std::string>(std::string_view)>;

Result<RunMount> parse_mount(std::string_view text, const ExpandWord& expand);
// What can be said before variables are known: the CSV form, and that `from` has no variable.
Result<void> check_mount(std::string_view text);
// Its `from`, "" without one; of a text that check_mount() passes.
std::string from_of_mount(std::string_view text);

// "64m", "1.5 GiB": a number and a binary unit.
Result<std::int64_t> parse_bytes(const std::string& value);

Result<RunDevice> parse_device(std::string_view text);

const char* to_text(graph::MountKind kind);  // "bind"

}  // namespace lichen::dockerfile
