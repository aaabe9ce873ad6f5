// What a COPY reads: its source paths in a tree, which is the build context (with .dockerignore) or
// another stage's merged root.
#pragma once

#include <sys/stat.h>

#include <string>
#include <vector>

#include "base/result.h"
#include "graph/graph.h"
#include "graph/ignore.h"
#include "os/fd.h"
#include "owners/record.h"

namespace lichen::ops {

// A tree that is copied from. All members are borrowed and outlive it.
struct SourceTree {
  const os::UniqueFd& root;
  const graph::Ignore* ignore = nullptr;   // of the context
  const owners::Owners* owners = nullptr;  // fake owners of a stage
  bool is_context = false;                 // owners count as 0:0
  bool git_modes = false;                  // 0755 or 0644, as git has it
  bool is_bare = false;  // a stage at tier bare: what has no record is owned by 0:0
};

// One source of a Copy: `path` in the tree (clean, no leading "/"; "" is the root itself), found
// through symlinks where the path went through them.
struct Selected {
  std::string path;
  // What it is called at the destination: the last component as written; with --parents the
  // components after the pivot "/./" (all of them without one).
  std::string name;
  bool is_directory = false;
};

// The paths that `copy.src` names: one, or those that match its wildcards, sorted. An absent one is
// kNotFound with the text that people grep for; a pattern without a match is that too, unless
// allowed.
Result<std::vector<Selected>> select(const SourceTree& tree, const graph::Copy& copy);

// `path` beneath a copied directory `selected` is left out by .dockerignore or --exclude.
// `descend` tells whether an excluded directory must be walked all the same, for a "!" pattern.
struct Exclusion {
  bool excluded = false;
  bool descend = true;
};
class Filter {
 public:
  static Result<Filter> make(const SourceTree& tree, const graph::Copy& copy);
  bool empty() const;  // leaves nothing out
  Exclusion check(const std::string& path, const std::string& relative, bool is_directory) const;

 private:
  const graph::Ignore* ignore_ = nullptr;
  graph::Ignore excludes_;
};

// Where `found` is inside the tree of `root`, without a leading "/": symlinks on the way resolved.
Result<std::string> real_path(const os::UniqueFd& root, const os::UniqueFd& found);

owners::Record record_of(const SourceTree& tree, const std::string& path,
                         const struct ::stat& status);
// With the type; of the record, if that knows better.
mode_t mode_of(const SourceTree& tree, const owners::Record& record, const struct ::stat& status);

}  // namespace lichen::ops
