/* What the supervisor writes into the exec stub's memory (exec.h); shared by C and C++.

   The eight bytes before the stub's entry point are the distance from there to its one StubBlock.
 */
#ifndef LICHEN_BARE_STUB_INFO_H_
#define LICHEN_BARE_STUB_INFO_H_

#include <stdint.h>

#define LICHEN_STUB_TEXT_BYTES 20480

struct StubBlock {
  uint64_t magic; /* or'ed into openat's flags; the kernel ignores the upper half */
  uint32_t uid, euid, gid, egid, secure;
  /* Offsets into `text` of strings with their NUL; 0: none. */
  uint32_t program, interpreter, execfn;
  /* A script: argv[0] gives way to these strings, one after the other. 0: argv stays. */
  uint32_t arguments, argument_count, argument_bytes;
  char comm[16];
  char text[LICHEN_STUB_TEXT_BYTES]; /* text[0] is NUL; only what is used is written */
};

#endif /* LICHEN_BARE_STUB_INFO_H_ */
