// utime(2), utimes(2), futimesat(2), utimensat(2).
#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <unistd.h>
#include <utime.h>

#include <array>

#include "bare/subject.h"

namespace lichen::bare {

namespace {

using Times = std::array<timespec, 2>;
constexpr long kMicroseconds = 1'000'000;
constexpr long kNanoseconds = 1'000'000'000;

struct TimesRequest {
  Subject subject;
  Times times{};      // what utimensat takes
  bool now = true;    // both
  bool omit = false;  // both
};

bool is_valid(const timespec& time) {
  return time.tv_nsec == UTIME_NOW || time.tv_nsec == UTIME_OMIT ||
         (time.tv_nsec >= 0 && time.tv_nsec < kNanoseconds);
}

// Each call spells a pair of times in its own way; a null pointer is "now".
Answer<void> read_times(const emulate::Task& task, std::uint64_t address, TimesRequest& request) {
  request.times = {timespec{0, UTIME_NOW}, timespec{0, UTIME_NOW}};
  if (address == 0) return {};
  switch (task.nr()) {
    case SYS_utimensat:
      if (!task.read(address, request.times.data(), sizeof request.times)) return refuse(EFAULT);
      break;
#ifdef __x86_64__
    case SYS_utime: {
      utimbuf seconds{};
      if (!task.read(address, &seconds, sizeof seconds)) return refuse(EFAULT);
      request.times = {timespec{seconds.actime, 0}, timespec{seconds.modtime, 0}};
      break;
    }
    case SYS_utimes:
    case SYS_futimesat: {
      std::array<timeval, 2> micro{};
      if (!task.read(address, micro.data(), sizeof micro)) return refuse(EFAULT);
      for (std::size_t i = 0; i < micro.size(); ++i) {
        if (micro[i].tv_usec < 0 || micro[i].tv_usec >= kMicroseconds) return refuse(EINVAL);
        request.times[i] = {micro[i].tv_sec, micro[i].tv_usec * 1000};
      }
      break;
    }
#endif
    default:
      return refuse(ENOSYS);
  }
  request.now = request.times[0].tv_nsec == UTIME_NOW && request.times[1].tv_nsec == UTIME_NOW;
  request.omit = request.times[0].tv_nsec == UTIME_OMIT && request.times[1].tv_nsec == UTIME_OMIT;
  return {};
}

Answer<TimesRequest> decode(const emulate::Task& task) {
  TimesRequest request;
  const bool at = task.nr() == SYS_utimensat
#ifdef __x86_64__
                  || task.nr() == SYS_futimesat
#endif
      ;
  const std::size_t path_arg = at ? 1 : 0;
  if (const auto times = read_times(task, task.arg(path_arg + 1), request); !times) {
    return tl::unexpected(times.error());
  }
  if (request.omit) return request;
  const int dirfd = at ? task.int_arg(0) : AT_FDCWD;
  const int flags = task.nr() == SYS_utimensat ? task.int_arg(3) : 0;
  if (at && task.arg(path_arg) == 0 && dirfd != AT_FDCWD) {  // futimens(3)
    if (flags != 0) return refuse(EINVAL);
    request.subject = held(dirfd);
    return request;
  }
  if ((flags & ~(AT_SYMLINK_NOFOLLOW | AT_EMPTY_PATH)) != 0) return refuse(EINVAL);
  Answer<Subject> subject = named(task, dirfd, task.arg(path_arg), flags);
  if (!subject) return tl::unexpected(subject.error());
  request.subject = std::move(*subject);
  return request;
}

}  // namespace

Reply answer_times(const Call& call, Model& model) {
  const Answer<TimesRequest> request = decode(call.task);
  if (!request) return request.error();
  if (request->omit) return Value{0};
  Answer<File> file = find(call, model, request->subject);
  if (!file) return file.error();
  if (is_read_only(*file)) return Errno{EROFS};
  if (!is_valid(request->times[0]) || !is_valid(request->times[1])) return Errno{EINVAL};
  const auto ready = prepare(model, *model.credentials(call), *file,
                             request->now ? Change::kTouch : Change::kTimes);
  if (!ready) return ready.error();
  if (::utimensat(file->fd.get(), "", request->times.data(), AT_EMPTY_PATH) != 0) {
    return Errno{errno};
  }
  return Value{0};
}

}  // namespace lichen::bare
