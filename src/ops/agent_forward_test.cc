#include "ops/agent_forward.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <cstring>

#include "os/file.h"

namespace lichen::ops {
namespace {

sockaddr_un address_of(const std::string& path) {
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  return address;
}

os::UniqueFd new_socket() {
  return os::UniqueFd(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
}

TEST(AgentForward, CarriesBothWaysAndEnds) {
  std::string place = "/tmp/agent-XXXXXX";  // a short path: this is an address
  ASSERT_NE(::mkdtemp(place.data()), nullptr);
  ASSERT_TRUE(os::mkdirs(place + "/ours"));
  const sockaddr_un agent = address_of(place + "/agent"), ours = address_of(place + "/ours/agent");
  const os::UniqueFd listener = new_socket();
  ASSERT_EQ(::bind(listener.get(), reinterpret_cast<const sockaddr*>(&agent), sizeof agent), 0);
  ASSERT_EQ(::listen(listener.get(), 1), 0);
  {
    auto forward = AgentForward::start(place + "/agent", place + "/ours");
    ASSERT_TRUE(forward) << to_text(forward.error());
    EXPECT_EQ((*forward)->path(), place + "/ours/agent");
    const os::UniqueFd step = new_socket();
    ASSERT_EQ(::connect(step.get(), reinterpret_cast<const sockaddr*>(&ours), sizeof ours), 0);
    const os::UniqueFd served(::accept(listener.get(), nullptr, nullptr));
    ASSERT_TRUE(served.valid());
    char buffer[8] = {};
    ASSERT_EQ(::write(step.get(), "ask", 3), 3);
    ASSERT_EQ(::read(served.get(), buffer, sizeof buffer), 3);
    EXPECT_STREQ(buffer, "ask");
    ASSERT_EQ(::write(served.get(), "reply", 5), 5);
    ASSERT_EQ(::read(step.get(), buffer, sizeof buffer), 5);
    EXPECT_STREQ(buffer, "reply");
  }
  EXPECT_FALSE(os::exists(place + "/ours"));
  EXPECT_TRUE(os::remove_tree(place));
}

}  // namespace
}  // namespace lichen::ops
