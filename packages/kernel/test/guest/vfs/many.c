// covers: openat close mkdir chdir getcwd(ENAMETOOLONG) rmdir unlink(ENOENT) rename readlink prlimit64 symlink(ENAMETOOLONG)
// Much of everything: ten thousand descriptors, deep directories, many names, long symlinks.
#include "calls.h"
#include <limits.h>
#include <sys/resource.h>

static void descriptors(void) {
  CASE("descriptors");
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max < 10100 ? limit.rlim_max : 10100;
  if (setrlimit(RLIMIT_NOFILE, &limit) < 0 || limit.rlim_cur < 10100) {
    SAY("cannot raise the limit");
    return;
  }
  // What was inherited would be in the way.
  syscall(SYS_close_range, 3, ~0U, 0);
  make_file("f", "0123456789");
  int low = open("f", O_RDONLY), count = 0, last = low;
  for (int i = 0; i < 10000; i++) {
    int fd = open("f", O_RDONLY);
    if (fd != last + 1) break;
    last = fd;
    count++;
  }
  T(count);
  char c;
  T(pread(last, &c, 1, 5));
  T(c);
  for (int fd = low + 1; fd <= last; fd += 2) close(fd);
  T(open("f", O_RDONLY) == low + 1);
  T(open("f", O_RDONLY) == low + 3);
  IN_CHILD({
    T(fcntl(last, F_GETFD) >= 0 || errno == EBADF);
    T(syscall(SYS_close_range, low, ~0U, 0));
    T(open("f", O_RDONLY) == low);
  });
  T(syscall(SYS_close_range, low, ~0U, 0));
}

static void deep(void) {
  CASE("deep");
  char path[PATH_MAX + 1];
  int depth = 0;
  mkdir("deep", 0755);
  chdir("deep");
  while (depth < 3000 && mkdir("directory", 0755) == 0 && chdir("directory") == 0) depth++;
  T(depth);
  T(syscall(SYS_getcwd, path, sizeof path));
  struct stat st;
  make_file("bottom", "x");
  T(stat("bottom", &st));
  T(stat("../../../directory/directory/directory/bottom", &st));
  T(unlink("bottom"));
  while (depth > 0 && chdir("..") == 0 && rmdir("directory") == 0) depth--;
  T(depth);
  chdir("..");
  T(rmdir("deep"));
}

static void names(void) {
  CASE("names");
  char path[64], other[64];
  mkdir("names", 0755);
  int made = 0, gone = 0;
  for (int i = 0; i < 5000; i++) {
    snprintf(path, sizeof path, "names/n%d", i);
    int fd = open(path, O_CREAT | O_EXCL | O_WRONLY, 0600);
    if (fd >= 0) made++;
    close(fd);
  }
  T(made);
  for (int i = 0; i < 5000; i += 2) {
    snprintf(path, sizeof path, "names/n%d", i);
    snprintf(other, sizeof other, "names/n%d", i + 1);
    rename(path, other);
  }
  for (int i = 0; i < 5000; i++) {
    snprintf(path, sizeof path, "names/n%d", i);
    if (unlink(path) == 0) gone++;
  }
  T(gone);
  T(rmdir("names"));
}

static void symlinks(void) {
  CASE("symlinks");
  static char target[5000], back[5000];
  memset(target, 't', sizeof target);
  for (int i = 200; i < 4095; i += 200) target[i] = '/';
  target[4095] = 0;
  T(symlink(target, "long"));
  T(readlink("long", back, sizeof back));
  T(memcmp(target, back, 4095));
  T(access("long", F_OK));
  target[4095] = 't';
  target[4096] = 0;
  T(symlink(target, "longer"));
  // A path that is made of symlinks again and again.
  mkdir("s", 0755);
  symlink("../s", "s/s");
  T(access("s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s/s", F_OK));
  strcpy(target, "s");
  for (int i = 0; i < 45; i++) strcat(target, "/s");
  T(access(target, F_OK));
}

int main(void) {
  fresh_directory("many");
  descriptors();
  deep();
  names();
  symlinks();
  return 0;
}
