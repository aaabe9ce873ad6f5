#include "solver/recipe.h"

#include <algorithm>
#include <map>
#include <optional>

#include "base/digest.h"
#include "base/text.h"
#include "oci/json.h"

namespace lichen::solver {

namespace {

constexpr char kHidden[] = "hidden ";  // begins the value of add_hidden()
constexpr std::size_t kShownBytes = 60;

using Values = std::map<std::string, std::string>;

Values values_of(const Recipe& recipe) {
  Values values;
  for (const Part& part : recipe.parts) values.emplace(part.name, part.value);
  return values;
}

std::string cut(std::string_view text) {
  if (text.size() <= kShownBytes) return printable(text);
  std::size_t size = kShownBytes;
  while (size > 0 && (static_cast<unsigned char>(text[size]) & 0xc0) == 0x80) --size;
  return printable(text.substr(0, size)) + "…";
}

bool is_file(const std::string& name) {
  return starts_with(name, "file ");
}

// "100644 0:0 3f2a…", as ops writes it.
struct FileValue {
  std::string mode, owner, content;
};
FileValue parse_file(const std::string& value) {
  const std::vector<std::string> words = split(value, ' ');
  FileValue file;
  if (!words.empty()) file.mode = words[0];
  if (words.size() > 1) file.owner = words[1];
  for (std::size_t i = 2; i < words.size(); ++i) file.content += " " + words[i];
  return file;
}

std::string file_change(const std::string& name, const std::string& before,
                        const std::string& now) {
  const FileValue old = parse_file(before), fresh = parse_file(now);
  constexpr std::size_t kPermissions = 4;  // digits, behind those of the type
  const auto split_mode = [](const std::string& mode) {
    const std::size_t at = mode.size() < kPermissions ? 0 : mode.size() - kPermissions;
    return std::pair(mode.substr(0, at), mode.substr(at));
  };
  const auto [old_type, old_permissions] = split_mode(old.mode);
  const auto [type, permissions] = split_mode(fresh.mode);
  if (old_type != type) return name + " is of another type";
  if (old.content != fresh.content) return name + " changed";
  if (old_permissions != permissions)
    return name + ": mode " + old_permissions + " → " + permissions;
  return name + ": owner " + old.owner + " → " + fresh.owner;
}

// "debian:12@sha256:…" -> its name.
std::string image_name(const std::string& value) {
  return value.substr(0, value.find('@'));
}
std::string short_digest(const std::string& value) {
  const std::size_t at = value.find('@');
  return at == std::string::npos ? value : value.substr(at + 1, 19);
}

// "#12 3f2a RUN make": the number of a result, a hash of the instruction, and what people call it,
// which does not count.
struct StepValue {
  std::string number, shape, name;
};
StepValue parse_step(const std::string& value) {
  const std::size_t one = std::min(value.find(' '), value.size());
  const std::size_t two = std::min(value.find(' ', one + 1), value.size());
  return {.number = value.substr(0, one),
          .shape = value.substr(one, two - one),
          .name = value.substr(std::min(two + 1, value.size()))};
}

bool is_step(const std::string& name) {
  return starts_with(name, "result of ");
}

bool is_same(const std::string& name, const std::string& before, const std::string& now) {
  return before == now || (is_step(name) && parse_step(before).number == parse_step(now).number);
}

std::string change(const std::string& name, const std::string& before, const std::string& now) {
  if (is_file(name)) return printable(file_change(name, before, now));
  if (name == "base image" && image_name(before) == image_name(now))
    return printable("base image " + image_name(now) + " moved from " + short_digest(before) +
                     " to " + short_digest(now));
  if (name == "base image")
    return printable("base image " + image_name(before) + " → " + image_name(now));
  if (is_step(name)) {
    const StepValue step = parse_step(now);
    if (step.shape != parse_step(before).shape)
      return "it stands on another step: " + cut(step.name);
    return cut(step.name) + " gave another result";
  }
  if (starts_with(before, kHidden) || starts_with(now, kHidden) || name == "command" ||
      name == "instruction" || before.size() + now.size() > 2 * kShownBytes)
    return printable(name) + " changed";
  return printable(name) + ": " + cut(before) + " → " + cut(now);
}

std::string addition(const std::string& name, const std::string& value) {
  if (is_file(name) || starts_with(value, kHidden)) return printable(name) + " is new";
  if (is_step(name)) return "it stands on another step: " + cut(parse_step(value).name);
  return printable(name) + " is new: " + cut(value);
}

// Of the files that went, one with the value of `part`, which came.
std::optional<std::string> former_name(const Part& part, const Values& before, const Values& now) {
  if (!is_file(part.name)) return std::nullopt;
  for (const auto& [name, value] : before)
    if (value == part.value && is_file(name) && now.count(name) == 0) return name;
  return std::nullopt;
}

std::vector<std::string> changes(const Recipe& before, const Recipe& now, std::size_t most,
                                 std::size_t& total) {
  const Values old = values_of(before), fresh = values_of(now);
  std::vector<std::string> lines;
  total = 0;
  const auto tell = [&](const auto& words) {
    if (++total <= most) lines.push_back(words());
  };
  Values renamed;
  for (const Part& part : now.parts) {
    const auto found = old.find(part.name);
    if (found != old.end()) {
      if (!is_same(part.name, found->second, part.value))
        tell([&] { return change(part.name, found->second, part.value); });
    } else if (lines.size() >= most) {
      ++total;  // a rename counts as two from here on: nobody reads it
    } else if (const auto former = former_name(part, old, fresh);
               former && !renamed.count(*former)) {
      renamed.emplace(*former, part.name);
      tell([&] { return printable(*former + " renamed to " + part.name.substr(5)); });
    } else {
      tell([&] { return addition(part.name, part.value); });
    }
  }
  for (const Part& part : before.parts)
    if (fresh.count(part.name) == 0 && renamed.count(part.name) == 0)
      tell([&] { return printable(part.name) + " is gone"; });
  return lines;
}

}  // namespace

void Recipe::add(std::string name, std::string_view value) {
  const std::string given = name;
  for (int number = 2;
       std::any_of(parts.begin(), parts.end(), [&](const Part& part) { return part.name == name; });
       ++number)
    name = given + " (" + std::to_string(number) + ")";
  std::string kept(value);
  if (kept.size() > kMaxValueBytes)
    kept = kept.substr(0, kMaxValueBytes / 2) + "… " + sha256(value).text();
  parts.push_back({std::move(name), std::move(kept)});
}

void Recipe::add_hidden(std::string name, std::string_view value) {
  add(std::move(name), kHidden + sha256(value).text());
}

std::string to_json(const Recipe& recipe) {
  std::vector<std::string> parts;
  for (const Part& part : recipe.parts)
    parts.push_back(oci::json::array({oci::json::quote(part.name), oci::json::quote(part.value)}));
  return oci::json::array(parts);
}

Result<Recipe> parse_recipe(std::string_view json) {
  const oci::json::Value document = TRY(oci::json::parse(json, "recipe"));
  Recipe recipe;
  for (const oci::json::Node& item : TRY(oci::json::Node("recipe", document).items())) {
    const std::vector<std::string> words = TRY(item.texts());
    if (words.size() != 2) return fail(item.wrong("want a name and a value"));
    recipe.parts.push_back({words[0], words[1]});
  }
  return recipe;
}

std::size_t differences(const Recipe& before, const Recipe& now) {
  std::size_t total = 0;
  (void)changes(before, now, 0, total);
  return total;
}

std::string explain(const Recipe& before, const Recipe& now) {
  std::size_t total = 0;
  const std::vector<std::string> lines = changes(before, now, 1, total);
  if (lines.empty()) return {};
  return lines[0] + (total > 1 ? ", and " + std::to_string(total - 1) + " more" : "");
}

std::vector<std::string> explain_all(const Recipe& before, const Recipe& now, std::size_t most) {
  std::size_t total = 0;
  std::vector<std::string> lines = changes(before, now, most, total);
  if (total > lines.size())
    lines.push_back("and " + std::to_string(total - lines.size()) + " more");
  return lines;
}

}  // namespace lichen::solver
