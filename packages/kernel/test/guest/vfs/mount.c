// covers: mount(EINVAL ELOOP ENODEV ENOENT ENOTDIR EPERM) umount2(EBUSY EINVAL EPERM) pivot_root(EBUSY ENOENT EPERM) chroot(ENOENT ENOTDIR EPERM) statfs access(ENOENT EROFS)
// oracle: vm
// Mounting needs CAP_SYS_ADMIN and a kernel whose mounts may be changed: the sandbox's, or the test VM's.
#include "calls.h"
#include <sys/mount.h>
#include <sys/statfs.h>

static void tmpfs(void) {
  CASE("tmpfs");
  struct statfs fs;
  mkdir("a", 0755);
  mkdir("b", 0755);
  mkdir("a/below", 0755);
  make_file("file", "x");
  T(mount("none", "nothing", "tmpfs", 0, ""));
  T(mount("none", "file", "tmpfs", 0, ""));
  T(mount("none", "a", "no-such-type", 0, ""));
  T(mount("none", "a", NULL, 0, ""));
  T(mount("none", "a", "tmpfs", 0, "no-such-option=1"));
  T(mount("none", "a", "tmpfs", MS_NOSUID | MS_NODEV, "size=64k,mode=700"));
  T(access("a/below", F_OK));
  T(statfs("a", &fs));
  SAY("type %lx blocks %ld free %ld flags %lx", (long)fs.f_type, (long)fs.f_blocks, (long)fs.f_bfree, (long)fs.f_flags);
  struct stat st;
  stat("a", &st);
  SAY("mode %o", st.st_mode);
  int fd = open("a/f", O_CREAT | O_RDWR, 0644);
  static char buffer[100000];
  T(write(fd, buffer, sizeof buffer));
  T(write(fd, buffer, 1));
  T(umount("a"));
  close(fd);
  T(rmdir("a"));
  T(rename("a", "c"));
  T(rename("a/f", "b/f"));
  T(link("a/f", "b/f"));
  T(umount("a/f"));
  T(umount2("a", 0x1000));
  T(umount2("a", 0));
  T(umount2("a", 0));
  T(access("a/below", F_OK));
}

static void binds(void) {
  CASE("bind");
  make_file("a/f", "text");
  T(mount("a", "b", NULL, MS_BIND, NULL));
  T(access("b/f", F_OK));
  T(mount(NULL, "b", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
  T(open("b/new", O_CREAT | O_WRONLY, 0644));
  T(open("b/f", O_RDWR));
  T(open("b/f", O_RDONLY | O_TRUNC));
  int fd = OK(open("b/f", O_CREAT | O_RDONLY, 0644));
  T(umount("b"));
  close(fd);
  T(unlink("b/f"));
  T(unlink("b/nothing"));
  T(mkdir("b/f", 0755));
  T(mkdir("b/d", 0755));
  T(rmdir("b/below"));
  T(chmod("b/f", 0600));
  T(chown("b/f", -1, -1));
  T(truncate("b/f", 0));
  T(utimensat(AT_FDCWD, "b/f", NULL, 0));
  T(access("b/f", W_OK));
  T(access("b/f", R_OK));
  T(rename("b/f", "b/g"));
  T(symlink("x", "b/s"));
  T(link("b/f", "b/l"));
  T(umount("b"));
  make_file("target", "");
  T(mount("a/f", "target", NULL, MS_BIND, NULL));
  T(unlink("target"));
  T(mount("a", "target", NULL, MS_BIND, NULL));
  T(umount("target"));
  T(mount("nothing", "b", NULL, MS_BIND, NULL));
}

static void moving(void) {
  CASE("move");
  T(mount("none", "a", "tmpfs", 0, NULL));
  T(mount("", "a", NULL, MS_PRIVATE, NULL));
  make_file("a/inside", "x");
  mkdir("a/d", 0755);
  T(mount("a", "a/d", NULL, MS_MOVE, NULL));
  T(mount("a", "b", NULL, MS_MOVE, NULL));
  T(access("b/inside", F_OK));
  T(access("a/inside", F_OK));
  int fd = open("b/inside", O_RDWR);
  T(umount("b"));
  T(umount2("b", MNT_DETACH));
  T(access("b/inside", F_OK));
  T(write(fd, "still", 5));
  close(fd);
}

// A mount that was taken out of the tree while it was in use: nothing can be mounted on it any more.
static void detached(void) {
  CASE("detached");
  mkdir("gone", 0755);
  T(mount("none", "gone", "tmpfs", 0, NULL));
  mkdir("gone/d", 0755);
  mkdir("gone/e", 0755);
  T(chdir("gone"));
  T(umount2(".", MNT_DETACH));
  T(mount("none", "d", "tmpfs", 0, NULL));
  T(mount("/", "d", NULL, MS_BIND, NULL));
  T(mount("d", "e", NULL, MS_BIND, NULL));
  T(mount("d", "/", NULL, MS_BIND, NULL));
  T(mount("/proc", "d", NULL, MS_MOVE, NULL));
  T(mount(NULL, ".", NULL, MS_REMOUNT | MS_BIND | MS_RDONLY, NULL));
  T(mount(NULL, ".", NULL, MS_REMOUNT, NULL));
  T(umount("."));
  T(rmdir("e"));
  T(chroot("."));
  T(syscall(SYS_pivot_root, ".", "d"));
}

static void roots(void) {
  CASE("chroot");
  T(chroot("nothing"));
  T(chroot("file"));
  T(syscall(SYS_pivot_root, "a", "b"));
  T(syscall(SYS_pivot_root, "nothing", "b"));
  IN_CHILD({
    int out = open("/", O_RDONLY);
    mkdir("jail", 0755);
    mkdir("jail/in", 0755);
    T(chroot("jail"));
    T(chdir("/"));
    T(access("in", F_OK));
    T(access("/../../in", F_OK));
    T(chdir(".."));
    T(access("in", F_OK));
    char path[100];
    T(fchdir(out));
    SAY("outside: %s", syscall(SYS_getcwd, path, sizeof path) > 0 ? path : "?");
  });
  IN_CHILD({
    drop_privileges();
    CASE("user");
    T(mount("none", "/tmp", "tmpfs", 0, ""));
    T(umount("/tmp"));
    T(chroot("/tmp"));
    T(syscall(SYS_pivot_root, "/tmp", "/tmp"));
  });
}

int main(void) {
  fresh_directory("mount");
  tmpfs();
  binds();
  moving();
  IN_CHILD(detached());
  roots();
  return 0;
}
