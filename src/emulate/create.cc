#include "emulate/create.h"

#include <fcntl.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace lichen::emulate {

namespace {

struct CreateRequest {
  enum class Kind { kDirectory, kSymlink, kNode };
  Kind kind = Kind::kDirectory;
  int dirfd = AT_FDCWD;
  std::string path;
  mode_t mode = 0;
  std::string target;
};

Answer<CreateRequest> decode(const Task& task) {
  CreateRequest request;
  std::uint64_t path = 0, target = 0;
  switch (task.nr()) {
    case SYS_mkdirat:
      request.dirfd = task.int_arg(0);
      path = task.arg(1);
      request.mode = task.word_arg(2);
      break;
    case SYS_symlinkat:
      request.kind = CreateRequest::Kind::kSymlink;
      target = task.arg(0);
      request.dirfd = task.int_arg(1);
      path = task.arg(2);
      break;
    case SYS_mknodat:
      request.kind = CreateRequest::Kind::kNode;
      request.dirfd = task.int_arg(0);
      path = task.arg(1);
      request.mode = task.word_arg(2);
      break;
#ifdef __x86_64__
    case SYS_mkdir:
      path = task.arg(0);
      request.mode = task.word_arg(1);
      break;
    case SYS_symlink:
      request.kind = CreateRequest::Kind::kSymlink;
      target = task.arg(0);
      path = task.arg(1);
      break;
    case SYS_mknod:
      request.kind = CreateRequest::Kind::kNode;
      path = task.arg(0);
      request.mode = task.word_arg(1);
      break;
#endif
    default:
      return refuse(ENOSYS);
  }
  Answer<std::string> text = task.read_path(path);
  if (!text) return tl::unexpected(text.error());
  request.path = std::move(*text);
  if (request.kind == CreateRequest::Kind::kSymlink) {
    Answer<std::string> link = task.read_path(target);
    if (!link) return tl::unexpected(link.error());
    if (link->empty()) return refuse(ENOENT);
    request.target = std::move(*link);
  }
  return request;
}

int make(const CreateRequest& request, const Parent& parent) {
  const int directory = parent.directory.get();
  const char* name = parent.name.c_str();
  switch (request.kind) {
    case CreateRequest::Kind::kDirectory:
      return ::mkdirat(directory, name, request.mode & 07777);
    case CreateRequest::Kind::kSymlink:
      return ::symlinkat(request.target.c_str(), directory, name);
    case CreateRequest::Kind::kNode:  // a file, FIFO or socket: devices are mknod.cc's
      return ::mknodat(directory, name, request.mode & (S_IFMT | 07777), 0);
  }
  return -1;
}

}  // namespace

Answer<owners::Record> decide_creation(const Credentials& credentials, const Owned& directory) {
  if (!permits(credentials, directory, W_OK | X_OK)) return refuse(EACCES);
  owners::Record record{.uid = credentials.uid.fs, .gid = credentials.gid.fs};
  if ((directory.mode & S_ISGID) != 0) record.gid = directory.gid;
  return record;
}

std::optional<Parent> find_parent(const Task& task, const Credentials& credentials, int dirfd,
                                  const std::string& path, std::uint64_t resolve) {
  SplitPath split = split_last(path);
  if (path.empty() || split.name.empty()) return std::nullopt;
  Parent parent{.name = std::move(split.name), .slash_at_end = split.slash_at_end};
  if (resolve != 0) {
    parent.directory =
        open_place(locate(task, credentials, dirfd, split.parent, Last::kFollow, resolve),
                   O_PATH | O_DIRECTORY);
  } else {
    parent.directory = open_path(task, credentials, dirfd, split.parent, Last::kFollow);
  }
  if (!parent.directory.valid() || !task.valid()) return std::nullopt;
  return parent;
}

Answer<owners::Record> owner_of_new(const Task& task, const Model& model,
                                    const Credentials& credentials, const Parent& parent, int dirfd,
                                    const std::string& path) {
  const auto status = status_of(parent.directory);
  if (!status) return refuse(ENOENT);
  Answer<owners::Record> record = decide_creation(credentials, owned(model.files, *status));
  if (record &&
      !may_search(task, model.files, credentials, parent.directory, start_of(task, dirfd, path))) {
    return refuse(EACCES);
  }
  return record;
}

Reply answer_create(const Task& task, Model& model) {
  const Answer<CreateRequest> request = decode(task);
  if (!request) return request.error();
  const auto credentials = model.credentials.of(task.tid());
  const auto parent = find_parent(task, *credentials, request->dirfd, request->path);
  if (!parent) return Continue{};
  const bool is_directory = request->kind == CreateRequest::Kind::kDirectory;
  if (parent->slash_at_end && !is_directory) return Continue{};
  const auto record =
      owner_of_new(task, model, *credentials, *parent, request->dirfd, request->path);
  if (!record) {
    // What exists is EEXIST, whoever asks.
    return status_of(parent->directory, parent->name) ? Errno{EEXIST} : record.error();
  }
  if (record->is_default()) return Continue{};
  const auto caller = task.status();
  if (!caller) return Continue{};
  {
    const ThreadUmask umask(caller->umask);
    if (make(*request, *parent) != 0) return Errno{errno};
  }
  const auto made = status_of(parent->directory, parent->name);
  if (made) model.files.put(*made, *record);  // already gone: nothing to know about it
  return Value{0};
}

}  // namespace lichen::emulate
