#include "archive/tar_writer.h"

#include <algorithm>
#include <optional>

#include "archive/pax.h"
#include "archive/tar_header.h"
#include "base/text.h"

namespace lichen::archive {

namespace {

using Records = std::map<std::string, std::string>;

constexpr char kZeros[2 * kBlockBytes] = {};

char flag_of(EntryType type) {
  switch (type) {
    case EntryType::kFile:
      return '0';
    case EntryType::kHardlink:
      return '1';
    case EntryType::kSymlink:
      return '2';
    case EntryType::kCharDevice:
      return '3';
    case EntryType::kBlockDevice:
      return '4';
    case EntryType::kDirectory:
      return '5';
    case EntryType::kFifo:
      return '6';
  }
  return '0';
}

bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(),
                     [](char c) { return static_cast<unsigned char>(c) < 0x80; });
}

// For readers that do not know pax: what of the name fits.
std::string ascii_part(std::string_view text, std::size_t limit) {
  std::string part;
  for (const char c : text)
    if (part.size() < limit && static_cast<unsigned char>(c) < 0x80) part += c;
  return part;
}

// Where a long name may be cut in prefix and name, or npos. Both parts must have bytes.
std::size_t split_point(std::string_view name) {
  if (name.size() > field::kPrefix.size + 1 + field::kName.size) return std::string_view::npos;
  // The first slash that leaves a name that fits; a later one would only lengthen the prefix.
  const std::size_t first = name.size() - field::kName.size - 1;
  const std::size_t slash = name.find('/', first);
  const bool fits = slash != std::string_view::npos && slash > 0 && slash <= field::kPrefix.size &&
                    slash + 1 < name.size();
  return fits ? slash : std::string_view::npos;
}

void put_name(std::string_view name, Block& block, Records& records) {
  if (is_ascii(name) && name.size() <= field::kName.size) {
    put_text(block, field::kName, name);
    return;
  }
  const std::size_t split = is_ascii(name) ? split_point(name) : std::string_view::npos;
  if (split != std::string_view::npos) {
    put_text(block, field::kPrefix, name.substr(0, split));
    put_text(block, field::kName, name.substr(split + 1));
    return;
  }
  records["path"] = name;
  put_text(block, field::kName, ascii_part(name, field::kName.size));
}

void put_link(std::string_view link, Block& block, Records& records) {
  if (!is_ascii(link) || link.size() > field::kLink.size) records["linkpath"] = link;
  put_text(block, field::kLink, ascii_part(link, field::kLink.size));
}

void put_number(const char* key, std::uint64_t value, Field where, Block& block, Records& records) {
  if (put_octal(block, where, value)) return;
  records[key] = std::to_string(value);
  put_octal(block, where, 0);
}

void put_magic(Block& block) {
  put_text(block, field::kMagic, std::string_view("ustar\00000", 8));
}

// The header of an entry; what does not fit goes to `records`.
Block to_header(const Entry& entry, Records& records) {
  Block block{};
  std::string name = entry.path.empty() ? "." : entry.path;
  if (entry.type == EntryType::kDirectory) name += '/';
  put_name(name, block, records);
  if (!entry.link.empty()) put_link(entry.link, block, records);
  put_octal(block, field::kMode, entry.mode);
  put_number("uid", entry.uid, field::kUid, block, records);
  put_number("gid", entry.gid, field::kGid, block, records);
  put_number("size", entry.type == EntryType::kFile ? entry.size : 0, field::kSize, block, records);
  if (entry.mtime_s < 0 ||
      !put_octal(block, field::kMtime, static_cast<std::uint64_t>(entry.mtime_s))) {
    records["mtime"] = std::to_string(entry.mtime_s);
    put_octal(block, field::kMtime, 0);
  }
  block[field::kType.offset] = flag_of(entry.type);
  put_magic(block);
  put_octal(block, field::kDevMajor, entry.dev_major);
  put_octal(block, field::kDevMinor, entry.dev_minor);
  for (const auto& [xattr, value] : entry.xattrs) records[std::string(kXattrKey) + xattr] = value;
  put_checksum(block);
  return block;
}

// The header of the extended header itself: nothing in it varies but name and size.
Block to_pax_header(const Entry& entry, std::size_t size) {
  Block block{};
  const std::size_t slash = entry.path.rfind('/');
  const std::string_view base = slash == std::string::npos
                                    ? std::string_view(entry.path)
                                    : std::string_view(entry.path).substr(slash + 1);
  put_text(block, field::kName, "PaxHeaders.0/" + ascii_part(base, 80));
  put_octal(block, field::kMode, 0644);
  put_octal(block, field::kUid, 0);
  put_octal(block, field::kGid, 0);
  put_octal(block, field::kSize, size);
  put_octal(block, field::kMtime, 0);
  block[field::kType.offset] = 'x';
  put_magic(block);
  put_checksum(block);
  return block;
}

// Holds for what TarReader gives; keeps entries that it would refuse from being written.
Result<void> check(const Entry& entry) {
  const Result<std::string> path = parse_path(entry.path);
  if (!path || *path != entry.path) return fail(Errc::kInvalid, "not a clean relative path");
  if (entry.path.empty() && entry.type != EntryType::kDirectory)
    return fail(Errc::kInvalid, "the root must be a directory");
  // The trailing slash counts for readers with the same limit.
  if (entry.path.size() + 1 > kMaxPathBytes) return fail(Errc::kInvalid, "path is too long");
  const bool is_link = entry.type == EntryType::kHardlink || entry.type == EntryType::kSymlink;
  if (is_link == entry.link.empty())
    return fail(Errc::kInvalid, is_link ? "link without a target" : "target of what is no link");
  if (entry.link.size() > kMaxPathBytes || entry.link.find('\0') != std::string::npos)
    return fail(Errc::kInvalid, "bad link target");
  if (entry.type == EntryType::kHardlink) {
    const Result<std::string> target = parse_path(entry.link);
    if (!target || *target != entry.link)
      return fail(Errc::kInvalid, "target is not a clean relative path");
  }
  if (entry.mode > 07777) return fail(Errc::kInvalid, "mode has more than 12 bits");
  if (entry.size >> 63 != 0 || entry.uid >> 63 != 0 || entry.gid >> 63 != 0)
    return fail(Errc::kInvalid, "number is too large");
  if (entry.dev_major >= 1U << 12 || entry.dev_minor >= 1U << 20)
    return fail(Errc::kInvalid, "device number is too large");
  for (const auto& [name, value] : entry.xattrs) {
    if (name.empty() || name.find('\0') != std::string::npos)
      return fail(Errc::kInvalid, "bad name of an extended attribute");
    if (name.find('=') != std::string::npos)
      return fail(
          Errc::kUnsupported,
          "tar cannot hold an extended attribute with \"=\" in its name: " + printable(name));
  }
  return {};
}

}  // namespace

Result<void> TarWriter::end_content() const {
  if (left_ > 0)
    return fail(Error{.code = Errc::kInvalid,
                      .message = std::to_string(left_) + " bytes of content are missing"}
                    .in("tar entry " + printable(path_)));
  LICHEN_ASSERT(!finished_);
  return {};
}

Result<void> TarWriter::add(const Entry& entry) {
  TRY(end_content());
  if (Result<void> valid = check(entry); !valid)
    return fail(std::move(valid).error().in("tar entry " + printable(entry.path)));
  Records records;
  const Block header = to_header(entry, records);
  std::string bytes;
  if (!records.empty()) {
    const std::string pax = to_pax(records);
    if (pax.size() > kMaxPaxBytes)
      return fail(Error{.code = Errc::kInvalid, .message = "extended attributes are too long"}.in(
          "tar entry " + printable(entry.path)));
    const Block pax_header = to_pax_header(entry, pax.size());
    bytes.append(pax_header.data(), pax_header.size());
    bytes += pax;
    bytes.append(padding_of(pax.size()), '\0');
  }
  bytes.append(header.data(), header.size());
  path_ = entry.path;
  left_ = entry.type == EntryType::kFile ? entry.size : 0;
  padding_ = padding_of(left_);
  return to_.write(bytes);
}

Result<void> TarWriter::write(std::string_view content) {
  if (content.size() > left_)
    return fail(Error{.code = Errc::kInvalid, .message = "content is longer than its size says"}.in(
        "tar entry " + printable(path_)));
  if (content.empty()) return {};
  TRY(to_.write(content));
  left_ -= content.size();
  return left_ == 0 && padding_ > 0 ? to_.write({kZeros, padding_}) : Result<void>();
}

Result<void> TarWriter::finish() {
  TRY(end_content());
  finished_ = true;
  return to_.write({kZeros, sizeof kZeros});
}

}  // namespace lichen::archive
