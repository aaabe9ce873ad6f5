#include "bare/proc_text.h"

#include <fcntl.h>
#include <unistd.h>

#include <array>

#include "bare/path.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

constexpr std::string_view kDeleted = " (deleted)";

struct MountLook {
  const char *type, *source, *options;
};

MountLook look_of(const Mount& mount) {
  if (mount.target.empty()) return {"overlay", "overlay", "rw,relatime"};
  if (mount.kind == Mount::Kind::kProc) return {"proc", "proc", "rw,nosuid,nodev,noexec,relatime"};
  if (mount.target == "/sys") return {"sysfs", "sysfs", "ro,nosuid,nodev,noexec,relatime"};
  if (mount.target == "/dev/pts") return {"devpts", "devpts", "rw,nosuid,noexec,relatime"};
  if (mount.target == "/dev") return {"tmpfs", "tmpfs", "rw,nosuid"};
  return {"ext4", "/dev/root", mount.read_only ? "ro,relatime" : "rw,relatime"};
}

// As the kernel writes names that its readers split at blanks.
std::string escaped(std::string_view path) {
  std::string text;
  for (const char c : path.empty() ? "/" : path) {
    switch (c) {
      case ' ':
        text += "\\040";
        break;
      case '\t':
        text += "\\011";
        break;
      case '\n':
        text += "\\012";
        break;
      case '\\':
        text += "\\134";
        break;
      default:
        text += c;
    }
  }
  return text;
}

}  // namespace

std::string translated_maps(const Tree& tree, std::string_view maps) {
  std::string text;
  text.reserve(maps.size());
  while (!maps.empty()) {
    const std::size_t end = std::min(maps.find('\n'), maps.size() - 1) + 1;
    const std::string_view line = maps.substr(0, end);
    maps.remove_prefix(end);
    const std::size_t slash = line.find(" /");
    if (slash == line.npos) {
      text += line;
      continue;
    }
    std::string_view path = line.substr(slash + 1, line.size() - slash - 2);
    std::string_view tail;
    if (path.size() > kDeleted.size() && path.substr(path.size() - kDeleted.size()) == kDeleted) {
      tail = kDeleted;
      path.remove_suffix(kDeleted.size());
    }
    const auto seen = tree.seen_as(path);
    text += line.substr(0, slash + 1);
    text += seen ? std::string_view(*seen) : path;
    text += tail;
    text += '\n';
  }
  return text;
}

std::string mounts_text(const Tree& tree) {
  std::string text;
  for (const Mount& mount : tree.mounts()) {
    const MountLook look = look_of(mount);
    text += std::string(look.source) + " " + escaped(mount.target) + " " + look.type + " " +
            look.options + " 0 0\n";
  }
  return text;
}

std::string mountinfo_text(const Tree& tree) {
  std::string text;
  constexpr int kFirst = 100;
  int number = kFirst;
  for (const Mount& mount : tree.mounts()) {
    const MountLook look = look_of(mount);
    struct statx status {};
    ::statx(mount.fd.get(), "", AT_EMPTY_PATH, STATX_INO, &status);
    text += std::to_string(number) + " " + std::to_string(number == kFirst ? kFirst - 1 : kFirst) +
            " " + std::to_string(status.stx_dev_major) + ":" +
            std::to_string(status.stx_dev_minor) + " / " + escaped(mount.target) + " " +
            look.options + " - " + look.type + " " + look.source + " " +
            (mount.read_only ? "ro" : "rw") + "\n";
    ++number;
  }
  return text;
}

std::optional<Answer<std::string>> proc_text(const Call& call, const Model& model,
                                             std::string_view in_proc) {
  const int process = process_of(in_proc);
  if (process == 0) return std::nullopt;
  const std::string_view name = name_of(in_proc);
  const std::string_view above = name_of(parent_of(in_proc));
  if (process_of(above) == 0) return std::nullopt;  // not a file of a process or a thread itself
  if (name == "mounts") return mounts_text(model.tree);
  if (name == "mountinfo") return mountinfo_text(model.tree);
  if (name == "mountstats") return std::string();
  if (name != "maps" && name != "smaps" && name != "numa_maps") return std::nullopt;
  const os::UniqueFd file(::openat(call.task.proc().get(), std::string(in_proc.substr(1)).c_str(),
                                   O_RDONLY | O_CLOEXEC));
  if (!file.valid()) return refuse(errno);
  const Result<std::string> text = os::read_file(file);
  if (!text) return refuse(text.error().os_errno != 0 ? text.error().os_errno : EIO);
  return translated_maps(model.tree, *text);
}

int decide_proc_open(const Call& call, std::string_view in_proc, bool writes) {
  const int process = process_of(in_proc);
  if (process == 0) return writes ? EROFS : 0;
  if (name_of(in_proc) != "mem" || process == call.task.tid()) return 0;
  const auto caller = call.task.status();
  return caller && caller->process == process ? 0 : EACCES;
}

}  // namespace lichen::bare
