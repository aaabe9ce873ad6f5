/* The exec stub of tier `bare`: a static program without libc that becomes another one.

   A step's execve() of a file in the tree is rewritten into one of this program, because the kernel
   would load the file's ELF interpreter from the host. At the end of that execve the process waits
   for its tracer, which writes `block`: what to load, and what the loaded program shall believe.
   Then this code does what the kernel's loader does (fs/binfmt_elf.c): maps program and
   interpreter, rewrites the stack, tells the kernel where things are, goes away and jumps.

   By then nothing of `block` may be left in the process: its magic number opens files past the
   step's filter. So everything that has seen it (this image, its stack) is unmapped, but for one
   page of code. Nothing can be returned to the caller of execve: what can be foreseen the
   supervisor has checked, and for the rest there is a message and an exit status. */
#include <asm/unistd.h>
#include <elf.h>
#include <linux/fcntl.h>
#include <linux/mman.h>
#include <linux/personality.h>
#include <linux/prctl.h>
#include <stddef.h>

#include "stub_arch.h"
#include "stub_info.h"

#define HIDDEN __attribute__((visibility("hidden")))
#define USED __attribute__((used)) HIDDEN

enum {
  kMaxHeaderBytes = 65536, /* of program headers; the kernel's limit */
  kHeadBytes = 4096,       /* in which they mostly are */
  kStackBytes = 16384,
  kCannotOpen = 127,
  kCannotLoad = 126,
};
#define MAX_ALIGN (1ul << 30)
#define MAX_ADDRESS (1ul << 47)

USED struct StubBlock block;
USED char own_stack[kStackBytes] __attribute__((aligned(16)));
__asm__(".globl own_stack_end\n.hidden own_stack_end\n.set own_stack_end, own_stack + 16384\n");
static char buffer[kMaxHeaderBytes] __attribute__((aligned(16)));
static Word page = 4096;

extern HIDDEN char __ehdr_start[], _end[]; /* of this image; the linker's */
HIDDEN _Noreturn void leave(Word sp, Word entry, Word a, Word a_bytes, Word b, Word b_bytes);

/* The compiler may call these. */
HIDDEN void* memset(void* to, int value, size_t bytes) {
  for (char *at = to, *end = at + bytes; at != end; ++at) *at = (char)value;
  return to;
}
HIDDEN void* memcpy(void* restrict to, const void* restrict from, size_t bytes) {
  const char* source = from;
  for (char *at = to, *end = at + bytes; at != end; ++at) *at = *source++;
  return to;
}
static Word length(const char* text) {
  Word bytes = 0;
  while (text[bytes] != 0) ++bytes;
  return bytes;
}
static Word down(Word address, Word align) {
  return address & ~(align - 1);
}
static Word up(Word address, Word align) {
  return down(address + align - 1, align);
}
static int failed(long result) {
  return result < 0 && result >= -4095;
}

static void print(const char* text) {
  system_call(__NR_write, 2, (Word)text, length(text), 0, 0, 0);
}
static _Noreturn void give_up(int status, const char* why) {
  print("lichen: cannot run ");
  print(block.text + block.execfn);
  print(": ");
  print(why);
  print("\n");
  for (;;) system_call(__NR_exit_group, (Word)status, 0, 0, 0, 0, 0);
}

static Word map(Word address, Word bytes, int protection, int flags, int fd, Word offset) {
  return (Word)system_call(__NR_mmap, address, bytes, (Word)protection, (Word)(flags | MAP_PRIVATE),
                           (Word)fd, offset);
}
static void unmap(Word address, Word bytes) {
  if (bytes != 0) system_call(__NR_munmap, address, bytes, 0, 0, 0, 0);
}

/* One loaded file. */
struct Image {
  Word bias, entry, headers, header_count;
  Word brk, start_code, end_code, start_data, end_data;
  int executable_stack;
};

static int protection_of(const Elf64_Phdr* segment) {
  return ((segment->p_flags & PF_R) ? PROT_READ : 0) |
         ((segment->p_flags & PF_W) ? PROT_WRITE : 0) | ((segment->p_flags & PF_X) ? PROT_EXEC : 0);
}

/* Reserves the addresses of all segments; so none of them can come to lie on anything else. */
static Word reserve(int is_movable, Word low, Word bytes, Word align, Word hint) {
  const int flags = MAP_ANONYMOUS | MAP_NORESERVE;
  if (!is_movable) {
    const Word at = map(low, bytes, PROT_NONE, flags | MAP_FIXED_NOREPLACE, -1, 0);
    if (at == low) return 0;
    give_up(kCannotLoad, "its addresses are taken");
  }
  const Word spare = align > page ? align : 0;
  const Word at = map(down(hint, align), bytes + spare, PROT_NONE, flags, -1, 0);
  if (failed((long)at)) give_up(kCannotLoad, "no room in memory");
  const Word bias = up(at - low, align);
  const Word start = bias + low;
  unmap(at, start - at);
  unmap(start + bytes, at + bytes + spare - (start + bytes));
  return bias;
}

static void map_segment(const Elf64_Phdr* segment, Word bias, int fd) {
  const Word start = bias + segment->p_vaddr;
  const Word file_end = start + segment->p_filesz, end = start + segment->p_memsz;
  const int protection = protection_of(segment);
  Word zero = down(start, page); /* from here on, pages of zeros */
  if (segment->p_filesz != 0) {
    if (map(zero, file_end - zero, protection, MAP_FIXED, fd, down(segment->p_offset, page)) !=
        zero)
      give_up(kCannotLoad, "cannot map it");
    zero = up(file_end, page);
    if (end > file_end && (protection & PROT_WRITE) != 0)
      memset((void*)file_end, 0, zero - file_end);
  }
  if (end > zero &&
      map(zero, up(end, page) - zero, protection, MAP_FIXED | MAP_ANONYMOUS, -1, 0) != zero)
    give_up(kCannotLoad, "no room in memory");
}

static void note_addresses(const Elf64_Phdr* segment, const Elf64_Ehdr* header,
                           struct Image* image) {
  const Word start = image->bias + segment->p_vaddr, end = start + segment->p_filesz;
  if (segment->p_offset <= header->e_phoff &&
      header->e_phoff < segment->p_offset + segment->p_filesz)
    image->headers = start + (header->e_phoff - segment->p_offset);
  if ((segment->p_flags & PF_X) != 0) {
    if (start < image->start_code) image->start_code = start;
    if (end > image->end_code) image->end_code = end;
  }
  if (start > image->start_data) image->start_data = start;
  if (end > image->end_data) image->end_data = end;
  if (start + segment->p_memsz > image->brk) image->brk = start + segment->p_memsz;
}

/* The supervisor has parsed this file (elf.h), but it may be another by now. */
static const Elf64_Phdr* read_headers(int fd, Elf64_Ehdr* header) {
  const long have = system_call(__NR_pread64, (Word)fd, (Word)buffer, kHeadBytes, 0, 0, 0);
  if (have < (long)sizeof *header) give_up(kCannotLoad, "cannot read it");
  memcpy(header, buffer, sizeof *header);
  const Word bytes = header->e_phnum * sizeof(Elf64_Phdr);
  if (bytes > kMaxHeaderBytes) give_up(kCannotLoad, "it has too many program headers");
  if (header->e_phoff % 8 == 0 && header->e_phoff < kHeadBytes &&
      header->e_phoff + bytes <= (Word)have)
    return (const Elf64_Phdr*)(buffer + header->e_phoff);
  if (system_call(__NR_pread64, (Word)fd, (Word)buffer, bytes, header->e_phoff, 0, 0) !=
      (long)bytes)
    give_up(kCannotLoad, "cannot read its program headers");
  return (const Elf64_Phdr*)buffer;
}

static void load(const char* path, Word hint, struct Image* image) {
  const int fd = (int)system_call(__NR_openat, (Word)AT_FDCWD, (Word)path,
                                  O_RDONLY | O_CLOEXEC | O_NOFOLLOW | block.magic, 0, 0, 0);
  if (fd < 0) give_up(kCannotOpen, "cannot open it");
  Elf64_Ehdr header;
  const Elf64_Phdr* segments = read_headers(fd, &header);

  *image = (struct Image){.start_code = ~0ul, .header_count = header.e_phnum};
  Word low = ~0ul, high = 0, align = page;
  for (int i = 0; i < header.e_phnum; ++i) {
    const Elf64_Phdr* segment = segments + i;
    if (segment->p_type == PT_GNU_STACK) image->executable_stack = (segment->p_flags & PF_X) != 0;
    if (segment->p_type != PT_LOAD) continue;
    if (segment->p_vaddr >= MAX_ADDRESS || segment->p_memsz >= MAX_ADDRESS ||
        segment->p_filesz > segment->p_memsz)
      give_up(kCannotLoad, "it is damaged");
    if (segment->p_vaddr < low) low = segment->p_vaddr;
    if (segment->p_vaddr + segment->p_memsz > high) high = segment->p_vaddr + segment->p_memsz;
    if (segment->p_align > align && segment->p_align <= MAX_ALIGN &&
        (segment->p_align & (segment->p_align - 1)) == 0)
      align = segment->p_align;
  }
  if (low >= high) give_up(kCannotLoad, "it is damaged");
  low = down(low, page);
  image->bias = reserve(header.e_type == ET_DYN, low, up(high, page) - low, align, hint);
  for (int i = 0; i < header.e_phnum; ++i) {
    if (segments[i].p_type != PT_LOAD) continue;
    map_segment(segments + i, image->bias, fd);
    note_addresses(segments + i, &header, image);
  }
  image->entry = image->bias + header.e_entry;
  system_call(__NR_close, (Word)fd, 0, 0, 0, 0, 0);
}

/* What lies on the stack that the kernel made, and where. */
struct Stack {
  Word argument_count;
  Word *arguments, *environment, *auxiliary, *end;
  Word arguments_end, environment_end; /* of the strings; they lie one after the other */
  Word top;                            /* AT_EXECFN, the highest string, ends here */
};

static Word end_of(Word string) {
  return string + length((const char*)string) + 1;
}

static struct Stack read_stack(Word* sp) {
  struct Stack stack = {.argument_count = sp[0], .arguments = sp + 1};
  stack.environment = stack.arguments + stack.argument_count + 1;
  Word* at = stack.environment;
  while (*at != 0) ++at;
  stack.auxiliary = at + 1;
  stack.top = (Word)sp;
  for (at = stack.auxiliary; at[0] != AT_NULL; at += 2) {
    if (at[0] == AT_PAGESZ) page = at[1];
    if (at[0] == AT_EXECFN) stack.top = end_of(at[1]);
  }
  stack.end = at + 2;
  const Word count = stack.argument_count;
  const Word* last = stack.auxiliary - 2;
  stack.arguments_end = count != 0 ? end_of(stack.arguments[count - 1]) : stack.top;
  stack.environment_end = last >= stack.environment ? end_of(*last) : stack.arguments_end;
  return stack;
}

/* The program's stack, below the kernel's: pointers as there, then the strings that are new. */
static struct Stack build_stack(const struct Stack* old) {
  struct Stack made = *old;
  const Word execfn_bytes = length(block.text + block.execfn) + 1;
  Word at = (Word)(old->arguments - 1) - execfn_bytes;
  memcpy((void*)at, block.text + block.execfn, execfn_bytes);
  const Word execfn = at;

  const Word kept = old->argument_count > 1 ? old->argument_count - 1 : 0; /* of a script's */
  if (block.argument_count != 0) {
    /* All arguments are copied: those of /proc/PID/cmdline are one range. */
    const Word rest = kept != 0 ? old->arguments_end - old->arguments[1] : 0;
    at -= block.argument_bytes + rest;
    memcpy((void*)at, block.text + block.arguments, block.argument_bytes);
    if (rest != 0) memcpy((void*)(at + block.argument_bytes), (void*)old->arguments[1], rest);
    made.argument_count = block.argument_count + kept;
    made.arguments_end = at + block.argument_bytes + rest;
  }
  const Word other_words = (Word)(old->end - old->environment);
  Word* to = (Word*)down(at - (1 + made.argument_count + 1 + other_words) * sizeof(Word), 16);
  *to++ = made.argument_count;
  made.arguments = to;
  if (block.argument_count != 0) {
    for (Word i = 0; i < made.argument_count; ++i, at = end_of(at)) *to++ = at;
  } else {
    for (Word i = 0; i < made.argument_count; ++i) *to++ = old->arguments[i];
  }
  *to++ = 0;
  made.environment = to;
  made.auxiliary = to + (old->auxiliary - old->environment);
  made.end = to + other_words;
  memcpy(to, old->environment, other_words * sizeof(Word));
  for (Word* pair = made.auxiliary; pair[0] != AT_NULL; pair += 2)
    if (pair[0] == AT_EXECFN) pair[1] = execfn;
  return made;
}

static void set_auxiliary(const struct Stack* stack, const struct Image* program, Word base) {
  for (Word* pair = stack->auxiliary; pair[0] != AT_NULL; pair += 2) {
    const Word key = pair[0];
    Word* value = pair + 1;
    if (key == AT_PHDR) *value = program->headers;
    if (key == AT_PHNUM) *value = program->header_count;
    if (key == AT_BASE) *value = base;
    if (key == AT_ENTRY) *value = program->entry;
    if (key == AT_UID) *value = block.uid;
    if (key == AT_EUID) *value = block.euid;
    if (key == AT_GID) *value = block.gid;
    if (key == AT_EGID) *value = block.egid;
    if (key == AT_SECURE) *value = block.secure;
  }
}

/* Without CONFIG_CHECKPOINT_RESTORE the kernel refuses: then /proc/PID/cmdline and auxv are those
   of the stub, and brk(2) starts beside it. */
static void tell_kernel(const struct Stack* stack, const struct Image* program, Word random) {
  const Word brk = up(program->brk, page) + (random % BRK_PAGES) * page;
  const Word first = stack->arguments_end; /* where there are no strings, an empty range */
  const struct prctl_mm_map addresses = {
      .start_code = program->start_code,
      .end_code = program->end_code,
      .start_data = program->start_data,
      .end_data = program->end_data,
      .start_brk = brk,
      .brk = brk,
      .start_stack = (Word)(stack->arguments - 1),
      .arg_start = stack->argument_count != 0 ? stack->arguments[0] : first,
      .arg_end = stack->arguments_end,
      .env_start = stack->environment[0] != 0 ? stack->environment[0] : first,
      .env_end = stack->environment_end,
      .auxv = (__u64*)stack->auxiliary,
      .auxv_size = (__u32)((Word)stack->end - (Word)stack->auxiliary),
      .exe_fd = (__u32)-1,
  };
  system_call(__NR_prctl, PR_SET_MM, PR_SET_MM_MAP, (Word)&addresses, sizeof addresses, 0, 0);
  system_call(__NR_prctl, PR_SET_NAME, (Word)block.comm, 0, 0, 0, 0);
}

static Word random_word(void) {
  const long persona = system_call(__NR_personality, 0xffffffff, 0, 0, 0, 0, 0);
  if (!failed(persona) && (persona & ADDR_NO_RANDOMIZE) != 0) return 0;
  Word random = 0;
  system_call(__NR_getrandom, (Word)&random, sizeof random, 1 /* GRND_NONBLOCK */, 0, 0, 0);
  return random;
}

USED void start(Word* sp) {
  if (block.program == 0) give_up(kCannotLoad, "this program is for lichen's own use");
  const struct Stack kernels = read_stack(sp);
  const Word random = random_word();

  struct Image program, interpreter = {0};
  load(block.text + block.program, PROGRAM_BASE + random % PROGRAM_BASE_PAGES * page, &program);
  Word entry = program.entry;
  if (block.interpreter != 0) {
    load(block.text + block.interpreter, 0, &interpreter);
    entry = interpreter.entry;
  }
  const struct Stack stack = build_stack(&kernels);
  set_auxiliary(&stack, &program, interpreter.bias);
  tell_kernel(&stack, &program, random >> 40);

  const Word stack_pointer = (Word)(stack.arguments - 1);
  if (program.executable_stack) {
    const Word bottom = down(stack_pointer, page);
    system_call(__NR_mprotect, bottom, up(stack.top, page) - bottom,
                PROT_READ | PROT_WRITE | PROT_EXEC | PROT_GROWSDOWN, 0, 0, 0);
  }
  const Word first = down((Word)__ehdr_start, page), last = up((Word)_end, page);
  const Word kept = down((Word)leave, page);
  leave(stack_pointer, entry, first, kept - first, kept + page, last - kept - page);
}
