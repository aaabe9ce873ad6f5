#include "cli/build_options.h"

#include <charconv>

#include "base/hint.h"
#include "base/text.h"
#include "cli/environment_flags.h"
#include "cli/refused_flags.h"
#include "cli/secret_flags.h"
#include "cli/ulimit_flag.h"
#include "dockerfile/mount.h"
#include "oci/reference.h"

namespace lichen::cli {

namespace {

using Map = std::map<std::string, std::string>;

// The arguments as they were written; what they mean together is worked out afterwards.
struct Written {
  BuildOptions options;
  std::vector<std::string> build_args, secrets, agents;
  bool push = false, load = false, progress_given = false;
  std::vector<std::string> platforms;
  std::optional<std::string> store_max, cache_mount_max;
};

Result<std::pair<std::string, std::string>> key_value(const std::string& text, const char* want) {
  const std::size_t equals = text.find('=');
  if (equals == std::string::npos || equals == 0)
    return fail(Errc::kInvalid, "\"" + text + "\" is not " + want);
  return std::pair{text.substr(0, equals), text.substr(equals + 1)};
}

Flag map_flag(std::string name, std::string value, std::string help, Map& to) {
  return {name, 0, value, std::move(help), [value, &to](const std::string& text) -> Result<void> {
            auto [key, content] = TRY(key_value(text, value.c_str()));
            to[key] = content;
            return {};
          }};
}

// NAME=DIR, NAME=URL, NAME=docker-image://REF, NAME=oci-layout://DIR.
Flag context_flag(Map& to) {
  return {"build-context", 0, "NAME=SOURCE",
          "a named context: DIR, URL, oci-layout://DIR or docker-image://REF; repeatable",
          [&to](const std::string& text) -> Result<void> {
            const auto [name, source] = TRY(key_value(text, "NAME=SOURCE"));
            if (source.empty()) return fail(Errc::kInvalid, "\"" + text + "\" names no source");
            to[name] = source;
            return {};
          }};
}

Flag tag_flag(std::vector<std::string>& tags) {
  return {"tag", 't', "NAME[:TAG]", "a name for the image; repeatable",
          [&tags](const std::string& text) -> Result<void> {
            (void)TRY(oci::parse_reference(text));
            tags.push_back(text);
            return {};
          }};
}

Flag pull_flag(bool& pull) {
  return {"pull", 0, "", "ask the registry for base images even if they are here",
          [&pull](const std::string& text) -> Result<void> {
            // buildah's words beside docker's true and false.
            if (text == "always" || text == "missing") {
              pull = text == "always";
              return {};
            }
            if (text == "never" || text == "newer")
              return fail(Errc::kUnsupported, "\"" + text + "\" is not supported yet");
            pull = TRY(parse_bool(text));
            return {};
          }};
}

// --check is --call=check.
void add_calls(std::vector<Flag>& flags, CallOptions& call) {
  flags.push_back({"check", 0, "", "lint the Dockerfile instead of building; fails on warnings",
                   [&call](const std::string& text) -> Result<void> {
                     if (TRY(parse_bool(text))) call.call = build::Call::kCheck;
                     return {};
                   }});
  flags.push_back({"call", 0, "METHOD[,format=json]",
                   "answer a question instead of building: check (lint), outline (build "
                   "arguments, secrets, ssh) or targets (stages)",
                   [&call](const std::string& text) -> Result<void> {
                     call = TRY(parse_call(text));
                     return {};
                   }});
}

// RUN has the host's network anyway.
Flag allow_flag(bool& insecure) {
  return {"allow", 0, "ENTITLEMENT",
          "security.insecure: RUN --security=insecure may have all capabilities of its namespace",
          [&insecure](const std::string& text) -> Result<void> {
            if (text == "network.host") return {};
            if (text != "security.insecure")
              return fail(Errc::kUnsupported, "\"" + printable(text) + "\" is not supported",
                          hint_for(text, {"network.host", "security.insecure"}));
            insecure = true;
            return {};
          }};
}

Flag no_cache_filter_flag(std::vector<std::string>& stages) {
  return {"no-cache-filter", 0, "STAGE[,STAGE]", "run every step of these stages; repeatable",
          [&stages](const std::string& text) -> Result<void> {
            for (const std::string& stage : split(text, ','))
              if (const auto name = trim(stage); !name.empty()) stages.emplace_back(name);
            return {};
          }};
}

Flag cache_from_flag(std::vector<build::CacheSource>& sources) {
  return {"cache-from", 0, "REF|type=…",
          "use a cache that was exported: type=registry,ref=REF or type=local,src=DIR; repeatable",
          [&sources](const std::string& text) -> Result<void> {
            if (!text.empty()) sources.push_back(TRY(build::parse_cache_source(text)));
            return {};
          }};
}

Flag cache_to_flag(std::vector<build::CacheTarget>& targets) {
  return {"cache-to", 0, "REF|type=…",
          "export the cache: type=registry,ref=REF[,mode=max], type=local,dest=DIR[,mode=max] or "
          "type=inline; repeatable",
          [&targets](const std::string& text) -> Result<void> {
            if (!text.empty()) targets.push_back(TRY(build::parse_cache_target(text)));
            return {};
          }};
}

Flag annotation_flag(std::vector<build::Annotation>& annotations) {
  return {"annotation", 0, "[TYPE:]KEY=VALUE",
          "a note on the image's manifest; TYPE: manifest, index, manifest-descriptor or "
          "index-descriptor, each with [PLATFORM] if need be; repeatable",
          [&annotations](const std::string& text) -> Result<void> {
            for (build::Annotation& one : TRY(build::parse_annotations(text)))
              annotations.push_back(std::move(one));
            return {};
          }};
}

// --attest, and its short forms.
void add_attestations(std::vector<Flag>& flags, build::AttestationRequest& request) {
  flags.push_back(
      {"attest", 0, "type=provenance|sbom[,…]",
       "say about the image what it was made of: a statement beside it; repeatable",
       [&request](const std::string& text) { return build::take_attestation(text, request); }});
  for (const char* type : {"provenance", "sbom"})
    flags.push_back({type, 0, "true|false|…", std::string("short for --attest type=") + type,
                     [type, &request](const std::string& text) {
                       return build::take_attestation(type, text, request);
                     }});
}

Flag shm_size_flag(std::uint64_t& bytes) {
  return {"shm-size", 0, "BYTES", "size of /dev/shm in RUN: \"256m\" (default: 64m)",
          [&bytes](const std::string& text) -> Result<void> {
            bytes = static_cast<std::uint64_t>(TRY(dockerfile::parse_bytes(text)));
            return {};
          }};
}

Flag context_mode_flag(bool& git_modes) {
  return {"context-mode", 0, "keep|git",
          "modes of what comes from a context: as they are, or what git keeps of them (0644, 0755)",
          [&git_modes](const std::string& text) -> Result<void> {
            if (text != "keep" && text != "git")
              return fail(Errc::kInvalid, "unknown context mode \"" + printable(text) + "\"",
                          hint_for(text, {"keep", "git"}));
            git_modes = text == "git";
            return {};
          }};
}

Syntax build_syntax(Written& written) {
  BuildOptions& options = written.options;
  build::Request& request = options.request;
  Syntax syntax{
      .name = "build",
      .arguments = "PATH|URL|-",
      .summary = "Builds an image from a Dockerfile, as an ordinary user.",
      .text =
          "PATH is the directory that COPY and ADD may read; URL an archive, a Dockerfile or a\n"
          "git repository; - one of the first two from standard input. Without --output or --push\n"
          "the image goes to the local store. Progress is written to standard error.",
      .least = 1,
      .most = 1,
      .missing_hint = "`lichen build .` takes the current directory"};
  syntax.flags = {
      text_flag("file", 'f', "FILE",
                "the Dockerfile, or its URL (default: PATH/Dockerfile; -: standard input)",
                request.dockerfile_path),
      tag_flag(request.tags),
      list_flag("build-arg", 0, "NAME[=VALUE]",
                "a value for an ARG; NAME alone takes it from the environment; repeatable",
                written.build_args),
      text_flag("target", 0, "STAGE", "the stage to build (default: the last)", request.target),
      annotation_flag(request.annotations),
      map_flag("label", "NAME=VALUE", "a label for the image; repeatable", request.labels),
      pull_flag(request.pull),
      switch_flag("no-cache", 0, "run every step", request.no_cache),
      no_cache_filter_flag(request.no_cache_stages),
      cache_from_flag(request.cache_from),
      cache_to_flag(request.cache_to),
      switch_flag("push", 0, "push the image to the registries that its names say", written.push),
      {"output", 'o', "SPEC",
       "where the result goes: type=oci|docker|tar|local,dest=PATH, DIR, - (a tar archive to "
       "standard output), or type=cacheonly; repeatable",
       [&request](const std::string& text) -> Result<void> {
         request.outputs.push_back(TRY(build::parse_output(text)));
         return {};
       }},
      switch_flag("load", 0, "keep the image in the local store (the default)", written.load),
      text_flag("iidfile", 0, "FILE", "write the image's id (config digest) here", options.iidfile),
      text_flag("metadata-file", 0, "FILE", "write digests and names here, as JSON",
                options.metadata_file),
      text_flag("report", 0, "FILE",
                "write a page about the build here: times, cache, logs (see `lichen builds`); - is "
                "standard output",
                request.report),
      {"progress", 0, "auto|plain|tty|rawjson|quiet", "how progress is shown (default: auto)",
       [&written](const std::string& text) -> Result<void> {
         written.options.progress = TRY(parse_progress(text));
         written.progress_given = true;
         return {};
       }},
      switch_flag("quiet", 'q', "no progress; print the image's id on standard output",
                  options.quiet),
      tier_flag(options.environment.tier),
      network_flag(request.network),
      add_host_flag(request.add_hosts),
      context_flag(request.named_contexts),
      list_flag("secret", 0, "id=ID[,src=FILE|,env=NAME]",
                "a secret for RUN --mount=type=secret; repeatable", written.secrets),
      secret_guard_flag(request.secret_guard),
      context_mode_flag(request.git_modes),
      memory_flag(request.memory_bytes),
      list_flag("ssh", 0, "default|ID[=SOCKET|KEY[,KEY]]",
                "an ssh agent, or private keys, for RUN --mount=type=ssh (default: the agent of "
                "SSH_AUTH_SOCK); repeatable",
                written.agents),
      list_flag("platform", 0, "OS/ARCH[,…]",
                "platforms of the image (default: this machine's); of several, the result is an "
                "index; repeatable",
                written.platforms),
      tls_flag(options.environment.tls_verify),
      root_flag(options.environment.root),
      {"store-max", 0, "BYTES",
       "remove from the store what was used least recently when it takes more (default: "
       "$LICHEN_STORE_MAX, else no limit)",
       [&written](const std::string& text) -> Result<void> {
         written.store_max = text;
         return {};
       }},
      {"cache-mount-max", 0, "BYTES",
       "remove the cache mounts that were used least recently when they take more (default: "
       "$LICHEN_CACHE_MOUNT_MAX, else no limit)",
       [&written](const std::string& text) -> Result<void> {
         written.cache_mount_max = text;
         return {};
       }},
      ignored_switch("rm"),
      ignored_switch("force-rm"),
      ignored_switch("compress"),
      ignored_switch("debug", 'D'),
      {"builder", 0, "NAME", "", [](const std::string&) -> Result<void> { return {}; }},
      allow_flag(request.allow_insecure),
      shm_size_flag(request.shm_bytes),
      ulimit_flag(request.ulimits),
  };
  add_calls(syntax.flags, options.call);
  add_attestations(syntax.flags, request.attestations);
  for (Flag& flag : refused_build_flags()) syntax.flags.push_back(std::move(flag));
  syntax.examples = {
      {"lichen build -t app .", "build ./Dockerfile into the local store as app:latest"},
      {"lichen build -t registry.example/app:1 --push .", "build, then push"},
      {"lichen build -o type=oci,dest=app.tar .", "an archive that other tools read"},
      {"lichen build --platform linux/amd64,linux/arm64 -t app .", "one name for two machines"},
      {"lichen build -f - --target test . < Dockerfile", "a Dockerfile from standard input"},
      {"git archive HEAD | lichen build -t app -", "what is committed, and nothing else"}};
  return syntax;
}

Result<void> take_context(const std::string& context, build::Request& request) {
  if (context == "-" && request.dockerfile_path == "-")
    return fail(Errc::kInvalid, "standard input cannot be both the context and the Dockerfile",
                "`lichen build -f - DIR`, or an archive that has the Dockerfile");
  request.context = context;
  return {};
}

// --build-arg, then the environment where it counts by itself.
void take_build_args(const std::vector<std::string>& written, const Variables& variables,
                     build::Request& request) {
  const auto from_environment = [&](const std::string& name) {
    const auto found = variables.find(name);
    if (found != variables.end()) request.build_args[name] = found->second;
  };
  for (const char* name :
       {"HTTP_PROXY", "http_proxy", "HTTPS_PROXY", "https_proxy", "FTP_PROXY", "ftp_proxy",
        "NO_PROXY", "no_proxy", "ALL_PROXY", "all_proxy", "SOURCE_DATE_EPOCH"})
    from_environment(name);
  for (const std::string& arg : written) {
    const std::size_t equals = arg.find('=');
    if (equals == std::string::npos)
      from_environment(arg);
    else
      request.build_args[arg.substr(0, equals)] = arg.substr(equals + 1);
  }
}

Result<void> take_epoch(build::Request& request) {
  const auto found = request.build_args.find("SOURCE_DATE_EPOCH");
  if (found == request.build_args.end()) return {};
  if (found->second.empty()) {  // as good as unset, by its specification's users
    request.build_args.erase(found);
    return {};
  }
  const std::string& text = found->second;
  std::int64_t seconds = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), seconds);
  if (error == std::errc::invalid_argument) return {};  // whose time it is, the Dockerfile tells
  if (error != std::errc() || end != text.data() + text.size() || seconds < 0)
    return fail(Errc::kInvalid,
                "SOURCE_DATE_EPOCH=" + text + " is not a number of seconds since 1970");
  request.source_date_epoch = seconds;
  return {};
}

Result<void> take_progress(const Written& written, const Variables& variables,
                           BuildOptions& options) {
  if (!written.progress_given)
    if (const std::string text = variable(variables, "BUILDKIT_PROGRESS"); !text.empty()) {
      auto mode = parse_progress(text);
      if (!mode) return fail(std::move(mode).error().in("BUILDKIT_PROGRESS"));
      options.progress = *mode;
    }
  if (options.quiet) options.progress = ProgressMode::kQuiet;
  return {};
}

Result<void> take_platforms(const std::string& text, const char* origin, const oci::Platform& own,
                            build::Request& request) {
  if (text.empty()) return {};
  auto platforms = parse_platforms(text, own);
  if (!platforms) return fail(std::move(platforms).error().in(origin));
  request.platforms = std::move(*platforms);
  return {};
}

// BuildKit's switch, which a build argument carries.
Result<void> take_multi_platform(build::Request& request) {
  const auto found = request.build_args.find("BUILDKIT_MULTI_PLATFORM");
  if (found == request.build_args.end()) return {};
  auto wanted = parse_bool(found->second);
  if (!wanted) return fail(std::move(wanted).error().in("BUILDKIT_MULTI_PLATFORM"));
  request.multi_platform = *wanted;
  if (!*wanted && request.platforms.size() > 1)
    return fail(Errc::kInvalid,
                "conflicting config: returning multiple target platforms is not allowed",
                "BUILDKIT_MULTI_PLATFORM is false, and --platform names several");
  return {};
}

// BuildKit's build arguments, unless a flag has said something.
Result<void> take_attestations(build::Request& request) {
  build::AttestationRequest asked;
  for (const char* type : {"provenance", "sbom"}) {
    const std::string name =
        std::string("BUILDKIT_ATTEST_") + (*type == 'p' ? "PROVENANCE" : "SBOM");
    const auto found = request.build_args.find(name);
    if (found == request.build_args.end()) continue;
    auto taken = build::take_attestation(type, found->second, asked);
    if (!taken) return fail(std::move(taken).error().in(name));
  }
  if (!request.attestations.provenance) request.attestations.provenance = asked.provenance;
  if (!request.attestations.sbom) request.attestations.sbom = asked.sbom;
  return {};
}

// BuildKit's other word for --cache-to type=inline.
Result<void> take_inline_cache(build::Request& request) {
  const auto found = request.build_args.find("BUILDKIT_INLINE_CACHE");
  if (found == request.build_args.end() || found->second.empty()) return {};
  auto wanted = parse_bool(found->second);
  if (!wanted) return fail(std::move(wanted).error().in("BUILDKIT_INLINE_CACHE"));
  if (*wanted) request.cache_to.push_back({.kind = build::CacheKind::kInline});
  return {};
}

Result<void> take_limit(const std::optional<std::string>& written, const char* flag,
                        const Variables& variables, const char* name, std::uint64_t& to) {
  const std::string text = written.value_or(variable(variables, name));
  if (text.empty()) return {};
  auto bytes = dockerfile::parse_bytes(text);
  if (!bytes) return fail(std::move(bytes).error().in(written ? flag : name));
  to = static_cast<std::uint64_t>(*bytes);
  return {};
}

}  // namespace

Result<BuildOptions> parse_build(const std::vector<std::string>& args, const Variables& variables,
                                 const oci::Platform& own) {
  Written written;
  const Parsed parsed = TRY(parse_flags(build_syntax(written), args));
  BuildOptions& options = written.options;
  options.help = parsed.help;
  if (parsed.help) return std::move(options);

  build::Request& request = options.request;
  if (request.no_cache && !request.no_cache_stages.empty())
    return fail(Errc::kInvalid,
                "--no-cache and --no-cache-filter cannot currently be used together");
  if (options.quiet && request.report == "-")
    return fail(Errc::kInvalid, "standard output cannot be both the image's id and the report",
                "--quiet --report FILE, or --progress quiet --report -");
  TRY(take_context(parsed.arguments.front(), request));
  if (request.dockerfile_path == "-") {
    options.dockerfile_on_stdin = true;
    request.dockerfile_path.clear();
  }
  take_build_args(written.build_args, variables, request);
  for (const std::string& secret : written.secrets)
    request.secrets.push_back(TRY(parse_secret(secret, variables)));
  for (const std::string& agent : written.agents)
    request.agents.push_back(TRY(parse_agent(agent, variables)));
  TRY(take_epoch(request));
  TRY(take_progress(written, variables, options));
  if (!written.platforms.empty())
    TRY(take_platforms(join(written.platforms, ","), "--platform", own, request));
  else
    TRY(take_platforms(variable(variables, "DOCKER_DEFAULT_PLATFORM"), "DOCKER_DEFAULT_PLATFORM",
                       own, request));
  TRY(take_multi_platform(request));
  TRY(take_attestations(request));
  TRY(take_inline_cache(request));
  for (const build::Output& output : request.outputs)
    request.annotations.insert(request.annotations.end(), output.annotations.begin(),
                               output.annotations.end());
  TRY(take_limit(written.store_max, "--store-max", variables, "LICHEN_STORE_MAX",
                 options.environment.store_max));
  TRY(take_limit(written.cache_mount_max, "--cache-mount-max", variables, "LICHEN_CACHE_MOUNT_MAX",
                 options.environment.cache_mount_max));
  if (written.push)
    request.outputs.push_back({.kind = build::OutputKind::kPush, .dest = {}, .attributes = {}});
  if (written.load && !request.outputs.empty())
    request.outputs.push_back({.kind = build::OutputKind::kStore, .dest = {}, .attributes = {}});
  return std::move(options);
}

std::string build_help() {
  Written written;
  return help_text(build_syntax(written));
}

}  // namespace lichen::cli
