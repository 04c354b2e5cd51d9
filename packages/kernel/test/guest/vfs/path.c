// covers: openat(EBADF EEXIST EINVAL EISDIR ELOOP ENAMETOOLONG ENOENT ENOTDIR) openat2(E2BIG EAGAIN EFAULT EINVAL ELOOP ENOENT EXDEV) creat(EISDIR) newfstatat(EFAULT ELOOP ENAMETOOLONG ENOENT ENOTDIR) symlink(EEXIST ENAMETOOLONG ENOENT) mkdir(ENAMETOOLONG) readlink(EFAULT EINVAL ENOENT) readlinkat(ENOENT) close
// Path walking: dots, slashes, symlinks, limits, flags of open, the scopes of openat2.
#include "calls.h"
#include <linux/openat2.h>

static long openat2_(int dirfd, const char *path, uint64_t flags, uint64_t mode, uint64_t resolve, size_t size) {
  struct { struct open_how how; char more[32]; } arg;
  memset(&arg, 0, sizeof arg);
  arg.how.flags = flags;
  arg.how.mode = mode;
  arg.how.resolve = resolve;
  return syscall(SYS_openat2, dirfd, path, &arg, size);
}
#define HOW(dirfd, path, flags, resolve) openat2_(dirfd, path, flags, 0, resolve, sizeof(struct open_how))

static void dots(void) {
  CASE("dots");
  struct stat st;
  mkdir("d", 0755);
  make_file("f", "x");
  T(stat("d/.", &st));
  T(stat("d/..", &st));
  T(stat("d//", &st));
  T(stat("./d/../f", &st));
  T(stat("f/", &st));
  T(stat("f/.", &st));
  T(stat("f/..", &st));
  T(stat("f/x", &st));
  T(stat("nothing", &st));
  T(stat("nothing/x", &st));
  T(stat("", &st));
  T(stat("/..", &st));
  T(stat("/../../..", &st));
  T(stat((char *)1, &st));
  T(stat(NULL, &st));
  T(stat("f", (struct stat *)1));
}

static void names(void) {
  CASE("names");
  struct stat st;
  char name[5000];
  memset(name, 'x', sizeof name);
  name[255] = 0;
  T(stat(name, &st));
  T(mkdir(name, 0755));
  T(stat(name, &st));
  name[255] = 'x';
  name[256] = 0;
  T(stat(name, &st));
  T(mkdir(name, 0755));
  T(open(name, O_CREAT | O_RDWR, 0644));
  T(symlink("x", name));
  name[256] = '/';
  name[257] = 'y';
  name[258] = 0;
  T(stat(name, &st));
  for (int i = 0; i < 4094; i += 2) memcpy(name + i, "./", 2);
  strcpy(name + 4094, "d");
  SAY("length %d", (int)strlen(name));
  T(stat(name, &st));
  strcpy(name + 4094, "./");
  T(stat(name, &st));
  strcpy(name + 4094, "d/");
  T(open(name, O_RDONLY));
  T(access(name, F_OK));
}

static void symlinks(void) {
  CASE("symlinks");
  struct stat st;
  char buffer[64];
  T(symlink("f", "to-file"));
  T(symlink("d", "to-dir"));
  T(symlink("d/", "to-dir-slash"));
  T(symlink("f/", "to-file-slash"));
  T(symlink("loop", "loop"));
  T(symlink("b", "a"));
  T(symlink("a", "b"));
  T(symlink("nowhere", "dangling"));
  T(symlink("", "empty"));
  T(symlink("x", ""));
  T(symlink("x", "to-file"));
  T(symlink("x", "new/"));
  T(stat("to-file", &st));
  T(stat("to-file/", &st));
  T(stat("to-file-slash", &st));
  T(lstat("to-file-slash", &st));
  T(stat("to-dir-slash", &st));
  T(stat("to-dir/.", &st));
  T(lstat("to-dir/", &st));
  SAY("to-dir/ is a directory: %d", S_ISDIR(st.st_mode));
  T(lstat("to-dir", &st));
  SAY("to-dir is a symlink: %d, size %d", S_ISLNK(st.st_mode), (int)st.st_size);
  T(stat("loop", &st));
  T(lstat("loop", &st));
  T(lstat("loop/", &st));
  T(stat("a", &st));
  T(stat("dangling", &st));
  T(lstat("dangling", &st));
  T(readlink("to-file", buffer, sizeof buffer));
  T(readlink("to-dir-slash", buffer, 1));
  T(readlink("to-file", buffer, 0));
  T(readlink("to-file", buffer, -1));
  T(readlink("f", buffer, sizeof buffer));
  T(readlink("d", buffer, sizeof buffer));
  T(readlink("nothing", buffer, sizeof buffer));
  T(readlink("to-file", (char *)1, 5));
  T(readlink("", buffer, sizeof buffer));
  // Forty symlinks are followed, not more.
  char from[16], to[16];
  for (int i = 0; i <= 41; i++) {
    snprintf(from, sizeof from, "n%d", i);
    if (i == 0) strcpy(to, "d");
    else snprintf(to, sizeof to, "n%d", i - 1);
    symlink(to, from);
  }
  T(stat("n38", &st));
  T(stat("n39", &st));
  T(stat("n40", &st));
  T(open("n40", O_RDONLY | O_NOFOLLOW));
}

static void open_flags(void) {
  CASE("open-flags");
  OK(open("f", O_RDONLY));
  T(open("d", O_WRONLY));
  T(open("d", O_RDWR));
  T(open("d", O_RDONLY | O_TRUNC));
  T(open("d", O_CREAT, 0644));
  T(open("d/", O_CREAT, 0644));
  T(open("new/", O_CREAT, 0644));
  T(open(".", O_CREAT, 0644));
  T(open("f/", O_CREAT | O_RDWR, 0644));
  T(open("f", O_CREAT | O_EXCL, 0644));
  T(open("dangling", O_CREAT | O_EXCL, 0644));
  T(open("to-file", O_NOFOLLOW));
  T(open("to-dir", O_NOFOLLOW | O_DIRECTORY));
  T(open("to-file", O_DIRECTORY));
  T(open("f", O_DIRECTORY));
  OK(open("to-dir", O_DIRECTORY));
  T(open("loop", O_RDONLY));
  T(open("loop", O_CREAT, 0644));
  OK(open("dangling", O_CREAT | O_WRONLY, 0644));
  T(access("nowhere", F_OK));
  T(unlink("nowhere"));
  OK(creat("created", 0600));
  T(creat("d", 0600));
  T(open("nothing", O_RDWR));
  T(open("nothing/x", O_CREAT, 0644));
  T(openat(-1, "f", O_RDONLY));
  T(openat(999, "f", O_RDONLY));
  OK(openat(-1, "/tmp", O_RDONLY));
  int fd = open("f", O_RDONLY);
  T(openat(fd, "x", O_RDONLY));
  T(openat(fd, "", O_RDONLY));
  close(fd);
  int dir = open("d", O_RDONLY | O_DIRECTORY);
  OK(openat(dir, "in-d", O_CREAT | O_WRONLY, 0644));
  OK(openat(dir, "../f", O_RDONLY));
  T(openat(dir, "in-d/", O_RDONLY));
  close(dir);
  // Write-only, read-only, and neither.
  char c;
  fd = open("f", O_WRONLY);
  T(read(fd, &c, 1));
  close(fd);
  fd = open("f", O_RDONLY);
  T(write(fd, "x", 1));
  close(fd);
  fd = open("f", O_ACCMODE);
  SAY("access mode 3 gives a descriptor: %d", fd >= 0);
  T(read(fd, &c, 1));
  T(write(fd, "x", 1));
  close(fd);
}

static void o_path(void) {
  CASE("o-path");
  char c;
  char buffer[32];
  struct stat st;
  int fd = OK(open("f", O_PATH));
  T(read(fd, &c, 1));
  T(write(fd, "x", 1));
  T(fstat(fd, &st));
  T(fchmod(fd, 0600));
  T(lseek(fd, 0, SEEK_SET));
  T(fcntl(fd, F_GETFL) == O_PATH);
  T(fcntl(fd, F_SETFL, 0));
  T(ftruncate(fd, 0));
  T(fsync(fd));
  T(fcntl(fd, F_GETFD));
  int copy = OK(dup(fd));
  T(fstatat(copy, "", &st, AT_EMPTY_PATH));
  T(fstatat(copy, "", &st, 0));
  close(copy);
  close(fd);
  fd = OK(open("to-file", O_PATH | O_NOFOLLOW));
  T(fstat(fd, &st));
  SAY("symlink: %d", S_ISLNK(st.st_mode));
  T(readlinkat(fd, "", buffer, sizeof buffer));
  close(fd);
  fd = OK(open("f", O_PATH));
  T(readlinkat(fd, "", buffer, sizeof buffer));
  close(fd);
  fd = OK(open("d", O_PATH));
  OK(openat(fd, "in-d", O_RDONLY));
  T(fchdir(fd));
  T(chdir(".."));
  close(fd);
  T(open("nothing", O_PATH));
}

static void tmpfile_(void) {
  CASE("o-tmpfile");
  T(open("d", O_TMPFILE));
  T(open("f", O_TMPFILE | O_RDWR, 0600));
  T(open("nothing", O_TMPFILE | O_RDWR, 0600));
  T(open("d", O_TMPFILE | O_RDWR | O_CREAT, 0600));
  int fd = OK(open("d", O_TMPFILE | O_RDWR, 0600));
  struct stat st;
  T(write(fd, "hello", 5));
  T(fstat(fd, &st));
  SAY("nlink %d size %d", (int)st.st_nlink, (int)st.st_size);
  char path[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  T(fstat(fd, &st));
  close(fd);
}

static void scopes(void) {
  CASE("openat2");
  mkdir("s", 0755);
  mkdir("s/b", 0755);
  make_file("s/f", "x");
  symlink("b/../f", "s/in");
  symlink("../s/f", "s/up");
  symlink("/f", "s/abs");
  int dir = open("s", O_RDONLY | O_DIRECTORY);
  OK(HOW(dir, "f", O_RDONLY, 0));
  OK(HOW(dir, "in", O_RDONLY, RESOLVE_BENEATH));
  T(HOW(dir, "up", O_RDONLY, RESOLVE_BENEATH));
  T(HOW(dir, "abs", O_RDONLY, RESOLVE_BENEATH));
  T(HOW(dir, "/tmp", O_RDONLY, RESOLVE_BENEATH));
  T(HOW(dir, "..", O_RDONLY, RESOLVE_BENEATH));
  T(HOW(dir, "b/../../s/f", O_RDONLY, RESOLVE_BENEATH));
  OK(HOW(dir, "abs", O_RDONLY, RESOLVE_IN_ROOT));
  OK(HOW(dir, "/f", O_RDONLY, RESOLVE_IN_ROOT));
  OK(HOW(dir, "../../f", O_RDONLY, RESOLVE_IN_ROOT));
  T(HOW(dir, "up", O_RDONLY, RESOLVE_IN_ROOT));
  T(HOW(dir, "in", O_RDONLY, RESOLVE_NO_SYMLINKS));
  OK(HOW(dir, "in", O_PATH | O_NOFOLLOW, RESOLVE_NO_SYMLINKS));
  T(HOW(AT_FDCWD, "/proc/self/exe", O_RDONLY, RESOLVE_NO_MAGICLINKS));
  T(HOW(AT_FDCWD, "/proc/self/cwd", O_RDONLY, RESOLVE_NO_XDEV));
  T(HOW(dir, "f", O_RDONLY, RESOLVE_BENEATH | RESOLVE_IN_ROOT));
  T(HOW(dir, "f", O_RDONLY, 0x1000));
  T(HOW(dir, "f", O_RDONLY | 0x40000000, 0));
  T(HOW(dir, "f", O_PATH | O_RDWR, 0));
  T(HOW(dir, "new", O_CREAT | O_WRONLY, RESOLVE_CACHED));
  T(openat2_(dir, "f", O_RDONLY, 0644, 0, sizeof(struct open_how)));
  T(openat2_(dir, "n", O_CREAT | O_WRONLY, 010000, 0, sizeof(struct open_how)));
  OK(openat2_(dir, "n", O_CREAT | O_WRONLY, 0600, 0, sizeof(struct open_how)));
  T(openat2_(dir, "f", O_RDONLY, 0, 0, 8));
  OK(openat2_(dir, "f", O_RDONLY, 0, 0, sizeof(struct open_how) + 8));
  T(openat2_(dir, "f", O_RDONLY, 0, 0, 100000));
  T(syscall(SYS_openat2, dir, "f", (void *)1, sizeof(struct open_how)));
  close(dir);
}

int main(void) {
  fresh_directory("path");
  dots();
  names();
  symlinks();
  open_flags();
  o_path();
  tmpfile_();
  scopes();
  return 0;
}
