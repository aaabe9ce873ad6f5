#include "bare/model.h"

#include <unistd.h>

#include <utility>

namespace lichen::bare {

Model::Model(Tree the_tree, emulate::Credentials initial, std::string sockets_directory)
    : root(emulate::Profile::kDac, std::move(initial)),
      tree(std::move(the_tree)),
      sockets(std::move(sockets_directory)),
      uid(::getuid()),
      gid(::getgid()) {}

}  // namespace lichen::bare
