// covers: memfd_create(EFAULT EINVAL) fcntl(EBUSY EINVAL EPERM) ftruncate(EPERM) mmap(EPERM) munmap write(EPERM) fallocate(EPERM) mprotect
// Memory files, seals, and the sharing of pages between mappings and descriptors.
#include "../vfs/calls.h"
#include <linux/falloc.h>
#include <sys/mman.h>

int main(void) {
  char buffer[16384];
  struct stat st;
  CASE("memfd");
  int fd = OK(memfd_create("name", MFD_ALLOW_SEALING));
  T(fstat(fd, &st));
  SAY("%o nlink %d size %d", st.st_mode, (int)st.st_nlink, (int)st.st_size);
  T(fcntl(fd, F_GETFL) & ~0100000);
  T(fcntl(fd, F_GET_SEALS));
  T(write(fd, "hello", 5));
  T(ftruncate(fd, 8192));
  char *map = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  SAY("%.5s", map);
  map[0] = 'J';
  map[5000] = 'x';
  T(pread(fd, buffer, 8192, 0));
  SAY("%.5s %c", buffer, buffer[5000]);
  T(pwrite(fd, "HELLO", 5, 4096));
  SAY("%.5s", map + 4096);
  char *private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  char *second = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  private[1] = 'P';
  SAY("%.5s %.5s", private, map);
  T(pwrite(fd, "z", 1, 4097));
  SAY("%c %.5s", second[4097], second);
  T(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
  T(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
  T(ftruncate(fd, 4096));
  T(ftruncate(fd, 16384));
  T(fcntl(fd, F_ADD_SEALS, F_SEAL_GROW));
  T(ftruncate(fd, 20000));
  T(pwrite(fd, "x", 1, 16384));
  T(pwrite(fd, buffer, 8192, 12288));
  T(fallocate(fd, 0, 0, 20000));
  munmap(map, 8192);
  T(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
  T(write(fd, "x", 1));
  T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 0, 4096));
  T(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
  T(fcntl(fd, F_GET_SEALS));
  T(fcntl(fd, F_ADD_SEALS, 0x1000));
  T(fcntl(fd, F_ADD_SEALS, F_SEAL_SEAL));
  T(fcntl(fd, F_ADD_SEALS, F_SEAL_SHRINK));
  private[2] = 'Q';
  SAY("%.5s", private);
  close(fd);
  CASE("future-write");
  fd = memfd_create("f", MFD_ALLOW_SEALING | MFD_CLOEXEC);
  T(fcntl(fd, F_GETFD));
  ftruncate(fd, 4096);
  map = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  T(fcntl(fd, F_ADD_SEALS, 0x10));
  map[0] = 'w';
  T(pread(fd, buffer, 1, 0));
  T(write(fd, "x", 1));
  T(mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
  T(mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0) == MAP_FAILED);
  close(fd);
  CASE("errors");
  fd = memfd_create("unsealable", 0);
  T(fcntl(fd, F_GET_SEALS));
  T(fcntl(fd, F_ADD_SEALS, F_SEAL_WRITE));
  close(fd);
  T(memfd_create((char *)1, 0));
  T(memfd_create("x", 0x1000));
  char name[300];
  memset(name, 'n', sizeof name);
  name[249] = 0;
  OK(memfd_create(name, 0));
  name[249] = 'n';
  name[250] = 0;
  T(memfd_create(name, 0));
  CASE("holes");
  fd = memfd_create("h", 0);
  ftruncate(fd, 1 << 20);
  T(lseek(fd, 0, SEEK_DATA));
  pwrite(fd, "x", 1, 40960);
  T(lseek(fd, 0, SEEK_DATA));
  T(lseek(fd, 40960, SEEK_HOLE));
  fstat(fd, &st);
  SAY("blocks %d", (int)st.st_blocks);
  map = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  map[81920] = 'm';
  T(lseek(fd, 45056, SEEK_DATA));
  T(fallocate(fd, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE, 40960, 4096));
  SAY("%d", map[40960]);
  T(madvise(map + 81920, 4096, MADV_REMOVE));
  SAY("%d", map[81920]);
  // Behind the end there is nothing to touch.
  T(ftruncate(fd, 4096));
  IN_CHILD({
    volatile char *p = map + 8192;
    (void)*p;
  });
  map[4000] = 'e';
  T(ftruncate(fd, 3000));
  T(ftruncate(fd, 4096));
  SAY("%d", map[4000]);
  return 0;
}
