// covers: pipe2 openat(ENOENT) read write
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

// A pipe opened again through /proc/self/fd is the same pipe, and opening does not wait for a partner.
int main(void) {
  int p[2];
  char path[64], buffer[16];
  if (pipe(p) != 0) return 1;
  snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
  const int again = open(path, O_RDONLY);
  printf("CASE reopen: opened %d\n", again >= 0);
  printf("CASE reopen: wrote %zd\n", write(p[1], "same", 4));
  const ssize_t n = read(again, buffer, sizeof buffer);
  printf("CASE reopen: read %zd %.*s\n", n, (int)n, buffer);
  close(p[1]);
  printf("CASE reopen: end %zd\n", read(again, buffer, sizeof buffer));
  snprintf(path, sizeof path, "/proc/self/fd/%d", p[0]);
  close(p[0]);
  const int gone = open(path, O_RDONLY);
  printf("CASE reopen: gone %d %s\n", gone, strerror(errno));
  return 0;
}
