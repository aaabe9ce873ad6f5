// New directory entries: whom they belong to, and whether they may be made.
//
// The kernel would make every file as 0:0 (or the setgid directory's real group, 0 too). When the
// model says otherwise the Supervisor makes the file for the caller, with the caller's umask, and
// records it; when 0:0 is right the kernel makes it.
#pragma once

#include <string>

#include "emulate/model.h"
#include "emulate/permission.h"
#include "emulate/place.h"
#include "owners/record.h"

namespace lichen::emulate {

// Owner of a new entry of `directory`; EACCES. Pure.
Answer<owners::Record> decide_creation(const Credentials& credentials, const Owned& directory);

// The directory in which a caller's path makes an entry.
struct Parent {
  os::UniqueFd directory;
  std::string name;
  bool slash_at_end = false;
};
// nullopt: the kernel says why not.
std::optional<Parent> find_parent(const Task& task, const Credentials& credentials, int dirfd,
                                  const std::string& path, std::uint64_t resolve = 0);

// decide_creation with what it needs looked up: the way there is searched, too.
Answer<owners::Record> owner_of_new(const Task& task, const Model& model,
                                    const Credentials& credentials, const Parent& parent, int dirfd,
                                    const std::string& path);

// The calling thread's umask, which the Supervisor's threads do not share (they have unshared their
// fs state), set to a caller's for as long as this lives.
class ThreadUmask {
 public:
  explicit ThreadUmask(mode_t mask) : before_(::umask(mask)) {}
  ThreadUmask(const ThreadUmask&) = delete;
  ThreadUmask& operator=(const ThreadUmask&) = delete;
  ~ThreadUmask() { ::umask(before_); }

 private:
  mode_t before_;
};

}  // namespace lichen::emulate
