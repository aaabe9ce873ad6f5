#include "build/annotations.h"

#include <algorithm>

#include "base/boolean.h"
#include "base/hint.h"
#include "base/text.h"
#include "build/request.h"

namespace lichen::build {

namespace {

Result<AnnotationPlace> place_of(const std::string& type) {
  const std::map<std::string, AnnotationPlace> places = {
      {"manifest", AnnotationPlace::kManifest},
      {"manifest-descriptor", AnnotationPlace::kManifestDescriptor},
      {"index", AnnotationPlace::kIndex},
      {"index-descriptor", AnnotationPlace::kIndexDescriptor}};
  if (const auto found = places.find(type); found != places.end()) return found->second;
  std::vector<std::string> names;
  for (const auto& [name, place] : places) names.push_back(name);
  return fail(Errc::kInvalid, "unknown annotation type \"" + printable(type) + "\"",
              hint_for(type, names));
}

// "TYPE" or "TYPE[PLATFORM]".
Result<Annotation> parse_type(const std::string& text) {
  const std::size_t open = text.find('[');
  Annotation annotation{.place = TRY(place_of(text.substr(0, open))), .platform = {}};
  if (open == std::string::npos) return annotation;
  if (text.back() != ']')
    return fail(Errc::kInvalid, "\"" + printable(text) + "\" is not TYPE[PLATFORM]");
  annotation.platform = oci::normalised(
      TRY(oci::parse_platform(std::string_view(text).substr(open + 1, text.size() - open - 2))));
  return annotation;
}

bool is_of_index(const Annotation& annotation) {
  return annotation.place == AnnotationPlace::kIndex ||
         annotation.place == AnnotationPlace::kIndexDescriptor;
}

}  // namespace

Result<std::vector<Annotation>> parse_annotations(const std::string& text) {
  std::vector<Annotation> annotations;
  if (text.empty()) return annotations;
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos)
    return fail(Errc::kInvalid, "\"" + printable(text) + "\" is not [TYPE:]KEY=VALUE");
  const std::string value = text.substr(equals + 1);
  std::string key = text.substr(0, equals), types = "manifest";
  if (const std::size_t colon = key.find(':'); colon != std::string::npos) {
    types = key.substr(0, colon);
    key.erase(0, colon + 1);
  }
  if (key.empty()) return fail(Errc::kInvalid, "\"" + printable(text) + "\" names no key");
  for (const std::string& type : split(types, ',')) {
    annotations.push_back(TRY(parse_type(type)));
    annotations.back().key = key;
    annotations.back().value = value;
  }
  return annotations;
}

Result<std::optional<Annotation>> parse_annotation_attribute(const std::string& name,
                                                             const std::string& value) {
  constexpr std::string_view kPrefix = "annotation";
  const std::size_t bracket = name.find('['), closed = name.find("].");
  const bool has_platform = bracket < name.find('.') && closed != std::string::npos;
  const std::size_t dot = has_platform ? closed + 1 : name.find('.');
  if (!starts_with(name, kPrefix) || dot == std::string::npos) return std::nullopt;
  std::string type = name.substr(kPrefix.size(), dot - kPrefix.size());
  if (type.empty() || type.front() == '[')
    type.insert(0, "manifest");
  else if (type.front() == '-')
    type.erase(0, 1);
  else
    return std::nullopt;
  Annotation annotation = TRY(parse_type(type));
  annotation.key = name.substr(dot + 1);
  annotation.value = value;
  if (annotation.key.empty())
    return fail(Errc::kInvalid, "\"" + printable(name) + "\" names no key");
  return annotation;
}

std::map<std::string, std::string> annotations_of(const std::vector<Annotation>& all,
                                                  AnnotationPlace place,
                                                  const oci::Platform* platform) {
  std::map<std::string, std::string> found;
  const auto take = [&](bool of_one_platform) {
    for (const Annotation& one : all)
      if (one.place == place && one.platform.has_value() == of_one_platform &&
          (!of_one_platform ||
           (platform != nullptr && *one.platform == oci::normalised(*platform))))
        found[one.key] = one.value;
  };
  take(false);
  take(true);
  return found;
}

Result<void> check_annotations(const Request& request) {
  if (request.annotations.empty()) return {};
  const auto& outputs = request.outputs;
  if (!outputs.empty() && std::none_of(outputs.begin(), outputs.end(), is_image))
    return fail(Errc::kInvalid, "--annotation: none of the outputs is an image");
  for (const Output& output : outputs)
    if (const auto types = output.attributes.find("oci-mediatypes");
        types != output.attributes.end() && !parse_bool(types->second).value_or(true))
      return fail(Errc::kUnsupported,
                  "--annotation: oci-mediatypes=false: docker's documents have no annotations");
  for (const Annotation& annotation : request.annotations) {
    if (is_of_index(annotation) && !is_multi_platform(request))
      return fail(Errc::kUnsupported, "index annotations not supported for single platform export",
                  "--build-arg BUILDKIT_MULTI_PLATFORM=1 makes an index of one");
    if (!annotation.platform) continue;
    const auto& platforms = request.platforms;
    const bool known = platforms.empty()
                           ? *annotation.platform == oci::normalised(oci::host_platform())
                           : std::find(platforms.begin(), platforms.end(), *annotation.platform) !=
                                 platforms.end();
    if (!known)
      return fail(Errc::kInvalid, "invalid annotation: no platform " +
                                      oci::to_text(*annotation.platform) + " is built");
  }
  return {};
}

}  // namespace lichen::build
