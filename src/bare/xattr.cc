// Extended attributes: getxattr(2), setxattr(2), listxattr(2), removexattr(2), their l and f forms.
//
// user.* is the file's own. security.capability is kept in the record, in the form that an image
// has (revision 2): no ordinary user could set it. Everything else is not there, and refused, as on
// overlayfs with userxattr in a user namespace: trusted.* and user.overlay.*, security.*, ACLs.
#include "bare/xattr.h"

#include <linux/capability.h>
#include <linux/xattr.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/xattr.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <string_view>
#include <vector>

#include "bare/subject.h"
#include "os/file.h"

namespace lichen::bare {

namespace {

enum class Verb : std::uint8_t { kGet, kSet, kList, kRemove };
enum class Way : std::uint8_t { kPath, kLink, kDescriptor };

struct Spelling {
  int nr;
  Verb verb;
  Way way;
};
constexpr Spelling kSpellings[] = {
    {SYS_getxattr, Verb::kGet, Way::kPath},
    {SYS_lgetxattr, Verb::kGet, Way::kLink},
    {SYS_fgetxattr, Verb::kGet, Way::kDescriptor},
    {SYS_setxattr, Verb::kSet, Way::kPath},
    {SYS_lsetxattr, Verb::kSet, Way::kLink},
    {SYS_fsetxattr, Verb::kSet, Way::kDescriptor},
    {SYS_listxattr, Verb::kList, Way::kPath},
    {SYS_llistxattr, Verb::kList, Way::kLink},
    {SYS_flistxattr, Verb::kList, Way::kDescriptor},
    {SYS_removexattr, Verb::kRemove, Way::kPath},
    {SYS_lremovexattr, Verb::kRemove, Way::kLink},
    {SYS_fremovexattr, Verb::kRemove, Way::kDescriptor},
};

struct XattrRequest {
  Verb verb = Verb::kGet;
  Subject subject;
  std::string name;
  std::string value;                   // kSet
  int flags = 0;                       // kSet: XATTR_CREATE, XATTR_REPLACE
  std::uint64_t buffer = 0, room = 0;  // kGet, kList: where the answer goes
};

Answer<std::string> read_name(const emulate::Task& task, std::uint64_t address) {
  Answer<std::string> name = task.read_path(address);
  if (!name) return refuse(name.error().number == ENAMETOOLONG ? ERANGE : name.error().number);
  if (name->empty() || name->size() > XATTR_NAME_MAX) return refuse(ERANGE);
  return name;
}

Answer<void> read_value(const emulate::Task& task, XattrRequest& request) {
  request.flags = task.int_arg(4);
  if ((request.flags & ~(XATTR_CREATE | XATTR_REPLACE)) != 0) return refuse(EINVAL);
  const std::uint64_t bytes = task.arg(3);
  if (bytes > XATTR_SIZE_MAX) return refuse(E2BIG);
  request.value.resize(bytes);
  if (bytes != 0 && !task.read(task.arg(2), request.value.data(), bytes)) return refuse(EFAULT);
  return {};
}

Answer<XattrRequest> decode(const emulate::Task& task) {
  const auto* spelling = std::find_if(std::begin(kSpellings), std::end(kSpellings),
                                      [&](const Spelling& one) { return one.nr == task.nr(); });
  if (spelling == std::end(kSpellings)) return refuse(ENOSYS);
  XattrRequest request{.verb = spelling->verb};
  if (spelling->way == Way::kDescriptor) {
    request.subject = held(task.int_arg(0));
  } else {
    const int flags = spelling->way == Way::kLink ? AT_SYMLINK_NOFOLLOW : 0;
    Answer<Subject> subject = named(task, AT_FDCWD, task.arg(0), flags);
    if (!subject) return tl::unexpected(subject.error());
    request.subject = std::move(*subject);
  }
  if (request.verb == Verb::kList) {
    request.buffer = task.arg(1);
    request.room = task.arg(2);
    return request;
  }
  Answer<std::string> name = read_name(task, task.arg(1));
  if (!name) return tl::unexpected(name.error());
  request.name = std::move(*name);
  if (request.verb == Verb::kGet) {
    request.buffer = task.arg(2);
    request.room = task.arg(3);
  }
  if (request.verb == Verb::kSet) {
    if (const auto value = read_value(task, request); !value) {
      return tl::unexpected(value.error());
    }
  }
  return request;
}

// Through /proc, which follows the descriptor, even to a symlink, and no further.
Answer<std::string> read_real(const File& file, const std::string& name) {
  std::string value(XATTR_SIZE_MAX, '\0');
  const ssize_t bytes =
      ::getxattr(os::proc_path(file.fd).c_str(), name.c_str(), value.data(), value.size());
  if (bytes < 0) return refuse(errno);
  value.resize(static_cast<std::size_t>(bytes));
  return value;
}

Answer<std::string> list_real(const File& file) {
  std::string names(XATTR_LIST_MAX, '\0');
  const ssize_t bytes = ::listxattr(os::proc_path(file.fd).c_str(), names.data(), names.size());
  if (bytes < 0) return refuse(errno);
  names.resize(static_cast<std::size_t>(bytes));
  return names;
}

Reply give(const emulate::Task& task, const XattrRequest& request, const std::string& answer) {
  const auto bytes = static_cast<std::int64_t>(answer.size());
  if (request.room == 0) return Value{bytes};
  if (request.room < answer.size()) return Errno{ERANGE};
  if (!answer.empty() && !task.write(request.buffer, answer.data(), answer.size())) {
    return Errno{EFAULT};
  }
  return Value{bytes};
}

Reply get(const Call& call, Model& model, const XattrRequest& request, const File& file) {
  switch (kind_of(request.name)) {
    case XattrKind::kCapability: {
      const std::string capability = model.record_of(file.status).capability;
      if (capability.empty()) return Errno{ENODATA};
      return give(call.task, request, capability);
    }
    case XattrKind::kUnsupported:
      return Errno{EOPNOTSUPP};
    case XattrKind::kRefused:
      return Errno{ENODATA};
    case XattrKind::kUser:
      break;
  }
  const emulate::Owned owned = model.owned(file);
  if (!S_ISREG(owned.mode) && !S_ISDIR(owned.mode)) return Errno{ENODATA};
  if (!emulate::permits(*model.credentials(call), owned, R_OK)) return Errno{EACCES};
  const Answer<std::string> value = read_real(file, request.name);
  return value ? give(call.task, request, *value) : Reply{value.error()};
}

Reply list(const Call& call, Model& model, const XattrRequest& request, const File& file) {
  Answer<std::string> names = list_real(file);
  if (!names && names.error().number != EOPNOTSUPP) return names.error();
  std::string seen = names ? seen_names(*names) : std::string();
  if (!model.record_of(file.status).capability.empty()) seen += std::string(kCapabilityName) + '\0';
  return give(call.task, request, seen);
}

// Sets the capability, or removes it when the value is empty.
Reply set_capability(const emulate::Credentials& credentials, Model& model,
                     const XattrRequest& request, File& file) {
  std::string value;
  if (request.verb == Verb::kSet) {
    const auto converted = as_revision_2(request.value);
    if (!converted) return Errno{EINVAL};
    value = *converted;
  }
  if (!credentials.capable(CAP_SETFCAP)) return Errno{EPERM};
  const bool exists = !model.record_of(file.status).capability.empty();
  if (exists && (request.flags & XATTR_CREATE) != 0) return Errno{EEXIST};
  const bool must_exist = request.verb == Verb::kRemove || (request.flags & XATTR_REPLACE) != 0;
  if (!exists && must_exist) return Errno{ENODATA};
  if (const auto copied = model.frozen->copy_up(model, file); !copied) return copied.error();
  owners::Record record = model.record_of(file.status);
  record.capability = value;
  const auto kept = keep(model, file, record, model.owned(file).mode & 07777);
  return kept ? Reply{Value{0}} : Reply{kept.error()};
}

int change_real(const XattrRequest& request, const File& file) {
  const std::string path = os::proc_path(file.fd);
  const int result = request.verb == Verb::kRemove
                         ? ::removexattr(path.c_str(), request.name.c_str())
                         : ::setxattr(path.c_str(), request.name.c_str(), request.value.data(),
                                      request.value.size(), request.flags);
  return result == 0 ? 0 : errno;
}

Reply change(const Call& call, Model& model, const XattrRequest& request, File& file) {
  if (is_read_only(file)) return Errno{EROFS};
  if (const auto now = renew(model, file); !now) return now.error();
  const auto credentials = model.credentials(call);
  switch (kind_of(request.name)) {
    case XattrKind::kCapability:
      return set_capability(*credentials, model, request, file);
    case XattrKind::kUnsupported:
      return Errno{EOPNOTSUPP};
    case XattrKind::kRefused:
      return Errno{EPERM};
    case XattrKind::kUser:
      break;
  }
  const emulate::Owned owned = model.owned(file);
  if (!S_ISREG(owned.mode) && !S_ISDIR(owned.mode)) return Errno{EPERM};
  const bool sticky = S_ISDIR(owned.mode) && (owned.mode & S_ISVTX) != 0;
  if (sticky && !emulate::owns(*credentials, owned)) return Errno{EPERM};
  const int refused = emulate::decide(Change::kXattr, *credentials, owned, {});
  if (refused != 0) return Errno{refused};
  // What is not there is not worth a copy.
  if (request.verb == Verb::kRemove) {
    if (const auto value = read_real(file, request.name); !value) return value.error();
  }
  if (const auto ready = prepare(model, *credentials, file, Change::kXattr); !ready) {
    return ready.error();
  }
  const int failure = change_real(request, file);
  return failure == 0 ? Reply{Value{0}} : Reply{Errno{failure}};
}

// A volume's file, or one that is in no mount: the kernel knows best.
Reply answer_real(const emulate::Task& task, const XattrRequest& request, const File& file) {
  if (request.verb == Verb::kGet || request.verb == Verb::kList) {
    const Answer<std::string> answer =
        request.verb == Verb::kGet ? read_real(file, request.name) : list_real(file);
    return answer ? give(task, request, *answer) : Reply{answer.error()};
  }
  if (is_read_only(file)) return Errno{EROFS};
  const int failure = change_real(request, file);
  return failure == 0 ? Reply{Value{0}} : Reply{Errno{failure}};
}

}  // namespace

XattrKind kind_of(std::string_view name) {
  const auto starts_with = [&](std::string_view prefix) {
    return name.substr(0, prefix.size()) == prefix;
  };
  if (name == kCapabilityName) return XattrKind::kCapability;
  if (starts_with("user.overlay.") || starts_with("trusted.") || starts_with("security.")) {
    return XattrKind::kRefused;
  }
  return starts_with("user.") ? XattrKind::kUser : XattrKind::kUnsupported;
}

std::string seen_names(std::string_view names) {
  std::string seen;
  while (!names.empty()) {
    const std::string_view name = names.substr(0, names.find('\0'));
    if (kind_of(name) == XattrKind::kUser) {
      seen += name;
      seen += '\0';
    }
    names.remove_prefix(std::min(names.size(), name.size() + 1));
  }
  return seen;
}

std::optional<std::string> as_revision_2(std::string_view value) {
  std::uint32_t magic = 0;
  if (value.size() < sizeof magic) return std::nullopt;
  std::memcpy(&magic, value.data(), sizeof magic);  // little-endian, as both our machines are
  const std::uint32_t revision = magic & VFS_CAP_REVISION_MASK;
  if ((magic & ~(VFS_CAP_REVISION_MASK | VFS_CAP_FLAGS_EFFECTIVE)) != 0) return std::nullopt;
  if (revision == VFS_CAP_REVISION_2 && value.size() == XATTR_CAPS_SZ_2) return std::string(value);
  if (revision != VFS_CAP_REVISION_3 || value.size() != XATTR_CAPS_SZ_3) return std::nullopt;
  // The root id behind is that of a user namespace, which the image does not have.
  magic = VFS_CAP_REVISION_2 | (magic & VFS_CAP_FLAGS_EFFECTIVE);
  std::string converted(value.substr(0, XATTR_CAPS_SZ_2));
  std::memcpy(converted.data(), &magic, sizeof magic);
  return converted;
}

Reply answer_xattr(const Call& call, Model& model) {
  const Answer<XattrRequest> request = decode(call.task);
  if (!request) return request.error();
  Answer<File> file = find(call, model, request->subject);
  if (!file) return file.error();
  if (!has_record(*file)) return answer_real(call.task, *request, *file);
  switch (request->verb) {
    case Verb::kGet:
      return get(call, model, *request, *file);
    case Verb::kList:
      return list(call, model, *request, *file);
    case Verb::kSet:
    case Verb::kRemove:
      return change(call, model, *request, *file);
  }
  return Errno{ENOSYS};
}

}  // namespace lichen::bare
