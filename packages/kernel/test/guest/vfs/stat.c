// covers: newfstatat(EBADF EFAULT EINVAL ENOTDIR) statx(EBADF EFAULT EINVAL ENOENT) statfs(EFAULT ENOENT) fstatfs(EBADF) ustat(EFAULT EINVAL)
// What stat and its relatives show.
#include "calls.h"
#include <linux/stat.h>
#include <sys/statfs.h>
#define statx_(fd, path, flags, mask, buffer) syscall(SYS_statx, fd, path, flags, mask, buffer)
struct ustat_ {
  int f_tfree;
  long f_tinode;
  char names[12];
};

int main(void) {
  fresh_directory("stat");
  struct stat st, other;
  struct statx sx;
  CASE("stat");
  make_file("f", "12345");
  mkdir("d", 0700);
  symlink("some target", "l");
  mknod("fifo", S_IFIFO | 0600, 0);
  T(stat("f", &st));
  SAY("mode %o size %d nlink %d", st.st_mode, (int)st.st_size, (int)st.st_nlink);
  T(lstat("l", &st));
  SAY("mode %o size %d", st.st_mode, (int)st.st_size);
  T(stat("fifo", &st));
  SAY("mode %o size %d", st.st_mode, (int)st.st_size);
  stat("d", &st);
  stat("d/.", &other);
  SAY("same: %d", st.st_ino == other.st_ino && st.st_dev == other.st_dev);
  SAY("mode %o", st.st_mode);
  stat("d/..", &st);
  stat(".", &other);
  SAY("same: %d", st.st_ino == other.st_ino);
  int fd = open("f", O_RDONLY);
  T(fstat(fd, &st));
  stat("f", &other);
  SAY("same: %d", memcmp(&st, &other, sizeof st) == 0);
  T(fstat(-1, &st));
  T(fstat(fd, (void *)1));
  T(fstatat(fd, "", &st, AT_EMPTY_PATH));
  T(fstatat(-1, "", &st, AT_EMPTY_PATH));
  T(fstatat(fd, "x", &st, 0));
  T(fstatat(-1, "f", &st, 0));
  T(fstatat(AT_FDCWD, "f", &st, 0x1));
  T(fstatat(AT_FDCWD, "l", &st, AT_SYMLINK_NOFOLLOW));
  SAY("symlink %d", S_ISLNK(st.st_mode));
  int pipes[2];
  pipe(pipes);
  T(fstat(pipes[0], &st));
  SAY("pipe mode %o", st.st_mode);
  CASE("statx");
  memset(&sx, 0xff, sizeof sx);
  T(statx_(AT_FDCWD, "f", 0, STATX_BASIC_STATS, &sx));
  SAY("mode %o size %d nlink %d basic %d", sx.stx_mode, (int)sx.stx_size, sx.stx_nlink, (sx.stx_mask & STATX_BASIC_STATS) == STATX_BASIC_STATS);
  stat("f", &st);
  SAY("agrees: %d", st.st_ino == sx.stx_ino && st.st_mtim.tv_nsec == sx.stx_mtime.tv_nsec && (uint64_t)st.st_blocks == sx.stx_blocks);
  T(statx_(AT_FDCWD, "l", AT_SYMLINK_NOFOLLOW, STATX_ALL, &sx));
  SAY("mode %o", sx.stx_mode);
  T(statx_(fd, "", AT_EMPTY_PATH, STATX_BASIC_STATS, &sx));
  T(statx_(fd, "", 0, STATX_BASIC_STATS, &sx));
  T(statx_(AT_FDCWD, "f", 0, 0x80000000, &sx));
  T(statx_(AT_FDCWD, "f", 0x1, 0, &sx));
  T(statx_(AT_FDCWD, "f", AT_STATX_FORCE_SYNC | AT_STATX_DONT_SYNC, 0, &sx));
  T(statx_(AT_FDCWD, "f", AT_STATX_FORCE_SYNC, 0, &sx));
  T(statx_(AT_FDCWD, "nothing", 0, 0, &sx));
  T(statx_(AT_FDCWD, "f", 0, 0, (void *)1));
  T(statx_(AT_FDCWD, (void *)1, 0, 0, &sx));
  T(statx_(999, "f", 0, 0, &sx));
  CASE("statfs");
  struct statfs fs, fs2;
  T(statfs("f", &fs));
  T(fstatfs(fd, &fs2));
  SAY("same %d, names %d", fs.f_type == fs2.f_type && fs.f_bsize == fs2.f_bsize, (int)fs.f_namelen);
  T(statfs("nothing", &fs));
  T(statfs("f", (void *)1));
  T(fstatfs(-1, &fs));
  T(fstatfs(pipes[0], &fs));
  SAY("pipe type %lx", (long)fs.f_type);
  struct ustat_ us;
  T(syscall(SYS_ustat, 0xffffffff, &us));
  stat("f", &st);
  T(syscall(SYS_ustat, (unsigned)st.st_dev, (void *)1));
  return 0;
}
