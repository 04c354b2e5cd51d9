// covers: mmap mprotect munmap mremap madvise brk openat read
// How mappings look in /proc/self/maps: splitting, merging, flags, offsets, names.
#include "../case.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/syscall.h>

static char *base;
static size_t size;

/* Prints the lines of [base, base + size), with addresses in pages from base. */
static void show(const char *name) {
  static char text[1 << 20];
  int fd = open("/proc/self/maps", O_RDONLY);
  ssize_t length = 0, n;
  while ((n = read(fd, text + length, sizeof text - 1 - (size_t)length)) > 0) length += n;
  close(fd);
  text[length] = 0;
  for (char *line = strtok(text, "\n"); line; line = strtok(NULL, "\n")) {
    unsigned long start, end, offset, inode;
    char flags[8], device[16], path[256] = "";
    if (sscanf(line, "%lx-%lx %7s %lx %15s %lu %255[^\n]", &start, &end, flags, &offset, device, &inode, path) < 6) continue;
    if (end <= (unsigned long)base || start >= (unsigned long)base + size) continue;
    say(name, "%ld-%ld %s %lx %s%s", (long)(start - (unsigned long)base) / 4096, (long)(end - (unsigned long)base) / 4096, flags, offset,
        inode ? "inode " : "", path[0] == '/' && strncmp(path, "/tmp/", 5) == 0 ? "/tmp file" : path);
  }
}

static int has(const char *what) {
  char line[512];
  int found = 0;
  FILE *f = fopen("/proc/self/maps", "r");
  while (fgets(line, sizeof line, f))
    if (strstr(line, what)) found++;
  fclose(f);
  return found;
}

int main(void) {
  const int rw = PROT_READ | PROT_WRITE, anon = MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED;
  size = 64 * PAGE;
  /* A guard on both sides, so that nothing merges with what is there. */
  base = (char *)mmap(NULL, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0) + PAGE;
  munmap(base, size);

  mmap(base, 8 * PAGE, rw, anon, -1, 0);
  show("one");
  mprotect(base + 2 * PAGE, 2 * PAGE, PROT_READ);
  show("split");
  mprotect(base + 3 * PAGE, 1 * PAGE, PROT_READ | PROT_EXEC);
  show("split more");
  mprotect(base + 2 * PAGE, 2 * PAGE, rw);
  show("merged");
  munmap(base + 4 * PAGE, PAGE);
  show("hole");
  mmap(base + 4 * PAGE, PAGE, rw, anon, -1, 0);
  show("hole filled");
  mmap(base + 8 * PAGE, 2 * PAGE, PROT_READ, anon, -1, 0);
  show("neighbour that was never writable");
  mmap(base + 10 * PAGE, 2 * PAGE, rw, anon | MAP_NORESERVE, -1, 0);
  show("without reservation");
  munmap(base, size);

  mmap(base, 4 * PAGE, rw, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  mmap(base + 4 * PAGE, 4 * PAGE, rw, MAP_SHARED | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  show("shared");
  munmap(base, size);

  char name[] = "/tmp/maps-XXXXXX";
  int fd = mkstemp(name);
  if (ftruncate(fd, 16 * PAGE) < 0) return 1;
  mmap(base, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 0);
  mmap(base + 4 * PAGE, 4 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 4 * PAGE);
  show("file, continued");
  mmap(base + 8 * PAGE, 2 * PAGE, PROT_READ, MAP_PRIVATE | MAP_FIXED, fd, 2 * PAGE);
  mmap(base + 10 * PAGE, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, fd, 4 * PAGE);
  show("file, not continued");
  int ro = open(name, O_RDONLY);
  mmap(base + 16 * PAGE, 2 * PAGE, PROT_READ, MAP_SHARED | MAP_FIXED, ro, 0);
  show("shared, read-only descriptor");
  unlink(name);
  munmap(base, size);

  mmap(base, 4 * PAGE, rw, anon, -1, 0);
  char *moved = mremap(base, 2 * PAGE, 2 * PAGE, MREMAP_MAYMOVE | MREMAP_FIXED, base + 16 * PAGE);
  (void)moved;
  show("moved");
  mremap(base + 16 * PAGE, 2 * PAGE, 6 * PAGE, 0);
  show("grown");
  madvise(base + 17 * PAGE, PAGE, MADV_DONTFORK);
  show("advice splits");
  madvise(base + 17 * PAGE, PAGE, MADV_DOFORK);
  show("advice merges");
  mlock(base + 18 * PAGE, PAGE);
  show("lock splits");
  munlock(base + 18 * PAGE, PAGE);
  show("unlock merges");
  mmap(base + 40 * PAGE, 2 * PAGE, rw, anon | MAP_GROWSDOWN, -1, 0);
  show("grows down");
  munmap(base, size);

  char *heap = (char *)syscall(SYS_brk, 0);
  syscall(SYS_brk, heap + 8 * PAGE);
  say("heap", "%d", has("[heap]") >= 1);
  say("stack", "%d", has("[stack]"));
  say("vdso", "%d %d", has("[vdso]"), has("[vvar") >= 1);
  return 0;
}
