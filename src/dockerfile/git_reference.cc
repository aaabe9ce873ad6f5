#include "dockerfile/git_reference.h"

#include <map>
#include <vector>

#include "base/text.h"
#include "base/unicode.h"

namespace lichen::dockerfile {

namespace {

tl::unexpected<Error> invalid(std::string message) {
  return fail(Errc::kInvalid, std::move(message));
}

// A reference in its parts; remote is without query and fragment.
struct Parts {
  std::string scheme, remote, path, query, fragment;
};

// "a%20b" -> "a b"; nullopt for a stray "%". In queries "+" is a blank.
std::optional<std::string> unescape(std::string_view text, bool is_query) {
  const auto digit = [](char c) { return std::string_view("0123456789abcdef").find(c); };
  std::string out;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] != '%') {
      out += is_query && text[i] == '+' ? ' ' : text[i];
      continue;
    }
    const std::string hex = to_lower(text.substr(i + 1, 2));
    if (hex.size() < 2 || digit(hex[0]) == std::string_view::npos ||
        digit(hex[1]) == std::string_view::npos)
      return std::nullopt;
    out += static_cast<char>(digit(hex[0]) * 16 + digit(hex[1]));
    i += 2;
  }
  return out;
}

bool is_user(char c) {
  return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' ||
         c == '_';
}

// Takes "?query" and "#fragment" off the end of `text`.
void cut_end(std::string_view& text, Parts& parts) {
  if (const std::size_t hash = text.find('#'); hash != std::string_view::npos) {
    parts.fragment = text.substr(hash + 1);
    text = text.substr(0, hash);
  }
  if (const std::size_t mark = text.find('?'); mark != std::string_view::npos) {
    parts.query = text.substr(mark + 1);
    text = text.substr(0, mark);
  }
}

// "USER@HOST:PATH", as ssh's and scp's commands take it.
std::optional<Parts> split_scp(std::string_view text) {
  const std::size_t at = text.find('@');
  if (at == std::string_view::npos || at == 0) return std::nullopt;
  for (const char c : text.substr(0, at))
    if (!is_user(c)) return std::nullopt;
  const std::size_t colon = text.find(':', at);
  if (colon == std::string_view::npos || colon == at + 1) return std::nullopt;
  for (const char c : text.substr(at + 1, colon - at - 1))
    if ((!is_user(c) || c == '_') && c != '.') return std::nullopt;
  Parts parts{.scheme = "ssh"};
  cut_end(text, parts);
  if (colon >= text.size()) return std::nullopt;
  parts.remote = text;
  parts.path = text.substr(colon + 1);
  return parts;
}

std::optional<Parts> split_url(std::string_view text) {
  const std::size_t colon = text.find("://");
  if (colon == std::string_view::npos) return std::nullopt;
  Parts parts{.scheme = to_lower(text.substr(0, colon))};
  if (parts.scheme != "http" && parts.scheme != "https" && parts.scheme != "git" &&
      parts.scheme != "ssh")
    return std::nullopt;
  cut_end(text, parts);
  parts.remote = text;
  const std::size_t host = colon + 3;
  const std::size_t slash = std::min(text.find('/', host), text.size());
  if (slash == host) return std::nullopt;
  const auto path = unescape(text.substr(slash), false);
  const auto fragment = unescape(parts.fragment, false);
  if (!path || !fragment) return std::nullopt;
  parts.path = *path;
  parts.fragment = *fragment;
  if (starts_with(parts.scheme, "http") && !ends_with(parts.path, ".git")) return std::nullopt;
  return parts;
}

std::optional<Parts> split_reference(std::string_view text) {
  if (starts_with(text, "./") || starts_with(text, "../")) return std::nullopt;
  if (starts_with(text, "github.com/")) {
    // Git needs no ".git" there.
    Parts parts{.scheme = "github"};
    cut_end(text, parts);
    parts.remote = text;
    return parts;
  }
  if (auto parts = split_url(text)) return parts;
  return split_scp(text);
}

Result<std::map<std::string, std::string>> parse_query(const std::string& query) {
  std::map<std::string, std::string> values;
  for (const std::string& part : split(query, '&')) {
    if (part.empty()) continue;
    const std::size_t equals = part.find('=');
    const auto key = unescape(std::string_view(part).substr(0, equals), true);
    const auto value =
        unescape(equals == std::string::npos ? std::string_view()
                                             : std::string_view(part).substr(equals + 1),
                 true);
    if (!key || !value) return invalid("invalid query " + unicode::quote(part));
    if (!values.emplace(*key, *value).second)
      return invalid("query " + unicode::quote(*key) + " has multiple values");
  }
  return values;
}

Result<bool> boolean(const std::string& key, const std::string& value) {
  for (const char* yes : {"", "1", "t", "T", "true", "TRUE", "True"})
    if (value == yes) return true;
  for (const char* no : {"0", "f", "F", "false", "FALSE", "False"})
    if (value == no) return false;
  return invalid("invalid " + key + " value: " + unicode::quote(value));
}

// `name` is what the messages call the field.
Result<void> set(std::string& field, std::string_view name, const std::string& value) {
  if (!field.empty() && field != value)
    return invalid(std::string(name) + " conflicts: " + unicode::quote(field) + " vs " +
                   unicode::quote(value));
  field = value;
  return {};
}

Result<void> take_query(GitReference& git, const std::string& query) {
  std::string tag, branch;
  for (const auto& [key, value] : TRY(parse_query(query))) {
    const bool is_switch = key == "keep-git-dir" || key == "submodules" || key == "fetch-by-commit";
    const auto need_value = [&, k = key, v = value]() -> Result<void> {
      if (v.empty() && !is_switch) return invalid("query " + unicode::quote(k) + " has no value");
      return {};
    };
    if (key == "ref") {
      TRY(need_value());
      TRY(set(git.ref, "ref", value));
    } else if (key == "tag" || key == "branch") {
      TRY(need_value());
      (key == "tag" ? tag : branch) = value;
    } else if (key == "subdir") {
      TRY(need_value());
      TRY(set(git.sub_dir, "subdir", value));
    } else if (key == "checksum" || key == "commit") {
      TRY(need_value());
      TRY(set(git.checksum, "checksum", value));
    } else if (key == "mtime") {
      TRY(need_value());
      git.mtime = value;
    } else if (key == "keep-git-dir") {
      git.keep_git_dir = TRY(boolean(key, value));
    } else if (key == "submodules") {
      git.submodules = TRY(boolean(key, value));
    } else if (key == "fetch-by-commit") {
      git.fetch_by_commit = TRY(boolean(key, value));
    } else {
      return invalid("unexpected query " + unicode::quote(key));
    }
  }
  const auto qualified = [](std::string_view prefix, const std::string& name) {
    return starts_with(name, prefix) ? name : std::string(prefix) + name;
  };
  if (!tag.empty() && !branch.empty()) return invalid("branch conflicts with tag");
  if (!tag.empty()) TRY(set(git.ref, "ref", qualified("refs/tags/", tag)));
  if (!branch.empty()) TRY(set(git.ref, "ref", qualified("refs/heads/", branch)));
  if (git.fetch_by_commit && git.checksum.empty())
    return invalid("fetch-by-commit requires a checksum");
  return {};
}

}  // namespace

std::string GitReference::fragment_form(bool with_sub_dir) const {
  std::string fragment = ref;
  std::string_view directory = sub_dir;
  while (starts_with(directory, "/")) directory.remove_prefix(1);
  if (with_sub_dir && !directory.empty()) fragment += ":" + std::string(directory);
  return fragment.empty() ? remote : remote + "#" + fragment;
}

Result<std::optional<GitReference>> parse_git_reference(std::string_view text) {
  using Found = std::optional<GitReference>;
  const auto parts = split_reference(text);
  if (!parts) return Found();
  GitReference git{.remote = parts->remote};
  git.looks_local = parts->scheme == "github";
  git.unencrypted = parts->scheme == "http" || parts->scheme == "git";
  git.short_name = git.remote.substr(git.remote.rfind('/') + 1);
  if (git.short_name == git.remote) git.short_name = git.remote.substr(git.remote.rfind(':') + 1);
  if (ends_with(git.short_name, ".git"))
    git.short_name.resize(git.short_name.size() - std::string_view(".git").size());
  const std::size_t colon = parts->fragment.find(':');
  git.ref = parts->fragment.substr(0, colon);
  if (colon != std::string::npos) git.sub_dir = parts->fragment.substr(colon + 1);
  TRY(take_query(git, parts->query));
  return Found(std::move(git));
}

}  // namespace lichen::dockerfile
