// Sources that are fetched from elsewhere: http(s) URLs and git repositories (ADD).
//
//   FetchedSources fetched(services);
//   Digest key = TRY(fetched.key(vertex, source));        // what is there now: asks the network
//   TRY(fetched.fill(vertex, source, store.fs_path(id)));  // and that into an empty directory
//
// A download is a file with mode 0600 and the time of Last-Modified (else 1970); a repository is
// its files, 0755 and 0644; all is owned by 0:0. The key is made of the content: name, digest and
// time of a download, commit of a repository. With a checksum (of a repository: with a whole
// commit as the ref) the key is known without the network.
//
// Credentials: what the URL has, else the secrets HTTP_AUTH_HEADER_HOST, HTTP_AUTH_TOKEN_HOST,
// GIT_AUTH_HEADER.HOST, GIT_AUTH_TOKEN.HOST, GIT_AUTH_HEADER, GIT_AUTH_TOKEN; ssh has the agent
// "default". Services are borrowed. Thread-safe for different vertices.
#pragma once

#include <atomic>
#include <map>
#include <memory>
#include <mutex>
#include <optional>
#include <string>

#include "base/digest.h"
#include "base/result.h"
#include "fetch/download.h"
#include "fetch/git_repository.h"
#include "graph/graph.h"
#include "store/store.h"

namespace lichen::ops {

struct Services;

// What fetching needs beside the source. Borrowed.
struct FetchAccess {
  const store::Store& store;                          // keeps what was fetched
  const std::map<std::string, std::string>& secrets;  // id -> bytes
  const std::map<std::string, std::string>& agents;   // id -> an ssh agent's socket
  const std::atomic<bool>* cancelled = nullptr;
};
Result<fetch::GitRepository> open_repository(const FetchAccess& access, const std::string& url);
// Files on their way are in `scratch`, on the store's file system; "": beside what is kept.
fetch::Downloader::Options downloads_of(const FetchAccess& access, std::string scratch = {});
// Of a denial: how credentials are given.
Error with_advice(Error error);

bool is_fetched(const graph::SourceOp& source);
// The Authorization header for an http(s) URL that is no repository, or for one that is; "" none.
std::string http_authorization(const std::map<std::string, std::string>& secrets,
                               const std::string& url);
std::string git_authorization(const std::map<std::string, std::string>& secrets,
                              const std::string& url);

// What a source was found to be: "sha256" of a download, "sha1" or "sha256" of a commit.
struct SourceDigest {
  std::string algorithm, hex;
};

class FetchedSources {
 public:
  explicit FetchedSources(const Services& services);
  FetchedSources(const FetchedSources&) = delete;
  FetchedSources& operator=(const FetchedSources&) = delete;
  ~FetchedSources();

  // Whether key() asks the network.
  static bool is_remote(const graph::SourceOp& source);
  Result<Digest> key(graph::VertexId vertex, const graph::SourceOp& source);
  // What key() found; nullopt: it has not been asked.
  std::optional<SourceDigest> digest(graph::VertexId vertex) const;
  // What key() found, which comes first.
  Result<void> fill(graph::VertexId vertex, const graph::SourceOp& source,
                    const std::string& directory);

 private:
  struct Found {                              // by key()
    Digest digest;                            // of a download, as promised or as seen
    std::optional<fetch::Download> download;  // when its bytes came, too
    std::optional<fetch::GitRepository> repository;
    fetch::GitCommit commit;
  };

  Result<Digest> download_key(graph::VertexId vertex, const graph::SourceOp& source, Found& found);
  Result<Digest> git_key(const graph::SourceOp& source, Found& found);
  Result<fetch::Download> download(graph::VertexId vertex, const graph::SourceOp& source,
                                   const Digest& checksum, bool want_bytes);
  Result<fetch::Downloader*> downloader();
  FetchAccess access() const;
  Found& found(graph::VertexId vertex);

  const Services& services_;
  mutable std::mutex mutex_;                // of what follows
  std::map<graph::VertexId, Found> found_;  // a value belongs to who works on the vertex
  std::string scratch_;                     // a directory, when there is a downloader
  std::unique_ptr<fetch::Downloader> downloader_;
};

}  // namespace lichen::ops
