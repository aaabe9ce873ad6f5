// Errors are values. Every lichen function that can fail returns a Result<T>; none throws.
//
//   Result<Digest> digest_of(const std::string& path) {
//     os::UniqueFd fd = TRY(os::open(path, O_RDONLY));
//     return hash(fd);
//   }
//
// An Error says what the *caller can do* (Errc), what happened (message), where in the user's
// terms (context, innermost first), and what would help (hint). Context is added where a name that
// the user knows enters: instruction, image, path. Absence is a value, not an error: such functions
// are called find_* and return Result<std::optional<T>>.
#pragma once

#include <string>
#include <tl/expected.hpp>
#include <utility>
#include <vector>

namespace lichen {

// What a caller can do about a failure. exit_status() maps each to a process exit code.
enum class Errc {
  kInvalid,      // the input is wrong: fix it
  kNotFound,     // a thing that was named does not exist
  kDenied,       // permission or credentials
  kUnsupported,  // lichen or this host cannot do it
  kUnavailable,  // a peer or the network failed; trying again may help
  kCorrupt,      // bytes are not what their digest or format says
  kNoSpace,      // disk or quota is full
  kFailed,       // a build step failed
  kCancelled,    // the user stopped it
  kInternal,     // a bug in lichen
};

struct [[nodiscard]] Error {
  Errc code = Errc::kInternal;
  int os_errno = 0;
  std::string message;
  std::vector<std::string> context;  // innermost first
  std::string hint;
  // What a step wrote last, an excerpt of the Dockerfile: shown as it is, before the message.
  std::string detail;

  Error&& in(std::string where) && {
    context.push_back(std::move(where));
    return std::move(*this);
  }
  Error&& with_hint(std::string text) && {
    hint = std::move(text);
    return std::move(*this);
  }
};

template <class T>
using Result = tl::expected<T, Error>;

inline tl::unexpected<Error> fail(Error error) {
  return tl::unexpected<Error>(std::move(error));
}
inline tl::unexpected<Error> fail(Errc code, std::string message, std::string hint = {}) {
  return fail(Error{.code = code, .message = std::move(message), .hint = std::move(hint)});
}

// The error of a system call that has just failed: reads errno before it allocates, hence the
// pieces. "open /etc/x: No such file or directory", with hints for EPERM, ENOSPC and ENOSYS.
Error os_error(const char* call, const std::string& subject);
Error os_error(int os_errno, const char* call, const std::string& subject);

// "Dockerfile:7: RUN make: exit status 2" (outermost context first), without the hint.
std::string to_text(const Error& error);
const char* to_text(Errc code);

// The exit status of a command that failed with `code`; documented in docs/exit-codes.md.
int exit_status(Errc code);

namespace detail {
template <class T>
T take(Result<T>&& result) {
  return std::move(*result);
}
inline void take(Result<void>&&) {}
}  // namespace detail

// A broken invariant ends the process, in release builds too.
[[noreturn]] void assertion_failed(const char* condition, const char* file, int line);

}  // namespace lichen

// Unwraps a Result or returns its error from the enclosing function. Nests; not for coroutines.
#define TRY(expression) LICHEN_TRY(expression, LICHEN_JOIN(lichen_try_, __COUNTER__))
#define LICHEN_JOIN(a, b) LICHEN_JOIN_(a, b)
#define LICHEN_JOIN_(a, b) a##b
#define LICHEN_TRY(expression, name)                           \
  __extension__({                                              \
    auto name = (expression);                                  \
    if (!name) return ::lichen::fail(std::move(name).error()); \
    ::lichen::detail::take(std::move(name));                   \
  })

#define LICHEN_ASSERT(condition) \
  ((condition) ? void() : ::lichen::assertion_failed(#condition, __FILE__, __LINE__))
