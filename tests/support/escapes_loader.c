// What a step may put where the kernel looks for the loader of lichen's own program: an image whose
// command is a script of "#!/proc/self/exe" has the builder's program started, with this in it
// (CVE-2019-5736). It says how large the program is that it was started for. Without libc: it is
// not what the kernel describes to it.
#include <fcntl.h>
#include <sys/syscall.h>

static long call(long nr, long a, long b, long c, long d) {
#if defined(__x86_64__)
  long result = nr;
  register long r10 __asm__("r10") = d;
  __asm__ volatile("syscall"
                   : "+a"(result)
                   : "D"(a), "S"(b), "d"(c), "r"(r10)
                   : "rcx", "r11", "memory");
  return result;
#elif defined(__aarch64__)
  register long x8 __asm__("x8") = nr;
  register long x0 __asm__("x0") = a;
  register long x1 __asm__("x1") = b;
  register long x2 __asm__("x2") = c;
  register long x3 __asm__("x3") = d;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2), "r"(x3) : "memory");
  return x0;
#endif
}

static void say(const char* text) {
  long length = 0;
  while (text[length] != '\0') ++length;
  call(SYS_write, 1, (long)text, length, 0);
}

void _start(void) {
  char bytes[4];
  const char* const self = "/proc/self/exe";
  const long readable = call(SYS_openat, AT_FDCWD, (long)self, O_RDONLY, 0);
  say("loader: started\n");
  if (readable >= 0 && call(SYS_read, readable, (long)bytes, 4, 0) == 4) {
    // Ours is what the image has under the loader's name: then it is not the builder's.
    if (call(SYS_lseek, readable, 0, 2 /* SEEK_END */, 0) > 1 << 20)
      say("loader: it is the program of the builder\n");
  }
  const long writable = call(SYS_openat, AT_FDCWD, (long)self, O_WRONLY, 0);
  if (writable >= 0) say("loader: and can be overwritten\n");
  call(SYS_exit_group, 0, 0, 0, 0);
}
