#include "build/annotations.h"

#include <gtest/gtest.h>

#include "build/request.h"

namespace lichen::build {
namespace {

using Map = std::map<std::string, std::string>;

std::string text_of(const Annotation& one) {
  constexpr const char* kPlaces[] = {"manifest", "manifest-descriptor", "index",
                                     "index-descriptor"};
  return std::string(kPlaces[static_cast<int>(one.place)]) +
         (one.platform ? "[" + oci::to_text(*one.platform) + "]" : "") + " " + one.key + "=" +
         one.value;
}

std::string parsed(const std::string& text) {
  const auto annotations = parse_annotations(text);
  if (!annotations) return to_text(annotations.error());
  std::string all;
  for (const Annotation& one : *annotations) all += text_of(one) + ";";
  return all;
}

TEST(Annotations, AreReadAsBuildxReadsThem) {
  const struct {
    const char *text, *want;
  } rows[] = {
      {"", ""},
      {"a=b", "manifest a=b;"},
      {"a.B=c=d:e", "manifest a.B=c=d:e;"},
      {"index:a=b", "index a=b;"},
      {"index,manifest-descriptor:a=b", "index a=b;manifest-descriptor a=b;"},
      {"manifest[linux/arm64/v8],index-descriptor:a=b",
       "manifest[linux/arm64] a=b;index-descriptor a=b;"},
      {"a", "\"a\" is not [TYPE:]KEY=VALUE"},
      {"=b", "\"=b\" names no key"},
      {"indx:a=b", "unknown annotation type \"indx\""},
      {"manifest[linux/arm64:a=b", "\"manifest[linux/arm64\" is not TYPE[PLATFORM]"},
  };
  for (const auto& row : rows) EXPECT_EQ(parsed(row.text), row.want) << row.text;
}

TEST(Annotations, AreAttributesOfOutputsToo) {
  const struct {
    const char *name, *want;
  } rows[] = {
      {"annotation.a.b", "manifest a.b=v"},
      {"annotation-index.a", "index a=v"},
      {"annotation[linux/amd64].a", "manifest[linux/amd64] a=v"},
      {"annotation-manifest-descriptor[windows(1.2)/amd64].a[b].c",
       "manifest-descriptor[windows(1.2)/amd64] a[b].c=v"},
      {"annotation.a[b].c", "manifest a[b].c=v"},
      {"annotations.a", "-"},
      {"annotation", "-"},
      {"compression", "-"},
      {"annotation-x.a", "unknown annotation type \"x\""},
      {"annotation.", "\"annotation.\" names no key"},
  };
  for (const auto& row : rows) {
    const auto found = parse_annotation_attribute(row.name, "v");
    const std::string got = !found ? to_text(found.error()) : *found ? text_of(**found) : "-";
    EXPECT_EQ(got, row.want) << row.name;
  }
}

TEST(Annotations, OfAPlatformCountMoreThanThoseOfAll) {
  const auto all = parse_annotations("manifest,manifest[linux/arm64],index:a=0");
  ASSERT_TRUE(all);
  std::vector<Annotation> some = *all;
  some[1].value = "1";
  const oci::Platform arm{.os = "linux", .architecture = "arm64", .variant = "v8"}, amd;
  EXPECT_EQ(annotations_of(some, AnnotationPlace::kManifest, &arm), (Map{{"a", "1"}}));
  EXPECT_EQ(annotations_of(some, AnnotationPlace::kManifest, &amd), (Map{{"a", "0"}}));
  EXPECT_EQ(annotations_of(some, AnnotationPlace::kIndex, nullptr), (Map{{"a", "0"}}));
  EXPECT_EQ(annotations_of(some, AnnotationPlace::kIndexDescriptor, nullptr), Map{});
}

TEST(Annotations, MistakesAreToldBeforeBuilding) {
  const auto checked = [](const std::string& annotation, const std::vector<const char*>& platforms,
                          const std::string& output) {
    Request request;
    request.annotations = parse_annotations(annotation).value();
    for (const char* platform : platforms)
      request.platforms.push_back(oci::normalised(oci::parse_platform(platform).value()));
    if (!output.empty()) request.outputs.push_back(parse_output(output).value());
    const auto done = check_annotations(request);
    return done ? std::string("good") : to_text(done.error());
  };
  EXPECT_EQ(checked("a=b", {}, ""), "good");
  EXPECT_EQ(checked("index:a=b", {"linux/arm64", "linux/amd64"}, ""), "good");
  EXPECT_EQ(checked("index:a=b", {"linux/arm64"}, ""),
            "index annotations not supported for single platform export");
  EXPECT_EQ(checked("manifest[linux/arm64]:a=b", {"linux/arm64"}, ""), "good");
  EXPECT_EQ(checked("manifest[linux/s390x]:a=b", {"linux/arm64"}, ""),
            "invalid annotation: no platform linux/s390x is built");
  EXPECT_EQ(checked("a=b", {}, "type=local,dest=x"),
            "--annotation: none of the outputs is an image");
  EXPECT_EQ(checked("a=b", {}, "type=oci,dest=x,oci-mediatypes=false"),
            "--annotation: oci-mediatypes=false: docker's documents have no annotations");
}

}  // namespace
}  // namespace lichen::build
