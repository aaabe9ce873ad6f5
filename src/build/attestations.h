// What a build says about its results: the statements that --attest asks for.
//
//   Attestations attestations({.request = request, …});
//   if (is_attested(request, output)) … attestations.of_image(0, platform, image, names) …
//
// One for each platform. Borrows what it is made of; the graph's sources have been asked what they
// are. One thread.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "attest/statement.h"
#include "base/result.h"
#include "build/context.h"
#include "build/request.h"
#include "build/sbom.h"
#include "build/sources.h"
#include "graph/graph.h"
#include "image/assemble.h"
#include "ops/runner.h"

namespace lichen::build {

std::string rfc3339_now();

// A statement's name as a file beside a tree.
struct NamedStatement {
  std::string filename;
  attest::Statement statement;
};

// Whether any go with `output`, which may be for a part of them alone.
bool is_attested(const Request& request, const Output& output);

class Attestations {
 public:
  struct Options {
    const Request& request;
    const Sources& sources;
    const Context& context;  // the main one
    const graph::Graph& graph;
    const ops::Runner& runner;
    std::string started;                               // rfc3339_now()
    std::vector<std::optional<graph::Input>> results;  // of each platform
    std::vector<std::vector<ScanFile>> scans;          // of each platform, if there is an SBOM
  };
  explicit Attestations(Options options);

  // About the image of platform number `at`, called `names` (canonical references).
  Result<std::vector<attest::Statement>> of_image(std::size_t at, const oci::Platform& platform,
                                                  const image::Assembled& image,
                                                  const std::vector<std::string>& names) const;
  // About files.
  Result<std::vector<NamedStatement>> of_tree(std::size_t at,
                                              const std::vector<attest::Subject>& files) const;

 private:
  Result<std::vector<NamedStatement>> sboms(std::size_t at,
                                            const std::vector<attest::Subject>& subjects) const;
  attest::Statement provenance(std::size_t at, const std::vector<oci::Descriptor>& layers,
                               const std::vector<attest::Subject>& subjects) const;

  Options options_;
  std::map<std::string, std::string> arguments_, vcs_;
  std::map<graph::VertexId, attest::Origin> fetched_;
  std::string invocation_;
};

}  // namespace lichen::build
