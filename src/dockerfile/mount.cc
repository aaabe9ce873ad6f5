#include "dockerfile/mount.h"

#include <charconv>
#include <cmath>
#include <cstdlib>
#include <iterator>

#include "base/csv.h"
#include "base/text.h"
#include "base/unicode.h"
#include "dockerfile/flags.h"

namespace lichen::dockerfile {

namespace {

using graph::MountKind;

constexpr const char* kKinds[] = {"bind", "secret", "ssh", "cache", "tmpfs"};

tl::unexpected<Error> invalid(std::string message) {
  return fail(Errc::kInvalid, std::move(message));
}

std::string quoted(std::string_view text) {
  return "'" + std::string(text) + "'";
}

Result<bool> boolean(std::string_view key, const std::string& value) {
  for (const char* yes : {"1", "t", "T", "true", "TRUE", "True"})
    if (value == yes) return true;
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"})
    if (value == no) return false;
  return invalid("invalid value for " + std::string(key) + ": " + value);
}

Result<unsigned> number(std::string_view key, const std::string& value, int base) {
  unsigned parsed = 0;
  const auto [end, error] =
      std::from_chars(value.data(), value.data() + value.size(), parsed, base);
  if (error != std::errc() || end != value.data() + value.size())
    return invalid("invalid value " + value + " for " + std::string(key));
  return parsed;
}

bool takes_required(const RunMount& mount) {
  return mount.kind == MountKind::kSecret || mount.kind == MountKind::kSsh;
}

tl::unexpected<Error> not_for_kind(std::string_view key, const RunMount& mount) {
  return invalid("unexpected key " + quoted(key) + " for mount type " +
                 quoted(to_text(mount.kind)));
}

Result<MountKind> parse_kind(const std::string& value) {
  const std::string lower = to_lower(value);
  for (std::size_t i = 0; i < std::size(kKinds); ++i)
    if (lower == kKinds[i]) return static_cast<MountKind>(i);
  return invalid("unsupported mount type " + unicode::quote(value) +
                 did_you_mean(value, {std::begin(kKinds), std::end(kKinds)}));
}

// One mount while its fields are read.
struct Reader {
  RunMount mount;
  std::optional<bool> readonly;

  Result<void> word(std::string_view field, std::string_view key);
  Result<void> pair(std::string_view field, const std::string& key, const std::string& value);
  Result<RunMount> finish() const;
};

Result<void> Reader::word(std::string_view field, std::string_view key) {
  if (key == "readonly" || key == "ro") {
    readonly = true;
  } else if (key == "readwrite" || key == "rw") {
    readonly = false;
  } else if (key == "required") {
    if (!takes_required(mount)) return not_for_kind(key, mount);
    mount.required = true;
  } else {
    return invalid("invalid field " + quoted(field) + " must be a key=value pair");
  }
  return {};
}

Result<void> Reader::pair(std::string_view field, const std::string& key,
                          const std::string& value) {
  if (key == "type") {
    mount.kind = TRY(parse_kind(value));
  } else if (key == "from") {
    mount.from = value;
  } else if (key == "source" || key == "src") {
    mount.source = value;
  } else if (key == "target" || key == "dst" || key == "destination") {
    mount.target = value;
  } else if (key == "readonly" || key == "ro") {
    readonly = TRY(boolean(key, value));
  } else if (key == "readwrite" || key == "rw") {
    readonly = !TRY(boolean(key, value));
  } else if (key == "required") {
    if (!takes_required(mount)) return not_for_kind(key, mount);
    mount.required = TRY(boolean(key, value));
  } else if (key == "size") {
    if (mount.kind != MountKind::kTmpfs) return not_for_kind(key, mount);
    mount.size = TRY(parse_bytes(value));
  } else if (key == "id") {
    mount.id = value;
  } else if (key == "sharing") {
    mount.sharing = to_lower(value);
  } else if (key == "mode") {
    mount.mode = TRY(number(key, value, 8));
  } else if (key == "uid") {
    mount.uid = TRY(number(key, value, 10));
  } else if (key == "gid") {
    mount.gid = TRY(number(key, value, 10));
  } else if (key == "env") {
    mount.env = value;
  } else {
    return invalid("unexpected key " + quoted(key) + " in " + quoted(field) +
                   did_you_mean(key, {"type", "from", "source", "target", "readonly", "readwrite",
                                      "id", "sharing", "required", "size", "mode", "uid", "gid",
                                      "env", "src", "dst", "destination", "ro", "rw"}));
  }
  return {};
}

Result<RunMount> Reader::finish() const {
  RunMount result = mount;
  const std::string kind = to_text(mount.kind);
  if (mount.kind == MountKind::kBind || mount.kind == MountKind::kTmpfs) {
    const auto refuse = [&kind](std::string_view key) {
      return invalid(std::string(key) + " not allowed for " + unicode::quote(kind) +
                     " type mounts");
    };
    if (mount.mode) return refuse("mode");
    if (mount.uid) return refuse("uid");
    if (mount.gid) return refuse("gid");
  }
  result.readonly =
      readonly.value_or(mount.kind != MountKind::kCache && mount.kind != MountKind::kTmpfs);
  if (!mount.sharing.empty()) {
    if (mount.kind != MountKind::kCache)
      return invalid("invalid cache sharing set for " + kind + " mount");
    if (mount.sharing != "shared" && mount.sharing != "private" && mount.sharing != "locked")
      return invalid("unsupported sharing value " + unicode::quote(mount.sharing) +
                     did_you_mean(mount.sharing, {"shared", "private", "locked"}));
  }
  if (mount.kind == MountKind::kSecret) {
    if (!mount.from.empty()) return invalid("secret mount should not have a from");
    if (mount.source.empty() && mount.target.empty() && mount.id.empty())
      return invalid("invalid secret mount. one of source, target required");
    if (!mount.source.empty() && !mount.id.empty())
      return invalid("both source and id can't be set");
  }
  return result;
}

Result<std::vector<std::string>> fields_of(std::string_view text, const char* what) {
  auto fields = parse_csv(text);
  if (!fields)
    return invalid(std::string("failed to parse csv ") + what + ": " + fields.error().message);
  return fields;
}

}  // namespace

Result<std::int64_t> parse_bytes(const std::string& value) {
  const auto bad = [&] { return invalid("invalid value for size: " + value); };
  const std::size_t digits = std::min(value.find_first_not_of("0123456789."), value.size());
  if (digits == 0 || value[0] == '.' || value[digits - 1] == '.') return bad();
  char* end = nullptr;
  const std::string figure = value.substr(0, digits);
  const double count = std::strtod(figure.c_str(), &end);
  if (*end != '\0') return bad();
  std::string unit = to_lower(std::string_view(value).substr(digits));
  if (starts_with(unit, " ")) unit.erase(0, 1);
  double factor = 1;
  if (const std::size_t power = std::string_view("kmgtp").find(unit.empty() ? ' ' : unit[0]);
      power != std::string_view::npos) {
    factor = std::pow(1024.0, static_cast<double>(power) + 1);
    unit.erase(0, 1);
  }
  if (starts_with(unit, "i")) unit.erase(0, 1);
  if (starts_with(unit, "b")) unit.erase(0, 1);
  if (!unit.empty() || count * factor > 9e18) return bad();
  return static_cast<std::int64_t>(count * factor);
}

Result<RunMount> parse_mount(std::string_view text, const ExpandWord& expand) {
  Reader reader;
  for (const std::string& field : TRY(fields_of(text, "mounts"))) {
    const std::size_t equals = field.find('=');
    const std::string key = to_lower(std::string_view(field).substr(0, equals));
    if (equals == std::string::npos)
      TRY(reader.word(field, key));
    else
      TRY(reader.pair(field, key, TRY(expand(std::string_view(field).substr(equals + 1)))));
  }
  return reader.finish();
}

Result<void> check_mount(std::string_view text) {
  for (const std::string& field : TRY(fields_of(text, "mounts"))) {
    const std::size_t equals = field.find('=');
    if (equals == std::string::npos || to_lower(field.substr(0, equals)) != "from") continue;
    // A dollar that something follows.
    for (std::size_t dollar = field.find('$', equals); dollar != std::string::npos;
         dollar = field.find('$', dollar + 1))
      if (dollar + 1 < field.size() && field[dollar + 1] != '\n')
        return invalid("'from' doesn't support variable expansion, define alias stage instead");
  }
  return {};
}

std::string from_of_mount(std::string_view text) {
  std::string from;
  if (const auto fields = parse_csv(text))
    for (const std::string& field : *fields) {
      const std::size_t equals = field.find('=');
      if (equals != std::string::npos && to_lower(field.substr(0, equals)) == "from")
        from = field.substr(equals + 1);
    }
  return from;
}

Result<RunDevice> parse_device(std::string_view text) {
  RunDevice device;
  for (const std::string& field : TRY(fields_of(text, "devices"))) {
    const std::size_t equals = field.find('=');
    const std::string key = to_lower(std::string_view(field).substr(0, equals));
    const std::string value = equals == std::string::npos ? "" : field.substr(equals + 1);
    if (key == "required") {
      device.required = equals == std::string::npos || TRY(boolean(key, value));
    } else if (key == "name" && equals != std::string::npos) {
      device.name = value;
    } else if (device.name.empty()) {
      device.name = field;
    } else if (equals == std::string::npos) {
      return invalid("invalid field " + quoted(field) + " must be a key=value pair");
    } else {
      return invalid("unexpected key " + quoted(key) + " in " + quoted(field) +
                     did_you_mean(key, {"name", "required"}));
    }
  }
  return device;
}

const char* to_text(graph::MountKind kind) {
  return kKinds[static_cast<std::size_t>(kind)];
}

}  // namespace lichen::dockerfile
