// --attest, --provenance and --sbom as data. Pure.
//
//   TRY(take_attestation("type=provenance,mode=max", request.attestations));
#pragma once

#include <map>
#include <optional>
#include <string>

#include "attest/provenance.h"
#include "base/result.h"

namespace lichen::build {

struct ProvenanceRequest {
  attest::ProvenanceOptions options;
  bool inline_only = false;                  // not as a file beside a tree, or in an archive
  std::string filename = "provenance.json";  // beside a tree
};
struct SbomRequest {
  std::string generator;                          // a reference to an image
  std::map<std::string, std::string> parameters;  // for it, as BUILDKIT_SCAN_NAME
};
struct AttestationRequest {
  std::optional<ProvenanceRequest> provenance;
  std::optional<SbomRequest> sbom;

  bool empty() const { return !provenance && !sbom; }
};

// "type=provenance|sbom[,KEY=VALUE]"; `disabled=true` takes back what was asked for before.
Result<void> take_attestation(const std::string& text, AttestationRequest& request);
// The value of --provenance and --sbom, which is `type`: a boolean, or the rest of the above; and
// of BuildKit's build arguments BUILDKIT_ATTEST_PROVENANCE and BUILDKIT_ATTEST_SBOM.
Result<void> take_attestation(const std::string& type, const std::string& text,
                              AttestationRequest& request);

}  // namespace lichen::build
