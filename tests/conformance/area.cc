#include "area.h"

#include <fstream>
#include <iterator>

#include "base/text.h"

namespace lichen::conformance {

namespace {

constexpr std::size_t kMaxShownBytes = 2000;  // of a difference

std::string shown(const Json& json) {
  std::string text = json.dump(-1, ' ', false, Json::error_handler_t::replace);
  if (text.size() > kMaxShownBytes) text = text.substr(0, kMaxShownBytes) + "…";
  return text;
}

// What each key of `want` that is about errors demands of a message.
void compare_message(const Json& want, const std::string& message, Case& one) {
  for (const char* key : {"error", "error_text", "error_equals"})
    if (want.contains(key) && want[key].is_string()) one.equal("error", message, want[key]);
  if (want.contains("error_contains") &&
      message.find(want["error_contains"].get<std::string>()) == std::string::npos)
    one.differs("error: got " + shown(message) + ", which does not contain " +
                shown(want["error_contains"]));
}

}  // namespace

std::string read_file(const std::filesystem::path& path) {
  std::ifstream in(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(in), {}};
}

Result<Exceptions> Exceptions::read(const std::filesystem::path& page) {
  std::ifstream in(page);
  if (!in) return lichen::fail(Errc::kNotFound, "cannot read the exceptions in " + page.string());
  Exceptions exceptions;
  bool in_table = false;
  for (std::string line; std::getline(in, line);) {
    std::vector<std::string> cells;
    for (const std::string& cell : split(line, '|')) cells.emplace_back(trim(cell));
    if (cells.size() < 5 || !cells[0].empty()) {
      in_table = false;
      continue;
    }
    if (cells[1] == "id" && cells[2] == "area" && cells[3] == "why") {
      in_table = true;
      continue;
    }
    if (!in_table || starts_with(cells[1], "--")) continue;
    if (cells[3].empty())
      return lichen::fail(Errc::kInvalid,
                          page.string() + ": exception " + cells[1] + " has no reason");
    std::string id = cells[1];
    id.erase(std::remove(id.begin(), id.end(), '`'), id.end());
    exceptions.rows_.emplace(cells[2], id);
  }
  return exceptions;
}

bool Exceptions::has(const std::string& area, const std::string& file,
                     const std::string& id) const {
  const std::string stem = std::filesystem::path(file).replace_extension().string();
  return rows_.contains({area, id}) || rows_.contains({area + "/" + stem, id});
}

void Case::equal(std::string_view what, const Json& got, const Json& want) {
  compared_ = true;
  if (got != want) differs(std::string(what) + ": got " + shown(got) + ", want " + shown(want));
}

bool Case::compare_error(const Json& want, const Error* got) {
  const auto says = [&want](const char* key) {
    return want.is_object() && want.contains(key) && !want[key].is_null() && want[key] != false;
  };
  if (!says("error") && !says("error_contains") && !says("error_text") && !says("error_equals"))
    return false;
  compared_ = true;
  if (got == nullptr)
    differs("no error, want " + shown(want));
  else
    compare_message(want, got->message, *this);
  return true;
}

Area::Area(std::string name, std::filesystem::path folder, const Exceptions& exceptions)
    : name_(std::move(name)), folder_(std::move(folder)), exceptions_(exceptions) {
  seen("README.md");
}

void Area::run(const std::string& file, const std::string& id,
               const std::function<void(Case&)>& check) {
  Case one;
  try {
    check(one);
  } catch (const Json::exception& error) {
    one.differs(std::string("the case has not the form that the README describes: ") +
                error.what());
  }
  if (one.differences().empty() && !one.compared()) one.differs("it wants nothing that is checked");
  ++tally_.total;
  const std::string place = name_ + "/" + file + " " + id;
  const bool passed = one.differences().empty();
  if (exceptions_.has(name_, file, id)) {
    if (passed)
      fail(place + ": passes, but docs/conformance.md has it as an exception");
    else
      ++tally_.excepted;
  } else if (passed) {
    ++tally_.passed;
  } else {
    fail(place + ": " + join(one.differences(), "\n    "));
  }
}

void Area::each_whole_case(const std::string& file, const WholeCheck& check) {
  seen(file);
  if (!exists(file)) return;
  const Json cases = Json::parse(read_file(folder_ / file), nullptr, false);
  if (!cases.is_array()) return fail(name_ + "/" + file + ": no JSON array");
  if (cases.empty()) tally_.notes.push_back(name_ + "/" + file + " has no cases");
  std::map<std::string, int> repeats;
  for (const Json& one : cases) {
    if (!one.is_object() || !one.contains("id") || !one["id"].is_string() || !one.contains("in") ||
        !one.contains("want")) {
      ++tally_.total;
      fail(name_ + "/" + file + ": a case without id, in or want: " + shown(one));
      continue;
    }
    std::string id = one["id"];
    if (const int count = repeats[id]++; count > 0) id += "-" + std::to_string(count);
    run(file, id, [&](Case& result) { check(one, result); });
  }
}

void Area::each_case(const std::string& file, const Check& check) {
  each_whole_case(
      file, [&check](const Json& whole, Case& one) { check(whole["in"], whole["want"], one); });
}

Tally Area::finish() {
  std::error_code error;
  for (const auto& entry : std::filesystem::directory_iterator(folder_, error)) {
    const std::string file = entry.path().filename().string();
    if (!seen_.contains(file)) fail(name_ + "/" + file + ": there is no check for this file");
  }
  if (tally_.total == 0) fail(name_ + ": no cases");
  return std::move(tally_);
}

}  // namespace lichen::conformance
