#include "cli/call_options.h"

#include "base/hint.h"
#include "base/text.h"
#include "cli/flags.h"

namespace lichen::cli {

namespace {

Result<std::optional<build::Call>> method_of(const std::string& name) {
  using Found = std::optional<build::Call>;
  if (name == "build") return Found();
  if (name == "check" || name == "lint") return Found(build::Call::kCheck);
  if (name == "outline") return Found(build::Call::kOutline);
  if (name == "targets") return Found(build::Call::kTargets);
  return fail(Errc::kUnsupported, "there is no method \"" + printable(name) + "\"",
              hint_for(name, {"build", "check", "outline", "targets"}));
}

}  // namespace

Result<CallOptions> parse_call(const std::string& text) {
  CallOptions options;
  bool has_method = false;
  for (const std::string& field : split(text, ',')) {
    const std::size_t equals = field.find('=');
    const std::string value = equals == std::string::npos ? "" : field.substr(equals + 1);
    const std::string key = field.substr(0, equals);
    if (key == "ignorestatus") {
      options.ignore_status = value.empty() || TRY(parse_bool(value));
    } else if (key == "format" && (value == "json" || value == "text")) {
      options.json = value == "json";
    } else if (equals == std::string::npos && !has_method) {
      options.call = TRY(method_of(field));
      has_method = true;
    } else {
      return fail(Errc::kInvalid, "\"" + printable(field) + "\" is not understood",
                  "METHOD[,format=json][,ignorestatus=true]");
    }
  }
  return options;
}

int call_status(const CallOptions& options, const build::Answer& answer) {
  if (answer.error) return exit_status(answer.error->code);
  return answer.has_warnings && !options.ignore_status ? exit_status(Errc::kFailed) : 0;
}

}  // namespace lichen::cli
