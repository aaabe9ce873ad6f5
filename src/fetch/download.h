// Files behind http(s) URLs: fetched whole or not at all, and not again while they are unchanged.
//
//   Downloader downloader({.directory = store.path() + "/downloads"});
//   Download file = TRY(downloader.get({.url = "https://host/a.tar.gz"}));
//   …  file.bytes.path(), file.digest, file.name, file.modified
//
// A small record beside the downloads remembers what the server called the bytes (ETag,
// Last-Modified) and their digest: the next get() asks with HEAD, and when nothing has changed that
// is all. With `keep` the bytes stay there, too; without it they are the caller's alone, and a
// later get() that wants them fetches them again. What the server sends is stored as it is: nothing
// is unpacked. Redirects are followed as registry::Transport does; "user:password@" of the URL goes
// to its origin only and is in no message.
//
// Errors: those of registry/transport.h; kNotFound (404, 410), kDenied (401, 403), kUnavailable
// (another status), kCorrupt (cut off; checksum). Thread-safe, also between processes.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"
#include "fetch/temporary_file.h"

namespace lichen::fetch {

struct DownloadRequest {
  std::string url;
  std::string name;           // what the file is to be called; "": the server or the URL says it
  Digest checksum;            // empty: any bytes
  bool want_bytes = true;     // false: Download::bytes may be absent when nothing has changed
  bool keep = false;          // leave the bytes for the next time
  std::string authorization;  // of the Authorization header, for the URL's origin; "": the URL's
  // Bytes so far and in total (0: unknown), from the calling thread.
  std::function<void(std::uint64_t bytes, std::uint64_t total)> progress;
};

struct Download {
  Digest digest;
  std::uint64_t size = 0;
  std::string name;                      // one component; never "", "." or ".."
  std::optional<std::int64_t> modified;  // Last-Modified, seconds since 1970
  std::string media_type;                // Content-Type, as it came
  // A file of its own, 0600, removed with this value unless moved away. Its inode is shared with
  // what is kept (`keep`): then it is not to be changed. Invalid: see `want_bytes`.
  TemporaryFile bytes;
};

class Downloader {
 public:
  struct Options {
    std::string directory;  // made when it is not there; for this class alone
    std::string scratch;    // for files on their way, on the same file system; "": `directory`
    std::function<bool()> cancelled;  // asked often, from the calling threads
    std::string ca_file;              // "": $SSL_CERT_FILE, else the host's
    int connect_timeout_ms = 10'000;
    int stall_ms = 60'000;  // less than a byte a second for so long counts as broken
  };
  // Touches neither disk nor network.
  explicit Downloader(Options options);
  ~Downloader();
  Downloader(const Downloader&) = delete;
  Downloader& operator=(const Downloader&) = delete;

  Result<Download> get(const DownloadRequest& request);

 private:
  struct Parts;
  std::unique_ptr<Parts> parts_;
};

}  // namespace lichen::fetch
