#include "emulate/supervisor.h"

#include <sys/utsname.h>

#include <cstdio>
#include <string>
#include <utility>

#include "emulate/listener.h"
#include "emulate/model.h"
#include "emulate/tree.h"
#include "os/file.h"

namespace lichen::emulate {

namespace {

// "" when it is the Supervisor's own root.
std::string path_of(const os::UniqueFd& proc, const os::UniqueFd& directory) {
  const auto path = os::readlinkat(proc, "self/fd/" + std::to_string(directory.get()));
  return path && *path != "/" ? *path : std::string();
}

bool is_before_5_19() {
  utsname name{};
  int major = 0, minor = 0;
  if (::uname(&name) != 0 || std::sscanf(name.release, "%d.%d", &major, &minor) != 2) return false;
  return major < 5 || (major == 5 && minor < 19);
}

}  // namespace

struct Supervisor::State {
  explicit State(Options options)
      : root(std::move(options.root)),
        below(std::move(options.owners)),
        model(options.profile,
              credentials_of(options.uid, options.gid, std::move(options.groups))) {
    model.map_size = options.map_size;
    model.in_one_step = !options.as_old_kernel;
    model.restarts = options.as_old_kernel || is_before_5_19();
    model.upper = std::move(options.upper);
  }

  os::UniqueFd root;
  owners::Owners below;
  Model model;
  std::unique_ptr<Listener> listener;  // last: its threads use the rest
};

Result<Supervisor> Supervisor::start(os::UniqueFd listener, Options options) {
  os::UniqueFd proc = std::move(options.proc);
  const bool is_copy = options.root_is_copy;
  const std::vector<OtherTree> others = std::move(options.others);
  auto state = std::make_unique<State>(std::move(options));
  state->model.root_path = path_of(proc, state->root);
  load_records(state->model.files, state->root, state->below, is_copy);
  for (const OtherTree& other : others)
    load_records(state->model.files, other.root, other.owners, !other.is_overlay);
  state->listener = TRY(Listener::start(std::move(listener), std::move(proc), state->model));
  return Supervisor(std::move(state));
}

Result<owners::Sidecar> Supervisor::finish() {
  state_->listener->stop();
  return read_records(state_->model.files, state_->root, state_->model.upper, state_->below,
                      state_->model.profile, state_->model.map_size);
}

Result<owners::Sidecar> Supervisor::read_tree(const os::UniqueFd& directory) const {
  if (state_->model.files.empty()) return owners::Sidecar();
  return read_records(state_->model.files, directory, directory, {}, state_->model.profile,
                      state_->model.map_size);
}

Supervisor::Supervisor(std::unique_ptr<State> state) : state_(std::move(state)) {}
Supervisor::Supervisor(Supervisor&&) noexcept = default;
Supervisor& Supervisor::operator=(Supervisor&&) noexcept = default;
Supervisor::~Supervisor() = default;

}  // namespace lichen::emulate
