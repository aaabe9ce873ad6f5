// COPY and ADD -> FileOp.
#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "base/unicode.h"
#include "base/url.h"
#include "dockerfile/history.h"
#include "dockerfile/lint_stage.h"
#include "dockerfile/lowering.h"
#include "dockerfile/remote_source.h"

namespace lichen::dockerfile {

namespace {

// Octal from 0 to 07777, or chmod(1)'s symbolic form.
Result<void> check_mode(const std::string& mode) {
  unsigned value = 0;
  const auto [end, error] = std::from_chars(mode.data(), mode.data() + mode.size(), value, 8);
  if (error == std::errc() && end == mode.data() + mode.size() && value <= 07777) return {};
  const auto bad = [&mode] {
    return fail(Errc::kInvalid, "invalid chmod parameter: '" + mode +
                                    "'. it should be octal string and between 0 and 07777");
  };
  if (mode[0] >= '0' && mode[0] <= '9') return bad();
  for (const std::string& clause : split(mode, ',')) {
    const std::size_t who = std::min(clause.find_first_not_of("ugoa"), clause.size());
    if (who == clause.size()) return bad();
    char previous = 0;
    for (const char c : clause.substr(who)) {
      const bool is_operator = c == '+' || c == '-' || c == '=';
      if (!is_operator && std::string_view("rwxXstugo").find(c) == std::string_view::npos)
        return bad();
      if (previous == 0 && !is_operator) return bad();
      previous = c;
    }
  }
  return {};
}

// Absolute and clean; a slash (or "/.") at the end stays, as it says "a directory", which the
// working directory is in any case.
std::string destination(const std::string& path, const std::string& directory) {
  std::string clean = path.empty() ? directory : clean_path(path, directory);
  const bool is_directory =
      path.empty() || path == "." || ends_with(path, "/") || ends_with(path, "/.");
  if (is_directory && clean != "/") clean += "/";
  return clean;
}

// --parents copies what is behind the first "/./" and keeps its directories.
std::string source_path(const std::string& path, bool parents) {
  const std::size_t pivot = parents ? path.find("/./") : std::string::npos;
  if (pivot == std::string::npos) return clean_path(path);
  const std::string before = clean_path(path.substr(0, pivot));
  return (before == "/" ? "" : before) + "/." + clean_path(path.substr(pivot + 3));
}

// A linked layer has no /etc/passwd below it that names could be looked up in.
Result<void> check_linked_owner(const CopyFiles& copy) {
  for (const std::string& part : split(copy.chown, ':'))
    if (part != "root" && part.find_first_not_of("0123456789") != std::string::npos)
      return fail(Errc::kInvalid,
                  "--link and --chown=" + copy.chown + " do not go together: " + part +
                      " is a name of the base image, which a linked layer does not depend on",
                  "give the numbers (--chown=UID:GID), or leave out --link");
  return {};
}

// "[2/5] COPY --link a /" -> "[2/5] LINK COPY --link a /"
std::string linked_name(std::string name) {
  constexpr std::string_view kTrigger = "ONBUILD ";
  std::size_t at = name.find("] ");
  at = at == std::string::npos ? 0 : at + 2;
  if (name.compare(at, kTrigger.size(), kTrigger) == 0) at += kTrigger.size();
  return name.insert(at, "LINK ");
}

}  // namespace

Result<std::optional<graph::Input>> Lowering::copy_source(const Stage& stage,
                                                          const StageState& state,
                                                          const CopyFiles& copy, Lines lines) {
  using Found = std::optional<graph::Input>;
  if (copy.from.empty()) return Found(TRY(add_local("context")));
  if (copy.from.find('$') != std::string::npos)
    return fail(Errc::kInvalid,
                "variable expansion is not supported for --from, define a new stage with FROM "
                "using ARG from global scope as a workaround");
  if (const auto index = stages_.find_source(copy.from)) {
    if (*index >= stages_.stages.size())
      return fail(Errc::kInvalid,
                  "invalid from flag value " + copy.from + ": there is no stage with this index");
    if (!states_[*index].done)
      return fail(Errc::kInvalid,
                  "cannot copy from stage " + unicode::quote(copy.from) +
                      ", it needs to be defined before current stage " +
                      unicode::quote(stage.from.name.empty() ? std::to_string(stage.index)
                                                             : stage.from.name));
    return states_[*index].root;
  }
  StageBase base;
  if (!TRY(use_named_context(base, copy.from, state.platform))) {
    base.written = copy.from;
    if (copy.from == "scratch") return Found();
    base.image = *TRY(resolve_source(copy.from, state.platform));
    check_platform(*base.image, base.written, state.platform, lines);
  }
  if (!base.local.empty()) return Found(TRY(add_local(base.local)));
  if (!base.image) return Found();
  std::string shown = base.image->identifier;
  if (starts_with(shown, "docker-image://")) shown = shown.substr(15);
  return add_image(base, state.platform, metadata("FROM " + shown, lines));
}

Result<void> Lowering::apply_copy(const Stage& stage, StageState& state, CopyFiles copy,
                                  graph::Metadata about) {
  about.name = without_credentials(about.name);
  copy.chown = TRY(expand(state, copy.chown));
  copy.chmod = TRY(expand(state, copy.chmod));
  copy.dest = TRY(expand(state, copy.dest));
  for (std::string& source : copy.sources) source = TRY(expand(state, source));
  if (!copy.chmod.empty()) TRY(check_mode(copy.chmod));
  copy.checksum = TRY(expand(state, copy.checksum));

  // As the reference has it, --chmod makes it a plain copy.
  const bool is_linked = copy.link && copy.chmod.empty();
  if (is_linked) TRY(check_linked_owner(copy));
  graph::Vertex vertex;
  graph::FileOp op{
      .scratch = is_linked || !state.root.has_value(), .independent = is_linked, .created = epoch_};
  if (!op.scratch) vertex.inputs.push_back(*state.root);
  const auto add_input = [&vertex](graph::Input input) {
    vertex.inputs.push_back(input);
    return vertex.inputs.size() - 1;
  };
  graph::Copy action{.dest = destination(copy.dest, state.image.working_dir),
                     .owner = copy.chown,
                     .mode = copy.chmod};
  const Lines lines{about.first_line, about.last_line};
  graph::Copy local = action;  // from the context, or what --from says
  bool has_local = false;
  for (const std::string& path : copy.sources) {
    graph::Copy one = action;
    if (const auto remote = TRY(remote_source(copy, path))) {
      one.input = add_input(
          {builder_.add({.op = remote->op}, metadata(without_credentials(path), lines)), 0});
      one.src = remote->path;
      one.unpack = remote->is_archive && copy.unpack.value_or(false);
      one.allow_wildcard = false;
    } else {
      if (!has_local) {
        if (const auto source = TRY(copy_source(stage, state, copy, lines)))
          local.input = add_input(*source);
        has_local = true;
      }
      if (copy.from.empty()) lint_copy_source(path, copy.add, ignore_, site_, linter_);
      one = local;
      one.src = source_path(path, copy.parents);
      one.follow_symlink = true;
      one.unpack = copy.add && copy.unpack.value_or(true);
      one.allow_empty_wildcard = true;
    }
    one.parents = copy.parents;
    one.exclude_patterns = copy.exclude;
    op.actions.emplace_back(std::move(one));
  }
  for (InlineFile& file : copy.inline_files) {
    file.path = TRY(expand(state, file.path));
    if (file.expand) {
      // Bodies have the shell's rules: backslash always escapes, quotes are text.
      const Expander body{.skip_quotes = true};
      file.data = TRY(expand(state, file.data, body));
    }
    // A tree of its own, then copied: only then does the destination follow COPY's rules.
    graph::FileOp document{.scratch = true};
    document.actions.push_back(graph::MakeFile{.path = clean_path(file.path), .data = file.data});
    const graph::VertexId made = builder_.add(
        {.op = std::move(document)}, metadata("[internal] preparing inline document", lines));
    graph::Copy one = action;
    one.input = add_input({made, 0});
    one.src = clean_path(file.path);
    one.allow_wildcard = false;
    op.actions.emplace_back(std::move(one));
  }
  vertex.op = std::move(op);
  graph::Metadata merging = about;
  graph::Input made{builder_.add(std::move(vertex), std::move(about)), 0};
  if (is_linked && state.root) {
    merging.name = linked_name(merging.name);
    made.vertex =
        builder_.add({.inputs = {*state.root, made}, .op = graph::MergeOp{}}, std::move(merging));
  }
  state.root = made;
  history::add(state.image, history::of_copy(copy), true);
  return {};
}

}  // namespace lichen::dockerfile
