// covers: stat(EFAULT ENOENT ENOTDIR) lstat(EFAULT ENOENT) fstat(EBADF EFAULT) faccessat(EBADF EINVAL ENOENT) getdents(EBADF EFAULT EINVAL ENOTDIR) mknod(EEXIST EFAULT EINVAL ENOENT EPERM) symlinkat(EBADF EEXIST ENOENT) utimes(EFAULT EINVAL ENOENT) creat(EISDIR) sync pidfd_getfd(EBADF EINVAL EPERM ESRCH) pipe(EFAULT EMFILE) open(EEXIST EFAULT EMFILE ENOENT) lchown(EFAULT ENOENT) futimesat(EBADF EFAULT ENOENT) fdatasync(EBADF) pwritev(EBADF) pidfd_open(EINVAL EMFILE ESRCH) eventfd(EMFILE) inotify_init(EMFILE) clone
// Calls that C libraries no longer make for what they are, by number.
#include "../processes.h"
#include <dirent.h>
#include <sys/resource.h>
#include <sys/time.h>

static struct stat st;

static void attributes(void) {
  CASE("stat");
  make_file("file", "abc");
  T(syscall(SYS_stat, "file", &st));
  SAY("size %ld mode %o", (long)st.st_size, st.st_mode);
  T(syscall(SYS_stat, "missing", &st));
  T(syscall(SYS_stat, "file/x", &st));
  T(syscall(SYS_stat, "", &st));
  T(syscall(SYS_stat, 8, &st));
  T(syscall(SYS_stat, "file", 8));
  CASE("lstat");
  T(syscall(SYS_symlinkat, "file", AT_FDCWD, "link"));
  T(syscall(SYS_lstat, "link", &st));
  SAY("size %ld link %d", (long)st.st_size, S_ISLNK(st.st_mode));
  T(syscall(SYS_lstat, "missing", &st));
  T(syscall(SYS_lstat, "link", 8));
  CASE("fstat");
  int fd = open("file", O_RDONLY);
  T(syscall(SYS_fstat, fd, &st));
  SAY("size %ld", (long)st.st_size);
  T(syscall(SYS_fstat, 999, &st));
  T(syscall(SYS_fstat, fd, 8));
  CASE("utimes");
  struct timeval times[2] = {{100, 5}, {200, 6}};
  T(syscall(SYS_utimes, "file", times));
  syscall(SYS_fstat, fd, &st);
  SAY("%ld.%ld %ld.%ld", (long)st.st_atim.tv_sec, st.st_atim.tv_nsec, (long)st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  T(syscall(SYS_utimes, "file", NULL));
  T(syscall(SYS_utimes, "missing", times));
  T(syscall(SYS_utimes, "file", 8));
  times[0].tv_usec = 1000000;
  T(syscall(SYS_utimes, "file", times));
  close(fd);
  CASE("faccessat");
  T(syscall(SYS_faccessat, AT_FDCWD, "file", R_OK | W_OK));
  T(syscall(SYS_faccessat, AT_FDCWD, "file", 8));
  T(syscall(SYS_faccessat, AT_FDCWD, "missing", F_OK));
  T(syscall(SYS_faccessat, 999, "file", F_OK));
}

static void names(void) {
  CASE("mknod");
  T(syscall(SYS_mknod, "made", S_IFREG | 0640, 0));
  T(syscall(SYS_mknod, "fifo", S_IFIFO | 0640, 0));
  T(syscall(SYS_mknod, "fifo", S_IFIFO | 0640, 0));
  T(syscall(SYS_mknod, "socket", S_IFSOCK | 0640, 0));
  T(syscall(SYS_stat, "fifo", &st));
  SAY("%o", st.st_mode);
  T(syscall(SYS_mknod, "directory", S_IFDIR | 0640, 0));
  T(syscall(SYS_mknod, "no/such", S_IFREG, 0));
  T(syscall(SYS_mknod, 8, S_IFREG, 0));
  T(syscall(SYS_mknod, "odd", 0170000, 0));
  CASE("symlinkat");
  T(syscall(SYS_symlinkat, "target", AT_FDCWD, "link"));
  T(syscall(SYS_symlinkat, "", AT_FDCWD, "empty"));
  T(syscall(SYS_symlinkat, "target", 999, "other"));
  T(syscall(SYS_symlinkat, "target", AT_FDCWD, "no/such"));
  CASE("creat");
  OK(syscall(SYS_creat, "created", 0600));
  T(syscall(SYS_creat, ".", 0600));
}

struct old_entry {
  unsigned long ino, off;
  unsigned short length;
  char name[];
};
static void directories(void) {
  CASE("getdents");
  static char buffer[4096];
  int fd = open(".", O_RDONLY | O_DIRECTORY), names = 0;
  long n = syscall(SYS_getdents, fd, buffer, sizeof buffer);
  for (long at = 0; at < n; at += ((struct old_entry *)(buffer + at))->length) {
    struct old_entry *entry = (struct old_entry *)(buffer + at);
    names++;
    if (strcmp(entry->name, "fifo") == 0) SAY("fifo: type %d length %d", buffer[at + entry->length - 1], entry->length);
  }
  SAY("%d names, aligned %ld", names, n % 8);
  T(syscall(SYS_getdents, fd, buffer, sizeof buffer));
  lseek(fd, 0, SEEK_SET);
  T(syscall(SYS_getdents, fd, buffer, 5));
  T(syscall(SYS_getdents, fd, 8, 4096));
  T(syscall(SYS_getdents, 999, buffer, sizeof buffer));
  close(fd);
  fd = open("file", O_RDONLY);
  T(syscall(SYS_getdents, fd, buffer, sizeof buffer));
  close(fd);
  CASE("sync");
  T(syscall(SYS_sync));
}

static void others(void) {
  CASE("pidfd_getfd");
  int ends[2];
  pipe(ends);
  struct gate gate = new_gate();
  pid_t child = CHILD(gate_pass(gate));
  close(ends[0]);
  int pidfd = syscall(SYS_pidfd_open, child, 0), copy;
  OK(copy = syscall(SYS_pidfd_getfd, pidfd, ends[0], 0));
  SAY("close on exec %d", fcntl(copy, F_GETFD));
  T(write(ends[1], "x", 1));
  T(read(copy, (char[4]){0}, 4));
  T(syscall(SYS_pidfd_getfd, pidfd, 999, 0));
  T(syscall(SYS_pidfd_getfd, pidfd, ends[0], 1));
  T(syscall(SYS_pidfd_getfd, copy, 0, 0));
  T(syscall(SYS_pidfd_getfd, 999, 0, 0));
  IN_CHILD(drop_privileges(); T(syscall(SYS_pidfd_getfd, pidfd, ends[0], 0)));
  gate_open(gate);
  say_end("child", child);
  T(syscall(SYS_pidfd_getfd, pidfd, 0, 0));
}

/* Errors of calls whose successes other programs have. */
static void errors(void) {
  CASE("open");
  T(syscall(SYS_open, "missing", O_RDONLY));
  T(syscall(SYS_open, "file", O_CREAT | O_EXCL, 0600));
  T(syscall(SYS_open, 8, O_RDONLY));
  CASE("lchown");
  T(syscall(SYS_lchown, "missing", -1, -1));
  T(syscall(SYS_lchown, 8, -1, -1));
  CASE("futimesat");
  T(syscall(SYS_futimesat, AT_FDCWD, "missing", NULL));
  T(syscall(SYS_futimesat, 999, "file", NULL));
  T(syscall(SYS_futimesat, AT_FDCWD, "file", 8));
  CASE("fdatasync");
  T(syscall(SYS_fdatasync, 999));
  CASE("pwritev");
  T(syscall(SYS_pwritev, 999, NULL, 0, 0, 0));
  CASE("pidfd_open");
  T(syscall(SYS_pidfd_open, 1234567, 0));
  T(syscall(SYS_pidfd_open, -1, 0));
  T(syscall(SYS_pidfd_open, getpid(), 1));
  CASE("pipe");
  T(syscall(SYS_pipe, 8));
  CASE("no descriptors left");
  struct rlimit limit, low;
  getrlimit(RLIMIT_NOFILE, &limit);
  low = (struct rlimit){3, limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &low);
  int ends[2];
  T(syscall(SYS_open, "file", O_RDONLY));
  T(syscall(SYS_pipe, ends));
  T(syscall(SYS_eventfd, 0));
  T(syscall(SYS_inotify_init));
  T(syscall(SYS_pidfd_open, getpid(), 0));
  setrlimit(RLIMIT_NOFILE, &limit);
}

int main(void) {
  fresh_directory("legacy");
  attributes();
  names();
  directories();
  others();
  for (int fd = 3; fd < 20; fd++) close(fd);
  errors();
  return 0;
}
