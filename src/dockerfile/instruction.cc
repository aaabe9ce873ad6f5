#include "dockerfile/instruction.h"

#include <algorithm>
#include <charconv>

#include "base/text.h"
#include "base/unicode.h"
#include "dockerfile/duration.h"
#include "dockerfile/flags.h"
#include "dockerfile/heredoc.h"

namespace lichen::dockerfile {

namespace {

tl::unexpected<Error> invalid(std::string message) {
  return fail(Errc::kInvalid, std::move(message));
}

CommandLine command_line(const Node& node, std::size_t skip = 0) {
  std::vector<std::string> words(node.args.begin() + static_cast<std::ptrdiff_t>(skip),
                                 node.args.end());
  if (!node.json && !words.empty()) words = {join(words, " ")};
  return {std::move(words), !node.json};
}

Result<void> no_flags(const Node& node) {
  TRY(Flags::parse(node.flags, {}));
  return {};
}

Result<std::string> one_argument(const Node& node, std::string_view keyword) {
  if (node.args.size() != 1)
    return invalid(std::string(keyword) + " requires exactly one argument");
  TRY(no_flags(node));
  return node.args[0];
}

Result<void> some_arguments(const Node& node, std::string_view keyword) {
  if (node.args.empty()) return invalid(std::string(keyword) + " requires at least one argument");
  return no_flags(node);
}

Result<std::vector<Pair>> pairs(const Node& node, std::string_view keyword) {
  TRY(some_arguments(node, keyword));
  if (node.args.size() % 3 != 0)
    return invalid("Bad input to " + std::string(keyword) + ", too many arguments");
  std::vector<Pair> pairs;
  for (std::size_t i = 0; i < node.args.size(); i += 3) {
    if (node.args[i].empty()) return invalid(std::string(keyword) + " names can not be blank");
    pairs.push_back({node.args[i], node.args[i + 1], node.args[i + 2].empty()});
  }
  return pairs;
}

bool is_stage_name(std::string_view name) {
  if (name.empty() || name[0] < 'a' || name[0] > 'z') return false;
  return std::all_of(name.begin(), name.end(), [](char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') || c == '-' || c == '_' || c == '.';
  });
}

// What the comments above say of `name`: "# NAME text".
std::string doc_of(const Node& node, const std::string& name) {
  for (const std::string& comment : node.comments)
    if (!name.empty() && starts_with(comment, name + " ")) return comment.substr(name.size() + 1);
  return {};
}

Result<InstructionBody> parse_from(const Node& node) {
  From from;
  if (node.args.size() == 3 && to_lower(node.args[1]) == "as") {
    from.name = to_lower(node.args[2]);
    if (!is_stage_name(from.name))
      return invalid("invalid name for build stage: " + unicode::quote(node.args[2]) +
                     ", name can't start with a number or contain symbols");
  } else if (node.args.size() != 1) {
    return invalid("FROM requires either one or three arguments");
  }
  const Flags flags = TRY(Flags::parse(node.flags, {{"platform", FlagKind::kText}}));
  from.base = node.args[0];
  from.platform = flags.text("platform");
  from.doc = doc_of(node, from.name);
  return from;
}

Result<InstructionBody> parse_arg(const Node& node) {
  // Flags are ignored here and by HEALTHCHECK NONE: BuildKit never looks at them.
  if (node.args.empty()) return invalid("ARG requires at least one argument");
  Arg arg;
  for (const std::string& word : node.args) {
    const std::size_t equals = word.find('=');
    if (equals == 0) return invalid("ARG names can not be blank");
    ArgItem item{.key = word.substr(0, equals), .value = std::nullopt};
    if (equals != std::string::npos) item.value = word.substr(equals + 1);
    item.doc = doc_of(node, item.key);
    arg.items.push_back(std::move(item));
  }
  return arg;
}

Result<InstructionBody> parse_copy(const Node& node, bool add) {
  const std::string keyword = add ? "ADD" : "COPY";
  std::vector<FlagRow> known = {{"chown", FlagKind::kText},
                                {"chmod", FlagKind::kText},
                                {"link", FlagKind::kBool},
                                {"exclude", FlagKind::kList}};
  if (add) {
    known.push_back({"keep-git-dir", FlagKind::kBool});
    known.push_back({"checksum", FlagKind::kText});
    known.push_back({"unpack", FlagKind::kBool});
  } else {
    known.push_back({"from", FlagKind::kText});
    known.push_back({"parents", FlagKind::kBool});
  }
  if (node.args.size() < 2)
    return invalid(keyword +
                   " requires at least two arguments, but only one was provided. Destination "
                   "could not be determined");
  const Flags flags = TRY(Flags::parse(node.flags, known));
  CopyFiles copy{.add = add};
  copy.from = flags.text("from");
  copy.chown = flags.text("chown");
  copy.chmod = flags.text("chmod");
  copy.checksum = flags.text("checksum");
  copy.exclude = flags.list("exclude");
  copy.parents = flags.boolean("parents").value_or(false);
  copy.link = flags.boolean("link").value_or(false);
  copy.keep_git_dir = flags.boolean("keep-git-dir");
  copy.unpack = flags.boolean("unpack");
  copy.dest = node.args.back();

  const auto find_body = [&node](const Heredoc& word) {
    return std::find_if(node.heredocs.begin(), node.heredocs.end(),
                        [&word](const Heredoc& one) { return one.name == word.name; });
  };
  if (!node.heredocs.empty() && TRY(parse_heredoc(copy.dest)))
    return invalid(keyword + " cannot accept a heredoc as a destination");
  for (std::size_t i = 0; i + 1 < node.args.size(); ++i) {
    if (!node.heredocs.empty()) {
      const auto heredoc = TRY(parse_heredoc(node.args[i]));
      const auto body = heredoc ? find_body(*heredoc) : node.heredocs.end();
      if (body != node.heredocs.end()) {
        copy.inline_files.push_back({body->name, body->body(), body->expand});
        continue;
      }
    }
    copy.sources.push_back(node.args[i]);
  }
  return copy;
}

Result<InstructionBody> parse_run(const Node& node) {
  const Flags flags = TRY(Flags::parse(node.flags, {{"mount", FlagKind::kList},
                                                    {"network", FlagKind::kText},
                                                    {"security", FlagKind::kText},
                                                    {"device", FlagKind::kList}}));
  Run run{.command = command_line(node), .files = node.heredocs};
  run.mounts = flags.list("mount");
  for (const std::string& mount : run.mounts) TRY(check_mount(mount));
  for (const std::string& device : flags.list("device"))
    run.devices.push_back(TRY(parse_device(device)));
  run.network = flags.text("network");
  run.security = flags.text("security");
  run.flags_used = flags.used();
  if (flags.has("network") && run.network != "default" && run.network != "none" &&
      run.network != "host")
    return invalid("network mode " + unicode::quote(run.network) + " is not valid");
  if (flags.has("security") && run.security != "sandbox" && run.security != "insecure")
    return invalid("security " + unicode::quote(run.security) + " is not valid");
  return run;
}

Result<InstructionBody> parse_shell(const Node& node) {
  TRY(no_flags(node));
  if (node.args.empty()) return invalid("SHELL requires at least one argument");
  if (!node.json) return invalid("SHELL requires the arguments to be in JSON form");
  return Shell{node.args};
}

Result<InstructionBody> parse_volume(const Node& node) {
  TRY(some_arguments(node, "VOLUME"));
  Volume volume;
  for (const std::string& word : node.args) {
    const std::string path(unicode::trim(word));
    if (path.empty()) return invalid("VOLUME specified can not be an empty string");
    volume.paths.push_back(path);
  }
  return volume;
}

Result<std::int64_t> interval(const Flags& flags, std::string_view name) {
  const std::string text = flags.text(name);
  if (text.empty()) return 0;
  const std::int64_t value = TRY(parse_duration(text));
  if (value != 0 && value < 1'000'000)
    return invalid("Interval " + unicode::quote(name) + " cannot be less than 1ms");
  return value;
}

Result<int> retries(const std::string& text) {
  if (text.empty()) return 0;
  int value = 0;
  const std::string_view digits = starts_with(text, "+") ? std::string_view(text).substr(1) : text;
  const auto [end, error] = std::from_chars(digits.data(), digits.data() + digits.size(), value);
  const auto bad = [&text](std::string_view why) {
    return invalid("strconv.ParseInt: parsing " + unicode::quote(text) + ": " + std::string(why));
  };
  if (end != digits.data() + digits.size() || error == std::errc::invalid_argument)
    return bad("invalid syntax");
  if (error != std::errc()) return bad("value out of range");
  if (value < 0) return invalid("--retries cannot be negative (" + std::to_string(value) + ")");
  return value;
}

Result<InstructionBody> parse_healthcheck(const Node& node) {
  if (node.args.empty()) return invalid("HEALTHCHECK requires at least one argument");
  const std::string type = unicode::to_upper(node.args[0]);
  HealthCheck health;
  if (type == "NONE") {
    if (node.args.size() > 1) return invalid("HEALTHCHECK NONE takes no arguments");
    health.check.test = {"NONE"};
    return health;
  }
  if (type != "CMD")
    return invalid("Unknown type " + unicode::quote(type) + " in HEALTHCHECK (try CMD)");
  const Flags flags = TRY(Flags::parse(node.flags, {{"interval", FlagKind::kText},
                                                    {"timeout", FlagKind::kText},
                                                    {"start-period", FlagKind::kText},
                                                    {"start-interval", FlagKind::kText},
                                                    {"retries", FlagKind::kText}}));
  const CommandLine command = command_line(node, 1);
  if (command.words.empty()) return invalid("Missing command after HEALTHCHECK CMD");
  health.check.test = {command.shell_form ? "CMD-SHELL" : "CMD"};
  health.check.test.insert(health.check.test.end(), command.words.begin(), command.words.end());
  health.check.interval_ns = TRY(interval(flags, "interval"));
  health.check.timeout_ns = TRY(interval(flags, "timeout"));
  health.check.start_period_ns = TRY(interval(flags, "start-period"));
  health.check.start_interval_ns = TRY(interval(flags, "start-interval"));
  health.check.retries = TRY(retries(flags.text("retries")));
  return health;
}

Result<InstructionBody> parse_onbuild(const Node& node) {
  if (!node.child) return invalid("ONBUILD requires at least one argument");
  TRY(no_flags(node));
  const std::string trigger = unicode::to_upper(node.child->keyword);
  if (trigger == "ONBUILD") return invalid("Chaining ONBUILD via `ONBUILD ONBUILD` isn't allowed");
  if (trigger == "MAINTAINER" || trigger == "FROM")
    return invalid(trigger + " isn't allowed as an ONBUILD trigger");
  // What stands behind the keyword, heredoc bodies included: it is parsed again in a child's build.
  std::string_view rest = unicode::trim_left(node.original);
  rest = unicode::trim(rest.substr(node.keyword.size()));
  OnBuild onbuild{std::string(rest)};
  for (const Heredoc& heredoc : node.heredocs)
    onbuild.trigger += "\n" + heredoc.content + heredoc.name;
  return onbuild;
}

Result<InstructionBody> parse_body(const Node& node) {
  const std::string keyword = to_lower(node.keyword);
  if (keyword == "from") return parse_from(node);
  if (keyword == "run") return parse_run(node);
  if (keyword == "copy") return parse_copy(node, false);
  if (keyword == "add") return parse_copy(node, true);
  if (keyword == "arg") return parse_arg(node);
  if (keyword == "env") return Env{TRY(pairs(node, "ENV"))};
  if (keyword == "label") return Label{TRY(pairs(node, "LABEL"))};
  if (keyword == "workdir") return Workdir{TRY(one_argument(node, "WORKDIR"))};
  if (keyword == "user") return User{TRY(one_argument(node, "USER"))};
  if (keyword == "stopsignal") return StopSignal{TRY(one_argument(node, "STOPSIGNAL"))};
  if (keyword == "maintainer") return Maintainer{TRY(one_argument(node, "MAINTAINER"))};
  if (keyword == "shell") return parse_shell(node);
  if (keyword == "volume") return parse_volume(node);
  if (keyword == "healthcheck") return parse_healthcheck(node);
  if (keyword == "onbuild") return parse_onbuild(node);
  if (keyword == "cmd" || keyword == "entrypoint") {
    TRY(no_flags(node));
    CommandLine command = command_line(node);
    if (keyword == "cmd") return Cmd{std::move(command)};
    return Entrypoint{std::move(command)};
  }
  if (keyword == "expose") {
    TRY(some_arguments(node, "EXPOSE"));
    Expose expose{node.args};
    std::sort(expose.ports.begin(), expose.ports.end());
    return expose;
  }
  const bool lower = node.keyword == keyword;
  std::vector<std::string> names = {"ADD",        "ARG",     "CMD",    "COPY",        "ENTRYPOINT",
                                    "ENV",        "EXPOSE",  "FROM",   "HEALTHCHECK", "LABEL",
                                    "MAINTAINER", "ONBUILD", "RUN",    "SHELL",       "STOPSIGNAL",
                                    "USER",       "VOLUME",  "WORKDIR"};
  if (lower)
    for (std::string& name : names) name = to_lower(name);
  return invalid("unknown instruction: " + node.keyword + did_you_mean(node.keyword, names));
}

}  // namespace

Result<Instruction> parse_instruction(const Node& node) {
  return Instruction{TRY(parse_body(node)), std::string(unicode::trim(node.original)), node.lines,
                     node.keyword, node.comments};
}

}  // namespace lichen::dockerfile
