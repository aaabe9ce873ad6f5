#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static void* in_thread(void* name) {
  struct stat s;
  char* copy = malloc(100000);
  if (chown(name, 12, 34) != 0) printf("chown: %s\n", strerror(errno));
  if (stat(name, &s) == 0) printf("thread sees %d:%d\n", (int)s.st_uid, (int)s.st_gid);
  free(copy);
  return NULL;
}

int main(int argc, char** argv) {
  char exe[4096] = "";
  pthread_t thread;
  if (readlink("/proc/self/exe", exe, sizeof exe - 1) < 0) return 2;
  printf("%s %s %d %d\n", argv[0], exe, (int)getuid(), argc);
  fflush(stdout);
  if (argc == 2 && strcmp(argv[1], "again") == 0) {
    execl("/proc/self/exe", "other-name", "once", "more", (char*)NULL);
    return 3;
  }
  FILE* file = fopen("/tmp/of-program", "w");
  if (file == NULL) return 4;
  fclose(file);
  pthread_create(&thread, NULL, in_thread, "/tmp/of-program");
  pthread_join(thread, NULL);
  return unlink("/tmp/of-program");
}
