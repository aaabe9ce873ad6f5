// instructions/: files that are lowered, and what goes into the image's config.
#include "area.h"
#include "dockerfile/duration.h"
#include "dockerfile/history.h"
#include "dockerfile/testing.h"
#include "oci/types.h"

namespace lichen::conformance {

namespace {

using Texts = std::vector<std::string>;

Result<dockerfile::Lowered> lower(const Json& in) {
  dockerfile::FakeImages images;
  return dockerfile::lower(
      {.dockerfile = in.at("input"),
       .file = "Dockerfile",
       .target = in.value("target", ""),
       .build_args = in.value("build_args", std::map<std::string, std::string>())},
      images);
}

// Proxy variables that a RUN gets, by the names of build arguments.
void compare_proxy(const Json& in, const Json& want, Case& one) {
  const auto lowered =
      lower({{"input", "FROM scratch\nRUN x\n"}, {"build_args", in.at("build_args")}});
  if (!one.ok(lowered)) return;
  Json got;
  for (const graph::Vertex& vertex : lowered->graph.vertices)
    if (const auto* exec = std::get_if<graph::ExecOp>(&vertex.op))
      for (const std::string& entry : exec->proxy_env) got.push_back(entry);
  one.equal("proxy variables", got, want);
}

void compare_config(const Json& in, const Json& want, Case& one) {
  const std::string fn = in.at("fn");
  if (fn == "add_env") {
    auto env = in.at("env").get<Texts>();
    oci::set_env(env, in.at("key").get<std::string>(), in.at("value").get<std::string>());
    one.equal("env", env, want.at("env"));
  } else if (fn == "proxy_env") {
    compare_proxy(in, want, one);
  } else if (fn == "healthcheck_history") {
    const auto duration = [&](const char* key) {
      const auto got = dockerfile::parse_duration(in.at(key).get<std::string>());
      return one.ok(got) ? *got : 0;
    };
    const oci::Healthcheck check{.test = in.at("test").get<Texts>(),
                                 .interval_ns = duration("interval"),
                                 .timeout_ns = duration("timeout"),
                                 .start_period_ns = duration("start_period"),
                                 .start_interval_ns = duration("start_interval"),
                                 .retries = in.at("retries")};
    one.equal("created_by", dockerfile::history::of_healthcheck(check), want.at("created_by"));
  } else {
    one.differs("unknown function " + fn);
  }
}

}  // namespace

void run_whole_files(Area& area) {
  area.each_case("convert.json", [](const Json& in, const Json& want, Case& one) {
    const auto got = lower(in);
    if (one.refused(want, got) || !one.ok(got)) return;
    if (want.contains("ok")) one.equal("ok", true, want["ok"]);
    if (want.contains("labels")) one.equal("labels", got->config.labels, want["labels"]);
  });
  area.each_case("error_lines.json", [](const Json& in, const Json& want, Case& one) {
    const auto got = lower(in);
    if (got) return one.differs("no error");
    const std::string line = std::to_string(want.at("error_lines").at(0).get<int>());
    one.equal("place", got.error().context.back(), "Dockerfile:" + line);
  });
  area.each_case("image_config.json", compare_config);
}

}  // namespace lichen::conformance
