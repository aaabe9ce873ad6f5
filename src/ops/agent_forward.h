// A unix socket of ours behind which the user's ssh agent answers: what RUN --mount=type=ssh shows.
// The agent's own could not be given to a step whose user is another one: it looks who asks.
//
//   AgentForward forward = TRY(AgentForward::start(agent, directory));
//   … forward.path() is mounted …                   // ends with the value
//
// One thread of its own, which serves a bounded number of connections.
#pragma once

#include <memory>
#include <string>
#include <thread>

#include "base/result.h"
#include "os/fd.h"

namespace lichen::ops {

class AgentForward {
 public:
  // `directory` exists and is ours alone; `agent` is the socket's path.
  static Result<std::unique_ptr<AgentForward>> start(const std::string& agent,
                                                     const std::string& directory);
  AgentForward(const AgentForward&) = delete;
  AgentForward& operator=(const AgentForward&) = delete;
  ~AgentForward();

  const std::string& path() const { return path_; }

 private:
  AgentForward() = default;
  void serve() const;

  std::string agent_, path_;
  os::UniqueFd listener_, stop_, stop_far_;
  std::thread thread_;
};

}  // namespace lichen::ops
