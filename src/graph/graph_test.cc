#include "graph/graph.h"

#include <gtest/gtest.h>

namespace lichen::graph {
namespace {

Vertex source(const std::string& identifier) {
  return {.op = SourceOp{.identifier = identifier}};
}

Vertex run(VertexId base, const std::string& command) {
  return {.inputs = {{base, 0}},
          .op = ExecOp{.args = {"/bin/sh", "-c", command},
                       .mounts = {{.input = 0, .dest = "/", .output = 0}}}};
}

TEST(GraphBuilder, AddsEqualVerticesOnce) {
  GraphBuilder builder;
  const VertexId base = builder.add(source("local://context"), {.name = "first"});
  EXPECT_EQ(builder.add(source("local://context"), {.name = "second"}), base);
  const VertexId one = builder.add(run(base, "true"));
  EXPECT_EQ(builder.add(run(base, "true")), one);
  EXPECT_NE(builder.add(run(base, "false")), one);
  EXPECT_EQ(builder.add(run(base, "true"), {.ignore_cache = true}), one);
  EXPECT_EQ(builder.add(run(base, "true")), one);
  const Graph graph = std::move(builder).finish(Input{one, 0});
  EXPECT_EQ(graph.metadata[0].name, "first");
  EXPECT_FALSE(graph.metadata[0].ignore_cache);
  EXPECT_TRUE(graph.metadata[1].ignore_cache) << "one of the equal ones is enough";
}

TEST(GraphBuilder, KeepsOnlyWhatTheResultReaches) {
  GraphBuilder builder;
  builder.add(source("local://unused"));
  const VertexId base = builder.add(source("local://context"));
  builder.add(run(base, "unused"));
  const VertexId last = builder.add(run(base, "used"));
  const Graph graph = std::move(builder).finish(Input{last, 0});
  ASSERT_EQ(graph.vertices.size(), 2u);
  EXPECT_EQ(graph.vertices[1].inputs, (std::vector<Input>{{0, 0}}));
  EXPECT_EQ(graph.results, (std::vector<std::optional<Input>>{Input{1, 0}}));
  EXPECT_EQ(graph.digests.size(), 2u);
  EXPECT_EQ(graph.metadata.size(), 2u);
}

TEST(GraphBuilder, NoResultIsAnEmptyGraph) {
  GraphBuilder builder;
  builder.add(source("local://context"));
  const Graph graph = std::move(builder).finish(std::nullopt);
  EXPECT_TRUE(graph.vertices.empty());
  EXPECT_EQ(to_text(graph), "result scratch\n");
}

// context -> tool (of the build's platform) -> one image for each of two platforms
Graph of_platform(const std::string& architecture) {
  GraphBuilder builder;
  const VertexId context = builder.add(source("local://context"), {.name = architecture});
  const VertexId tool = builder.add(run(context, "tool"), {.name = architecture});
  Vertex last = run(tool, "image");
  last.platform = oci::Platform{.os = "linux", .architecture = architecture};
  return std::move(builder).finish(Input{builder.add(last), 0});
}

TEST(Merge, SharesEqualVerticesAndKeepsEveryResult) {
  std::vector<Graph> graphs;
  graphs.push_back(of_platform("amd64"));
  graphs.push_back(of_platform("arm64"));
  graphs.push_back(GraphBuilder().finish(std::nullopt));
  const Graph graph = merge(std::move(graphs));
  ASSERT_EQ(graph.vertices.size(), 4u);
  EXPECT_EQ(graph.metadata[1].name, "amd64");
  EXPECT_EQ(graph.results,
            (std::vector<std::optional<Input>>{Input{2, 0}, Input{3, 0}, std::nullopt}));
  EXPECT_EQ(graph.vertices[3].inputs, (std::vector<Input>{{1, 0}}));
  EXPECT_NE(graph.digests[2], graph.digests[3]);
}

TEST(GraphBuilder, PlatformAndInputsAreInTheDigest) {
  GraphBuilder builder;
  const VertexId amd = builder.add(source("local://a"));
  Vertex other = source("local://a");
  other.platform = oci::Platform{.os = "linux", .architecture = "arm64"};
  const VertexId arm = builder.add(other);
  EXPECT_NE(amd, arm);
  EXPECT_NE(builder.add(run(amd, "x")), builder.add(run(arm, "x")));
}

TEST(Canonical, EveryFieldOfMeaningCounts) {
  const ExecOp base{.args = {"a"}, .env = {"A=1"}, .mounts = {{.input = 0, .dest = "/"}}};
  std::vector<ExecOp> changed(10, base);
  changed[0].args = {"a", ""};
  changed[1].env = {"A=2"};
  changed[2].cwd = "/x";
  changed[3].user = "u";
  changed[4].network = NetworkMode::kNone;
  changed[5].extra_hosts = {"h=1.2.3.4"};
  changed[6].hostname = "h";
  changed[7].mounts[0].readonly = true;
  changed[8].ulimits = {{"core", 0, -1}};
  changed[9].insecure = true;
  for (std::size_t i = 0; i < changed.size(); ++i)
    EXPECT_NE(canonical(changed[i]), canonical(base)) << i;

  std::vector<ExecOp> mounted(10, base);
  mounted[0].mounts[0].selector = "/s";
  mounted[1].mounts[0].kind = MountKind::kCache;
  mounted[2].mounts[0].id = "i";
  mounted[3].mounts[0].sharing = Sharing::kLocked;
  mounted[4].mounts[0].mode = 0;
  mounted[5].mounts[0].uid = 0;
  mounted[6].mounts[0].gid = 0;
  mounted[7].mounts[0].required = true;
  mounted[8].mounts[0].env = "E";
  mounted[9].mounts[0].size = 1;
  for (std::size_t i = 0; i < mounted.size(); ++i) {
    EXPECT_NE(canonical(mounted[i]), canonical(base)) << i;
    for (std::size_t j = 0; j < i; ++j)
      EXPECT_NE(canonical(mounted[i]), canonical(mounted[j])) << i << " and " << j;
  }

  const Copy copy{.input = 0, .src = "/a", .dest = "/b"};
  std::vector<Copy> copies(9, copy);
  copies[0].input.reset();
  copies[1].src = "/c";
  copies[2].owner = "1";
  copies[3].mode = "0644";
  copies[4].follow_symlink = true;
  copies[5].unpack = true;
  copies[6].allow_empty_wildcard = true;
  copies[7].parents = true;
  copies[8].exclude_patterns = {"x"};
  for (std::size_t i = 0; i < copies.size(); ++i)
    EXPECT_NE(canonical(FileOp{.actions = {copies[i]}}), canonical(FileOp{.actions = {copy}})) << i;

  EXPECT_NE(canonical(FileOp{.actions = {MakeDirectory{.path = "/d"}}, .created = 0}),
            canonical(FileOp{.actions = {MakeDirectory{.path = "/d"}}}));
  EXPECT_NE(canonical(FileOp{.scratch = true}),
            canonical(FileOp{.scratch = true, .independent = true}));
}

TEST(Canonical, ProxiesAndWrittenNamesDoNotCount) {
  EXPECT_EQ(canonical(ExecOp{.args = {"a"}}),
            canonical(ExecOp{.args = {"a"}, .proxy_env = {"HTTP_PROXY=x"}}));
  EXPECT_EQ(canonical(SourceOp{.identifier = "docker-image://a@b"}),
            canonical(SourceOp{.identifier = "docker-image://a@b", .written = "a"}));
}

// Cached results of users are found by these bytes: a change here needs a new version.
TEST(Canonical, BytesOfVersionFourStay) {
  EXPECT_EQ(sha256(canonical(SourceOp{.identifier = "local://context"})).text(),
            "sha256:977166861e025fe2b965bc70433cc39e877bab859b3d35df0622139fd86389b5");
  EXPECT_EQ(sha256(canonical(ExecOp{.args = {"true"},
                                    .mounts = {{.input = 0, .dest = "/", .output = 0}}}))
                .text(),
            "sha256:be73e60960ebd249866aeae1190020726967ece579856b1a55d561181e99edd5");
}

TEST(Text, ShowsAMergeOfLayers) {
  GraphBuilder builder;
  const VertexId base = builder.add(source("docker-image://a@b"), {.name = "base"});
  const VertexId layer = builder.add({.op = FileOp{.scratch = true, .independent = true}});
  const VertexId merged = builder.add({.inputs = {{base, 0}, {layer, 0}}, .op = MergeOp{}});
  EXPECT_EQ(to_text(std::move(builder).finish(Input{merged, 0})),
            "v0 () source \"docker-image://a@b\"\n"
            "    # base\n"
            "v1 () file scratch independent\n"
            "    # \n"
            "v2 (v0, v1) merge\n"
            "    # \n"
            "result v2\n");
}

TEST(Text, ShowsInputsFieldsAndPlace) {
  GraphBuilder builder;
  const VertexId base = builder.add(source("local://context"), {.name = "load"});
  FileOp op{.scratch = true};
  op.actions.push_back(Copy{.input = 0, .src = "/a b", .dest = "/b/"});
  op.actions.push_back(MakeFile{.path = "/f", .data = "x\n"});
  const VertexId copy =
      builder.add({.inputs = {{base, 0}}, .op = op},
                  {.name = "COPY", .file = "Dockerfile", .first_line = 2, .last_line = 3});
  EXPECT_EQ(to_text(std::move(builder).finish(Input{copy, 0})),
            "v0 () source \"local://context\"\n"
            "    # load\n"
            "v1 (v0) file scratch\n"
            "      copy in0 \"/a b\" -> \"/b/\"\n"
            "      mkfile \"/f\" mode=0644 data=\"x\\n\"\n"
            "    # COPY @Dockerfile:2-3\n"
            "result v1\n");
}

}  // namespace
}  // namespace lichen::graph
