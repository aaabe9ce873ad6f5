// Build contexts: what PATH, URL or "-" of `lichen build`, and the values of --build-context, are.
//
//   Contexts contexts(request, {.open_store = …, .steps = steps});
//   const Context& main = *TRY(contexts.open("context"));
//
// A directory stays where it is, and is its owner's. What comes from standard input or a server is
// *foreign*: it is unpacked into a directory of the store, which goes with the Contexts. Each
// context is opened when it is first asked for, once. Thread-safe.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <map>
#include <mutex>
#include <optional>
#include <string>
#include <vector>

#include "attest/provenance.h"
#include "base/result.h"
#include "build/request.h"
#include "build/secrets.h"
#include "build/steps.h"
#include "dockerfile/git_reference.h"
#include "fetch/download.h"
#include "ops/fetched.h"
#include "store/store.h"

namespace lichen::build {

struct Context {
  std::string directory;                  // absolute
  bool is_foreign = false;                // its files are opened with os::open_beneath
  std::optional<std::string> dockerfile;  // it was nothing but this text; the directory is empty
  // SOURCE_DATE_EPOCH=context: of the commit, the download, else the archive's newest entry.
  std::optional<std::int64_t> time;
  std::optional<attest::Origin> origin = {};  // of what was fetched
};

// Not a directory: an image (docker-image://, oci-layout://) or something to fetch.
bool is_remote_source(const std::string& source);
bool is_http_url(const std::string& source);

class Contexts {
 public:
  struct Options {
    std::function<Result<store::Store*>()> open_store;  // foreign contexts need one
    Steps& steps;
    const Secrets& secrets;  // for who wants to be asked with them (ops/fetched.h says which)
    const std::atomic<bool>* cancelled = nullptr;
  };
  // The request is borrowed.
  Contexts(const Request& request, Options options);
  ~Contexts();
  Contexts(const Contexts&) = delete;
  Contexts& operator=(const Contexts&) = delete;

  // "context" is the main one. Valid as long as the Contexts.
  Result<const Context*> open(const std::string& name);
  // The text behind the URL of a Dockerfile.
  Result<std::string> read_url(const std::string& url);
  // Context::time of any source, which is not unpacked; of a directory none.
  Result<std::optional<std::int64_t>> time_of(const std::string& source);

 private:
  Result<Context> open_source(const std::string& source, bool is_main);
  Result<Context> read_input();
  Result<Context> download(const std::string& url, bool is_main);
  Result<fetch::Download> get(const std::string& key, const std::string& url);
  Result<Context> clone(const dockerfile::GitReference& git);
  Result<std::optional<std::int64_t>> fetch_time(const std::string& source, const std::string& key);
  Result<Context> read(Source& bytes, const char* what);
  Result<std::string> make_directory();
  Result<ops::FetchAccess> access();
  // Ends the step.
  Result<Context> finish(const std::string& key, Result<Context> context);

  const Request& request_;
  const Options options_;
  std::mutex mutex_;
  std::map<std::string, Context> opened_;
  std::map<std::string, std::optional<std::int64_t>> times_;  // by source
  std::vector<std::string> temporary_;                        // directories
};

}  // namespace lichen::build
