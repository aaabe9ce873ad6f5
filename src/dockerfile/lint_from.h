// Lint rules about FROM: its variables, its --platform, the image behind it.
#pragma once

#include <string>
#include <vector>

#include "dockerfile/expand.h"
#include "dockerfile/lint.h"
#include "dockerfile/stage.h"
#include "oci/types.h"

namespace lichen::dockerfile {

// InvalidDefaultArgInFrom. `defaults`: "K=V" of the platform arguments; the stages as written.
void lint_default_args(const Stages& stages, const std::vector<std::string>& defaults,
                       const Expander& expander, Linter& linter);

// UndefinedArgInFrom, of the base or of the platform. `globals`: "K=V"; `declared`: names of ARGs
// before the first FROM, with or without a value.
void lint_from_variables(const Expansion& expansion, const std::vector<std::string>& globals,
                         const std::vector<std::string>& declared, const LintSite& site,
                         Linter& linter);

// " (did you mean X?)" for the first variable that is not known and looks like one that is, or "".
std::string suggested_arg(const Expansion& expansion, const std::vector<std::string>& globals,
                          const std::vector<std::string>& declared);

// RedundantTargetPlatform, FromPlatformFlagConstDisallowed. `written` is the flag's value.
void lint_from_platform(const std::string& written, const Expansion& expansion,
                        const std::string& stage_name, const std::vector<std::string>& globals,
                        const LintSite& site, Linter& linter);

// InvalidBaseImagePlatform.
void lint_image_platform(const std::string& image, const oci::Platform& want,
                         const oci::Platform& have, const LintSite& site, Linter& linter);

}  // namespace lichen::dockerfile
