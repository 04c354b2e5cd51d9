// covers: dup(EBADF EMFILE) dup2(EBADF) dup3(EINVAL) close(EBADF) close_range(EINVAL) fcntl(EAGAIN EBADF EDEADLK EFAULT EINVAL EMFILE ESRCH) flock(EAGAIN EBADF EINVAL) ioctl(EBADF EFAULT ENOTTY) openat(EMFILE)
// Descriptors and descriptions: duplication, flags, limits, locks.
#include "../processes.h"
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/resource.h>

#ifndef F_OFD_SETLK
#define F_OFD_GETLK 36
#define F_OFD_SETLK 37
#define F_OFD_SETLKW 38
#endif

static void duplication(void) {
  CASE("dup");
  int fd = open("f", O_CREAT | O_RDWR, 0644);
  T(fd);
  T(dup(fd));
  T(dup2(fd, 10));
  T(dup2(fd, fd));
  T(dup2(999, 5));
  T(dup2(999, 999));
  T(dup2(fd, -1));
  T(dup2(fd, 100000000));
  T(dup(-1));
  T(dup3(fd, 11, O_CLOEXEC));
  T(fcntl(11, F_GETFD));
  T(dup3(fd, fd, 0));
  T(dup3(fd, 12, 1));
  T(fcntl(fd, F_DUPFD, 20));
  T(fcntl(fd, F_DUPFD_CLOEXEC, 20));
  T(fcntl(21, F_GETFD));
  T(fcntl(fd, F_DUPFD, -1));
  T(fcntl(fd, F_DUPFD, 100000000));
  write(fd, "hello", 5);
  T(lseek(10, 0, SEEK_CUR));
  close(4);
  T(open("f", O_RDONLY));
  T(close(4));
  T(close(4));
  T(close(-1));
  T(close(100000000));
  T(syscall(SYS_close_range, 10, 20, 0));
  T(fcntl(11, F_GETFD));
  T(fcntl(21, F_GETFD));
  T(syscall(SYS_close_range, 21, 20, 0));
  T(syscall(SYS_close_range, 3, 5, 4));
  T(fcntl(fd, F_GETFD));
  T(syscall(SYS_close_range, 3, 5, 64));
  T(syscall(SYS_close_range, 4, ~0U, 0));
  T(fcntl(21, F_GETFD));
}

static void limits(void) {
  CASE("nofile");
  IN_CHILD({
    struct rlimit limit = {20, 20};
    setrlimit(RLIMIT_NOFILE, &limit);
    int n = 0;
    while (open("f", O_RDONLY) >= 0) n++;
    T(n);
    SAY("error %d", errno);
    T(dup(3));
    T(dup2(3, 20));
    T(dup2(3, 19));
    T(fcntl(3, F_DUPFD, 20));
    T(fcntl(3, F_DUPFD, 5));
    int pipes[2];
    T(pipe(pipes));
    T(open("nothing", O_RDONLY));
    T(open("nothing", O_CREAT | O_WRONLY, 0600));
    T(access("nothing", F_OK));
    close(7);
    T(pipe(pipes));
    T(open("f", O_RDONLY));
  });
}

static void flags(void) {
  CASE("flags");
  int fd = open("f", O_RDWR | O_APPEND | O_CREAT | O_TRUNC | O_NOCTTY, 0644);
  T(fcntl(fd, F_GETFL) & ~0100000);
  T(fcntl(fd, F_SETFL, O_NONBLOCK));
  T(fcntl(fd, F_GETFL) & ~0100000);
  T(fcntl(fd, F_SETFL, O_WRONLY | O_CREAT | O_SYNC | O_APPEND));
  T(fcntl(fd, F_GETFL) & ~0100000);
  T(fcntl(fd, F_SETFD, 3));
  T(fcntl(fd, F_GETFD));
  T(fcntl(fd, F_SETFD, 0));
  T(fcntl(fd, F_GETFD));
  T(ioctl(fd, FIOCLEX));
  T(fcntl(fd, F_GETFD));
  T(ioctl(fd, FIONCLEX));
  int on = 1;
  T(ioctl(fd, FIONBIO, &on));
  T(fcntl(fd, F_GETFL) & O_NONBLOCK);
  T(ioctl(fd, FIONBIO, (void *)1));
  int left = -1;
  lseek(fd, 0, SEEK_SET);
  write(fd, "12345", 5);
  lseek(fd, 2, SEEK_SET);
  T(ioctl(fd, FIONREAD, &left));
  T(left);
  T(ioctl(fd, TIOCGWINSZ, &left));
  T(ioctl(fd, 0x1234, &left));
  T(ioctl(-1, FIONREAD, &left));
  T(fcntl(fd, 9999, 0));
  T(fcntl(-1, F_GETFD));
  T(fcntl(fd, F_GETOWN));
  T(fcntl(fd, F_SETOWN, getpid()));
  T(fcntl(fd, F_GETOWN) == getpid());
  T(fcntl(fd, F_SETOWN, -getpgrp()));
  T(fcntl(fd, F_SETOWN, 0x3fffffff));
  struct f_owner_ex owner = {F_OWNER_PID, getpid()};
  T(fcntl(fd, F_SETOWN_EX, &owner));
  owner.pid = 0;
  T(fcntl(fd, F_GETOWN_EX, &owner));
  T(owner.pid == getpid() && owner.type == F_OWNER_PID);
  owner.type = 77;
  T(fcntl(fd, F_SETOWN_EX, &owner));
  T(fcntl(fd, F_SETOWN_EX, (void *)1));
  T(fcntl(fd, F_SETSIG, 99));
  T(fcntl(fd, F_SETSIG, SIGUSR1));
  T(fcntl(fd, F_GETSIG));
  T(fcntl(fd, F_GETPIPE_SZ));
  T(fcntl(fd, F_GETLEASE));
  close(fd);
}

static long lock(int fd, int command, int type, off_t from, off_t length) {
  struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = from, .l_len = length};
  return fcntl(fd, command, &l);
}
static void show(int fd, int command, int type, off_t from, off_t length) {
  struct flock l = {.l_type = type, .l_whence = SEEK_SET, .l_start = from, .l_len = length};
  if (fcntl(fd, command, &l) < 0) SAY("error %d", errno);
  else if (l.l_type == F_UNLCK) SAY("free");
  else SAY("%s %ld+%ld%s", l.l_type == F_RDLCK ? "read" : "write", (long)l.l_start, (long)l.l_len, l.l_pid == -1 ? " (description)" : "");
}

static void posix_locks(void) {
  CASE("locks");
  int fd = open("locked", O_CREAT | O_RDWR, 0644);
  T(lock(fd, F_SETLK, F_WRLCK, 0, 100));
  T(lock(fd, F_SETLK, F_RDLCK, 40, 20));
  T(lock(fd, F_SETLK, F_UNLCK, 90, 5));
  T(lock(fd, F_SETLK, F_WRLCK, 200, 0));
  show(fd, F_GETLK, F_WRLCK, 0, 0);
  IN_CHILD({
    show(fd, F_GETLK, F_WRLCK, 0, 0);
    show(fd, F_GETLK, F_RDLCK, 40, 20);
    show(fd, F_GETLK, F_WRLCK, 40, 20);
    show(fd, F_GETLK, F_WRLCK, 60, 40);
    show(fd, F_GETLK, F_WRLCK, 90, 5);
    show(fd, F_GETLK, F_WRLCK, 95, 5);
    show(fd, F_GETLK, F_WRLCK, 100, 100);
    show(fd, F_GETLK, F_RDLCK, 5000, 1);
    T(lock(fd, F_SETLK, F_WRLCK, 0, 1));
    T(lock(fd, F_SETLK, F_RDLCK, 45, 1));
    T(lock(fd, F_SETLK, F_WRLCK, 45, 1));
    T(lock(fd, F_SETLK, F_WRLCK, 100, 100));
    T(lock(fd, F_SETLK, F_WRLCK, 100, 101));
  });
  // Any close of the file gives up the process's locks on it.
  close(open("locked", O_RDONLY));
  IN_CHILD(show(fd, F_GETLK, F_WRLCK, 0, 0));
  T(lock(fd, F_SETLK, 9, 0, 1));
  T(lock(fd, F_SETLK, F_WRLCK, -1, 1));
  T(lock(fd, F_SETLK, F_WRLCK, 10, -5));
  IN_CHILD(show(fd, F_GETLK, F_WRLCK, 0, 0));
  T(lock(fd, F_SETLK, F_WRLCK, 1, -5));
  struct flock whence = {.l_type = F_WRLCK, .l_whence = 9};
  T(fcntl(fd, F_SETLK, &whence));
  T(fcntl(fd, F_SETLK, (void *)1));
  T(lock(-1, F_SETLK, F_WRLCK, 0, 1));
  int ro = open("f", O_RDONLY), wo = open("f", O_WRONLY);
  T(lock(ro, F_SETLK, F_WRLCK, 0, 1));
  T(lock(ro, F_SETLK, F_RDLCK, 0, 1));
  T(lock(wo, F_SETLK, F_RDLCK, 0, 1));
  // Waiting, and a circle of waiters.
  int sync[2];
  pipe(sync);
  lock(fd, F_SETLK, F_UNLCK, 0, 0);
  T(lock(fd, F_SETLK, F_WRLCK, 0, 1));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    lock(fd, F_SETLK, F_WRLCK, 1, 1);
    write(sync[1], "x", 1);
    long r = lock(fd, F_SETLKW, F_WRLCK, 0, 1);
    _exit(r == 0 ? 0 : errno);
  }
  char c;
  read(sync[0], &c, 1);
  wait_asleep(child);
  T(lock(fd, F_SETLKW, F_WRLCK, 1, 1));
  T(lock(fd, F_SETLK, F_UNLCK, 0, 1));
  int status;
  waitpid(child, &status, 0);
  SAY("child got it: %d", status);
  T(lock(fd, F_SETLKW, F_WRLCK, 1, 1));
  close(fd);
}

static void description_locks(void) {
  CASE("ofd");
  int a = open("ofd", O_CREAT | O_RDWR, 0644), b = open("ofd", O_RDWR), copy = dup(a);
  T(lock(a, F_OFD_SETLK, F_WRLCK, 0, 10));
  T(lock(b, F_OFD_SETLK, F_WRLCK, 5, 1));
  T(lock(b, F_SETLK, F_RDLCK, 5, 1));
  T(lock(copy, F_OFD_SETLK, F_RDLCK, 5, 1));
  show(b, F_OFD_GETLK, F_WRLCK, 0, 0);
  struct flock pid = {.l_type = F_WRLCK, .l_pid = 1};
  T(fcntl(a, F_OFD_SETLK, &pid));
  close(a);
  show(b, F_OFD_GETLK, F_WRLCK, 0, 0);
  close(copy);
  show(b, F_OFD_GETLK, F_WRLCK, 0, 0);
  close(b);
}

static void flocks(void) {
  CASE("flock");
  int a = open("fl", O_CREAT | O_RDWR, 0644), b = open("fl", O_RDONLY), copy = dup(a);
  T(flock(a, LOCK_EX | LOCK_NB));
  T(flock(b, LOCK_EX | LOCK_NB));
  T(flock(b, LOCK_SH | LOCK_NB));
  T(flock(copy, LOCK_EX | LOCK_NB));
  T(flock(a, LOCK_SH | LOCK_NB));
  T(flock(b, LOCK_SH | LOCK_NB));
  T(flock(a, LOCK_EX | LOCK_NB));
  T(flock(b, LOCK_UN));
  T(flock(a, 0));
  T(flock(a, 99));
  T(flock(-1, LOCK_EX));
  T(flock(a, LOCK_EX));
  close(a);
  T(flock(b, LOCK_EX | LOCK_NB));
  close(copy);
  T(flock(b, LOCK_EX | LOCK_NB));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    int own = open("fl", O_RDONLY);
    _exit(flock(own, LOCK_EX) == 0 ? 0 : errno);
  }
  wait_asleep(child);
  T(flock(b, LOCK_UN));
  int status;
  waitpid(child, &status, 0);
  SAY("child got it: %d", status);
  close(b);
}

static void on_alarm(int signo) { (void)signo; }
static void interrupted(void) {
  CASE("interrupted");
  int a = open("fl", O_RDWR), b = open("fl", O_RDWR);
  struct sigaction action = {.sa_handler = on_alarm};
  sigaction(SIGALRM, &action, NULL);
  flock(a, LOCK_EX);
  ualarm(50000, 50000);
  T(flock(b, LOCK_EX));
  ualarm(0, 0);
  flock(a, LOCK_UN);
  IN_CHILD({
    int c = open("locked", O_RDWR);
    lock(c, F_SETLK, F_WRLCK, 0, 0);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      ualarm(50000, 50000);
      T(lock(c, F_SETLKW, F_WRLCK, 0, 1));
      _exit(0);
    }
    int status;
    waitpid(child, &status, 0);
  });
  close(a);
  close(b);
}

int main(void) {
  fresh_directory("descriptors");
  duplication();
  limits();
  flags();
  posix_locks();
  description_locks();
  flocks();
  interrupted();
  return 0;
}
