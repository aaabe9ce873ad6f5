// Says its arguments and what the auxiliary vector has, with no libc.
#if defined(__x86_64__)
__asm__(".globl _start\n_start: mov %rsp, %rdi\n and $-16, %rsp\n call run\n");
static long call(long n, long a, long b, long c) {
  long r;
  __asm__ volatile("syscall" : "=a"(r) : "a"(n), "D"(a), "S"(b), "d"(c) : "rcx", "r11", "memory");
  return r;
}
enum { kWrite = 1, kExit = 231 };
#elif defined(__aarch64__)
__asm__(".globl _start\n_start: mov x0, sp\n bl run\n");
static long call(long n, long a, long b, long c) {
  register long x8 __asm__("x8") = n, x0 __asm__("x0") = a, x1 __asm__("x1") = b,
                   x2 __asm__("x2") = c;
  __asm__ volatile("svc 0" : "+r"(x0) : "r"(x8), "r"(x1), "r"(x2) : "memory");
  return x0;
}
enum { kWrite = 64, kExit = 94 };
#endif
static void say(const char* text) {
  long n = 0;
  while (text[n] != 0) ++n;
  call(kWrite, 1, (long)text, n);
}
__attribute__((used)) void run(unsigned long* stack) {
  unsigned long i, *p = stack + 1 + stack[0] + 1;
  for (i = 1; i <= stack[0]; ++i) {
    say((const char*)stack[i]);
    say(" ");
  }
  while (*p != 0) ++p;
  for (++p; p[0] != 0; p += 2) {
    if (p[0] == 31) {
      say("execfn ");
      say((const char*)p[1]);
      say(" ");
    }
    if (p[0] == 7) say(p[1] != 0 ? "has base " : "no base ");
    if (p[0] == 3 || p[0] == 25) say(p[1] != 0 ? "+" : "-");
    if (p[0] == 11) say(p[1] == 0 ? " root" : " user");
  }
  say("\n");
  call(kExit, 7, 0, 0);
}
