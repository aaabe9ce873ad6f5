// Where an image is, in the words that skopeo's users type:
//
//   docker://REF             a registry
//   oci:DIR[:NAME|@DIGEST]   an OCI image layout        oci-archive:FILE[:…]   one as a tar archive
//   docker-archive:FILE[:REF]  what `docker save` writes, and `docker load` reads
//   dir:DIR                  skopeo's directory of blobs
//   NAME, or store:NAME      the local store
//
// FILE may be "-": standard input or output. Pure.
#pragma once

#include <string>
#include <string_view>

#include "base/result.h"
#include "oci/reference.h"

namespace lichen::transfer {

enum class Transport {
  kStore,
  kRegistry,
  kOciDirectory,
  kOciArchive,
  kDockerArchive,
  kDirectory,
};

struct Place {
  Transport transport = Transport::kStore;
  std::string path;  // of files
  // kStore: what the user calls the image. kRegistry and kDockerArchive: a reference. OCI layouts:
  // the image's name there, or its digest. "": the only one.
  std::string name;

  friend bool operator==(const Place&, const Place&) = default;
};

Result<Place> parse_place(std::string_view text);
std::string to_text(const Place& place);

}  // namespace lichen::transfer
