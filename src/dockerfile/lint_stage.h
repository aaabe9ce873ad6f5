// Lint rules about the instructions of a stage, where variables are expanded.
#pragma once

#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dockerfile/instruction.h"
#include "dockerfile/lint.h"
#include "graph/ignore.h"

namespace lichen::dockerfile {

// UndefinedVar. `args` are the ARGs of the stage chain, also those without a value; `env`: "K=V".
void lint_variables(const std::set<std::string>& unmatched, const std::vector<ArgItem>& args,
                    const std::vector<std::string>& env, const LintSite& site, Linter& linter);

// JSONArgsRecommended, of CMD and ENTRYPOINT.
void lint_command(const CommandLine& command, const std::vector<std::string>& shell,
                  const LintSite& site, Linter& linter);
// MultipleInstructionsDisallowed, of CMD, ENTRYPOINT and HEALTHCHECK. `previous` is where the stage
// had one, and is set to this one's place.
void lint_used_once(std::optional<Lines>& previous, const LintSite& site, Linter& linter);

// LegacyKeyValueFormat; for ENV also SecretsUsedInArgOrEnv.
void lint_env(const std::vector<Pair>& pairs, const LintSite& site, Linter& linter);
void lint_label(const std::vector<Pair>& pairs, const LintSite& site, Linter& linter);
// SecretsUsedInArgOrEnv, of one ARG.
void lint_arg(const std::string& name, const LintSite& site, Linter& linter);

// WorkdirRelativePath. `is_set`: the stage chain has had a WORKDIR; set afterwards.
void lint_workdir(const std::string& path, bool& is_set, const LintSite& site, Linter& linter);
// ExposeProtoCasing, ExposeInvalidFormat.
void lint_expose(const std::vector<std::string>& words, const LintSite& site, Linter& linter);
// CopyIgnoredFile, of a source in the build context.
void lint_copy_source(const std::string& source, bool add, const graph::Ignore& ignore,
                      const LintSite& site, Linter& linter);

}  // namespace lichen::dockerfile
