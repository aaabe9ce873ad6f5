#include "build/attestation_options.h"

#include "base/boolean.h"
#include "base/csv.h"
#include "base/hint.h"
#include "base/text.h"

namespace lichen::build {

namespace {

using Fields = std::map<std::string, std::string>;

constexpr char kDefaultGenerator[] = "docker/buildkit-syft-scanner:stable-1";

Result<Fields> parse_fields(const std::string& text) {
  Fields fields;
  if (text.empty()) return fields;
  for (const std::string& field : TRY(parse_csv(text))) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos)
      return fail(Errc::kInvalid, "\"" + printable(field) + "\" is not key=value");
    fields[to_lower(std::string(trim(field.substr(0, equals))))] = field.substr(equals + 1);
  }
  return fields;
}

// The value of `key`, which is taken out.
std::optional<std::string> take(Fields& fields, const std::string& key) {
  const auto found = fields.find(key);
  if (found == fields.end()) return std::nullopt;
  std::string value = std::move(found->second);
  fields.erase(found);
  return value;
}

Result<bool> take_bool(Fields& fields, const std::string& key) {
  const auto text = take(fields, key);
  if (!text) return false;
  auto value = parse_bool(*text);
  if (!value) return fail(std::move(value).error().in(key));
  return value;
}

Result<ProvenanceRequest> provenance_of(Fields fields) {
  ProvenanceRequest request;
  const std::string mode = take(fields, "mode").value_or("max");
  if (mode != "min" && mode != "max")
    return fail(Errc::kInvalid, "mode=" + printable(mode) + ": there are min and max");
  request.options.detail = mode == "min" ? attest::Detail::kMin : attest::Detail::kMax;
  const std::string version = take(fields, "version").value_or("v1");
  if (version != "v1" && version != "v0.2")
    return fail(Errc::kInvalid, "version=" + printable(version) + ": there are v1 and v0.2");
  request.options.version = version == "v1" ? attest::SlsaVersion::kV1 : attest::SlsaVersion::kV02;
  request.options.builder_id = take(fields, "builder-id").value_or("");
  request.options.reproducible = TRY(take_bool(fields, "reproducible"));
  request.inline_only = TRY(take_bool(fields, "inline-only"));
  if (auto filename = take(fields, "filename")) request.filename = std::move(*filename);
  if (request.filename.empty() || request.filename.find('/') != std::string::npos ||
      request.filename == "." || request.filename == "..")
    return fail(Errc::kInvalid, "filename=" + printable(request.filename) + " is not a name");
  if (!fields.empty())
    return fail(Errc::kInvalid, "provenance has no \"" + printable(fields.begin()->first) + "\"",
                hint_for(fields.begin()->first, {"mode", "version", "builder-id", "reproducible",
                                                 "inline-only", "filename"}));
  return request;
}

SbomRequest sbom_of(Fields fields) {
  SbomRequest request;
  request.generator = take(fields, "generator").value_or("");
  if (request.generator.empty()) request.generator = kDefaultGenerator;
  request.parameters = std::move(fields);
  return request;
}

Result<void> take_fields(const std::string& type, Fields fields, AttestationRequest& request) {
  const bool disabled = TRY(take_bool(fields, "disabled"));
  if (type == "provenance") {
    request.provenance.reset();
    if (!disabled) request.provenance = TRY(provenance_of(std::move(fields)));
    return {};
  }
  if (type == "sbom") {
    request.sbom.reset();
    if (!disabled) request.sbom = sbom_of(std::move(fields));
    return {};
  }
  if (type.empty()) return fail(Errc::kInvalid, "attestation type not specified");
  return fail(Errc::kInvalid, "unknown attestation type \"" + printable(type) + "\"",
              hint_for(type, {"provenance", "sbom"}));
}

}  // namespace

Result<void> take_attestation(const std::string& text, AttestationRequest& request) {
  Fields fields = TRY(parse_fields(text));
  const std::string type = take(fields, "type").value_or("");
  return take_fields(type, std::move(fields), request);
}

Result<void> take_attestation(const std::string& type, const std::string& text,
                              AttestationRequest& request) {
  if (const auto flag = parse_bool(text))
    return take_fields(type, {{"disabled", *flag ? "false" : "true"}}, request);
  return take_fields(type, TRY(parse_fields(text)), request);
}

}  // namespace lichen::build
