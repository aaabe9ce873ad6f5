#include <sys/statfs.h>
#include <sys/utsname.h>
#include <unistd.h>

#include <cstdio>

#include "cli/commands.h"
#include "cli/doctor.h"
#include "cli/environment_flags.h"
#include "cli/report.h"
#include "os/idmap.h"
#include "store/root.h"

namespace lichen::cli {

namespace {

struct Options {
  std::string root;
  bool json = false;
};

Syntax syntax_for(Options& options) {
  Syntax syntax{.name = "doctor",
                .summary = "Tells what this host lets lichen do, and what would help.",
                .text =
                    "Everything is tried, not guessed. For each missing thing: what an "
                    "administrator\ncould do, and what it would buy. The exit status is 0 when "
                    "some tier works, else 4.",
                .most = 0};
  syntax.flags = {switch_flag("json", 0, "as JSON", options.json), root_flag(options.root)};
  syntax.examples = {{"lichen doctor", "for people"},
                     {"lichen doctor --json | jq -r .tier", "the tier that a build would take"}};
  return syntax;
}

// Names of statfs(2)'s magic numbers that stores are found on.
std::string file_system_name(const std::string& path, std::uint64_t& free_bytes) {
  struct statfs info {};
  if (::statfs(path.c_str(), &info) != 0) return "?";
  free_bytes = static_cast<std::uint64_t>(info.f_bavail) * static_cast<std::uint64_t>(info.f_bsize);
  const struct {
    unsigned long magic;
    const char* name;
  } known[] = {{0xef53, "ext4"},         {0x58465342, "xfs"},    {0x9123683e, "btrfs"},
               {0x01021994, "tmpfs"},    {0x6969, "nfs"},        {0x794c7630, "overlay"},
               {0x2fc12fc1, "zfs"},      {0x65735546, "fuse"},   {0xf2f52010, "f2fs"},
               {0xca451a4e, "bcachefs"}, {0x0bd00bd0, "lustre"}, {0x47504653, "gpfs"},
               {0x00c36400, "ceph"},     {0xff534d42, "cifs"},   {0x01021997, "9p"}};
  for (const auto& one : known)
    if (static_cast<unsigned long>(info.f_type) == one.magic) return one.name;
  char text[32];
  std::snprintf(text, sizeof text, "type 0x%lx", static_cast<unsigned long>(info.f_type));
  return text;
}

Diagnosis diagnose(const std::string& root) {
  Diagnosis diagnosis;
  utsname system{};
  if (::uname(&system) == 0)
    diagnosis.kernel = std::string(system.sysname) + " " + system.release + " " + system.machine;
  diagnosis.user = os::user_name() + " (uid " + std::to_string(::geteuid()) + ")";
  const auto store = store::choose_root(root);
  if (store) {
    diagnosis.store = *store;
    diagnosis.file_system = file_system_name(*store, diagnosis.free_bytes);
  } else {
    diagnosis.store_error = to_text(store.error());
  }
  diagnosis.host = os::probe_host(store ? *store : "/var/tmp");
  return diagnosis;
}

}  // namespace

int doctor_command(const Invocation& invocation) {
  Options options;
  const Syntax syntax = syntax_for(options);
  const auto parsed = parse_flags(syntax, invocation.args);
  if (!parsed) return report_usage(parsed.error());
  if (parsed->help) return print(help_text(syntax));
  const Diagnosis diagnosis = diagnose(options.root);
  const int status = print(options.json ? doctor_json(diagnosis) : doctor_text(diagnosis));
  if (status != 0) return status;
  return some_tier_works(diagnosis) ? 0 : exit_status(Errc::kUnsupported);
}

}  // namespace lichen::cli
