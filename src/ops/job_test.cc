#include "ops/job.h"

#include <gtest/gtest.h>
#include <signal.h>

#include "ops/network_files.h"
#include "ops/runner.h"

namespace lichen::ops {
namespace {

TEST(Job, TravelsUnchanged) {
  FileJob job{.tier = container::Tier::kUserns,
              .overlay = {.lower = {"/1", "/0"}, .upper = "/2", .work = "/w", .target = "/t"},
              .sidecars = {"/s"},
              .mounts = "/m"};
  job.inputs.push_back({.directory = "/context", .ignore = {"a", "!b"}});
  job.actions.push_back(graph::Copy{.input = 0, .src = "/x", .dest = "/y", .owner = "me"});
  job.actions.push_back(graph::MakeFile{.path = "/f", .data = std::string("\0x", 2)});
  const auto parsed = parse_job(to_bytes(job));
  ASSERT_TRUE(parsed);
  const auto& same = std::get<FileJob>(*parsed);
  EXPECT_EQ(same.overlay.lower, job.overlay.lower);
  EXPECT_EQ(same.inputs[0].ignore, job.inputs[0].ignore);
  EXPECT_EQ(std::get<graph::Copy>(same.actions[0]).owner, "me");
  EXPECT_EQ(std::get<graph::MakeFile>(same.actions[1]).data, std::string("\0x", 2));
}

TEST(Job, CutShortIsAnError) {
  const std::string bytes = to_bytes(RemoveJob{{"/a", "/b"}});
  for (std::size_t length = 0; length < bytes.size(); ++length)
    EXPECT_FALSE(parse_job(std::string_view(bytes).substr(0, length))) << length;
}

TEST(StepError, SaysHowTheStepEnded) {
  const graph::ExecOp exec{.args = {"/bin/sh", "-c", "x"}};
  EXPECT_FALSE(step_error(exec, {}));
  EXPECT_EQ(step_error(exec, {.exit_code = 127})->message,
            "process \"/bin/sh -c x\" did not complete successfully: exit code: 127");
  EXPECT_NE(step_error(exec, {.signal = SIGKILL})->message.find("SIGKILL"), std::string::npos);
  EXPECT_NE(step_error(exec, {.exit_code = 137, .out_of_memory = true})
                ->message.find("probably out of memory"),
            std::string::npos);
}

TEST(NetworkFiles, HostsHaveTheExtraNames) {
  EXPECT_EQ(hosts_text("me", {"db=10.0.0.1", "six=::2"}),
            "127.0.0.1\tlocalhost me\n::1\tlocalhost ip6-localhost ip6-loopback\n"
            "10.0.0.1\tdb\n::2\tsix\n");
}

}  // namespace
}  // namespace lichen::ops
