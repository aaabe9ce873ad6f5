#include <sys/socket.h>
#include <sys/un.h>

#include <cstddef>
#include <filesystem>

#include "bare/address.h"
#include "bare/change_testing.h"
#include "gtest/gtest.h"

namespace lichen::bare {
namespace {

using testing::Step;

constexpr std::uint32_t kAlice = 1000;

// An address as a program writes it.
struct Address {
  explicit Address(const std::string& path = "") {
    value.sun_family = AF_UNIX;
    std::memcpy(value.sun_path, path.data(), std::min(path.size(), sizeof value.sun_path));
    bytes = static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + path.size() + 1);
  }
  std::string path() const {
    return {value.sun_path, ::strnlen(value.sun_path, sizeof value.sun_path)};
  }
  sockaddr_un value{};
  socklen_t bytes = 0;
};

class Socket : public ::testing::Test {
 protected:
  void SetUp() override { step.model->processes.add(::getpid()); }

  static os::UniqueFd make(int type = SOCK_STREAM) {
    return os::UniqueFd(::socket(AF_UNIX, type | SOCK_CLOEXEC, 0));
  }
  std::int64_t bind(const os::UniqueFd& socket, const std::string& path) {
    const Address address(path);
    return step.call(answer_socket, SYS_bind, socket.get(), &address.value, address.bytes);
  }
  std::int64_t connect(const os::UniqueFd& socket, const std::string& path) {
    const Address address(path);
    return step.call(answer_socket, SYS_connect, socket.get(), &address.value, address.bytes);
  }
  // The path, and a length that fits.
  std::string name_of(long nr, const os::UniqueFd& socket) {
    Address address;
    address.bytes = sizeof address.value;
    const auto result = step.call(answer_socket, nr, socket.get(), &address.value, &address.bytes);
    if (result < 0) return std::to_string(result);
    EXPECT_EQ(address.bytes, offsetof(sockaddr_un, sun_path) + address.path().size() + 1);
    return address.path();
  }
  // Nothing that only lasts for a call is left.
  bool is_clean() const { return std::filesystem::is_empty(step.scratch() + "/s"); }

  Step step{testing::new_directory()};
};

TEST_F(Socket, IsBoundAndReachedByWhatTheStepCallsIt) {
  step.make_directory("/run");
  const os::UniqueFd server = make(), client = make();
  EXPECT_EQ(bind(server, "/run/s"), 0);
  EXPECT_TRUE(S_ISSOCK(step.status("/run/s").st_mode));
  EXPECT_EQ(name_of(SYS_getsockname, server), "/run/s");
  ASSERT_EQ(::listen(server.get(), 4), 0);
  EXPECT_EQ(connect(client, "/run/../run/s"), 0);
  EXPECT_EQ(name_of(SYS_getpeername, client), "/run/s");
  EXPECT_TRUE(is_clean());

  Address from;
  from.bytes = sizeof from.value;
  const os::UniqueFd accepted(static_cast<int>(
      step.call(answer_socket, SYS_accept4, server.get(), &from.value, &from.bytes, SOCK_CLOEXEC)));
  EXPECT_TRUE(accepted.valid());
  EXPECT_EQ(from.bytes, sizeof(sa_family_t));  // the client has no name
}

TEST_F(Socket, LongPathsFit) {
  std::string path;
  for (int i = 0; i < 4; ++i) {
    path += "/" + std::string(24, 'd');
    step.make_directory(path);
  }
  path += "/sock";
  ASSERT_LE(path.size(), kMaxSocketPath);
  ASSERT_GT(step.real(path).size(), kMaxSocketPath);
  const os::UniqueFd server = make(), client = make();
  EXPECT_EQ(bind(server, path), 0);
  ASSERT_EQ(::listen(server.get(), 4), 0);
  EXPECT_EQ(connect(client, path), 0);
  EXPECT_EQ(name_of(SYS_getpeername, client), path);
  EXPECT_TRUE(is_clean());
}

TEST_F(Socket, BindHasTheKernelsErrors) {
  step.make_file("/f");
  step.make_directory("/closed");
  EXPECT_EQ(bind(make(), "/f"), -EADDRINUSE);
  EXPECT_EQ(bind(make(), "/"), -EADDRINUSE);
  EXPECT_EQ(bind(make(), "/absent/s"), -ENOENT);
  EXPECT_EQ(bind(make(), "/f/s"), -ENOTDIR);
  EXPECT_EQ(bind(make(), "/vol/s"), -EROFS);
  const os::UniqueFd bound = make();
  EXPECT_EQ(bind(bound, "/closed/a"), 0);
  EXPECT_EQ(bind(bound, "/closed/b"), -EINVAL);
  EXPECT_FALSE(step.exists("/closed/b"));
  step.give("/closed/a", 0, 0755);
  step.become(kAlice);
  EXPECT_EQ(bind(make(), "/closed/c"), -EACCES);
  EXPECT_EQ(connect(make(), "/closed/a"), -EACCES);
}

TEST_F(Socket, BelongsToWhoBinds) {
  step.make_directory("/open");
  step.give("/open", 0, 0777);
  ::umask(022);
  step.become(kAlice);
  EXPECT_EQ(bind(make(), "/open/s"), 0);
  ::umask(0);
  EXPECT_EQ(step.owned("/open/s"), (emulate::Owned{kAlice, kAlice, S_IFSOCK | 0755}));
}

TEST_F(Socket, ConnectHasTheKernelsErrors) {
  step.make_file("/f");
  EXPECT_EQ(connect(make(), "/absent"), -ENOENT);
  EXPECT_EQ(connect(make(), "/f"), -ECONNREFUSED);
  {
    const os::UniqueFd server = make();
    EXPECT_EQ(bind(server, "/s"), 0);
  }
  EXPECT_EQ(connect(make(), "/s"), -ECONNREFUSED);
  EXPECT_TRUE(is_clean());
}

TEST_F(Socket, AddressesWithoutAPathAreTheKernels) {
  const os::UniqueFd socket = make();
  Address abstract;
  abstract.bytes = 8;
  EXPECT_TRUE(std::holds_alternative<Continue>(
      step.reply(answer_socket, SYS_bind, socket.get(), &abstract.value, abstract.bytes)));
  EXPECT_TRUE(std::holds_alternative<Continue>(
      step.reply(answer_socket, SYS_bind, socket.get(), &abstract.value, sizeof(sa_family_t))));
  EXPECT_TRUE(std::holds_alternative<Continue>(
      step.reply(answer_socket, SYS_connect, socket.get(), 8, 20)));
  EXPECT_TRUE(std::holds_alternative<Continue>(
      step.reply(answer_socket, SYS_sendto, socket.get(), 0, 0, 0, 0, 0)));
}

TEST_F(Socket, DatagramsKnowTheirSenders) {
  const os::UniqueFd server = make(SOCK_DGRAM), client = make(SOCK_DGRAM);
  ASSERT_EQ(bind(server, "/server"), 0);
  ASSERT_EQ(bind(client, "/client"), 0);
  Address to("/server"), from;
  EXPECT_EQ(step.call(answer_socket, SYS_sendto, client.get(), "one", 3, 0, &to.value, to.bytes),
            3);
  char bytes[16];
  from.bytes = sizeof from.value;
  EXPECT_EQ(step.call(answer_socket, SYS_recvfrom, server.get(), bytes, sizeof bytes, 0,
                      &from.value, &from.bytes),
            3);
  EXPECT_EQ(from.path(), "/client");

  iovec part{const_cast<char*>("four"), 4};
  msghdr message{};
  message.msg_name = &to.value;
  message.msg_namelen = to.bytes;
  message.msg_iov = &part;
  message.msg_iovlen = 1;
  EXPECT_EQ(step.call(answer_socket, SYS_sendmsg, client.get(), &message, 0), 4);
  EXPECT_EQ(message.msg_name, &to.value);  // the caller's header is as it was
  EXPECT_EQ(to.path(), "/server");

  part = {bytes, sizeof bytes};
  message.msg_name = &from.value;
  message.msg_namelen = sizeof from.value;
  EXPECT_EQ(step.call(answer_socket, SYS_recvmsg, server.get(), &message, 0), 4);
  EXPECT_EQ(from.path(), "/client");
  EXPECT_EQ(message.msg_namelen, offsetof(sockaddr_un, sun_path) + sizeof "/client");
  EXPECT_TRUE(is_clean());
}

TEST_F(Socket, ManyMessagesAreSentOneByOneWhenTheyHaveNames) {
  const os::UniqueFd server = make(SOCK_DGRAM), client = make(SOCK_DGRAM), pair = make(SOCK_DGRAM);
  ASSERT_EQ(bind(server, "/server"), 0);
  Address to("/server");
  iovec part{const_cast<char*>("five!"), 5};
  mmsghdr messages[2]{};
  for (mmsghdr& message : messages) {
    message.msg_hdr.msg_name = &to.value;
    message.msg_hdr.msg_namelen = to.bytes;
    message.msg_hdr.msg_iov = &part;
    message.msg_hdr.msg_iovlen = 1;
  }
  EXPECT_EQ(step.call(answer_socket, SYS_sendmmsg, client.get(), messages, 2, 0), 1);
  EXPECT_EQ(messages[0].msg_len, 5u);

  // A first one without a name goes alone, as it stands.
  ASSERT_EQ(connect(client, "/server"), 0);
  messages[0] = {};
  messages[0].msg_hdr.msg_iov = &part;
  messages[0].msg_hdr.msg_iovlen = 1;
  EXPECT_EQ(step.call(answer_socket, SYS_sendmmsg, client.get(), messages, 2, 0), 1);
  EXPECT_EQ(messages[0].msg_len, 5u);
}

TEST_F(Socket, PeersAreWhoTheModelSays) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends), 0);
  const os::UniqueFd one(ends[0]), other(ends[1]);
  emulate::Credentials alice = emulate::credentials_of(kAlice, kAlice, {5, 6});
  step.model->root.credentials.set(Step::tid(), alice);
  ucred peer{};
  socklen_t bytes = sizeof peer;
  EXPECT_EQ(
      step.call(answer_socket, SYS_getsockopt, one.get(), SOL_SOCKET, SO_PEERCRED, &peer, &bytes),
      0);
  EXPECT_EQ(peer.pid, ::getpid());
  EXPECT_EQ(peer.uid, kAlice);
  EXPECT_EQ(peer.gid, kAlice);

  std::uint32_t groups[8];
  bytes = sizeof groups;
  EXPECT_EQ(step.call(answer_socket, SYS_getsockopt, one.get(), SOL_SOCKET, SO_PEERGROUPS, groups,
                      &bytes),
            0);
  ASSERT_EQ(bytes, 2 * sizeof groups[0]);
  EXPECT_EQ(groups[0], 5u);
  EXPECT_EQ(groups[1], 6u);
  bytes = sizeof groups[0];
  EXPECT_EQ(step.call(answer_socket, SYS_getsockopt, one.get(), SOL_SOCKET, SO_PEERGROUPS, groups,
                      &bytes),
            -ERANGE);
  EXPECT_EQ(bytes, 2 * sizeof groups[0]);
  EXPECT_TRUE(std::holds_alternative<Continue>(
      step.reply(answer_socket, SYS_getsockopt, one.get(), SOL_SOCKET, SO_TYPE, groups, &bytes)));
}

struct CredentialMessage {
  CredentialMessage() {
    header.msg_iov = &part;
    header.msg_iovlen = 1;
    header.msg_control = control;
    header.msg_controllen = sizeof control;
  }
  void claim(std::uint32_t uid, std::uint32_t gid) {
    cmsghdr* const top = CMSG_FIRSTHDR(&header);
    top->cmsg_level = SOL_SOCKET;
    top->cmsg_type = SCM_CREDENTIALS;
    top->cmsg_len = CMSG_LEN(sizeof(ucred));
    const ucred ids{::getpid(), uid, gid};
    std::memcpy(CMSG_DATA(top), &ids, sizeof ids);
  }
  ucred ids() const {
    ucred ids{};
    std::memcpy(&ids, CMSG_DATA(reinterpret_cast<const cmsghdr*>(control)), sizeof ids);
    return ids;
  }
  char byte = 'x';
  iovec part{&byte, 1};
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(ucred))] = {};
  msghdr header{};
};

TEST_F(Socket, ProcessesSayWhoTheyAre) {
  int ends[2];
  ASSERT_EQ(::socketpair(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0, ends), 0);
  const os::UniqueFd one(ends[0]), other(ends[1]);
  const int on = 1;
  ASSERT_EQ(::setsockopt(other.get(), SOL_SOCKET, SO_PASSCRED, &on, sizeof on), 0);
  step.become(kAlice);
  CredentialMessage out, in;
  out.claim(0, kAlice);
  EXPECT_EQ(step.call(answer_socket, SYS_sendmsg, one.get(), &out.header, 0), -EPERM);
  out.claim(kAlice, kAlice);
  EXPECT_EQ(step.call(answer_socket, SYS_sendmsg, one.get(), &out.header, 0), 1);
  EXPECT_EQ(out.ids().uid, kAlice);
  EXPECT_EQ(step.call(answer_socket, SYS_recvmsg, other.get(), &in.header, 0), 1);
  EXPECT_EQ(in.ids().pid, ::getpid());
  EXPECT_EQ(in.ids().uid, kAlice);
  EXPECT_EQ(in.ids().gid, kAlice);
}

TEST(Address, IsAPathOnlyOfNamedUnixSockets) {
  EXPECT_EQ(path_of_address(to_sockaddr("/a")), "/a");
  EXPECT_EQ(path_of_address(to_sockaddr("/a") + "rest"), "/a");
  EXPECT_EQ(path_of_address(to_sockaddr("/a").substr(0, 4)), "/a");  // no NUL
  EXPECT_EQ(path_of_address(to_sockaddr(std::string(107, 'a'))), std::string(107, 'a'));
  EXPECT_EQ(path_of_address(to_sockaddr(std::string(108, 'a'))), std::nullopt);  // 111 bytes
  EXPECT_EQ(path_of_address(to_sockaddr("")), std::nullopt);
  EXPECT_EQ(path_of_address(to_sockaddr(std::string("\0name", 5))), std::nullopt);
  EXPECT_EQ(path_of_address(std::string("\2\0/a\0", 5)), std::nullopt);
  EXPECT_EQ(path_of_address(""), std::nullopt);
}

TEST(Address, MalformedControlIsLeftAlone) {
  const auto never = [](const PeerIds&) {
    ADD_FAILURE();
    return PeerIds{};
  };
  for (const std::size_t bytes : {0, 1, 16, 40}) {
    for (const char fill : {'\0', '\x7f', '\xff'}) {
      std::string control(bytes, fill);
      EXPECT_FALSE(change_credentials(control, never));
    }
  }
}

TEST(SocketDirectory, HasAShortPath) {
  const std::string scratch = testing::new_directory();
  {
    const auto near = SocketDirectory::make(scratch);
    ASSERT_TRUE(near);
    EXPECT_EQ(near->path(), scratch + "/s");
  }
  EXPECT_EQ(::rmdir((scratch + "/s").c_str()), 0);  // it belongs to who made `scratch`
  ::rmdir(scratch.c_str());
  std::string elsewhere;
  {
    const auto made = SocketDirectory::make("/" + std::string(100, 'x'));
    ASSERT_TRUE(made);
    elsewhere = made->path();
    EXPECT_LE(elsewhere.size(), 80u);
    EXPECT_TRUE(os::exists(elsewhere));
    EXPECT_EQ(::symlink("/nowhere", (elsewhere + "/1").c_str()), 0);
  }
  EXPECT_FALSE(os::exists(elsewhere));
}

}  // namespace
}  // namespace lichen::bare
