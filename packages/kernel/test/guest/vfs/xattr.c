// covers: setxattr(E2BIG EACCES EEXIST EFAULT EINVAL ENODATA ENOENT EOPNOTSUPP EPERM ERANGE) lsetxattr(EPERM) fsetxattr(EBADF) getxattr(EFAULT ENODATA ENOENT EOPNOTSUPP ERANGE) lgetxattr(ENODATA) fgetxattr(EBADF) listxattr(ENOENT) llistxattr(ERANGE) flistxattr(EBADF) removexattr(ENODATA ENOENT) lremovexattr(EPERM) fremovexattr(EBADF)
// Extended attributes of the class "user.".
#include "calls.h"
#include <sys/xattr.h>

static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static void list(const char *path) {
  char buffer[4096];
  char *names[32];
  int count = 0;
  ssize_t n = listxattr(path, buffer, sizeof buffer);
  for (ssize_t at = 0; at < n; at += strlen(buffer + at) + 1)
    if (strncmp(buffer + at, "user.", 5) == 0) names[count++] = buffer + at;
  qsort(names, count, sizeof *names, compare);
  for (int i = 0; i < count; i++) SAY("has %s", names[i]);
}

int main(void) {
  fresh_directory("xattr");
  char buffer[100];
  CASE("xattr");
  make_file("f", "x");
  mkdir("d", 0755);
  symlink("f", "l");
  mknod("fifo", S_IFIFO | 0644, 0);
  T(getxattr("f", "user.a", buffer, sizeof buffer));
  T(setxattr("f", "user.a", "value", 5, 0));
  T(getxattr("f", "user.a", buffer, sizeof buffer));
  SAY("%.5s", buffer);
  T(getxattr("f", "user.a", NULL, 0));
  T(getxattr("f", "user.a", buffer, 2));
  T(getxattr("f", "user.a", (void *)1, 100));
  T(setxattr("f", "user.a", "other", 5, XATTR_CREATE));
  T(setxattr("f", "user.b", "other", 5, XATTR_REPLACE));
  T(setxattr("f", "user.a", "x", 1, XATTR_REPLACE));
  T(setxattr("f", "user.empty", "", 0, XATTR_CREATE));
  T(getxattr("f", "user.empty", buffer, sizeof buffer));
  T(setxattr("f", "user.a", "x", 1, 7));
  T(setxattr("f", "user.a", "x", 1 << 20, 0));
  T(setxattr("f", "user.a", (void *)1, 10, 0));
  T(setxattr("f", "", "x", 1, 0));
  T(setxattr("f", (void *)1, "x", 1, 0));
  char name[300];
  memset(name, 'n', sizeof name);
  memcpy(name, "user.", 5);
  name[255] = 0;
  T(setxattr("f", name, "x", 1, 0));
  T(removexattr("f", name));
  name[255] = 'n';
  name[256] = 0;
  T(setxattr("f", name, "x", 1, 0));
  T(setxattr("f", "noclass", "x", 1, 0));
  T(setxattr("f", "unknown.a", "x", 1, 0));
  T(getxattr("f", "unknown.a", buffer, sizeof buffer));
  T(setxattr("nothing", "user.a", "x", 1, 0));
  T(getxattr("nothing", "user.a", buffer, sizeof buffer));
  T(listxattr("nothing", buffer, sizeof buffer));
  T(removexattr("nothing", "user.a"));
  T(setxattr("d", "user.d", "x", 1, 0));
  T(lsetxattr("l", "user.l", "x", 1, 0));
  T(lgetxattr("l", "user.l", buffer, sizeof buffer));
  T(setxattr("l", "user.l", "x", 1, 0));
  T(lremovexattr("l", "user.l"));
  T(setxattr("fifo", "user.a", "x", 1, 0));
  T(getxattr("fifo", "user.a", buffer, sizeof buffer));
  list("f");
  list("d");
  T(llistxattr("f", buffer, 3));
  T(removexattr("f", "user.a"));
  T(removexattr("f", "user.a"));
  T(getxattr("f", "user.a", buffer, sizeof buffer));
  int fd = open("f", O_RDWR);
  T(fsetxattr(fd, "user.fd", "x", 1, 0));
  T(fgetxattr(fd, "user.fd", buffer, sizeof buffer));
  T(flistxattr(fd, buffer, sizeof buffer) > 0);
  T(fremovexattr(fd, "user.fd"));
  T(fsetxattr(-1, "user.fd", "x", 1, 0));
  T(fgetxattr(-1, "user.fd", buffer, 1));
  T(flistxattr(-1, buffer, 1));
  T(fremovexattr(-1, "user.fd"));
  int path = open("f", O_PATH);
  T(fgetxattr(path, "user.fd", buffer, 1));
  chmod(".", 0777);
  chmod("f", 0644);
  mkdir("sticky", 01777);
  chmod("sticky", 01777);
  IN_CHILD({
    drop_privileges();
    T(setxattr("f", "user.no", "x", 1, 0));
    T(getxattr("f", "user.empty", buffer, sizeof buffer));
    T(setxattr("f", "trusted.a", "x", 1, 0));
    T(getxattr("f", "trusted.a", buffer, sizeof buffer));
    T(setxattr("f", "security.x", "x", 1, 0));
    T(setxattr("sticky", "user.a", "x", 1, 0));
    chmod("f", 0600);
  });
  return 0;
}
