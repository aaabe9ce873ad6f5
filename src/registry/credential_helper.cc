#include "registry/credential_helper.h"

#include "oci/json.h"
#include "os/child.h"

namespace lichen::registry {

namespace {

using oci::json::Node;

constexpr char kTokenUser[] = "<token>";  // its secret is a refresh token

// Its output may hold the secret, so none of it reaches an error.
Error failed(const std::string& name, const std::string& why) {
  return Error{.code = Errc::kDenied,
               .message = helper_program(name) + ": " + why,
               .hint = "run `lichen login` again, or remove the helper from config.json"};
}

Result<os::Output> run(const std::string& name, const char* action, std::string input) {
  return os::run_program({.argv = {helper_program(name), action},
                          .env = os::current_environment(),
                          .input = std::move(input)});
}

bool is_good(const os::Output& output) {
  return output.status == os::WaitStatus(os::Exited{0});
}

}  // namespace

bool is_helper_name(const std::string& name) {
  return !name.empty() && name.find('/') == std::string::npos && name[0] != '.' &&
         name.find('\0') == std::string::npos;
}

std::string helper_program(const std::string& name) {
  return "docker-credential-" + name;
}

std::string server_key(const std::string& domain) {
  return domain == "docker.io" ? "https://index.docker.io/v1/" : domain;
}

Result<std::optional<Credential>> ask_helper(const std::string& name, const std::string& domain) {
  const os::Output output = TRY(run(name, "get", server_key(domain)));
  if (!is_good(output)) {
    if (output.out.find("credentials not found") != std::string::npos) return std::nullopt;
    return fail(failed(name, "could not get the credentials of " + domain));
  }
  const auto answer = oci::json::parse(output.out, helper_program(name));
  if (!answer) return fail(failed(name, "its answer is not valid JSON"));
  const Node root(helper_program(name), *answer);
  const std::string user = TRY(TRY(root.member("Username")).text());
  const std::string secret = TRY(TRY(root.member("Secret")).text());
  if (secret.empty()) return std::nullopt;
  if (user.empty() || user == kTokenUser) return Credential{.identity_token = secret};
  return Credential{.username = user, .password = secret};
}

Result<void> store_with_helper(const std::string& name, const std::string& domain,
                               const Credential& credential) {
  const bool is_token = !credential.identity_token.empty();
  oci::json::ObjectWriter request;
  request.text("ServerURL", server_key(domain))
      .text("Username", is_token ? kTokenUser : credential.username)
      .text("Secret", is_token ? credential.identity_token : credential.password);
  if (!is_good(TRY(run(name, "store", request.finish()))))
    return fail(failed(name, "could not store the credentials of " + domain));
  return {};
}

Result<void> erase_with_helper(const std::string& name, const std::string& domain) {
  if (!is_good(TRY(run(name, "erase", server_key(domain)))))
    return fail(failed(name, "could not erase the credentials of " + domain));
  return {};
}

}  // namespace lichen::registry
