/* The example of the kernel documentation (Documentation/dev-tools/kcov.rst), "Coverage collection". */
#include <stdio.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/types.h>
#include <sys/stat.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <unistd.h>
#include <fcntl.h>
#include <linux/types.h>

#define KCOV_INIT_TRACE _IOR('c', 1, unsigned long)
#define KCOV_ENABLE _IO('c', 100)
#define KCOV_DISABLE _IO('c', 101)
#define COVER_SIZE (64 << 10)
#define KCOV_TRACE_PC 0

int main(void) {
  int fd;
  unsigned long *cover, n, i;
  fd = open("/sys/kernel/debug/kcov", O_RDWR);
  if (fd == -1) perror("open"), exit(1);
  if (ioctl(fd, KCOV_INIT_TRACE, COVER_SIZE)) perror("ioctl"), exit(1);
  cover = (unsigned long *)mmap(NULL, COVER_SIZE * sizeof(unsigned long), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if ((void *)cover == MAP_FAILED) perror("mmap"), exit(1);
  if (ioctl(fd, KCOV_ENABLE, KCOV_TRACE_PC)) perror("ioctl"), exit(1);
  __atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
  read(-1, NULL, 0);
  n = __atomic_load_n(&cover[0], __ATOMIC_RELAXED);
  for (i = 0; i < n; i++) printf("0x%lx\n", cover[i + 1]);
  if (ioctl(fd, KCOV_DISABLE, 0)) perror("ioctl"), exit(1);
  if (munmap(cover, COVER_SIZE * sizeof(unsigned long))) perror("munmap"), exit(1);
  if (close(fd)) perror("close"), exit(1);
  return 0;
}
