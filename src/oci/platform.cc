#include <sys/utsname.h>

#include <algorithm>
#include <cstdlib>

#include "base/text.h"
#include "oci/platform_match.h"
#include "oci/types.h"

namespace lichen::oci {

namespace {

// Names that uname(2), Debian and people use, and Go's name with its variant.
struct Alias {
  std::string_view name, architecture, variant;
};
constexpr Alias kAliases[] = {
    {"x86_64", "amd64", ""},      {"x86-64", "amd64", ""}, {"aarch64", "arm64", ""},
    {"armv8l", "arm", "v7"},      {"armv7l", "arm", "v7"}, {"armv7", "arm", "v7"},
    {"armhf", "arm", "v7"},       {"armv6l", "arm", "v6"}, {"armel", "arm", "v6"},
    {"armv5tel", "arm", "v5"},    {"i386", "386", ""},     {"i486", "386", ""},
    {"i586", "386", ""},          {"i686", "386", ""},     {"loongarch64", "loong64", ""},
    {"mips64el", "mips64le", ""},
};

constexpr std::string_view kArchitectures[] = {
    "386",      "amd64",  "arm",   "arm64",   "loong64", "mips",  "mips64",
    "mips64le", "mipsle", "ppc64", "ppc64le", "riscv64", "s390x", "wasm",
};
constexpr std::string_view kSystems[] = {
    "aix",   "android", "darwin",  "dragonfly", "freebsd", "illumos", "js",
    "linux", "netbsd",  "openbsd", "plan9",     "solaris", "wasip1",  "windows",
};

void resolve_aliases(Platform& platform) {
  if (platform.os == "macos") platform.os = "darwin";
  for (const Alias& alias : kAliases) {
    if (platform.architecture != alias.name) continue;
    platform.architecture = alias.architecture;
    if (platform.variant.empty()) platform.variant = alias.variant;
  }
  // "7" is written for "v7".
  if (!platform.variant.empty() && platform.variant[0] >= '0' && platform.variant[0] <= '9')
    platform.variant.insert(0, "v");
}

bool known(const std::string& word, const std::string_view* begin, const std::string_view* end) {
  return std::find(begin, end, word) != end;
}

bool good_part(std::string_view part) {
  return !part.empty() && part.size() <= 64 &&
         part.find_first_not_of("abcdefghijklmnopqrstuvwxyz0123456789_.-") ==
             std::string_view::npos;
}

// "windows(10.0)" -> "windows", and gives "10.0".
std::string take_os_version(std::string& os) {
  const std::size_t open = os.find('(');
  if (open == std::string::npos || os.back() != ')') return "";
  const std::string version = os.substr(open + 1, os.size() - open - 2);
  os.resize(open);
  return version;
}

// The variant that a missing one stands for.
std::string implied_variant(const Platform& platform) {
  if (!platform.variant.empty()) return platform.variant;
  if (platform.architecture == "arm") return "v7";
  if (platform.architecture == "arm64") return "v8";
  if (platform.architecture == "amd64") return "v1";
  return "";
}

}  // namespace

Platform host_platform() {
  utsname host{};
  Platform platform;
  if (uname(&host) == 0) platform.architecture = host.machine;
  resolve_aliases(platform);
  return platform;
}

Result<Platform> parse_platform(std::string_view text) {
  const auto wrong = [&](const std::string& why, std::string hint = {}) {
    return fail(
        Errc::kInvalid, "invalid platform \"" + printable(text) + "\": " + why,
        hint.empty() ? "write os/architecture[/variant], such as linux/arm64" : std::move(hint));
  };
  std::vector<std::string> parts = split(to_lower(text), '/');
  const std::string version = take_os_version(parts[0]);
  if (parts.size() > 3) return wrong("more than three parts");
  for (const std::string& part : parts)
    if (!good_part(part)) return wrong(part.empty() ? "a part is empty" : "bad character");
  if (!version.empty() && !good_part(version)) return wrong("bad character");

  Platform platform = host_platform();
  platform.os_version = version;
  if (parts.size() >= 2) {
    platform.os = parts[0];
    platform.architecture = parts[1];
    platform.variant = parts.size() == 3 ? parts[2] : "";
    resolve_aliases(platform);
    if (!platform.variant.empty() && !good_part(platform.variant)) return wrong("it is too long");
    return platform;
  }
  Platform word{.os = parts[0], .architecture = parts[0]};
  resolve_aliases(word);
  if (known(word.os, std::begin(kSystems), std::end(kSystems))) {
    platform.os = word.os;
    return platform;
  }
  if (!version.empty()) return wrong("not an operating system");
  if (known(word.architecture, std::begin(kArchitectures), std::end(kArchitectures))) {
    platform.architecture = word.architecture;
    platform.variant = word.variant;
    return platform;
  }
  std::vector<std::string> words(std::begin(kSystems), std::end(kSystems));
  words.insert(words.end(), std::begin(kArchitectures), std::end(kArchitectures));
  const std::string near = closest(parts[0], words);
  return wrong("neither an operating system nor an architecture",
               near.empty() ? "" : "did you mean " + near + "?");
}

std::string to_text(const Platform& platform) {
  std::string text = platform.os;
  if (!platform.os_version.empty()) text += "(" + platform.os_version + ")";
  text += "/" + platform.architecture;
  if (!platform.variant.empty()) text += "/" + platform.variant;
  return text;
}

Platform normalised(Platform platform) {
  platform.variant = implied_variant(platform);
  const bool only_one = (platform.architecture == "arm64" && platform.variant == "v8") ||
                        (platform.architecture == "amd64" && platform.variant == "v1");
  if (only_one) platform.variant.clear();
  return platform;
}

int match_rank(const Platform& wanted, const Platform& offered) {
  if (wanted.os != offered.os || wanted.architecture != offered.architecture) return 0;
  // windows images only run on their own build; elsewhere os.version is decoration.
  const int same_version = wanted.os_version == offered.os_version ? 1 : 0;
  const std::string want = implied_variant(wanted), have = implied_variant(offered);
  if (want == have) return 200 + same_version;
  // An older variant runs on a newer machine; the newest of those is best.
  if (wanted.architecture == "arm" && have < want && have.size() == 2 && have[0] == 'v')
    return 100 + 2 * (have[1] - '0') + same_version;
  if (offered.variant.empty()) return 50 + same_version;
  return 10 + same_version;
}

}  // namespace lichen::oci
