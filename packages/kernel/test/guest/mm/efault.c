// covers: read(EFAULT) write(EFAULT) pipe2 process_vm_readv(EFAULT EINVAL ESRCH) process_vm_writev(EFAULT) readv(EFAULT EINVAL) writev
#include "../case.h"
#pragma GCC diagnostic ignored "-Wnonnull"
#pragma GCC diagnostic ignored "-Wstringop-overflow"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/uio.h>

int main(void) {
  int fds[2];
  if (pipe(fds) < 0) return 1;
  char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(p + 2 * PAGE, PAGE);
  mprotect(p + 3 * PAGE, PAGE, PROT_READ);
  memset(p, 'a', 2 * PAGE);
  char *edge = p + 2 * PAGE;
  result("write from unmapped", write(fds[1], edge, 10));
  result("write from null", write(fds[1], NULL, 10));
  result("write from kernel half", write(fds[1], (void *)(UINT64_MAX << 47), 10));
  if (write(fds[1], "0123456789", 10) != 10) return 1;
  result("read to read-only", read(fds[0], p + 3 * PAGE, 10));
  result("read to unmapped", read(fds[0], edge, 10));
  result("read still there", read(fds[0], p, 10));
  say("contents", "%.10s", p);

  char name[] = "/tmp/efault-XXXXXX";
  int fd = mkstemp(name);
  unlink(name);
  result("file write across the edge", write(fd, edge - 100, 200));
  result("file size", lseek(fd, 0, SEEK_END));
  lseek(fd, 0, SEEK_SET);
  result("file read across the edge", read(fd, edge - 50, 200));
  result("position", lseek(fd, 0, SEEK_CUR));
  struct iovec vector[3] = {{p, 10}, {edge, 10}, {p + 20, 10}};
  result("writev with a bad second buffer", writev(fd, vector, 3));
  lseek(fd, 0, SEEK_SET);
  result("readv with a bad second buffer", readv(fd, vector, 3));
  result("readv bad array", readv(fd, (struct iovec *)edge, 1));
  vector[1].iov_len = SIZE_MAX;
  result("readv negative length", readv(fd, vector, 2));
  result("readv count", readv(fd, vector, -1));

  struct iovec local[2] = {{p, 100}, {p + 200, 100}}, remote[2] = {{p + 1000, 150}, {p + 1200, 50}};
  memset(p + 1000, 'r', 300);
  result("process_vm_readv", process_vm_readv(getpid(), local, 2, remote, 2, 0));
  say("scattered", "%c %c %c", p[0], p[99], p[299]);
  remote[1].iov_base = edge;
  result("process_vm_readv, second is bad", process_vm_readv(getpid(), local, 2, remote, 2, 0));
  remote[0].iov_base = edge;
  result("process_vm_readv, first is bad", process_vm_readv(getpid(), local, 2, remote, 2, 0));
  remote[0].iov_base = p + 3 * PAGE;
  result("process_vm_writev to read-only", process_vm_writev(getpid(), local, 1, remote, 1, 0));
  result("process_vm_readv flags", process_vm_readv(getpid(), local, 1, remote, 1, 1));
  result("process_vm_readv no process", process_vm_readv(0x3fffff, local, 1, remote, 1, 0));
  result("process_vm_readv nothing", process_vm_readv(0x3fffff, local, 0, remote, 1, 0));
  result("process_vm_readv too many", process_vm_readv(getpid(), local, 2000, remote, 1, 0));
  int ready[2];
  if (pipe(ready) < 0) return 1;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    char byte;
    memcpy(p, "of the child", 12);
    if (write(ready[1], "x", 1) != 1 || read(fds[0], &byte, 1) != 1) _exit(1);
    _exit(p[0] == 'O' ? 0 : 1);
  }
  char buffer[16] = {0};
  if (read(ready[0], buffer, 1) != 1) return 1;
  struct iovec mine = {buffer, 12}, theirs = {p, 12};
  result("read another process", process_vm_readv(child, &mine, 1, &theirs, 1, 0));
  say("read", "%s", buffer);
  buffer[0] = 'O';
  result("write another process", process_vm_writev(child, &mine, 1, &theirs, 1, 0));
  if (write(fds[1], "x", 1) != 1) return 1;
  int status;
  waitpid(child, &status, 0);
  say("child saw it", "%d", WEXITSTATUS(status));
  return 0;
}
