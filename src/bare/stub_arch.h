/* What the exec stub needs to know of the machine: a system call, the entry point, the way out. */
#ifndef LICHEN_BARE_STUB_ARCH_H_
#define LICHEN_BARE_STUB_ARCH_H_

typedef unsigned long Word;

#if defined(__x86_64__)

/* Where the kernel puts position-independent programs (ELF_ET_DYN_BASE), and how far from there. */
#define PROGRAM_BASE 0x555555554000ul
#define PROGRAM_BASE_PAGES (1ul << 28)
#define BRK_PAGES (1ul << 13)

static inline long system_call(long nr, Word a, Word b, Word c, Word d, Word e, Word f) {
  register Word r10 __asm__("r10") = d;
  register Word r8 __asm__("r8") = e;
  register Word r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall"
                   : "=a"(result)
                   : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9)
                   : "rcx", "r11", "memory");
  return result;
}

/* The entry point: start(stack pointer) runs on a stack of the stub's own, so that it can build the
   program's anywhere below the kernel's.

   leave(sp, entry, a, a_bytes, b, b_bytes) unmaps two ranges, everything of the stub but the page
   that this code is in, and jumps. All registers are 0 then, as the kernel leaves them: rdx would
   be taken for a function to call at exit. */
__asm__(
    ".text\n"
    "  .balign 128\n"
    "  .quad block - _start\n"
    ".globl _start\n"
    ".hidden _start\n"
    "_start:\n"
    "  mov %rsp, %rdi\n"
    "  lea own_stack_end(%rip), %rsp\n"
    "  xor %ebp, %ebp\n"
    "  call start\n"
    "  ud2\n"
    "  .balign 128\n"
    ".globl leave\n"
    ".hidden leave\n"
    "leave:\n"
    "  mov %rdi, %rsp\n"
    "  mov %rsi, %rbx\n"
    "  mov %r8, %r12\n"
    "  mov %r9, %r13\n"
    "  mov %rdx, %rdi\n"
    "  mov %rcx, %rsi\n"
    "  mov $11, %eax\n" /* munmap */
    "  syscall\n"
    "  mov %r12, %rdi\n"
    "  mov %r13, %rsi\n"
    "  mov $11, %eax\n"
    "  syscall\n"
    "  mov %rbx, %rax\n"
    "  xor %ebx, %ebx\n"
    "  xor %ecx, %ecx\n"
    "  xor %edx, %edx\n"
    "  xor %esi, %esi\n"
    "  xor %edi, %edi\n"
    "  xor %ebp, %ebp\n"
    "  xor %r8d, %r8d\n"
    "  xor %r9d, %r9d\n"
    "  xor %r10d, %r10d\n"
    "  xor %r11d, %r11d\n"
    "  xor %r12d, %r12d\n"
    "  xor %r13d, %r13d\n"
    "  jmp *%rax\n"
    "  .balign 128\n"); /* so the whole of it is in one page */

#else
#error "the exec stub of tier bare does not know this machine"
#endif

#endif /* LICHEN_BARE_STUB_ARCH_H_ */
