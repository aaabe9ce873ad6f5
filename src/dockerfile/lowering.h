// The work of lower(): one object for one Dockerfile. Private to this module; lower.h is its door.
//
// lower.cc holds the order of things (parse, globals, stages, result), lower_base.cc what a stage
// starts from, lower_config.cc, lower_copy.cc, lower_run.cc and
// lower_mount.cc one group of instructions each.
#pragma once

#include <map>
#include <optional>
#include <set>
#include <string>
#include <vector>

#include "dockerfile/expand.h"
#include "dockerfile/lint.h"
#include "dockerfile/lower.h"
#include "dockerfile/outline.h"
#include "dockerfile/stage.h"
#include "graph/ignore.h"

namespace lichen::dockerfile {

// What a stage begins with, found before any stage is lowered.
struct StageBase {
  bool prepared = false;
  bool scratch = false;
  std::optional<ResolvedImage> image;
  std::string written;       // of an image: the reference as the Dockerfile has it
  std::string name;          // of a layout: what the Dockerfile calls it
  std::string local;         // a named context that is a directory
  std::size_t triggers = 0;  // leading commands that came from ONBUILD
  bool replaced = false;     // a named context stands for the whole stage
};

// A stage while its instructions are applied.
struct StageState {
  std::optional<graph::Input> root;  // nullopt: nothing yet
  oci::ImageConfig image;
  std::vector<std::string> env;  // of RUN and of expansion: the image's and the ARGs
  std::vector<ArgItem> args;     // for the history of RUN
  bool has_cmd = false;
  bool has_workdir = false;  // in this stage or one that it builds on, by this Dockerfile
  std::optional<Lines> cmd_at, entrypoint_at, healthcheck_at;  // the last in this stage
  oci::Platform platform;
  std::string label;  // "build", for progress names
  std::size_t total = 0, shown = 0;
  bool done = false;
};

class Lowering {
 public:
  Lowering(const Frontend& request, Images& images) : request_(request), images_(images) {}
  Result<Lowered> run();
  // Also after a failed run: what was found until then, and where it failed.
  std::vector<Warning> warnings() const;
  Lines where() const { return where_; }
  // After a good run.
  Outline outline() const;

 private:
  Result<void> read();
  Result<void> check_syntax();
  Result<void> set_lint();
  Result<void> set_globals();
  Result<void> set_epoch();
  Result<std::optional<std::int64_t>> epoch_of(const std::string& text);
  Result<std::string> epoch_source(const Stage& stage);
  Result<void> expand_stages();
  Result<std::size_t> target();
  std::set<std::size_t> needed(std::size_t target) const;
  Result<void> prepare(std::size_t target);
  Result<void> prepare_stage(Stage& stage);
  Result<bool> use_named_context(StageBase& base, const std::string& name,
                                 const oci::Platform& platform);
  Result<void> add_triggers(Stage& stage, const std::vector<std::string>& triggers);
  Result<Lowered> finish(std::size_t target);
  Result<std::vector<ScanTarget>> scan_targets(std::size_t target);
  void warn_unused_args();
  bool ignores_cache(const Stage& stage) const;
  void warn_unknown_stages();

  Result<const ResolvedImage*> resolve(const std::string& reference, const oci::Platform& platform);
  // Of a --from that names no stage: a stage of nearly that name is what an error hints at.
  Result<const ResolvedImage*> resolve_source(const std::string& from,
                                              const oci::Platform& platform);
  void check_platform(const ResolvedImage& image, const std::string& written,
                      const oci::Platform& platform, Lines lines);
  std::optional<graph::Input> add_image(const StageBase& base, const oci::Platform& platform,
                                        graph::Metadata metadata);
  std::string ignore_text(const std::string& context) const;
  Result<graph::Input> add_local(const std::string& name);

  Result<void> lower_stage(std::size_t index);
  Result<void> start_stage(const Stage& stage, StageState& state);
  Result<void> apply(Stage& stage, StageState& state, Instruction& command, bool trigger);

  Result<void> apply_arg(const Stage& stage, StageState& state, Arg& arg);
  Result<void> note_mounts(const Stage& stage, const StageState& state, const Run& run);
  Result<void> apply_env(StageState& state, Env& env);
  Result<void> apply_label(StageState& state, Label& label);
  Result<void> apply_workdir(StageState& state, const Workdir& workdir,
                             const graph::Metadata& metadata);
  Result<void> apply_user(StageState& state, const User& user);
  Result<void> apply_volume(StageState& state, const Volume& volume);
  Result<void> apply_expose(StageState& state, const Expose& expose);
  Result<void> apply_stop_signal(StageState& state, const StopSignal& stop);
  void apply_cmd(StageState& state, const Cmd& cmd);
  void apply_entrypoint(StageState& state, const Entrypoint& entrypoint);
  Result<void> check_devices(const Run& run);
  Result<void> apply_run(StageState& state, const Run& run, graph::Metadata metadata);
  Result<void> add_mounts(const StageState& state, const Run& run, graph::Vertex& vertex,
                          graph::ExecOp& op, Lines lines);
  Result<graph::Mount> make_mount(const StageState& state, const std::string& text,
                                  std::size_t sockets, graph::Vertex& vertex, Lines lines);
  Result<std::optional<graph::Input>> mount_source(const StageState& state, const std::string& from,
                                                   const graph::Mount& mount, Lines lines);
  Result<void> apply_copy(const Stage& stage, StageState& state, CopyFiles copy,
                          graph::Metadata metadata);
  // nullopt: the source is an empty tree.
  Result<std::optional<graph::Input>> copy_source(const Stage& stage, const StageState& state,
                                                  const CopyFiles& copy, Lines lines);

  // A word of the instruction at site_.
  Result<std::string> expand(const StageState& state, std::string_view text);
  Result<std::string> expand(const StageState& state, std::string_view text,
                             const Expander& expander);
  std::vector<std::string> with_shell(const StageState& state,
                                      std::vector<std::string> words) const;
  std::string step_name(StageState& state, std::string_view text, bool counted = true) const;
  std::string step_name(StageState& state, std::string_view text, bool counted,
                        const std::vector<std::string>& env) const;
  std::vector<std::string> shown_env(const StageState& state, const Run& run) const;
  std::string platform_label(const StageState& state) const;
  graph::Metadata metadata(std::string name, Lines lines) const;
  void set_root(StageState& state, graph::VertexId vertex) { state.root = graph::Input{vertex, 0}; }

  Frontend request_;
  Images& images_;
  Expander expander_;
  Lines where_;                // what the current work is about; errors are located there
  bool ignore_cache_ = false;  // the stage that is being lowered
  LintSite site_;              // the instruction that is being applied
  Linter linter_;
  graph::Ignore ignore_;  // of the build context
  Stages stages_;
  std::vector<std::string> globals_;  // "K=V": platform and global ARGs
  oci::Platform build_platform_, target_platform_;
  std::vector<StageBase> bases_;
  std::vector<StageState> states_;
  StageOutline global_outline_;
  std::vector<StageOutline> outlines_;  // of each stage
  std::size_t target_ = 0;
  std::map<std::string, ResolvedImage> resolved_;
  std::optional<std::int64_t> epoch_;
  std::vector<Warning> warnings_;
  graph::GraphBuilder builder_;
};

}  // namespace lichen::dockerfile
