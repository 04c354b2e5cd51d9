// covers: sigaltstack(EFAULT EINVAL ENOMEM EPERM) rt_sigreturn
// libc: glibc musl
// The alternate signal stack.
#include "../processes.h"
#include <setjmp.h>
#include <sys/mman.h>
#include <sys/resource.h>

static char area[65536] __attribute__((aligned(4096)));
static volatile int inside, flags_inside, error_inside, nested_inside;

static int on_area(void *address) { return (char *)address >= area && (char *)address < area + sizeof area; }

static void handler(int signo) {
  int here;
  stack_t stack;
  inside = on_area(&here);
  sigaltstack(NULL, &stack);
  flags_inside = stack.ss_flags;
  stack_t other = {.ss_sp = area, .ss_size = sizeof area};
  error_inside = sigaltstack(&other, NULL) < 0 ? errno : 0;
  if (signo == SIGUSR1) raise(SIGUSR2);
}
static void second(int signo) {
  int here;
  (void)signo;
  nested_inside = on_area(&here);
}
static void install(int signo, void (*function)(int), int flags) {
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = function;
  action.sa_flags = flags;
  sigaction(signo, &action, NULL);
}
static void show(const char *what) {
  stack_t stack;
  memset(&stack, 0x55, sizeof stack);
  int result = sigaltstack(NULL, &stack);
  SAY("%s: %d pointer %s size %lu flags %x", what, result, stack.ss_sp == area ? "area" : stack.ss_sp == NULL ? "0" : "other", (unsigned long)stack.ss_size,
      (unsigned)stack.ss_flags);
}

static void basics(void) {
  CASE("basics");
  show("none");
  T(sigaltstack(&(stack_t){.ss_sp = area, .ss_size = sizeof area}, NULL));
  show("set");
  install(SIGUSR1, handler, SA_ONSTACK);
  install(SIGUSR2, second, SA_ONSTACK);
  raise(SIGUSR1);
  SAY("on it %d, flags %d, change inside: error %d, nested on it too %d", inside, flags_inside, error_inside, nested_inside);
  install(SIGUSR2, second, 0);
  raise(SIGUSR1);
  SAY("nested without SA_ONSTACK stays on it: %d", nested_inside);
  raise(SIGUSR2);
  SAY("not on it: %d", nested_inside);
  install(SIGUSR1, handler, 0);
  raise(SIGUSR1);
  SAY("without SA_ONSTACK %d, flags %d, change inside: error %d", inside, flags_inside, error_inside);
  T(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE, .ss_sp = (void *)123, .ss_size = 5}, NULL));
  show("disabled");
  install(SIGUSR1, handler, SA_ONSTACK);
  raise(SIGUSR1);
  SAY("disabled: on it %d flags %d", inside, flags_inside);
}

static void errors(void) {
  CASE("errors");
  T(sigaltstack(&(stack_t){.ss_sp = area, .ss_size = 2047}, NULL));
  T(sigaltstack(&(stack_t){.ss_sp = area, .ss_size = 0}, NULL));
  T(sigaltstack(&(stack_t){.ss_sp = area, .ss_size = sizeof area, .ss_flags = 4}, NULL));
  T(sigaltstack(&(stack_t){.ss_sp = area, .ss_size = sizeof area, .ss_flags = SS_ONSTACK}, NULL));
  show("SS_ONSTACK given");
  T(sigaltstack((stack_t *)8, NULL));
  T(sigaltstack(NULL, (stack_t *)8));
  T(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, (stack_t *)8));
  show("changed all the same");
  T(sigaltstack(NULL, NULL));
}

static void inherited(void) {
  CASE("inherited");
  sigaltstack(&(stack_t){.ss_sp = area, .ss_size = sizeof area}, NULL);
  say_end("fork", CHILD(show("child")));
  fflush(stdout);
  pid_t child = vfork();
  if (child == 0) {
    stack_t stack;
    sigaltstack(NULL, &stack);
    _exit(stack.ss_sp == area ? 3 : 4);
  }
  say_end("vfork", child);
}

static void *in_thread(void *argument) {
  show("thread");
  return argument;
}

static volatile int never;
static int eat(int depth) {
  volatile char here[4096];
  here[0] = here[4095] = (char)depth;
  return never ? here[0] : eat(depth + 1) + here[4095];
}
static sigjmp_buf back;
static void overflow(int signo, siginfo_t *info, void *context) {
  int here;
  (void)context;
  SAY("signal %d code %d on the alternate stack %d", signo, info->si_code, on_area(&here));
  siglongjmp(back, 1);
}

static void stack_overflow(void) {
  CASE("overflow");
  setrlimit(RLIMIT_STACK, &(struct rlimit){1 << 20, 1 << 20});
  struct sigaction action = {.sa_sigaction = overflow, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  sigaction(SIGSEGV, &action, NULL);
  if (sigsetjmp(back, 1) == 0) eat(0);
  if (sigsetjmp(back, 1) == 0) eat(0);
  SAY("survived");
  /* Without an alternate stack the signal can't be delivered. */
  say_end("no alternate stack", CHILD(sigaltstack(&(stack_t){.ss_flags = SS_DISABLE}, NULL); eat(0)));
  /* An alternate stack that is no memory. */
  say_end("bad alternate stack", CHILD(sigaltstack(&(stack_t){.ss_sp = (void *)0x10000, .ss_size = 65536}, NULL); eat(0)));
  signal(SIGSEGV, SIG_DFL);
}

static void small(void) {
  CASE("small");
  /* Room for some frames only: nesting on it ends in SIGSEGV. */
  static char little[4096];
  say_end("handler on a small stack", CHILD({
            sigaltstack(&(stack_t){.ss_sp = little, .ss_size = sizeof little}, NULL);
            install(SIGUSR1, second, SA_ONSTACK);
            raise(SIGUSR1);
          }));
}

int main(void) {
  basics();
  errors();
  inherited();
  CASE("thread");
  pthread_t thread;
  pthread_create(&thread, NULL, in_thread, NULL);
  pthread_join(thread, NULL);
  show("main");
  stack_overflow();
  small();
  return 0;
}
