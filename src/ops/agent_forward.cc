#include "ops/agent_forward.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <optional>
#include <system_error>
#include <utility>
#include <vector>

#include "base/path.h"
#include "os/file.h"
#include "os/socket.h"

namespace lichen::ops {

namespace {

constexpr std::size_t kMaxConnections = 64;
constexpr int kBacklog = 16;

std::optional<sockaddr_un> address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  if (path.size() >= sizeof address.sun_path) return std::nullopt;
  std::memcpy(address.sun_path, path.data(), path.size());
  return address;
}

os::UniqueFd new_socket() {
  return os::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

os::UniqueFd connect_to(const std::string& path) {
  const auto address = address_of(path);
  os::UniqueFd fd = new_socket();
  if (!address || !fd.valid() ||
      ::connect(fd.get(), reinterpret_cast<const sockaddr*>(&*address), sizeof *address) < 0)
    return {};
  return fd;
}

struct Connection {
  os::UniqueFd step, agent;
};

// What is there to read of `from` goes to `to`; false: it has ended.
bool pass(const os::UniqueFd& from, const os::UniqueFd& to) {
  char buffer[16 * 1024];
  const ssize_t count = ::recv(from.get(), buffer, sizeof buffer, MSG_DONTWAIT);
  if (count < 0) return errno == EAGAIN || errno == EINTR;
  if (count == 0) return false;
  // Not longer than the other side lets us: a step that does not read must not stop the others.
  std::size_t sent = 0;
  while (sent < static_cast<std::size_t>(count)) {
    const ssize_t now = ::send(to.get(), buffer + sent, static_cast<std::size_t>(count) - sent,
                               MSG_NOSIGNAL | MSG_DONTWAIT);
    if (now >= 0) {
      sent += static_cast<std::size_t>(now);
      continue;
    }
    pollfd writable{to.get(), POLLOUT, 0};
    constexpr int kPatienceMs = 5000;
    if ((errno != EAGAIN && errno != EINTR) || ::poll(&writable, 1, kPatienceMs) <= 0) return false;
  }
  return true;
}

}  // namespace

Result<std::unique_ptr<AgentForward>> AgentForward::start(const std::string& agent,
                                                          const std::string& directory) {
  std::unique_ptr<AgentForward> forward(new AgentForward());
  forward->agent_ = agent;
  forward->path_ = directory + "/agent";
  // The store may lie deeper than a socket's address is long.
  const os::UniqueFd place = TRY(os::open(directory, O_PATH | O_DIRECTORY));
  const auto address = address_of(os::proc_path(place) + "/agent");
  forward->listener_ = new_socket();
  if (!address || !forward->listener_.valid() ||
      ::bind(forward->listener_.get(), reinterpret_cast<const sockaddr*>(&*address),
             sizeof *address) < 0 ||
      ::listen(forward->listener_.get(), kBacklog) < 0)
    return fail(os_error("bind", forward->path_));
  auto ends = TRY(os::pipe());
  forward->stop_ = std::move(ends.first);
  forward->stop_far_ = std::move(ends.second);
  try {
    forward->thread_ = std::thread([raw = forward.get()] { raw->serve(); });
  } catch (const std::system_error& error) {
    return fail(os_error(error.code().value(), "pthread_create", "the ssh agent's socket"));
  }
  return forward;
}

AgentForward::~AgentForward() {
  stop_far_.reset();  // wakes the thread
  if (thread_.joinable()) thread_.join();
  ::unlink(path_.c_str());
  ::rmdir(parent_of(path_).c_str());
}

void AgentForward::serve() const {
  std::vector<Connection> connections;
  while (true) {
    std::vector<pollfd> polled{
        {stop_.get(), POLLIN, 0},
        {listener_.get(), static_cast<short>(connections.size() < kMaxConnections ? POLLIN : 0),
         0}};
    for (const Connection& one : connections) {
      polled.push_back({one.step.get(), POLLIN, 0});
      polled.push_back({one.agent.get(), POLLIN, 0});
    }
    if (::poll(polled.data(), polled.size(), -1) < 0) {
      if (errno == EINTR) continue;
      return;
    }
    if (polled[0].revents != 0) return;
    std::vector<Connection> open;
    for (std::size_t i = 0; i < connections.size(); ++i) {
      Connection& one = connections[i];
      const bool goes_on = (polled[2 + 2 * i].revents == 0 || pass(one.step, one.agent)) &&
                           (polled[3 + 2 * i].revents == 0 || pass(one.agent, one.step));
      if (goes_on) open.push_back(std::move(one));
    }
    connections = std::move(open);
    if (polled[1].revents == 0) continue;
    os::UniqueFd step(::accept4(listener_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    os::UniqueFd agent = connect_to(agent_);
    if (step.valid() && agent.valid()) connections.push_back({std::move(step), std::move(agent)});
  }
}

}  // namespace lichen::ops
