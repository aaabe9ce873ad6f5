#include "emulate/copy_up.h"
#include "emulate/family.h"
#include "emulate/model.h"

namespace lichen::emulate {

namespace {

// What is not watched at tier ids, where the kernel knows who calls.
Reply answer_full(const Task& task, Model& model, Family family) {
  if (auto reply = answer_identity(task, model)) return std::move(*reply);
  switch (family) {
    case Family::kExec:
      return answer_exec(task, model);
    case Family::kCreate:
      return answer_create(task, model);
    case Family::kBind:
      return answer_bind(task, model);
    case Family::kSocketOption:
      return answer_peer(task, model);
    case Family::kAccess:
      return answer_access(task, model);
    default:
      return answer_change(task, model);
  }
}

}  // namespace

std::optional<Reply> answer_identity(const Task& task, Model& model) {
  switch (family_of(task.nr())) {
    case Family::kGetId:
      return answer_getid(task, model);
    case Family::kSetId:
      return answer_setid(task, model);
    case Family::kSetGroups:
      return answer_setgroups(task, model);
    case Family::kCapGet:
      return answer_capget(task, model);
    case Family::kCapSet:
      return answer_capset(task, model);
    case Family::kPrctl:
      return answer_prctl(task, model);
    default:
      return std::nullopt;
  }
}

Reply answer(const Task& task, Model& model) {
  const Family family = family_of(task.nr());
  if (family == Family::kRlimit) return answer_rlimit(task);  // whoever asks
  if (model.is_foreign(task)) return Continue{};
  if (model.files.any_fragile()) keep_record(task, model);
  switch (family) {
    case Family::kStat:
      return answer_stat(task, model);
    case Family::kOpen:
      return answer_open(task, model);
    case Family::kMknod:
      return answer_mknod(task, model);
    case Family::kChown:
      return answer_chown(task, model);
    case Family::kChroot:
    case Family::kNamespace:
      return answer_namespace(task, model);
    default:
      return model.profile == Profile::kFull ? answer_full(task, model, family) : Reply{Continue{}};
  }
}

}  // namespace lichen::emulate
