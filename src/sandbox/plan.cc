#include "sandbox/plan.h"

#include <cstdio>

#include "base/text.h"

namespace lichen::sandbox {

namespace {

constexpr std::uint64_t kMiB = 1u << 20;

// What docker gives a container; nodes themselves cannot be made in a user namespace, so they are
// bound from the host.
constexpr const char* kDevices[] = {"null", "zero", "full", "random", "urandom", "tty"};
constexpr struct {
  const char *link, *target;
} kDeviceLinks[] = {
    {"/dev/fd", "/proc/self/fd"},       {"/dev/stdin", "/proc/self/fd/0"},
    {"/dev/stdout", "/proc/self/fd/1"}, {"/dev/stderr", "/proc/self/fd/2"},
    {"/dev/ptmx", "pts/ptmx"},
};

// Tell about the host, or act on it (docker's defaults).
constexpr const char* kMaskedProc[] = {
    "/proc/acpi", "/proc/asound",     "/proc/interrupts",    "/proc/kcore",
    "/proc/keys", "/proc/key-users",  "/proc/latency_stats", "/proc/sched_debug",
    "/proc/scsi", "/proc/timer_list", "/proc/timer_stats",
};
constexpr const char* kReadOnlyProc[] = {"/proc/bus", "/proc/fs", "/proc/irq", "/proc/sys",
                                         "/proc/sysrq-trigger"};
constexpr const char* kMaskedSys[] = {
    "/sys/firmware",     "/sys/fs/cgroup",       "/sys/devices/virtual/powercap",
    "/sys/kernel/debug", "/sys/kernel/security", "/sys/kernel/tracing"};

template <class... F>
struct Overloaded : F... {
  using F::operator()...;
};
template <class... F>
Overloaded(F...) -> Overloaded<F...>;  // for clang 14

std::string octal(unsigned mode) {
  char text[16];
  std::snprintf(text, sizeof text, "%04o", mode);
  return text;
}

std::string flags(std::initializer_list<std::pair<bool, const char*>> list) {
  std::string text;
  for (const auto& [set, name] : list)
    if (set) text += std::string(" ") + name;
  return text;
}

std::string quoted(const std::vector<std::string>& words) {
  std::string text;
  for (const std::string& word : words) {
    text += " \"";
    for (const char c : printable(word)) text += c == '"' ? "\\\"" : std::string(1, c);
    text += '"';
  }
  return text;
}

std::string rule_text(const NotifyRule& rule) {
  std::string text = "notify " + std::to_string(rule.nr);
  char condition[80] = "";
  if (rule.match == NotifyRule::Match::kMaskEquals)
    std::snprintf(condition, sizeof condition, " if arg%d & %#x == %#x", rule.arg, rule.mask,
                  rule.value);
  if (rule.match == NotifyRule::Match::kMaskAny)
    std::snprintf(condition, sizeof condition, " if arg%d & %#x", rule.arg, rule.mask);
  if (rule.match == NotifyRule::Match::kAtLeast)
    std::snprintf(condition, sizeof condition, " if arg%d >= %u", rule.arg, rule.value);
  return text + condition;
}

}  // namespace

std::string to_text(const Step& step) {
  return std::visit(
      Overloaded{
          [](const Bind& bind) {
            return "bind " + bind.source + " to " + bind.target +
                   flags({{bind.read_only, "read-only"},
                          {!bind.recursive, "alone"},
                          {bind.nodev, "nodev"}});
          },
          [](const Tmpfs& tmpfs) {
            return "tmpfs " + tmpfs.target + " mode " + octal(tmpfs.mode) +
                   (tmpfs.bytes != 0 ? " bytes " + std::to_string(tmpfs.bytes) : "") +
                   flags({{tmpfs.noexec, "noexec"}});
          },
          [](const Proc& proc) {
            return "proc " + proc.target + flags({{proc.host, "of the host"}});
          },
          [](const Sysfs& sysfs) { return "sysfs " + sysfs.target; },
          [](const Devpts& pts) {
            return "devpts " + pts.target + flags({{pts.tty_group, "group 5"}});
          },
          [](const Console& console) { return "terminal at " + console.target; },
          [](const Mqueue& mqueue) { return "mqueue " + mqueue.target; },
          [](const Directory& directory) {
            return "directory " + directory.target + " mode " + octal(directory.mode);
          },
          [](const Symlink& link) { return "symlink " + link.link + " to " + link.target; },
          [](const EmptyFile& file) { return "file " + file.target; },
          [](const Mask& mask) { return "mask " + mask.target; },
          [](const ReadOnly& path) { return "read-only " + path.target; },
      },
      step);
}

std::string to_text(const Plan& plan) {
  std::string text = "root " + plan.rootfs + "\n";
  for (const Step& step : plan.steps) text += to_text(step) + "\n";
  text += "hostname " + plan.hostname + "\n";
  text += std::string("namespaces") + (plan.own_pid ? " pid" : "") + " ipc uts cgroup" +
          (plan.own_network ? " net" : "") + "\n";
  text += "cwd " + plan.cwd + "\n";
  if (plan.terminal) text += "terminal\n";
  text += "user " + std::to_string(plan.uid) + ":" + std::to_string(plan.gid);
  for (const std::uint32_t group : plan.groups) text += " " + std::to_string(group);
  text += std::string(plan.set_ids ? "" : " pretended") +
          (plan.privileged ? " with all capabilities" : "") + "\n";
  for (const os::ResourceLimit& limit : plan.limits)
    text += "limit " + std::to_string(limit.resource) + " " + std::to_string(limit.soft) + ":" +
            std::to_string(limit.hard) + "\n";
  if (plan.answer_sync) text += "answer sync\n";
  for (const NotifyRule& rule : plan.notify) text += rule_text(rule) + "\n";
  for (const std::string& entry : plan.env) text += "env" + quoted({entry}) + "\n";
  return text + "exec" + quoted(plan.argv) + "\n";
}

void add_standard_mounts(Plan& plan) {
  std::vector<Step>& steps = plan.steps;
  steps.push_back(Proc{.host = !plan.own_pid});
  steps.push_back(Tmpfs{.target = "/dev", .bytes = 64 * kMiB});
  for (const char* name : kDevices) {
    const std::string path = std::string("/dev/") + name;
    steps.push_back(Bind{.source = path, .target = path});
  }
  for (const auto& [link, target] : kDeviceLinks)
    steps.push_back(Symlink{.target = target, .link = link});
  steps.push_back(Devpts{.tty_group = plan.set_ids});
  if (plan.terminal) steps.push_back(Console{});
  steps.push_back(Tmpfs{.target = "/dev/shm", .mode = 01777, .bytes = 64 * kMiB, .noexec = true});
  steps.push_back(Mqueue{});
  if (plan.own_network && plan.own_pid)
    steps.push_back(Sysfs{});
  else
    steps.push_back(Bind{.source = "/sys", .target = "/sys", .read_only = true, .nodev = true});
  if (plan.privileged) return;
  for (const char* path : kMaskedProc) steps.push_back(Mask{path});
  for (const char* path : kReadOnlyProc) steps.push_back(ReadOnly{path});
  for (const char* path : kMaskedSys) steps.push_back(Mask{path});
}

}  // namespace lichen::sandbox
