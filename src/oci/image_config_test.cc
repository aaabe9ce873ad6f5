#include <gtest/gtest.h>

#include <string>

#include "oci/types.h"

namespace lichen::oci {
namespace {

const std::string kDiffId = "sha256:" + std::string(64, 'd');

TEST(ImageConfig, FullRoundTripInPinnedOrder) {
  const std::string json =
      R"({"architecture":"arm","author":"me","config":{"User":"u","ExposedPorts":{"80/tcp":{},)"
      R"("90/udp":{}},"Env":["B=1","A=2"],"Entrypoint":["/e"],"Cmd":["a","b"],)"
      R"("Volumes":{"/v":{}},"WorkingDir":"/w","Labels":{"a":"1","b":"<&>"},)"
      R"("StopSignal":"SIGINT","ArgsEscaped":true,"Healthcheck":{"Test":["CMD","x"],)"
      R"("Interval":1000000000,"Timeout":2,"StartPeriod":3,"StartInterval":4,"Retries":5},)"
      R"("OnBuild":["RUN x"],"Shell":["/bin/bash","-c"],"Hostname":"h","StopTimeout":9},)"
      R"("created":"2024-01-02T03:04:05Z","history":[{"created":"2024-01-02T03:04:05Z",)"
      R"("created_by":"RUN x","author":"a","comment":"c","empty_layer":true},{}],"os":"linux",)"
      R"("os.version":"10","rootfs":{"type":"layers","diff_ids":[")" +
      kDiffId + "\",\"" + kDiffId +
      R"("]},"variant":"v7","container":{"deep":[1,2.5,null]},"os.features":["f"]})";
  const auto config = parse_image_config(json);
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->healthcheck->interval_ns, 1'000'000'000);
  EXPECT_EQ(config->exposed_ports, (std::vector<std::string>{"80/tcp", "90/udp"}));
  EXPECT_EQ(config->diff_ids.size(), 2u);
  EXPECT_EQ(config->extra, R"({"container":{"deep":[1,2.5,null]},"os.features":["f"]})");
  EXPECT_EQ(config->config_extra, R"({"Hostname":"h","StopTimeout":9})");
  EXPECT_EQ(to_json(*config), json);
}

TEST(ImageConfig, EmptyMembersAreLeftOut) {
  EXPECT_EQ(to_json(ImageConfig{}), R"({"architecture":"amd64","config":{},"os":"linux",)"
                                    R"("rootfs":{"type":"layers","diff_ids":[]}})");
}

TEST(ImageConfig, NullIsAbsent) {
  const auto config = parse_image_config(
      R"({"os":"linux","architecture":"amd64","author":null,"history":null,"rootfs":null,"config":
         {"Entrypoint":null,"Cmd":[],"Env":null,"Volumes":null,"Labels":null,"OnBuild":null,
          "Healthcheck":null,"ExposedPorts":{"1/tcp":null}}})");
  ASSERT_TRUE(config) << config.error().message;
  EXPECT_EQ(config->entrypoint, std::nullopt);
  EXPECT_EQ(config->cmd, std::vector<std::string>());
  EXPECT_EQ(config->healthcheck, std::nullopt);
  EXPECT_EQ(config->exposed_ports, std::vector<std::string>{"1/tcp"});
  EXPECT_EQ(config->extra, "");
  EXPECT_EQ(config->config_extra, "");
}

TEST(ImageConfig, BytesThatAreNotUtf8AreReplaced) {
  ImageConfig config;
  config.env = {"A=\xff"};
  EXPECT_NE(to_json(config).find("\"A=\xef\xbf\xbd\""), std::string::npos);
}

TEST(ImageConfig, WrongTypesNameTheMember) {
  const struct {
    std::string json, want;
  } rows[] = {
      {"[]", "image config: want an object"},
      {R"({"os":7})", "image config.os: want a string, found a number"},
      {R"({"config":[]})", "image config.config: want an object, found array"},
      {R"({"config":{"Env":"A=1"}})", "config.Env: want an array, found string"},
      {R"({"config":{"Env":["A=1",2]}})", "config.Env[1]: want a string"},
      {R"({"config":{"Env":[null]}})", "config.Env[0]: want a string, found null"},
      {R"({"config":{"Cmd":"x"}})", "config.Cmd: want an array"},
      {R"({"config":{"Labels":{"a":1}}})", "config.Labels[\"a\"]: want a string"},
      {R"({"config":{"ExposedPorts":["80"]}})", "config.ExposedPorts: want an object"},
      {R"({"config":{"ArgsEscaped":"yes"}})", "config.ArgsEscaped: want true or false"},
      {R"({"config":{"Healthcheck":{"Interval":"1s"}}})", "Healthcheck.Interval: want an integer"},
      {R"({"config":{"Healthcheck":{"Retries":9999999999}}})",
       "Retries: the number is out of range"},
      {R"({"history":{}})", "image config.history: want an array"},
      {R"({"history":[{"empty_layer":1}]})", "history[0].empty_layer: want true or false"},
      {R"({"rootfs":{"diff_ids":["sha256:0"]}})", "rootfs.diff_ids[0]: invalid digest"},
      {R"({"rootfs":{"diff_ids":[null]}})", "rootfs.diff_ids[0]: a digest is missing"},
      {R"({"rootfs":{"type":"tree"}})", "rootfs.type: want \"layers\""},
  };
  for (const auto& row : rows) {
    const auto config = parse_image_config(row.json);
    ASSERT_FALSE(config) << row.json;
    EXPECT_EQ(config.error().code, Errc::kInvalid) << row.json;
    EXPECT_NE(config.error().message.find(row.want), std::string::npos)
        << row.json << " -> " << config.error().message;
  }
}

TEST(Env, FindAndSet) {
  std::vector<std::string> env = {"A=1", "B=x=y", "C", "A=2"};
  EXPECT_EQ(find_env(env, "A"), "1");
  EXPECT_EQ(find_env(env, "B"), "x=y");
  EXPECT_EQ(find_env(env, "C"), "");
  EXPECT_EQ(find_env(env, "D"), std::nullopt);
  set_env(env, "A", "3");
  set_env(env, "D", "");
  EXPECT_EQ(env, (std::vector<std::string>{"A=3", "B=x=y", "C", "A=2", "D="}));
  EXPECT_EQ(env_key("B=x=y"), "B");
}

}  // namespace
}  // namespace lichen::oci
