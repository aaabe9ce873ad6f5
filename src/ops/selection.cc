#include "ops/selection.h"

#include <dirent.h>
#include <fcntl.h>
#include <sys/sysmacros.h>

#include <algorithm>
#include <cstdio>
#include <map>

#include "base/path.h"
#include "base/text.h"
#include "os/file.h"

namespace lichen::ops {

namespace {

Error not_found(const SourceTree& tree, const std::string& source) {
  Error error{.code = Errc::kNotFound, .message = "\"" + printable(source) + "\": not found"};
  if (tree.is_context)
    error.hint = "the path is relative to the build context, and .dockerignore may hide it";
  return error;
}

// The first `count` components of `path` taken off.
std::string without_leading(std::string path, std::size_t count) {
  for (; count > 0 && !path.empty(); --count) {
    const std::size_t slash = path.find('/');
    path = slash == std::string::npos ? "" : path.substr(slash + 1);
  }
  return path;
}

// How many components of the source, as it is written, stand before the pivot; nullopt: no
// --parents.
std::optional<std::size_t> pivot_of(const graph::Copy& copy) {
  if (!copy.parents) return std::nullopt;
  const std::size_t at = copy.src.find("/./");
  const std::string before = at == std::string::npos ? "/" : clean_path(copy.src.substr(0, at));
  return before == "/" ? 0 : split(before.substr(1), '/').size();
}

Result<Selected> select_one(const SourceTree& tree, const std::string& path,
                            const std::string& written, std::optional<std::size_t> pivot) {
  auto found = os::open_beneath(tree.root, path, O_PATH);
  if (!found) {
    if (found.error().code == Errc::kNotFound) return fail(not_found(tree, written));
    return fail(std::move(found).error());
  }
  const struct ::stat status = TRY(os::fstat(*found));
  Selected selected;
  selected.path = TRY(real_path(tree.root, *found));
  selected.name = pivot ? without_leading(path, *pivot) : path.substr(path.find_last_of('/') + 1);
  selected.is_directory = S_ISDIR(status.st_mode);
  if (tree.ignore != nullptr && !selected.path.empty() && tree.ignore->excludes(selected.path) &&
      (!selected.is_directory || tree.ignore->can_skip_directory(selected.path)))
    return fail(not_found(tree, written));
  return selected;
}

// What a pattern matches in a tree: paths, each with how many of its components stand before the
// pivot.
class Matches {
 public:
  Matches(const SourceTree& tree, const std::string& pattern, std::optional<std::size_t> pivot)
      : tree_(tree), parts_(split(pattern, '/')), pivot_(pivot) {}

  Result<std::map<std::string, std::size_t>> find() {
    TRY(expand(0, "", 0, 0));
    return std::move(found_);
  }

 private:
  // The pattern's components from `at` on, beneath `directory`, which has `depth` components.
  Result<void> expand(std::size_t at, const std::string& directory, std::size_t depth,
                      std::size_t before_pivot) {
    const auto next = [&](const std::string& path, std::size_t its_depth) {
      return expand(at + 1, path, its_depth, at + 1 == pivot_ ? its_depth : before_pivot);
    };
    if (at == parts_.size()) {
      found_.try_emplace(directory, before_pivot);
      return {};
    }
    if (!graph::has_wildcard(parts_[at])) {
      const std::string path = beneath(directory, parts_[at]);
      if (at + 1 == parts_.size() && !os::open_beneath(tree_.root, path, O_PATH | O_NOFOLLOW))
        return {};
      return next(path, depth + 1);
    }
    const bool is_any_depth = pivot_ && parts_[at] == "**";
    if (is_any_depth) TRY(next(directory, depth));
    auto opened = os::open_beneath(tree_.root, directory, O_RDONLY | O_DIRECTORY);
    if (!opened) return {};  // not a directory, or not there: no match
    for (const os::DirectoryEntry& entry : TRY(os::read_directory(*opened))) {
      if (is_any_depth ? entry.type != DT_DIR : !TRY(graph::match_wildcard(parts_[at], entry.name)))
        continue;
      const std::string path = beneath(directory, entry.name);
      if (tree_.ignore != nullptr && tree_.ignore->excludes(path) &&
          (entry.type != DT_DIR || tree_.ignore->can_skip_directory(path)))
        continue;
      TRY(is_any_depth ? expand(at, path, depth + 1, before_pivot) : next(path, depth + 1));
    }
    return {};
  }

  const SourceTree& tree_;
  const std::vector<std::string> parts_;
  const std::optional<std::size_t> pivot_;
  std::map<std::string, std::size_t> found_;
};

}  // namespace

// The magic links of the two descriptors tell: the kernel keeps them true across renames.
Result<std::string> real_path(const os::UniqueFd& root, const os::UniqueFd& found) {
  const os::UniqueFd cwd = TRY(os::open("/", O_PATH | O_DIRECTORY));
  const std::string base = TRY(os::readlinkat(cwd, os::proc_path(root)));
  const std::string full = TRY(os::readlinkat(cwd, os::proc_path(found)));
  if (full == base) return std::string();
  const std::string prefix = base == "/" ? base : base + "/";
  if (!starts_with(full, prefix)) return fail(Errc::kInternal, "path left its tree: " + full);
  return full.substr(prefix.size());
}

Result<std::vector<Selected>> select(const SourceTree& tree, const graph::Copy& copy) {
  const std::string path = clean_path(copy.src).substr(1);
  const std::optional<std::size_t> pivot = pivot_of(copy);
  std::vector<Selected> selected;
  if (!copy.allow_wildcard || !graph::has_wildcard(path)) {
    selected.push_back(TRY(select_one(tree, path, copy.src, pivot)));
    return selected;
  }
  for (const auto& [match, before_pivot] : TRY(Matches(tree, path, pivot).find())) {
    auto one = select_one(tree, match, match,
                          pivot ? std::optional<std::size_t>(before_pivot) : std::nullopt);
    if (one)
      selected.push_back(std::move(*one));
    else if (one.error().code != Errc::kNotFound)
      return fail(std::move(one).error());
  }
  if (selected.empty() && !copy.allow_empty_wildcard)
    return fail(Error(not_found(tree, copy.src)).with_hint("no file matches the pattern"));
  return selected;
}

Result<Filter> Filter::make(const SourceTree& tree, const graph::Copy& copy) {
  Filter filter;
  filter.ignore_ = tree.ignore;
  filter.excludes_ = TRY(graph::Ignore::from_patterns(copy.exclude_patterns));
  return filter;
}

bool Filter::empty() const {
  return (ignore_ == nullptr || ignore_->empty()) && excludes_.empty();
}

Exclusion Filter::check(const std::string& path, const std::string& relative,
                        bool is_directory) const {
  Exclusion exclusion;
  const auto consult = [&](const graph::Ignore& ignore, const std::string& name) {
    if (ignore.empty() || !ignore.excludes(name)) return;
    exclusion.excluded = true;
    if (!is_directory || ignore.can_skip_directory(name)) exclusion.descend = false;
  };
  if (ignore_ != nullptr) consult(*ignore_, path);
  consult(excludes_, relative);
  return exclusion;
}

owners::Record record_of(const SourceTree& tree, const std::string& path,
                         const struct ::stat& status) {
  if (tree.is_context) return {};
  if (tree.owners != nullptr)
    if (const owners::Record* record = tree.owners->find(path)) return *record;
  if (tree.is_bare) return {};
  return {.uid = status.st_uid, .gid = status.st_gid};
}

mode_t mode_of(const SourceTree& tree, const owners::Record& record, const struct ::stat& status) {
  if (tree.git_modes && !S_ISLNK(status.st_mode))
    return (status.st_mode & S_IFMT) |
           (S_ISDIR(status.st_mode) || (status.st_mode & S_IXUSR) != 0 ? 0755 : 0644);
  if (!record.mode) return status.st_mode;
  return (status.st_mode & S_IFMT) | (*record.mode & 07777);
}

}  // namespace lichen::ops
