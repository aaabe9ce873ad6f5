#include "transfer/session.h"

#include <unistd.h>

#include <cstdlib>

#include "store/root.h"

namespace lichen::transfer {

namespace {

// As buildah and skopeo: what is large goes to /var/tmp, which is seldom in memory.
Result<std::string> staging_directory() {
  const char* variable = std::getenv("TMPDIR");
  for (const char* path : {variable, "/var/tmp", "/tmp"})
    if (path != nullptr && *path != '\0' && ::access(path, W_OK | X_OK) == 0)
      return std::string(path);
  return fail(Errc::kDenied, "no directory for temporary files can be written",
              "set TMPDIR to one");
}

}  // namespace

Result<std::unique_ptr<Session>> Session::open(const SessionOptions& options) {
  std::unique_ptr<Session> session(new Session);
  session->staging_ = TRY(staging_directory());
  if (options.with_store)
    session->store_ = TRY(store::Store::open(TRY(store::choose_root(options.root))));
  session->registry_ = TRY(registry::make_host_client(
      {.tls_verify = options.tls_verify,
       .cancelled = [flag = options.cancelled] { return flag != nullptr && flag->load(); }}));
  return session;
}

Services Session::services() const {
  return {.store = store_.get(),
          .client = registry_.client.get(),
          .staging = staging_,
          .output_fd = STDOUT_FILENO};
}

}  // namespace lichen::transfer
