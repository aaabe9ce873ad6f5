#include "emulate/credentials.h"

#include <gtest/gtest.h>
#include <linux/securebits.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <unistd.h>

#include "emulate/caps.h"
#include "emulate/exec.h"
#include "emulate/setid.h"

namespace lichen::emulate {
namespace {

using Call = SetIdRequest::Call;
constexpr std::uint32_t kNo = kUnchanged;

Credentials user(Ids uid, CapabilitySet permitted = 0, CapabilitySet effective = 0) {
  Credentials credentials{.uid = uid};
  credentials.caps.permitted = permitted;
  credentials.caps.effective = effective;
  return credentials;
}
const Credentials kRoot = credentials_of(0, 0, {});
const Credentials kUser = credentials_of(33, 33, {});

std::string to_text(const Answer<Credentials>& answer) {
  if (!answer) return "errno " + std::to_string(answer.error().number);
  const Ids& ids = answer->uid;
  std::string text;
  for (const std::uint32_t id : {ids.real, ids.effective, ids.saved, ids.fs}) {
    text += std::to_string(id) + " ";
  }
  const Capabilities& caps = answer->caps;
  text += caps.permitted == 0 ? "-" : caps.permitted == kAllCapabilities ? "P" : "p";
  text += caps.effective == 0 ? "-" : caps.effective == kAllCapabilities ? "E" : "e";
  return text;
}

// The results are those of a kernel with all ids mapped.
TEST(SetId, FollowsTheKernelsRules) {
  const Credentials root = kRoot;
  const Credentials plain = user({33, 33, 33, 33});
  const Credentials suid = user({33, 0, 0, 0}, kAllCapabilities, kAllCapabilities);
  const Credentials dropped = user({0, 33, 0, 33}, kAllCapabilities, 0);
  Credentials keeps = root;
  keeps.securebits = SECBIT_KEEP_CAPS;
  Credentials no_fixup = root;
  no_fixup.securebits = SECBIT_NO_SETUID_FIXUP;
  const struct {
    const char* name;
    Credentials before;
    SetIdRequest request;
    const char* want;
  } rows[] = {
      {"root leaves for good", root, {Call::kId, false, 33}, "33 33 33 33 --"},
      {"-1 is no id", root, {Call::kId, false, kNo}, "errno 22"},
      {"user stays", plain, {Call::kId, false, 33}, "33 33 33 33 --"},
      {"user may not leave", plain, {Call::kId, false, 0}, "errno 1"},
      {"setuid program as root", suid, {Call::kId, false, 33}, "33 33 33 33 --"},
      {"seteuid of root", root, {Call::kRes, false, kNo, 33, kNo}, "0 33 0 33 P-"},
      {"and back", dropped, {Call::kRes, false, kNo, 0, kNo}, "0 0 0 0 PE"},
      {"setuid while dropped", dropped, {Call::kId, false, 0}, "0 0 0 0 PE"},
      {"setresuid of root", root, {Call::kRes, false, 1, 2, 3}, "1 2 3 2 --"},
      {"user permutes", user({1, 2, 3, 2}), {Call::kRes, false, 3, 1, 2}, "3 1 2 1 --"},
      {"user invents", user({1, 2, 3, 2}), {Call::kRes, false, kNo, kNo, 4}, "errno 1"},
      {"nothing resets fs", user({1, 2, 3, 1}), {Call::kRes, false, kNo, kNo, kNo}, "1 2 3 2 --"},
      {"setreuid swaps", suid, {Call::kRe, false, 0, 33}, "0 33 33 33 P-"},
      {"setreuid real", plain, {Call::kRe, false, 33, kNo}, "33 33 33 33 --"},
      {"setreuid keeps saved", user({1, 2, 3, 2}), {Call::kRe, false, kNo, 1}, "1 1 3 1 --"},
      {"setreuid sets saved", user({1, 2, 3, 2}), {Call::kRe, false, kNo, 3}, "1 3 3 3 --"},
      {"setreuid real from saved", user({1, 2, 3, 2}), {Call::kRe, false, 3, kNo}, "errno 1"},
      {"setreuid denied", plain, {Call::kRe, false, 0, kNo}, "errno 1"},
      {"keepcaps", keeps, {Call::kRes, false, 33, 33, 33}, "33 33 33 33 P-"},
      {"no fixup", no_fixup, {Call::kId, false, 33}, "33 33 33 33 PE"},
      {"setfsuid", root, {Call::kFs, false, 33}, "0 0 0 33 Pe"},
      {"setfsuid denied is silent", plain, {Call::kFs, false, 0}, "33 33 33 33 --"},
      {"setfsuid asks", root, {Call::kFs, false, kNo}, "0 0 0 0 PE"},
      {"group of a user", plain, {Call::kId, true, 5}, "errno 1"},
      {"group of root", root, {Call::kRes, true, 5, 5, 5}, "0 0 0 0 PE"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(to_text(decide(row.request, row.before)), row.want) << row.name;
  }
}

TEST(SetId, GroupsChangeGroups) {
  const auto now = decide({Call::kRes, true, 5, 6, 7}, kRoot);
  ASSERT_TRUE(now);
  EXPECT_EQ(now->gid, (Ids{5, 6, 7, 6}));
  EXPECT_EQ(now->uid, Ids{});
}

TEST(SetId, AmbientGoesWithRoot) {
  Credentials before = kRoot;
  before.securebits = SECBIT_KEEP_CAPS;
  before.caps.ambient = capability(CAP_NET_RAW);
  EXPECT_EQ(decide({Call::kId, false, 33}, before)->caps.ambient, kNoCapabilities);
}

TEST(CapSet, OnlyGivesUp) {
  const CapabilitySet one = capability(CAP_SETGID), two = one | capability(CAP_SETUID);
  const Credentials kept = user({33, 33, 33, 33}, two, 0);
  const struct {
    Credentials before;
    CapSetRequest request;
    int error;
  } rows[] = {
      {kRoot, {two, one, 0}, 0},
      {kept, {two, two, 0}, 0},
      {kept, {one, one, one}, 0},
      {kept, {one, two, 0}, EPERM},
      {kept, {kAllCapabilities, 0, 0}, EPERM},
      {kUser, {one, 0, 0}, EPERM},
      {kUser, {0, 0, 0}, 0},
      {kUser, {0, 0, one}, EPERM},
      {kRoot, {0, 0, kAllCapabilities}, 0},
  };
  int number = 0;
  for (const auto& row : rows) {
    const auto now = decide(row.request, row.before);
    EXPECT_EQ(now ? 0 : now.error().number, row.error) << number++;
    if (now) {
      EXPECT_EQ(now->caps.permitted, row.request.permitted);
      EXPECT_EQ(now->caps.effective, row.request.effective);
      EXPECT_EQ(now->caps.inheritable, row.request.inheritable);
    }
  }
}

TEST(Prctl, AnswersFromTheModel) {
  Credentials locked = kRoot;
  locked.securebits = SECBIT_KEEP_CAPS | SECBIT_KEEP_CAPS_LOCKED;
  Credentials inherits = kRoot;
  inherits.caps.inheritable = capability(CAP_CHOWN);
  const struct {
    const char* name;
    Credentials before;
    PrctlRequest request;
    int want;  // value, or minus errno
  } rows[] = {
      {"get keepcaps", kRoot, {PR_GET_KEEPCAPS}, 0},
      {"get kept", locked, {PR_GET_KEEPCAPS}, 1},
      {"set", kRoot, {PR_SET_KEEPCAPS, 1}, 0},
      {"set two", kRoot, {PR_SET_KEEPCAPS, 2}, -EINVAL},
      {"locked", locked, {PR_SET_KEEPCAPS, 0}, -EPERM},
      {"user may keep", kUser, {PR_SET_KEEPCAPS, 1}, 0},
      {"bits of a user", kUser, {PR_SET_SECUREBITS, SECBIT_NOROOT}, -EPERM},
      {"bits", kRoot, {PR_SET_SECUREBITS, SECBIT_NOROOT}, 0},
      {"unknown bit", kRoot, {PR_SET_SECUREBITS, 1u << 20}, -EPERM},
      {"drop a lock", locked, {PR_SET_SECUREBITS, SECBIT_KEEP_CAPS}, -EPERM},
      {"change what is locked", locked, {PR_SET_SECUREBITS, SECBIT_KEEP_CAPS_LOCKED}, -EPERM},
      {"read bounding", kUser, {PR_CAPBSET_READ, CAP_CHOWN}, 1},
      {"read beyond", kUser, {PR_CAPBSET_READ, 63}, -EINVAL},
      {"drop", kRoot, {PR_CAPBSET_DROP, CAP_CHOWN}, 0},
      {"drop beyond", kRoot, {PR_CAPBSET_DROP, 64}, -EINVAL},
      {"drop of a user", kUser, {PR_CAPBSET_DROP, CAP_CHOWN}, -EPERM},
      {"raise", inherits, {PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN}, 0},
      {"raise what is not inherited", kRoot, {PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 0}, -EPERM},
      {"ask", inherits, {PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN}, 0},
      {"clear", inherits, {PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL}, 0},
      {"clear one", inherits, {PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1}, -EINVAL},
      {"nonsense", inherits, {PR_CAP_AMBIENT, 9}, -EINVAL},
  };
  for (const auto& row : rows) {
    const auto answer = decide(row.request, row.before);
    EXPECT_EQ(answer ? static_cast<int>(answer->value) : -answer.error().number, row.want)
        << row.name;
  }
}

TEST(Exec, ParsesFileCapabilities) {
  using namespace std::string_view_literals;
  const FileCapabilities ping{.permitted = capability(CAP_NET_RAW), .effective = true};
  const FileCapabilities high{.permitted = capability(CAP_BPF),
                              .inheritable = capability(CAP_CHOWN)};
  const struct {
    const char* name;
    std::string_view bytes;
    std::optional<FileCapabilities> want;
  } rows[] = {
      {"2", "\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv, ping},
      {"3", "\1\0\0\3\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x39\x30\0\0"sv, ping},
      {"1", "\1\0\0\1\0\x20\0\0\0\0\0\0"sv, ping},
      {"both words", "\0\0\0\2\0\0\0\0\1\0\0\0\x80\0\0\0\0\0\0\0"sv, high},
      {"bits of no capability", "\1\0\0\2\0\x20\0\0\0\0\0\0\0\0\0\xff\0\0\0\xff"sv, ping},
      {"short", "\1\0\0\2\0\x20\0\0"sv, std::nullopt},
      {"empty", ""sv, std::nullopt},
      {"4", "\1\0\0\4\0\x20\0\0\0\0\0\0\0\0\0\0\0\0\0\0"sv, std::nullopt},
  };
  for (const auto& row : rows) EXPECT_EQ(parse_file_capabilities(row.bytes), row.want) << row.name;
}

TEST(Exec, FilesGiveCapabilities) {
  constexpr CapabilitySet kRaw = capability(CAP_NET_RAW), kChown = capability(CAP_CHOWN);
  const Owned plain{0, 0, S_IFREG | 0755}, suid_root{0, 0, S_IFREG | 04755};
  const FileCapabilities raw{.permitted = kRaw, .effective = true};
  const FileCapabilities aware{.permitted = kRaw};
  const FileCapabilities inherited{.inheritable = kChown, .effective = true};
  Credentials heir = kUser, bounded = kUser, ambient = kUser;
  heir.caps.inheritable = kChown;
  bounded.caps.bounding = kChown;
  ambient.caps.permitted = ambient.caps.inheritable = ambient.caps.ambient = kChown;
  const struct {
    const char* name;
    Credentials before;
    ExecRequest request;
    CapabilitySet permitted, effective;
    bool refused;
  } rows[] = {
      {"gained", kUser, {plain, true, raw}, kRaw, kRaw, false},
      {"nosuid", kUser, {plain, false, raw}, 0, 0, false},
      {"only permitted", kUser, {plain, true, aware}, kRaw, 0, false},
      {"inherited", heir, {plain, true, inherited}, kChown, kChown, false},
      {"nothing to inherit", kUser, {plain, true, inherited}, 0, 0, false},
      {"out of bounds", bounded, {plain, true, raw}, 0, 0, true},
      {"out of bounds, not needed", bounded, {plain, true, aware}, 0, 0, false},
      {"ambient ones go", ambient, {plain, true, raw}, kRaw, kRaw, false},
      {"root has all", kRoot, {plain, true, raw}, kAllCapabilities, kAllCapabilities, false},
      {"setuid root with its own", kUser, {suid_root, true, raw}, kRaw, kRaw, false},
  };
  for (const auto& row : rows) {
    const Credentials now = decide(row.request, row.before);
    EXPECT_EQ(now.caps.permitted, row.permitted) << row.name;
    EXPECT_EQ(now.caps.effective, row.effective) << row.name;
    EXPECT_EQ(lacks_capabilities(row.request, row.before), row.refused) << row.name;
  }
  EXPECT_EQ(decide({plain, true, raw}, ambient).caps.ambient, kNoCapabilities);
}

TEST(Exec, RecomputesCredentials) {
  const Owned plain{0, 0, S_IFREG | 0755};
  const Owned suid{7, 8, S_IFREG | 04755};
  const Owned sgid{7, 8, S_IFREG | 02755};
  const Owned mandatory_lock{7, 8, S_IFREG | 02745};
  const Owned suid_root{0, 0, S_IFREG | 04755};
  const Credentials no_root = [] {
    Credentials credentials = kRoot;
    credentials.securebits = SECBIT_NOROOT;
    return credentials;
  }();
  const Credentials half = [] {  // setpriv: kept capabilities, then exec
    Credentials credentials = user({33, 33, 33, 33}, kAllCapabilities, kAllCapabilities);
    credentials.securebits = SECBIT_KEEP_CAPS;
    return credentials;
  }();
  const struct {
    const char* name;
    Credentials before;
    ExecRequest request;
    const char* want;
  } rows[] = {
      {"root", kRoot, {plain}, "0 0 0 0 PE"},
      {"user", kUser, {plain}, "33 33 33 33 --"},
      {"kept ones are lost", half, {plain}, "33 33 33 33 --"},
      {"suid", kUser, {suid}, "33 7 7 7 --"},
      {"sudo", kUser, {suid_root}, "33 0 0 0 PE"},
      {"nosuid", kUser, {suid_root, false}, "33 33 33 33 --"},
      {"root runs suid", kRoot, {suid}, "0 7 7 7 P-"},
      {"sgid", kUser, {sgid}, "33 33 33 33 --"},
      {"saved follows", user({0, 33, 0, 33}, kAllCapabilities), {plain}, "0 33 33 33 P-"},
      {"noroot", no_root, {plain}, "0 0 0 0 --"},
  };
  for (const auto& row : rows) {
    EXPECT_EQ(to_text(Answer<Credentials>(decide(row.request, row.before))), row.want) << row.name;
  }
  EXPECT_EQ(decide({sgid}, kUser).gid, (Ids{33, 8, 8, 8}));
  EXPECT_EQ(decide({mandatory_lock}, kUser).gid, (Ids{33, 33, 33, 33}));
  EXPECT_EQ(decide({plain}, half).securebits, 0u);
  Credentials bounded = kRoot;
  bounded.caps.bounding &= ~capability(CAP_CHOWN);
  EXPECT_FALSE(decide({plain}, bounded).capable(CAP_CHOWN));
  Credentials ambient = kUser;
  ambient.caps.ambient = capability(CAP_NET_RAW);
  EXPECT_TRUE(decide({plain}, ambient).capable(CAP_NET_RAW));
  EXPECT_FALSE(decide({suid}, ambient).capable(CAP_NET_RAW));
}

TEST(CredentialTable, SharesNumbersAndIsBounded) {
  CredentialTable table(kRoot);
  EXPECT_EQ(table.intern(kRoot), 0);
  EXPECT_EQ(table.intern(kUser), 1);
  EXPECT_EQ(table.intern(kUser), 1);
  Credentials large = kUser;
  large.groups.assign(65536, 1);
  std::int64_t number = 0;
  for (std::uint32_t id = 0; id < 4096 && number >= 0; ++id) {
    large.uid.real = id;
    number = table.intern(large);
  }
  EXPECT_EQ(number, -1);
  EXPECT_EQ(table.intern(kUser), 1);
  EXPECT_EQ(*table.of(::getpid()), kRoot);  // this process has no tag
}

}  // namespace
}  // namespace lichen::emulate
