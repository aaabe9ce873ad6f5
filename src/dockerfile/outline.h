// `lichen build --call=outline`: what can be given to a build of the target, as BuildKit tells it:
// the ARGs that count for it, with their values, and the secrets and ssh sockets of its RUNs.
//
//   const Outline outline = TRY(outline_of(frontend, images));
//   to_text(outline) / to_json(outline, frontend)
//
// The stages that the target reaches are lowered for it, but for RUN, COPY and ADD, with their base
// images: variables and ONBUILD triggers count.
#pragma once

#include <map>
#include <set>
#include <string>
#include <vector>

#include "base/result.h"
#include "dockerfile/lower.h"

namespace lichen::dockerfile {

struct OutlineArg {
  std::string name, value;
  std::string description;  // of the comment "# NAME description" above ARG
  Lines lines;              // of the last definition
};
struct OutlineMount {  // a secret or an ssh socket
  std::string name;
  bool required = false;
  Lines lines;
};
struct Outline {
  std::string target, description;
  std::vector<OutlineArg> args;  // by line, as all
  std::vector<OutlineMount> secrets, ssh;
};

Result<Outline> outline_of(Frontend request, Images& images);

std::string to_text(const Outline& outline);
std::string to_json(const Outline& outline, const Frontend& request);

// What lowering notes of one stage.
struct StageOutline {
  struct ArgNote {
    OutlineArg arg;
    std::set<std::string> depends;  // on the ARGs in its default
  };
  std::map<std::string, ArgNote> args;  // known here, by name
  std::set<std::string> used;
  std::map<std::string, OutlineMount> secrets, ssh;

  // Of an ARG before FROM: its default's variables, and those that an earlier default of the same
  // name was made of, if the name is among them.
  void define(OutlineArg arg, std::set<std::string> depends);
};
// Those of a stage and of what it needs, in this order; each name counts once.
Outline merge_outlines(const std::vector<const StageOutline*>& stages);

}  // namespace lichen::dockerfile
