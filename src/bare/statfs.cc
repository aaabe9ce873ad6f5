// statfs(2) by path; fstatfs(2) is the kernel's.
#include <sys/statfs.h>
#include <sys/statvfs.h>

#include "bare/subject.h"

namespace lichen::bare {

Reply answer_statfs(const Call& call, Model& model) {
  const Answer<Subject> subject = named(call.task, AT_FDCWD, call.task.arg(0), 0);
  if (!subject) return subject.error();
  const Answer<File> file = find(call, model, *subject);
  if (!file) return file.error();
  struct statfs status {};
  if (::fstatfs(file->fd.get(), &status) != 0) return Errno{errno};
  if (is_read_only(*file)) status.f_flags |= ST_RDONLY;
  if (!call.task.write(call.task.arg(1), &status, sizeof status)) return Errno{EFAULT};
  return Value{0};
}

}  // namespace lichen::bare
