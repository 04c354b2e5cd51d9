// covers: rt_sigaction(EFAULT EINVAL) rt_sigprocmask(EFAULT EINVAL) rt_sigpending(EFAULT EINVAL) rt_sigreturn kill tgkill
// libc: glibc musl
// Actions, masks, and what runs when: nesting, deferring, resetting.
#include "../processes.h"

static volatile int depth, deepest, runs;
static char trace[256];
static void note(const char *text) {
  if (strlen(trace) + strlen(text) < sizeof trace) strcat(trace, text);
}
static void show(const char *what) {
  SAY("%s: %s", what, trace);
  trace[0] = 0;
}
static struct sigaction action_of(void (*handler)(int), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = handler;
  action.sa_flags = flags;
  return action;
}
static void install(int signo, void (*handler)(int), int flags, int masked) {
  struct sigaction action = action_of(handler, flags);
  sigemptyset(&action.sa_mask);
  if (masked) sigaddset(&action.sa_mask, masked);
  sigaction(signo, &action, NULL);
}

static void errors(void) {
  CASE("errors");
  struct sigaction action = action_of(SIG_DFL, 0);
  T(sigaction(0, &action, NULL));
  T(sigaction(65, &action, NULL));
  T(sigaction(-1, &action, NULL));
  T(sigaction(SIGKILL, &action, NULL));
  T(sigaction(SIGSTOP, &action, NULL));
  T(sigaction(SIGKILL, NULL, &action));
  T(sigaction(SIGUSR1, NULL, NULL));
  char raw[32] = {0};
  T(syscall(SYS_rt_sigaction, SIGUSR1, raw, NULL, 4));
  T(syscall(SYS_rt_sigaction, SIGUSR1, 8, NULL, 8));
  T(syscall(SYS_rt_sigaction, SIGUSR1, NULL, 8, 8));
  T(syscall(SYS_rt_sigaction, 99, 8, NULL, 8));
  T(syscall(SYS_rt_sigaction, SIGUSR1, raw, raw, 8));
  unsigned long set = 0;
  T(syscall(SYS_rt_sigprocmask, SIG_BLOCK, &set, NULL, 4));
  T(syscall(SYS_rt_sigprocmask, SIG_BLOCK, 8, NULL, 8));
  T(syscall(SYS_rt_sigprocmask, SIG_BLOCK, NULL, 8, 8));
  T(syscall(SYS_rt_sigprocmask, 99, &set, NULL, 8));
  T(syscall(SYS_rt_sigprocmask, 99, NULL, &set, 8));
  T(syscall(SYS_rt_sigpending, 8, 8));
  T(syscall(SYS_rt_sigpending, &set, 16));
  T(syscall(SYS_rt_sigpending, &set, 4));
  T(syscall(SYS_rt_sigpending, &set, 0));
  T(syscall(SYS_rt_sigpending, 8, 0));
}

/* What is written is read back. */
static void kept(void) {
  CASE("kept");
  struct sigaction action = action_of(SIG_IGN, SA_RESTART | SA_NODEFER | SA_ONSTACK), got;
  sigfillset(&action.sa_mask);
  T(sigaction(SIGUSR1, &action, NULL));
  T(sigaction(SIGUSR1, NULL, &got));
  SAY("handler %d flags %x", got.sa_handler == SIG_IGN, got.sa_flags & 0x78000007);
  SAY("mask: USR1 %d KILL %d STOP %d", sigismember(&got.sa_mask, SIGUSR1), sigismember(&got.sa_mask, SIGKILL), sigismember(&got.sa_mask, SIGSTOP));
  action = action_of(SIG_DFL, 0);
  T(sigaction(SIGUSR1, &action, &got));
  SAY("old handler %d", got.sa_handler == SIG_IGN);
  /* Bits that the kernel doesn't know are cleared (SA_UNSUPPORTED is how a program finds out). */
  unsigned long raw[4] = {(unsigned long)SIG_IGN, 0x400 | 0x800 | 0x1000000 | SA_SIGINFO, 0, 0}, old[4];
  T(syscall(SYS_rt_sigaction, SIGUSR1, raw, NULL, 8));
  T(syscall(SYS_rt_sigaction, SIGUSR1, NULL, old, 8));
  SAY("flags %lx", old[1]);
  signal(SIGUSR1, SIG_DFL);
}

static void nest(int signo) {
  depth++;
  if (depth > deepest) deepest = depth;
  runs++;
  if (runs < 5) raise(signo);
  depth--;
}
static void one(int signo) {
  note("(1");
  if (signo == SIGUSR1) kill(getpid(), SIGUSR2);
  note("1)");
}
static void two(int signo) {
  (void)signo;
  note("(2");
  note("2)");
}

static void nesting(void) {
  CASE("nesting");
  install(SIGUSR1, nest, 0, 0);
  raise(SIGUSR1);
  SAY("deferred: runs %d deepest %d", runs, deepest);
  runs = deepest = 0;
  install(SIGUSR1, nest, SA_NODEFER, 0);
  raise(SIGUSR1);
  SAY("not deferred: runs %d deepest %d", runs, deepest);
  install(SIGUSR1, one, 0, 0);
  install(SIGUSR2, two, 0, 0);
  raise(SIGUSR1);
  show("inside");
  install(SIGUSR1, one, 0, SIGUSR2);
  raise(SIGUSR1);
  show("masked");
  runs = deepest = 0;
  install(SIGUSR1, nest, SA_RESETHAND, 0);
  pid_t child = CHILD(raise(SIGUSR1); _exit(5));
  say_end("reset to default", child);
  struct sigaction action;
  install(SIGUSR1, two, SA_RESETHAND, 0);
  raise(SIGUSR1);
  sigaction(SIGUSR1, NULL, &action);
  SAY("default again %d, flags %x", action.sa_handler == SIG_DFL, action.sa_flags & 0x78000007);
  show("once");
}

static void letter(int signo) {
  char text[2] = {(char)('a' + signo - 1), 0};
  if (signo >= SIGRTMIN) text[0] = (char)('A' + signo - SIGRTMIN);
  note(text);
}

static void masks(void) {
  CASE("masks");
  sigset_t set, old, pending;
  for (int signo = 1; signo < 32; signo++) {
    if (signo != SIGKILL && signo != SIGSTOP) install(signo, letter, 0, 0);
  }
  for (int i = 0; i < 5; i++) install(SIGRTMIN + i, letter, 0, 0);
  sigfillset(&set);
  T(sigprocmask(SIG_BLOCK, &set, &old));
  sigprocmask(SIG_BLOCK, NULL, &set);
  SAY("KILL %d STOP %d USR1 %d", sigismember(&set, SIGKILL), sigismember(&set, SIGSTOP), sigismember(&set, SIGUSR1));
  kill(getpid(), SIGTERM);
  kill(getpid(), SIGTERM);
  kill(getpid(), SIGUSR2);
  kill(getpid(), SIGUSR1);
  kill(getpid(), SIGHUP);
  kill(getpid(), SIGRTMIN + 3);
  kill(getpid(), SIGRTMIN);
  kill(getpid(), SIGRTMIN);
  kill(getpid(), SIGSEGV);
  kill(getpid(), SIGCHLD);
  sigpending(&pending);
  SAY("pending: TERM %d USR2 %d USR1 %d HUP %d INT %d RT %d%d", sigismember(&pending, SIGTERM), sigismember(&pending, SIGUSR2),
      sigismember(&pending, SIGUSR1), sigismember(&pending, SIGHUP), sigismember(&pending, SIGINT), sigismember(&pending, SIGRTMIN),
      sigismember(&pending, SIGRTMIN + 1));
  show("before");
  T(sigprocmask(SIG_SETMASK, &old, NULL));
  show("after");
  sigpending(&pending);
  SAY("pending: TERM %d", sigismember(&pending, SIGTERM));
  /* Ignored while blocked: gone. */
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGCHLD);
  sigprocmask(SIG_BLOCK, &set, NULL);
  raise(SIGUSR1);
  signal(SIGUSR1, SIG_IGN);
  sigpending(&pending);
  SAY("ignored after: %d", sigismember(&pending, SIGUSR1));
  raise(SIGUSR1);
  sigpending(&pending);
  SAY("ignored before: %d", sigismember(&pending, SIGUSR1));
  install(SIGUSR1, letter, 0, 0);
  raise(SIGCHLD);
  signal(SIGCHLD, SIG_DFL);
  sigpending(&pending);
  SAY("ignored by default after: %d", sigismember(&pending, SIGCHLD));
  T(sigprocmask(SIG_UNBLOCK, &set, NULL));
  show("end");
  T(sigprocmask(SIG_BLOCK, &set, NULL));
  T(sigprocmask(SIG_UNBLOCK, &set, &old));
  SAY("old %d", sigismember(&old, SIGUSR1));
  for (int signo = 1; signo < 32; signo++)
    if (signo != SIGKILL && signo != SIGSTOP) signal(signo, SIG_DFL);
}

static void changes_mask(int signo, siginfo_t *info, void *context) {
  (void)info;
  /* The mask after the handler is the one in the frame. */
  unsigned long mask;
  memcpy(&mask, &((ucontext_t *)context)->uc_sigmask, sizeof mask);
  mask |= 1UL << (SIGUSR2 - 1);
  memcpy(&((ucontext_t *)context)->uc_sigmask, &mask, sizeof mask);
  sigset_t set;
  sigprocmask(SIG_BLOCK, NULL, &set);
  char text[64];
  snprintf(text, sizeof text, "own %d other %d", sigismember(&set, signo), sigismember(&set, SIGTERM));
  note(text);
}

static void frame_mask(void) {
  CASE("frame-mask");
  struct sigaction action = {.sa_sigaction = changes_mask, .sa_flags = SA_SIGINFO};
  sigemptyset(&action.sa_mask);
  sigaddset(&action.sa_mask, SIGTERM);
  sigaction(SIGUSR1, &action, NULL);
  raise(SIGUSR1);
  show("in the handler");
  sigset_t set;
  sigprocmask(SIG_BLOCK, NULL, &set);
  SAY("afterwards own %d other %d added %d", sigismember(&set, SIGUSR1), sigismember(&set, SIGTERM), sigismember(&set, SIGUSR2));
  sigemptyset(&set);
  sigprocmask(SIG_SETMASK, &set, NULL);
  signal(SIGUSR1, SIG_DFL);
}

int main(void) {
  errors();
  kept();
  nesting();
  masks();
  frame_mask();
  return 0;
}
