// Lint rules and their options. The shared conformance data has more cases (tests/conformance).
#include "dockerfile/lint.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "dockerfile/lint_report.h"
#include "dockerfile/testing.h"

namespace lichen::dockerfile {
namespace {

Frontend request_of(const std::string& text) {
  Frontend request{.dockerfile = text, .file = "Dockerfile"};
  request.platform = oci::Platform{.os = "linux", .architecture = "amd64"};
  return request;
}

// "LINE RULE: TEXT" of each warning of --check.
std::vector<std::string> found(const Frontend& request) {
  FakeImages images;
  std::vector<std::string> lines;
  const LintReport report = lint(request, images);
  for (const Warning& warning : report.warnings)
    lines.push_back(std::to_string(warning.lines.first) + " " + warning.rule + ": " + warning.text);
  if (report.error)
    lines.push_back(std::to_string(report.error_lines.first) + " error: " + report.error_message);
  return lines;
}

using Texts = std::vector<std::string>;

TEST(Lint, FindsWhatBuildKitFinds) {
  const struct {
    const char* text;
    Texts want;
  } rows[] = {
      {"FROM scratch\nCOPY a b\n", {}},
      {"FROM scratch AS Base\n", {"1 StageNameCasing: Stage name 'Base' should be lowercase"}},
      {"from scratch AS one\n", {"1 FromAsCasing: 'AS' and 'from' keywords' casing do not match"}},
      // Of mixed case: the keyword's own matter.
      {"From scratch as one\n",
       {"1 ConsistentInstructionCasing: Command 'From' should match the case of the command "
        "majority (uppercase)"}},
      {"FROM scratch AS scratch\nFROM scratch AS a\nFROM scratch AS A\n",
       {"1 ReservedStageName: Stage name should not use the same name as reserved stage "
        "\"scratch\"",
        "3 StageNameCasing: Stage name 'A' should be lowercase",
        "3 DuplicateStageName: Duplicate stage name \"a\", stage names should be unique"}},
      {"FROM one\nCMD a\ncmd b\nENTRYPOINT c\n",
       {"2 JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior "
        "related to OS signals",
        "2 MultipleInstructionsDisallowed: Multiple cmd instructions should not be used in the "
        "same stage because only the last one will be used",
        "3 ConsistentInstructionCasing: Command 'cmd' should match the case of the command "
        "majority (uppercase)",
        "3 JSONArgsRecommended: JSON arguments recommended for cmd to prevent unintended behavior "
        "related to OS signals",
        "4 JSONArgsRecommended: JSON arguments recommended for ENTRYPOINT to prevent unintended "
        "behavior related to OS signals"}},
      // Each stage may have one.
      {"FROM one AS a\nCMD [\"a\"]\nFROM a\nCMD [\"b\"]\n", {}},
      {"ARG TAG=1\nFROM --platform=$TARGTPLATFORM one:${TAGS}\n",
       {"2 InvalidDefaultArgInFrom: Default value for ARG one:${TAGS} results in empty or invalid "
        "base image name",
        "2 UndefinedArgInFrom: FROM argument 'TAGS' is not declared (did you mean TAG?)",
        "2 UndefinedArgInFrom: FROM argument 'TARGTPLATFORM' is not declared (did you mean "
        "TARGETPLATFORM?)",
        "2 error: empty platform value from expression $TARGTPLATFORM (did you mean "
        "TARGETPLATFORM?)"}},
      {"FROM --platform=linux/arm64 scratch\nFROM --platform=linux/arm64 scratch AS for_arm64\n",
       {"1 FromPlatformFlagConstDisallowed: FROM --platform flag should not use constant value "
        "\"linux/arm64\""}},
      {"FROM one AS a\nWORKDIR src\nWORKDIR lib\nFROM a\nWORKDIR more\n",
       {"2 WorkdirRelativePath: Relative workdir \"src\" can have unexpected results if the base "
        "image changes"}},
      {"FROM one\nARG A\nENV B=$A$FROM_BAS C=$FROM_BASE\nRUN echo $nothing\nCMD [\"$nothing\"]\n",
       {"3 UndefinedVar: Usage of undefined variable '$FROM_BAS' (did you mean $FROM_BASE?)"}},
      {"FROM scratch\nCOPY <<X <<'Y' /\n$no\nX\n$yes\nY\n",
       {"2 UndefinedVar: Usage of undefined variable '$no'"}},
      {"FROM scratch\nENV k v\nlabel k v\n",
       {"2 LegacyKeyValueFormat: \"ENV key=value\" should be used instead of legacy \"ENV key "
        "value\" format",
        "3 ConsistentInstructionCasing: Command 'label' should match the case of the command "
        "majority (uppercase)",
        "3 LegacyKeyValueFormat: \"label key=value\" should be used instead of legacy \"label key "
        "value\" format"}},
      {"ARG TOKEN\nFROM scratch\nARG TOKEN api_key\nENV monkey=1 PUBLIC_KEY=2 A_Secret_B=3\n",
       {"3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "
        "\"TOKEN\")",
        "3 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ARG "
        "\"api_key\")",
        "4 SecretsUsedInArgOrEnv: Do not use ARG or ENV instructions for sensitive data (ENV "
        "\"A_Secret_B\")"}},
      {"FROM scratch\nEXPOSE 80/TCP 127.0.0.1:81:81 82:82 :83 84\n",
       {"2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port "
        "mapping, found '127.0.0.1:81:81'",
        "2 ExposeProtoCasing: Defined protocol '80/TCP' in EXPOSE instruction should be lowercase",
        "2 ExposeInvalidFormat: EXPOSE instruction should not define an IP address or host-port "
        "mapping, found '82:82'"}},
      {"FROM scratch\nRUN a \\\n\n  b\n", {"4 NoEmptyContinuation: Empty continuation line"}},
      // What was found before an error is told, and the error.
      {"FROM scratch\nMAINTAINER me\nRNU x\n",
       {"2 MaintainerDeprecated: Maintainer instruction is deprecated in favor of using label",
        "3 error: dockerfile parse error on line 3: unknown instruction: RNU (did you mean "
        "RUN?)"}},
  };
  for (const auto& row : rows) EXPECT_EQ(found(request_of(row.text)), row.want) << row.text;
}

TEST(Lint, OptionsSilenceAndFail) {
  const Texts cmd = {
      "JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended behavior "
      "related to OS signals"};
  const struct {
    const char* text;
    std::size_t warnings;
    const char* error;  // "": none
  } rows[] = {
      {"# check=skip=all\nFROM one\nCMD a\n", 0, ""},
      {"# check=skip=A,JSONArgsRecommended\nFROM one\nCMD a\n", 0, ""},
      {"# check=error=true\nFROM one\nCMD a\nCMD b\n", 3,
       "lint violation found for rules: JSONArgsRecommended, MultipleInstructionsDisallowed"},
      {"# check=error=true;skip=all\nFROM one\nCMD a\n", 0, ""},
      {"FROM one\n# check=skip=JSONArgsRecommended say why\nCMD a\n", 0, ""},
      {"FROM one\n# check=skip=JSONArgsRecommended\nRUN a\nCMD a\n", 1, ""},
      {"FROM one\n# check=skip=X\nCMD a\n", 1, ""},
      {"FROM one\n# check=nonsense\nCMD a\n", 1, ""},
      {"# check=nonsense\nFROM one\nCMD a\n", 0,
       "failed to parse check options: invalid check option \"nonsense\""},
      {"# why\nARG A\nFROM one\n", 0, ""},
      {"# check=experimental=all\n# why\nARG A\nFROM one\n", 1, ""},
      {"# check=experimental=InvalidDefinitionDescription\n# A is why\nARG A\nFROM one\n", 0, ""},
  };
  for (const auto& row : rows) {
    FakeImages images;
    const LintReport report = lint(request_of(row.text), images);
    EXPECT_EQ(report.warnings.size(), row.warnings) << row.text;
    EXPECT_EQ(report.error_message, row.error) << row.text;
  }
}

TEST(Lint, ABuildArgumentTakesTheDirectivesPlace) {
  Frontend request = request_of("# check=skip=all\nFROM one\nCMD a\n");
  request.build_args["BUILDKIT_DOCKERFILE_CHECK"] = "error=true";
  FakeImages images;
  std::vector<Warning> warnings;
  const auto lowered = lower(request, images, &warnings);
  ASSERT_FALSE(lowered);
  EXPECT_EQ(to_text(lowered.error()),
            "Dockerfile:3: lint violation found for rules: JSONArgsRecommended");
  ASSERT_EQ(warnings.size(), 1u);
  EXPECT_EQ(to_text(warnings[0]),
            "JSONArgsRecommended: JSON arguments recommended for CMD to prevent unintended "
            "behavior related to OS signals (line 3)");
}

TEST(Lint, ABuildLooksAtReachedStagesOnly) {
  const Frontend request = request_of("FROM one AS a\nCMD a\nFROM two\nCMD b\n");
  FakeImages images;
  const auto lowered = lower(request, images);
  ASSERT_TRUE(lowered);
  ASSERT_EQ(lowered->warnings.size(), 1u);
  EXPECT_EQ(lowered->warnings[0].lines, (Lines{4, 4}));
  EXPECT_EQ(lint(request, images).warnings.size(), 2u);
}

TEST(Lint, AsksForNoImageOfAStageThatIsNotMeant) {
  Frontend request = request_of("FROM one AS a\nFROM scratch AS b\n");
  FakeImages images;
  request.target = "b";
  EXPECT_TRUE(lint(request, images).clean());
  EXPECT_TRUE(images.asked.empty());
}

TEST(Lint, PassesOverWhatOnlyLichenCannotBuild) {
  const Frontend request = request_of("FROM one\nRUN --security=insecure a\nCMD b\n");
  FakeImages images;
  EXPECT_FALSE(lower(request, images));
  const LintReport report = lint(request, images);
  EXPECT_FALSE(report.error);
  EXPECT_EQ(report.warnings.size(), 1u);
}

TEST(Lint, KnowsTheBaseImage) {
  Frontend request = request_of("FROM one\nCMD a\n");
  FakeImages images;
  ResolvedImage image = images.resolve("one", *request.platform).value();
  image.config.shell = {"/bin/bash", "-c"};
  image.config.platform.architecture = "s390x";
  images.images["one"] = image;
  const LintReport report = lint(request, images);
  ASSERT_EQ(report.warnings.size(), 1u);
  EXPECT_EQ(report.warnings[0].text,
            "Base image one was pulled with platform \"linux/s390x\", expected \"linux/amd64\" for "
            "current build");
  EXPECT_EQ(report.warnings[0].url, "");
}

TEST(Lint, IgnoredSources) {
  const struct {
    const char *ignore, *source;
    bool found;
  } rows[] = {{"a\n", "a", true},        {"a\n", "./x/../a", true}, {"a\n", "a/b", true},
              {"a\n", "b", false},       {"a\n!a/b\n", "a", false}, {"a\n", ".", false},
              {"**\n", ".", true},       {"*\n", ".", true},        {"", "a", false},
              {"*.log\n", "x.log", true}};
  for (const auto& row : rows) {
    Frontend request = request_of(std::string("FROM scratch\nADD ") + row.source + " /\n");
    request.dockerignore = row.ignore;
    EXPECT_EQ(found(request).size(), row.found ? 1u : 0u) << row.ignore << row.source;
  }
}

TEST(LintReport, Text) {
  const Frontend request = request_of("FROM one\nCMD a\n");
  FakeImages images;
  EXPECT_EQ(to_text(lint(request, images), request),
            "Check complete, 1 warning has been found!\n\n"
            "WARNING: JSONArgsRecommended - "
            "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/\n"
            "JSON arguments recommended for CMD to prevent unintended behavior related to OS "
            "signals\n"
            "Dockerfile:2\n"
            "--------------------\n"
            "   1 |     FROM one\n"
            "   2 | >>> CMD a\n"
            "   3 |     \n"
            "--------------------\n");
  const Frontend clean = request_of("FROM one\n");
  EXPECT_EQ(to_text(lint(clean, images), clean), "Check complete, no warnings found.\n");
}

TEST(LintReport, Json) {
  const Frontend request = request_of("FROM scratch\nEXPOSE 1:2\nCMD a\nEXPOSE x\n");
  FakeImages images;
  const std::string text = to_json(lint(request, images), request);
  EXPECT_EQ(text.substr(0, 18), "{\n  \"warnings\": [\n");
  const auto json = nlohmann::json::parse(text);
  const auto at = [](int line) -> nlohmann::json {
    return {{"ranges", {{{"start", {{"line", line}}}, {"end", {{"line", line}}}}}}};
  };
  ASSERT_EQ(json["warnings"].size(), 2u);
  EXPECT_EQ(json["warnings"][0]["ruleName"], "ExposeInvalidFormat");
  const nlohmann::json command = {
      {"ruleName", "JSONArgsRecommended"},
      {"description",
       "JSON arguments recommended for ENTRYPOINT/CMD to prevent unintended behavior related to OS "
       "signals"},
      {"url", "https://docs.docker.com/go/dockerfile/rule/json-args-recommended/"},
      {"detail",
       "JSON arguments recommended for CMD to prevent unintended behavior related to OS signals"},
      {"location", at(3)}};
  EXPECT_EQ(json["warnings"][1], command);
  const nlohmann::json source = {{"filename", "Dockerfile"},
                                 {"language", "Dockerfile"},
                                 {"data", "RlJPTSBzY3JhdGNoCkVYUE9TRSAxOjIKQ01EIGEKRVhQT1NFIHgK"}};
  EXPECT_EQ(json["sources"], nlohmann::json::array({source}));
  EXPECT_EQ(json["buildError"]["location"], at(4));
  EXPECT_NE(json["buildError"]["message"].get<std::string>().find("invalid port"),
            std::string::npos);
}

}  // namespace
}  // namespace lichen::dockerfile
