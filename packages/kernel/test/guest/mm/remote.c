// covers: process_madvise(EBADF EFAULT EINVAL) process_mrelease(EBADF EINVAL) move_pages(EFAULT EINVAL ENODEV ESRCH) migrate_pages(EFAULT ESRCH) set_mempolicy_home_node(EINVAL) pidfd_open
#include "../case.h"
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/uio.h>

#ifndef SYS_process_madvise
#define SYS_process_madvise 440
#endif
#ifndef SYS_process_mrelease
#define SYS_process_mrelease 448
#endif
#ifndef SYS_set_mempolicy_home_node
#define SYS_set_mempolicy_home_node 450
#endif

int main(void) {
  char *p = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(p, 5, 8 * PAGE);
  int self = (int)syscall(SYS_pidfd_open, getpid(), 0);
  struct iovec vector[2] = {{p, 2 * PAGE}, {p + 4 * PAGE, PAGE}};
  result("madvise willneed", syscall(SYS_process_madvise, self, vector, 2, MADV_WILLNEED, 0));
  result("madvise cold", syscall(SYS_process_madvise, self, vector, 2, MADV_COLD, 0));
  say("kept", "%d %d", p[0], p[4 * PAGE]);
  result("madvise flags", syscall(SYS_process_madvise, self, vector, 2, MADV_COLD, 1));
  result("madvise bad descriptor", syscall(SYS_process_madvise, 99, vector, 2, MADV_COLD, 0));
  result("madvise no pidfd", syscall(SYS_process_madvise, 0, vector, 2, MADV_COLD, 0));
  result("madvise bad vector", syscall(SYS_process_madvise, self, (void *)8, 2, MADV_COLD, 0));
  result("madvise too many", syscall(SYS_process_madvise, self, vector, 5000, MADV_COLD, 0));
  result("madvise unknown advice", syscall(SYS_process_madvise, self, vector, 2, 77, 0));
  vector[1].iov_base = p + 1;
  result("madvise second unaligned", syscall(SYS_process_madvise, self, vector, 2, MADV_COLD, 0));
  vector[0].iov_base = p + 1;
  result("madvise first unaligned", syscall(SYS_process_madvise, self, vector, 2, MADV_COLD, 0));

  result("mrelease flags", syscall(SYS_process_mrelease, self, 1));
  result("mrelease of the living", syscall(SYS_process_mrelease, self, 0));
  result("mrelease bad descriptor", syscall(SYS_process_mrelease, 99, 0));

  void *pages[3] = {p, p + PAGE, (void *)(8 * PAGE)};
  int status[3] = {-1, -1, -1}, nodes[3] = {0, 0, 0};
  munmap(p + 6 * PAGE, PAGE);
  result("where are they", syscall(SYS_move_pages, 0, 3, pages, NULL, status, 0));
  say("status", "%d %d %d", status[0], status[1], status[2]);
  result("move to where they are", syscall(SYS_move_pages, 0, 2, pages, nodes, status, MPOL_MF_MOVE));
  say("status", "%d %d", status[0], status[1]);
  result("move flags", syscall(SYS_move_pages, 0, 2, pages, NULL, status, 64));
  result("move no such process", syscall(SYS_move_pages, 0x3fffff, 2, pages, NULL, status, 0));
  result("move bad array", syscall(SYS_move_pages, 0, 2, (void *)8, NULL, status, 0));
  result("move bad status", syscall(SYS_move_pages, 0, 2, pages, NULL, (void *)8, 0));
  nodes[0] = 77;
  result("move to no node", syscall(SYS_move_pages, 0, 1, pages, nodes, status, MPOL_MF_MOVE));

  unsigned long from = 1, to = 1;
  result("migrate", syscall(SYS_migrate_pages, 0, 64, &from, &to));
  result("migrate no such process", syscall(SYS_migrate_pages, 0x3fffff, 64, &from, &to));
  result("migrate bad mask", syscall(SYS_migrate_pages, 0, 64, (void *)8, &to));

  result("home node flags", syscall(SYS_set_mempolicy_home_node, p, PAGE, 0, 1));
  result("home node unaligned", syscall(SYS_set_mempolicy_home_node, p + 1, PAGE, 0, 0));
  result("home node of nothing", syscall(SYS_set_mempolicy_home_node, p, 0, 0, 0));
  result("home node unknown", syscall(SYS_set_mempolicy_home_node, p, PAGE, 9999, 0));
  return 0;
}
