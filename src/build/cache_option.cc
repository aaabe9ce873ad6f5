#include "build/cache_option.h"

#include <map>
#include <set>

#include "base/boolean.h"
#include "base/csv.h"
#include "base/hint.h"
#include "base/text.h"
#include "build/image_layers.h"
#include "oci/reference.h"

namespace lichen::build {

namespace {

// key=value,key=value; each key once is enough. What is asked for must be asked for all.
class Attributes {
 public:
  static Result<Attributes> parse(const std::string& text) {
    Attributes all;
    if (text.find('=') == std::string::npos && text.find(',') == std::string::npos) {
      all.values_ = {{"type", "registry"}, {"ref", text}};
      return all;
    }
    for (const std::string& field : TRY(parse_csv(text))) {
      const std::size_t equals = field.find('=');
      if (equals == std::string::npos || equals == 0)
        return fail(Errc::kInvalid, "\"" + printable(field) + "\" is not key=value");
      all.values_[to_lower(std::string(trim(field.substr(0, equals))))] = field.substr(equals + 1);
    }
    return all;
  }

  std::string take(const std::string& key) {
    asked_.insert(key);
    const auto found = values_.find(key);
    return found == values_.end() ? "" : found->second;
  }
  Result<std::string> need(const std::string& type, const std::string& key) {
    std::string value = take(key);
    if (value.empty()) return fail(Errc::kInvalid, "type=" + type + " needs " + key + "=…");
    return value;
  }
  Result<bool> take_bool(const std::string& key, bool otherwise) {
    const std::string text = take(key);
    if (text.empty()) return otherwise;
    auto value = parse_bool(text);
    if (!value) return fail(std::move(value).error().in(key));
    return *value;
  }
  Result<void> check_rest() const {
    for (const auto& [key, value] : values_)
      if (!asked_.contains(key))
        return fail(Errc::kUnsupported, "\"" + printable(key) + "\" is not supported here",
                    hint_for(key, {asked_.begin(), asked_.end()}));
    return {};
  }

 private:
  std::map<std::string, std::string> values_;
  std::set<std::string> asked_;
};

Error unknown_type(const std::string& type) {
  if (type == "gha" || type == "s3" || type == "azblob")
    return {.code = Errc::kUnsupported,
            .message = "type=" + type +
                       " is not supported: lichen keeps caches in registries, "
                       "directories and images, and talks to no other service",
            .hint = "type=registry,ref=REF; or type=local and the service's own tool"};
  if (type.empty())
    return {.code = Errc::kInvalid, .message = "type=… is missing", .hint = "registry or local"};
  return {.code = Errc::kInvalid,
          .message = "unknown type \"" + printable(type) + "\"",
          .hint = hint_for(type, {"registry", "local", "inline"})};
}

Result<std::string> checked_reference(const std::string& text) {
  return oci::to_text(TRY(oci::parse_reference(text)));
}

Result<CacheSource> read_source(Attributes& attributes) {
  const std::string type = attributes.take("type");
  CacheSource source;
  if (type == "registry") {
    source.place = TRY(checked_reference(TRY(attributes.need(type, "ref"))));
  } else if (type == "local") {
    source.kind = CacheKind::kLocal;
    source.place = TRY(attributes.need(type, "src"));
    source.tag = attributes.take("digest");
    if (const std::string tag = attributes.take("tag"); source.tag.empty()) source.tag = tag;
  } else if (type == "inline") {
    return fail(Errc::kInvalid, "type=inline is for --cache-to",
                "the image itself is the cache: type=registry,ref=IMAGE");
  } else {
    return fail(unknown_type(type));
  }
  TRY(attributes.check_rest());
  return source;
}

Result<CacheTarget> read_target(Attributes& attributes) {
  const std::string type = attributes.take("type");
  CacheTarget target;
  target.ignore_error = TRY(attributes.take_bool("ignore-error", false));
  if (type == "inline") {
    target.kind = CacheKind::kInline;
    if (attributes.take("mode") == "max")
      return fail(Errc::kUnsupported, "an inline cache has mode=min alone: the image's layers",
                  "type=registry,ref=REF,mode=max");
    TRY(attributes.check_rest());
    return target;
  }
  if (type == "registry") {
    target.place = TRY(checked_reference(TRY(attributes.need(type, "ref"))));
  } else if (type == "local") {
    target.kind = CacheKind::kLocal;
    target.place = TRY(attributes.need(type, "dest"));
    target.tag = attributes.take("tag");
  } else {
    return fail(unknown_type(type));
  }
  const std::string mode = attributes.take("mode");
  if (!mode.empty() && mode != "min" && mode != "max")
    return fail(Errc::kInvalid, "unknown mode \"" + printable(mode) + "\"",
                hint_for(mode, {"min", "max"}));
  target.all_steps = mode == "max";
  target.oci_media_types = TRY(attributes.take_bool("oci-mediatypes", true));
  target.image_manifest = TRY(attributes.take_bool("image-manifest", target.oci_media_types));
  if (target.image_manifest && !target.oci_media_types)
    return fail(Errc::kInvalid, "image-manifest=true needs oci-mediatypes=true");
  target.compression = attributes.take("compression");
  target.compression_level = attributes.take("compression-level");
  target.force_compression = TRY(attributes.take_bool("force-compression", false));
  (void)TRY(parse_compression(target.compression, target.compression_level));
  TRY(attributes.check_rest());
  return target;
}

}  // namespace

Result<CacheSource> parse_cache_source(const std::string& text) {
  Attributes attributes = TRY(Attributes::parse(text));
  return read_source(attributes);
}

Result<CacheTarget> parse_cache_target(const std::string& text) {
  Attributes attributes = TRY(Attributes::parse(text));
  return read_target(attributes);
}

}  // namespace lichen::build
