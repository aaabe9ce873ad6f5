// A step's tree for tests of the handlers that change it: the calls are the test's own, made on
// this thread with pointers into its own memory, and are answered here instead of by the kernel.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <cerrno>
#include <climits>
#include <cstddef>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <memory>
#include <sstream>
#include <string>
#include <utility>
#include <vector>

#include "bare/model.h"
#include "bare/words_testing.h"
#include "gtest/gtest.h"
#include "os/file.h"

namespace lichen::bare::testing {

// Without symlinks in its path, as a step's root must be.
inline std::string new_directory() {
  std::string directory = ::testing::TempDir() + "bareXXXXXX";
  if (::mkdtemp(directory.data()) == nullptr) ADD_FAILURE() << directory;
  char resolved[PATH_MAX];
  return ::realpath(directory.c_str(), resolved) != nullptr ? resolved : directory;
}

// layer/ has what is shared, tree/ is the step's root, volume/ is seen read-only at /vol.
class Step {
 public:
  // Files of the layer: name and content. They are hard-linked into the tree.
  explicit Step(std::string directory,
                const std::vector<std::pair<std::string, std::string>>& layer = {})
      : directory_(std::move(directory)) {
    ::umask(0);
    for (const char* name :
         {"/layer", "/tree", "/volume", "/scratch", "/tree/vol", "/tree/lower"}) {
      ::mkdir((directory_ + name).c_str(), 0755);
    }
    std::unordered_map<ino_t, nlink_t> frozen;
    for (const auto& [name, content] : layer) {
      std::ofstream(directory_ + "/layer/" + name) << content;
      ::chmod((directory_ + "/layer/" + name).c_str(), 0644);
      ::link((directory_ + "/layer/" + name).c_str(), real("/" + name).c_str());
      frozen.emplace(status("/" + name).st_ino, 1);
    }
    std::vector<Mount> mounts;
    mounts.push_back({.target = "", .source = directory_ + "/tree"});
    mounts.push_back({.target = "/vol",
                      .source = directory_ + "/volume",
                      .kind = Mount::Kind::kHost,
                      .read_only = true});
    for (Mount& mount : mounts) {
      mount.fd = os::UniqueFd(::open(mount.source.c_str(), O_PATH | O_CLOEXEC));
    }
    const struct stat root = status("/");
    const ino_t lower = status("/lower").st_ino;
    model = std::make_unique<Model>(std::move(*Tree::make(std::move(mounts))),
                                    emulate::credentials_of(0, 0, {}),
                                    std::move(*SocketDirectory::make(directory_ + "/scratch")));
    model->proc = os::UniqueFd(::open("/proc", O_PATH | O_CLOEXEC));
    model->frozen = std::make_unique<Frozen>(
        std::move(frozen), std::unordered_set<ino_t>{lower}, root.st_dev,
        os::UniqueFd(::open((directory_ + "/scratch").c_str(), O_PATH | O_CLOEXEC)));
  }
  ~Step() {
    become(0);
    model.reset();
    static_cast<void>(os::remove_tree(directory_));
  }
  Step(const Step&) = delete;
  Step& operator=(const Step&) = delete;

  std::string real(const std::string& path) const { return directory_ + "/tree" + path; }
  std::string in_layer(const std::string& name) const { return directory_ + "/layer/" + name; }
  std::string scratch() const { return directory_ + "/scratch"; }
  std::string volume() const { return directory_ + "/volume"; }

  void become(std::uint32_t uid) {
    model->root.credentials.set(tid(), emulate::credentials_of(uid, uid, {}));
  }
  void make_file(const std::string& path, const std::string& content = "", mode_t mode = 0644) {
    std::ofstream(real(path)) << content;
    ::chmod(real(path).c_str(), mode);
  }
  void make_directory(const std::string& path) { ::mkdir(real(path).c_str(), 0755); }
  // As chown and chmod of root.
  void give(const std::string& path, std::uint32_t uid, std::uint32_t mode) {
    const os::UniqueFd fd(::open(real(path).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    model->put(fd, {.uid = uid, .gid = uid}, mode);
  }

  struct stat status(const std::string& path) const {
    struct stat status {};
    ::lstat(real(path).c_str(), &status);
    return status;
  }
  bool exists(const std::string& path) const { return status(path).st_nlink != 0; }
  emulate::Owned owned(const std::string& path) const {
    File file;
    file.mount = &model->tree.root();
    ::statx(AT_FDCWD, real(path).c_str(), AT_SYMLINK_NOFOLLOW, emulate::kStatusMask, &file.status);
    return model->owned(file);
  }
  std::string content(const std::string& path) const { return slurp(real(path)); }
  static std::string slurp(const std::string& path) {
    std::ostringstream text;
    text << std::ifstream(path).rdbuf();
    return text.str();
  }

  static pid_t tid() { return static_cast<pid_t>(::syscall(SYS_gettid)); }

  template <class... Arguments>
  Reply reply(Reply (*answer)(const Call&, Model&), long nr, Arguments... arguments) {
    const emulate::Task task(model->proc, tid(), static_cast<int>(nr), {as_word(arguments)...});
    return answer(Call{task, true}, *model);
  }
  // What the program gets: a value, or -errno. A Rewrite is carried out.
  template <class... Arguments>
  std::int64_t call(Reply (*answer)(const Call&, Model&), long nr, Arguments... arguments) {
    const emulate::Task::Arguments words{as_word(arguments)...};
    const emulate::Task task(model->proc, tid(), static_cast<int>(nr), words);
    Reply reply = answer(Call{task, true}, *model);
    if (const auto* no = std::get_if<Errno>(&reply)) return -no->number;
    if (const auto* value = std::get_if<Value>(&reply)) return value->value;
    if (std::holds_alternative<Continue>(reply)) return run(nr, words);
    if (auto* rewrite = std::get_if<Rewrite>(&reply)) return run(task, *rewrite);
    return -ENOSYS;
  }

  // setxattr(2) and its kin.
  std::int64_t set_attribute(const char* path, const char* name, const std::string& value,
                             int flags = 0) {
    return call(answer_xattr, SYS_setxattr, path, name, value.data(), value.size(), flags);
  }
  // The value, or "-errno".
  std::string attribute(const char* path, const char* name) {
    char value[256];
    const auto bytes = call(answer_xattr, SYS_getxattr, path, name, value, sizeof value);
    return bytes < 0 ? std::to_string(bytes) : std::string(value, static_cast<std::size_t>(bytes));
  }
  std::string attributes(const char* path) {
    char names[512];
    const auto bytes = call(answer_xattr, SYS_listxattr, path, names, sizeof names);
    return bytes < 0 ? std::to_string(bytes) : std::string(names, static_cast<std::size_t>(bytes));
  }
  std::unique_ptr<Model> model;

 private:
  static std::int64_t run(long nr, const emulate::Task::Arguments& words) {
    const long result = ::syscall(nr, words[0], words[1], words[2], words[3], words[4], words[5]);
    return result < 0 ? -errno : result;
  }
  static std::int64_t run(const emulate::Task& task, Rewrite& rewrite) {
    for (Rewrite::Text& text : rewrite.texts) {
      for (const auto& pointer : text.pointers) {
        const void* to = rewrite.texts[pointer.text].bytes.data();
        std::memcpy(text.bytes.data() + pointer.offset, &to, sizeof to);
      }
      if (text.index == Rewrite::kNoArgument) continue;
      rewrite.arguments[text.index] = as_word(text.bytes.data());
    }
    const std::int64_t result = run(rewrite.nr, rewrite.arguments);
    return rewrite.after ? rewrite.after(task, result) : result;
  }

  std::string directory_;
};

}  // namespace lichen::bare::testing
