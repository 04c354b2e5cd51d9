// covers: membarrier(EINVAL EPERM) set_mempolicy(EINVAL) get_mempolicy(EFAULT EINVAL) mbind(EINVAL) remap_file_pages(EINVAL)
#include "../case.h"
#include <linux/membarrier.h>
#include <linux/mempolicy.h>
#include <sys/mman.h>
#include <sys/syscall.h>

int main(void) {
  long query = syscall(SYS_membarrier, 0, 0, 0);
  say("membarrier query", "%d", (query & 0x19) == 0x19);
  result("membarrier unregistered", syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
  result("membarrier register", syscall(SYS_membarrier, MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED, 0, 0));
  result("membarrier", syscall(SYS_membarrier, MEMBARRIER_CMD_PRIVATE_EXPEDITED, 0, 0));
  result("membarrier global", syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0));
  result("membarrier unknown", syscall(SYS_membarrier, 1 << 20, 0, 0));
  result("membarrier flags", syscall(SYS_membarrier, 0, 5, 0));

  int mode = -1;
  unsigned long nodes[16] = {0};
  result("get_mempolicy", syscall(SYS_get_mempolicy, &mode, nodes, 1024, NULL, 0));
  say("default", "%d %lu", mode, nodes[0]);
  nodes[0] = 1;
  result("set_mempolicy bind", syscall(SYS_set_mempolicy, MPOL_BIND, nodes, 64));
  result("get_mempolicy again", syscall(SYS_get_mempolicy, &mode, nodes, 1024, NULL, 0));
  say("bind", "%d %lu", mode, nodes[0]);
  result("set_mempolicy bind to none", syscall(SYS_set_mempolicy, MPOL_BIND, NULL, 0));
  result("set_mempolicy default with nodes", syscall(SYS_set_mempolicy, MPOL_DEFAULT, nodes, 64));
  result("set_mempolicy unknown", syscall(SYS_set_mempolicy, 99, NULL, 0));
  result("set_mempolicy default", syscall(SYS_set_mempolicy, MPOL_DEFAULT, NULL, 0));
  result("get_mempolicy flags", syscall(SYS_get_mempolicy, &mode, NULL, 0, NULL, 64));
  result("get_mempolicy addr without flag", syscall(SYS_get_mempolicy, &mode, NULL, 0, &mode, 0));
  result("get_mempolicy bad pointer", syscall(SYS_get_mempolicy, (void *)8, NULL, 0, NULL, 0));
  char *p = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  result("mbind", syscall(SYS_mbind, p, 4 * PAGE, MPOL_BIND, nodes, 64, 0));
  result("mbind unaligned", syscall(SYS_mbind, p + 1, PAGE, MPOL_BIND, nodes, 64, 0));
  result("mbind unknown", syscall(SYS_mbind, p, PAGE, 77, nodes, 64, 0));

  char name[] = "/tmp/remap-XXXXXX";
  int fd = mkstemp(name);
  unlink(name);
  for (int i = 0; i < 4; i++)
    if (pwrite(fd, &"abcd"[i], 1, i * PAGE) != 1) return 1;
  char *file = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  result("remap_file_pages", remap_file_pages(file, PAGE, 0, 3, 0));
  say("remapped", "%c %c", file[0], file[PAGE]);
  char *shared = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < 3; i++) shared[i * PAGE] = (char)('x' + i);
  result("remap_file_pages anonymous", remap_file_pages(shared, PAGE, 0, 2, 0));
  say("remapped", "%c %c %c", shared[0], shared[PAGE], shared[2 * PAGE]);
  result("remap_file_pages prot", remap_file_pages(file, PAGE, PROT_READ, 3, 0));
  result("remap_file_pages private", remap_file_pages(p, PAGE, 0, 3, 0));
  result("remap_file_pages size 0", remap_file_pages(file, 0, 0, 3, 0));
  return 0;
}
