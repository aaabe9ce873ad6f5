#include "ops/chmod.h"

#include "base/text.h"

namespace lichen::ops {

namespace {

struct Clause {
  mode_t who = 0;  // mask of the bits that it concerns
  char op = '=';
  mode_t bits = 0;
};

Error invalid(const std::string& text) {
  return Error{.code = Errc::kInvalid,
               .message = "invalid chmod parameter: '" + printable(text) +
                          "'. it should be octal string and between 0 and 07777",
               .hint = "or symbolic, as chmod(1) has it: u=rw,go-w, a+X"};
}

mode_t apply(mode_t mode, const Clause& clause) {
  switch (clause.op) {
    case '+':
      return mode | (clause.bits & clause.who);
    case '-':
      return mode & ~(clause.bits & clause.who);
    default:
      return (mode & ~clause.who) | (clause.bits & clause.who);
  }
}

}  // namespace

Result<mode_t> change_mode(const std::string& text, mode_t mode, bool is_directory) {
  if (text.empty()) return fail(invalid(text));
  if (text.find_first_not_of("0123456789") == std::string::npos) {
    if (text.size() > 6 || text.find_first_of("89") != std::string::npos)
      return fail(invalid(text));
    const mode_t octal = static_cast<mode_t>(std::stoul(text, nullptr, 8));
    if (octal > 07777) return fail(invalid(text));
    return octal;
  }
  mode &= 07777;
  for (const std::string& part : split(text, ',')) {
    std::size_t at = 0;
    mode_t who = 0;
    for (; at < part.size(); ++at) {
      if (part[at] == 'u')
        who |= 04700;
      else if (part[at] == 'g')
        who |= 02070;
      else if (part[at] == 'o')
        who |= 01007;
      else if (part[at] == 'a')
        who |= 07777;
      else
        break;
    }
    if (who == 0) who = 07777;
    if (at == part.size()) return fail(invalid(text));
    while (at < part.size()) {
      Clause clause{.who = who, .op = part[at++]};
      if (clause.op != '+' && clause.op != '-' && clause.op != '=') return fail(invalid(text));
      for (; at < part.size() && std::string("+-=").find(part[at]) == std::string::npos; ++at) {
        const bool executable = is_directory || (mode & 0111) != 0;
        switch (part[at]) {
          case 'r':
            clause.bits |= 0444;
            break;
          case 'w':
            clause.bits |= 0222;
            break;
          case 'x':
            clause.bits |= 0111;
            break;
          case 'X':
            clause.bits |= executable ? 0111 : 0;
            break;
          case 's':
            clause.bits |= 06000;
            break;
          case 't':
            clause.bits |= 01000;
            break;
          case 'u':
            clause.bits |= ((mode >> 6) & 7) * 0111;
            break;
          case 'g':
            clause.bits |= ((mode >> 3) & 7) * 0111;
            break;
          case 'o':
            clause.bits |= (mode & 7) * 0111;
            break;
          default:
            return fail(invalid(text));
        }
      }
      mode = apply(mode, clause);
    }
  }
  return mode;
}

}  // namespace lichen::ops
