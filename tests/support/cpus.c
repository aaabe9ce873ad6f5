/* cpus.c - as a preloaded library: the machine has LICHEN_TEST_CPUS processors. */
#include <stdlib.h>

int get_nprocs(void) {
  const char *text = getenv("LICHEN_TEST_CPUS");
  return text ? atoi(text) : 1;
}
