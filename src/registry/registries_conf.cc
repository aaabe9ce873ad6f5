#include "registry/registries_conf.h"

#include <fcntl.h>

#include <algorithm>
#include <cstdlib>
#include <optional>

#include "base/text.h"
#include "os/file.h"
#define TOML_EXCEPTIONS 0
#define TOML_ENABLE_FORMATTERS 0
// Version 3.3 asserts of input what it has yet to look at ("[::1]"), or has the compiler assume it.
#define TOML_ASSERT(expression) static_assert(true)
#pragma push_macro("NDEBUG")
#undef NDEBUG
#include <toml++/toml.h>
#pragma pop_macro("NDEBUG")

namespace lichen::registry {

namespace {

constexpr std::size_t kMaxFile = 1u << 20;

// Where what follows the prefix begins in `name`, if `prefix` covers it.
std::optional<std::size_t> covered(const std::string& prefix, const std::string& name) {
  std::size_t end = prefix.size();
  if (starts_with(prefix, "*.")) {
    const std::string suffix = prefix.substr(1);
    const std::size_t at = name.find(suffix);
    if (at == std::string::npos || at == 0 || name.find('/') < at) return std::nullopt;
    end = at + suffix.size();
    if (end < name.size() && name[end] == ':') return end;
  } else if (!starts_with(name, prefix)) {
    return std::nullopt;
  }
  if (end == name.size() || name[end] == '/') return end;
  // "example.com" is another registry than "example.com:5000".
  const bool has_path = prefix.find('/') != std::string::npos;
  return has_path && (name[end] == ':' || name[end] == '@') ? std::optional(end) : std::nullopt;
}

bool names_a_host(const std::string& location) {
  const std::string host = location.substr(0, location.find('/'));
  return host == "localhost" || host.find_first_of(".:") != std::string::npos;
}

std::string variable(const char* name) {
  const char* value = std::getenv(name);
  return value != nullptr ? value : "";
}

// The *.conf of a directory, by name.
Result<void> add_directory(const std::string& path, std::vector<std::string>& files) {
  auto directory = os::open(path, O_RDONLY | O_DIRECTORY);
  if (!directory) {
    if (directory.error().code == Errc::kNotFound) return {};
    return fail(std::move(directory).error());
  }
  for (const os::DirectoryEntry& entry : TRY(os::read_directory(*directory)))
    if (ends_with(entry.name, ".conf")) files.push_back(path + "/" + entry.name);
  return {};
}

// What is not ASCII is "?": no name of a registry has it, and toml++ 3.3 takes some of it outside
// of strings for what cannot be.
std::string to_ascii(std::string_view text) {
  constexpr std::string_view kByteOrderMark = "\xef\xbb\xbf";
  if (starts_with(text, kByteOrderMark)) text.remove_prefix(kByteOrderMark.size());
  std::string ascii(text);
  for (char& byte : ascii)
    if (static_cast<unsigned char>(byte) >= 0x80) byte = '?';
  return ascii;
}

}  // namespace

// Reads one file; every error names it.
class RegistriesReader {
 public:
  explicit RegistriesReader(const std::string& path) : path_(path) {}

  Result<std::vector<RegistriesConf::Rule>> read(std::string_view text) {
    const toml::parse_result parsed = toml::parse(to_ascii(text));
    if (!parsed) {
      return fail(wrong("line " + std::to_string(parsed.error().source().begin.line) + ": " +
                        std::string(parsed.error().description())));
    }
    const toml::table& root = parsed.table();
    if (const toml::node* registries = root.get("registries"); registries != nullptr)
      return fail(
          wrong("[registries.…] is version 1 of the format, which is not read: write "
                "[[registry]] tables"));
    std::vector<RegistriesConf::Rule> rules;
    for (const toml::table* table : TRY(tables(root, "registry")))
      rules.push_back(TRY(rule(*table)));
    return rules;
  }

 private:
  Error wrong(const std::string& why) const {
    return {.code = Errc::kInvalid, .message = path_ + ": " + printable(why)};
  }
  Result<std::string> text(const toml::table& table, const char* key) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return "";
    if (!node->is_string()) return fail(wrong(std::string(key) + ": want a text"));
    return node->as_string()->get();
  }
  Result<bool> boolean(const toml::table& table, const char* key) const {
    const toml::node* node = table.get(key);
    if (node == nullptr) return false;
    if (!node->is_boolean()) return fail(wrong(std::string(key) + ": want true or false"));
    return node->as_boolean()->get();
  }
  Result<std::vector<const toml::table*>> tables(const toml::table& parent, const char* key) const {
    std::vector<const toml::table*> all;
    const toml::node* node = parent.get(key);
    if (node == nullptr) return all;
    const toml::array* array = node->as_array();
    if (array == nullptr) return fail(wrong(std::string(key) + ": want [[" + key + "]] tables"));
    for (const toml::node& item : *array) {
      if (!item.is_table()) return fail(wrong(std::string(key) + ": want [[" + key + "]] tables"));
      all.push_back(item.as_table());
    }
    return all;
  }
  Result<std::string> location(const toml::table& table) const {
    std::string text = TRY(this->text(table, "location"));
    if (text.find("://") != std::string::npos || ends_with(text, "/"))
      return fail(wrong("location \"" + text + "\": want HOST[:PORT][/PATH]"));
    if (!text.empty() && !names_a_host(text))
      return fail(wrong("location \"" + text + "\" does not begin with a host"));
    return text;
  }
  Result<RegistriesConf::Mirror> mirror(const toml::table& table, bool digests_only) const {
    RegistriesConf::Mirror mirror{.location = TRY(location(table)),
                                  .insecure = TRY(boolean(table, "insecure"))};
    if (mirror.location.empty()) return fail(wrong("a mirror without a location"));
    const std::string from = TRY(text(table, "pull-from-mirror"));
    if (from == "digest-only" || (from.empty() && digests_only))
      mirror.serves = RegistriesConf::Serves::kDigests;
    else if (from == "tag-only")
      mirror.serves = RegistriesConf::Serves::kTags;
    else if (!from.empty() && from != "all")
      return fail(wrong("pull-from-mirror: want all, digest-only or tag-only"));
    return mirror;
  }
  Result<RegistriesConf::Rule> rule(const toml::table& table) const {
    RegistriesConf::Rule rule{.prefix = TRY(text(table, "prefix")),
                              .location = TRY(location(table)),
                              .insecure = TRY(boolean(table, "insecure")),
                              .blocked = TRY(boolean(table, "blocked")),
                              .mirrors = {},
                              .file = path_};
    if (rule.prefix.empty()) rule.prefix = rule.location;
    if (rule.prefix.empty()) return fail(wrong("a registry with neither prefix nor location"));
    if (rule.prefix.find('*', 1) != std::string::npos ||
        (rule.prefix[0] == '*' && !starts_with(rule.prefix, "*.")))
      return fail(wrong("prefix \"" + rule.prefix + "\": a wildcard is *.DOMAIN"));
    const bool digests_only = TRY(boolean(table, "mirror-by-digest-only"));
    for (const toml::table* one : TRY(tables(table, "mirror")))
      rule.mirrors.push_back(TRY(mirror(*one, digests_only)));
    return rule;
  }

  const std::string& path_;
};

Result<void> RegistriesConf::add(std::string_view toml, const std::string& path) {
  for (Rule& rule : TRY(RegistriesReader(path).read(toml))) {
    std::erase_if(rules_, [&](const Rule& known) { return known.prefix == rule.prefix; });
    rules_.push_back(std::move(rule));
  }
  return {};
}

const RegistriesConf::Rule* RegistriesConf::find_rule(const std::string& name) const {
  const Rule* best = nullptr;
  for (const Rule& rule : rules_)
    if (covered(rule.prefix, name) && (!best || rule.prefix.size() > best->prefix.size()))
      best = &rule;
  return best;
}

Result<std::vector<Location>> RegistriesConf::pull_locations(
    const oci::Reference& reference) const {
  const std::string name = oci::to_text(reference);
  const Rule* rule = find_rule(name);
  const Location own = TRY(push_location(reference));
  std::vector<Location> locations;
  if (rule != nullptr) {
    for (const Mirror& mirror : rule->mirrors) {
      const Serves kind = reference.digest.empty() ? Serves::kTags : Serves::kDigests;
      if (mirror.serves != Serves::kAll && mirror.serves != kind) continue;
      const std::string there = mirror.location + name.substr(*covered(rule->prefix, name));
      auto parsed = oci::parse_reference(there);
      if (!parsed) return fail(std::move(parsed).error().in("mirror in " + rule->file));
      locations.push_back({*std::move(parsed), mirror.insecure, /*is_mirror=*/true});
    }
  }
  locations.push_back(own);
  return locations;
}

Result<Location> RegistriesConf::push_location(const oci::Reference& reference) const {
  const std::string name = oci::to_text(reference);
  const Rule* rule = find_rule(name);
  if (rule == nullptr) return Location{.reference = reference};
  if (rule->blocked)
    return fail(Errc::kDenied, name + ": " + rule->prefix + " is blocked by " + rule->file);
  Location location{.reference = reference, .insecure = rule->insecure};
  if (rule->location.empty() || rule->location == rule->prefix) return location;
  auto parsed = oci::parse_reference(rule->location + name.substr(*covered(rule->prefix, name)));
  if (!parsed) return fail(std::move(parsed).error().in("location in " + rule->file));
  location.reference = *std::move(parsed);
  return location;
}

bool RegistriesConf::is_insecure(const std::string& domain) const {
  const auto is_here = [&](const std::string& location) {
    return location.substr(0, location.find('/')) == domain;
  };
  for (const Rule& rule : rules_) {
    if (rule.insecure && is_here(rule.location.empty() ? rule.prefix : rule.location)) return true;
    for (const Mirror& mirror : rule.mirrors)
      if (mirror.insecure && is_here(mirror.location)) return true;
  }
  return false;
}

Result<RegistriesConf> read_registries_conf() {
  const std::string system = "/etc/containers/registries.conf";
  std::string own = variable("XDG_CONFIG_HOME");
  if (const std::string home = variable("HOME"); own.empty() && !home.empty())
    own = home + "/.config";
  if (!own.empty()) own += "/containers/registries.conf";

  std::vector<std::string> files;
  std::string file = variable("CONTAINERS_REGISTRIES_CONF");
  const bool only_own = file.empty() && !own.empty() && os::exists(own);
  if (file.empty()) file = only_own ? own : system;
  if (os::exists(file)) files.push_back(file);
  if (!only_own) TRY(add_directory(system + ".d", files));
  if (!own.empty()) TRY(add_directory(own + ".d", files));
  RegistriesConf conf;
  for (const std::string& path : files) TRY(conf.add(TRY(os::read_file(path, kMaxFile)), path));
  return conf;
}

}  // namespace lichen::registry
