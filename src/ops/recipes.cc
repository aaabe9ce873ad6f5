#include "ops/recipes.h"

#include <algorithm>
#include <cstdio>

#include "base/text.h"
#include "graph/sensitive.h"
#include "ops/fetched.h"
#include "os/file.h"
#include "store/cache_mount.h"

namespace lichen::ops {

using graph::VertexId;
using solver::Recipe;
using solver::ResultId;

namespace {

constexpr std::string_view kImageScheme = "docker-image://", kLocalScheme = "local://";

bool is_proxy(std::string_view variable) {
  return ends_with(to_lower(variable), "_proxy");
}

const char* to_text(graph::MountKind kind) {
  switch (kind) {
    case graph::MountKind::kBind:
      return "bind";
    case graph::MountKind::kSecret:
      return "secret";
    case graph::MountKind::kSsh:
      return "ssh";
    case graph::MountKind::kCache:
      return "cache";
    case graph::MountKind::kTmpfs:
      return "tmpfs";
  }
  return "";
}

std::string mount_text(const graph::Mount& mount) {
  std::string text = to_text(mount.kind);
  const auto add = [&](const char* name, const std::string& value) {
    if (!value.empty()) text += std::string(",") + name + "=" + value;
  };
  const auto number = [](const auto& value) { return value ? std::to_string(*value) : ""; };
  const bool is_cache = mount.kind == graph::MountKind::kCache;
  add("id", is_cache ? store::shown_id(mount.id) : mount.id);
  add("from", mount.selector);
  constexpr const char* kSharings[] = {"shared", "private", "locked"};
  if (is_cache) add("sharing", kSharings[static_cast<std::size_t>(mount.sharing)]);
  if (mount.mode) {
    char mode[16];
    std::snprintf(mode, sizeof mode, "%04o", *mount.mode);
    add("mode", mode);
  }
  add("uid", number(mount.uid));
  add("gid", number(mount.gid));
  add("env", mount.env);
  if (mount.size != 0) add("size", std::to_string(mount.size));
  if (mount.readonly) text += ",ro";
  if (mount.required) text += ",required";
  return text;
}

std::string action_text(const graph::FileAction& action) {
  if (const auto* copy = std::get_if<graph::Copy>(&action)) {
    std::string text = "copy " + copy->src + " to " + copy->dest;
    if (!copy->owner.empty()) text += " chown " + copy->owner;
    if (!copy->mode.empty()) text += " chmod " + copy->mode;
    for (const std::string& pattern : copy->exclude_patterns) text += " without " + pattern;
    for (const bool flag :
         {copy->follow_symlink, copy->dir_copy_contents, copy->unpack, copy->create_dest_path,
          copy->allow_wildcard, copy->allow_empty_wildcard, copy->parents})
      text += flag ? "+" : "-";
    return text;
  }
  if (const auto* file = std::get_if<graph::MakeFile>(&action))
    return "file " + file->path + " " + std::to_string(file->mode) + " " + file->owner + " " +
           sha256(file->data).text();
  const auto& directory = std::get<graph::MakeDirectory>(action);
  return "directory " + directory.path + " " + std::to_string(directory.mode) + " " +
         directory.owner;
}

// "RUN make" of "[build 2/5] RUN make": another step more or less is no change.
std::string without_number(const std::string& name) {
  const std::size_t end = name.find("] ");
  return starts_with(name, "[") && end != std::string::npos ? name.substr(end + 2) : name;
}

bool is_context(const graph::Graph& graph, VertexId vertex) {
  const auto* source = std::get_if<graph::SourceOp>(&graph.vertices[vertex].op);
  return source != nullptr && starts_with(source->identifier, kLocalScheme);
}

// What it is, whatever it works on: its instruction.
std::string shape_of(const graph::Graph& graph, const graph::Vertex& vertex) {
  Hasher hasher;
  for (const graph::Input& input : vertex.inputs)
    hasher.field(is_context(graph, input.vertex) ? "context" : "tree");
  if (const auto* exec = std::get_if<graph::ExecOp>(&vertex.op)) {
    hasher.field("exec").field(join(exec->args, "\n"));
  } else if (const auto* file = std::get_if<graph::FileOp>(&vertex.op)) {
    hasher.field("file");
    for (const graph::FileAction& action : file->actions) hasher.field(action_text(action));
  } else if (const auto* source = std::get_if<graph::SourceOp>(&vertex.op)) {
    hasher.field("source").field(source->written.empty() ? source->identifier : source->written);
  } else {
    hasher.field("merge");
  }
  if (vertex.platform) hasher.field(oci::to_text(*vertex.platform));
  return hasher.finish().short_hex();
}

const char* kind_of(const graph::Op& op) {
  constexpr const char* kNames[] = {"source", "exec", "file", "merge"};
  static_assert(std::size(kNames) == std::variant_size_v<graph::Op>);
  return kNames[op.index()];
}

}  // namespace

std::vector<std::optional<graph::Copy>> selections_of(const graph::Op& op) {
  std::vector<std::optional<graph::Copy>> selections;
  if (const auto* file = std::get_if<graph::FileOp>(&op))
    for (const graph::FileAction& action : file->actions) {
      const auto* copy = std::get_if<graph::Copy>(&action);
      selections.push_back(copy == nullptr ? std::nullopt : std::optional(*copy));
    }
  if (const auto* exec = std::get_if<graph::ExecOp>(&op))
    for (const graph::Mount& mount : exec->mounts) {
      selections.emplace_back();
      if (mount.kind != graph::MountKind::kBind || mount.output) continue;
      selections.back() = graph::Copy{.input = mount.input,
                                      .src = mount.selector.empty() ? "/" : mount.selector,
                                      .dest = "/",
                                      .follow_symlink = true,
                                      .allow_wildcard = false};
    }
  return selections;
}

std::string step_place(const graph::Graph& graph, VertexId vertex) {
  const std::string& name = graph.metadata[vertex].name;
  const std::size_t end = name.find("] ");
  const std::size_t slash = end == std::string::npos ? end : name.rfind('/', end);
  const bool is_counted = starts_with(name, "[") && slash != std::string::npos;
  return std::string(kind_of(graph.vertices[vertex].op)) + " " +
         graph::without_url_credentials(is_counted ? name.substr(1, slash - 1) : name);
}

void Recipes::note_files(VertexId vertex, std::size_t selection, Files files) {
  std::lock_guard lock(mutex_);
  files_[{vertex, selection}] = std::move(files);
}

// Nothing that a step is given in secret may be readable in a record, by whatever way it came in.
void Recipes::add(Recipe& recipe, const std::string& name, const std::string& value,
                  bool hidden) const {
  for (const auto& [id, bytes] : services_.secrets)
    if (!bytes.empty() && value.find(bytes) != std::string::npos) hidden = true;
  if (hidden)
    recipe.add_hidden(name, value);
  else
    recipe.add(name, graph::without_url_credentials(value));
}

const graph::SourceOp* Recipes::image_of(VertexId vertex, std::size_t input) const {
  const VertexId from = graph_.vertices[vertex].inputs.at(input).vertex;
  const auto* source = std::get_if<graph::SourceOp>(&graph_.vertices[from].op);
  if (source == nullptr || is_fetched(*source) || starts_with(source->identifier, "local://"))
    return nullptr;
  return source;
}

namespace {

// "debian:12@sha256:…"
std::string image_text(const graph::SourceOp& source) {
  const std::size_t at = source.identifier.rfind('@');
  const std::string name =
      source.written.empty()
          ? source.identifier.substr(
                starts_with(source.identifier, kImageScheme) ? kImageScheme.size() : 0)
          : source.written;
  return name.substr(0, name.find('@')) +
         (at == std::string::npos ? "" : source.identifier.substr(at));
}

}  // namespace

void Recipes::add_exec(VertexId, const graph::ExecOp& exec, Recipe& recipe) const {
  add(recipe, "command", join(exec.args, "\n"));
  for (const std::string& entry : exec.env) {
    const std::string name = oci::env_key(entry);
    const std::string value = entry.substr(std::min(entry.size(), name.size() + 1));
    add(recipe, "env " + name, value, graph::is_secret_name(name) || is_proxy(name));
  }
  add(recipe, "workdir", exec.cwd);
  add(recipe, "user", exec.user.empty() ? "root" : exec.user);
  constexpr const char* kNetworks[] = {"default", "host", "none", "sandbox"};
  add(recipe, "network", kNetworks[static_cast<std::size_t>(exec.network)]);
  for (const std::string& host : exec.extra_hosts)
    add(recipe, "host " + host.substr(0, host.find('=')),
        host.substr(std::min(host.size(), host.find('=') + 1)));
  if (!exec.hostname.empty()) add(recipe, "hostname", exec.hostname);
  for (const graph::Ulimit& limit : exec.ulimits) add(recipe, "ulimit", graph::to_text(limit));
  if (exec.insecure) add(recipe, "security", "insecure");
  for (const graph::Mount& mount : exec.mounts)
    if (!mount.output)
      add(recipe, "mount " + (mount.dest.empty() ? mount.env : mount.dest), mount_text(mount));
}

void Recipes::add_files(VertexId vertex, Recipe& recipe) {
  const graph::Vertex& v = graph_.vertices[vertex];
  const auto selections = selections_of(v.op);
  for (std::size_t i = 0; i < selections.size(); ++i) {
    if (!selections[i] || !selections[i]->input) continue;
    const bool of_context = is_context(graph_, v.inputs.at(*selections[i]->input).vertex);
    Files files;
    if (of_context) {
      files = context_files_(vertex, *selections[i]);
    } else {
      std::lock_guard lock(mutex_);
      if (const auto found = files_.find({vertex, i}); found != files_.end()) files = found->second;
    }
    // Two selections of one file are one part.
    for (const auto& [path, value] : files) {
      const std::string name = "file " + std::string(of_context ? "" : "/") + path;
      if (std::find(recipe.parts.begin(), recipe.parts.end(), solver::Part{name, value}) ==
          recipe.parts.end())
        recipe.add(name, value);
    }
  }
}

// Of a tree that only its content names, the number counts instead.
bool Recipes::has_files(VertexId vertex, std::size_t selection) {
  std::lock_guard lock(mutex_);
  return files_.count({vertex, selection}) != 0;
}

// The trees that count by their number: what a step stands on, first.
void Recipes::add_inputs(VertexId vertex, const std::vector<ResultId>& inputs, Recipe& recipe) {
  const graph::Vertex& v = graph_.vertices[vertex];
  const auto tell = [&](std::size_t input, const std::string& what) {
    if (image_of(vertex, input) != nullptr) return;  // told as the base image
    const ResultId result = inputs.at(input);
    recipe.add(
        "result of " + what,
        "#" +
            (is_remote(result) ? services_.imported->tree(result).back().layer.chain.short_hex()
                               : std::to_string(result)) +
            " " + shape_of(graph_, graph_.vertices[v.inputs[input].vertex]) + " " +
            graph::without_url_credentials(
                without_number(graph_.metadata[v.inputs[input].vertex].name)));
  };
  if (const auto* exec = std::get_if<graph::ExecOp>(&v.op)) {
    for (std::size_t i = 0; i < exec->mounts.size(); ++i) {
      const graph::Mount& mount = exec->mounts[i];
      if (mount.input && mount.output)
        tell(*mount.input, "the step before");
      else if (mount.input && !has_files(vertex, i))
        tell(*mount.input, "mount " + mount.dest);
    }
  } else if (const auto* file = std::get_if<graph::FileOp>(&v.op)) {
    if (!file->scratch) tell(0, "the step before");
  } else if (std::holds_alternative<graph::MergeOp>(v.op)) {
    for (std::size_t i = 0; i < inputs.size(); ++i) tell(i, "input " + std::to_string(i));
  }
}

Recipe Recipes::make(VertexId vertex, const std::vector<ResultId>& inputs) {
  const graph::Vertex& v = graph_.vertices[vertex];
  Recipe recipe;
  const auto* source = std::get_if<graph::SourceOp>(&v.op);
  if (source != nullptr && !is_fetched(*source)) add(recipe, "base image", image_text(*source));
  if (source != nullptr && is_fetched(*source)) add(recipe, "source", source->identifier);
  for (std::size_t i = 0; i < v.inputs.size(); ++i)
    if (const graph::SourceOp* image = image_of(vertex, i))
      add(recipe, i == 0 ? "base image" : "image", image_text(*image));
  if (v.platform) add(recipe, "platform", oci::to_text(*v.platform));
  if (const auto* exec = std::get_if<graph::ExecOp>(&v.op)) add_exec(vertex, *exec, recipe);
  if (const auto* file = std::get_if<graph::FileOp>(&v.op)) {
    std::string text;
    for (const graph::FileAction& action : file->actions) text += action_text(action) + "\n";
    add(recipe, "instruction", text);
    if (file->created) add(recipe, "SOURCE_DATE_EPOCH", std::to_string(*file->created));
  }
  add_files(vertex, recipe);
  add_inputs(vertex, inputs, recipe);
  return recipe;
}

const Recipe& Recipes::of(VertexId vertex, const std::vector<ResultId>& inputs) {
  {
    std::lock_guard lock(mutex_);
    if (const auto found = made_.find(vertex); found != made_.end()) return found->second;
  }
  Recipe recipe = make(vertex, inputs);
  std::lock_guard lock(mutex_);
  return made_.emplace(vertex, std::move(recipe)).first->second;
}

store::RecipeRecord Recipes::record_of(VertexId vertex) const {
  const graph::Vertex& v = graph_.vertices[vertex];
  return {.key = {},
          .file = services_.place,
          .place = step_place(graph_, vertex),
          .shape = shape_of(graph_, v),
          .parts = {}};
}

Result<std::optional<ResultId>> Recipes::earlier(VertexId vertex, ResultId base) const {
  return services_.store.find_sibling(container::to_text(services_.tier), base, record_of(vertex));
}

std::string Recipes::explain(VertexId vertex, const std::vector<ResultId>& inputs) {
  if (is_context(graph_, vertex)) return {};
  const auto* source = std::get_if<graph::SourceOp>(&graph_.vertices[vertex].op);
  const Recipe& now = of(vertex, inputs);
  // That it cannot be told is no reason to fail.
  const auto known =
      services_.store.find_recipes(container::to_text(services_.tier), record_of(vertex));
  if (!known) return "why is not known: " + lichen::to_text(known.error());
  std::optional<Recipe> nearest;
  std::size_t least = 0;
  for (const store::RecipeRecord& record : *known) {
    auto before = solver::parse_recipe(record.parts);
    if (!before) continue;
    const std::size_t distance = solver::differences(*before, now);
    if (nearest && distance >= least) continue;
    nearest = std::move(*before);
    least = distance;
  }
  const bool is_image = source != nullptr && !is_fetched(*source);
  if (!nearest && is_image && has_layers(*source))
    return std::string("not unpacked at tier ") + container::to_text(services_.tier);
  if (!nearest) return is_image ? "not in the store" : "never built here";
  if (least > 0) return with_ignored(vertex, solver::explain(*nearest, now));
  return source != nullptr && is_fetched(*source) ? "its content changed"
                                                  : "its result is no longer in the store";
}

// Of a source image: an image of the store, maybe, whose tree is not there.
bool Recipes::has_layers(const graph::SourceOp& source) const {
  const std::size_t at = source.identifier.rfind('@');
  const auto digest =
      Digest::parse(at == std::string::npos ? "" : source.identifier.substr(at + 1));
  if (!digest) return false;
  const auto bytes = services_.store.read_blob(*digest);
  const auto document = bytes ? oci::parse_document(*bytes) : fail(Error(bytes.error()));
  const auto* manifest = document ? std::get_if<oci::Manifest>(&*document) : nullptr;
  return manifest != nullptr && std::all_of(manifest->layers.begin(), manifest->layers.end(),
                                            [&](const oci::Descriptor& layer) {
                                              return services_.store.has_blob(layer.digest);
                                            });
}

// A file of the context that does not count any more, and is there: it is ignored now.
std::string Recipes::with_ignored(VertexId vertex, std::string why) const {
  constexpr std::string_view kFile = "file ", kGone = " is gone";
  const std::size_t end = why.find(kGone);
  if (!starts_with(why, kFile) || end == std::string::npos) return why;
  const std::string path = why.substr(kFile.size(), end - kFile.size());
  for (const graph::Input& input : graph_.vertices[vertex].inputs) {
    if (!is_context(graph_, input.vertex)) continue;
    const auto& source = std::get<graph::SourceOp>(graph_.vertices[input.vertex].op);
    const auto directory = services_.open_context(source.identifier.substr(kLocalScheme.size()));
    if (directory && os::exists(*directory + "/" + path))
      return why.replace(end, kGone.size(), " is hidden by .dockerignore");
  }
  return why;
}

void Recipes::record(VertexId vertex, const Digest& key, const std::vector<ResultId>& inputs) {
  if (is_context(graph_, vertex)) return;
  store::RecipeRecord record = record_of(vertex);
  record.key = key;
  record.parts = solver::to_json(of(vertex, inputs));
  (void)services_.store.put_recipe(container::to_text(services_.tier), record);
}

}  // namespace lichen::ops
