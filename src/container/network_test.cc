#include "container/network.h"

#include <gtest/gtest.h>

#include "base/text.h"

namespace lichen::container {
namespace {

TEST(Network, PublishedPorts) {
  EXPECT_EQ(*parse_published("8080:80"), (Published{"", 8080, 80, false}));
  EXPECT_EQ(*parse_published("53:5353/udp"), (Published{"", 53, 5353, true}));
  EXPECT_EQ(*parse_published("127.0.0.1:1:2/tcp"), (Published{"127.0.0.1", 1, 2, false}));
  for (const char* bad : {"", "80", "80:", ":80", "0:1", "65536:1", "1:2/sctp", "a:b", "host:1:2",
                          "1.2.3.4:5:6:7", "80-81:80-81"}) {
    ASSERT_FALSE(parse_published(bad)) << bad;
    EXPECT_EQ(parse_published(bad).error().code, Errc::kInvalid) << bad;
  }
}

TEST(Network, PastaForwardsWhatWasAskedForAlone) {
  Network network{.program = "/bin/pasta", .is_pasta = true, .ports = {}, .place = "/ns"};
  EXPECT_EQ(join(helper_arguments(network), " "),
            "/bin/pasta --config-net --foreground --no-map-gw --dns-forward 169.254.1.1 -t none -u "
            "none -T none -U none --netns /ns");
  network.ports = {{"", 8080, 80, false}, {"127.0.0.1", 81, 82, false}};
  EXPECT_EQ(join(helper_arguments(network), " "),
            "/bin/pasta --config-net --foreground --no-map-gw --dns-forward 169.254.1.1 -t 8080:80 "
            "-t 127.0.0.1/81:82 -u none -T none -U none --netns /ns");
}

TEST(Network, SlirpKeepsTheHostsLoopbackOut) {
  const Network network{
      .program = "/bin/slirp4netns", .is_pasta = false, .ports = {}, .place = "/ns"};
  const std::string line = join(helper_arguments(network), " ");
  EXPECT_NE(line.find(" --disable-host-loopback "), std::string::npos) << line;
}

TEST(Network, ResolvConfNamesTheHelper) {
  const std::string host = "# host\nnameserver 192.0.2.1\nsearch a b\noptions ndots:2\n";
  EXPECT_EQ(resolv_conf_text({.program = "", .is_pasta = true, .ports = {}, .place = ""}, host),
            "nameserver 169.254.1.1\nsearch a b\noptions ndots:2\n");
  EXPECT_EQ(resolv_conf_text({}, ""), "nameserver 10.0.2.3\n");
}

}  // namespace
}  // namespace lichen::container
