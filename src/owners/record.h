// What a file really is when the kernel could not be told: owner, mode, device number.
//
// A Record belongs to one path of one layer. Tiers `userns` and `bare` record every file whose
// owner is not 0:0; all tiers record devices, for which an empty placeholder file stands in the
// tree. Tier `bare` records modes and file capabilities, too: there a real mode always lets its
// owner in and never holds setuid, setgid or sticky bits. A layer's records are its *sidecar*; a
// chain of layers has the Owners that result from laying the sidecars over each other. Pure;
// values.
//
//   Owners owners;                       // of the chain below
//   owners.apply(TRY(parse_sidecar(bytes)));
//   const Record* record = owners.find("var/mail");
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "base/result.h"

namespace lichen::owners {

struct Record {
  std::uint32_t uid = 0, gid = 0;
  // S_IFCHR or S_IFBLK: the real file is an empty placeholder and stands for this device. 0: none.
  std::uint32_t type = 0;
  std::uint32_t dev_major = 0, dev_minor = 0;
  std::optional<std::uint32_t> mode;  // 12 bits; nullopt: the real mode is right
  std::string capability;  // security.capability, revision 2 as in images; "": the real file's

  bool is_default() const { return *this == Record{}; }
  friend bool operator==(const Record&, const Record&) = default;
};

// The real mode, at tier `bare`, of a file or directory that shall have `mode`: it lets its owner
// in, and has no setuid, setgid or sticky bit.
constexpr std::uint32_t bare_mode(std::uint32_t mode, bool is_directory) {
  return (mode & 0777) | (is_directory ? 0700 : 0600);
}

// One change that a layer makes to the records below it. Paths have no leading "/"; "" is the root.
struct Change {
  enum class Kind : std::uint8_t {
    kSet,     // the layer has this path, with this record (which may be the default one)
    kRemove,  // the layer removes this path and all beneath it (whiteout, or dir replaced by a
              // file)
    kOpaque,  // the layer removes all beneath this path, but keeps the path
  };
  Kind kind = Kind::kSet;
  std::string path;
  Record record;

  friend bool operator==(const Change&, const Change&) = default;
};

// Sidecar file: changes in the order in which they apply (removals before what is set beneath).
// Format: docs/formats/store.md, section Sidecar; starts with a magic and a version.
using Sidecar = std::vector<Change>;
std::string to_bytes(const Sidecar& sidecar);
Result<Sidecar> parse_sidecar(std::string_view bytes);  // kCorrupt; bounded

// The non-default records of a whole tree, by path, sorted.
class Owners {
 public:
  void apply(const Sidecar& sidecar);
  void apply(const Change& change);
  const Record* find(std::string_view path) const;  // nullptr: default
  bool any_beneath(std::string_view path) const;    // path itself not counted
  bool empty() const { return records_.empty(); }
  const std::map<std::string, Record, std::less<>>& all() const { return records_; }

  // The changes that the layer whose entries are reported here makes, in order: call for each entry
  // of the layer, parents before children. Emits only what differs from the records below.
  class Recorder;

 private:
  void erase_beneath(const std::string& path);

  std::map<std::string, Record, std::less<>> records_;
};

// Builds a layer's Sidecar against the records below it. Every change is minimal with regard to
// what was reported before: a path whose record is the same as below, and was not hidden by this
// layer, costs nothing.
class Owners::Recorder {
 public:
  explicit Recorder(const Owners& below) : now_(below) {}
  // The layer has `path`; `is_directory` false hides what was beneath it.
  void set(std::string_view path, const Record& record, bool is_directory);
  void remove(std::string_view path);  // whiteout
  void opaque(std::string_view path);
  Sidecar take() { return std::move(changes_); }

 private:
  void emit(Change change);

  Owners now_;  // below, with the changes so far
  Sidecar changes_;
};

}  // namespace lichen::owners
