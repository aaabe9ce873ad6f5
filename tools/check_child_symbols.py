#!/usr/bin/python3
"""check_child_symbols.py OBJECT - the sandbox's child imports async-signal-safe names alone.

src/sandbox/child.cc runs between clone and exec, in a copy of a process that may have had threads:
an allocation or a lock there can hang for ever. So its object file may import only these.
"""
import subprocess
import sys

ALLOWED = set("""
__errno_location _exit _Exit abort
access chdir chmod chown chroot clone close dup dup2 dup3 execve execveat fchdir fchmod fchown fcntl
fork fstat getegid geteuid getgid getpid getppid getuid ioctl kill link lseek lstat mkdir mkdirat
mknod mknodat mount open openat pipe pipe2 poll prctl raise read readlink recv recvmsg rename rmdir
select send sendmsg setgid setgroups sethostname setdomainname setpgid setresgid setresuid setrlimit
setsid setuid sigaction sigaddset sigdelset sigemptyset sigfillset sigprocmask socket stat symlink
syscall umask umount umount2 unlink unlinkat unshare vfork wait4 waitid waitpid write writev
__stack_chk_fail memcpy memmove memset memcmp strlen strcmp strncmp strcpy strcat strchr strrchr
open64 openat64 fcntl64 fstat64 lstat64 stat64 lseek64 setrlimit64 prlimit prlimit64
_GLOBAL_OFFSET_TABLE_
""".split())

lines = subprocess.run(["nm", "-u", sys.argv[1]], check=True, text=True, capture_output=True).stdout
imported = {line.split()[-1].split("@")[0] for line in lines.splitlines() if line.strip()}
extra = sorted(imported - ALLOWED)
for name in extra:
    print(f"child_symbols: {sys.argv[1]} imports {name}, which is not on the list", file=sys.stderr)
if not imported:
    sys.exit("child_symbols: no imported name at all; is this the right object?")
sys.exit(1 if extra else 0)
