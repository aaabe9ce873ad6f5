#include "attest/provenance.h"

#include <gtest/gtest.h>

#include "attest/llb_json.h"
#include "attest/statement.h"
#include "oci/json.h"

namespace lichen::attest {
namespace {

using oci::json::Value;

const char kDigest[] = "sha256:e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

// FROM debian:12; ADD https://…; RUN with a secret and an agent. Beside it, what nobody needs.
class Provenance : public testing::Test {
 protected:
  Provenance() {
    graph::GraphBuilder builder;
    const auto base = builder.add(
        {.op = graph::SourceOp{.identifier =
                                   std::string("docker-image://docker.io/library/debian:12@") +
                                   kDigest},
         .platform = oci::Platform{}},
        {.name = "FROM", .first_line = 1, .last_line = 1});
    url_ = builder.add({.op = graph::SourceOp{.identifier = "https://user:word@example.org/file"}},
                       {.name = "url"});
    const auto add = builder.add(
        {.inputs = {{base, 0}, {url_, 0}},
         .op = graph::FileOp{.actions = {graph::Copy{.input = 1, .src = "/file", .dest = "/"}}}},
        {.name = "ADD", .first_line = 2, .last_line = 2});
    const auto run = builder.add(
        {.inputs = {{add, 0}},
         .op =
             graph::ExecOp{
                 .args = {"/bin/sh", "-c", "true"},
                 .mounts = {{.input = 0, .dest = "/", .output = 0},
                            {.dest = "/s", .kind = graph::MountKind::kSecret, .id = "token"},
                            {.dest = "/a",
                             .kind = graph::MountKind::kSsh,
                             .id = "default",
                             .required = true}}}},
        {.name = "RUN", .first_line = 3, .last_line = 4});
    last_ = run;
    graph_ = std::move(builder).finish(graph::Input{run, 0});
  }
  BuildFacts facts() const {
    return {.graph = graph_,
            .result = graph_.results[0],
            .arguments = {{"build-arg:A", "1"},
                          {"label:b", "2"},
                          {"target", "t"},
                          {"context:c", "https://u:p@example.org/c"}},
            .context = {},
            .dockerfile = "FROM debian:12\n",
            .dockerfile_name = "Dockerfile",
            .fetched = {{url_, {"https://user:word@example.org/file", "sha256", "ab"}}},
            .layers = {{last_, {{.media_type = "m", .digest = Digest::parse(kDigest).value()}}}},
            .vcs = {{"source", "https://u:p@example.org/r.git"}},
            .builder = oci::Platform{},
            .invocation = "id",
            .started = "2026-01-01T00:00:00Z",
            .finished = "2026-01-01T00:00:01Z"};
  }
  static Value parsed(const std::string& text) { return Value::parse(text); }

  graph::Graph graph_;
  graph::VertexId url_ = 0, last_ = 0;
};

TEST_F(Provenance, NamesAllThatCameIn) {
  const Value v1 = parsed(provenance(facts(), {}));
  const Value& dependencies = v1["buildDefinition"]["resolvedDependencies"];
  ASSERT_EQ(dependencies.size(), 2u);
  EXPECT_EQ(dependencies[0]["uri"], "pkg:docker/debian@12?platform=linux%2Famd64");
  EXPECT_EQ(dependencies[0]["digest"]["sha256"], std::string(kDigest).substr(7));
  EXPECT_EQ(dependencies[1]["uri"], "https://xxxxx:xxxxx@example.org/file");
  EXPECT_EQ(dependencies[1]["digest"]["sha256"], "ab");
  EXPECT_EQ(v1["buildDefinition"]["externalParameters"]["request"]["locals"],
            Value::array({{{"name", "context"}}, {{"name", "dockerfile"}}}));
}

TEST_F(Provenance, HasNoCredentialAnywhere) {
  for (const SlsaVersion version : {SlsaVersion::kV1, SlsaVersion::kV02})
    for (const Detail detail : {Detail::kMin, Detail::kMax}) {
      const std::string text = provenance(facts(), {.detail = detail, .version = version});
      for (const char* secret : {"user:", "word", "u:p"})
        EXPECT_EQ(text.find(secret), std::string::npos) << secret << " in " << text;
    }
}

TEST_F(Provenance, TellsLittleUnlessAskedForMore) {
  const Value min = parsed(provenance(facts(), {.detail = Detail::kMin}));
  const Value& request = min["buildDefinition"]["externalParameters"]["request"];
  EXPECT_EQ(request["args"],
            (Value{{"target", "t"}, {"context:c", "https://xxxxx:xxxxx@example.org/c"}}));
  EXPECT_FALSE(request.contains("secrets"));
  EXPECT_FALSE(min["buildDefinition"]["internalParameters"].contains("buildConfig"));
  EXPECT_FALSE(min["runDetails"]["metadata"]["buildkit_metadata"].contains("source"));
  EXPECT_EQ(min["runDetails"]["metadata"]["buildkit_completeness"]["request"], false);

  const Value max = parsed(provenance(facts(), {}));
  const Value& more = max["buildDefinition"]["externalParameters"]["request"];
  EXPECT_EQ(more["args"]["build-arg:A"], "1");
  EXPECT_EQ(more["secrets"], Value::array({{{"id", "token"}, {"optional", true}}}));
  EXPECT_EQ(more["ssh"], Value::array({{{"id", "default"}}}));
  const Value& metadata = max["runDetails"]["metadata"]["buildkit_metadata"];
  EXPECT_EQ(metadata["source"]["infos"][0]["data"], "RlJPTSBkZWJpYW46MTIK");
  EXPECT_EQ(metadata["source"]["locations"]["step3"]["locations"][0]["ranges"][0]["end"]["line"],
            4);
  EXPECT_EQ(metadata["layers"]["step3:0"][0][0]["digest"], kDigest);
  const Value& steps = max["buildDefinition"]["internalParameters"]["buildConfig"]["llbDefinition"];
  ASSERT_EQ(steps.size(), 5u);
  EXPECT_EQ(steps[3]["inputs"], Value::array({"step2:0"}));
  EXPECT_EQ(steps[4], (Value{{"id", "step4"}, {"inputs", {"step3:0"}}}));
}

TEST_F(Provenance, IsCompleteWhenAllIsKnown) {
  BuildFacts known = facts();
  known.context = Origin{"https://example.org/r.git#main", "sha1", "cd"};
  const Value v02 = parsed(provenance(known, {.version = SlsaVersion::kV02}));
  EXPECT_EQ(v02["metadata"]["completeness"]["materials"], true);
  EXPECT_EQ(v02["metadata"]["https://mobyproject.org/buildkit@v1#hermetic"], false)
      << "its RUN has a network";
  EXPECT_EQ(v02["invocation"]["configSource"], (Value{{"uri", "https://example.org/r.git#main"},
                                                      {"digest", {{"sha1", "cd"}}},
                                                      {"entryPoint", "Dockerfile"}}));
  EXPECT_EQ(v02["materials"].size(), 3u);
  EXPECT_FALSE(v02["invocation"]["parameters"].contains("locals"));
}

TEST_F(Provenance, OfNothingHasNoSteps) {
  BuildFacts nothing = facts();
  nothing.result.reset();
  const Value v1 = parsed(provenance(nothing, {}));
  EXPECT_TRUE(v1["buildDefinition"]["resolvedDependencies"].empty());
  EXPECT_TRUE(v1["buildDefinition"]["internalParameters"]["buildConfig"]["llbDefinition"].empty());
}

TEST(Masked, ReplacesCredentialsAndNothingElse) {
  const struct {
    const char *text, *want;
  } rows[] = {{"https://a:b@host/x@y", "https://xxxxx:xxxxx@host/x@y"},
              {"https://token@host", "https://xxxxx@host"},
              {"ssh://git@host/x", "ssh://git@host/x"},
              {"plain a:b@c", "plain a:b@c"},
              {"x https://a:b@h y http://c:d@i", "x https://xxxxx:xxxxx@h y http://xxxxx:xxxxx@i"}};
  for (const auto& row : rows) EXPECT_EQ(masked(row.text), row.want);
}

TEST(Statement, TakesAGeneratorsPredicate) {
  const std::vector<Subject> subjects = {{"_", Digest::parse(kDigest).value()}};
  const auto adopted = adopt_statement(
      R"({"_type":"https://in-toto.io/Statement/v1","predicateType":"t","subject":[],"predicate":{"a":1}})",
      subjects);
  ASSERT_TRUE(adopted);
  EXPECT_EQ(adopted->predicate_type, "t");
  EXPECT_EQ(Value::parse(adopted->json)["subject"][0]["name"], "_");
  EXPECT_EQ(Value::parse(adopted->json)["predicate"]["a"], 1);
  const auto plain = adopt_statement(R"({"spdxVersion":"SPDX-2.3"})", subjects);
  ASSERT_TRUE(plain);
  EXPECT_EQ(plain->predicate_type, kSpdxPredicate);
  for (const char* bad :
       {"", "[", R"({"_type":"x"})", R"({"_type":1})", R"({"_type":"x","predicateType":"t"})"})
    EXPECT_FALSE(adopt_statement(bad, subjects)) << bad;
}

}  // namespace
}  // namespace lichen::attest
