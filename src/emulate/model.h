// What the Supervisor knows about one container: the state that answers are computed from. Shared
// by its threads; each part locks itself.
#pragma once

#include <utility>

#include "emulate/calls.h"
#include "emulate/credentials.h"
#include "emulate/files.h"
#include "emulate/reply.h"
#include "emulate/task.h"

namespace lichen::emulate {

struct Model {
  Model(Profile which, Credentials initial) : profile(which), credentials(std::move(initial)) {}

  Profile profile;
  FileTable files;
  CredentialTable credentials;
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
Reply answer_rlimit(const Task& task, Model& model);
Reply answer_chroot(const Task& task, Model& model);
Reply answer_peer(const Task& task, Model& model);
Reply answer_access(const Task& task, Model& model);
Reply answer_change(const Task& task, Model& model);  // what only permissions concern

// By the number of the call. What no family knows continues.
Reply answer(const Task& task, Model& model);

}  // namespace lichen::emulate
