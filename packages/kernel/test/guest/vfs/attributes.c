// covers: chmod(ENOENT ENOTDIR EPERM) fchmod(EBADF) fchmodat(EBADF) chown(ENOENT EPERM) lchown fchown(EBADF) fchownat(EBADF EINVAL ENOENT) umask access(EACCES EFAULT EINVAL ENOENT) faccessat2(EBADF EINVAL ENOENT) utime(EFAULT) futimesat utimensat(EACCES EBADF EFAULT EINVAL ENOENT EPERM)
// Modes, owners, times, and who may change or use them.
#include "calls.h"
#include <sys/time.h>
#include <utime.h>

static struct stat st;
static unsigned mode_of(const char *path) {
  if (stat(path, &st) < 0) return errno;
  return st.st_mode & 07777;
}

static void modes(void) {
  CASE("chmod");
  make_file("f", "x");
  mkdir("d", 0755);
  symlink("f", "l");
  T(chmod("f", 0640));
  SAY("%o", mode_of("f"));
  T(chmod("f", 0107777));
  SAY("%o", mode_of("f"));
  T(chmod("l", 0600));
  SAY("%o", mode_of("f"));
  T(chmod("nothing", 0600));
  T(chmod("", 0600));
  T(chmod("f/", 0600));
  T(fchmodat(-1, "f", 0600, 0));
  int fd = open("f", O_RDONLY);
  T(fchmod(fd, 0755));
  SAY("%o", mode_of("f"));
  T(fchmod(-1, 0));
  T(syscall(SYS_fchmodat, AT_FDCWD, "f", 0700, 0));
  close(fd);
  T(umask(077));
  make_file("masked", "");
  mkdir("masked-d", 0777);
  SAY("%o %o", mode_of("masked"), mode_of("masked-d"));
  T(umask(0xffff));
  T(umask(022));
  close(open("exact", O_CREAT | O_WRONLY, 07777));
  SAY("%o", mode_of("exact"));
}

static void owners(void) {
  CASE("chown");
  T(chown("f", -1, -1));
  T(chown("nothing", -1, -1));
  T(lchown("l", -1, -1));
  T(fchown(-1, 0, 0));
  T(fchownat(-1, "f", -1, -1, 0));
  T(fchownat(AT_FDCWD, "f", -1, -1, 0x8000));
  T(fchownat(AT_FDCWD, "", -1, -1, 0));
  T(fchownat(AT_FDCWD, "", -1, -1, AT_EMPTY_PATH));
  chmod("f", 06755);
  T(chown("f", -1, -1));
  SAY("set-id bits after chown: %o", mode_of("f"));
  chmod("f", 02745);
  T(chown("f", getuid(), -1));
  SAY("set-group-ID without execution: %o", mode_of("f"));
}

static void as_user(void) {
  CASE("user");
  make_file("/tmp/root-file", "x");
  chmod("/tmp/root-file", 0644);
  chmod(".", 0777);
  make_file("suid", "x");
  chmod("suid", 06777);
  mkdir("sticky", 01777);
  chmod("sticky", 01777);
  make_file("sticky/f", "x");
  chmod("sticky/f", 0666);
  mkdir("closed", 0700);
  make_file("closed/f", "x");
  mkdir("readonly", 0755);
  make_file("readonly/f", "x");
  mkdir("searchonly", 0711);
  make_file("searchonly/f", "x");
  mkdir("sgid", 0777);
  chmod("sgid", 02777);
  IN_CHILD({
    drop_privileges();
    T(chmod("/tmp/root-file", 0666));
    T(chown("/tmp/root-file", 12345, -1));
    T(truncate("/tmp/root-file", 0));
    T(open("/tmp/root-file", O_RDWR));
    OK(open("/tmp/root-file", O_RDONLY));
    T(open("/tmp/root-file", O_RDONLY | O_TRUNC));
    T(open("/tmp/root-file", O_RDONLY | O_NOATIME));
    T(access("/tmp/root-file", R_OK));
    T(access("/tmp/root-file", W_OK));
    T(access("/tmp/root-file", X_OK));
    T(open("closed/f", O_RDONLY));
    T(open("closed", O_RDONLY));
    T(access("closed/nothing", F_OK));
    T(mkdir("closed/d", 0755));
    T(unlink("readonly/f"));
    T(unlink("readonly/nothing"));
    T(open("readonly/new", O_CREAT | O_WRONLY, 0644));
    OK(open("readonly/f", O_CREAT | O_RDONLY, 0644));
    T(rename("readonly/f", "mine"));
    T(link("readonly/f", "readonly/g"));
    T(symlink("x", "readonly/s"));
    T(rmdir("readonly/f"));
    OK(open("searchonly/f", O_RDONLY));
    T(open("searchonly", O_RDONLY));
    T(unlink("sticky/f"));
    T(rename("sticky/f", "sticky/g"));
    OK(open("sticky/own", O_CREAT | O_RDWR, 0644));
    T(unlink("sticky/own"));
    // A write takes set-user-ID away.
    int fd = open("suid", O_RDWR);
    T(write(fd, "y", 1));
    SAY("%o", mode_of("suid"));
    close(fd);
    // New files in a set-group-ID directory have its group, and may not keep the bit of a foreign group.
    close(open("sgid/f", O_CREAT | O_WRONLY, 02777));
    SAY("%o", mode_of("sgid/f"));
    mkdir("sgid/d", 0755);
    SAY("%o", mode_of("sgid/d"));
    make_file("own", "x");
    T(chmod("own", 04755));
    SAY("%o", mode_of("own"));
    T(chown("own", 12345, 12345));
    SAY("%o", mode_of("own"));
    T(chown("own", 0, -1));
    T(chown("own", -1, 54321));
    T(chroot("."));
    chmod("own", 0);
    T(open("own", O_RDONLY));
    T(access("own", F_OK));
    T(chmod("own", 0600));
    // Times: now needs to be able to write, others need the owner.
    struct timespec now[2] = {{0, UTIME_NOW}, {0, UTIME_NOW}};
    struct timespec then[2] = {{1000, 0}, {2000, 5}};
    struct timespec half[2] = {{0, UTIME_NOW}, {0, UTIME_OMIT}};
    T(utimensat(AT_FDCWD, "suid", now, 0));
    T(utimensat(AT_FDCWD, "suid", NULL, 0));
    T(utimensat(AT_FDCWD, "suid", then, 0));
    T(utimensat(AT_FDCWD, "suid", half, 0));
    T(utimensat(AT_FDCWD, "/tmp/root-file", now, 0));
    T(utimensat(AT_FDCWD, "/tmp/root-file", then, 0));
    // protected_hardlinks: somebody else's file that one can't write.
    T(link("/tmp/root-file", "stolen") == -1);
    // chmod of a group that one is not in.
    T(chdir("closed"));
    T(chdir("searchonly"));
  });
  unlink("/tmp/root-file");
}

static void accessing(void) {
  CASE("access");
  T(access("f", F_OK));
  T(access("f", R_OK | W_OK));
  T(access("f", 8));
  T(access("f", -1));
  T(access("nothing", F_OK));
  T(access("", F_OK));
  T(access((char *)1, F_OK));
  T(faccessat(-1, "f", F_OK, 0));
  T(syscall(SYS_faccessat2, AT_FDCWD, "f", F_OK, AT_EACCESS));
  T(syscall(SYS_faccessat2, AT_FDCWD, "f", F_OK, 0x1));
  T(syscall(SYS_faccessat2, AT_FDCWD, "l", F_OK, AT_SYMLINK_NOFOLLOW));
  symlink("nowhere", "dangling");
  T(syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, 0));
  T(syscall(SYS_faccessat2, AT_FDCWD, "dangling", F_OK, AT_SYMLINK_NOFOLLOW));
  T(syscall(SYS_faccessat2, AT_FDCWD, "", F_OK, AT_EMPTY_PATH));
  chmod("f", 0644);
  // For root too a file without any execute bit is not executable.
  T(access("f", X_OK));
  T(access("d", X_OK));
}

static void times(void) {
  CASE("times");
  struct timespec ts[2] = {{1000000000, 123456789}, {1500000000, 987654321}};
  T(utimensat(AT_FDCWD, "f", ts, 0));
  stat("f", &st);
  SAY("%ld.%09ld %ld.%09ld", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  struct timespec omit[2] = {{5, UTIME_OMIT}, {7, 8}};
  T(utimensat(AT_FDCWD, "f", omit, 0));
  stat("f", &st);
  SAY("%ld.%09ld %ld.%09ld", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  struct timespec bad[2] = {{0, 1000000000}, {0, 0}};
  T(utimensat(AT_FDCWD, "f", bad, 0));
  struct timespec nothing[2] = {{0, UTIME_OMIT}, {0, UTIME_OMIT}};
  T(utimensat(AT_FDCWD, "no such file", nothing, 0));
  T(utimensat(AT_FDCWD, "no such file", ts, 0));
  T(utimensat(AT_FDCWD, "f", ts, 0x4000));
  T(utimensat(AT_FDCWD, "f", (void *)1, 0));
  T(syscall(SYS_utimensat, -1, NULL, ts, 0));
  int fd = open("f", O_RDONLY);
  T(syscall(SYS_utimensat, fd, NULL, ts, 0));
  T(syscall(SYS_utimensat, fd, NULL, ts, AT_SYMLINK_NOFOLLOW));
  T(futimens(fd, ts));
  close(fd);
  T(utimensat(AT_FDCWD, "l", ts, AT_SYMLINK_NOFOLLOW));
  lstat("l", &st);
  SAY("%ld", st.st_mtim.tv_sec);
  struct timeval tv[2] = {{1000, 500}, {2000, 600}};
  T(utimes("f", tv));
  stat("f", &st);
  SAY("%ld.%09ld %ld.%09ld", st.st_atim.tv_sec, st.st_atim.tv_nsec, st.st_mtim.tv_sec, st.st_mtim.tv_nsec);
  struct timeval badv[2] = {{1000, 1000000}, {2000, 600}};
  T(utimes("f", badv));
  T(syscall(SYS_futimesat, AT_FDCWD, "f", tv));
  struct utimbuf ub = {11, 22};
  T(utime("f", &ub));
  stat("f", &st);
  SAY("%ld %ld", st.st_atim.tv_sec, st.st_mtim.tv_sec);
  T(syscall(SYS_utime, "f", (void *)1));
  T(utime("nothing", &ub));
  T(utime("f", NULL));
  stat("f", &st);
  SAY("recent: %d", st.st_mtim.tv_sec > 1600000000);
  // What changes which time.
  struct timespec old[2] = {{100, 0}, {100, 0}};
  make_file("t", "x");
  utimensat(AT_FDCWD, "t", old, 0);
  chmod("t", 0600);
  stat("t", &st);
  SAY("chmod leaves mtime: %d", st.st_mtim.tv_sec == 100);
  fd = open("t", O_RDWR);
  write(fd, "y", 1);
  stat("t", &st);
  SAY("write sets mtime: %d", st.st_mtim.tv_sec != 100);
  futimens(fd, old);
  ftruncate(fd, 0);
  stat("t", &st);
  SAY("ftruncate sets mtime: %d", st.st_mtim.tv_sec != 100);
  futimens(fd, old);
  close(open("t", O_WRONLY | O_TRUNC));
  stat("t", &st);
  SAY("O_TRUNC of an empty file sets mtime: %d", st.st_mtim.tv_sec != 100);
  close(fd);
  utimensat(AT_FDCWD, "d", old, 0);
  make_file("d/new", "");
  stat("d", &st);
  SAY("a new name sets the directory's mtime: %d", st.st_mtim.tv_sec != 100);
}

int main(void) {
  fresh_directory("attributes");
  modes();
  owners();
  accessing();
  times();
  as_user();
  return 0;
}
