// An ELF interpreter that does nothing but enter the program (AT_ENTRY), for x86_64 and aarch64.
// Called as a program itself it has AT_BASE 0 and leaves with 127: it takes no options.
#if defined(__x86_64__)
__asm__(
    ".globl _start\n_start: mov %rsp, %rdi\n sub $8, %rsp\n and $-16, %rsp\n mov %rdi, %rbx\n call "
    "find_entry\n mov %rbx, %rsp\n xor %edx, %edx\n jmp *%rax\n");
#define EXIT(code) __asm__ volatile("syscall" ::"a"(231), "D"(code))
#elif defined(__aarch64__)
__asm__(
    ".globl _start\n_start: mov x0, sp\n mov x19, x0\n bl find_entry\n mov x16, x0\n mov x0, #0\n "
    "br x16\n");
#define EXIT(code)                                \
  do {                                            \
    register long x0 __asm__("x0") = code;        \
    register long x8 __asm__("x8") = 94;          \
    __asm__ volatile("svc 0" ::"r"(x0), "r"(x8)); \
  } while (0)
#endif
__attribute__((visibility("hidden"), used)) unsigned long find_entry(unsigned long* stack) {
  unsigned long entry = 0, base = 0, *p = stack + 1 + stack[0] + 1;
  while (*p != 0) ++p;
  for (++p; p[0] != 0; p += 2) {
    if (p[0] == 9) entry = p[1];
    if (p[0] == 7) base = p[1];
  }
  if (base == 0) EXIT(127);
  return entry;
}
