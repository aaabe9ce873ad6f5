// subrequests/: what --call=outline and --call=targets tell.
#include "area.h"
#include "base/text.h"
#include "dockerfile/outline.h"
#include "dockerfile/targets.h"
#include "dockerfile/testing.h"

namespace lichen::conformance {

namespace {

dockerfile::Frontend frontend_of(const Json& in) {
  dockerfile::Frontend request{.dockerfile = in.at("input").get<std::string>(),
                               .file = "Dockerfile"};
  request.platform = oci::Platform{"linux", "amd64"};
  if (!in.contains("opts")) return request;
  for (const auto& [key, value] : in["opts"].items()) {
    if (key == "target") request.target = value.get<std::string>();
    if (starts_with(key, "build-arg:"))
      request.build_args[key.substr(10)] = value.get<std::string>();
  }
  return request;
}

// Compares the rows of `json` (BuildKit's result.json) with those of the data, key by key: the data
// does not tell all of them, and `line` is where the JSON has a location.
void compare_rows(const std::string& what, const Json& json, const Json& want, Case& one) {
  const Json rows = json.contains(what) ? json[what] : Json::array();
  one.equal(what + ", how many", rows.size(), want.size());
  if (rows.size() != want.size()) return;
  for (std::size_t i = 0; i < want.size(); ++i) {
    for (const auto& [key, value] : want[i].items()) {
      const std::string name = what + " " + std::to_string(i) + " " + key;
      Json got = rows[i].contains(key) ? rows[i][key] : Json();
      if (key == "line") got = rows[i].at("location").at("ranges").at(0).at("start").at("line");
      // What is empty or false is left out.
      if (got.is_null()) got = value.is_boolean() ? Json(false) : Json("");
      one.equal(name, got, value);
    }
  }
}

}  // namespace

Tally run_subrequests(const std::filesystem::path& folder, const Exceptions& exceptions) {
  Area area("subrequests", folder, exceptions);
  area.each_case("outline.json", [](const Json& in, const Json& want, Case& one) {
    const dockerfile::Frontend request = frontend_of(in);
    dockerfile::FakeImages images;
    const auto outline = dockerfile::outline_of(request, images);
    if (one.refused(want, outline) || !one.ok(outline)) return;
    const Json json = Json::parse(to_json(*outline, request));
    for (const auto& [key, rows] : want.items()) compare_rows(key, json, rows, one);
  });
  area.each_case("targets.json", [](const Json& in, const Json& want, Case& one) {
    const dockerfile::Frontend request = frontend_of(in);
    const auto targets = dockerfile::list_targets(request);
    if (one.refused(want, targets) || !one.ok(targets)) return;
    compare_rows("targets", Json::parse(to_json(*targets, request)), want.at("targets"), one);
  });
  return area.finish();
}

}  // namespace lichen::conformance
