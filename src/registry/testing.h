// A small HTTP/1.1 server on 127.0.0.1 for tests: it answers as its handler says, lies included.
//
//   FakeServer server([](const FakeRequest& request) { return FakeAnswer{.status = 404}; });
//   auto reference = oci::parse_reference(server.domain() + "/x");
//   … server.requests() …
//
// The handler runs under a lock, one call at a time. The destructor ends all connections.
#pragma once

#include <arpa/inet.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <utility>
#include <vector>

#include "base/result.h"
#include "base/text.h"

namespace lichen::registry {

struct FakeRequest {
  std::string method, target;
  std::map<std::string, std::string> headers;  // lower-case names
  std::string body;

  std::string header(const std::string& name) const {
    const auto at = headers.find(name);
    return at == headers.end() ? "" : at->second;
  }
  bool is(const std::string& wanted_method, const std::string& target_prefix) const {
    return method == wanted_method && starts_with(target, target_prefix);
  }
};

struct FakeAnswer {
  int status = 200;
  std::vector<std::string> headers;  // "Name: value"
  std::string body;
  std::optional<std::uint64_t> content_length;  // instead of the body's size
  bool stall = false;    // after what there is of the body: neither go on nor close
  bool close = false;    // after the body
  bool endless = false;  // repeats the body until the client goes
  bool hang_up = false;  // no answer at all
};

class FakeServer {
 public:
  using Handler = std::function<FakeAnswer(const FakeRequest&)>;

  explicit FakeServer(Handler handler) : handler_(std::move(handler)) {
    listener_ = ::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    socklen_t size = sizeof address;
    LICHEN_ASSERT(::bind(listener_, reinterpret_cast<sockaddr*>(&address), size) == 0 &&
                  ::listen(listener_, 64) == 0 &&
                  ::getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size) == 0);
    port_ = ntohs(address.sin_port);
    acceptor_ = std::thread([this] { accept_all(); });
  }
  FakeServer(const FakeServer&) = delete;
  FakeServer& operator=(const FakeServer&) = delete;
  ~FakeServer() {
    ::shutdown(listener_, SHUT_RDWR);
    acceptor_.join();
    {
      std::lock_guard lock(mutex_);
      for (const int fd : connections_) ::shutdown(fd, SHUT_RDWR);
    }
    for (std::thread& thread : threads_) thread.join();
    for (const int fd : connections_) ::close(fd);
    ::close(listener_);
  }

  int port() const { return port_; }
  std::string domain() const { return "127.0.0.1:" + std::to_string(port_); }
  std::string url() const { return "http://" + domain(); }
  // "METHOD target", without the client's question for the protocol.
  std::vector<std::string> log() {
    std::vector<std::string> lines;
    for (const FakeRequest& request : requests())
      if (request.target != "/v2/") lines.push_back(request.method + " " + request.target);
    return lines;
  }
  std::vector<FakeRequest> requests() {
    std::lock_guard lock(mutex_);
    return requests_;
  }

 private:
  void accept_all() {
    for (;;) {
      const int fd = ::accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
      if (fd < 0) return;
      std::lock_guard lock(mutex_);
      const int on = 1;  // small answers do not wait for acknowledgements
      ::setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
      connections_.push_back(fd);
      threads_.emplace_back([this, fd] { serve(fd); });
    }
  }

  // Reads more; false at the end.
  static bool fill(int fd, std::string& buffer) {
    char bytes[65536];
    const ssize_t count = ::recv(fd, bytes, sizeof bytes, 0);
    if (count <= 0) return false;
    buffer.append(bytes, static_cast<std::size_t>(count));
    return true;
  }
  static bool send_all(int fd, std::string_view bytes) {
    while (!bytes.empty()) {
      const ssize_t count = ::send(fd, bytes.data(), bytes.size(), MSG_NOSIGNAL);
      if (count <= 0) return false;
      bytes.remove_prefix(static_cast<std::size_t>(count));
    }
    return true;
  }

  static std::optional<FakeRequest> read_request(int fd, std::string& buffer) {
    while (buffer.find("\r\n\r\n") == std::string::npos) {
      // What begins with a control character is a TLS hello: not for us.
      if (!buffer.empty() && buffer[0] < ' ') return std::nullopt;
      if (!fill(fd, buffer)) return std::nullopt;
    }
    const std::size_t end = buffer.find("\r\n\r\n");
    std::vector<std::string> lines = split(buffer.substr(0, end), '\n');
    buffer.erase(0, end + 4);
    FakeRequest request;
    const std::vector<std::string> words = split(trim(lines[0]), ' ');
    if (words.size() != 3) return std::nullopt;
    request.method = words[0];
    request.target = words[1];
    for (std::size_t i = 1; i < lines.size(); ++i) {
      const std::size_t colon = lines[i].find(':');
      request.headers[to_lower(lines[i].substr(0, colon))] =
          trim(std::string_view(lines[i]).substr(colon + 1));
    }
    const auto size = std::strtoull(request.header("content-length").c_str(), nullptr, 10);
    while (buffer.size() < size)
      if (!fill(fd, buffer)) return std::nullopt;
    request.body = buffer.substr(0, size);
    buffer.erase(0, size);
    return request;
  }

  void serve(int fd) {
    std::string buffer;
    while (const auto request = read_request(fd, buffer)) {
      FakeAnswer answer;
      {
        std::lock_guard lock(mutex_);
        requests_.push_back(*request);
        answer = handler_(*request);
      }
      if (answer.hang_up || !send_answer(fd, *request, answer)) break;
      if (answer.stall)
        while (fill(fd, buffer)) {
        }
      if (answer.close || answer.stall) break;
    }
    ::shutdown(fd, SHUT_RDWR);
  }

  static bool send_answer(int fd, const FakeRequest& request, const FakeAnswer& answer) {
    std::string head = "HTTP/1.1 " + std::to_string(answer.status) + " X\r\n";
    for (const std::string& line : answer.headers) head += line + "\r\n";
    if (!answer.endless)
      head +=
          "Content-Length: " + std::to_string(answer.content_length.value_or(answer.body.size())) +
          "\r\n";
    head += "\r\n";
    if (!send_all(fd, head)) return false;
    if (request.method == "HEAD") return true;
    do {
      if (!send_all(fd, answer.body)) return false;
    } while (answer.endless);
    return true;
  }

  Handler handler_;
  int listener_ = -1;
  int port_ = 0;
  std::mutex mutex_;
  std::vector<FakeRequest> requests_;
  std::vector<int> connections_;
  std::vector<std::thread> threads_;
  std::thread acceptor_;
};

}  // namespace lichen::registry
