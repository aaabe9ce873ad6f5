// A step's tree for tests of execve: tree/ is its root, scratch/ has the stub.
#pragma once

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>
#include <fstream>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bare/model.h"
#include "os/file.h"

namespace lichen::bare::testing {

class ExecTree {
 public:
  static constexpr std::uint32_t kMagic = 0x5a17c0de;

  explicit ExecTree(const std::string& directory)
      : directory_(std::filesystem::weakly_canonical(directory)) {
    static_cast<void>(os::remove_tree(directory_));
    for (const char* name : {"", "/tree", "/tree/proc", "/scratch"})
      std::filesystem::create_directories(directory_ + name);
    std::vector<Mount> mounts;
    mounts.push_back({.target = "", .source = directory_ + "/tree"});
    mounts.push_back({.target = "/proc", .source = "/proc", .kind = Mount::Kind::kProc});
    for (Mount& mount : mounts)
      mount.fd = os::UniqueFd(::open(mount.source.c_str(), O_PATH | O_CLOEXEC));
    model = std::make_unique<Model>(std::move(*Tree::make(std::move(mounts))),
                                    emulate::credentials_of(0, 0, {}),
                                    std::move(*SocketDirectory::make(directory_ + "/scratch")));
    model->proc = os::UniqueFd(::open("/proc", O_PATH | O_CLOEXEC));
    if (auto stub = write_stub(directory_ + "/scratch")) {
      model->executables.use_stub(*stub, kMagic,
                                  [this](const std::string& text) { notes.push_back(text); });
    }
  }
  ~ExecTree() { static_cast<void>(os::remove_tree(directory_)); }
  ExecTree(const ExecTree&) = delete;
  ExecTree& operator=(const ExecTree&) = delete;

  std::string real(const std::string& path) const { return directory_ + "/tree" + path; }
  void write(const std::string& path, const std::string& content, mode_t mode = 0755) {
    std::filesystem::create_directories(std::filesystem::path(real(path)).parent_path());
    std::ofstream(real(path), std::ios::binary) << content;
    ::chmod(real(path).c_str(), mode);
  }
  void copy(const std::string& from, const std::string& path) {
    write(path, os::read_file(from).value_or(""));
  }
  // As chown and chmod of root.
  void give(const std::string& path, std::uint32_t id, std::uint32_t mode) {
    const os::UniqueFd file(::open(real(path).c_str(), O_PATH | O_NOFOLLOW | O_CLOEXEC));
    model->put(file, {.uid = id, .gid = id}, mode);
  }

  std::unique_ptr<Model> model;
  std::vector<std::string> notes;

 private:
  std::string directory_;
};

}  // namespace lichen::bare::testing
