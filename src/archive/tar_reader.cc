#include "archive/tar_reader.h"

#include <algorithm>
#include <cstring>
#include <utility>

#include "archive/pax.h"
#include "archive/sparse.h"
#include "archive/tar_header.h"
#include "archive/tar_input.h"
#include "base/text.h"

namespace lichen::archive {

namespace {

using Records = std::map<std::string, std::string>;

// What extended headers said about the entry that follows them.
struct Announced {
  bool any = false;
  std::optional<std::string> long_name;  // GNU 'L'
  std::optional<std::string> long_link;  // GNU 'K'
  PaxRecords pax;
};

std::optional<EntryType> entry_type_of(char flag) {
  switch (flag) {
    case '\0':
    case '0':
    case '7':  // contiguous file
    case 'S':  // old GNU sparse file
      return EntryType::kFile;
    case '1':
      return EntryType::kHardlink;
    case '2':
      return EntryType::kSymlink;
    case '3':
      return EntryType::kCharDevice;
    case '4':
      return EntryType::kBlockDevice;
    case '5':
    case 'D':  // GNU dump directory: has content, a list of names
      return EntryType::kDirectory;
    case '6':
      return EntryType::kFifo;
    default:
      return std::nullopt;
  }
}

std::string header_name(const Block& block) {
  const Dialect dialect = dialect_of(block);
  std::string name(text_of(block, field::kName));
  if (dialect == Dialect::kUstar || dialect == Dialect::kStar) {
    const std::string_view prefix =
        text_of(block, dialect == Dialect::kStar ? field::kStarPrefix : field::kPrefix);
    if (!prefix.empty()) name = std::string(prefix) + '/' + name;
  }
  return name;
}

Result<std::uint64_t> parse_unsigned(const Block& block, Field where) {
  const std::int64_t value = TRY(parse_number(bytes_of(block, where)));
  if (value < 0) return fail(Errc::kCorrupt, "negative number in the header");
  return static_cast<std::uint64_t>(value);
}

const std::string* find(const Records& records, const std::string& key) {
  const auto at = records.find(key);
  return at == records.end() ? nullptr : &at->second;
}

Result<std::uint64_t> parse_unsigned(const Block& block, Field where, const Records& records,
                                     const std::string& key) {
  if (const std::string* value = find(records, key)) return parse_decimal(*value);
  return parse_unsigned(block, where);
}

// An empty value takes a record back, except that an extended attribute may be empty.
void merge(const PaxRecords& from, Records& into) {
  for (const auto& [key, value] : from) {
    if (value.empty() && !starts_with(key, kXattrKey))
      into.erase(key);
    else
      into[key] = value;
  }
}

enum class SparseFormat { kNone, kOldGnu, kPaxRecords, kPaxContent };

SparseFormat sparse_format_of(const Block& block, const Records& records) {
  if (bytes_of(block, field::kType)[0] == 'S') return SparseFormat::kOldGnu;
  const std::string* major = find(records, "GNU.sparse.major");
  const std::string* minor = find(records, "GNU.sparse.minor");
  if (major != nullptr && *major == "1" && minor != nullptr && *minor == "0")
    return SparseFormat::kPaxContent;
  const bool in_records = find(records, "GNU.sparse.map") ||
                          find(records, "GNU.sparse.numblocks") || find(records, "GNU.sparse.size");
  return in_records ? SparseFormat::kPaxRecords : SparseFormat::kNone;
}

Result<void> parse_link(std::string_view raw, Entry& entry) {
  if (raw.empty()) return fail(Errc::kCorrupt, "link without a target");
  if (entry.type == EntryType::kHardlink) {
    entry.link = TRY(parse_path(raw));
    if (entry.link.empty()) return fail(Errc::kCorrupt, "hard link to the root directory");
    return {};
  }
  if (raw.find('\0') != std::string_view::npos)
    return fail(Errc::kCorrupt, "link target contains a NUL byte");
  if (raw.size() > kMaxPathBytes) return fail(Errc::kCorrupt, "link target is too long");
  entry.link = raw;
  return {};
}

Result<Entry> parse_entry(const Block& block, std::string_view raw_name, std::string_view raw_link,
                          EntryType type, const Records& records) {
  Entry entry;
  entry.path = TRY(parse_path(raw_name));
  entry.type = type;
  if (entry.path.empty() && entry.type != EntryType::kDirectory)
    return fail(Errc::kCorrupt, std::string("the root directory as a ") + to_text(entry.type));
  entry.mode = static_cast<unsigned>(TRY(parse_unsigned(block, field::kMode)) & 07777);
  entry.uid = TRY(parse_unsigned(block, field::kUid, records, "uid"));
  entry.gid = TRY(parse_unsigned(block, field::kGid, records, "gid"));
  if (const std::string* value = find(records, "mtime")) {
    const PaxTime time = TRY(parse_pax_time(*value));
    entry.mtime_s = time.seconds;
    entry.mtime_ns = time.nanoseconds;
  } else {
    entry.mtime_s = TRY(parse_number(bytes_of(block, field::kMtime)));
  }
  const bool link = entry.type == EntryType::kHardlink || entry.type == EntryType::kSymlink;
  if (link) TRY(parse_link(raw_link, entry));
  if (entry.type == EntryType::kCharDevice || entry.type == EntryType::kBlockDevice) {
    const std::uint64_t major = TRY(parse_unsigned(block, field::kDevMajor));
    const std::uint64_t minor = TRY(parse_unsigned(block, field::kDevMinor));
    // The kernel's limits (dev_t is 12 and 20 bits).
    if (major >= 1U << 12 || minor >= 1U << 20)
      return fail(Errc::kCorrupt, "device number is too large");
    entry.dev_major = static_cast<unsigned>(major);
    entry.dev_minor = static_cast<unsigned>(minor);
  }
  for (auto at = records.lower_bound(std::string(kXattrKey));
       at != records.end() && starts_with(at->first, kXattrKey); ++at) {
    std::string name = at->first.substr(kXattrKey.size());
    if (name.empty() || name.find('\0') != std::string::npos)
      return fail(Errc::kCorrupt, "bad name of an extended attribute");
    entry.xattrs.emplace(std::move(name), at->second);
  }
  return entry;
}

}  // namespace

struct TarReader::State {
  explicit State(Source& from) : input(from) {}

  TarInput input;
  Records global;
  std::optional<Error> failed;
  bool done = false;
  std::string name;  // of the current entry, and where we are: for errors
  std::string where = "first tar entry";

  // The content of the current entry.
  std::uint64_t stored_left = 0;
  std::uint64_t padding = 0;
  std::optional<SparseMap> sparse;
  std::size_t extent = 0;
  std::uint64_t position = 0;

  Result<std::optional<Entry>> advance();
  Result<void> end_content();
  Result<std::string> read_text(std::uint64_t size, std::size_t limit);
  Result<void> announce(char flag, std::uint64_t size, Announced& announced);
  Result<Entry> begin_entry(const Block& block, const Announced& announced);
  Result<void> begin_sparse(SparseFormat format, const Block& block, const PaxRecords& records);
  Result<void> check_end();
  Result<std::size_t> read(char* buffer, std::size_t size);
  Result<std::size_t> read_sparse(char* buffer, std::size_t size);

  tl::unexpected<Error> remember(Error error) {
    failed = std::move(error).in(where);
    return fail(*failed);
  }
};

TarReader::TarReader(Source& from) : state_(std::make_unique<State>(from)) {}
TarReader::~TarReader() = default;

Result<std::optional<Entry>> TarReader::next() {
  if (state_->failed) return fail(*state_->failed);
  if (state_->done) return std::nullopt;
  Result<std::optional<Entry>> entry = state_->advance();
  if (!entry) return state_->remember(std::move(entry).error());
  return entry;
}

Result<std::size_t> TarReader::read(char* buffer, std::size_t size) {
  if (state_->failed) return fail(*state_->failed);
  Result<std::size_t> count = state_->read(buffer, size);
  if (!count) return state_->remember(std::move(count).error());
  return count;
}

std::uint64_t TarReader::offset() const {
  return state_->input.offset();
}

bool TarReader::is_sparse() const {
  return state_->sparse.has_value();
}

Result<std::optional<Entry>> TarReader::State::advance() {
  TRY(end_content());
  if (!name.empty()) where = "after tar entry " + name;
  Announced announced;
  for (;;) {
    Block block;
    const bool more = TRY(input.read_block(block));
    if (!more || is_zero(block)) {
      if (announced.any)
        return fail(Errc::kCorrupt, "the tar archive ends after an extended header");
      if (more) TRY(check_end());
      done = true;
      return std::nullopt;
    }
    if (!checksum_matches(block))
      return fail(Errc::kCorrupt, "bad header checksum (is this a tar archive?)");
    const char flag = bytes_of(block, field::kType)[0];
    switch (flag) {
      case 'g':
      case 'x':
      case 'X':  // Solaris' name of 'x'
      case 'L':
      case 'K':
      case 'V':
        TRY(announce(flag, TRY(parse_unsigned(block, field::kSize)), announced));
        break;
      default:
        return TRY(begin_entry(block, announced));
    }
  }
}

// One zero block was read. Data behind it would be seen by some readers and not by others.
Result<void> TarReader::State::check_end() {
  Block block;
  if (TRY(input.read_block(block)) && !is_zero(block))
    return fail(Errc::kCorrupt, "data after a zero block");
  return {};
}

Result<void> TarReader::State::end_content() {
  TRY(input.skip(std::exchange(stored_left, 0)));
  TRY(input.skip(std::exchange(padding, 0)));
  sparse.reset();
  extent = 0;
  position = 0;
  return {};
}

Result<std::string> TarReader::State::read_text(std::uint64_t size, std::size_t limit) {
  if (size > limit)
    return fail(Errc::kCorrupt,
                "extended header of " + std::to_string(size) + " bytes is too long");
  std::string text(size, '\0');
  TRY(input.read_exactly(text.data(), text.size()));
  TRY(input.skip(padding_of(size)));
  return text;
}

Result<void> TarReader::State::announce(char flag, std::uint64_t size, Announced& announced) {
  switch (flag) {
    case 'V':  // a volume label is no file
      TRY(input.skip(size));
      return input.skip(padding_of(size));
    case 'g': {
      merge(TRY(parse_pax(TRY(read_text(size, kMaxPaxBytes)))), global);
      std::size_t bytes = 0;
      for (const auto& [key, value] : global) bytes += key.size() + value.size();
      if (bytes > kMaxPaxBytes) return fail(Errc::kCorrupt, "global headers are too long");
      return {};
    }
    case 'x':
    case 'X':
      announced.pax = TRY(parse_pax(TRY(read_text(size, kMaxPaxBytes))));
      break;
    default: {
      // Ends in a NUL, sometimes in several.
      std::string text = TRY(read_text(size, kMaxPathBytes + kBlockBytes));
      text.erase(text.find_last_not_of('\0') + 1);
      (flag == 'L' ? announced.long_name : announced.long_link) = std::move(text);
      break;
    }
  }
  announced.any = true;
  return {};
}

Result<Entry> TarReader::State::begin_entry(const Block& block, const Announced& announced) {
  Records records = global;
  merge(announced.pax, records);

  std::string raw_name = header_name(block);
  if (const std::string* value = find(records, "path")) raw_name = *value;
  if (announced.long_name) raw_name = *announced.long_name;
  if (const std::string* value = find(records, "GNU.sparse.name")) raw_name = *value;
  name = printable(raw_name.substr(0, kMaxPathBytes));
  where = "tar entry " + name;

  const char flag = bytes_of(block, field::kType)[0];
  std::optional<EntryType> type = entry_type_of(flag);
  if (!type)
    return fail(Errc::kUnsupported,
                "unknown type \"" + printable(std::string_view(&flag, 1)) + "\" of tar entry");
  // v7 knows no directories but by name.
  const bool by_name = (flag == '\0' || flag == '0') && ends_with(raw_name, "/");
  if (by_name) type = EntryType::kDirectory;

  std::string link(text_of(block, field::kLink));
  if (const std::string* value = find(records, "linkpath")) link = *value;
  if (announced.long_link) link = *announced.long_link;
  Entry entry = TRY(parse_entry(block, raw_name, link, *type, records));

  if (*type == EntryType::kFile || flag == 'D' || by_name) {
    stored_left = TRY(parse_unsigned(block, field::kSize, records, "size"));
    padding = padding_of(stored_left);
  }
  if (by_name && stored_left > 0) return fail(Errc::kCorrupt, "directory with content");
  const SparseFormat format = sparse_format_of(block, records);
  if (format != SparseFormat::kNone) {
    if (*type != EntryType::kFile) return fail(Errc::kCorrupt, "sparse map of what is no file");
    TRY(begin_sparse(format, block, announced.pax));
    entry.size = sparse->real_size;
  } else if (*type == EntryType::kFile) {
    entry.size = stored_left;
  } else {
    // A dump directory's content is for GNU tar's incremental restore only.
    TRY(end_content());
  }
  return entry;
}

Result<void> TarReader::State::begin_sparse(SparseFormat format, const Block& block,
                                            const PaxRecords& records) {
  SparseMap map;
  if (format == SparseFormat::kOldGnu) {
    map.real_size = TRY(parse_unsigned(block, field::kSparseRealSize));
    TRY(add_old_extents(bytes_of(block, field::kSparseExtents), map.extents));
    bool more = bytes_of(block, field::kSparseMore)[0] != '\0';
    while (more) {
      constexpr Field kExtents{0, 504};
      constexpr Field kMore{504, 1};
      Block extension;
      TRY(input.read_exactly(extension.data(), extension.size()));
      const std::size_t before = map.extents.size();
      TRY(add_old_extents(bytes_of(extension, kExtents), map.extents));
      more = bytes_of(extension, kMore)[0] != '\0';
      if (map.extents.size() == before && more)
        return fail(Errc::kCorrupt, "empty extension of a sparse map");
    }
  } else {
    map = TRY(parse_sparse_records(records));
  }
  if (format == SparseFormat::kPaxContent) {
    map.extents = TRY(read_sparse_map([this]() -> Result<Block> {
      if (stored_left < kBlockBytes) return fail(Errc::kCorrupt, "sparse map is truncated");
      Block part;
      TRY(input.read_exactly(part.data(), part.size()));
      stored_left -= part.size();
      return part;
    }));
  }
  TRY(check(map, stored_left));
  sparse = std::move(map);
  return {};
}

Result<std::size_t> TarReader::State::read(char* buffer, std::size_t size) {
  if (sparse) return read_sparse(buffer, size);
  const std::uint64_t wanted = std::min<std::uint64_t>(size, stored_left);
  if (wanted == 0) return 0;
  const std::size_t count = TRY(input.read_some(buffer, wanted));
  stored_left -= count;
  return count;
}

Result<std::size_t> TarReader::State::read_sparse(char* buffer, std::size_t size) {
  const std::vector<Extent>& extents = sparse->extents;
  while (extent < extents.size() && extents[extent].offset + extents[extent].size <= position)
    ++extent;
  const bool last = extent == extents.size();
  const std::uint64_t begin = last ? sparse->real_size : extents[extent].offset;
  if (position < begin) {
    const std::uint64_t count = std::min<std::uint64_t>(size, begin - position);
    std::memset(buffer, 0, count);
    position += count;
    return count;
  }
  if (last) return 0;
  const std::uint64_t end = begin + extents[extent].size;
  const std::uint64_t wanted = std::min<std::uint64_t>(size, end - position);
  if (wanted == 0) return 0;
  const std::size_t count = TRY(input.read_some(buffer, wanted));
  stored_left -= count;
  position += count;
  return count;
}

bool is_tar(std::string_view first_bytes) {
  Block block;
  if (first_bytes.size() < block.size()) return false;
  std::memcpy(block.data(), first_bytes.data(), block.size());
  return is_zero(block) || checksum_matches(block);
}

}  // namespace lichen::archive
