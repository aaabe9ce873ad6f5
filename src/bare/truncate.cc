// truncate(2). ftruncate(2) is the kernel's: who may write to a descriptor has a private file.
#include <sys/stat.h>
#include <sys/types.h>
#include <unistd.h>

#include "bare/subject.h"
#include "os/file.h"

namespace lichen::bare {

Reply answer_truncate(const Call& call, Model& model) {
  const auto length = static_cast<std::int64_t>(call.task.arg(1));
  if (length < 0) return Errno{EINVAL};
  const Answer<Subject> subject = named(call.task, AT_FDCWD, call.task.arg(0), 0);
  if (!subject) return subject.error();
  Answer<File> file = find(call, model, *subject);
  if (!file) return file.error();
  const std::uint32_t type = model.owned(*file).mode & S_IFMT;
  if (type == S_IFDIR) return Errno{EISDIR};
  if (type != S_IFREG) return Errno{EINVAL};  // the placeholder of a device is none, either
  const auto credentials = model.credentials(call);
  const auto ready = prepare(model, *credentials, *file, Change::kContent, length == 0);
  if (!ready) return ready.error();
  if (::truncate(os::proc_path(file->fd).c_str(), length) != 0) return Errno{errno};
  if (!has_record(*file)) return Value{0};

  const owners::Record before = model.record_of(file->status);
  owners::Record record = before;
  const std::uint32_t old_mode = model.owned(*file).mode & 07777;
  std::uint32_t mode = old_mode;
  drop_privileges(record, mode, *credentials);
  if (record == before && mode == old_mode) return Value{0};
  const auto kept = keep(model, *file, record, mode);
  return kept ? Reply{Value{0}} : Reply{kept.error()};
}

}  // namespace lichen::bare
