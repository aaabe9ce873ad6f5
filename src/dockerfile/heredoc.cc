#include "dockerfile/heredoc.h"

#include "base/text.h"
#include "base/unicode.h"
#include "dockerfile/expand.h"

namespace lichen::dockerfile {

namespace {

const Variables& no_variables() {
  static const Variables kNone = [](std::string_view) { return std::nullopt; };
  return kNone;
}

// "<<" or "<<-", maybe after digits: its name is the next word.
bool wants_name(std::string_view word) {
  word.remove_prefix(std::min(word.find_first_not_of("0123456789"), word.size()));
  return word == "<<" || word == "<<-";
}

}  // namespace

Result<std::optional<Heredoc>> parse_heredoc(std::string_view word) {
  using Found = std::optional<Heredoc>;
  const std::size_t arrows = std::min(word.find_first_not_of("0123456789"), word.size());
  std::string_view rest = word.substr(arrows);
  if (!starts_with(rest, "<<")) return Found();
  rest.remove_prefix(2);
  Heredoc heredoc;
  for (const char digit : word.substr(0, std::min<std::size_t>(arrows, 9)))
    heredoc.fd = heredoc.fd * 10 + static_cast<unsigned>(digit - '0');
  if (starts_with(rest, "-")) {
    heredoc.chomp = true;
    rest.remove_prefix(1);
  }
  if (rest.empty() || rest.find('<') != std::string_view::npos) return Found();

  const Expander plain{.skip_unset = true};
  const Expander raw{.raw_quotes = true, .skip_unset = true};
  const Expansion unquoted = TRY(plain.word(rest, no_variables()));
  if (unquoted.words.size() != 1) return Found();
  const Expansion quoted = TRY(raw.word(rest, no_variables()));
  heredoc.name = unquoted.words[0];
  heredoc.expand = quoted.words.size() == 1 && quoted.words[0] == heredoc.name;
  return Found(std::move(heredoc));
}

Result<std::vector<Heredoc>> heredocs_of_line(std::string_view line) {
  std::vector<Heredoc> heredocs;
  const Expander raw{.raw_quotes = true, .raw_escapes = true, .skip_unset = true};
  auto expansion = raw.word(line, no_variables());
  if (!expansion) return heredocs;  // unbalanced quotes are the shell's business
  const std::vector<std::string>& words = expansion->words;
  for (std::size_t i = 0; i < words.size(); ++i) {
    std::string word = words[i];
    if (wants_name(word) && i + 1 < words.size()) word += " " + words[++i];
    if (auto heredoc = TRY(parse_heredoc(word))) heredocs.push_back(std::move(*heredoc));
  }
  return heredocs;
}

}  // namespace lichen::dockerfile
