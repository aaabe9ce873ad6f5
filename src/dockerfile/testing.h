// Fakes for tests of the Dockerfile front end and of those who use it.
#pragma once

#include <map>
#include <string>
#include <vector>

#include "dockerfile/lower.h"

namespace lichen::dockerfile {

// Answers a small image for every reference but "missing"; keeps what was asked.
class FakeImages final : public Images {
 public:
  Result<ResolvedImage> resolve(const std::string& reference,
                                const oci::Platform& platform) override {
    asked.push_back(reference);
    if (reference == "missing") return fail(Errc::kNotFound, "missing: not found");
    if (const auto known = images.find(reference); known != images.end()) return known->second;
    ResolvedImage image;
    const std::string digest = sha256(reference).text();
    image.identifier = reference.compare(0, 13, "oci-layout://") == 0
                           ? "oci-layout://layout@" + digest
                           : "docker-image://docker.io/library/" + reference + "@" + digest;
    image.config.platform = platform;
    image.config.env = {"PATH=/usr/bin:/bin", "FROM_BASE=yes"};
    image.config.cmd = std::vector<std::string>{"bash"};
    image.config.diff_ids = {sha256("layer of " + reference)};
    image.config.history = {{.created = "2026-01-01T00:00:00Z", .created_by = "base layer"}};
    return image;
  }

  Result<std::optional<std::int64_t>> time_of(const std::string& source) override {
    const auto known = times.find(source);
    return known == times.end() ? std::nullopt : std::optional(known->second);
  }

  std::map<std::string, ResolvedImage> images;
  std::map<std::string, std::int64_t> times;
  std::vector<std::string> asked;
};

}  // namespace lichen::dockerfile
