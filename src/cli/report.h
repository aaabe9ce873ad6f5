// Results go to standard output, errors to standard error. Foreign bytes in messages are escaped.
//
//   lichen: Dockerfile:7: RUN make: exit status 2
//   hint: …
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"

namespace lichen::cli {

inline constexpr int kUsageStatus = 2;

// Error::detail, then "lichen: …", then "hint: …"; what report() prints.
std::string error_text(const Error& error);

// Prints it, and returns exit_status(error.code).
int report(const Error& error);
// The same for an error of the arguments: kInvalid is kUsageStatus.
int report_usage(const Error& error);

// "lichen: warning: …" on standard error.
void warn(std::string_view text);

// Writes to standard output; returns the exit status. A reader that has gone is no error.
int print(std::string_view text);

}  // namespace lichen::cli
