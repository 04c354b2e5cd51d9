// covers: signalfd(EINVAL) signalfd4(EBADF EFAULT EINVAL) read(EAGAIN EFAULT EINVAL)
// Signals read from a descriptor.
#include "../processes.h"
#include <sys/signalfd.h>

static struct signalfd_siginfo info[4];
static int ready(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT, 0};
  poll(&p, 1, 0);
  return p.revents;
}
static void handler(int signo) { SAY("handler %d", signo); }

int main(void) {
  CASE("signalfd");
  sigset_t set, all;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGRTMIN);
  sigfillset(&all);
  int fd;
  OK(fd = syscall(SYS_signalfd, -1, &set, 8));
  T(syscall(SYS_signalfd, -1, &set, 4));
  close(fd);
  CASE("signalfd4");
  T(syscall(SYS_signalfd4, -1, &set, 8, 1));
  T(syscall(SYS_signalfd4, -1, &set, 9, 0));
  T(syscall(SYS_signalfd4, -1, 8, 8, 0));
  T(syscall(SYS_signalfd4, 999, &set, 8, 0));
  T(syscall(SYS_signalfd4, 0, &set, 8, 0));
  T(syscall(SYS_signalfd4, -2, &set, 8, 0));
  OK(fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK));
  T(fcntl(fd, F_GETFD));
  T(fcntl(fd, F_GETFL));
  CASE("reading");
  sigprocmask(SIG_BLOCK, &set, NULL);
  T(read(fd, info, sizeof info));
  SAY("ready %x", ready(fd));
  raise(SIGUSR1);
  raise(SIGUSR1);
  sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 77});
  SAY("ready %x", ready(fd));
  T(read(fd, info, sizeof *info - 1));
  T(read(fd, (void *)8, sizeof *info));
  T(read(fd, info, sizeof info));
  SAY("signo %u code %d pid %d uid %d", info[0].ssi_signo, info[0].ssi_code, info[0].ssi_pid == (unsigned)getpid(), info[0].ssi_uid == getuid());
  SAY("signo %u code %d int %d", info[1].ssi_signo, info[1].ssi_code, info[1].ssi_int);
  T(read(fd, info, sizeof *info));
  T(write(fd, info, sizeof *info));
  T(lseek(fd, 0, SEEK_SET));
  CASE("another mask");
  sigset_t other;
  sigemptyset(&other);
  sigaddset(&other, SIGUSR2);
  sigprocmask(SIG_BLOCK, &other, NULL);
  OK(signalfd(fd, &other, 0) == fd);
  raise(SIGUSR1);
  SAY("ready %x", ready(fd));
  raise(SIGUSR2);
  SAY("ready %x", ready(fd));
  T(read(fd, info, sizeof info));
  SAY("signo %u", info[0].ssi_signo);
  OK(signalfd(fd, &all, 0) == fd);
  T(read(fd, info, sizeof info));
  SAY("signo %u", info[0].ssi_signo);
  CASE("not blocked");
  signal(SIGUSR1, handler);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  raise(SIGUSR1);
  T(read(fd, info, sizeof info));
  sigprocmask(SIG_BLOCK, &set, NULL);
  CASE("children");
  sigaddset(&other, SIGCHLD);
  sigprocmask(SIG_BLOCK, &other, NULL);
  signalfd(fd, &other, 0);
  pid_t child = CHILD(_exit(7));
  fcntl(fd, F_SETFL, 0);
  T(read(fd, info, sizeof info));
  SAY("signo %u code %d status %d pid %d", info[0].ssi_signo, info[0].ssi_code, info[0].ssi_status, info[0].ssi_pid == (unsigned)child);
  say_end("child", child);
  CASE("of whoever reads");
  raise(SIGUSR2);
  child = CHILD({
    fcntl(fd, F_SETFL, O_NONBLOCK);
    T(read(fd, info, sizeof info));
    raise(SIGUSR2);
    T(read(fd, info, sizeof info));
    SAY("pid %d", info[0].ssi_pid == (unsigned)getpid());
  });
  say_end("child", child);
  T(read(fd, info, sizeof *info));
  SAY("signo %u pid %d", info[0].ssi_signo, info[0].ssi_pid == (unsigned)getpid());
  CASE("waiting");
  pid_t self = getpid();
  child = CHILD(wait_asleep(self); kill(self, SIGUSR2));
  T(read(fd, info, sizeof *info));
  SAY("signo %u code %d pid %d", info[0].ssi_signo, info[0].ssi_code, info[0].ssi_pid == (unsigned)child);
  say_end("child", child);
  return 0;
}
