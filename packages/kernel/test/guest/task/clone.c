// covers: clone(EFAULT EINVAL) clone3(E2BIG EEXIST EFAULT EINVAL) exit set_tid_address waitid(ECHILD) wait4(ECHILD)
// The flags of clone one by one: what is shared, who is told, which combinations are refused.
#include "../processes.h"
#include <fcntl.h>
#include <linux/futex.h>
#include <linux/sched.h>
#include <sys/mman.h>

struct args3 {
  uint64_t flags, pidfd, child_tid, parent_tid, exit_signal, stack, stack_size, tls, set_tid, set_tid_size, cgroup;
};

#define STACK_SIZE 65536
static char stack[STACK_SIZE] __attribute__((aligned(16)));
static volatile int value;
static volatile int tids[4];

static int change(void *argument) {
  value = 55;
  (void)argument;
  return 11;
}
static int change_files(void *argument) {
  close(*(int *)argument);
  return 0;
}
static int change_cwd(void *argument) {
  (void)argument;
  umask(0123);
  return chdir("/tmp");
}
static int install_handler(void *argument) {
  (void)argument;
  signal(SIGUSR1, SIG_IGN);
  return 0;
}
static long raw(unsigned long flags, void *child_stack) { return syscall(SYS_clone, flags, child_stack, NULL, NULL, NULL); }
static long three(struct args3 args, size_t size) { return syscall(SYS_clone3, &args, size); }

static void sharing(void) {
  CASE("sharing");
  value = 1;
  say_end("copied memory", clone(change, stack + STACK_SIZE, SIGCHLD, NULL));
  SAY("value %d", value);
  say_end("shared memory", clone(change, stack + STACK_SIZE, CLONE_VM | SIGCHLD, NULL));
  SAY("value %d", value);
  int fd = dup(1);
  say_end("copied files", clone(change_files, stack + STACK_SIZE, SIGCHLD, &fd));
  T(fcntl(fd, F_GETFD));
  say_end("shared files", clone(change_files, stack + STACK_SIZE, CLONE_FILES | SIGCHLD, &fd));
  T(fcntl(fd, F_GETFD));
  char cwd[256];
  umask(022);
  say_end("copied fs", clone(change_cwd, stack + STACK_SIZE, SIGCHLD, NULL));
  SAY("in /tmp %d", strcmp(getcwd(cwd, sizeof cwd), "/tmp") == 0);
  say_end("shared fs", clone(change_cwd, stack + STACK_SIZE, CLONE_FS | SIGCHLD, NULL));
  SAY("in /tmp %d umask %o", strcmp(getcwd(cwd, sizeof cwd), "/tmp") == 0, umask(022));
  struct sigaction action;
  say_end("copied handlers", clone(install_handler, stack + STACK_SIZE, CLONE_VM | SIGCHLD, NULL));
  sigaction(SIGUSR1, NULL, &action);
  SAY("ignored %d", action.sa_handler == SIG_IGN);
  say_end("shared handlers", clone(install_handler, stack + STACK_SIZE, CLONE_VM | CLONE_SIGHAND | SIGCHLD, NULL));
  sigaction(SIGUSR1, NULL, &action);
  SAY("ignored %d", action.sa_handler == SIG_IGN);
  signal(SIGUSR1, SIG_DFL);
}

static int report_tids(void *argument) {
  (void)argument;
  SAY("child sees its tid %d", tids[1] == (int)syscall(SYS_gettid));
  return 0;
}

static void tid_words(void) {
  CASE("tids");
  memset((void *)tids, 0, sizeof tids);
  pid_t child = clone(report_tids, stack + STACK_SIZE, CLONE_VM | CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, NULL, &tids[0], NULL, &tids[1]);
  say_end("child", child);
  SAY("parent word %d child word %d", tids[0] == child, tids[1] == child);
  tids[2] = 77;
  child = clone(change, stack + STACK_SIZE, CLONE_VM | CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL, NULL, &tids[2]);
  while (tids[2] == 77) syscall(SYS_futex, &tids[2], FUTEX_WAIT, 77, NULL, NULL, 0);
  SAY("cleared to %d", tids[2]);
  say_end("child", child);
  /* Without shared memory the word is the child's own. */
  tids[2] = 78;
  say_end("own memory", clone(change, stack + STACK_SIZE, CLONE_CHILD_CLEARTID | SIGCHLD, NULL, NULL, NULL, &tids[2]));
  SAY("kept %d", tids[2]);
  SAY("set_tid_address gives the tid %d", syscall(SYS_set_tid_address, NULL) == syscall(SYS_gettid));
  /* Bad words don't fail the call. */
  child = (pid_t)syscall(SYS_clone, CLONE_PARENT_SETTID | CLONE_CHILD_SETTID | SIGCHLD, NULL, 8, 8, NULL);
  if (child == 0) syscall(SYS_exit, 3);
  say_end("bad words", child);
}

static __thread int local = 5;
static char tls_area[256] __attribute__((aligned(64)));

static void tls(void) {
  CASE("tls");
  /* A thread pointer of its own, read with %fs:16. */
  *(unsigned long *)(tls_area + 16) = 0x1234;
  pid_t child = (pid_t)syscall(SYS_clone, CLONE_SETTLS | SIGCHLD, NULL, NULL, NULL, tls_area);
  if (child == 0) {
    unsigned long word;
    __asm__ volatile("mov %%fs:16, %0" : "=r"(word));
    syscall(SYS_exit, word == 0x1234 ? 21 : 22);
  }
  say_end("own thread pointer", child);
  SAY("parent's %d", local);
}

/* Threads that are not made by the C library: they may not use it. */
static volatile int thread_word, thread_ready;
static int thread_body(void *argument) {
  (void)argument;
  thread_ready = (int)syscall(SYS_getpid);
  syscall(SYS_exit, 44);
  return 0;
}

static void thread(void) {
  CASE("thread");
  thread_word = 1;
  unsigned long flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM | CLONE_CHILD_CLEARTID;
  int tid = clone(thread_body, stack + STACK_SIZE, (int)flags, NULL, NULL, NULL, &thread_word);
  while (thread_word == 1) syscall(SYS_futex, &thread_word, FUTEX_WAIT, 1, NULL, NULL, 0);
  SAY("same process %d, other thread %d", thread_ready == getpid(), tid != getpid());
  T(waitpid(tid, NULL, 0));
  T(waitpid(tid, NULL, __WALL));
}

static int exit_five(void *argument) {
  (void)argument;
  return 5;
}

static void exit_signals(void) {
  CASE("exit-signal");
  siginfo_t info;
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR2);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  pid_t child = clone(exit_five, stack + STACK_SIZE, 0, NULL);
  T(waitpid(child, NULL, WNOHANG));
  T(waitpid(child, NULL, __WCLONE) == child);
  child = clone(exit_five, stack + STACK_SIZE, SIGUSR2, NULL);
  T(sigwaitinfo(&set, &info));
  T(waitpid(child, NULL, __WALL) == child);
  child = clone(exit_five, stack + STACK_SIZE, SIGUSR2, NULL);
  T(sigwaitinfo(&set, &info));
  SAY("code %d status %d pid %d", info.si_code, info.si_status, info.si_pid == child);
  T(waitpid(child, NULL, __WCLONE) == child);
  child = clone(exit_five, stack + STACK_SIZE, SIGCHLD, NULL);
  T(sigwaitinfo(&set, &info));
  T(waitpid(child, NULL, __WCLONE));
  T(waitpid(child, NULL, 0) == child);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
}

static void refused(void) {
  CASE("refused");
  T(raw(CLONE_THREAD | SIGCHLD, stack + STACK_SIZE));
  T(raw(CLONE_THREAD | CLONE_SIGHAND | SIGCHLD, stack + STACK_SIZE));
  T(raw(CLONE_SIGHAND | SIGCHLD, stack + STACK_SIZE));
  T(raw(CLONE_NEWNS | CLONE_FS, NULL));
  T(raw(CLONE_PIDFD | CLONE_PARENT_SETTID, NULL));
  T(raw(CLONE_NEWUSER | CLONE_FS, NULL));
  T(raw(CLONE_NEWPID | CLONE_VM | CLONE_SIGHAND | CLONE_THREAD, stack + STACK_SIZE));
  T(raw(CLONE_NEWIPC | CLONE_SYSVSEM, NULL));
  T(syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, 8, NULL, NULL));
}

static void pidfd(void) {
  CASE("pidfd");
  int fd = -1;
  struct gate gate = new_gate();
  fflush(stdout);
  pid_t child = (pid_t)syscall(SYS_clone, CLONE_PIDFD | SIGCHLD, NULL, &fd, NULL, NULL);
  if (child == 0) {
    gate_pass(gate);
    _exit(6);
  }
  SAY("fd %d, close-on-exec %d", fd > 2, fcntl(fd, F_GETFD));
  struct pollfd poll_fd = {fd, POLLIN, 0};
  T(poll(&poll_fd, 1, 0));
  gate_open(gate);
  T(poll(&poll_fd, 1, -1));
  SAY("events %x", poll_fd.revents);
  siginfo_t info;
  T(waitid(P_PIDFD, fd, &info, WEXITED));
  SAY("status %d", info.si_status);
  T(waitid(P_PIDFD, fd, &info, WEXITED));
  close(fd);
  gate_close(gate);
}

/* The low byte of clone's flags is the signal at the end; what is no signal is none, and the child waits all the same. */
static void odd_signals(void) {
  CASE("exit signals");
  const int signals[] = {0, SIGUSR1, 64, 65, 200, 255};
  sigset_t all, before;
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, &before);
  for (unsigned i = 0; i < sizeof signals / sizeof *signals; i++) {
    fflush(stdout);
    pid_t child = (pid_t)syscall(SYS_clone, signals[i], 0, 0, 0, 0);
    if (child == 0) _exit(3);
    int status = -1;
    SAY("%d: %d %s", signals[i], waitpid(child, &status, __WALL) == child, status_text(status));
    SAY("signal %d", sigtimedwait(&all, NULL, &(struct timespec){0, 0}));
  }
  sigprocmask(SIG_SETMASK, &before, NULL);
}

static void clone3_calls(void) {
  CASE("clone3");
  fflush(stdout);
  pid_t child = (pid_t)three((struct args3){.exit_signal = SIGCHLD}, sizeof(struct args3));
  if (child == 0) _exit(12);
  say_end("as fork", child);
  child = (pid_t)three((struct args3){.exit_signal = SIGCHLD}, 64);
  if (child == 0) _exit(13);
  say_end("first version", child);
  int fd = -1, parent_tid = 0;
  child = (pid_t)three((struct args3){.flags = CLONE_PIDFD | CLONE_PARENT_SETTID, .pidfd = (uintptr_t)&fd, .parent_tid = (uintptr_t)&parent_tid, .exit_signal = SIGCHLD}, sizeof(struct args3));
  if (child == 0) _exit(14);
  SAY("pidfd %d tid %d", fd > 2, parent_tid == child);
  say_end("pidfd", child);
  close(fd);
  signal(SIGUSR1, SIG_IGN);
  child = (pid_t)three((struct args3){.flags = CLONE_CLEAR_SIGHAND, .exit_signal = SIGCHLD}, sizeof(struct args3));
  if (child == 0) {
    struct sigaction action;
    sigaction(SIGUSR1, NULL, &action);
    _exit(action.sa_handler == SIG_IGN ? 15 : 16);
  }
  say_end("clear handlers", child);
  signal(SIGUSR1, SIG_DFL);
}

static void clone3_errors(void) {
  CASE("clone3-errors");
  T(three((struct args3){.exit_signal = SIGCHLD}, 63));
  T(three((struct args3){.exit_signal = SIGCHLD}, 0));
  T(three((struct args3){.exit_signal = SIGCHLD}, 4097));
  T(syscall(SYS_clone3, 8, 64));
  char big[128] = {0};
  ((struct args3 *)big)->exit_signal = SIGCHLD;
  big[127] = 1;
  T(syscall(SYS_clone3, big, 128));
  T(three((struct args3){.exit_signal = 65}, sizeof(struct args3)));
  T(three((struct args3){.exit_signal = 0x100}, sizeof(struct args3)));
  T(three((struct args3){.flags = 1ULL << 40}, sizeof(struct args3)));
  T(three((struct args3){.flags = SIGCHLD}, sizeof(struct args3)));
  T(three((struct args3){.flags = CLONE_THREAD | CLONE_SIGHAND | CLONE_VM, .exit_signal = SIGCHLD}, sizeof(struct args3)));
  T(three((struct args3){.flags = CLONE_PARENT, .exit_signal = SIGCHLD}, sizeof(struct args3)));
  T(three((struct args3){.stack = (uintptr_t)stack, .exit_signal = SIGCHLD}, sizeof(struct args3)));
  T(three((struct args3){.stack_size = 4096, .exit_signal = SIGCHLD}, sizeof(struct args3)));
  T(three((struct args3){.flags = CLONE_CLEAR_SIGHAND | CLONE_SIGHAND | CLONE_VM, .exit_signal = SIGCHLD}, sizeof(struct args3)));
  T(three((struct args3){.set_tid = (uintptr_t)tids, .exit_signal = SIGCHLD}, sizeof(struct args3)));
  T(three((struct args3){.set_tid_size = 1, .exit_signal = SIGCHLD}, sizeof(struct args3)));
  T(three((struct args3){.set_tid = (uintptr_t)tids, .set_tid_size = 33, .exit_signal = SIGCHLD}, sizeof(struct args3)));
  T(three((struct args3){.set_tid = 8, .set_tid_size = 1, .exit_signal = SIGCHLD}, sizeof(struct args3)));
  tids[0] = 0;
  T(three((struct args3){.set_tid = (uintptr_t)tids, .set_tid_size = 1, .exit_signal = SIGCHLD}, sizeof(struct args3)));
  tids[0] = getpid();
  T(three((struct args3){.set_tid = (uintptr_t)tids, .set_tid_size = 1, .exit_signal = SIGCHLD}, sizeof(struct args3)));
  T(three((struct args3){.flags = CLONE_PIDFD, .pidfd = 8, .exit_signal = SIGCHLD}, sizeof(struct args3)));
}

static void parent_flag(void) {
  CASE("parent");
  /* A child of my child that is my child. */
  int words[2];
  if (pipe(words) < 0) return;
  pid_t middle = CHILD({
    pid_t sibling = (pid_t)syscall(SYS_clone, CLONE_PARENT | SIGCHLD, NULL, NULL, NULL, NULL);
    if (sibling == 0) _exit(23);
    if (write(words[1], &sibling, sizeof sibling) < 0) _exit(1);
    T(waitpid(sibling, NULL, 0));
  });
  pid_t sibling = 0;
  if (read(words[0], &sibling, sizeof sibling) < 0) return;
  say_end("middle", middle);
  say_end("sibling", sibling);
  close(words[0]);
  close(words[1]);
}

int main(void) {
  sharing();
  tid_words();
  tls();
  thread();
  exit_signals();
  refused();
  pidfd();
  odd_signals();
  clone3_calls();
  clone3_errors();
  parent_flag();
  return 0;
}
