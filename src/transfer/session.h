// What copying between places stands on: the store, if one of the places is there, a registry
// client, and a directory for files without a name. No keeper: nothing is unpacked.
#pragma once

#include <atomic>
#include <memory>
#include <string>

#include "base/result.h"
#include "registry/host_client.h"
#include "store/store.h"
#include "transfer/image_source.h"

namespace lichen::transfer {

struct SessionOptions {
  bool with_store = false;
  std::string root;  // of the store; empty: chosen by store::choose_root
  bool tls_verify = true;
  const std::atomic<bool>* cancelled = nullptr;
};

class Session {
 public:
  static Result<std::unique_ptr<Session>> open(const SessionOptions& options);

  Services services() const;                 // borrows from this
  store::Store& store() { return *store_; }  // only with_store

 private:
  Session() = default;
  std::unique_ptr<store::Store> store_;
  registry::HostClient registry_;
  std::string staging_;
};

}  // namespace lichen::transfer
