// covers: kill(EINVAL EPERM ESRCH) tkill(EINVAL ESRCH) tgkill(EINVAL EPERM ESRCH) rt_sigqueueinfo(EFAULT EINVAL EPERM ESRCH) rt_tgsigqueueinfo(EFAULT EINVAL ESRCH) rt_sigtimedwait(EAGAIN) pidfd_open pidfd_send_signal(EBADF EFAULT EINVAL ESRCH) timer_create timer_settime setitimer
// What a handler is told about each kind of signal, and who may send what.
#include "../processes.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>

static sigset_t all;
static siginfo_t got;

static long take(void) {
  memset(&got, 0, sizeof got);
  return sigtimedwait(&all, &got, &(struct timespec){5, 0});
}
static void show(const char *what) {
  long signo = take();
  SAY("%s: %ld signo %d errno %d code %d pid %s uid %d value %d", what, signo, got.si_signo, got.si_errno, got.si_code,
      got.si_pid == getpid() ? "own" : got.si_pid == getppid() ? "parent" : got.si_pid == 0 ? "0" : "other", got.si_uid, got.si_int);
}

static void sent(void) {
  CASE("sent");
  pid_t pid = getpid(), tid = (pid_t)syscall(SYS_gettid);
  kill(pid, SIGUSR1);
  show("kill");
  syscall(SYS_tkill, tid, SIGUSR1);
  show("tkill");
  syscall(SYS_tgkill, pid, tid, SIGUSR1);
  show("tgkill");
  raise(SIGUSR2);
  show("raise");
  sigqueue(pid, SIGUSR1, (union sigval){.sival_int = 4711});
  show("sigqueue");
  sigqueue(pid, SIGRTMIN + 1, (union sigval){.sival_int = -3});
  show("sigqueue realtime");
  say_end("child", CHILD(kill(getppid(), SIGUSR1)));
  show("from a child");
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  T(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0));
  show("pidfd");
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_signo = SIGUSR1;
  info.si_code = SI_QUEUE;
  info.si_int = 99;
  info.si_pid = 77;
  info.si_errno = 5;
  T(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, &info, 0));
  SAY("pid as given: %d", take() == SIGUSR1 && got.si_pid == 77 && got.si_int == 99 && got.si_errno == 5);
  T(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR2, &info));
  SAY("signo is the argument: %d", take() == SIGUSR2 && got.si_signo == SIGUSR2);
  info.si_code = -77;
  T(syscall(SYS_rt_tgsigqueueinfo, pid, tid, SIGUSR1, &info));
  SAY("own code: %d", take() == SIGUSR1 && got.si_code == -77);
  info.si_code = SI_USER;
  T(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, &info));
  SAY("to oneself as kill: %d", take() == SIGUSR1 && got.si_code == SI_USER);
}

static void refused(void) {
  CASE("refused");
  pid_t pid = getpid(), tid = (pid_t)syscall(SYS_gettid);
  T(kill(pid, 65));
  T(kill(pid, -1));
  T(kill(1234567, SIGUSR1));
  T(kill(-1234567, SIGUSR1));
  T(kill(pid, 0));
  T(syscall(SYS_tkill, tid, 65));
  T(syscall(SYS_tkill, 0, SIGUSR1));
  T(syscall(SYS_tkill, -1, SIGUSR1));
  T(syscall(SYS_tkill, 1234567, SIGUSR1));
  T(syscall(SYS_tkill, tid, 0));
  T(syscall(SYS_tgkill, pid, 0, SIGUSR1));
  T(syscall(SYS_tgkill, 0, tid, SIGUSR1));
  T(syscall(SYS_tgkill, getppid(), tid, SIGUSR1));
  T(syscall(SYS_tgkill, pid, tid, 65));
  T(syscall(SYS_tgkill, pid, tid, 0));
  siginfo_t info;
  memset(&info, 0, sizeof info);
  info.si_code = SI_QUEUE;
  T(syscall(SYS_rt_sigqueueinfo, 1234567, SIGUSR1, &info));
  T(syscall(SYS_rt_sigqueueinfo, pid, 65, &info));
  T(syscall(SYS_rt_sigqueueinfo, pid, SIGUSR1, 8));
  T(syscall(SYS_rt_sigqueueinfo, pid, 0, &info));
  T(syscall(SYS_rt_tgsigqueueinfo, pid, tid, 65, &info));
  T(syscall(SYS_rt_tgsigqueueinfo, pid, 0, SIGUSR1, &info));
  T(syscall(SYS_rt_tgsigqueueinfo, pid, tid, SIGUSR1, 8));
  T(syscall(SYS_rt_tgsigqueueinfo, pid, 1234567, SIGUSR1, &info));
  info.si_code = SI_USER;
  T(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
  info.si_code = SI_TKILL;
  T(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
  info.si_code = 5;
  T(syscall(SYS_rt_sigqueueinfo, getppid(), 0, &info));
  int pidfd = (int)syscall(SYS_pidfd_open, pid, 0);
  T(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0x1000));
  T(syscall(SYS_pidfd_send_signal, 1, SIGUSR1, NULL, 0));
  T(syscall(SYS_pidfd_send_signal, -1, SIGUSR1, NULL, 0));
  info.si_signo = SIGUSR2;
  T(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, &info, 0));
  T(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, 8, 0));
  T(syscall(SYS_pidfd_send_signal, pidfd, 65, NULL, 0));
  close(pidfd);
  /* A zombie can be signalled; who is reaped can't. */
  pid_t child = CHILD(_exit(0));
  waitid(P_PID, child, &info, WEXITED | WNOWAIT);
  T(kill(child, SIGUSR1));
  pidfd = (int)syscall(SYS_pidfd_open, child, 0);
  T(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0) < 0 ? -errno : 0);
  waitpid(child, NULL, 0);
  T(kill(child, SIGUSR1));
  T(syscall(SYS_pidfd_send_signal, pidfd, SIGUSR1, NULL, 0));
  struct gate gate = new_gate();
  child = CHILD(gate_pass(gate));
  say_end("other user", CHILD({
            drop_privileges();
            T(kill(child, SIGUSR1));
            T(kill(child, 0));
            T(kill(child, SIGCONT));
            T(syscall(SYS_tgkill, child, child, SIGUSR1));
            info.si_code = SI_QUEUE;
            T(syscall(SYS_rt_sigqueueinfo, child, SIGUSR1, &info));
            setsid();
            T(kill(child, SIGCONT));
          }));
  gate_open(gate);
  say_end("target", child);
}

static void timers(void) {
  CASE("timers");
  timer_t timer;
  struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGRTMIN + 2, .sigev_value.sival_int = 31};
  timer_create(CLOCK_MONOTONIC, &event, &timer);
  struct itimerspec soon = {.it_value = {0, 1000000}};
  timer_settime(timer, 0, &soon, NULL);
  SAY("%ld code %d value %d overrun %d", take(), got.si_code, got.si_int, got.si_overrun);
  timer_create(CLOCK_MONOTONIC, NULL, &timer);
  timer_settime(timer, 0, &soon, NULL);
  SAY("%ld code %d", take(), got.si_code);
  struct itimerval interval = {.it_value = {0, 1000}};
  setitimer(ITIMER_REAL, &interval, NULL);
  show("setitimer");
  ualarm(1000, 0);
  show("alarm");
}

static void children(void) {
  CASE("children");
  pid_t child = CHILD(_exit(258));
  SAY("%ld code %d status %d pid %d", take(), got.si_code, got.si_status, got.si_pid == child);
  waitpid(child, NULL, 0);
  child = CHILD(pause());
  kill(child, SIGSTOP);
  SAY("%ld code %d status %d pid %d", take(), got.si_code, got.si_status, got.si_pid == child);
  kill(child, SIGCONT);
  SAY("%ld code %d status %d pid %d", take(), got.si_code, got.si_status, got.si_pid == child);
  kill(child, SIGKILL);
  SAY("%ld code %d status %d pid %d", take(), got.si_code, got.si_status, got.si_pid == child);
  waitpid(child, NULL, 0);
  child = CHILD(setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0}); abort());
  SAY("%ld code %d status %d", take(), got.si_code, got.si_status);
  waitpid(child, NULL, 0);
}

static void pipes(void) {
  CASE("pipe");
  int ends[2];
  if (pipe(ends) < 0) return;
  close(ends[0]);
  T(write(ends[1], "x", 1));
  show("SIGPIPE");
  close(ends[1]);
  CASE("sigio");
  if (pipe(ends) < 0) return;
  fcntl(ends[0], F_SETOWN, getpid());
  fcntl(ends[0], F_SETFL, O_ASYNC | O_NONBLOCK);
  write(ends[1], "x", 1);
  SAY("SIGIO %ld", take());
  fcntl(ends[0], F_SETSIG, SIGRTMIN + 3);
  write(ends[1], "x", 1);
  long signo = take();
  SAY("%ld code %d fd %d", signo - SIGRTMIN, got.si_code, got.si_fd == ends[0]);
}

static volatile siginfo_t seen;
static ucontext_t context_seen;
static void handler(int signo, siginfo_t *info, void *context) {
  (void)signo;
  seen = *info;
  context_seen = *(ucontext_t *)context;
}

static void handlers(void) {
  CASE("handler");
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO};
  sigaction(SIGUSR1, &action, NULL);
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  sigqueue(getpid(), SIGUSR1, (union sigval){.sival_ptr = (void *)0x123456789abcUL});
  SAY("signo %d code %d pid %d value %lx", seen.si_signo, seen.si_code, seen.si_pid == getpid(), (unsigned long)seen.si_ptr);
  SAY("frame: flags %lx, link %d, aligned %d", context_seen.uc_flags, context_seen.uc_link == NULL,
      (unsigned long)context_seen.uc_mcontext.fpregs % 64 == 0);
  SAY("selectors %llx", context_seen.uc_mcontext.gregs[REG_CSGSFS]);
}

int main(void) {
  sigfillset(&all);
  sigdelset(&all, SIGSEGV);
  sigprocmask(SIG_BLOCK, &all, NULL);
  sent();
  signal(SIGCHLD, SIG_DFL);
  while (sigtimedwait(&all, NULL, &(struct timespec){0, 0}) > 0);
  refused();
  while (sigtimedwait(&all, NULL, &(struct timespec){0, 0}) > 0);
  timers();
  children();
  pipes();
  handlers();
  return 0;
}
