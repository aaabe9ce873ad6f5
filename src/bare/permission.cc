#include <fcntl.h>
#include <unistd.h>

#include "bare/model.h"

namespace lichen::bare {

bool permits(const Model& model, const emulate::Credentials& credentials, const File& file,
             int want) {
  if (file.mount == nullptr || file.mount->kind == Mount::Kind::kHost ||
      file.mount->kind == Mount::Kind::kProc) {
    return true;
  }
  return emulate::permits(credentials, model.owned(file), want);
}

bool may_search(const Call&, Model& model, const emulate::Credentials& credentials,
                const File& directory) {
  if (credentials.capable(CAP_DAC_OVERRIDE)) return true;
  const auto seen = model.tree.seen_as(model.tree.real_path(directory.fd));
  if (!seen) return permits(model, credentials, directory, X_OK);
  for (std::size_t end = 0; end != seen->npos && *seen != "/";) {
    end = seen->find('/', end + 1);
    const std::string path = seen->substr(0, end);
    const Answer<File> on_the_way =
        to_file(model.tree.open_plain(path), &model.tree.mount_at(path));
    if (on_the_way && !permits(model, credentials, *on_the_way, X_OK)) return false;
  }
  const Answer<File> top = to_file(model.tree.open_plain(""), &model.tree.root());
  return !top || permits(model, credentials, *top, X_OK);
}

}  // namespace lichen::bare
