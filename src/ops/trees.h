// The trees that steps of tier bare run in, from one step to the next: to make one of hard links
// takes longer than most steps, and the next step's is nearly the same (store/workspace.h).
//
//   const Trees::Lease tree = TRY(trees.take());
//   … a job makes the tree right, and runs a step in it: tree.path() …
//
// Steps that run side by side have different ones. They are in the session's part of the store, so
// that what a killed build leaves is swept. Thread-safe; leases end before it does.
#pragma once

#include <mutex>
#include <string>
#include <utility>
#include <vector>

#include "base/result.h"
#include "store/store.h"

namespace lichen::ops {

class Trees {
 public:
  class Lease {
   public:
    Lease() = default;
    Lease(Lease&& other) noexcept
        : trees_(std::exchange(other.trees_, nullptr)), path_(std::move(other.path_)) {}
    Lease& operator=(Lease&&) = delete;
    ~Lease();
    const std::string& path() const { return path_; }

   private:
    friend class Trees;
    Lease(Trees& trees, std::string path) : trees_(&trees), path_(std::move(path)) {}
    Trees* trees_ = nullptr;
    std::string path_;
  };

  explicit Trees(const store::Store& store) : store_(store) {}
  Trees(const Trees&) = delete;
  Trees& operator=(const Trees&) = delete;
  ~Trees();
  Result<Lease> take();  // the one that was given back last, or a path where nothing is

 private:
  const store::Store& store_;
  std::mutex mutex_;
  std::vector<std::string> free_;
};

}  // namespace lichen::ops
