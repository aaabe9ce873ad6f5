#include "cli/secret_flags.h"

#include <utility>

#include "base/csv.h"
#include "base/hint.h"
#include "base/text.h"

namespace lichen::cli {

Result<build::Secret> parse_secret(const std::string& text, const Variables& variables) {
  std::string id, file, name, type;
  auto fields = parse_csv(text);
  if (!fields) return fail(std::move(fields).error().in("--secret " + text));
  for (const std::string& field : *fields) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos)
      return fail(Errc::kInvalid, "invalid field '" + field + "' must be a key=value pair");
    const std::string key = to_lower(field.substr(0, equals)), value = field.substr(equals + 1);
    if (key == "type") {
      if (value != "file" && value != "env")
        return fail(Errc::kInvalid, "unsupported secret type \"" + value + "\"");
      type = value;
    } else if (key == "id") {
      id = value;
    } else if (key == "src" || key == "source") {
      file = value;
    } else if (key == "env") {
      name = value;
    } else {
      return fail(Errc::kInvalid, "unexpected key '" + key + "' in '" + field + "'");
    }
  }
  if (id.empty()) return fail(Errc::kInvalid, "secret missing ID");
  if (type == "env" && name.empty()) name = std::exchange(file, "");
  if (file.empty() && name.empty()) (variables.contains(id) || type == "env" ? name : file) = id;
  if (!file.empty() && name.empty()) return build::Secret{.id = id, .value = {}, .path = file};
  if (!file.empty())
    return fail(Errc::kInvalid, "the secret " + id + " is both a file and a variable");
  const auto found = variables.find(name);
  // As docker has it: an unset variable is an empty one.
  return build::Secret{
      .id = id, .value = found == variables.end() ? "" : found->second, .path = {}};
}

Result<build::Agent> parse_agent(const std::string& text, const Variables& variables) {
  const std::size_t equals = text.find('=');
  build::Agent agent{.id = text.substr(0, equals), .paths = {}};
  if (agent.id.empty()) return fail(Errc::kInvalid, "--ssh " + text + " names no id");
  if (equals != std::string::npos && equals + 1 < text.size())
    agent.paths = split(text.substr(equals + 1), ',');
  if (agent.paths.empty())
    if (const std::string socket = variable(variables, "SSH_AUTH_SOCK"); !socket.empty())
      agent.paths = {socket};
  if (agent.paths.empty())
    return fail(Errc::kInvalid,
                "--ssh " + agent.id + ": there is no agent: SSH_AUTH_SOCK is not set",
                "start ssh-agent, or name a socket or a key: --ssh " + agent.id + "=PATH");
  return agent;
}

Flag secret_guard_flag(build::SecretGuardMode& mode) {
  return {"secret-guard", 0, "fail|warn|off",
          "what to do when a layer holds a secret's bytes (default: fail)",
          [&mode](const std::string& text) -> Result<void> {
            if (text == "fail")
              mode = build::SecretGuardMode::kFail;
            else if (text == "warn")
              mode = build::SecretGuardMode::kWarn;
            else if (text == "off")
              mode = build::SecretGuardMode::kOff;
            else
              return fail(Errc::kInvalid,
                          "\"" + printable(text) + "\" is none of fail, warn and off",
                          hint_for(text, {"fail", "warn", "off"}));
            return {};
          }};
}

}  // namespace lichen::cli
