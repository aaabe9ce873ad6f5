// as_kernel 5.12 COMMAND... - COMMAND without the system calls and the seccomp features that came after that
// version of Linux: calls are ENOSYS, flags and ioctls EINVAL, as the old kernel has them. For all of its children.
// What the newer kernel does besides (checks, bug fixes) stays.
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#define VERSION(major, minor) ((major) * 1000 + (minor))
#define LOAD(field) BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, field))
#define EQUAL(value, yes, no) BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, value, yes, no)
#define RETURN(action) BPF_STMT(BPF_RET | BPF_K, action)
#define FAIL(error) (SECCOMP_RET_ERRNO | (error))

// Since Linux 5.1 the numbers are those of every machine.
static const struct {
  int since;
  unsigned first;
} calls[] = {{VERSION(5, 8), 439},  {VERSION(5, 9), 436},  {VERSION(5, 10), 440}, {VERSION(5, 11), 441},
             {VERSION(5, 12), 442}, {VERSION(5, 13), 444}, {VERSION(5, 14), 447}, {VERSION(5, 15), 448},
             {VERSION(5, 16), 449}, {VERSION(5, 17), 450}, {VERSION(6, 5), 451},  {VERSION(6, 6), 452},
             {VERSION(6, 7), 454},  {VERSION(6, 8), 457},  {VERSION(6, 10), 462}, {VERSION(6, 13), 463}};

int main(int argc, char** argv) {
  int major = 0, minor = 0;
  if (argc < 3 || sscanf(argv[1], "%d.%d", &major, &minor) != 2) {
    fprintf(stderr, "usage: as_kernel 5.12 COMMAND...\n");
    return 2;
  }
  const int version = VERSION(major, minor);
  unsigned first = 0;  // of the numbers that the kernel does not know
  for (size_t at = 0; at < sizeof calls / sizeof *calls && first == 0; ++at)
    if (calls[at].since > version && calls[at].first >= 440) first = calls[at].first;
  if (first == 0) first = 0x7fffffff;
  const int killable = version >= VERSION(5, 19), sync = version >= VERSION(6, 6);
  struct sock_filter program[] = {
      LOAD(nr),
      BPF_JUMP(BPF_JMP | BPF_JGE | BPF_K, first, 0, 1),
      RETURN(FAIL(ENOSYS)),
      EQUAL(SYS_seccomp, 0, 6),
      LOAD(args[0]),
      EQUAL(SECCOMP_SET_MODE_FILTER, 0, 3),
      LOAD(args[1]),
      BPF_JUMP(BPF_JMP | BPF_JSET | BPF_K, killable ? 0 : 1u << 5 /* WAIT_KILLABLE_RECV */, 0, 1),
      RETURN(FAIL(EINVAL)),
      RETURN(SECCOMP_RET_ALLOW),
      EQUAL(SYS_ioctl, 0, 3),
      LOAD(args[1]),
      EQUAL(sync ? 0 : 0x40082104 /* SECCOMP_IOCTL_NOTIF_SET_FLAGS */, 0, 1),
      RETURN(FAIL(EINVAL)),
      RETURN(SECCOMP_RET_ALLOW),
  };
  const struct sock_fprog filter = {sizeof program / sizeof *program, program};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &filter) != 0) {
    perror("as_kernel: seccomp");
    return 1;
  }
  execvp(argv[2], argv + 2);
  perror(argv[2]);
  return 127;
}
