// Lookup name by name, as the kernel does it, in the step's view: for what one openat2(2) cannot
// find (mounts that a symlink or ".." leads to, /proc, chroot), and for those who may not search
// every directory. Slow and always right.
//
// One value a lookup; not shared between threads.
#pragma once

#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "bare/path.h"
#include "bare/tree.h"
#include "emulate/credentials.h"

namespace lichen::bare {

struct Model;

class Walk {
 public:
  // `who` as of Model::who_looks: nullptr is not asked for permission.
  Walk(const Tree& tree, const Call& call, Model& model, const emulate::Credentials* who);

  Answer<File> find(int dirfd, std::string_view path, Last last);
  enum class Links { kKeep, kFollow };
  Answer<Entry> find_entry(int dirfd, std::string_view path, Links links);

 private:
  enum class Goal { kFile, kEntry };
  struct Found {
    File file;           // or, with a name, its directory
    std::string name;    // ""; the last one, of which nothing is there or asked
    bool slash = false;  // after the name
  };
  Answer<Found> walk(int dirfd, std::string_view path, Goal goal, bool follow_last);

  Answer<void> start(int dirfd);           // at a relative path's directory
  Answer<void> restart(std::string path);  // at a directory of the step's view
  Answer<void> go_up();
  Answer<File> open_name(std::string_view name) const;
  Answer<File> open_in_proc(std::string_view name) const;
  struct Followed {
    std::optional<File> file;  // not a directory, or at the path's end
    std::string target;        // else: what is to be looked up from at_ before the rest; may be ""
  };
  Answer<Followed> follow(const File& link, const std::string& name, bool is_end);
  Answer<Followed> follow_magic(const std::string& name, Magic magic, bool is_end);
  std::string target_of(const File& link, std::string_view name) const;
  std::optional<std::string_view> path_in_proc() const;  // nullopt: not in /proc
  bool may_search_here() const;

  const Tree& tree_;
  const Call& call_;
  Model& model_;
  const emulate::Credentials* who_;
  std::string root_;  // the caller's own, in the step's view
  File at_;           // a directory
  // What at_ is called in the step's view; nullopt: it has no name there, and nothing is above it.
  std::optional<std::string> path_;
};

}  // namespace lichen::bare
