// A step's view for tests of lookups and opens: tree/ is its root, volume/ is seen at /vol, /proc
// and /dev are what a step has. Calls are the test's own, answered here.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <functional>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bare/devices.h"
#include "bare/model.h"
#include "bare/words_testing.h"
#include "os/file.h"

namespace lichen::bare::testing {

class View {
 public:
  struct Options {
    bool may_openat2 = true;
    bool traced = false;
    std::vector<std::string> layer;  // files that are shared with layer/, content: their name
  };

  View(const std::string& directory, const Options& options)
      : directory_(std::filesystem::weakly_canonical(directory)), traced_(options.traced) {
    mask_ = ::umask(0);
    static_cast<void>(os::remove_tree(directory_));
    for (const char* name : {"", "/layer", "/tree", "/tree/vol", "/tree/dev", "/tree/proc",
                             "/tree/sys", "/volume", "/scratch"}) {
      std::filesystem::create_directories(directory_ + name);
    }
    std::unordered_map<ino_t, nlink_t> frozen;
    for (const std::string& name : options.layer) {
      std::ofstream(directory_ + "/layer/" + name) << name;
      ::chmod((directory_ + "/layer/" + name).c_str(), 0644);
      std::filesystem::create_hard_link(directory_ + "/layer/" + name, real("/" + name));
      frozen.emplace(status("/" + name).st_ino, 1);
    }
    std::vector<Mount> mounts;
    mounts.push_back({.target = "", .source = directory_ + "/tree"});
    emulate::FileTable files;
    auto standard = standard_mounts(directory_ + "/scratch", files);
    for (Mount& mount : *standard) mounts.push_back(std::move(mount));
    mounts.push_back(
        {.target = "/vol", .source = directory_ + "/volume", .kind = Mount::Kind::kHost});
    for (Mount& mount : mounts) {
      if (mount.fd.valid()) continue;
      mount.fd = os::UniqueFd(::open(mount.source.c_str(), O_PATH | O_CLOEXEC));
    }
    model = std::make_unique<Model>(std::move(*Tree::make(std::move(mounts), options.may_openat2)),
                                    emulate::credentials_of(0, 0, {}),
                                    std::move(*SocketDirectory::make(directory_ + "/scratch")));
    copy_records(files);
    model->proc = os::UniqueFd(::open("/proc", O_PATH | O_CLOEXEC));
    model->processes.add(tid());
    model->frozen = std::make_unique<Frozen>(
        std::move(frozen), std::unordered_set<ino_t>{}, status("/").st_dev,
        os::UniqueFd(::open((directory_ + "/scratch").c_str(), O_PATH | O_CLOEXEC)));
    was_in_ = os::UniqueFd(::open(".", O_PATH | O_CLOEXEC));
  }
  ~View() {
    model->root.credentials.set(tid(), emulate::credentials_of(0, 0, {}));
    static_cast<void>(::fchdir(was_in_.get()));
    static_cast<void>(os::remove_tree(directory_));
    ::umask(mask_);
  }
  View(const View&) = delete;
  View& operator=(const View&) = delete;

  std::string real(const std::string& path) const { return directory_ + "/tree" + path; }
  std::string volume(const std::string& path) const { return directory_ + "/volume" + path; }
  std::string in_layer(const std::string& name) const {
    return os::read_file(directory_ + "/layer/" + name).value_or("gone");
  }
  void write(const std::string& path, const std::string& content = "") {
    std::filesystem::create_directories(std::filesystem::path(real(path)).parent_path());
    std::ofstream(real(path)) << content;
    ::chmod(real(path).c_str(), 0644);
  }
  void link(const std::string& target, const std::string& path) {
    std::filesystem::create_directories(std::filesystem::path(real(path)).parent_path());
    std::filesystem::create_symlink(target, real(path));
  }
  // As chown and chmod of root.
  void give(const std::string& path, std::uint32_t id, std::uint32_t mode) {
    const os::UniqueFd file(::open(real(path).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    model->put(file, {.uid = id, .gid = id}, mode);
  }
  void become(std::uint32_t uid) {
    model->root.credentials.set(tid(), emulate::credentials_of(uid, uid, {}));
  }
  struct stat status(const std::string& path) const {
    struct stat status {};
    ::lstat(real(path).c_str(), &status);
    return status;
  }
  static pid_t tid() { return static_cast<pid_t>(::syscall(SYS_gettid)); }

  // Where a lookup leads: a path in the step's view, or "-ENOENT" and its kin.
  std::string find(const std::string& path, Last last = Last::kFollow, int dirfd = AT_FDCWD) {
    const emulate::Task task(model->proc, tid(), 0, {});
    const auto file = model->tree.open(Call{task, traced_}, *model, dirfd, path, last);
    if (!file) return "-" + error_name(file.error().number);
    const auto seen = model->tree.seen_as(model->tree.real_path(file->fd));
    return seen.value_or("outside");
  }
  std::string find_entry(const std::string& path, bool follow = false) {
    const emulate::Task task(model->proc, tid(), 0, {});
    const Call call{task, traced_};
    const auto entry = follow ? model->tree.follow_entry(call, *model, AT_FDCWD, path)
                              : model->tree.find_entry(call, *model, AT_FDCWD, path);
    if (!entry) return "-" + error_name(entry.error().number);
    const auto seen = model->tree.seen_as(model->tree.real_path(entry->directory.fd));
    return seen.value_or("outside") + " " + entry->name + (entry->slash_at_end ? "/" : "") +
           (entry->is_mount ? " mount" : "");
  }

  // What the program gets: a value, or -errno; descriptors are the test's own.
  template <class... Arguments>
  std::int64_t call(Reply (*answer)(const Call&, Model&), long nr, Arguments... arguments) {
    const emulate::Task task(model->proc, tid(), static_cast<int>(nr), {as_word(arguments)...});
    Reply reply = answer(Call{task, traced_}, *model);
    if (const auto* no = std::get_if<Errno>(&reply)) return -no->number;
    if (const auto* value = std::get_if<Value>(&reply)) return value->value;
    if (auto* given = std::get_if<NewFd>(&reply)) return given->fd.release();
    if (auto* open = std::get_if<OpenFile>(&reply)) {
      const std::string path = !open->path.empty() ? open->path
                               : traced_           ? model->tree.real_path(open->file)
                                                   : os::proc_path(open->file);
      const int fd = ::open(path.c_str(), open->flags | O_CLOEXEC);
      return fd < 0 ? -errno : fd;
    }
    auto* rewrite = std::get_if<Rewrite>(&reply);
    if (rewrite == nullptr) return -ENOSYS;
    for (Rewrite::Text& text : rewrite->texts) {
      rewrite->arguments[text.index] = as_word(text.bytes.data());
    }
    const auto& words = rewrite->arguments;
    std::int64_t result = ::syscall(rewrite->nr, words[0], words[1], words[2], words[3]);
    if (result < 0) result = -errno;
    return rewrite->after ? rewrite->after(task, result) : result;
  }
  int open(const std::string& path, int flags, mode_t mode = 0) {
    return static_cast<int>(call(answer_open, SYS_openat, AT_FDCWD, path.c_str(), flags, mode));
  }
  // The content, or "-ENOENT" and its kin.
  std::string read(const std::string& path) {
    const int fd = open(path, O_RDONLY);
    if (fd < 0) return "-" + error_name(-fd);
    return os::read_file(os::UniqueFd(fd)).value_or("unreadable");
  }
  // As stat(2) shows it; st_nlink 0: there is none.
  struct stat see(const std::string& path, int flags = 0) {
    struct stat status {};
    call(answer_stat, SYS_newfstatat, AT_FDCWD, path.c_str(), &status, flags);
    return status;
  }
  std::string read_link(const std::string& path) {
    std::array<char, 4096> text{};
    const auto bytes = call(answer_readlink, SYS_readlinkat, AT_FDCWD, path.c_str(), text.data(),
                            static_cast<int>(text.size()));
    return bytes < 0 ? "-" + error_name(static_cast<int>(-bytes)) : std::string(text.data());
  }

  std::unique_ptr<Model> model;

 private:
  static std::string error_name(int number) { return ::strerrorname_np(number); }
  void copy_records(const emulate::FileTable& files) {
    for (const auto& entry :
         std::filesystem::recursive_directory_iterator(directory_ + "/scratch")) {
      struct statx status {};
      ::statx(AT_FDCWD, entry.path().c_str(), AT_SYMLINK_NOFOLLOW, emulate::kStatusMask, &status);
      if (const auto record = files.find(status)) model->root.files.put(status, *record);
    }
  }

  std::string directory_;
  bool traced_;
  mode_t mask_ = 022;
  os::UniqueFd was_in_;
};

}  // namespace lichen::bare::testing
