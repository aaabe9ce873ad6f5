// The bytes of a sidecar. After the magic, one change after another:
//
//   kind   1 byte     's' set, 'r' remove, 'o' opaque; 'e' ends the file
//   path   length as a varint, then its bytes
//   record of a set only: uid, gid as varints; type as one byte, '-' none, 'c' or 'b'; for a device
//          its major and minor numbers as varints; version 2 goes on with the mode + 1 or 0 as a
//          varint, and the length of the capability (0 or 20) as a varint and its bytes
//
// Version 2 is written only when a record has a mode or a capability, and read only then.
// A varint has seven bits a byte, lowest first; the top bit says that more follow. Only the
// shortest spelling is accepted, so that equal sidecars are equal bytes and the other way round.
#include <sys/stat.h>

#include <algorithm>
#include <optional>

#include "owners/record.h"

namespace lichen::owners {

namespace {

constexpr std::string_view kMagic1 = "lichen-owners 1\n", kMagic2 = "lichen-owners 2\n";
static_assert(kMagic1.size() == kMagic2.size());
constexpr std::size_t kMaxPathBytes = 1u << 20;
constexpr std::size_t kCapabilityBytes = 20;  // linux/capability.h: XATTR_CAPS_SZ_2
constexpr std::uint32_t kModeEnd = 010000;

bool wants_version_2(const Change& change) {
  return change.kind == Change::Kind::kSet &&
         (change.record.mode || !change.record.capability.empty());
}

void put_number(std::string& bytes, std::uint32_t number) {
  for (; number >= 0x80; number >>= 7) bytes.push_back(static_cast<char>(number | 0x80));
  bytes.push_back(static_cast<char>(number));
}

char letter(Change::Kind kind) {
  switch (kind) {
    case Change::Kind::kSet:
      return 's';
    case Change::Kind::kRemove:
      return 'r';
    case Change::Kind::kOpaque:
      return 'o';
  }
  return '?';
}

// Relative, and names only: nothing that a reader would have to clean before it opens it.
bool is_clean(std::string_view path) {
  if (path.empty()) return true;
  if (path.find('\0') != path.npos) return false;
  for (;;) {
    const std::size_t slash = path.find('/');
    const std::string_view name = path.substr(0, slash);
    if (name.empty() || name == "." || name == "..") return false;
    if (slash == path.npos) return true;
    path.remove_prefix(slash + 1);
  }
}

class Reader {
 public:
  Reader(std::string_view bytes, bool version_2) : rest_(bytes), version_2_(version_2) {}

  bool at_end() const { return rest_.empty(); }

  std::optional<char> byte() {
    if (rest_.empty()) return std::nullopt;
    const char first = rest_.front();
    rest_.remove_prefix(1);
    return first;
  }

  std::optional<std::uint32_t> number() {
    std::uint64_t value = 0;
    for (int shift = 0; shift < 35; shift += 7) {
      const std::optional<char> next = byte();
      if (!next) return std::nullopt;
      const auto bits = static_cast<unsigned char>(*next);
      if (bits == 0 && shift > 0) return std::nullopt;  // a longer spelling than needed
      value |= static_cast<std::uint64_t>(bits & 0x7f) << shift;
      if (bits < 0x80) {
        if (value > 0xffffffff) return std::nullopt;
        return static_cast<std::uint32_t>(value);
      }
    }
    return std::nullopt;
  }

  std::optional<std::string> path() {
    const std::optional<std::uint32_t> size = number();
    if (!size || *size > kMaxPathBytes || *size > rest_.size()) return std::nullopt;
    std::string text(rest_.substr(0, *size));
    rest_.remove_prefix(*size);
    if (!is_clean(text)) return std::nullopt;
    return text;
  }

  std::optional<Record> record() {
    const auto uid = number(), gid = number();
    const auto type = byte();
    if (!uid || !gid || !type) return std::nullopt;
    Record record{.uid = *uid, .gid = *gid};
    if (*type != '-' && !device(*type, record)) return std::nullopt;
    if (version_2_ && !attributes(record)) return std::nullopt;
    return record;
  }

  // nullopt: malformed.
  std::optional<Change> change(char kind) {
    Change change;
    if (kind == 'r') {
      change.kind = Change::Kind::kRemove;
    } else if (kind == 'o') {
      change.kind = Change::Kind::kOpaque;
    } else if (kind != 's') {
      return std::nullopt;
    }
    std::optional<std::string> name = path();
    if (!name) return std::nullopt;
    change.path = std::move(*name);
    if (kind != 's') return change;
    const std::optional<Record> what = record();
    if (!what) return std::nullopt;
    change.record = *what;
    return change;
  }

 private:
  bool device(char type, Record& record) {
    if (type != 'c' && type != 'b') return false;
    const auto dev_major = number(), dev_minor = number();
    if (!dev_major || !dev_minor) return false;
    record.type = type == 'c' ? S_IFCHR : S_IFBLK;
    record.dev_major = *dev_major;
    record.dev_minor = *dev_minor;
    return true;
  }

  bool attributes(Record& record) {
    const auto mode = number();
    if (!mode || *mode > kModeEnd) return false;
    if (*mode > 0) record.mode = *mode - 1;
    const auto size = number();
    if (!size || (*size != 0 && *size != kCapabilityBytes) || *size > rest_.size()) return false;
    record.capability = std::string(rest_.substr(0, *size));
    rest_.remove_prefix(*size);
    return true;
  }

  std::string_view rest_;
  bool version_2_;
};

tl::unexpected<Error> corrupt(const char* what) {
  return fail(Errc::kCorrupt, std::string("owner records of a layer: ") + what);
}

}  // namespace

std::string to_bytes(const Sidecar& sidecar) {
  const bool version_2 = std::any_of(sidecar.begin(), sidecar.end(), wants_version_2);
  std::string bytes(version_2 ? kMagic2 : kMagic1);
  for (const Change& change : sidecar) {
    bytes.push_back(letter(change.kind));
    put_number(bytes, static_cast<std::uint32_t>(change.path.size()));
    bytes += change.path;
    if (change.kind != Change::Kind::kSet) continue;
    put_number(bytes, change.record.uid);
    put_number(bytes, change.record.gid);
    if (change.record.type == 0) {
      bytes.push_back('-');
    } else {
      bytes.push_back(change.record.type == S_IFCHR ? 'c' : 'b');
      put_number(bytes, change.record.dev_major);
      put_number(bytes, change.record.dev_minor);
    }
    if (!version_2) continue;
    put_number(bytes, change.record.mode ? *change.record.mode + 1 : 0);
    put_number(bytes, static_cast<std::uint32_t>(change.record.capability.size()));
    bytes += change.record.capability;
  }
  bytes.push_back('e');
  return bytes;
}

Result<Sidecar> parse_sidecar(std::string_view bytes) {
  const std::string_view magic = bytes.substr(0, kMagic1.size());
  const bool version_2 = magic == kMagic2;
  if (!version_2 && magic != kMagic1) return corrupt("unknown format");
  Reader reader(bytes.substr(magic.size()), version_2);
  Sidecar sidecar;
  for (;;) {
    const std::optional<char> kind = reader.byte();
    if (!kind) return corrupt("the end is missing");
    if (*kind == 'e') break;
    std::optional<Change> change = reader.change(*kind);
    if (!change) return corrupt("malformed change");
    sidecar.push_back(std::move(*change));
  }
  if (!reader.at_end()) return corrupt("bytes after the end");
  if (version_2 && std::none_of(sidecar.begin(), sidecar.end(), wants_version_2))
    return corrupt("a newer version than it needs");
  return sidecar;
}

}  // namespace lichen::owners
