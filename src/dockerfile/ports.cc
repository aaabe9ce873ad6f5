#include "dockerfile/ports.h"

#include <arpa/inet.h>

#include <charconv>

#include "base/text.h"
#include "base/unicode.h"

namespace lichen::dockerfile {

namespace {

struct PortRange {
  unsigned first = 0, last = 0;
};

Result<unsigned> parse_port(std::string_view text) {
  unsigned port = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), port);
  if (text.empty() || error != std::errc() || end != text.data() + text.size())
    return fail(Errc::kInvalid, "invalid syntax");
  if (port > 65535) return fail(Errc::kInvalid, "value out of range");
  return port;
}

Result<PortRange> parse_range(std::string_view text) {
  const std::size_t dash = text.find('-');
  PortRange range;
  range.first = TRY(parse_port(text.substr(0, dash)));
  range.last =
      dash == std::string_view::npos ? range.first : TRY(parse_port(text.substr(dash + 1)));
  if (range.last < range.first) return fail(Errc::kInvalid, "invalid range");
  return range;
}

bool is_ip(std::string text) {
  if (starts_with(text, "[") && ends_with(text, "]")) text = text.substr(1, text.size() - 2);
  unsigned char address[16];
  return inet_pton(AF_INET, text.c_str(), address) == 1 ||
         inet_pton(AF_INET6, text.c_str(), address) == 1;
}

Result<void> parse_word(const std::string& word, std::vector<std::string>& ports) {
  const auto bad = [&word](const std::string& why) {
    return fail(Errc::kInvalid, "invalid port: " + unicode::quote(word) + ": " + why);
  };
  const std::size_t slash = word.find('/');
  std::string protocol =
      slash == std::string::npos ? "tcp" : to_lower(std::string_view(word).substr(slash + 1));
  if (protocol.empty()) protocol = "tcp";
  std::vector<std::string> parts = split(word.substr(0, slash), ':');
  const std::string port = parts.back();
  parts.pop_back();
  std::string host;
  if (!parts.empty()) {
    host = parts.back();
    parts.pop_back();
  }
  const std::string ip = join(parts, ":");
  if (port.empty()) return bad("no port specified");
  if (protocol != "tcp" && protocol != "udp" && protocol != "sctp")
    return bad("invalid proto: " + protocol);
  if (!ip.empty() && !is_ip(ip)) return bad("invalid IP address: " + ip);
  const auto range = parse_range(port);
  if (!range) return bad("invalid containerPort: " + port);
  if (!host.empty()) {
    const auto outside = parse_range(host);
    if (!outside) return bad("invalid hostPort: " + host);
    const bool same = outside->last - outside->first == range->last - range->first;
    if (!same && range->first != range->last)
      return bad("invalid ranges specified for container and host Ports: " + port + " and " + host);
  }
  for (unsigned one = range->first; one <= range->last; ++one)
    ports.push_back(std::to_string(one) + "/" + protocol);
  return {};
}

}  // namespace

Result<std::vector<std::string>> parse_ports(const std::vector<std::string>& words) {
  constexpr std::size_t kMaxPorts = 3 * 65536;  // all there are
  std::vector<std::string> ports;
  for (const std::string& word : words) {
    TRY(parse_word(word, ports));
    if (ports.size() > kMaxPorts) return fail(Errc::kInvalid, "EXPOSE names too many ports");
  }
  return ports;
}

}  // namespace lichen::dockerfile
