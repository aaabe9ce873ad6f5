#include "cli/build_options.h"

#include <gtest/gtest.h>

#include <set>

#include "base/text.h"

namespace lichen::cli {
namespace {

using Args = std::vector<std::string>;
const oci::Platform kOwn{.os = "linux", .architecture = "arm64"};

BuildOptions parsed(const Args& args, const Variables& variables = {}) {
  auto options = parse_build(args, variables, kOwn);
  EXPECT_TRUE(options) << to_text(options.error());
  return options ? std::move(*options) : BuildOptions{};
}

TEST(BuildOptions, Defaults) {
  const BuildOptions options = parsed({"."});
  EXPECT_EQ(options.request.context, ".");
  EXPECT_TRUE(options.request.dockerfile_path.empty());
  EXPECT_TRUE(options.request.outputs.empty());
  EXPECT_TRUE(options.request.build_args.empty());
  EXPECT_FALSE(options.request.pull || options.request.no_cache || options.quiet);
  EXPECT_TRUE(options.environment.tls_verify);
  EXPECT_EQ(options.environment.tier, build::TierChoice::kAuto);
  EXPECT_EQ(options.progress, ProgressMode::kAuto);
  EXPECT_EQ(options.request.network, graph::NetworkMode::kDefault);
}

TEST(BuildOptions, TakesEveryFlag) {
  const BuildOptions options = parsed({"-f",
                                       "Other",
                                       "-t",
                                       "a",
                                       "--tag=b:1",
                                       "--target",
                                       "test",
                                       "--label",
                                       "x=y=z",
                                       "--pull",
                                       "--no-cache",
                                       "--iidfile=id",
                                       "--metadata-file",
                                       "meta",
                                       "--tier=userns",
                                       "--network",
                                       "none",
                                       "--add-host",
                                       "db:10.0.0.1",
                                       "--add-host=v6=[::1]",
                                       "--build-context",
                                       "base=oci-layout:///img",
                                       "--tls-verify=false",
                                       "--root",
                                       "/store",
                                       "--rm",
                                       "--force-rm",
                                       "--compress",
                                       "--provenance=false",
                                       "--progress=plain",
                                       "ctx"});
  const build::Request& request = options.request;
  EXPECT_EQ(request.context, "ctx");
  EXPECT_EQ(request.dockerfile_path, "Other");
  EXPECT_EQ(request.tags, (Args{"a", "b:1"}));
  EXPECT_EQ(request.target, "test");
  EXPECT_EQ(request.labels.at("x"), "y=z");
  EXPECT_TRUE(request.pull && request.no_cache);
  EXPECT_EQ(options.iidfile, "id");
  EXPECT_EQ(options.metadata_file, "meta");
  EXPECT_EQ(options.environment.tier, build::TierChoice::kUserns);
  EXPECT_EQ(request.network, graph::NetworkMode::kNone);
  EXPECT_EQ(request.add_hosts, (Args{"db=10.0.0.1", "v6=::1"}));
  EXPECT_EQ(request.named_contexts.at("base"), "oci-layout:///img");
  EXPECT_FALSE(options.environment.tls_verify);
  EXPECT_EQ(options.environment.root, "/store");
  EXPECT_EQ(options.progress, ProgressMode::kPlain);
}

TEST(BuildOptions, Outputs) {
  const auto outputs = [](const Args& args) { return parsed(args).request.outputs; };
  using build::OutputKind;
  auto got = outputs({"-o", "type=oci,dest=x.tar", "-o", "out", "."});
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[0].kind, OutputKind::kOci);
  EXPECT_EQ(got[0].dest, "x.tar");
  EXPECT_EQ(got[1].kind, OutputKind::kLocal);
  EXPECT_EQ(outputs({"-o", "-", "."}).at(0).kind, OutputKind::kTar);
  EXPECT_EQ(outputs({"--push", "."}).at(0).kind, OutputKind::kPush);
  EXPECT_TRUE(outputs({"--load", "."}).empty()) << "the store is the default";
  got = outputs({"--load", "--push", "."});
  ASSERT_EQ(got.size(), 2u);
  EXPECT_EQ(got[1].kind, OutputKind::kStore);
}

TEST(BuildOptions, BuildArgsComeFromTheEnvironmentToo) {
  const Variables variables = {
      {"SET", "1"}, {"https_proxy", "http://proxy:3128"}, {"SOURCE_DATE_EPOCH", "42"}};
  const BuildOptions options = parsed({"--build-arg", "SET", "--build-arg", "UNSET", "--build-arg",
                                       "A=b=c", "--build-arg", "EMPTY=", "."},
                                      variables);
  const std::map<std::string, std::string> want = {{"SET", "1"},
                                                   {"A", "b=c"},
                                                   {"EMPTY", ""},
                                                   {"https_proxy", "http://proxy:3128"},
                                                   {"SOURCE_DATE_EPOCH", "42"}};
  EXPECT_EQ(options.request.build_args, want);
  EXPECT_EQ(options.request.source_date_epoch, 42);
  const BuildOptions own = parsed({"--build-arg=SOURCE_DATE_EPOCH=7", "."}, variables);
  EXPECT_EQ(own.request.source_date_epoch, 7);
  EXPECT_EQ(parsed({"--build-arg=SOURCE_DATE_EPOCH=stage", "."}).request.source_date_epoch,
            std::nullopt);
  EXPECT_EQ(parsed({"."}, {{"SOURCE_DATE_EPOCH", ""}}).request.source_date_epoch, std::nullopt);
}

TEST(BuildOptions, ProgressAndQuiet) {
  const Variables plain = {{"BUILDKIT_PROGRESS", "plain"}};
  EXPECT_EQ(parsed({"."}, plain).progress, ProgressMode::kPlain);
  EXPECT_EQ(parsed({"--progress=auto", "."}, plain).progress, ProgressMode::kAuto);
  const BuildOptions quiet = parsed({"-q", "."}, plain);
  EXPECT_TRUE(quiet.quiet);
  EXPECT_EQ(quiet.progress, ProgressMode::kQuiet);
  EXPECT_EQ(parsed({"-q", "--progress=plain", "."}).progress, ProgressMode::kQuiet);

  EXPECT_EQ(choose_progress(ProgressMode::kAuto, true, {{"TERM", "xterm"}}), ProgressMode::kTty);
  EXPECT_EQ(choose_progress(ProgressMode::kAuto, true, {{"TERM", "dumb"}}), ProgressMode::kPlain);
  EXPECT_EQ(choose_progress(ProgressMode::kAuto, false, {{"TERM", "xterm"}}), ProgressMode::kPlain);
  EXPECT_EQ(choose_progress(ProgressMode::kQuiet, true, {}), ProgressMode::kQuiet);
  EXPECT_FALSE(choose_progress(ProgressMode::kTty, false, {}));
}

TEST(BuildOptions, DockerfileFromStandardInput) {
  const BuildOptions options = parsed({"-f", "-", "."});
  EXPECT_TRUE(options.dockerfile_on_stdin);
  EXPECT_TRUE(options.request.dockerfile_path.empty());
}

std::string platforms(const Args& args, const Variables& variables = {}) {
  std::string text;
  for (const oci::Platform& platform : parsed(args, variables).request.platforms)
    text += (text.empty() ? "" : " ") + oci::to_text(platform);
  return text;
}

TEST(BuildOptions, PlatformsAreAListWithEachOnce) {
  EXPECT_EQ(platforms({"."}), "");
  EXPECT_EQ(platforms({"--platform=linux/aarch64", "."}), "linux/arm64");
  EXPECT_EQ(
      platforms({"--platform=linux/arm64/v8, linux/amd64", "--platform=local,linux/arm", "."}),
      "linux/arm64 linux/amd64 linux/arm/v7");
  EXPECT_EQ(platforms({"--platform=windows(10.0.17763)/amd64,windows(10.0)/amd64,windows(1)", "."}),
            "windows(10.0.17763)/amd64 windows(10.0)/amd64 windows(1)/" +
                oci::normalised(oci::host_platform()).architecture);
  const Variables variables = {{"DOCKER_DEFAULT_PLATFORM", "linux/s390x"}};
  EXPECT_EQ(platforms({"."}, variables), "linux/s390x");
  EXPECT_EQ(platforms({"--platform=linux/riscv64", "."}, variables), "linux/riscv64");
}

TEST(BuildOptions, AnIndexOfOnePlatformCanBeAskedFor) {
  EXPECT_TRUE(is_multi_platform(parsed({"--platform=linux/amd64,linux/arm64", "."}).request));
  EXPECT_FALSE(is_multi_platform(parsed({"--platform=linux/amd64", "."}).request));
  const std::string name = "--build-arg=BUILDKIT_MULTI_PLATFORM=";
  EXPECT_TRUE(is_multi_platform(parsed({name + "1", "."}).request));
  EXPECT_FALSE(parse_build({name + "0", "--platform=linux/amd64,linux/arm", "."}, {}, kOwn));
  EXPECT_FALSE(parse_build({name + "maybe", "."}, {}, kOwn));
}

TEST(BuildOptions, LimitsAreSortedAndTheLastOfANameCounts) {
  const BuildOptions options =
      parsed({"--ulimit=nproc=7", "--ulimit", "core=0:-1", "--ulimit=nofile=1024:unlimited",
              "--ulimit=nproc=8:9", "--ulimit=memlock=-1", "."});
  const std::vector<graph::Ulimit> want = {
      {"core", 0, -1}, {"memlock", -1, -1}, {"nofile", 1024, -1}, {"nproc", 8, 9}};
  EXPECT_EQ(options.request.ulimits, want);
}

// Every flag of `docker buildx build`, those of `docker build` before it, and those of buildah that
// scripts use most.
TEST(BuildOptions, KnowsTheFlagsOfOthers) {
  enum class How {
    kDone,      // does what it says; --help lists it
    kAccepted,  // changes nothing
    kRefused,   // an error that names it
  };
  using enum How;
  const struct {
    const char *name, *value;  // "": a switch
    How how;
  } rows[] = {
      {"add-host", "a:1.2.3.4", kDone},
      {"allow", "security.insecure", kDone},
      {"allow", "network.host", kDone},
      {"allow", "device", kRefused},
      {"annotation", "a=b", kDone},
      {"attest", "type=sbom", kDone},
      {"attest", "type=provenance,disabled=true", kDone},
      {"build-arg", "a=b", kDone},
      {"build-context", "a=b", kDone},
      {"builder", "default", kAccepted},
      {"cache-from", "type=registry,ref=a", kDone},
      {"cache-to", "type=inline", kDone},
      {"call", "check", kDone},
      {"cgroup-parent", "/a", kRefused},
      {"check", "", kDone},
      {"debug", "", kAccepted},
      {"file", "a", kDone},
      {"iidfile", "a", kDone},
      {"label", "a=b", kDone},
      {"load", "", kDone},
      {"metadata-file", "a", kDone},
      {"network", "none", kDone},
      {"no-cache", "", kDone},
      {"no-cache-filter", "a", kDone},
      {"output", "a", kDone},
      {"platform", "linux/arm64", kDone},
      {"policy", "filename=a", kRefused},
      {"policy", "disabled=true", kAccepted},
      {"progress", "plain", kDone},
      {"provenance", "mode=max", kDone},
      {"provenance", "false", kDone},
      {"pull", "", kDone},
      {"push", "", kDone},
      {"quiet", "", kDone},
      {"resource", "memory=1g", kRefused},
      {"sbom", "true", kDone},
      {"sbom", "false", kDone},
      {"secret", "id=a", kDone},
      {"shm-size", "1m", kDone},
      {"ssh", "default", kDone},
      {"tag", "a", kDone},
      {"target", "a", kDone},
      {"ulimit", "core=0", kDone},
      // docker build
      {"compress", "", kAccepted},
      {"cpu-period", "1000", kRefused},
      {"cpu-quota", "1000", kRefused},
      {"cpu-quota", "0", kAccepted},
      {"cpu-shares", "2", kRefused},
      {"cpuset-cpus", "0", kRefused},
      {"cpuset-mems", "0", kRefused},
      {"force-rm", "", kAccepted},
      {"isolation", "hyperv", kRefused},
      {"isolation", "default", kAccepted},
      {"memory", "1g", kRefused},
      {"memory-swap", "1g", kRefused},
      {"memory-swap", "-1", kAccepted},
      {"rm", "", kAccepted},
      {"security-opt", "seccomp=unconfined", kRefused},
      {"squash", "", kRefused},
      {"stream", "", kRefused},
      // buildah build
      {"authfile", "a", kRefused},
      {"creds", "a:b", kRefused},
      {"format", "docker", kRefused},
      {"ignorefile", "a", kRefused},
      {"source-policy-file", "a", kRefused},
      {"timestamp", "0", kRefused},
      {"tls-verify", "", kDone},
  };
  const std::string help = build_help();
  std::set<std::string> done;
  for (const auto& row : rows)
    if (row.how == kDone) done.insert(row.name);
  for (const auto& row : rows) {
    const std::string flag = std::string("--") + row.name;
    const std::string arg = *row.value == '\0' ? flag : flag + "=" + row.value;
    const auto options = parse_build({arg, "."}, {{"SSH_AUTH_SOCK", "/s"}}, kOwn);
    EXPECT_EQ(options.has_value(), row.how != kRefused) << arg;
    const bool is_listed =
        help.find(flag + " ") != std::string::npos || help.find(flag + "\n") != std::string::npos;
    EXPECT_EQ(is_listed, done.contains(row.name)) << arg;
    if (options || row.how != kRefused) continue;
    EXPECT_EQ(options.error().code, Errc::kUnsupported) << arg;
    EXPECT_TRUE(starts_with(to_text(options.error()), flag + ": ")) << to_text(options.error());
  }
}

TEST(BuildOptions, HintsKnowWhatWasMeant) {
  const struct {
    const char *arg, *hint;
  } rows[] = {
      {"--progress=plian", "did you mean plain?"},
      {"--tier=root", "auto, ids, userns or bare"},
      {"--tier=usern", "did you mean userns?"},
      {"--network=nome", "did you mean none?"},
      {"--call=chek", "did you mean check?"},
      {"--secret-guard=wran", "did you mean warn?"},
      {"--context-mode=gti", "did you mean git?"},
      {"--output=type=locl,dest=x", "did you mean local?"},
      {"--output=type=oci,compresion=zstd", "did you mean compression?"},
      {"--annotation=manifst:a=b", "did you mean manifest?"},
      {"--ulimit=nofiles=1", "did you mean nofile?"},
      {"--allow=security.insecur", "did you mean security.insecure?"},
      {"--no-cache-filer=a", "did you mean --no-cache-filter?"},
  };
  for (const auto& row : rows) {
    const auto options = parse_build({row.arg, "."}, {}, kOwn);
    ASSERT_FALSE(options) << row.arg;
    EXPECT_EQ(options.error().hint, row.hint) << row.arg;
  }
}

TEST(BuildOptions, StagesWithoutCache) {
  EXPECT_EQ(
      parsed({"--no-cache-filter=a, b", "--no-cache-filter", "c", "."}).request.no_cache_stages,
      (Args{"a", "b", "c"}));
}

TEST(BuildOptions, AnnotationsOfOutputsCount) {
  const BuildOptions options =
      parsed({"--annotation=a=b", "-o", "type=oci,dest=x,annotation-index.c=d", "."});
  ASSERT_EQ(options.request.annotations.size(), 2u);
  EXPECT_EQ(options.request.annotations[1].key, "c");
}

TEST(BuildOptions, Mistakes) {
  const struct {
    Args args;
    Errc code;
    const char* text;
  } rows[] = {
      {{}, Errc::kInvalid, "lichen build needs exactly 1 argument (PATH|URL|-), got 0"},
      {{"a", "b"}, Errc::kInvalid, "lichen build needs exactly 1 argument (PATH|URL|-), got 2"},
      {{"--tier=root", "."}, Errc::kInvalid, "--tier: unknown tier \"root\""},
      {{"-t", "UPPER", "."},
       Errc::kInvalid,
       "-t: invalid reference format: repository name must be lowercase"},
      {{"--network=bridge", "."},
       Errc::kUnsupported,
       "--network: network \"bridge\" is not supported"},
      {{"--secret", "src=x", "."}, Errc::kInvalid, "secret missing ID"},
      {{"--secret", "id=x,typ=env", "."}, Errc::kInvalid, "unexpected key 'typ' in 'typ=env'"},
      {{"--ssh", "default", "."},
       Errc::kInvalid,
       "--ssh default: there is no agent: SSH_AUTH_SOCK is not set"},
      {{"--cache-to=type=gha", "."},
       Errc::kUnsupported,
       "--cache-to: type=gha is not supported: lichen keeps caches in registries, directories and "
       "images, and talks to no other service"},
      {{"--squash", "."}, Errc::kUnsupported, "--squash: not supported yet"},
      {{"--provenance=mode=most", "."},
       Errc::kInvalid,
       "--provenance: mode=most: there are min and max"},
      {{"--no-cache", "--no-cache-filter=a", "."},
       Errc::kInvalid,
       "--no-cache and --no-cache-filter cannot currently be used together"},
      {{"--platform=linux()x", "."},
       Errc::kInvalid,
       "--platform: invalid platform \"linux()x\": bad character"},
      {{"-", "-f", "-"},
       Errc::kInvalid,
       "standard input cannot be both the context and the Dockerfile"},
      {{"--add-host=x", "."}, Errc::kInvalid, "--add-host: \"x\" is not NAME:ADDRESS"},
      {{"--add-host=x:y", "."}, Errc::kInvalid, "--add-host: \"x:y\" is not NAME:ADDRESS"},
      {{"--ulimit=nofile", "."}, Errc::kInvalid, "--ulimit: \"nofile\" is not TYPE=SOFT[:HARD]"},
      {{"--ulimit=nofil=1", "."}, Errc::kInvalid, "--ulimit: there is no resource \"nofil\""},
      {{"--ulimit=nofile=1:2:3", "."},
       Errc::kInvalid,
       "--ulimit: \"nofile=1:2:3\" has more than SOFT:HARD"},
      {{"--ulimit=nofile=many", "."}, Errc::kInvalid, "--ulimit: \"many\" is not a limit"},
      {{"--ulimit=nofile=-2", "."}, Errc::kInvalid, "--ulimit: \"-2\" is not a limit"},
      {{"--ulimit=nofile=2:1", "."},
       Errc::kInvalid,
       "--ulimit: the soft limit must not be more than the hard limit: nofile=2:1"},
      {{"--ulimit=nofile=-1:5", "."},
       Errc::kInvalid,
       "--ulimit: the soft limit must not be more than the hard limit: nofile=-1:5"},
      {{"--ulimit=rttime=1", "."},
       Errc::kUnsupported,
       "--ulimit: rttime is not supported: lichen needs it itself"},
      {{"--label=x", "."}, Errc::kInvalid, "--label: \"x\" is not NAME=VALUE"},
      {{"--build-context=x", "."}, Errc::kInvalid, "--build-context: \"x\" is not NAME=SOURCE"},
      {{"--build-arg=SOURCE_DATE_EPOCH=1x", "."},
       Errc::kInvalid,
       "SOURCE_DATE_EPOCH=1x is not a number of seconds since 1970"},
      {{"--progress=fancy", "."}, Errc::kInvalid, "--progress: unknown progress \"fancy\""},
      {{"--progres=plain", "."}, Errc::kInvalid, "unknown flag --progres"},
  };
  for (const auto& row : rows) {
    const auto options = parse_build(row.args, {}, kOwn);
    ASSERT_FALSE(options) << row.text;
    EXPECT_EQ(to_text(options.error()), row.text);
    EXPECT_EQ(options.error().code, row.code) << row.text;
  }
}

TEST(BuildOptions, HelpNeedsNoPath) {
  EXPECT_TRUE(parsed({"--help"}).help);
  EXPECT_NE(build_help().find("--build-arg NAME[=VALUE]"), std::string::npos);
}

TEST(BuildOptions, CallsInsteadOfBuilding) {
  EXPECT_FALSE(parsed({"."}).call.call);
  EXPECT_EQ(parsed({"--check", "."}).call.call, build::Call::kCheck);
  EXPECT_FALSE(parsed({"--check=false", "."}).call.call);
  const struct {
    const char* text;
    std::optional<build::Call> call;
    bool json, ignore_status;
  } rows[] = {
      {"build", std::nullopt, false, false},
      {"lint", build::Call::kCheck, false, false},
      {"check,format=json", build::Call::kCheck, true, false},
      {"format=text,check,ignorestatus=true", build::Call::kCheck, false, true},
      {"outline", build::Call::kOutline, false, false},
      {"targets,format=json", build::Call::kTargets, true, false},
  };
  for (const auto& row : rows) {
    const CallOptions call = parsed({std::string("--call=") + row.text, "."}).call;
    EXPECT_EQ(call.call, row.call) << row.text;
    EXPECT_EQ(call.json, row.json) << row.text;
    EXPECT_EQ(call.ignore_status, row.ignore_status) << row.text;
  }
  for (const char* bad :
       {"", "stages", "check,outline", "check,format=xml", "check,x=1", "check,ignorestatus=maybe"})
    EXPECT_FALSE(parse_call(bad)) << bad;
}

TEST(CallOptions, WarningsAndErrorsGiveAStatus) {
  build::Answer answer;
  EXPECT_EQ(call_status({}, answer), 0);
  answer.has_warnings = true;
  EXPECT_EQ(call_status({}, answer), 1);
  EXPECT_EQ(call_status({.call = {}, .ignore_status = true}, answer), 0);
  answer.error = Error{.code = Errc::kUnavailable, .message = "no network"};
  EXPECT_EQ(call_status({.call = {}, .ignore_status = true}, answer), 5);
}

}  // namespace
}  // namespace lichen::cli
