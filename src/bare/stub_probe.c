/* A program that stub_test.cc runs through the exec stub: prints what it was given, key=value. */
#define _GNU_SOURCE
#include <elf.h>
#include <link.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/auxv.h>
#include <sys/prctl.h>
#include <unistd.h>

extern char _start[], end[];

static void print_joined(const char* key, const char* bytes, size_t count) {
  printf("%s=", key);
  for (size_t i = 0; i < count; ++i) putchar(bytes[i] == '\0' ? '|' : bytes[i]);
  putchar('\n');
}

static void print_file(const char* key, const char* path) {
  static char text[65536];
  FILE* file = fopen(path, "r");
  if (file == NULL) return;
  print_joined(key, text, fread(text, 1, sizeof text, file));
  fclose(file);
}

static int first_object(struct dl_phdr_info* info, size_t size, void* same) {
  (void)size;
  *(int*)same = (unsigned long)info->dlpi_phdr == getauxval(AT_PHDR) &&
                info->dlpi_phnum == getauxval(AT_PHNUM);
  return 1;
}

static int kernel_knows(unsigned long key, unsigned long value) {
  unsigned long pair[2];
  int found = 0;
  FILE* file = fopen("/proc/self/auxv", "r");
  while (file != NULL && fread(pair, sizeof pair, 1, file) == 1)
    found |= pair[0] == key && pair[1] == value;
  if (file != NULL) fclose(file);
  return found;
}

/* Is the 32-bit number anywhere in memory? It is given, and compared, in halves: so that this code
   itself does not hold it. */
static int in_memory(uint32_t low, uint32_t high) {
  char line[4400];
  int found = 0;
  FILE* maps = fopen("/proc/self/maps", "r");
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
    unsigned long from, to;
    char flags[5];
    if (sscanf(line, "%lx-%lx %4s", &from, &to, flags) != 3 || flags[0] != 'r') continue;
    if (strstr(line, "[v") != NULL) continue; /* vvar, vsyscall */
    for (const volatile uint32_t* at = (void*)from; (unsigned long)at < to; ++at) {
      const uint32_t word = *at;
      if ((word & 0xffff) == low && word >> 16 == high) found = 1;
    }
  }
  if (maps != NULL) fclose(maps);
  return found;
}

static void print_maps(void) {
  char line[4400];
  FILE* maps = fopen("/proc/self/maps", "r");
  while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
    unsigned long from, to;
    char flags[5];
    if (sscanf(line, "%lx-%lx %4s", &from, &to, flags) != 3) continue;
    if (strstr(line, "exec-stub") != NULL) printf("left=%s %lu\n", flags, to - from);
    if (strstr(line, "[stack]") != NULL) printf("stack=%s\n", flags);
  }
  if (maps != NULL) fclose(maps);
}

static int brk_works(void) {
  char* at = sbrk(65536);
  if (at == (void*)-1 || at < end) return 0;
  memset(at, 1, 65536);
  return 1;
}

int main(int argc, char** argv) {
  if (argc > 1 && strcmp(argv[1], "again") == 0) {
    execl("/proc/self/exe", "second", argv[2], (char*)NULL);
    return 9;
  }
  printf("argc=%d\nargv=", argc);
  for (int i = 0; i < argc; ++i) printf("%s|", argv[i]);
  printf("\nPROBE=%s\nexecfn=%s\n", getenv("PROBE"), (const char*)getauxval(AT_EXECFN));
  print_file("cmdline", "/proc/self/cmdline");
  print_file("environ", "/proc/self/environ");
  char comm[17] = "";
  prctl(PR_GET_NAME, comm);
  printf("comm=%s\nids=%lu %lu %lu %lu\nsecure=%lu\n", comm, getauxval(AT_UID), getauxval(AT_EUID),
         getauxval(AT_GID), getauxval(AT_EGID), getauxval(AT_SECURE));
  int same = 0;
  dl_iterate_phdr(first_object, &same);
  printf("headers=%d\nentry=%d\nbase=%d\nauxv=%d\nbrk=%d\n", same,
         getauxval(AT_ENTRY) == (unsigned long)_start, getauxval(AT_BASE) != 0,
         kernel_knows(AT_ENTRY, (unsigned long)_start), brk_works());
  print_maps();
  if (argc > 2 && strcmp(argv[1], "magic") == 0) {
    const unsigned long halves = strtoul(argv[2], NULL, 10); /* low * 2^32 + high */
    printf("magic=%d\n", in_memory((uint32_t)(halves >> 32), (uint32_t)halves));
  }
  return 0;
}
