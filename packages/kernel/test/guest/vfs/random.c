// covers: openat(EACCES EEXIST EINVAL EISDIR ELOOP ENOENT ENOTDIR ENXIO) openat2(EACCES EEXIST EISDIR ELOOP ENOENT ENOTDIR EXDEV) mkdir(EACCES EEXIST ELOOP ENOENT ENOTDIR) rmdir(EACCES EINVAL ELOOP ENOENT ENOTDIR ENOTEMPTY) unlink(EACCES EISDIR ELOOP ENOENT ENOTDIR) rename(EACCES EBUSY EINVAL EISDIR ELOOP ENOENT ENOTDIR ENOTEMPTY) renameat2(EACCES EBUSY EEXIST EINVAL EISDIR ELOOP ENOENT ENOTDIR ENOTEMPTY) linkat(EACCES EEXIST ELOOP ENOENT ENOTDIR EPERM) symlink(EACCES EEXIST ELOOP ENOENT ENOTDIR) readlink(EACCES EINVAL ELOOP ENOENT ENOTDIR) newfstatat(EACCES ELOOP ENOENT ENOTDIR) access(EACCES ELOOP ENOENT ENOTDIR) truncate(EACCES EINVAL EISDIR ELOOP ENOENT ENOTDIR) mknodat(EACCES EEXIST ELOOP ENOENT ENOTDIR) chmod(EACCES ELOOP ENOENT ENOTDIR) getdents64 read(EBADF EISDIR) write(EBADF) pread64(EBADF EISDIR ESPIPE) pwrite64(EBADF) lseek(EBADF EINVAL) ftruncate(EBADF EINVAL) fallocate(EBADF ESPIPE)
// Random calls on a few names, the same ones everywhere: results are summed up, or printed one by one with the argument "-v". A second argument is the seed.
#include "calls.h"
#include <dirent.h>
#include <linux/openat2.h>

static uint64_t state;
static unsigned next(unsigned n) {
  state = state * 6364136223846793005ULL + 1442695040888963407ULL;
  return (unsigned)(state >> 33) % n;
}

static int verbose;
static uint64_t sum;
static int step;
static void note(const char *what, const char *a, const char *b, long flags, long result) {
  int error = result == -1 ? errno : 0;
  if (verbose) printf("CASE random: %d %s %s %s %lx = %ld error %d\n", step, what, a, b, flags, result, error);
  sum = (sum ^ (uint64_t)(result * 1000 + error)) * 1099511628211ULL;
}

static const char *components[] = {"a", "b", "c", "d", "e", ".", "..", "a", "b", "c"};
static char *path(void) {
  static char buffers[4][128];
  static int which;
  char *out = buffers[which++ % 4];
  out[0] = 0;
  unsigned n = 1 + next(3);
  for (unsigned i = 0; i < n; i++) {
    if (i) strcat(out, next(10) ? "/" : "//");
    strcat(out, components[next(10)]);
  }
  if (next(12) == 0) strcat(out, "/");
  // Never out of the directory: "../" at the front leads to a neighbour of the root of the case, which is its parent's business.
  static char rooted[4][140];
  char *result = rooted[which % 4];
  strcpy(result, "r/r/r/");
  strcat(result, out);
  return result;
}

static const int open_flags[] = {O_RDONLY, O_WRONLY, O_RDWR, O_CREAT | O_RDWR, O_CREAT | O_EXCL | O_RDWR, O_CREAT | O_WRONLY | O_TRUNC, O_DIRECTORY, O_NOFOLLOW, O_PATH, O_PATH | O_NOFOLLOW, O_RDONLY | O_TRUNC, O_DIRECTORY | O_NOFOLLOW, O_CREAT | O_NOFOLLOW | O_RDWR, O_APPEND | O_WRONLY, O_DIRECTORY | O_RDWR, O_ACCMODE};
static const uint64_t resolves[] = {0, RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_SYMLINKS, RESOLVE_NO_XDEV, RESOLVE_NO_MAGICLINKS | RESOLVE_BENEATH};

static void use(int fd) {
  static char buffer[20000];
  struct stat st;
  switch (next(8)) {
    case 0: note("write", "", "", 0, write(fd, buffer, next(20000))); break;
    case 1: note("read", "", "", 0, read(fd, buffer, next(20000))); break;
    case 2: note("pwrite", "", "", 0, pwrite(fd, buffer, next(5000), next(50000))); break;
    case 3: note("pread", "", "", 0, pread(fd, buffer, next(5000), next(50000))); break;
    case 4: note("ftruncate", "", "", 0, ftruncate(fd, next(50000))); break;
    case 5: note("lseek", "", "", 0, lseek(fd, next(50000), next(3))); break;
    case 6: note("fallocate", "", "", 0, fallocate(fd, next(2) ? 0 : FALLOC_FL_KEEP_SIZE, next(10000), 1 + next(10000))); break;
    case 7:
      if (fstat(fd, &st) == 0 && !S_ISDIR(st.st_mode)) note("size", "", "", st.st_mode, st.st_size * 10 + st.st_nlink);
      break;
  }
}

static int compare(const void *a, const void *b) { return strcmp(*(char **)a, *(char **)b); }
static void list(const char *name) {
  DIR *dir = opendir(name);
  if (dir == NULL) {
    note("opendir", name, "", 0, -1);
    return;
  }
  char *names[64];
  int n = 0;
  for (struct dirent *d; n < 64 && (d = readdir(dir)) != NULL;) {
    names[n] = malloc(300);
    snprintf(names[n++], 300, "%s %d", d->d_name, d->d_type);
  }
  closedir(dir);
  qsort(names, n, sizeof *names, compare);
  for (int i = 0; i < n; i++) {
    note("entry", names[i], "", 0, names[i][0]);
    free(names[i]);
  }
}

static void run(uint64_t seed, int as_user) {
  state = seed;
  mkdir("r", 0755);
  mkdir("r/r", 0755);
  mkdir("r/r/r", 0755);
  char buffer[256];
  struct stat st;
  for (step = 0; step < 20000; step++) {
    char *p = path();
    char *q;
    errno = 0;
    int flags;
    long result;
    switch (next(20)) {
      case 0:
      case 1:
      case 2: {
        flags = open_flags[next(sizeof open_flags / sizeof *open_flags)] | O_NONBLOCK;
        int fd = open(p, flags, 0644);
        note("open", p, "", flags, fd < 0 ? -1 : 0);
        if (fd >= 0) {
          use(fd);
          use(fd);
          close(fd);
        }
        break;
      }
      case 3: {
        struct open_how how = {.flags = open_flags[next(8)] | O_NONBLOCK, .resolve = resolves[next(6)]};
        if (how.flags & O_CREAT) how.mode = 0600;
        int dir = open("r/r/r", O_PATH);
        int fd = syscall(SYS_openat2, dir, p + 6, &how, sizeof how);
        note("openat2", p + 6, "", how.flags * 256 + how.resolve, fd < 0 ? -1 : 0);
        close(fd);
        close(dir);
        break;
      }
      case 4:
      case 5: note("mkdir", p, "", 0, mkdir(p, 0755)); break;
      case 6: note("rmdir", p, "", 0, rmdir(p)); break;
      case 7:
      case 8: note("unlink", p, "", 0, unlink(p)); break;
      case 9:
        q = path();
        note("rename", p, q, 0, rename(p, q));
        break;
      case 10:
        q = path();
        flags = next(4);
        result = syscall(SYS_renameat2, AT_FDCWD, p, AT_FDCWD, q, flags);
        note("renameat2", p, q, flags, result);
        break;
      case 11:
        q = path();
        flags = next(2) ? AT_SYMLINK_FOLLOW : 0;
        note("link", p, q, flags, linkat(AT_FDCWD, p, AT_FDCWD, q, flags));
        break;
      case 12:
      case 13:
        q = path() + 6;
        note("symlink", q, p, 0, symlink(q, p));
        break;
      case 14:
        memset(buffer, 0, sizeof buffer);
        result = readlink(p, buffer, sizeof buffer);
        note("readlink", p, buffer, 0, result);
        break;
      case 15:
        result = stat(p, &st);
        note("stat", p, "", 0, result);
        if (result == 0) note("is", "", "", 0, st.st_mode * 1000L + (S_ISDIR(st.st_mode) ? 0 : st.st_nlink));
        break;
      case 16:
        result = lstat(p, &st);
        note("lstat", p, "", 0, result);
        if (result == 0) note("is", "", "", 0, st.st_mode * 1000L + (S_ISDIR(st.st_mode) ? 0 : st.st_nlink));
        break;
      case 17: note("truncate", p, "", 0, truncate(p, next(30000))); break;
      case 18:
        if (next(2)) note("mknod", p, "", 0, mknod(p, next(2) ? S_IFIFO | 0600 : S_IFREG | 0600, 0));
        else note("access", p, "", 0, access(p, next(8)));
        break;
      case 19:
        if (next(4) == 0) list(p);
        else note("chmod", p, "", 0, chmod(p, as_user ? next(512) : 0700 | next(64)));
        break;
    }
    if (step % 500 == 499) SAY("after %d calls: %016llx", step + 1, (unsigned long long)sum);
  }
}

int main(int argc, char **argv) {
  verbose = argc > 1 && strcmp(argv[1], "-v") == 0;
  uint64_t seed = argc > 2 ? strtoull(argv[2], NULL, 0) : 1;
  fresh_directory("random");
  mkdir("user", 0777);
  chmod("user", 0777);
  IN_CHILD({
    if (chdir("user") < 0) _exit(1);
    drop_privileges();
    CASE("random-user");
    run(seed + 1000, 1);
  });
  CASE("random");
  run(seed, 0);
  return 0;
}
