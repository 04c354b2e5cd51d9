// covers: wait4(ECHILD EFAULT EINVAL ESRCH) waitid(EBADF ECHILD EFAULT EINVAL) kill(ESRCH)
// libc: glibc musl
// Who waits for whom, what is reported, and when nothing is left to wait for.
#include "../processes.h"
#include <sys/resource.h>

#ifndef P_PIDFD
#define P_PIDFD 3
#endif

static void say_info(const char *what, int result, siginfo_t *info, pid_t child) {
  if (result < 0) SAY("%s: error %d", what, errno);
  else
    SAY("%s: signo %d errno %d code %d status %d pid %s uid %d", what, info->si_signo, info->si_errno, info->si_code, info->si_status,
        info->si_pid == child ? "right" : info->si_pid == 0 ? "0" : "wrong", info->si_uid == getuid());
}

static int wait_id(idtype_t type, id_t id, siginfo_t *info, int options) {
  memset(info, 0x55, sizeof *info);
  return waitid(type, id, info, options);
}

static void statuses(void) {
  CASE("wait4");
  int status;
  T(wait4(-1, &status, 0, NULL));
  T(wait4(1234567, &status, 0, NULL));
  T(wait4(-1, &status, 0x100, NULL));
  T(wait4(-1, &status, WEXITED, NULL));
  T(wait4(-2147483647 - 1, &status, 0, NULL));
  struct rusage usage;
  memset(&usage, 0x55, sizeof usage);
  pid_t child = CHILD(_exit(3));
  T(wait4(child, &status, 0, &usage) == child);
  SAY("%s, page faults and times are there %d", status_text(status), usage.ru_utime.tv_sec == 0 && usage.ru_stime.tv_sec == 0);
  child = CHILD(_exit(4));
  T(wait4(child, (int *)8, 0, NULL));
  T(wait4(child, NULL, 0, NULL) == child || errno == ECHILD);
  child = CHILD(_exit(4));
  T(wait4(0, NULL, 0, NULL) == child);
  child = CHILD(_exit(4));
  T(wait4(-getpgrp(), NULL, 0, NULL) == child);
  T(wait4(-getpgrp(), NULL, 0, NULL));
  struct gate gate = new_gate();
  child = CHILD(gate_pass(gate));
  status = 42;
  T(wait4(child, &status, WNOHANG, NULL));
  SAY("untouched %d", status);
  T(wait4(-1, NULL, WNOHANG, NULL));
  T(wait4(-child, NULL, WNOHANG, NULL));
  gate_open(gate);
  T(wait4(-1, NULL, 0, NULL) == child);
  T(wait4(-1, NULL, WNOHANG, NULL));
  gate_close(gate);
}

static void ids(void) {
  CASE("waitid");
  siginfo_t info;
  T(wait_id(P_ALL, 0, &info, WEXITED));
  T(wait_id(P_PID, 0, &info, WEXITED));
  T(wait_id(P_PID, -1, &info, WEXITED));
  T(wait_id(P_PGID, -1, &info, WEXITED));
  T(wait_id(P_ALL, 0, &info, 0));
  T(wait_id(P_ALL, 0, &info, WNOHANG));
  T(wait_id(P_ALL, 0, &info, WEXITED | 0x100));
  T(wait_id(99, 0, &info, WEXITED));
  T(wait_id(P_PIDFD, -1, &info, WEXITED));
  T(wait_id(P_PIDFD, 0, &info, WEXITED));
  pid_t child = CHILD(_exit(3));
  say_info("WNOWAIT", wait_id(P_PID, child, &info, WEXITED | WNOWAIT), &info, child);
  say_info("again", wait_id(P_ALL, 0, &info, WEXITED), &info, child);
  say_info("gone", wait_id(P_PID, child, &info, WEXITED), &info, child);
  child = CHILD(kill(getpid(), SIGKILL));
  say_info("killed", wait_id(P_PGID, 0, &info, WEXITED), &info, child);
  child = CHILD(abort());
  say_info("core", wait_id(P_PGID, getpgrp(), &info, WEXITED), &info, child);
  struct gate gate = new_gate();
  child = CHILD(gate_pass(gate));
  say_info("none yet", wait_id(P_PID, child, &info, WEXITED | WNOHANG), &info, child);
  gate_open(gate);
  T(waitid(P_PID, child, NULL, WEXITED));
  child = CHILD(_exit(1));
  T(waitid(P_PID, child, (siginfo_t *)8, WEXITED));
  T(waitid(P_PID, child, NULL, WEXITED) == 0 || errno == ECHILD);
  child = CHILD(_exit(1));
  struct rusage usage;
  T(syscall(SYS_waitid, P_PID, child, &info, WEXITED, &usage));
  child = CHILD(_exit(1));
  T(syscall(SYS_waitid, P_PID, child, &info, WEXITED, 8));
  gate_close(gate);
}

static void stops(void) {
  CASE("stops");
  siginfo_t info;
  int status;
  struct gate gate = new_gate();
  pid_t child = CHILD(gate_pass(gate); _exit(9));
  kill(child, SIGSTOP);
  T(waitpid(child, &status, WUNTRACED) == child);
  SAY("%s", status_text(status));
  T(waitpid(child, &status, WUNTRACED | WNOHANG));
  kill(child, SIGCONT);
  T(waitpid(child, &status, WCONTINUED) == child);
  SAY("%s", status_text(status));
  T(waitpid(child, &status, WCONTINUED | WNOHANG));
  kill(child, SIGSTOP);
  say_info("stopped, kept", wait_id(P_PID, child, &info, WSTOPPED | WNOWAIT), &info, child);
  say_info("stopped", wait_id(P_PID, child, &info, WSTOPPED), &info, child);
  say_info("no more", wait_id(P_PID, child, &info, WSTOPPED | WNOHANG), &info, child);
  kill(child, SIGCONT);
  say_info("continued", wait_id(P_PID, child, &info, WCONTINUED), &info, child);
  /* A stopped child that is killed was never continued. */
  kill(child, SIGSTOP);
  T(waitid(P_PID, child, &info, WSTOPPED));
  kill(child, SIGKILL);
  say_info("killed while stopped", wait_id(P_PID, child, &info, WEXITED | WCONTINUED), &info, child);
  /* A continue hides a stop that nobody saw. */
  child = CHILD(gate_pass(gate); _exit(9));
  kill(child, SIGSTOP);
  T(waitid(P_PID, child, &info, WSTOPPED | WNOWAIT));
  kill(child, SIGCONT);
  T(waitid(P_PID, child, &info, WCONTINUED | WNOWAIT));
  say_info("stop is past", wait_id(P_PID, child, &info, WSTOPPED | WNOHANG), &info, child);
  gate_open(gate);
  say_end("end", child);
  gate_close(gate);
}

static volatile int chld_count;
static void on_child(int signo) {
  (void)signo;
  chld_count++;
}

/* The signal may come a little after wait has seen the change. */
static void expect_signals(int count) {
  for (long end = now_ms() + 10000; chld_count < count && now_ms() < end;) sched_yield();
  SAY("signals %d", chld_count);
}

static void ignored(void) {
  CASE("ignored");
  struct sigaction old;
  sigaction(SIGCHLD, NULL, &old);
  signal(SIGCHLD, SIG_IGN);
  pid_t child = CHILD(_exit(1));
  T(waitpid(child, NULL, 0));
  T(kill(child, 0));
  signal(SIGCHLD, SIG_DFL);
  /* The same with SA_NOCLDWAIT, but the signal comes. */
  sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child, .sa_flags = SA_NOCLDWAIT | SA_RESTART}, NULL);
  child = CHILD(_exit(1));
  T(waitpid(child, NULL, 0));
  SAY("signals %d", chld_count);
  /* SA_NOCLDSTOP: not for stops. */
  chld_count = 0;
  sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child, .sa_flags = SA_NOCLDSTOP | SA_RESTART}, NULL);
  struct gate gate = new_gate();
  child = CHILD(gate_pass(gate));
  kill(child, SIGSTOP);
  T(waitpid(child, NULL, WUNTRACED) == child);
  kill(child, SIGCONT);
  T(waitpid(child, NULL, WCONTINUED) == child);
  SAY("signals %d", chld_count);
  gate_open(gate);
  say_end("end", child);
  SAY("signals %d", chld_count);
  /* Without it: for each. */
  chld_count = 0;
  sigaction(SIGCHLD, &(struct sigaction){.sa_handler = on_child, .sa_flags = SA_RESTART}, NULL);
  child = CHILD(gate_pass(gate));
  kill(child, SIGSTOP);
  T(waitpid(child, NULL, WUNTRACED) == child);
  expect_signals(1);
  kill(child, SIGCONT);
  T(waitpid(child, NULL, WCONTINUED) == child);
  expect_signals(2);
  gate_open(gate);
  say_end("end", child);
  expect_signals(3);
  sigaction(SIGCHLD, &old, NULL);
  gate_close(gate);
}

static void *thread_body(void *argument) {
  return (void *)(long)waitpid(*(pid_t *)argument, NULL, 0);
}
static void *thread_nowait(void *argument) {
  return (void *)(long)(waitpid(*(pid_t *)argument, NULL, 0x20000000 /* __WNOTHREAD */) < 0 ? -errno : 0);
}

static void threads(void) {
  CASE("threads");
  struct gate gate = new_gate();
  pid_t child = CHILD(gate_pass(gate));
  pthread_t thread;
  void *result;
  pthread_create(&thread, NULL, thread_nowait, &child);
  pthread_join(thread, &result);
  SAY("__WNOTHREAD in a thread that has no child: %ld", (long)result);
  pthread_create(&thread, NULL, thread_body, &child);
  gate_open(gate);
  pthread_join(thread, &result);
  SAY("another thread's child: %d", (long)result == child);
  gate_close(gate);
}

static void orphans(void) {
  CASE("orphans");
  /* A subreaper gets its grandchildren. */
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  struct gate gate = new_gate(), out = new_gate();
  pid_t self = getpid();
  pid_t child = CHILD({
    pid_t grandchild = CHILD({
      gate_pass(gate);
      SAY("parent is the subreaper: %d", getppid() == self);
      _exit(17);
    });
    if (write(out.ends[1], &grandchild, sizeof grandchild) < 0) _exit(1);
  });
  pid_t grandchild;
  if (read(out.ends[0], &grandchild, sizeof grandchild) < 0) return;
  say_end("child", child);
  T(waitpid(grandchild, NULL, WNOHANG));
  gate_open(gate);
  say_end("grandchild", grandchild);
  /* A grandchild that was a zombie already. */
  child = CHILD({
    grandchild = CHILD(_exit(18));
    siginfo_t info;
    waitid(P_PID, grandchild, &info, WEXITED | WNOWAIT);
    if (write(out.ends[1], &grandchild, sizeof grandchild) < 0) _exit(1);
  });
  if (read(out.ends[0], &grandchild, sizeof grandchild) < 0) return;
  say_end("child", child);
  say_end("zombie grandchild", grandchild);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  gate_close(gate);
  gate_close(out);
}

int main(void) {
  statuses();
  ids();
  stops();
  ignored();
  threads();
  orphans();
  return 0;
}
