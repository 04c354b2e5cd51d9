// deny ERRNO NUMBER[,NUMBER...] PROGRAM ARGUMENT...: runs the program with system calls that fail, as container engines make them. personality(2) with
// ADDR_NO_RANDOMIZE and new user namespaces are among what engines deny; here it is whatever the caller says.
#define _GNU_SOURCE
#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { MOST = 32 };

int main(int argc, char **argv) {
  struct sock_filter code[2 * MOST + 2] = {{BPF_LD | BPF_W | BPF_ABS, 0, 0, offsetof(struct seccomp_data, nr)}};
  unsigned short n = 1;
  if (argc < 4) return 2;
  const unsigned deny = SECCOMP_RET_ERRNO | (unsigned)atoi(argv[1]);
  for (char *number = strtok(argv[2], ","); number != NULL && n < 2 * MOST; number = strtok(NULL, ",")) {
    code[n++] = (struct sock_filter){BPF_JMP | BPF_JEQ | BPF_K, 0, 1, (unsigned)atoi(number)};
    code[n++] = (struct sock_filter){BPF_RET | BPF_K, 0, 0, deny};
  }
  code[n++] = (struct sock_filter){BPF_RET | BPF_K, 0, 0, SECCOMP_RET_ALLOW};
  struct sock_fprog program = {n, code};
  if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0 || syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &program) != 0) return 3;
  execvp(argv[3], argv + 3);
  fprintf(stderr, "deny: %s: %s\n", argv[3], strerror(errno));
  return 4;
}
