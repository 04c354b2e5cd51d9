// covers: getgroups(EFAULT EINVAL) setgroups(EFAULT EINVAL EPERM) chown(EPERM) clone chmod openat(EACCES) setresgid
// Supplementary groups: reading, setting, and the access that they give.
#include "../processes.h"
#include <grp.h>

static gid_t list[70000];

static void reading(void) {
  CASE("getgroups");
  T(syscall(SYS_setgroups, 3, ((gid_t[]){30, 10, 20})));
  T(syscall(SYS_getgroups, 0, NULL));
  T(syscall(SYS_getgroups, 0, 8));
  T(syscall(SYS_getgroups, 3, list));
  SAY("%d %d %d", list[0], list[1], list[2]);
  T(syscall(SYS_getgroups, 10, list));
  T(syscall(SYS_getgroups, 2, list));
  T(syscall(SYS_getgroups, -1, list));
  T(syscall(SYS_getgroups, 3, 8));
}

static void setting(void) {
  CASE("setgroups");
  T(syscall(SYS_setgroups, 0, NULL));
  T(syscall(SYS_getgroups, 0, NULL));
  T(syscall(SYS_setgroups, 2, ((gid_t[]){5, 5})));
  T(syscall(SYS_getgroups, 10, list));
  T(syscall(SYS_setgroups, 1, ((gid_t[]){-1})));
  T(syscall(SYS_setgroups, 65537, list));
  T(syscall(SYS_setgroups, -1, list));
  T(syscall(SYS_setgroups, 2, 8));
  for (int i = 0; i < 65536; i++) list[i] = 65536 - i;
  T(syscall(SYS_setgroups, 65536, list));
  T(syscall(SYS_getgroups, 65536, list));
  SAY("sorted %d %d", list[0], list[65535]);
  T(syscall(SYS_getgroups, 0, NULL));
  syscall(SYS_setgroups, 1, ((gid_t[]){44}));
  say_end("user", CHILD({
            setresuid(1000, 1000, 1000);
            T(syscall(SYS_setgroups, 0, NULL));
            T(syscall(SYS_setgroups, 70000, NULL));
            T(syscall(SYS_getgroups, 10, list));
            SAY("kept %d", list[0]);
          }));
}

#define MEMBER(what, groups, count, ...)      \
  say_end(what, CHILD({                       \
            setgroups(count, groups);         \
            setresgid(1000, 1000, 1000);      \
            setresuid(1000, 1000, 1000);      \
            __VA_ARGS__;                      \
          }))

static void access_by_group(void) {
  CASE("access");
  gid_t groups[] = {77, 88};
  make_file("shared", "x");
  chown("shared", 0, 88);
  chmod("shared", 0640);
  MEMBER("member", groups, 2, OK(open("shared", O_RDONLY)); OK(open("shared", O_WRONLY)));
  MEMBER("stranger", groups, 1, OK(open("shared", O_RDONLY)));
  chmod("shared", 0606);
  MEMBER("group before others", groups, 2, OK(open("shared", O_RDONLY)));
  MEMBER("others", groups, 1, OK(open("shared", O_RDWR)));
  CASE("chgrp");
  chown("shared", 1000, 1000);
  chmod("shared", 02755);
  MEMBER("to own groups only", groups, 2, T(chown("shared", -1, 77)); T(chown("shared", -1, 99)); T(chown("shared", 1000, 88)); T(chown("shared", 1001, 88)));
  struct stat st;
  stat("shared", &st);
  SAY("mode %o gid %d", st.st_mode & 07777, st.st_gid);
  CASE("set-group-ID");
  mkdir("directory", 0777);
  chown("directory", 0, 88);
  chmod("directory", 02777);
  MEMBER("made in a directory", groups, 1, close(open("directory/file", O_CREAT, 0644)); mkdir("directory/sub", 0755));
  stat("directory/file", &st);
  SAY("file: gid %d mode %o", st.st_gid, st.st_mode & 07777);
  stat("directory/sub", &st);
  SAY("directory: gid %d mode %o", st.st_gid, st.st_mode & 07777);
  chown("shared", 1000, 99);
  MEMBER("chmod of a foreign group", groups, 2, T(chmod("shared", 02755)));
  stat("shared", &st);
  SAY("mode %o", st.st_mode & 07777);
  chown("shared", 1000, 88);
  MEMBER("chmod of an own group", groups, 2, T(chmod("shared", 02755)));
  stat("shared", &st);
  SAY("mode %o", st.st_mode & 07777);
}

static void kept(void) {
  CASE("inheritance");
  gid_t groups[] = {7, 3};
  setgroups(2, groups);
  say_end("child", CHILD(T(syscall(SYS_getgroups, 10, list)); SAY("%d %d", list[0], list[1]); setgroups(0, NULL)));
  T(syscall(SYS_getgroups, 10, list));
}

int main(void) {
  fresh_directory("groups");
  chmod(".", 0755);
  reading();
  setting();
  access_by_group();
  kept();
  return 0;
}
