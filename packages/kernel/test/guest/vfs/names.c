// covers: mkdir(EEXIST EFAULT ENOENT ENOTDIR) mkdirat(EBADF ENOENT) rmdir(EBUSY EINVAL ENOENT ENOTDIR ENOTEMPTY) unlink(EISDIR ENOENT ENOTDIR) unlinkat(EINVAL EISDIR ENOENT) rename(EBUSY EINVAL EISDIR ENOENT ENOTDIR ENOTEMPTY) renameat(EBADF) renameat2(EEXIST EINVAL ENOENT) link(EEXIST ENOENT EPERM) linkat(EINVAL) symlink mknodat(EBADF EEXIST EINVAL ENOENT EPERM) getdents64(EBADF EFAULT EINVAL ENOENT ENOTDIR) chdir(EFAULT ENOENT ENOTDIR) fchdir(EBADF ENOTDIR) getcwd(EFAULT ENOENT ERANGE)
// Making, removing and moving names, and listing them.
#include "calls.h"
#include <dirent.h>
#include <sys/stat.h>

static void directories(void) {
  CASE("directories");
  T(mkdir("d", 0755));
  T(mkdir("d", 0755));
  T(mkdir("d/", 0755));
  T(mkdir("e/", 0755));
  T(mkdir(".", 0755));
  T(mkdir("..", 0755));
  T(mkdir("/", 0755));
  T(mkdir("", 0755));
  T(mkdir("x/y", 0755));
  T(mkdir((char *)1, 0755));
  make_file("f", "x");
  T(mkdir("f", 0755));
  T(mkdir("f/", 0755));
  T(mkdir("f/x", 0755));
  symlink("nowhere", "dangling");
  T(mkdir("dangling", 0755));
  T(mkdir("dangling/", 0755));
  struct stat st;
  stat("d", &st);
  SAY("mode %o", st.st_mode);
  T(mkdir("sticky", 01777));
  stat("sticky", &st);
  SAY("mode %o", st.st_mode);
  T(mkdirat(-1, "q", 0755));
  int dir = open("d", O_RDONLY);
  T(mkdirat(dir, "q", 0755));
  T(rmdir("d"));
  T(rmdir("d/."));
  T(rmdir("d/.."));
  T(rmdir("/"));
  T(rmdir("f"));
  T(rmdir("nothing"));
  T(rmdir("dangling"));
  T(rmdir(""));
  T(unlinkat(dir, "q", 0));
  T(unlinkat(dir, "q", AT_REMOVEDIR));
  T(unlinkat(dir, "q", 0x4000));
  T(unlinkat(dir, "q", AT_REMOVEDIR));
  T(rmdir("d/"));
  T(openat(dir, "new", O_CREAT | O_RDWR, 0644));
  T(mkdirat(dir, "new", 0755));
  T(fstat(dir, &st));
  SAY("nlink of a removed directory %d", (int)st.st_nlink);
  close(dir);
}

static void unlinking(void) {
  CASE("unlink");
  make_file("u", "text");
  mkdir("ud", 0755);
  symlink("u", "ul");
  T(unlink("ud"));
  T(unlink("u/"));
  T(unlink("ud/"));
  T(unlink("nothing"));
  T(unlink("."));
  T(unlink("/"));
  T(unlink(""));
  T(unlink("ul"));
  T(access("u", F_OK));
  int fd = open("u", O_RDWR);
  T(unlink("u"));
  char buffer[8] = {0};
  T(read(fd, buffer, 8));
  SAY("%s", buffer);
  struct stat st;
  T(fstat(fd, &st));
  SAY("nlink %d", (int)st.st_nlink);
  close(fd);
}

static void linking(void) {
  CASE("link");
  make_file("l1", "x");
  struct stat st;
  T(link("l1", "l2"));
  T(link("l1", "l2"));
  T(link("nothing", "l3"));
  T(link("ud", "l3"));
  T(link("l1", "nothing/l3"));
  T(link("l1", "l3/"));
  T(link("", "l3"));
  T(link("l1", ""));
  stat("l1", &st);
  SAY("nlink %d", (int)st.st_nlink);
  symlink("l1", "ls");
  T(link("ls", "ls2"));
  lstat("ls2", &st);
  SAY("symlink %d nlink %d", S_ISLNK(st.st_mode), (int)st.st_nlink);
  T(linkat(AT_FDCWD, "ls", AT_FDCWD, "l4", AT_SYMLINK_FOLLOW));
  stat("l1", &st);
  SAY("nlink %d", (int)st.st_nlink);
  T(linkat(AT_FDCWD, "l1", AT_FDCWD, "l5", 0x8000));
  T(link("l1", "/proc/l5") != 0);
  T(unlink("l2"));
  T(unlink("l4"));
  stat("l1", &st);
  SAY("nlink %d", (int)st.st_nlink);
}

#define RENAME2(a, b, flags) syscall(SYS_renameat2, AT_FDCWD, a, AT_FDCWD, b, flags)
static void renaming(void) {
  CASE("rename");
  struct stat st;
  make_file("r1", "one");
  make_file("r2", "two");
  mkdir("rd", 0755);
  mkdir("rd2", 0755);
  mkdir("rd/sub", 0755);
  T(rename("r1", "r3"));
  T(rename("r1", "r3"));
  T(rename("r3", "r2"));
  stat("r2", &st);
  SAY("size %d", (int)st.st_size);
  T(rename("r2", "r2"));
  T(rename("r2", "rd"));
  T(rename("rd", "r2"));
  T(rename("rd2", "rd"));
  T(rename("rd", "rd2"));
  T(rename("rd2/", "rd/"));
  T(rename("rd", "rd/sub/x"));
  T(rename("rd/sub", "rd"));
  T(rename("r2", "r2/"));
  T(rename("r2/", "r4"));
  T(rename(".", "x"));
  T(rename("rd", "."));
  T(rename("rd/..", "x"));
  T(rename("", "x"));
  T(rename("r2", ""));
  T(rename("r2", "nothing/x"));
  link("r2", "r2link");
  T(rename("r2", "r2link"));
  T(access("r2", F_OK));
  T(RENAME2("r2", "r2link", RENAME_NOREPLACE));
  T(RENAME2("r2", "r5", RENAME_NOREPLACE));
  T(RENAME2("r5", "rd", RENAME_EXCHANGE));
  stat("rd", &st);
  SAY("rd is a file: %d", S_ISREG(st.st_mode));
  T(RENAME2("rd", "nothing", RENAME_EXCHANGE));
  T(RENAME2("rd", "r5", RENAME_EXCHANGE | RENAME_NOREPLACE));
  T(RENAME2("rd", "r5", 0x80));
  T(RENAME2("r5", "r5/sub", RENAME_EXCHANGE));
  T(syscall(SYS_renameat, -1, "rd", AT_FDCWD, "x"));
  // A directory moves with what is in it, and ".." follows.
  mkdir("m1", 0755);
  mkdir("m2", 0755);
  mkdir("m1/in", 0755);
  int in = open("m1/in", O_RDONLY);
  stat("m1", &st);
  int before = st.st_nlink;
  T(rename("m1/in", "m2/in"));
  stat("m1", &st);
  int after = st.st_nlink;
  SAY("fewer links: %d", before - after == 1 || before == after);
  struct stat m2;
  stat("m2", &m2);
  fstatat(in, "..", &st, 0);
  SAY(".. is the new parent: %d", st.st_ino == m2.st_ino);
  close(in);
}

static void nodes(void) {
  CASE("mknod");
  struct stat st;
  T(mknod("fifo", S_IFIFO | 0644, 0));
  T(mknod("fifo", S_IFIFO | 0644, 0));
  T(mknod("sock", S_IFSOCK | 0644, 0));
  T(mknod("plain", 0600, 0));
  T(mknod("plain2", S_IFREG | 0600, 0));
  T(mknod("dir", S_IFDIR | 0600, 0));
  T(mknod("lnk", S_IFLNK | 0600, 0));
  T(mknod("x/", S_IFREG | 0600, 0));
  T(mknodat(-1, "x", S_IFREG | 0600, 0));
  stat("fifo", &st);
  SAY("fifo %o", st.st_mode);
  stat("sock", &st);
  SAY("sock %o", st.st_mode);
  T(open("sock", O_RDONLY));
  T(open("fifo", O_WRONLY | O_NONBLOCK));
  IN_CHILD({
    drop_privileges();
    CASE("mknod-user");
    chmod(".", 0777);
    T(mknod("/tmp/no-device", S_IFCHR | 0600, 0x103));
  });
}

struct linux_dirent64 {
  uint64_t ino;
  int64_t off;
  unsigned short reclen;
  unsigned char type;
  char name[];
};

static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }

static void listing(void) {
  CASE("getdents");
  mkdir("list", 0755);
  char path[64];
  for (int i = 0; i < 300; i++) {
    snprintf(path, sizeof path, "list/entry-%03d", i);
    make_file(path, "");
  }
  mkdir("list/sub", 0755);
  symlink("x", "list/link");
  int fd = open("list", O_RDONLY | O_DIRECTORY);
  static char buffer[1000];
  char *names[400];
  int count = 0, removed = 0, bad = 0;
  for (;;) {
    long n = syscall(SYS_getdents64, fd, buffer, sizeof buffer);
    if (n <= 0) {
      SAY("ends with %ld", n);
      break;
    }
    for (long at = 0; at < n;) {
      struct linux_dirent64 *d = (struct linux_dirent64 *)(buffer + at);
      if (d->reclen % 8 != 0) bad++;
      names[count] = malloc(300);
      snprintf(names[count++], 300, "%s:%d", d->name, d->type);
      at += d->reclen;
      // Removing what was listed does not hide the rest.
      if (strncmp(d->name, "entry-", 6) == 0 && removed < 150) {
        snprintf(path, sizeof path, "list/%s", d->name);
        if (unlink(path) == 0) removed++;
      }
    }
  }
  qsort(names, count, sizeof *names, compare);
  SAY("%d entries, %d removed, %d badly aligned", count, removed, bad);
  for (int i = 0; i < 6; i++) SAY("%s", names[i]);
  SAY("%s", names[count - 1]);
  T(lseek(fd, 0, SEEK_SET));
  SAY("again: %d", syscall(SYS_getdents64, fd, buffer, sizeof buffer) > 0);
  T(lseek(fd, 0, SEEK_SET));
  T(syscall(SYS_getdents64, fd, buffer, 10));
  T(syscall(SYS_getdents64, fd, (void *)1, 1000));
  T(syscall(SYS_getdents64, -1, buffer, 1000));
  int file = open("l1", O_RDONLY);
  T(syscall(SYS_getdents64, file, buffer, 1000));
  close(file);
  int gone = open("list/sub", O_RDONLY);
  rmdir("list/sub");
  T(syscall(SYS_getdents64, gone, buffer, 1000));
  close(gone);
  // Positions stay valid while names come and go.
  T(lseek(fd, 0, SEEK_SET));
  long n = syscall(SYS_getdents64, fd, buffer, 200);
  SAY("some: %d", n > 0);
  long long at = lseek(fd, 0, SEEK_CUR);
  make_file("list/later", "");
  T(lseek(fd, at, SEEK_SET) == at);
  count = 0;
  while ((n = syscall(SYS_getdents64, fd, buffer, sizeof buffer)) > 0)
    for (long p = 0; p < n; p += ((struct linux_dirent64 *)(buffer + p))->reclen) count++;
  SAY("the rest is there: %d", count > 100);
  close(fd);
}

static void working_directory(void) {
  CASE("cwd");
  char path[4096], base[4096], *slash;
  getcwd(base, sizeof base);
  mkdir("w", 0755);
  mkdir("w/x", 0755);
  symlink("w/x", "wl");
  T(chdir("wl"));
  getcwd(path, sizeof path);
  SAY("%s", path + strlen(base));
  T(chdir("../.."));
  T(chdir("l1"));
  T(chdir("nothing"));
  T(chdir(""));
  T(chdir((char *)1));
  T(syscall(SYS_getcwd, path, 3));
  T(syscall(SYS_getcwd, path, 0));
  T(syscall(SYS_getcwd, (void *)1, 4096));
  int fd = open("w", O_RDONLY);
  T(fchdir(fd));
  T(fchdir(-1));
  close(fd);
  fd = open("../l1", O_RDONLY);
  T(fchdir(fd));
  close(fd);
  T(chdir("x"));
  T(rename("../../w/x", "../../w/renamed"));
  getcwd(path, sizeof path);
  SAY("%s", path + strlen(base));
  T(rmdir("../renamed"));
  T(syscall(SYS_getcwd, path, 4096));
  T(open("new", O_CREAT | O_RDWR, 0644));
  T(chdir("."));
  T(chdir(".."));
  slash = strrchr(base, '/');
  (void)slash;
  T(chdir(base));
}

int main(void) {
  fresh_directory("names");
  directories();
  unlinking();
  linking();
  renaming();
  nodes();
  listing();
  working_directory();
  return 0;
}
