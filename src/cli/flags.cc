#include "cli/flags.h"

#include <algorithm>

#include "base/hint.h"
#include "base/text.h"

namespace lichen::cli {

Flag text_flag(std::string name, char letter, std::string value, std::string help,
               std::string& to) {
  return {std::move(name), letter, std::move(value), std::move(help),
          [&to](const std::string& text) -> Result<void> {
            to = text;
            return {};
          }};
}

Flag list_flag(std::string name, char letter, std::string value, std::string help,
               std::vector<std::string>& to) {
  return {std::move(name), letter, std::move(value), std::move(help),
          [&to](const std::string& text) -> Result<void> {
            to.push_back(text);
            return {};
          }};
}

Flag switch_flag(std::string name, char letter, std::string help, bool& to) {
  return {std::move(name), letter, "", std::move(help),
          [&to](const std::string& text) -> Result<void> {
            to = TRY(parse_bool(text));
            return {};
          }};
}

Flag refused_flag(std::string name, char letter, std::string value) {
  return {std::move(name), letter, std::move(value), "", [](const std::string&) -> Result<void> {
            return fail(Errc::kUnsupported, "not supported yet");
          }};
}

Flag ignored_switch(std::string name, char letter) {
  return {std::move(name), letter, "", "", [](const std::string& text) -> Result<void> {
            (void)TRY(parse_bool(text));
            return {};
          }};
}

namespace {

std::string help_hint(const Syntax& syntax) {
  return "`lichen " + syntax.name + " --help` lists the flags";
}

class Parser {
 public:
  Parser(const Syntax& syntax, const std::vector<std::string>& args)
      : syntax_(syntax), args_(args) {}

  Result<Parsed> run() {
    for (; at_ < args_.size() && !parsed_.help; ++at_) {
      const std::string& arg = args_[at_];
      if (arg == "--") {
        parsed_.dashes = parsed_.arguments.size();
        parsed_.arguments.insert(parsed_.arguments.end(),
                                 args_.begin() + static_cast<std::ptrdiff_t>(at_) + 1, args_.end());
        break;
      }
      if (arg.size() > 2 && starts_with(arg, "--")) {
        TRY(take_long(arg.substr(2)));
      } else if (arg.size() > 1 && arg[0] == '-' && arg[1] != '-') {
        TRY(take_letters(arg));
      } else if (syntax_.ends_at_first) {
        parsed_.arguments.assign(args_.begin() + static_cast<std::ptrdiff_t>(at_), args_.end());
        break;
      } else {
        parsed_.arguments.push_back(arg);  // "-" too: standard input or output
      }
    }
    if (!parsed_.help) TRY(check_count());
    return std::move(parsed_);
  }

 private:
  Result<void> take_long(const std::string& text) {
    const std::size_t equals = text.find('=');
    const std::string name = text.substr(0, equals);
    if (name == "help") {
      parsed_.help = true;
      return {};
    }
    const auto flag = std::find_if(syntax_.flags.begin(), syntax_.flags.end(),
                                   [&](const Flag& one) { return one.name == name; });
    if (flag == syntax_.flags.end()) return unknown("--" + name, name);
    if (equals != std::string::npos) return set(*flag, "--" + name, text.substr(equals + 1));
    if (flag->value.empty()) return set(*flag, "--" + name, "true");
    return set_from_next(*flag, "--" + name);
  }

  Result<void> take_letters(const std::string& arg) {
    for (std::size_t i = 1; i < arg.size(); ++i) {
      const char letter = arg[i];
      const std::string shown = std::string("-") + letter;
      const auto flag = std::find_if(syntax_.flags.begin(), syntax_.flags.end(),
                                     [&](const Flag& one) { return one.letter == letter; });
      if (flag == syntax_.flags.end()) {
        if (letter != 'h') return unknown(i == 1 ? arg : shown, arg.substr(1));
        parsed_.help = true;
        return {};
      }
      const bool with_equals = i + 1 < arg.size() && arg[i + 1] == '=';
      if (flag->value.empty() && !with_equals) {
        TRY(set(*flag, shown, "true"));
        continue;
      }
      if (i + 1 < arg.size()) return set(*flag, shown, arg.substr(i + (with_equals ? 2 : 1)));
      return set_from_next(*flag, shown);
    }
    return {};
  }

  Result<void> set_from_next(const Flag& flag, const std::string& shown) {
    if (at_ + 1 >= args_.size())
      return fail(Errc::kInvalid, shown + " needs a value: " + shown + " " + flag.value,
                  help_hint(syntax_));
    return set(flag, shown, args_[++at_]);
  }

  Result<void> set(const Flag& flag, const std::string& shown, const std::string& value) {
    auto done = flag.set(value);
    if (!done) return fail(std::move(done).error().in(shown));
    return {};
  }

  Result<void> unknown(const std::string& shown, const std::string& name) {
    std::vector<std::string> known;
    for (const Flag& flag : syntax_.flags)
      if (!flag.help.empty()) known.push_back(flag.name);
    const std::string meant = near_miss(name, known);
    return fail(Errc::kInvalid, "unknown flag " + shown,
                meant.empty() ? help_hint(syntax_) : "did you mean --" + meant + "?");
  }

  Result<void> check_count() {
    const std::size_t count = parsed_.arguments.size();
    if (count >= syntax_.least && count <= syntax_.most) return {};
    const auto amount = [](std::size_t n) {
      return std::to_string(n) + (n == 1 ? " argument" : " arguments");
    };
    std::string want = "takes no arguments";
    if (syntax_.most > 0) {
      want = syntax_.least == syntax_.most ? "needs exactly " + amount(syntax_.least)
             : count < syntax_.least       ? "needs at least " + amount(syntax_.least)
                                           : "takes at most " + amount(syntax_.most);
      want += " (" + syntax_.arguments + ")";
    }
    std::string hint = help_hint(syntax_);
    if (count < syntax_.least && !syntax_.missing_hint.empty()) hint = syntax_.missing_hint;
    return fail(Errc::kInvalid,
                "lichen " + syntax_.name + " " + want + ", got " + std::to_string(count),
                std::move(hint));
  }

  const Syntax& syntax_;
  const std::vector<std::string>& args_;
  std::size_t at_ = 0;
  Parsed parsed_;
};

constexpr std::size_t kHelpColumn = 30, kHelpWidth = 80;

// Words in lines of kHelpWidth at most, each but the first behind `indent` blanks.
std::string wrapped(const std::string& words, std::size_t column, std::size_t indent) {
  std::string text;
  bool is_first = true;
  for (const std::string& word : split(words, ' ')) {
    if (!is_first && column + 1 + word.size() > kHelpWidth) {
      text += "\n" + std::string(indent, ' ');
      column = indent;
    } else if (!is_first) {
      text += ' ';
      ++column;
    }
    text += word;
    column += word.size();
    is_first = false;
  }
  return text;
}

// Paragraphs: lines that follow each other are one, whatever their length.
std::string wrapped(std::string text) {
  while (ends_with(text, "\n")) text.pop_back();
  std::replace(text.begin(), text.end(), '\n', ' ');
  return wrapped(text, 0, 0);
}

std::string flag_line(const Flag& flag) {
  const std::string indent(kHelpColumn, ' ');
  std::string text = flag.letter != 0 ? std::string("  -") + flag.letter + ", " : "      ";
  text += "--" + flag.name;
  if (!flag.value.empty()) text += " " + flag.value;
  text += text.size() + 2 > kHelpColumn ? "\n" + indent : indent.substr(text.size());
  return text + wrapped(flag.help, kHelpColumn, kHelpColumn) + "\n";
}

}  // namespace

Result<Parsed> parse_flags(const Syntax& syntax, const std::vector<std::string>& args) {
  return Parser(syntax, args).run();
}

std::string help_text(const Syntax& syntax) {
  std::string text = "Usage: lichen " + syntax.name + " [flags]";
  if (!syntax.arguments.empty()) text += " " + syntax.arguments;
  constexpr std::size_t kUsageIndent = 8;
  text = wrapped(text, 0, kUsageIndent) + "\n\n" + wrapped(syntax.summary) + "\n";
  if (!syntax.text.empty()) text += "\n" + wrapped(syntax.text) + "\n";
  text += "\nExamples:\n";
  for (const Example& example : syntax.examples)
    text += "  " + example.command + "\n      " + example.meaning + "\n";
  text += "\nFlags:\n";
  for (const Flag& flag : syntax.flags)
    if (!flag.help.empty()) text += flag_line(flag);
  return text + flag_line({.name = "help", .letter = 'h', .help = "show this", .set = {}});
}

}  // namespace lichen::cli
