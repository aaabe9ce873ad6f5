#include "sandbox/namespace.h"

#include <fcntl.h>
#include <sched.h>
#include <sys/mount.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "base/text.h"
#include "os/file.h"
#include "os/host.h"
#include "os/socket.h"
#include "sandbox/mounts.h"

namespace lichen::sandbox {

namespace {

Error unshare_error(int os_errno) {
  Error error = os_error(os_errno, "unshare", "user namespace");
  if (os_errno == EINVAL) {
    error.code = Errc::kInternal;
    error.hint = "a process with threads cannot enter a user namespace";
  } else {
    error.code = Errc::kUnsupported;
    error.hint = os::user_namespace_fix(os_errno);
  }
  return error;
}

// The process that writes our maps must stay outside of the namespace. It tells its error as text,
// "code errno\nmessage\nhint"; nothing means success.
[[noreturn]] void map_writer(pid_t keeper, const std::vector<os::IdRange>& uids,
                             const std::vector<os::IdRange>& gids, const os::UniqueFd& go,
                             const os::UniqueFd& answer) {
  char byte = 0;
  if (::read(go.get(), &byte, 1) != 1) ::_exit(1);  // the keeper failed before it needed us
  const auto written = os::write_id_maps(keeper, uids, gids);
  if (!written) {
    const Error& error = written.error();
    (void)os::write_all(answer, std::to_string(static_cast<int>(error.code)) + "\n" +
                                    to_text(error) + "\n" + error.hint);
  }
  ::_exit(0);
}

Result<void> read_answer(const os::UniqueFd& answer) {
  const std::string text = TRY(os::read_file(answer));
  if (text.empty()) return {};
  const std::vector<std::string> lines = split(text, '\n');
  Error error{.code = static_cast<Errc>(std::atoi(lines[0].c_str()))};
  if (lines.size() > 1) error.message = lines[1];
  if (lines.size() > 2) error.hint = lines[2];
  return fail(std::move(error));
}

Result<void> become_root() {
  if (::setresgid(0, 0, 0) < 0) return fail(os_error("setresgid", "0"));
  if (::setresuid(0, 0, 0) < 0) return fail(os_error("setresuid", "0"));
  return {};
}

}  // namespace

Result<void> enter(const std::vector<os::IdRange>& uids, const std::vector<os::IdRange>& gids) {
  auto go = TRY(os::pipe());
  auto answer = TRY(os::pipe());
  const pid_t keeper = ::getpid();
  const pid_t writer = ::fork();
  if (writer < 0) return fail(os_error("fork", "id map writer"));
  if (writer == 0) {
    go.second.reset();
    map_writer(keeper, uids, gids, go.first, answer.second);
  }
  answer.second.reset();
  Result<void> entered;
  if (::unshare(CLONE_NEWUSER | CLONE_NEWNS) < 0) entered = fail(unshare_error(errno));
  if (entered) entered = os::write_all(go.second, "g");
  go.second.reset();
  if (entered) entered = read_answer(answer.first);
  int status = 0;
  while (::waitpid(writer, &status, 0) < 0 && errno == EINTR) {
  }
  TRY(std::move(entered));
  if (status != 0) return fail(Errc::kInternal, "the writer of the id maps was killed");
  TRY(become_root());
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_SLAVE, nullptr) < 0)
    return fail(os_error("make mounts private", "/"));
  return {};
}

Result<void> enter_mounts(const os::UniqueFd& mounts) {
  // Other threads keep the root that they have; the kernel wants us to share it with none.
  if (::unshare(CLONE_FS) < 0) return fail(os_error("unshare", "root directory"));
  if (::setns(mounts.get(), CLONE_NEWNS) < 0) return fail(os_error("enter", "mount namespace"));
  return {};
}

Result<void> own_mounts() {
  if (::unshare(CLONE_NEWNS) < 0) return fail(os_error("unshare", "mount namespace"));
  if (::mount(nullptr, "/", nullptr, MS_REC | MS_PRIVATE, nullptr) < 0)
    return fail(os_error("make mounts private", "/"));
  return {};
}

namespace {

constexpr std::size_t kOptionBytes = 4096 - 1;  // mount(2) takes one page

// Directories are named by descriptor: short, and free of the commas, colons and backslashes that
// overlay would interpret.
struct Layers {
  std::vector<os::UniqueFd> lower;
  os::UniqueFd upper, work;
};

Result<Layers> open_layers(const std::vector<std::string>& lower, const std::string& upper,
                           const std::string& work) {
  constexpr int kFlags = O_PATH | O_DIRECTORY;
  Layers layers;
  for (const std::string& path : lower) layers.lower.push_back(TRY(os::open(path, kFlags)));
  if (upper.empty()) return layers;
  layers.upper = TRY(os::open(upper, kFlags));
  layers.work = TRY(os::open(work, kFlags));
  return layers;
}

Result<os::UniqueFd> overlay_by_fsconfig(const Layers& layers) {
  FileSystem overlay = TRY(FileSystem::open("overlay"));
  for (const os::UniqueFd& lower : layers.lower)
    TRY(overlay.set("lowerdir+", os::proc_path(lower).c_str()));
  if (layers.upper.valid()) {
    TRY(overlay.set("upperdir", os::proc_path(layers.upper).c_str()));
    TRY(overlay.set("workdir", os::proc_path(layers.work).c_str()));
    TRY(overlay.set("volatile", nullptr));
  }
  TRY(overlay.set("userxattr", nullptr));
  return overlay.create(layers.upper.valid() ? 0 : MOUNT_ATTR_RDONLY);
}

Result<void> overlay_by_options(const Layers& layers, const std::string& target) {
  std::string options = "userxattr,lowerdir=";
  for (std::size_t i = 0; i < layers.lower.size(); ++i)
    options += (i == 0 ? "" : ":") + os::proc_path(layers.lower[i]);
  if (layers.upper.valid())
    options += ",volatile,upperdir=" + os::proc_path(layers.upper) +
               ",workdir=" + os::proc_path(layers.work);
  if (options.size() > kOptionBytes)
    return fail(Errc::kUnsupported,
                "this kernel cannot stack " + std::to_string(layers.lower.size()) + " layers",
                "Linux 6.8 takes 500; older ones about 200");
  const unsigned long flags = layers.upper.valid() ? 0 : MS_RDONLY;
  if (::mount("overlay", target.c_str(), "overlay", flags, options.c_str()) < 0)
    return fail(os_error("mount overlay", target));
  return {};
}

}  // namespace

Result<void> mount_overlay(const std::vector<std::string>& lower, const std::string& upper,
                           const std::string& work, const std::string& target) {
  LICHEN_ASSERT(!lower.empty());
  const os::UniqueFd place = TRY(os::open(target, O_PATH | O_DIRECTORY));
  if (upper.empty() && lower.size() == 1) {
    const os::UniqueFd tree = TRY(clone_tree(lower[0], true));
    TRY(set_attributes(tree, MOUNT_ATTR_RDONLY));
    return attach(tree, place, target);
  }
  const Layers layers = TRY(open_layers(lower, upper, work));
  // The mark that a former volatile mount of this directory left; the kernel refuses to go on where
  // it stands.
  if (layers.work.valid()) TRY(os::remove_tree(work + "/work/incompat"));
  auto overlay = overlay_by_fsconfig(layers);
  if (overlay) return attach(*overlay, place, target);
  if (overlay.error().os_errno != EINVAL && overlay.error().os_errno != ENOSYS)
    return fail(std::move(overlay).error().in(target));
  return overlay_by_options(layers, target);  // Linux < 6.8 has no lowerdir+
}

}  // namespace lichen::sandbox
