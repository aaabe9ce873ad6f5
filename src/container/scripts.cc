#include "container/scripts.h"

#include <fcntl.h>
#include <sys/stat.h>

#include <optional>
#include <string_view>

#include "os/file.h"

namespace lichen::container {

namespace {

constexpr std::size_t kMaxWords = 256;

std::vector<std::string> words_of(const std::vector<std::string>& argv) {
  constexpr std::string_view kBetween = " \t\n;&|()<>\"'`";
  std::vector<std::string> words;
  for (const std::string& text : argv) {
    std::size_t at = 0;
    while (words.size() < kMaxWords && (at = text.find_first_not_of(kBetween, at)) != text.npos) {
      const std::size_t end = text.find_first_of(kBetween, at);
      words.push_back(text.substr(at, end == text.npos ? end : end - at));
      at = end;
    }
  }
  return words;
}

std::optional<std::string> text_at(const os::UniqueFd& root, const std::string& path) {
  const auto file = os::open_beneath(root, path, O_RDONLY | O_NONBLOCK | O_NOCTTY);
  if (!file) return std::nullopt;
  const auto status = os::fstat(*file);
  if (!status || !S_ISREG(status->st_mode) || status->st_size > off_t{kMaxScriptBytes})
    return std::nullopt;
  auto text = os::read_file(*file, kMaxScriptBytes);
  if (!text || text->find('\0') != text->npos) return std::nullopt;  // a program
  return std::move(*text);
}

}  // namespace

std::vector<std::string> scripts_of(const os::UniqueFd& root, const std::string& cwd,
                                    const std::vector<std::string>& argv) {
  std::vector<std::string> scripts;
  for (const std::string& word : words_of(argv)) {
    if (word.front() == '-' || scripts.size() == kMaxScripts) continue;
    auto text = text_at(root, word.front() == '/' ? word : cwd + "/" + word);
    if (text) scripts.push_back(std::move(*text));
  }
  return scripts;
}

}  // namespace lichen::container
