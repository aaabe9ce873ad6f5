// The program `lichen`. All of it is in src/cli and below.
#include "cli/cli.h"

int main(int argc, char** argv) {
  return lichen::cli::run({argv + (argc > 0 ? 1 : 0), argv + argc});
}
