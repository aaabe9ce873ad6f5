// Why steps of a past build ran, and what is different between two.
#pragma once

#include <string>
#include <vector>

#include "base/result.h"
#include "history/record.h"

namespace lichen::build {

struct StepReasons {
  int step = 0;
  std::string name;
  bool has_run = false;              // of one build; of two: in the second
  std::vector<std::string> reasons;  // the first is the nearest one
};
struct Explanation {
  history::Build before, build;  // `before` has no id when there is one alone
  std::vector<StepReasons> steps;
};

// The record of one build, as its steps were explained while it ran. `root` as in Environment.
Result<Explanation> explain(const std::string& root, const std::string& build);
// The steps whose keys differ, by place in the Dockerfile, with every part that differs.
Result<Explanation> explain(const std::string& root, const std::string& before,
                            const std::string& build);

// Their records. "" is the newest.
Result<history::Build> past_build(const std::string& root, const std::string& build);
Result<std::vector<std::string>> past_ids(const std::string& root);  // the newest first
Result<std::vector<history::Build>> past_builds(const std::string& root);
Result<std::string> remove_build(const std::string& root, const std::string& build);  // its id
Result<std::string> build_id(const std::string& root, const std::string& build);

}  // namespace lichen::build
