#include "dockerfile/expand.h"

#include <algorithm>

#include "base/unicode.h"
#include "dockerfile/pattern.h"
#include "oci/types.h"

namespace lichen::dockerfile {

namespace {

constexpr int kMaxNesting = 100;                     // ${a:-${b:-…}}
constexpr std::size_t kMaxExpansionBytes = 1 << 20;  // ENV A=$A$A… doubles with every line

std::string shown(char32_t c) {
  std::string text;
  unicode::append(text, c);
  return text;
}

// Collects words: characters that came out of quotes or escapes never split.
class Words {
 public:
  void add(std::string_view text, char32_t c) {
    if (!unicode::is_space(c))
      add_raw(text);
    else
      end();
  }
  void add_each(std::string_view text) {
    while (!text.empty()) {
      const unicode::Rune rune = unicode::decode(text);
      add(text.substr(0, rune.length), rune.value);
      text.remove_prefix(rune.length);
    }
  }
  void add_raw(std::string_view text) { word_ += text; }
  std::vector<std::string> take() {
    end();
    return std::move(words_);
  }

 private:
  void end() {
    if (word_.empty()) return;
    words_.push_back(std::move(word_));
    word_.clear();
  }
  std::string word_;
  std::vector<std::string> words_;
};

class Scan {
 public:
  Scan(const Expander& options, std::string_view text, const Variables& variables)
      : options_(options), rest_(text), variables_(variables), raw_escapes_(options.raw_escapes) {}

  // Reads up to `stop` (0: the end), which is consumed.
  Result<std::string> until(char32_t stop, bool raw_escapes, Words* words);

  std::set<std::string> matched, unmatched;

 private:
  static constexpr char32_t kEnd = 0xffffffff;

  char32_t peek() const { return rest_.empty() ? kEnd : unicode::decode(rest_).value; }
  // The next character as it is written.
  std::string_view take() {
    const std::string_view taken = rest_.substr(0, unicode::decode(rest_).length);
    rest_.remove_prefix(taken.size());
    return taken;
  }
  void skip() {
    if (!rest_.empty()) take();
  }
  bool is_escape(char32_t c) const { return c == static_cast<unsigned char>(options_.escape); }

  Result<std::string> single_quote();
  Result<std::string> double_quote();
  Result<std::string> dollar();
  Result<std::string> braces();
  Result<std::string> replacement(const std::string& name);
  Result<std::string> modified(const std::string& name, char32_t modifier, bool colon);
  std::string name();
  std::optional<std::string> look_up(const std::string& name) {
    std::optional<std::string> value = variables_(name);
    (value ? matched : unmatched).insert(name);
    return value;
  }

  const Expander& options_;
  std::string_view rest_;
  const Variables& variables_;
  bool raw_escapes_;
  int depth_ = 0;
};

Result<std::string> Scan::until(char32_t stop, bool raw_escapes, Words* words) {
  if (depth_ == kMaxNesting) return fail(Errc::kInvalid, "variables are nested too deeply");
  ++depth_;
  const bool outer = raw_escapes_;
  raw_escapes_ = raw_escapes;
  std::string text;
  bool stopped = false;
  while (!rest_.empty() && !stopped) {
    const char32_t c = peek();
    if (text.size() > kMaxExpansionBytes)
      return fail(Errc::kInvalid, "the expanded text is larger than 1 MiB");
    if (c == stop && stop != 0) {
      skip();
      stopped = true;
    } else if (c == '$') {
      const std::string value = TRY(dollar());
      text += value;
      if (words != nullptr) words->add_each(value);
    } else if (!options_.skip_quotes && (c == '\'' || c == '"')) {
      const std::string value = c == '"' ? TRY(double_quote()) : TRY(single_quote());
      text += value;
      if (words != nullptr) words->add_raw(value);
    } else if (is_escape(c)) {
      const std::string_view escape = take();
      if (raw_escapes_) {
        text += escape;
        if (words != nullptr) words->add_raw(escape);
      }
      if (rest_.empty()) break;
      const std::string_view escaped = take();
      text += escaped;
      if (words != nullptr) words->add_raw(escaped);
    } else {
      const std::string_view plain = take();
      text += plain;
      if (words != nullptr) words->add(plain, c);
    }
  }
  --depth_;
  raw_escapes_ = outer;
  if (stop != 0 && !stopped)
    return fail(Errc::kInvalid,
                "unexpected end of statement while looking for matching " + shown(stop));
  return text;
}

Result<std::string> Scan::single_quote() {
  std::string text;
  if (options_.raw_quotes) text += '\'';
  skip();
  for (;;) {
    if (rest_.empty())
      return fail(Errc::kInvalid,
                  "unexpected end of statement while looking for matching single-quote");
    const std::string_view c = take();
    if (c == "'") break;
    text += c;
  }
  if (options_.raw_quotes) text += '\'';
  return text;
}

Result<std::string> Scan::double_quote() {
  std::string text;
  if (options_.raw_quotes) text += '"';
  skip();
  for (;;) {
    const char32_t c = peek();
    if (c == kEnd)
      return fail(Errc::kInvalid,
                  "unexpected end of statement while looking for matching double-quote");
    if (text.size() > kMaxExpansionBytes)
      return fail(Errc::kInvalid, "the expanded text is larger than 1 MiB");
    if (c == '$') {
      text += TRY(dollar());
      continue;
    }
    const std::string_view taken = take();
    if (c == '"') break;
    if (!is_escape(c)) {
      text += taken;
      continue;
    }
    const char32_t next = peek();
    if (next == kEnd) continue;  // reported as a missing quote above
    const bool special = next == '"' || next == '$' || is_escape(next);
    if (!special || raw_escapes_) text += taken;
    if (special) text += take();
  }
  if (options_.raw_quotes) text += '"';
  return text;
}

std::string Scan::name() {
  const char32_t first = peek();
  std::string text;
  if (first == kEnd) return text;
  if (unicode::is_digit(first)) {
    while (!rest_.empty() && unicode::is_digit(peek())) text += take();
    return text;
  }
  if (first < 0x80 &&
      std::string_view("@*#?-$!").find(static_cast<char>(first)) != std::string_view::npos) {
    text += take();
    return text;
  }
  while (!rest_.empty() &&
         (unicode::is_letter(peek()) || unicode::is_digit(peek()) || peek() == '_'))
    text += take();
  return text;
}

Result<std::string> Scan::dollar() {
  skip();
  if (peek() == '{') return braces();
  const std::string variable = name();
  if (variable.empty()) return std::string("$");
  const auto value = look_up(variable);
  if (!value && options_.skip_unset) return "$" + variable;
  return value.value_or("");
}

Result<std::string> Scan::braces() {
  skip();
  const char32_t first = peek();
  if (first == kEnd) return fail(Errc::kInvalid, "syntax error: missing '}'");
  if (first == '{' || first == '}' || first == ':')
    return fail(Errc::kInvalid, "syntax error: bad substitution");
  const std::string variable = name();
  const char32_t modifier = peek();
  skip();
  switch (modifier) {
    case '}': {
      const auto value = look_up(variable);
      if (!value && options_.skip_unset) return "${" + variable + "}";
      return value.value_or("");
    }
    case ':': {
      const char32_t second = peek();
      skip();
      return modified(variable, second, true);
    }
    case '+':
    case '-':
    case '?':
    case '#':
    case '%':
      return modified(variable, modifier, false);
    case '/':
      return replacement(variable);
    default:
      return fail(Errc::kInvalid, "unsupported modifier (" +
                                      shown(modifier == kEnd ? 0xfffd : modifier) +
                                      ") in substitution");
  }
}

Result<std::string> Scan::modified(const std::string& variable, char32_t modifier, bool colon) {
  const std::string written = (colon ? ":" : "") + shown(modifier == kEnd ? 0xfffd : modifier);
  const auto unsupported = [&written] {
    return fail(Errc::kInvalid, "unsupported modifier (" + written + ") in substitution");
  };
  const bool pattern = modifier == '#' || modifier == '%';
  if (colon && pattern) return unsupported();
  auto word = until('}', pattern, nullptr);
  if (!word) {
    if (rest_.empty()) return fail(Errc::kInvalid, "syntax error: missing '}'");
    return fail(std::move(word).error());
  }
  const auto value = look_up(variable);
  if (!value && options_.skip_unset) return "${" + variable + written + *word + "}";
  const bool missing = !value || (colon && value->empty());
  switch (modifier) {
    case '-':
      return missing ? *word : *value;
    case '+':
      return missing ? std::string() : *word;
    case '?': {
      if (!missing) return *value;
      const std::string fallback =
          value ? "is not allowed to be empty" : "is not allowed to be unset";
      return fail(Errc::kInvalid, variable + ": " + (word->empty() ? fallback : *word));
    }
    case '#':
    case '%': {
      const bool longest = !word->empty() && static_cast<unsigned char>((*word)[0]) == modifier;
      auto parsed = Pattern::parse(std::string_view(*word).substr(longest ? 1 : 0));
      if (!parsed)
        return fail(Errc::kInvalid,
                    "invalid pattern (" + *word + ") in substitution: " + parsed.error().message);
      return modifier == '#' ? parsed->trim_prefix(value.value_or(""), longest)
                             : parsed->trim_suffix(value.value_or(""), longest);
    }
    default:
      return unsupported();
  }
}

Result<std::string> Scan::replacement(const std::string& variable) {
  const bool all = peek() == '/';
  if (all) skip();
  const auto part = [this](char32_t stop) -> Result<std::string> {
    auto text = until(stop, true, nullptr);
    if (!text && rest_.empty())
      return fail(Errc::kInvalid,
                  "syntax error: missing '" + shown(stop) + "'" + (stop == '/' ? " in ${}" : ""));
    return text;
  };
  const std::string pattern = TRY(part('/'));
  const std::string with = TRY(part('}'));
  const auto value = look_up(variable);
  if (!value && options_.skip_unset) return "${" + variable + "/" + pattern + "/" + with + "}";
  auto parsed = Pattern::parse(pattern);
  if (!parsed)
    return fail(Errc::kInvalid,
                "invalid pattern (" + pattern + ") in substitution: " + parsed.error().message);
  return parsed->replace(value.value_or(""), with, all);
}

}  // namespace

Variables variables_of(const std::vector<std::string>& env) {
  return [&env](std::string_view name) -> std::optional<std::string> {
    // The last of a name counts, as in a process's view of its environment that was built in order.
    for (auto entry = env.rbegin(); entry != env.rend(); ++entry)
      if (oci::env_key(*entry) == name)
        return entry->substr(std::min(name.size() + 1, entry->size()));
    return std::nullopt;
  };
}

Result<Expansion> Expander::word(std::string_view text, const Variables& variables) const {
  Scan scan(*this, text, variables);
  Words words;
  auto expanded = scan.until(0, raw_escapes, &words);
  if (!expanded) {
    Error error = std::move(expanded).error();
    error.message = "failed to process " + unicode::quote(text) + ": " + error.message;
    return fail(std::move(error));
  }
  return Expansion{std::move(*expanded), words.take(), std::move(scan.matched),
                   std::move(scan.unmatched)};
}

}  // namespace lichen::dockerfile
