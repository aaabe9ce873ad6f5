// conformance [DIR [AREA...]] - runs every case of the shared conformance data, read at run time.
// DIR: $LICHEN_CONFORMANCE, else shared/conformance beside the source directory; without that
// folder it is skipped (exit status 77). Fails (1) on a failed case, on data that it has no check
// for, on an empty area, and on an exception of docs/conformance.md that passes.
#include <cstdio>
#include <cstdlib>

#include "area.h"

namespace lichen::conformance {
namespace {

struct Row {
  const char* area;
  std::vector<std::string> entries;  // of the folder; the first one is given to `run`
  bool gets_parent;
  Tally (*run)(const std::filesystem::path& folder, const Exceptions& exceptions);
};

const std::vector<Row>& rows() {
  static const std::vector<Row> kRows = {
      {"parser", {"parser"}, false, run_parser},
      {"shell", {"shell"}, false, run_shell},
      {"dockerignore", {"dockerignore"}, false, run_dockerignore},
      {"instructions", {"instructions"}, false, run_instructions},
      {"linter", {"linter"}, false, run_linter},
      {"subrequests", {"subrequests"}, false, run_subrequests},
      {"corpus", {"corpus", "corpus-index.json", "corpus-dumps.jsonl"}, true, run_corpus},
  };
  return kRows;
}

bool is_known(const std::string& entry) {
  if (entry == "README.md") return true;
  for (const Row& row : rows())
    for (const std::string& one : row.entries)
      if (one == entry) return true;
  return false;
}

struct Options {
  std::filesystem::path folder = LICHEN_SHARED_DEFAULT "/conformance";
  bool given = false;
  std::vector<std::string> areas;  // empty: all
};

Options options_of(int argc, char** argv) {
  Options options;
  const char* named = std::getenv("LICHEN_CONFORMANCE");
  if (argc > 1) named = argv[1];
  if (named != nullptr && *named != '\0') {
    options.folder = named;
    options.given = true;
  }
  for (int i = 2; i < argc; ++i) options.areas.emplace_back(argv[i]);
  return options;
}

bool is_wanted(const Options& options, const std::string& area) {
  return options.areas.empty() ||
         std::find(options.areas.begin(), options.areas.end(), area) != options.areas.end();
}

int run(const Options& options) {
  if (!std::filesystem::is_directory(options.folder)) {
    std::printf("%s no conformance data at %s\n",
                options.given ? "error:" : "SKIP:", options.folder.c_str());
    return options.given ? 1 : 77;
  }
  const auto exceptions = Exceptions::read(LICHEN_EXCEPTIONS);
  if (!exceptions) {
    std::printf("error: %s\n", to_text(exceptions.error()).c_str());
    return 1;
  }
  std::vector<std::string> failures;
  for (const auto& entry : std::filesystem::directory_iterator(options.folder)) {
    const std::string name = entry.path().filename().string();
    if (!is_known(name)) failures.push_back(name + ": there is no check for this area");
  }
  int total = 0;
  for (const Row& row : rows()) {
    if (!is_wanted(options, row.area)) continue;
    const std::filesystem::path folder = options.folder / row.entries.front();
    if (!std::filesystem::exists(folder)) {
      std::printf("%s: not in this folder\n", row.area);
      continue;
    }
    const Tally tally = row.run(row.gets_parent ? options.folder : folder, *exceptions);
    total += tally.total;
    for (const std::string& note : tally.notes) std::printf("note: %s\n", note.c_str());
    std::printf("%s: %d/%d, excepted %d\n", row.area, tally.passed, tally.total, tally.excepted);
    failures.insert(failures.end(), tally.failures.begin(), tally.failures.end());
  }
  if (total == 0) failures.push_back("no cases in " + options.folder.string());
  for (const std::string& failure : failures) std::printf("FAILED %s\n", failure.c_str());
  if (!failures.empty()) std::printf("%zu failures\n", failures.size());
  return failures.empty() ? 0 : 1;
}

}  // namespace
}  // namespace lichen::conformance

int main(int argc, char** argv) {
  return lichen::conformance::run(lichen::conformance::options_of(argc, argv));
}
