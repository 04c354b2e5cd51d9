// covers: inotify_init inotify_init1(EINVAL) inotify_add_watch(EBADF EEXIST EINVAL ENOENT ENOTDIR) inotify_rm_watch(EBADF EINVAL) read(EAGAIN EINVAL) ioctl poll
// Events of files and directories.
#include "calls.h"
#include <poll.h>
#include <sys/inotify.h>
#include <sys/ioctl.h>

static int in;
static void events(void) {
  static char buffer[65536] __attribute__((aligned(8)));
  static uint32_t cookie;
  ssize_t n = read(in, buffer, sizeof buffer);
  if (n < 0) {
    SAY("no events: %d", errno);
    return;
  }
  for (ssize_t at = 0; at < n;) {
    struct inotify_event *e = (void *)(buffer + at);
    SAY("wd %d mask %x name %s len %d%s", e->wd, e->mask, e->len ? e->name : "-", e->len, e->cookie ? (e->cookie == cookie ? " same cookie" : " cookie") : "");
    if (e->cookie) cookie = e->cookie;
    at += sizeof *e + e->len;
  }
}

int main(void) {
  fresh_directory("inotify");
  CASE("setup");
  make_file("f", "x");
  mkdir("d", 0755);
  T(inotify_init1(0x1));
  in = OK(inotify_init1(IN_NONBLOCK | IN_CLOEXEC));
  T(fcntl(in, F_GETFL));
  T(inotify_add_watch(in, "nothing", IN_ALL_EVENTS));
  T(inotify_add_watch(in, "f", 0));
  T(inotify_add_watch(in, "f", IN_ALL_EVENTS | IN_ONLYDIR));
  T(inotify_add_watch(0x7fff, "f", IN_ALL_EVENTS));
  T(inotify_add_watch(1, "f", IN_ALL_EVENTS));
  T(inotify_add_watch(in, "f", IN_MASK_ADD | IN_MASK_CREATE | IN_OPEN));
  T(inotify_rm_watch(in, 99));
  T(inotify_rm_watch(-1, 1));
  events();
  T(inotify_add_watch(in, "f", IN_ALL_EVENTS));
  T(inotify_add_watch(in, "d", IN_ALL_EVENTS));
  T(inotify_add_watch(in, "f", IN_ALL_EVENTS | IN_MASK_CREATE));
  T(inotify_add_watch(in, "f", IN_ALL_EVENTS));

  CASE("file");
  char c;
  int fd = open("f", O_RDWR);
  read(fd, &c, 1);
  write(fd, "y", 1);
  write(fd, "z", 1);
  ftruncate(fd, 0);
  fchmod(fd, 0600);
  close(fd);
  close(open("f", O_RDONLY));
  events();
  events();
  utimensat(AT_FDCWD, "f", NULL, 0);
  truncate("f", 10);
  link("f", "g");
  unlink("g");
  rename("f", "h");
  rename("h", "f");
  events();

  CASE("directory");
  make_file("d/new", "text");
  mkdir("d/sub", 0755);
  rename("d/new", "d/renamed");
  rename("d/renamed", "outside");
  rename("outside", "d/back");
  symlink("x", "d/link");
  chmod("d/back", 0600);
  unlink("d/link");
  rmdir("d/sub");
  make_file("d/other", "");
  rename("d/back", "d/other");
  events();
  DIR_LIST:
  close(open("d", O_RDONLY | O_DIRECTORY));
  events();
  goto rest;
  goto DIR_LIST;
rest:
  CASE("sizes");
  int n = -1;
  T(ioctl(in, FIONREAD, &n));
  T(n);
  close(open("d/other", O_RDONLY));
  T(ioctl(in, FIONREAD, &n));
  T(n);
  T(read(in, &c, 1));
  struct pollfd pfd = {in, POLLIN, 0};
  T(poll(&pfd, 1, 0));
  char exact[32];
  T(read(in, exact, 32));
  T(read(in, exact, 31));
  events();

  CASE("ends");
  T(inotify_rm_watch(in, 1));
  events();
  T(inotify_rm_watch(in, 1));
  make_file("once", "x");
  T(inotify_add_watch(in, "once", IN_OPEN | IN_ONESHOT));
  close(open("once", O_RDONLY));
  close(open("once", O_RDONLY));
  events();
  make_file("gone", "x");
  T(inotify_add_watch(in, "gone", IN_ALL_EVENTS));
  fd = open("gone", O_RDONLY);
  unlink("gone");
  events();
  close(fd);
  events();
  mkdir("gone-d", 0755);
  T(inotify_add_watch(in, "gone-d", IN_DELETE_SELF | IN_MOVE_SELF));
  rename("gone-d", "gone-e");
  rmdir("gone-e");
  events();
  T(inotify_add_watch(in, "d", IN_CREATE | IN_EXCL_UNLINK));
  make_file("d/x", "1");
  fd = open("d/x", O_RDWR);
  unlink("d/x");
  write(fd, "q", 1);
  events();
  T(inotify_add_watch(in, "d", IN_DELETE | IN_MASK_ADD));
  make_file("d/y", "1");
  unlink("d/y");
  events();
  CASE("mine");
  close(in);
  in = OK(inotify_init());
  T(inotify_add_watch(in, ".", IN_CREATE));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    usleep(50000);
    make_file("by-child", "");
    _exit(0);
  }
  events();
  waitpid(child, NULL, 0);
  return 0;
}
