// Launches real containers, at both kinds of id map. Needs user namespaces; hosts without them skip
// by name. The root file system is the host's /usr, read-only, in an otherwise empty directory.
#include "sandbox/launch.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <chrono>
#include <functional>
#include <map>

#include "base/text.h"
#include "os/file.h"
#include "os/idmap.h"
#include "os/socket.h"
#include "sandbox/landlock.h"
#include "sandbox/namespace.h"

namespace lichen::sandbox {
namespace {

struct Outcome {
  std::string out;     // of the command, both streams
  std::string status;  // "exited 0", "signaled 9" or "error: …"
};

std::string text_of(const os::WaitStatus& status) {
  if (const auto* exited = std::get_if<os::Exited>(&status))
    return "exited " + std::to_string(exited->code);
  return "signaled " + std::to_string(std::get<os::Signaled>(status).signal);
}

void say(const os::UniqueFd& to, const std::string& text) {
  (void)os::write_all(to, text);
}

// Runs `work` in a process that is root of a new user namespace; what it returns is the status.
Outcome in_keeper(const os::IdMaps& maps,
                  const std::function<Result<std::string>(os::UniqueFd out)>& work) {
  auto out = *os::pipe();
  auto status = *os::pipe();
  const pid_t pid = ::fork();
  if (pid == 0) {
    out.first.reset();
    status.first.reset();
    auto done = enter(maps.uids, maps.gids).and_then([] { return own_mounts(); });
    Result<std::string> result = "";
    if (done)
      result = work(std::move(out.second));
    else
      result = fail(std::move(done).error());
    say(status.second, result ? *result : "error: " + to_text(result.error()));
    ::_exit(0);
  }
  out.second.reset();
  status.second.reset();
  Outcome outcome;
  outcome.out = *os::read_file(out.first);
  outcome.status = *os::read_file(status.first);
  ::waitpid(pid, nullptr, 0);
  return outcome;
}

Result<Stdio> stdio_to(os::UniqueFd out) {
  Stdio stdio;
  stdio.in = TRY(os::open("/dev/null", O_RDONLY));
  stdio.err = TRY(os::duplicate(out));
  stdio.out = std::move(out);
  return stdio;
}

Result<std::string> launch_and_wait(const Plan& plan, os::UniqueFd out) {
  if (::mount(plan.rootfs.c_str(), plan.rootfs.c_str(), nullptr, MS_BIND | MS_REC, nullptr) < 0)
    return fail(os_error("bind", plan.rootfs));
  Running running = TRY(launch(plan, TRY(stdio_to(std::move(out)))));
  TRY(running.start());
  return text_of(TRY(running.wait()));
}

// "" or why this host cannot enter a namespace with `maps`.
std::string obstacle(const os::IdMaps& maps) {
  const std::string status =
      in_keeper(maps, [](os::UniqueFd) -> Result<std::string> { return ""; }).status;
  return status;
}

enum class Map { kSingle, kMany };

std::string name_of(const testing::TestParamInfo<Map>& map) {
  return map.param == Map::kSingle ? "OneId" : "ManyIds";
}

class Launch : public testing::TestWithParam<Map> {
 protected:
  void SetUp() override {
    auto maps = GetParam() == Map::kMany ? os::subordinate_maps() : os::single_map();
    if (!maps) GTEST_SKIP() << "no subordinate ids: " << to_text(maps.error());
    maps_ = *maps;
    static std::map<Map, std::string> obstacles;  // found once
    const auto [known, first] = obstacles.try_emplace(GetParam());
    if (first) known->second = obstacle(maps_);
    if (!known->second.empty()) GTEST_SKIP() << "no namespaces here: " << known->second;
    base_ = testing::TempDir() + "lichen_launch_" + std::to_string(::getpid());
    root_ = base_ + "/root";
    ASSERT_TRUE(os::remove_tree(base_));
    ASSERT_TRUE(os::mkdirs(root_));
  }
  void TearDown() override {
    if (!base_.empty()) {
      EXPECT_TRUE(os::remove_tree(base_));
    }
  }

  Plan plan_of(std::vector<std::string> argv, bool own_network = false) const {
    Plan plan{.rootfs = root_, .argv = std::move(argv), .env = {"PATH=/usr/bin:/bin", "A=b c"}};
    plan.steps.push_back(Bind{.source = "/usr", .target = "/usr", .read_only = true});
    for (const std::string name : {"bin", "sbin", "lib", "lib64"}) {
      struct ::stat status {};
      if (::lstat(("/" + name).c_str(), &status) < 0) continue;
      if (S_ISLNK(status.st_mode))
        plan.steps.push_back(Symlink{.target = "usr/" + name, .link = "/" + name});
      else
        plan.steps.push_back(Bind{.source = "/" + name, .target = "/" + name, .read_only = true});
    }
    plan.set_ids = GetParam() == Map::kMany;
    plan.own_network = own_network;
    add_standard_mounts(plan);
    return plan;
  }
  Outcome run(const Plan& plan) const {
    return in_keeper(maps_,
                     [&](os::UniqueFd out) { return launch_and_wait(plan, std::move(out)); });
  }
  Outcome shell(const std::string& script) const { return run(plan_of({"sh", "-c", script})); }

  os::IdMaps maps_;
  std::string base_, root_;
};

INSTANTIATE_TEST_SUITE_P(Maps, Launch, testing::Values(Map::kSingle, Map::kMany), name_of);

TEST_P(Launch, ReportsHowTheCommandEnded) {
  EXPECT_EQ(run(plan_of({"true"})).status, "exited 0");
  EXPECT_EQ(shell("exit 3").status, "exited 3");
  EXPECT_EQ(shell("kill -TERM $$").status, "signaled 15");
  const Outcome outcome = shell("echo $A; echo two >&2");
  EXPECT_EQ(outcome.out, "b c\ntwo\n");
}

TEST_P(Launch, SaysWhenACommandCannotBeExecuted) {
  Outcome outcome = run(plan_of({"no-such-command"}));
  EXPECT_EQ(outcome.status, "exited 127");
  EXPECT_EQ(outcome.out,
            "lichen: cannot run no-such-command: executable file not found in $PATH\n");
  EXPECT_EQ(run(plan_of({"/usr/bin"})).status, "exited 126");
  ASSERT_TRUE(os::replace_file(root_ + "/script", "#!/no/interpreter\n", 0755));
  outcome = run(plan_of({"/script"}));
  EXPECT_EQ(outcome.status, "exited 127");
  EXPECT_NE(outcome.out.find("interpreter"), std::string::npos) << outcome.out;
  ASSERT_TRUE(os::replace_file(root_ + "/garbage", "\x7f garbage", 0755));
  EXPECT_EQ(run(plan_of({"/garbage"})).status, "exited 126");
}

TEST_P(Launch, GivesAProcOfItsOwn) {
  const Outcome outcome = shell(
      "cd /proc; echo [0-9]*; cat keys timer_list | wc -c; ls acpi 2>/dev/null | wc -w; "
      "echo x 2>/dev/null > sys/kernel/hostname || echo read-only");
  EXPECT_EQ(outcome.out, "1 2\n0\n0\nread-only\n");  // init and the shell
}

TEST_P(Launch, HidesInitsMemory) {
  EXPECT_NE(shell("cat /proc/1/environ").status, "exited 0");
  EXPECT_NE(shell("ls /proc/1/root/").status, "exited 0");
}

TEST_P(Launch, GivesDevices) {
  const Outcome outcome = shell(
      "echo x > /dev/null && head -c 3 /dev/zero | wc -c && test -c /dev/urandom && "
      "ls /dev | tr '\\n' ' ' && stat -c '%a %F' /dev/shm && test -c /dev/ptmx && "
      "echo y > /dev/shm/f && stat -f -c %T /dev/mqueue && readlink /dev/stdin");
  EXPECT_EQ(outcome.status, "exited 0") << outcome.out;
  EXPECT_EQ(outcome.out,
            "3\nfd full mqueue null ptmx pts random shm stderr stdin stdout tty urandom zero "
            "1777 directory\nmqueue\n/proc/self/fd/0\n");
}

TEST_P(Launch, SetsHostNameAndDirectory) {
  Plan plan = plan_of({"sh", "-c", "uname -n; pwd; umask"});
  plan.hostname = "builder";
  plan.steps.push_back(Directory{.target = "/work/place"});
  plan.cwd = "/work/place";
  const Outcome outcome = run(plan);
  EXPECT_EQ(outcome.out, "builder\n/work/place\n0022\n");
  plan.cwd = "/absent";
  EXPECT_EQ(run(plan).status,
            "error: enter the working directory /absent: No such file or directory");
}

TEST_P(Launch, LeaksNoDescriptors) {
  const Outcome outcome = shell("ls /proc/self/fd | tr '\\n' ' '");
  EXPECT_EQ(outcome.out, "0 1 2 3 ");  // 3: ls reading the directory
}

TEST_P(Launch, ReadOnlyPlacesAreReadOnly) {
  Plan plan = plan_of({"sh", "-c",
                       "touch /in/x 2>/dev/null || echo ro; touch /out/x && echo rw; "
                       "touch /usr/x 2>/dev/null || echo ro"});
  ASSERT_TRUE(os::mkdirs(base_ + "/in/deep"));
  ASSERT_TRUE(os::mkdirs(base_ + "/out"));
  plan.steps.push_back(Bind{.source = base_ + "/in", .target = "/in", .read_only = true});
  plan.steps.push_back(Bind{.source = base_ + "/out", .target = "/out"});
  EXPECT_EQ(run(plan).out, "ro\nrw\nro\n");
  EXPECT_TRUE(os::exists(base_ + "/out/x"));
}

TEST_P(Launch, HostileLinksStayInside) {
  // What a mount or a new file at these targets would hit, if links led outside.
  const std::string outside = base_ + "/outside";
  ASSERT_TRUE(os::mkdirs(outside));
  ASSERT_EQ(::symlink(outside.c_str(), (root_ + "/dev").c_str()), 0);
  ASSERT_EQ(::symlink("../../../../../../../..", (root_ + "/up").c_str()), 0);
  ASSERT_TRUE(os::mkdirs(root_ + "/etc"));
  ASSERT_EQ(::symlink("../run/made.conf", (root_ + "/etc/resolv.conf").c_str()), 0);
  ASSERT_EQ(::symlink((outside + "/file").c_str(), (root_ + "/etc/hosts").c_str()), 0);
  ASSERT_TRUE(os::replace_file(base_ + "/source", "content"));
  Plan plan = plan_of({"sh", "-c", "cat /etc/resolv.conf /etc/hosts; ls -d /up/placed"});
  for (const char* target : {"/etc/resolv.conf", "/etc/hosts"})
    plan.steps.push_back(Bind{.source = base_ + "/source", .target = target});
  plan.steps.push_back(Directory{.target = "/up/placed"});
  const Outcome outcome = run(plan);
  // Links to an absent directory are followed only for the last part.
  if (starts_with(outcome.status, "error")) {
    EXPECT_NE(outcome.status.find("/dev"), std::string::npos) << outcome.status;
  }
  EXPECT_TRUE(os::read_directory(*os::open(outside, O_RDONLY | O_DIRECTORY))->empty());

  ASSERT_TRUE(os::mkdirs(root_ + outside));  // now the links have an end, inside
  const Outcome second = run(plan);
  EXPECT_EQ(second.status, "exited 0") << second.out;
  EXPECT_EQ(second.out, "contentcontent/up/placed\n");
  EXPECT_TRUE(os::read_directory(*os::open(outside, O_RDONLY | O_DIRECTORY))->empty());
  EXPECT_TRUE(os::exists(root_ + "/run/made.conf"));
  EXPECT_TRUE(os::exists(root_ + "/placed"));
}

TEST_P(Launch, DescendantsDieWithTheCommand) {
  // The sleeper has left the session and holds the pipe: only its death ends our reading.
  const auto begin = std::chrono::steady_clock::now();
  const Outcome outcome = shell("(setsid sleep 30 &) ; echo left");
  EXPECT_EQ(outcome.out, "left\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_P(Launch, KillEndsEverything) {
  const Outcome outcome = in_keeper(maps_, [&](os::UniqueFd out) -> Result<std::string> {
    if (::mount(root_.c_str(), root_.c_str(), nullptr, MS_BIND, nullptr) < 0)
      return fail(os_error("bind", root_));
    Running running = TRY(launch(plan_of({"sleep", "30"}), TRY(stdio_to(std::move(out)))));
    TRY(running.start());
    running.init.kill(running.end_signal());
    return text_of(TRY(running.wait()));
  });
  EXPECT_EQ(outcome.status, "signaled 9");
}

TEST_P(Launch, HasDockersCapabilitiesOnly) {
  const Outcome outcome = shell("grep -E 'Cap(Inh|Eff|Bnd|Amb)|NoNew|Seccomp:' /proc/self/status");
  EXPECT_EQ(outcome.out,
            "CapInh:\t0000000000000000\nCapEff:\t00000000a80425fb\nCapBnd:\t00000000a80425fb\n"
            "CapAmb:\t0000000000000000\nNoNewPrivs:\t0\nSeccomp:\t2\n");
}

TEST_P(Launch, GivesAllCapabilitiesWhenAsked) {
  Plan plan = plan_of({"sh", "-c",
                       "test $((0x$(grep CapEff /proc/self/status | cut -f 2))) = "
                       "$(((2 << $(cat /proc/sys/kernel/cap_last_cap)) - 1)) && "
                       "mount -t tmpfs none /mnt && echo mounted"});
  plan.steps.push_back(Directory{.target = "/mnt"});
  plan.privileged = true;
  const Outcome outcome = run(plan);
  EXPECT_EQ(outcome.out, "mounted\n");
  EXPECT_EQ(outcome.status, "exited 0");
}

TEST_P(Launch, SetsIdentityWhereItIsMapped) {
  Plan plan = plan_of({"sh", "-c", "id -u; id -g; id -G; grep CapEff /proc/self/status"});
  if (GetParam() == Map::kSingle) {
    EXPECT_TRUE(starts_with(run(plan).out, "0\n0\n"));
    return;
  }
  plan.uid = 1000;
  plan.gid = 1001;
  plan.groups = {1001, 27};
  EXPECT_EQ(run(plan).out, "1000\n1001\n1001 27\nCapEff:\t0000000000000000\n");
  ASSERT_TRUE(os::replace_file(root_ + "/roots", "#!/bin/sh\n", 0700));
  plan.argv = {"/roots"};
  EXPECT_EQ(run(plan).status, "exited 126");
}

TEST_P(Launch, LimitsResources) {
  Plan plan = plan_of({"sh", "-c", "ulimit -S -n; ulimit -H -n; ulimit -c"});
  plan.limits = {{RLIMIT_NOFILE, 16, 17}, {RLIMIT_CORE, 0, 0}};
  const Outcome outcome = run(plan);
  EXPECT_EQ(outcome.out, "16\n17\n0\n");
  EXPECT_EQ(outcome.status, "exited 0");
}

TEST_P(Launch, OwnNetworkHasLoopbackOnly) {
  const Outcome outcome =
      run(plan_of({"sh", "-c", "ls /sys/class/net; cat /sys/class/net/lo/operstate"}, true));
  EXPECT_EQ(outcome.out, "lo\nunknown\n") << outcome.status;  // "down" until it is brought up
}

TEST_P(Launch, NotifyRulesGiveAListener) {
  Plan plan = plan_of({"sh", "-c", "mkdir /made && echo done"});
  plan.notify = {{.nr = SYS_mkdir}, {.nr = SYS_mkdirat}};
  const Outcome outcome = in_keeper(maps_, [&](os::UniqueFd out) -> Result<std::string> {
    if (::mount(root_.c_str(), root_.c_str(), nullptr, MS_BIND, nullptr) < 0)
      return fail(os_error("bind", root_));
    Running running = TRY(launch(plan, TRY(stdio_to(std::move(out)))));
    TRY(running.start());
    seccomp_notif request{};
    if (::ioctl(running.listener.get(), SECCOMP_IOCTL_NOTIF_RECV, &request) < 0)
      return fail(os_error("receive", "notification"));
    seccomp_notif_resp response{.id = request.id};  // says 0, does nothing
    if (::ioctl(running.listener.get(), SECCOMP_IOCTL_NOTIF_SEND, &response) < 0)
      return fail(os_error("answer", "notification"));
    return text_of(TRY(running.wait()));
  });
  EXPECT_EQ(outcome.status, "exited 0");
  EXPECT_EQ(outcome.out, "done\n");
  EXPECT_FALSE(os::exists(root_ + "/made"));
}

TEST_P(Launch, GivesAControllingTerminal) {
  Plan plan = plan_of({"sh", "-c", "tty; echo through > /dev/tty"});
  plan.terminal = true;
  plan.steps.push_back(Console{});
  // The caller's, opened outside of the namespaces.
  const os::UniqueFd master = *os::open("/dev/ptmx", O_RDWR | O_NOCTTY);
  char name[64];
  ASSERT_EQ(::unlockpt(master.get()), 0);
  ASSERT_EQ(::ptsname_r(master.get(), name, sizeof name), 0);
  os::UniqueFd slave = *os::open(name, O_RDWR | O_NOCTTY);
  const Outcome outcome = in_keeper(maps_, [&](os::UniqueFd out) -> Result<std::string> {
    if (::mount(root_.c_str(), root_.c_str(), nullptr, MS_BIND, nullptr) < 0)
      return fail(os_error("bind", root_));
    Stdio stdio;
    stdio.in = std::move(slave);
    stdio.out = TRY(os::duplicate(stdio.in));
    stdio.err = TRY(os::duplicate(stdio.in));
    Running running = TRY(launch(plan, std::move(stdio)));
    TRY(running.start());
    const auto status = TRY(running.wait());
    // It arrives in pieces, and never ends: our parent has the other side, too.
    std::string text;
    pollfd polled{master.get(), POLLIN, 0};
    while (text.find("through\r\n") == std::string::npos && ::poll(&polled, 1, 5000) > 0) {
      char piece[256];
      const ssize_t count = ::read(master.get(), piece, sizeof piece);
      if (count <= 0) break;
      text.append(piece, static_cast<std::size_t>(count));
    }
    say(out, text);
    return text_of(status);
  });
  EXPECT_EQ(outcome.status, "exited 0");
  EXPECT_EQ(outcome.out, "/dev/console\r\nthrough\r\n");
}

// Without a pid namespace.
Plan sharing(Plan plan) {
  plan.own_pid = false;
  for (Step& step : plan.steps)
    if (Proc* proc = std::get_if<Proc>(&step)) proc->host = true;
  return plan;
}

TEST_P(Launch, SharesProcessesWhenAsked) {
  EXPECT_EQ(run(sharing(plan_of({"sh", "-c", "test $(cat /proc/$$/comm) = sh"}))).status,
            "exited 0");
  EXPECT_EQ(run(sharing(plan_of({"sh", "-c", "kill -TERM $$"}))).status, "signaled 15");
}

// Each holds the pipe that we read to its end.
constexpr char kDaemons[] =
    "for i in 1 2 3; do (setsid sh -c 'trap \"\" TERM HUP; sleep 30 & sleep 30 & wait' &); done; "
    "(setsid setsid sleep 30 &) & (while :; do (true &); done &) ; ";

TEST_P(Launch, DescendantsDieWithoutAPidNamespaceToo) {
  const auto begin = std::chrono::steady_clock::now();
  const Outcome outcome =
      run(sharing(plan_of({"sh", "-c", std::string(kDaemons) + "echo left; exit 4"})));
  EXPECT_EQ(outcome.out, "left\n");
  EXPECT_EQ(outcome.status, "exited 4");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_P(Launch, DescendantsDieWhenTheirInitIsKilled) {
  const auto begin = std::chrono::steady_clock::now();
  const Outcome outcome = in_keeper(maps_, [&](os::UniqueFd out) -> Result<std::string> {
    const Plan plan = sharing(plan_of({"sh", "-c", std::string(kDaemons) + "echo left; sleep 30"}));
    if (::mount(plan.rootfs.c_str(), plan.rootfs.c_str(), nullptr, MS_BIND | MS_REC, nullptr) < 0)
      return fail(os_error("bind", plan.rootfs));
    auto ready = TRY(os::pipe());
    Running running = TRY(launch(plan, TRY(stdio_to(std::move(ready.second)))));
    TRY(running.start());
    char byte = 0;
    if (::read(ready.first.get(), &byte, 1) != 1) return fail(os_error("read", "output"));
    running.init.kill(running.end_signal());
    TRY(running.wait());
    say(out, byte + TRY(os::read_file(ready.first)));
    return "";
  });
  EXPECT_EQ(outcome.out, "left\n") << outcome.status;
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_P(Launch, NobodyOutsideCanBeSignalled) {
  if (landlock_abi() < 6) GTEST_SKIP() << "this kernel has no Landlock scopes";
  EXPECT_EQ(run(sharing(plan_of({"sh", "-c", "kill -KILL $PPID 2>/dev/null; exit 3"}))).status,
            "exited 3");
}

TEST_P(Launch, DescendantsDieWhenTheirSupervisorIsKilled) {
  const auto begin = std::chrono::steady_clock::now();
  const Outcome outcome = in_keeper(maps_, [&](os::UniqueFd out) -> Result<std::string> {
    const Plan plan = sharing(plan_of({"sh", "-c", std::string(kDaemons) + "echo left; sleep 30"}));
    auto ready = TRY(os::pipe());
    const pid_t pid = ::fork();
    if (pid == 0) {
      ready.first.reset();
      (void)launch_and_wait(plan, std::move(ready.second));
      ::_exit(0);
    }
    ready.second.reset();
    char byte = 0;
    if (::read(ready.first.get(), &byte, 1) != 1) return fail(os_error("read", "output"));
    ::kill(pid, SIGKILL);
    ::waitpid(pid, nullptr, 0);
    say(out, byte + TRY(os::read_file(ready.first)));
    return "";
  });
  EXPECT_EQ(outcome.out, "left\n");
  EXPECT_LT(std::chrono::steady_clock::now() - begin, std::chrono::seconds(10));
}

TEST_P(Launch, TellsWhatItMadeForMounts) {
  ASSERT_TRUE(os::mkdirs(root_ + "/proc"));
  const Outcome outcome = in_keeper(maps_, [&](os::UniqueFd out) -> Result<std::string> {
    if (::mount(root_.c_str(), root_.c_str(), nullptr, MS_BIND, nullptr) < 0)
      return fail(os_error("bind", root_));
    Plan plan{.rootfs = root_, .argv = {"true"}};
    add_standard_mounts(plan);
    plan.steps.push_back(Bind{.source = base_, .target = "/a/b"});
    plan.steps.push_back(Bind{.source = "/dev/null", .target = "/etc/file"});
    Running running = TRY(launch(plan, TRY(stdio_to(std::move(out)))));
    TRY(running.start());
    TRY(running.wait());
    for (auto path = running.created.rbegin(); path != running.created.rend(); ++path)
      if (::remove(path->c_str()) < 0) return fail(os_error("remove", *path));
    return join(running.created, " ");
  });
  EXPECT_EQ(outcome.status, "/dev /sys /a /a/b /etc /etc/file");
  EXPECT_EQ(os::read_directory(*os::open(root_, O_RDONLY | O_DIRECTORY))->size(), 1u);  // proc
}

TEST_P(Launch, FailedStepsAreNamed) {
  Plan plan = plan_of({"true"});
  plan.steps.push_back(Bind{.source = base_ + "/absent", .target = "/x"});
  EXPECT_EQ(run(plan).status, "error: bind " + base_ + "/absent to /x: bind " + base_ +
                                  "/absent: No such file or directory");
}

class Overlay : public Launch {};
INSTANTIATE_TEST_SUITE_P(Maps, Overlay, testing::Values(Map::kSingle, Map::kMany), name_of);

TEST_P(Overlay, StacksLayersAndKeepsChangesAbove) {
  constexpr int kLayers = 120;
  std::vector<std::string> lower;
  for (int i = 0; i < kLayers; ++i) {
    lower.push_back(base_ + "/layer,with:odd name" + std::to_string(i));
    ASSERT_TRUE(os::mkdirs(lower.back()));
    ASSERT_TRUE(os::replace_file(lower.back() + "/top", std::to_string(i)));
    ASSERT_TRUE(os::replace_file(lower.back() + "/f" + std::to_string(i), "x"));
  }
  for (const char* name : {"/upper", "/work"}) ASSERT_TRUE(os::mkdirs(base_ + name));
  for (int round = 0; round < 2; ++round) {  // the second finds the first one's work directory
    const Outcome outcome = in_keeper(maps_, [&](os::UniqueFd) -> Result<std::string> {
      TRY(mount_overlay(lower, base_ + "/upper", base_ + "/work", root_));
      TRY(os::replace_file(root_ + "/new", "new"));
      TRY(os::unlink(root_ + "/f1"));
      TRY(os::replace_file(root_ + "/f1", "again"));
      return TRY(os::read_file(root_ + "/top")) + " " +
             std::to_string(TRY(os::read_directory(TRY(os::open(root_, O_RDONLY)))).size());
    });
    EXPECT_EQ(outcome.status, "0 122");
    EXPECT_EQ(*os::read_file(base_ + "/upper/new"), "new");
  }
}

TEST_P(Overlay, WithoutUpperIsReadOnly) {
  for (const char* name : {"/one", "/two"}) ASSERT_TRUE(os::mkdirs(base_ + name));
  ASSERT_TRUE(os::replace_file(base_ + "/one/f", "1"));
  for (const bool single : {true, false}) {
    const Outcome outcome = in_keeper(maps_, [&](os::UniqueFd) -> Result<std::string> {
      std::vector<std::string> lower{base_ + "/one"};
      if (!single) lower.push_back(base_ + "/two");
      TRY(mount_overlay(lower, "", "", root_));
      const auto written = os::replace_file(root_ + "/g", "x");
      return TRY(os::read_file(root_ + "/f")) + " " +
             (written ? "written" : std::to_string(written.error().os_errno));
    });
    EXPECT_EQ(outcome.status, "1 " + std::to_string(EROFS));
  }
}

}  // namespace
}  // namespace lichen::sandbox
