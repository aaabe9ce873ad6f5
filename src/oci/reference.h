// Image references as docker understands them: [domain[:port]/]path[:tag][@digest].
//
//   Reference ref = TRY(parse_reference("debian"));
//   to_text(ref) == "docker.io/library/debian:latest"
//
// Normalisation: no domain means docker.io, one-component docker.io paths get "library/", no tag
// and no digest means :latest. A first component is a domain when it has a dot or a colon or is
// "localhost". Repository names are lower-case. Source: distribution/reference grammar.
#pragma once

#include <string>
#include <string_view>

#include "base/digest.h"
#include "base/result.h"

namespace lichen::oci {

struct Reference {
  std::string domain;      // "docker.io", "127.0.0.1:5000", "[::1]:5000"
  std::string repository;  // "library/debian"
  std::string tag;         // may be empty when there is a digest
  Digest digest;           // may be empty

  friend bool operator==(const Reference&, const Reference&) = default;
};

Result<Reference> parse_reference(std::string_view text);
std::string to_text(const Reference& reference);        // canonical, with tag and digest
std::string familiar_text(const Reference& reference);  // "debian:latest", as people type it

}  // namespace lichen::oci
