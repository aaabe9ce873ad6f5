#include "base/result.h"

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>

namespace lichen {

namespace {

Errc errc_of(int os_errno) {
  switch (os_errno) {
    case ENOENT:
    case ENOTDIR:
      return Errc::kNotFound;
    case EACCES:
    case EPERM:
    case EROFS:
      return Errc::kDenied;
    case ENOSPC:
    case EDQUOT:
      return Errc::kNoSpace;
    case ENOSYS:
    case EOPNOTSUPP:
      return Errc::kUnsupported;
    case ECONNREFUSED:
    case ETIMEDOUT:
    case EHOSTUNREACH:
    case ENETUNREACH:
      return Errc::kUnavailable;
    case EINVAL:
    case ELOOP:
    case ENAMETOOLONG:
      return Errc::kInvalid;
    case ECANCELED:
      return Errc::kCancelled;
    default:
      return Errc::kInternal;
  }
}

const char* hint_of(int os_errno, const std::string& subject) {
  const bool is_full = os_errno == ENOSPC || os_errno == EDQUOT;
  // Not of the store.
  if (is_full && (subject == "standard output" || subject.starts_with("/dev/"))) return "";
  switch (os_errno) {
    case ENOSPC:
      return "free some space, or move the store with --root DIR or LICHEN_ROOT";
    case EDQUOT:
      return "your disk quota is used up; move the store with --root DIR or LICHEN_ROOT";
    case ENOSYS:
      return "this kernel (or the container's seccomp profile) lacks the call; see `lichen doctor`";
    default:
      return "";
  }
}

}  // namespace

Error os_error(int os_errno, const char* call, const std::string& subject) {
  Error error;
  error.code = errc_of(os_errno);
  error.os_errno = os_errno;
  error.message = call;
  if (!subject.empty()) error.message += " " + subject;
  error.message += ": ";
  error.message += strerrordesc_np(os_errno) != nullptr ? strerrordesc_np(os_errno) : "?";
  error.hint = hint_of(os_errno, subject);
  return error;
}

Error os_error(const char* call, const std::string& subject) {
  return os_error(errno, call, subject);
}

std::string to_text(const Error& error) {
  std::string text;
  for (auto where = error.context.rbegin(); where != error.context.rend(); ++where)
    text += *where + ": ";
  return text + error.message;
}

const char* to_text(Errc code) {
  switch (code) {
    case Errc::kInvalid:
      return "invalid";
    case Errc::kNotFound:
      return "not found";
    case Errc::kDenied:
      return "denied";
    case Errc::kUnsupported:
      return "unsupported";
    case Errc::kUnavailable:
      return "unavailable";
    case Errc::kCorrupt:
      return "corrupt";
    case Errc::kNoSpace:
      return "no space";
    case Errc::kFailed:
      return "failed";
    case Errc::kCancelled:
      return "cancelled";
    case Errc::kInternal:
      return "internal";
  }
  return "?";
}

int exit_status(Errc code) {
  switch (code) {
    case Errc::kDenied:
      return 3;
    case Errc::kUnsupported:
      return 4;
    case Errc::kUnavailable:
      return 5;
    case Errc::kCorrupt:
      return 6;
    case Errc::kNoSpace:
      return 7;
    case Errc::kInternal:
      return 100;  // buildx: gRPC Internal
    case Errc::kCancelled:
      return 130;  // 128 + SIGINT
    default:
      return 1;
  }
}

void assertion_failed(const char* condition, const char* file, int line) {
  std::fprintf(stderr, "lichen: %s:%d: this should never happen: %s\n", file, line, condition);
  std::abort();
}

}  // namespace lichen
