// Any text through the whole front end: lexer, parser, instructions, expansion, lowering, and the
// text forms of what comes out. Images are fakes.
#include <cstddef>
#include <cstdint>
#include <string>

#include "dockerfile/ast.h"
#include "dockerfile/parser.h"
#include "dockerfile/testing.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  const std::string text(reinterpret_cast<const char*>(data), size);
  if (const auto ast = lichen::dockerfile::parse(text)) lichen::dockerfile::to_text(*ast);
  lichen::dockerfile::FakeImages images;
  const auto lowered = lichen::dockerfile::lower({.dockerfile = text,
                                                  .file = "Dockerfile",
                                                  .build_args = {{"A", "$x"}, {"B", ""}},
                                                  .dockerignore = text},
                                                 images);
  if (lowered) {
    lichen::graph::to_text(lowered->graph);
    lichen::oci::to_json(lowered->config);
  } else if (lowered.error().context.empty() || lowered.error().message.empty()) {
    __builtin_trap();  // every error has a place and a text
  }
  return 0;
}
