// What every area of the conformance program shares: cases are read from JSON at run time, counted,
// and held against docs/conformance.md's exceptions.
//
//   Tally run_shell(const std::filesystem::path& folder, const Exceptions& exceptions) {
//     Area area("shell", folder, exceptions);
//     area.each_case("words.json", [](const Json& in, const Json& want, Case& one) {
//       one.equal("words", …, want["words"]);
//     });
//     return area.finish();
//   }
//
// A check says each difference to its Case; none means passed, if anything was compared. A JSON
// file that is absent has no cases, one that no check reads is a failure. Formats: README.md of the
// data. One thread.
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <nlohmann/json.hpp>
#include <set>
#include <string>
#include <string_view>
#include <vector>

#include "base/result.h"

namespace lichen::conformance {

using Json = nlohmann::json;

// The rows `| id | area | why |` of docs/conformance.md. The area may name a file, too, where an id
// is in several: "shell" or "shell/env_word".
class Exceptions {
 public:
  static Result<Exceptions> read(const std::filesystem::path& page);
  bool has(const std::string& area, const std::string& file, const std::string& id) const;

 private:
  std::set<std::pair<std::string, std::string>> rows_;  // area, id
};

struct Tally {
  int passed = 0, total = 0, excepted = 0;  // total = passed + excepted + failed
  std::vector<std::string> failures;
  std::vector<std::string> notes;  // what is no failure, but should not go unseen
};

// One case while it is checked.
class Case {
 public:
  void differs(std::string how) { differences_.push_back(std::move(how)); }
  void equal(std::string_view what, const Json& got, const Json& want);
  // True when `want` says that there is an error, which is then compared (see wants_error).
  template <class T>
  bool refused(const Json& want, const Result<T>& got) {
    return compare_error(want, got ? nullptr : &got.error());
  }
  // For results that must be there: says their error, if any.
  template <class T>
  bool ok(const Result<T>& got) {
    if (!got) differs("unexpected error: " + to_text(got.error()));
    return got.has_value();
  }
  bool compare_error(const Json& want, const Error* got);
  const std::vector<std::string>& differences() const { return differences_; }
  bool compared() const { return compared_; }  // something of what is wanted was looked at

 private:
  std::vector<std::string> differences_;
  bool compared_ = false;
};

class Area {
 public:
  using Check = std::function<void(const Json& in, const Json& want, Case& one)>;
  using WholeCheck = std::function<void(const Json& whole, Case& one)>;

  // `folder` is that of the area. Data that lies beside it is read by corpus.cc alone.
  Area(std::string name, std::filesystem::path folder, const Exceptions& exceptions);

  // All cases of one JSON file. Ids that repeat within it get "-1", "-2" … as the README says.
  void each_case(const std::string& file, const Check& check);
  void each_whole_case(const std::string& file, const WholeCheck& check);  // "want" is not all
  // One case of another form.
  void run(const std::string& file, const std::string& id, const std::function<void(Case&)>& check);

  const std::filesystem::path& folder() const { return folder_; }
  bool exists(const std::string& file) const { return std::filesystem::exists(folder_ / file); }
  void seen(const std::string& file) { seen_.insert(file); }  // there is a check for it
  void fail(std::string what) { tally_.failures.push_back(std::move(what)); }

  // Also holds the folder against what was read.
  Tally finish();

 private:
  std::string name_;
  std::filesystem::path folder_;
  const Exceptions& exceptions_;
  std::set<std::string> seen_;
  Tally tally_;
};

// Whole file; "" with a failure of the area's own making when it cannot be read.
std::string read_file(const std::filesystem::path& path);

// Of instructions.cc: the files that are lowered (whole_files.cc).
void run_whole_files(Area& area);

Tally run_parser(const std::filesystem::path& folder, const Exceptions& exceptions);
Tally run_shell(const std::filesystem::path& folder, const Exceptions& exceptions);
Tally run_dockerignore(const std::filesystem::path& folder, const Exceptions& exceptions);
Tally run_linter(const std::filesystem::path& folder, const Exceptions& exceptions);
Tally run_subrequests(const std::filesystem::path& folder, const Exceptions& exceptions);
Tally run_instructions(const std::filesystem::path& folder, const Exceptions& exceptions);
// Its data is corpus/, corpus-index.json and corpus-dumps.jsonl: `folder` is their parent.
Tally run_corpus(const std::filesystem::path& folder, const Exceptions& exceptions);

}  // namespace lichen::conformance
