// Test support of archive: entries to bytes and back, hand-made headers, other programs.
#pragma once

#include <gtest/gtest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstdlib>
#include <fstream>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "archive/tar_header.h"
#include "archive/tar_reader.h"
#include "archive/tar_writer.h"

namespace lichen::archive::testing {

struct Item {
  Entry entry;
  std::string content;
  friend bool operator==(const Item&, const Item&) = default;
};

inline Result<std::string> to_tar(const std::vector<Item>& items) {
  StringSink sink;
  TarWriter tar(sink);
  for (const Item& item : items) {
    TRY(tar.add(item.entry));
    TRY(tar.write(item.content));
  }
  TRY(tar.finish());
  return sink.take();
}

inline Result<std::vector<Item>> from_tar(std::string_view bytes,
                                          std::size_t max_content = 64 * 1024 * 1024) {
  StringSource source(bytes);
  TarReader tar(source);
  std::vector<Item> items;
  char buffer[4096];  // small: hostile tests read many thousand archives
  while (std::optional<Entry> entry = TRY(tar.next())) {
    std::string content;
    while (const std::size_t count = TRY(tar.read(buffer, sizeof buffer))) {
      if (content.size() + count > max_content) return fail(Errc::kInvalid, "more than expected");
      content.append(buffer, count);
    }
    items.push_back({std::move(*entry), std::move(content)});
  }
  return items;
}

// A ustar header with the given type, name and size, and a right checksum.
inline Block header(char flag, std::string_view name, std::uint64_t size = 0) {
  Block block{};
  put_text(block, field::kName, name);
  put_octal(block, field::kMode, 0644);
  put_octal(block, field::kSize, size);
  put_text(block, field::kMagic, std::string_view("ustar\00000", 8));
  block[field::kType.offset] = flag;
  put_checksum(block);
  return block;
}

inline std::string text_of(const Block& block) {
  return {block.data(), block.size()};
}

inline std::string padded(std::string text) {
  text.append(padding_of(text.size()), '\0');
  return text;
}

// An extended header ('x', 'g', 'L' or 'K') with its text.
inline std::string extended(char flag, const std::string& text) {
  return text_of(header(flag, "extended", text.size())) + padded(text);
}

// A new empty directory.
inline std::string temp_dir() {
  std::string path = ::testing::TempDir() + "/archive-XXXXXX";
  EXPECT_NE(mkdtemp(path.data()), nullptr);
  return path;
}

inline void write_file(const std::string& path, std::string_view bytes) {
  std::ofstream(path, std::ios::binary) << bytes;
}

inline std::string read_file(const std::string& path) {
  std::ifstream file(path, std::ios::binary);
  return {std::istreambuf_iterator<char>(file), {}};
}

// Runs a shell command in `dir`; its status, and what it printed in `output`.
inline int shell(const std::string& dir, const std::string& command,
                 std::string* output = nullptr) {
  const std::string all = "cd '" + dir + "' && { " + command + "; } >output.txt 2>&1";
  const int status = std::system(all.c_str());
  if (output != nullptr) *output = read_file(dir + "/output.txt");
  return WIFEXITED(status) ? WEXITSTATUS(status) : -1;
}

inline bool has_program(const std::string& name) {
  return std::system(("command -v " + name + " >/dev/null 2>&1").c_str()) == 0;
}

}  // namespace lichen::archive::testing
