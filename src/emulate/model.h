// What the Supervisor knows about one container: the state that answers are computed from. Shared
// by its threads; each part locks itself.
#pragma once

#include <atomic>
#include <memory>
#include <optional>
#include <string>
#include <utility>

#include "emulate/calls.h"
#include "emulate/chown.h"
#include "emulate/credentials.h"
#include "emulate/files.h"
#include "emulate/reply.h"
#include "emulate/task.h"

namespace lichen::emulate {

struct Model {
  Model(Profile which, Credentials initial) : profile(which), credentials(std::move(initial)) {}

  // Who calls, for looking up a path only: spares the look at the process while nobody has called
  // chroot.
  std::shared_ptr<const Credentials> who_looks(const Task& task) const {
    if (!any_own_root) return nobody_special;
    return profile == Profile::kDevices ? elsewhere : credentials.of(task.tid());
  }
  // In a user namespace that the step made: the kernel knows its ids, and we do not.
  bool is_foreign(const Task& task) const;
  // What the file is, where its kernel owner is not the whole truth.
  std::optional<owners::Record> record_of(const struct statx& status) const {
    auto record = files.find(status);
    if (record && profile == Profile::kDevices) record = at_ids(*record, status, map_size);
    return record;
  }

  // The capabilities that a step of root has; nullopt: the kernel knows.
  std::optional<CapabilitySet> most;
  Profile profile;
  std::uint32_t map_size = kUsualMapSize;  // tier ids
  bool in_one_step = true;                 // see Listener::deliver
  bool restarts = false;                   // Linux < 5.19, see replay.h
  FileTable files;
  CredentialTable credentials;
  std::atomic<bool> any_own_root = false, any_own_users = false;
  const std::shared_ptr<const Credentials> nobody_special = std::make_shared<Credentials>();
  // Tier ids, where programs may touch the limit that carries our tag: after the first chroot
  // everybody may have another root.
  const std::shared_ptr<const Credentials> elsewhere =
      std::make_shared<Credentials>(Credentials{.own_root = true});

  // To find the file of an overlay's upper layer that a path of the container stands for. Not
  // valid: no overlay.
  os::UniqueFd upper;
  std::string root_path;  // of the merged tree, in the Supervisor's root
};

// Each decodes its calls, decides, and acts. One file a family, <family>.cc.
Reply answer_chown(const Task& task, Model& model);
Reply answer_stat(const Task& task, Model& model);
Reply answer_mknod(const Task& task, Model& model);
Reply answer_create(const Task& task, Model& model);  // mkdir, symlink
Reply answer_open(const Task& task, Model& model);
Reply answer_bind(const Task& task, Model& model);
Reply answer_setid(const Task& task, Model& model);
Reply answer_setgroups(const Task& task, Model& model);
Reply answer_getid(const Task& task, Model& model);
Reply answer_capget(const Task& task, Model& model);
Reply answer_capset(const Task& task, Model& model);
Reply answer_prctl(const Task& task, Model& model);
Reply answer_exec(const Task& task, Model& model);
Reply answer_rlimit(const Task& task);
Reply answer_namespace(const Task& task, Model& model);
Reply answer_peer(const Task& task, Model& model);
Reply answer_access(const Task& task, Model& model);
Reply answer_change(const Task& task, Model& model);  // what only permissions concern

// By the number of the call: getid, setid, setgroups, capget, capset and prctl, which name no file
// and need of the model no more than the credentials. nullopt: another one.
std::optional<Reply> answer_identity(const Task& task, Model& model);
// By the number of the call. What no family knows continues.
Reply answer(const Task& task, Model& model);

}  // namespace lichen::emulate
