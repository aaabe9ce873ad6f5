#include "sandbox/child_socket.h"

#include <fcntl.h>
#include <sys/socket.h>

#include <cstring>

namespace lichen::sandbox {

namespace {

struct StepText {
  ChildStep step;
  const char* what;
  const char* hint;
};
constexpr StepText kStepTexts[] = {
    {ChildStep::kSupervision, "set up the step's first process", ""},
    {ChildStep::kChildren, "list the step's processes",
     "without a pid namespace lichen needs /proc/PID/task/TID/children (CONFIG_PROC_CHILDREN)"},
    {ChildStep::kLoopback, "bring up the loopback interface", ""},
    {ChildStep::kHostname, "set the host name", ""},
    {ChildStep::kProc, "mount /proc",
     "the host masks its own /proc (it is a container itself?), so the kernel refuses a new one; "
     "`lichen doctor` says more"},
    {ChildStep::kSysfs, "mount /sys", "the host masks its own /sys: use the host's network"},
    {ChildStep::kMqueue, "mount /dev/mqueue", ""},
    {ChildStep::kFork, "fork the command", ""},
    {ChildStep::kTerminal, "take the terminal", "standard input must be a pty of this step"},
    {ChildStep::kDirectory, "enter the working directory", ""},
    {ChildStep::kCapabilities, "reduce capabilities", ""},
    {ChildStep::kIdentity, "become the step's user",
     "the user, group or a supplementary group is not in the map of ids"},
    {ChildStep::kLimits, "set the step's resource limits", ""},
    {ChildStep::kFilter, "install the seccomp filter",
     "the kernel or the outer container refuses seccomp or its user notification"},
    {ChildStep::kLandlock, "restrict itself by Landlock", ""},
    {ChildStep::kSend, "pass a descriptor", ""},
};

Error step_error(const ChildMessage& message, const std::string& cwd) {
  for (const StepText& text : kStepTexts) {
    if (text.step != message.step) continue;
    const bool names_directory = message.step == ChildStep::kDirectory;
    Error error = os_error(message.value, text.what, names_directory ? cwd : "");
    if (*text.hint != '\0') error.hint = text.hint;
    return error;
  }
  return os_error(message.value, "start the step", "");
}

Error gone() {
  return Error{.code = Errc::kUnavailable,
               .message = "the step's first process was killed before the command started"};
}

}  // namespace

Result<std::pair<ChildSocket, os::UniqueFd>> ChildSocket::make(std::string cwd) {
  int ends[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) < 0)
    return fail(os_error("socketpair", ""));
  return std::pair(ChildSocket(os::UniqueFd(ends[0]), std::move(cwd)), os::UniqueFd(ends[1]));
}

Result<std::optional<Received>> ChildSocket::receive() const {
  Received received;
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * kMaxMessageFds)] = {};
  iovec part{&received.message, sizeof received.message};
  msghdr header{};
  header.msg_iov = &part;
  header.msg_iovlen = 1;
  header.msg_control = control;
  header.msg_controllen = sizeof control;
  ssize_t count = -1;
  do count = ::recvmsg(fd_.get(), &header, MSG_CMSG_CLOEXEC);
  while (count < 0 && errno == EINTR);
  // ECONNRESET: it was killed with our byte unread.
  if (count == 0 || (count < 0 && errno == ECONNRESET)) return std::nullopt;
  if (count < 0) return fail(os_error("receive", "from the step"));
  LICHEN_ASSERT(count == sizeof received.message);
  for (cmsghdr* rights = CMSG_FIRSTHDR(&header); rights != nullptr;
       rights = CMSG_NXTHDR(&header, rights)) {
    if (rights->cmsg_level != SOL_SOCKET || rights->cmsg_type != SCM_RIGHTS) continue;
    const std::size_t fds = (rights->cmsg_len - CMSG_LEN(0)) / sizeof(int);
    for (std::size_t i = 0; i < fds; ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(rights) + i * sizeof(int), sizeof fd);
      received.fds.emplace_back(fd);
    }
  }
  return received;
}

Result<Received> ChildSocket::expect(ChildMessage::Kind kind) const {
  auto received = TRY(receive());
  if (!received) return fail(gone());
  if (received->message.kind == ChildMessage::kFailed)
    return fail(step_error(received->message, cwd_));
  LICHEN_ASSERT(received->message.kind == kind);
  return std::move(*received);
}

Result<void> ChildSocket::go_on() const {
  if (::send(fd_.get(), "g", 1, MSG_NOSIGNAL) != 1) return fail(gone());
  return {};
}

Result<os::UniqueFd> out_of_the_way(const os::UniqueFd& fd) {
  os::UniqueFd high(::fcntl(fd.get(), F_DUPFD_CLOEXEC, kFirstFreeFd));
  if (!high.valid()) return fail(os_error("duplicate", "a descriptor for the step"));
  return high;
}

}  // namespace lichen::sandbox
