// What the front end makes of a large input, a second: a Dockerfile of 10,000 lines parsed and
// lowered, 100,000 paths matched against 200 ignore patterns. Prints medians of ROUNDS (5); there
// is no peer in Debian to hold them against. See docs/performance.md.
#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <vector>

#include "dockerfile/lower.h"
#include "dockerfile/testing.h"
#include "graph/ignore.h"
#include "median.h"

namespace {

constexpr int kLines = 10'000, kPaths = 100'000, kPatterns = 200;

// Stages of 100 lines with variables, flags, heredocs and continuations, each on top of the last.
std::string dockerfile_text() {
  std::string text;
  for (int line = 0; line < kLines; ++line) {
    const std::string n = std::to_string(line);
    const int stage = line / 100;
    switch (line % 100 == 0 ? 0 : 1 + line % 100 % 9) {
      case 0:
        text += "FROM " + (stage == 0 ? "debian:12" : "stage" + std::to_string(stage - 1)) +
                " AS stage" + std::to_string(stage) + "\n";
        break;
      case 1:
        text += "ARG VERSION=1." + n + "\n";
        break;
      case 2:
        text += "ENV NAME_" + n + "=\"${VERSION:-none}-$PATH\"\n";
        break;
      case 3:
        text += "RUN --mount=type=cache,target=/var/cache/" + n + " make step-" + n + "\n";
        break;
      case 4:
        text += "COPY --chown=1000:1000 --chmod=0644 src/" + n + " /srv/${VERSION}/\n";
        break;
      case 5:
        text += "LABEL org.example.n" + n + "='" + n + "'\n";
        break;
      case 6:
        text += "WORKDIR /srv/" + n + "\n";
        break;
      case 7:
        text += "RUN echo " + n + " && \\\n";
        break;
      case 8:
        text += "    true $VERSION\n";
        break;
      default:
        text += "# a comment about " + n + "\n";
        break;
    }
  }
  return text;
}

std::vector<std::string> patterns() {
  std::vector<std::string> all;
  for (int i = 0; i < kPatterns; ++i) {
    const std::string n = std::to_string(i);
    switch (i % 5) {
      case 0:
        all.push_back("**/*.tmp" + n);
        break;
      case 1:
        all.push_back("build-" + n + "/**");
        break;
      case 2:
        all.push_back("src/*/gen" + n + "/*.[ch]");
        break;
      case 3:
        all.push_back("docs/" + n);
        break;
      default:
        all.push_back("!docs/" + n + "/keep.md");
        break;
    }
  }
  return all;
}

}  // namespace

int main() {
  using namespace lichen;
  const dockerfile::Frontend request{.dockerfile = dockerfile_text(), .file = "Dockerfile"};
  std::size_t vertices = 0;
  const double lowered = median_seconds([&] {
    dockerfile::FakeImages images;
    const auto result = dockerfile::lower(request, images);
    if (!result) {
      std::fprintf(stderr, "%s\n", to_text(result.error()).c_str());
      std::exit(1);
    }
    vertices = result->graph.vertices.size();
  });
  std::printf("parse and lower   %6d lines -> %zu vertices  %8.1f ms  %10.0f lines/s\n", kLines,
              vertices, lowered * 1e3, kLines / lowered);

  std::vector<std::string> paths;
  for (int i = 0; i < kPaths; ++i)
    paths.push_back((i % 3 == 0   ? "docs/"
                     : i % 3 == 1 ? "src/module/gen"
                                  : "lib/deep/er/") +
                    std::to_string(i % 1000) + "/file" + std::to_string(i) + ".c");
  std::size_t excluded = 0;
  const double matched = median_seconds([&] {
    const auto ignore = graph::Ignore::from_patterns(patterns());
    if (!ignore) std::exit(1);
    excluded = static_cast<std::size_t>(
        std::count_if(paths.begin(), paths.end(),
                      [&](const std::string& path) { return ignore->excludes(path); }));
  });
  std::printf("match             %6d paths, %d patterns, %zu excluded  %8.1f ms  %10.0f paths/s\n",
              kPaths, kPatterns, excluded, matched * 1e3, kPaths / matched);
  return 0;
}
