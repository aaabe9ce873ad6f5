#include "container/network.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <unistd.h>

#include <cerrno>
#include <charconv>

#include "base/text.h"
#include "os/file.h"
#include "os/socket.h"

namespace lichen::container {

namespace {

constexpr char kTun[] = "/dev/net/tun";
constexpr char kPastaDns[] = "169.254.1.1";  // any address that is not taken: pasta answers for it
constexpr char kSlirpDns[] = "10.0.2.3";     // slirp4netns has it built in
constexpr int kPollMs = 2, kReadyMs = 10'000;

Result<std::uint16_t> parse_port(std::string_view text) {
  std::uint16_t port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (error != std::errc() || end != text.data() + text.size() || port == 0)
    return fail(Errc::kInvalid, "\"" + printable(text) + "\" is not a port");
  return port;
}

bool is_address(const std::string& text) {
  unsigned char bytes[16];
  return ::inet_pton(AF_INET, text.c_str(), bytes) == 1;
}

// A default route in /proc/…/net/route: destination and mask 0.
bool has_route(std::string_view table) {
  for (const std::string& line : split(table, '\n')) {
    const std::vector<std::string> fields = split(line, '\t');
    if (fields.size() > 7 && fields[1] == "00000000" && fields[7] == "00000000") return true;
  }
  return false;
}
bool has_route6(std::string_view table) {
  constexpr std::string_view zero = "00000000000000000000000000000000 00 ";
  for (const std::string& line : split(table, '\n'))
    if (starts_with(line, zero) && line.find(" lo") == std::string::npos) return true;
  return false;
}

struct Prepared {
  const char* path = nullptr;
  char* const* argv = nullptr;
  char* const* env = nullptr;
  int go = -1, nothing = -1, said = -1;
};

// Between fork and exec of a process that has threads: system calls alone. It waits until the
// worker has bound the new network namespace, and takes a copy of its mounts then; the worker's own
// root will change.
[[noreturn]] void run_helper(const Prepared& prepared, pid_t worker) {
  ::prctl(PR_SET_PDEATHSIG, SIGKILL);
  for (int signal = 1; signal < NSIG; ++signal) ::signal(signal, SIG_DFL);  // we ignore many
  sigset_t none;
  ::sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  if (::getppid() != worker) ::_exit(1);
  char byte = 0;
  if (::read(prepared.go, &byte, 1) != 1 || ::unshare(CLONE_NEWNS) < 0) ::_exit(1);
  ::dup2(prepared.nothing, 0);
  ::dup2(prepared.nothing, 1);
  ::dup2(prepared.said, 2);
  ::execve(prepared.path, prepared.argv, prepared.env);
  ::_exit(127);
}

std::vector<char*> pointers(const std::vector<std::string>& strings) {
  std::vector<char*> list;
  for (const std::string& text : strings) list.push_back(const_cast<char*>(text.c_str()));
  list.push_back(nullptr);
  return list;
}

}  // namespace

Result<Published> parse_published(std::string_view text) {
  Published port;
  std::string_view rest = text;
  if (const std::size_t slash = rest.rfind('/'); slash != std::string_view::npos) {
    const std::string_view protocol = rest.substr(slash + 1);
    if (protocol != "tcp" && protocol != "udp")
      return fail(Errc::kInvalid, "-p " + printable(text) + ": tcp or udp after the slash");
    port.udp = protocol == "udp";
    rest = rest.substr(0, slash);
  }
  std::vector<std::string> parts = split(rest, ':');
  if (parts.size() == 3) {
    port.address = parts[0];
    if (!is_address(port.address))
      return fail(Errc::kInvalid, "-p " + printable(text) + ": not an IPv4 address in front");
    parts.erase(parts.begin());
  }
  if (parts.size() != 2)
    return fail(Errc::kInvalid,
                "-p " + printable(text) + ": want [ADDRESS:]HOST:CONTAINER[/tcp|udp]",
                "both ports are numbers: -p 8080:80");
  port.host = TRY(parse_port(parts[0]));
  port.inside = TRY(parse_port(parts[1]));
  return port;
}

Result<Network> find_network() {
  Network network{.program = os::find_program("pasta"), .is_pasta = true, .ports = {}, .place = {}};
  if (network.program.empty()) {
    network.program = os::find_program("slirp4netns");
    network.is_pasta = false;
  }
  if (network.program.empty())
    return fail(Errc::kUnsupported,
                "a network of its own needs pasta or slirp4netns, and neither is installed",
                "as root: apt-get install passt (or slirp4netns); or --network=host");
  if (::access(kTun, R_OK | W_OK) < 0) {
    Error error = os_error("open", kTun);
    error.code = Errc::kUnsupported;
    error.hint =
        "as root: chmod 666 /dev/net/tun (a container wants --device=/dev/net/tun); or "
        "--network=host";
    return fail(std::move(error));
  }
  return network;
}

std::string resolv_conf_text(const Network& network, std::string_view host) {
  std::string text = std::string("nameserver ") + (network.is_pasta ? kPastaDns : kSlirpDns) + "\n";
  for (const std::string& line : split(host, '\n'))
    if (starts_with(line, "search ") || starts_with(line, "options ")) text += line + "\n";
  return text;
}

std::vector<std::string> helper_arguments(const Network& network) {
  if (!network.is_pasta)
    return {network.program,     "--configure", "--mtu=65520", "--disable-host-loopback",
            "--netns-type=path", network.place, "tap0"};
  std::vector<std::string> argv = {network.program, "--config-net",  "--foreground",
                                   "--no-map-gw",   "--dns-forward", kPastaDns};
  bool tcp = false, udp = false;
  for (const Published& port : network.ports) {
    argv.emplace_back(port.udp ? "-u" : "-t");
    (port.udp ? udp : tcp) = true;
    argv.push_back((port.address.empty() ? "" : port.address + "/") + std::to_string(port.host) +
                   ":" + std::to_string(port.inside));
  }
  // Its default is to forward all that listens, in both directions.
  if (!tcp) argv.insert(argv.end(), {"-t", "none"});
  if (!udp) argv.insert(argv.end(), {"-u", "none"});
  argv.insert(argv.end(), {"-T", "none", "-U", "none", "--netns", network.place});
  return argv;
}

Result<NetworkHelper> NetworkHelper::start(const Network& network) {
  if (!network.ports.empty() && !network.is_pasta)
    return fail(Errc::kUnsupported, "publishing ports needs pasta; slirp4netns alone is installed",
                "as root: apt-get install passt");
  const std::vector<std::string> argv = helper_arguments(network),
                                 env = {"PATH=/usr/bin:/bin:/usr/sbin:/sbin", "TMPDIR=/tmp"};
  const std::vector<char*> argv_pointers = pointers(argv), env_pointers = pointers(env);
  NetworkHelper helper;
  helper.said_ = os::UniqueFd(::memfd_create("network helper", MFD_CLOEXEC));
  if (!helper.said_.valid()) return fail(os_error("memfd_create", ""));
  const os::UniqueFd nothing = TRY(os::open("/dev/null", O_RDWR));
  auto go = TRY(os::pipe());
  const Prepared prepared{.path = network.program.c_str(),
                          .argv = argv_pointers.data(),
                          .env = env_pointers.data(),
                          .go = go.first.get(),
                          .nothing = nothing.get(),
                          .said = helper.said_.get()};
  const pid_t worker = ::getpid();
  const pid_t pid = ::fork();  // stays in the host's network
  if (pid < 0) return fail(os_error("fork", network.program));
  if (pid == 0) {
    ::close(go.second.get());
    run_helper(prepared, worker);
  }
  helper.child_ = TRY(os::Child::adopt(pid));
  if (::unshare(CLONE_NEWNET) < 0) return fail(os_error("unshare", "network namespace"));
  if (::mount("/proc/thread-self/ns/net", network.place.c_str(), nullptr, MS_BIND, nullptr) < 0)
    return fail(os_error("bind", "the network namespace"));
  TRY(os::write_all(go.second, "g"));
  TRY(helper.await_route(network));
  ::umount2(network.place.c_str(), MNT_DETACH);
  return helper;
}

// Nothing else is common to both programs: the route is what they make last.
Result<void> NetworkHelper::await_route(const Network& network) {
  for (int waited = 0; waited < kReadyMs; waited += kPollMs) {
    if (has_route(TRY(os::find_file("/proc/thread-self/net/route")).value_or("")) ||
        has_route6(TRY(os::find_file("/proc/thread-self/net/ipv6_route")).value_or("")))
      return {};
    pollfd ended{child_.pidfd().get(), POLLIN, 0};
    if (::poll(&ended, 1, kPollMs) <= 0) continue;
    (void)child_.wait();
    ::lseek(said_.get(), 0, SEEK_SET);
    std::string said;
    const std::string all = os::read_file(said_).value_or("");
    for (const std::string& line : split(all, '\n'))
      if (!trim(line).empty() && line.find("to syslog") == std::string::npos)
        said = std::string(trim(line));
    return fail(Errc::kUnsupported, network.program + " ended: " + printable(said),
                "--network=host does without it");
  }
  return fail(Errc::kUnavailable, network.program + " did not connect the step's network");
}

}  // namespace lichen::container
