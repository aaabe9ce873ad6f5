// --annotation, and the attributes `annotation…` of --output: notes on manifests, indexes and what
// names them.
//
//   for (Annotation& one : TRY(parse_annotations("index,manifest[linux/arm64]:key=value"))) …
//   annotations_of(all, AnnotationPlace::kManifest, &platform)   // key -> value
//
// As with compression, those of one output are those of all of a build. Pure.
#pragma once

#include <map>
#include <optional>
#include <string>
#include <vector>

#include "base/result.h"
#include "oci/types.h"

namespace lichen::build {

enum class AnnotationPlace { kManifest, kManifestDescriptor, kIndex, kIndexDescriptor };

struct Annotation {
  AnnotationPlace place = AnnotationPlace::kManifest;
  std::optional<oci::Platform> platform;  // normalised; empty: of every platform
  std::string key, value;
};

// "[TYPE[,TYPE]:]KEY=VALUE"; a TYPE may be followed by "[PLATFORM]". An empty text has none.
Result<std::vector<Annotation>> parse_annotations(const std::string& text);

// An attribute of --output: "annotation[-TYPE][[PLATFORM]].KEY". nullopt: another attribute.
Result<std::optional<Annotation>> parse_annotation_attribute(const std::string& name,
                                                             const std::string& value);

// Those that an index, which is of no platform, or an image of `platform` has.
std::map<std::string, std::string> annotations_of(const std::vector<Annotation>& all,
                                                  AnnotationPlace place,
                                                  const oci::Platform* platform);
struct Request;
// Mistakes that can be told before building.
Result<void> check_annotations(const Request& request);

}  // namespace lichen::build
