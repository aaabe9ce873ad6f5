// Blobs: files named by their digest. A file without a row in the database does not exist (a crash
// came between); a row whose file is absent or has another size does not count either.

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "base/text.h"
#include "store/db.h"
#include "store/leases.h"
#include "store/session.h"
#include "store/store.h"

namespace lichen::store {

BlobWriter::BlobWriter(Store& store, std::string path, os::UniqueFd fd)
    : store_(store), path_(std::move(path)), file_(std::move(fd), path_), sink_(&file_) {}

BlobWriter::~BlobWriter() {
  if (!path_.empty()) ::unlink(path_.c_str());
}

Result<void> BlobWriter::write(std::string_view bytes) {
  auto written = sink_.write(bytes);
  if (!written) return fail(std::move(written).error().in("writing a blob to the store"));
  return {};
}

Result<Digest> BlobWriter::commit(const std::optional<Digest>& expected,
                                  std::optional<std::uint64_t> size) {
  LICHEN_ASSERT(!path_.empty());
  TRY(sink_.close());
  const Digest& digest = sink_.digest();
  if (size && *size != sink_.bytes())
    return fail(Errc::kCorrupt, "wrong size: " + std::to_string(sink_.bytes()) +
                                    " bytes came, expected were " + std::to_string(*size));
  if (expected && !expected->empty() && *expected != digest)
    return fail(Errc::kCorrupt, "wrong digest: the bytes that came have " + digest.text() +
                                    ", expected was " + expected->text());
  TRY(store_.place_blob(path_, digest, sink_.bytes()));
  path_.clear();
  return digest;
}

std::string Store::blob_path(const Digest& digest) const {
  return path_ + "/blobs/sha256/" + digest.hex();
}

Result<std::unique_ptr<BlobWriter>> Store::write_blob() {
  std::string path = TRY(temporary_path());
  os::UniqueFd fd = TRY(os::open(path, O_WRONLY | O_CREAT | O_EXCL, 0600));
  return std::unique_ptr<BlobWriter>(new BlobWriter(*this, std::move(path), std::move(fd)));
}

Result<Digest> Store::put_blob(std::string_view bytes) {
  const Digest digest = sha256(bytes);
  if (has_blob(digest)) return digest;
  const auto writer = TRY(write_blob());
  TRY(writer->write(bytes));
  return writer->commit(digest, bytes.size());
}

Result<void> Store::import_blob(const std::string& path, const Digest& digest, std::uint64_t size) {
  const os::UniqueFd fd = TRY(os::open(path, O_RDONLY | O_NOFOLLOW));
  const struct ::stat status = TRY(os::fstat(fd));
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != size)
    return fail(Errc::kCorrupt, path + " does not have " + std::to_string(size) + " bytes");
  return place_blob(path, digest, size);
}

// The file first: a crash in between leaves a file that nobody sees, and that the same blob, when
// it comes again, replaces.
Result<void> Store::place_blob(const std::string& temporary, const Digest& digest,
                               std::uint64_t size) {
  TRY(leases_->hold(Leases::of(digest)));
  TRY(os::rename(temporary, blob_path(digest)));
  (void)TRY(
      db_->query("INSERT OR REPLACE INTO blobs(digest, size, session, boot, durable)"
                 " VALUES(?, ?, ?, ?, 0)",
                 {digest.text(), static_cast<std::int64_t>(size), session_->name(), boot_}));
  return {};
}

Result<std::optional<std::uint64_t>> Store::blob_size(const Digest& digest) {
  if (digest.empty()) return std::nullopt;
  TRY(leases_->hold(Leases::of(digest)));
  const Rows rows =
      TRY(db_->query("SELECT size, boot, durable FROM blobs WHERE digest = ?", {digest.text()}));
  if (rows.empty()) return std::nullopt;
  const auto size = static_cast<std::uint64_t>(number(rows[0][0]));
  struct ::stat status {};
  if (::lstat(blob_path(digest).c_str(), &status) < 0) return std::nullopt;
  if (!S_ISREG(status.st_mode) || static_cast<std::uint64_t>(status.st_size) != size)
    return std::nullopt;
  const bool trusted = number(rows[0][2]) != 0 || text(rows[0][1]) == boot_;
  if (!trusted && !TRY(verify_blob(digest))) return std::nullopt;
  return size;
}

// Of a blob that was not synced before the machine went down: its first use after that reads it.
Result<bool> Store::verify_blob(const Digest& digest) {
  os::FileSource file(TRY(os::open(blob_path(digest), O_RDONLY)), digest.text());
  HashingSource hashed(file);
  if (TRY(hashed.drain()) == digest) {
    (void)TRY(db_->query("UPDATE blobs SET boot = ? WHERE digest = ?", {boot_, digest.text()}));
    return true;
  }
  (void)TRY(db_->query("DELETE FROM blobs WHERE digest = ?", {digest.text()}));
  TRY(os::unlink(blob_path(digest)));
  return false;
}

bool Store::has_blob(const Digest& digest) {
  const auto size = blob_size(digest);
  return size && size->has_value();
}

Result<os::UniqueFd> Store::open_blob(const Digest& digest) {
  if (!TRY(blob_size(digest)))
    return fail(Errc::kNotFound, "the store has no blob " + digest.text());
  return os::open(blob_path(digest), O_RDONLY | O_NOFOLLOW);
}

Result<std::string> Store::read_blob(const Digest& digest) {
  const os::UniqueFd fd = TRY(open_blob(digest));
  auto bytes = os::read_file(fd, oci::kMaxDocumentBytes);
  if (!bytes) return fail(std::move(bytes).error().in("blob " + digest.text()));
  if (sha256(*bytes) != digest)
    return fail(Errc::kCorrupt, "wrong digest: blob " + digest.text() + " was damaged in the store",
                "remove " + blob_path(digest) + " and try again");
  return bytes;
}

}  // namespace lichen::store
