// covers: mmap munmap msync(EINVAL ENOMEM) ftruncate pread64 pwrite64 read write clone lseek madvise
// Files that are mapped and read and written at the same time: all ways show the same.
#include "../case.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/stat.h>

static char buffer[16 * PAGE];

static int file(const char *name, size_t size) {
  int fd = open(name, O_CREAT | O_TRUNC | O_RDWR, 0644);
  memset(buffer, 'a', sizeof buffer);
  if (size > 0 && write(fd, buffer, size) != (ssize_t)size) perror("write");
  return fd;
}

static void coherence(void) {
  int fd = file("coherent", 3 * PAGE + 100);
  char *shared = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  char *private = mmap(NULL, 4 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  char *readonly = mmap(NULL, 4 * PAGE, PROT_READ, MAP_SHARED, fd, 0);
  say("beginning", "%.3s %.3s %.3s", shared, private, readonly);
  memcpy(shared, "store", 5);
  result("read sees a store", pread(fd, buffer, 5, 0));
  say("read sees a store", "%.5s", buffer);
  say("other mappings see it", "%.5s %.5s", readonly, private);
  memcpy(private, "PRIVA", 5);
  say("a private store is private", "%.5s %.5s", shared, private);
  result("write", pwrite(fd, "written", 7, PAGE + 10));
  say("mappings see a write", "%.7s %.7s", shared + PAGE + 10, readonly + PAGE + 10);
  memcpy(shared + 2 * PAGE + 50, "across", 6);
  result("write over a store", pwrite(fd, "XX", 2, 2 * PAGE + 52));
  say("write over a store", "%.6s", shared + 2 * PAGE + 50);
  result("read over pages", pread(fd, buffer, 3 * PAGE + 100, 0));
  say("read over pages", "%.5s %.7s %.6s", buffer, buffer + PAGE + 10, buffer + 2 * PAGE + 50);
  say("behind the end", "%d %d", shared[3 * PAGE + 99], shared[3 * PAGE + 100]);
  shared[3 * PAGE + 200] = 'z';
  result("the end stays", lseek(fd, 0, SEEK_END));
  result("msync", msync(shared, 4 * PAGE, MS_SYNC));
  result("msync async", msync(shared, 4 * PAGE, MS_ASYNC));
  result("msync both", msync(shared, 4 * PAGE, MS_SYNC | MS_ASYNC));
  result("msync unaligned", msync(shared + 1, PAGE, MS_SYNC));
  memcpy(shared, "again", 5);
  result("read after msync and store", pread(fd, buffer, 5, 0));
  say("read after msync and store", "%.5s", buffer);
  close(fd);
  memcpy(shared + PAGE, "closed", 6);
  result("munmap", munmap(shared, 4 * PAGE));
  result("msync of nothing", msync(shared, 4 * PAGE, MS_SYNC));
  munmap(private, 4 * PAGE);
  munmap(readonly, 4 * PAGE);
  fd = open("coherent", O_RDONLY);
  result("after all", read(fd, buffer, sizeof buffer));
  say("after all", "%.5s %.6s %c", buffer, buffer + PAGE, buffer[3 * PAGE + 99]);
  close(fd);
}

static void lengths(void) {
  int fd = file("lengths", PAGE);
  char *map = mmap(NULL, 8 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  touch("inside", map, READ);
  touch("behind the end", map + PAGE, READ);
  touch("store behind the end", map + 2 * PAGE, WRITE);
  result("grow", ftruncate(fd, 3 * PAGE + 10));
  touch("now inside", map + PAGE, WRITE);
  touch("last page", map + 3 * PAGE + 100, WRITE);
  touch("still behind", map + 4 * PAGE, READ);
  result("cut", ftruncate(fd, PAGE + 1));
  touch("cut page", map + 2 * PAGE, READ);
  say("rest of the last page", "%d %d", map[PAGE], map[PAGE + 1]);
  result("grow again", ftruncate(fd, 4 * PAGE));
  say("what was cut is zero", "%d %d", map[2 * PAGE], map[3 * PAGE + 100]);
  result("append by write", pwrite(fd, "end", 3, 5 * PAGE));
  say("append by write", "%.3s", map + 5 * PAGE);
  munmap(map, 8 * PAGE);
  close(fd);
}

static void processes(void) {
  int fd = file("shared", 2 * PAGE);
  char *map = mmap(NULL, 2 * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  IN_CHILD("child stores", { memcpy(map, "child", 5); });
  say("parent sees", "%.5s", map);
  result("read sees", pread(fd, buffer, 5, 0));
  say("read sees", "%.5s", buffer);
  IN_CHILD("child writes", {
    int own = open("shared", O_WRONLY);
    if (pwrite(own, "wrote", 5, PAGE) != 5) _exit(1);
  });
  say("parent sees the write", "%.5s", map + PAGE);
  IN_CHILD("child of its own mapping", {
    int own = open("shared", O_RDWR);
    char *mine = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED, own, 0);
    memcpy(mine + 100, "exit", 4);
  });
  result("stored at exit", pread(fd, buffer, 4, 100));
  say("stored at exit", "%.4s", buffer);
  result("dontneed", madvise(map, 2 * PAGE, MADV_DONTNEED));
  say("after dontneed", "%.5s %.4s", map, map + 100);
  munmap(map, 2 * PAGE);
  close(fd);
}

int main(void) {
  catch_faults();
  coherence();
  lengths();
  processes();
  return 0;
}
