/*
 * Test of the signal chain and of safecopy's place in it: each case in a child process, because handlers stay and crashes
 * kill. The parent prints what failed.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <sbx/safecopy.h>
#include <sbx/signal_chain.h>

#include "expect.h"

int failures;

/* Runs `body` in a child; returns its wait status, without the flag of a core dump. */
static int in_child(void (*body)(void)) {
  fflush(NULL);
  pid_t child = fork();
  MUST(child >= 0);
  if (child == 0) {
    failures = 0;
    struct rlimit none = {0, 0};
    setrlimit(RLIMIT_CORE, &none);
    alarm(60);
    body();
    fflush(NULL);
    _exit(failures != 0);
  }
  int status;
  MUST(waitpid(child, &status, 0) == child);
  return status & ~0x80;
}

#define PASSES(body) DIES_OF(0, body)
#define DIES_OF(signal, body)                                                                       \
  do {                                                                                              \
    int status = in_child(body);                                                                    \
    if (status != (signal)) fprintf(stderr, "%s: wait status %#x\n", #body, (unsigned)status);      \
    EXPECT(status == (signal));                                                                     \
  } while (0)

static char *none;       /* a page without access */
static char *past_end;   /* a page of a file that has none */

static void make_bad_pages(void) {
  none = mmap(NULL, 65536, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int file = (int)syscall(SYS_memfd_create, "empty", 0);
  MUST(none != MAP_FAILED && file >= 0);
  past_end = mmap(NULL, 65536, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
  MUST(past_end != MAP_FAILED);
}

static int copies_survive(void) {
  struct sbx_fault fault;
  char buffer[40];
  int ok = sbx_safe_copy(buffer, none, 40, &fault) == 0 && fault.signal == SIGSEGV && fault.address == (uintptr_t)none;
  return ok && sbx_safe_copy(past_end + 8, buffer, 40, &fault) == 0 && fault.signal == SIGBUS && fault.address == (uintptr_t)past_end + 8;
}

static void install(void) {
  EXPECT(sbx_safecopy_install() == 0);
  EXPECT(copies_survive());
}

static char touch(volatile char *address) { return *address; }
/* The end of a case that is to die here, and only if nothing failed before. */
static void crash(void) {
  if (failures != 0) _exit(1);
  touch(none);
}

/* A crash outside of our functions kills the process as it did before, whatever caused it. */
static void read_none(void) { touch(none); }
static void install_read_none(void) { install(); touch(none); }
static void install_read_past_end(void) { install(); touch(past_end); }
static void install_call_null(void) {
  install();
  void (*volatile nowhere)(void) = NULL;
  nowhere();
}
static void install_kill_segv(void) { install(); kill(getpid(), SIGSEGV); pause(); }
static void install_raise_bus(void) { install(); raise(SIGBUS); }
static void install_ignored_crash(void) {
  signal(SIGSEGV, SIG_IGN);
  install();
  kill(getpid(), SIGSEGV); /* ignored, as before */
  raise(SIGSEGV);
  EXPECT(copies_survive());
  crash();
}
/* memcpy is not one of ours, even when called between ours. */
static void install_memcpy(void) {
  install();
  char buffer[4096];
  void *(*volatile copy)(void *, const void *, size_t) = memcpy;
  copy(buffer, none, sizeof(buffer));
}
static void *crash_in_thread(void *argument) { touch(none); return argument; }
static void install_crash_in_thread(void) {
  install();
  pthread_t thread;
  MUST(pthread_create(&thread, NULL, crash_in_thread, NULL) == 0);
  pthread_join(thread, NULL);
}

/* What a handler of somebody else saw. */
static struct {
  int calls, signal, code;
  void *address;
  uint64_t blocked;
} seen;
static sigjmp_buf recovery;
static uint64_t blocked_now(void) {
  uint64_t set = 0;
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, NULL, &set, sizeof(set));
  return set;
}
static void theirs(int signal, siginfo_t *info, void *context) {
  EXPECT(context != NULL);
  seen.calls++;
  seen.signal = signal;
  seen.code = info->si_code;
  seen.address = info->si_addr;
  seen.blocked = blocked_now();
  siglongjmp(recovery, 1);
}
static void theirs_simple(int signal) {
  seen.calls++;
  seen.signal = signal;
  seen.blocked = blocked_now();
  siglongjmp(recovery, 1);
}
static void theirs_returns(int signal, siginfo_t *info, void *context) {
  (void)context;
  seen.calls++;
  seen.signal = signal;
  seen.code = info->si_code;
}

#define BIT(signal) ((uint64_t)1 << ((signal)-1))
/* Runs a statement that makes somebody's handler jump back. */
#define CAUGHT(statement)                     \
  do {                                        \
    memset(&seen, 0, sizeof(seen));           \
    if (sigsetjmp(recovery, 1) == 0) {        \
      statement;                              \
      EXPECT(!"the handler was not called");  \
    }                                         \
  } while (0)

static void set_handler(int signal, sbx_signal_handler *handler, int flags, int also_block) {
  struct sigaction action;
  memset(&action, 0, sizeof(action));
  action.sa_sigaction = handler;
  action.sa_flags = flags | SA_SIGINFO;
  sigemptyset(&action.sa_mask);
  if (also_block != 0) sigaddset(&action.sa_mask, also_block);
  MUST(sigaction(signal, &action, NULL) == 0);
}

/* Theirs first: it still gets what is not ours, as the kernel would have called it. */
static void theirs_first(void) {
  set_handler(SIGSEGV, theirs, SA_ONSTACK, SIGUSR1);
  set_handler(SIGBUS, theirs, 0, SIGUSR2);
  install();
  EXPECT(seen.calls == 0);
  CAUGHT(touch(none + 5));
  EXPECT(seen.calls == 1 && seen.signal == SIGSEGV && seen.code == SEGV_ACCERR && seen.address == none + 5);
  EXPECT(seen.blocked == (BIT(SIGSEGV) | BIT(SIGUSR1)));
  CAUGHT(touch(past_end + 6));
  EXPECT(seen.calls == 1 && seen.signal == SIGBUS && seen.code == BUS_ADRERR && seen.address == past_end + 6);
  EXPECT(seen.blocked == (BIT(SIGBUS) | BIT(SIGUSR2)));
  CAUGHT(raise(SIGSEGV));
  EXPECT(seen.calls == 1 && seen.code <= 0);
  /* What the interrupted code had blocked stays blocked. */
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGHUP);
  sigprocmask(SIG_BLOCK, &set, NULL);
  CAUGHT(touch(none));
  EXPECT(seen.blocked == (BIT(SIGSEGV) | BIT(SIGUSR1) | BIT(SIGHUP)));
  EXPECT(copies_survive() && blocked_now() == BIT(SIGHUP));
}

static void theirs_first_simple(void) {
  struct sigaction action = {.sa_handler = theirs_simple, .sa_flags = SA_NODEFER};
  MUST(sigaction(SIGSEGV, &action, NULL) == 0);
  install();
  CAUGHT(touch(none));
  EXPECT(seen.calls == 1 && seen.signal == SIGSEGV && seen.blocked == 0);
  EXPECT(copies_survive());
}

/* SA_RESETHAND: called once, then the default. */
static void theirs_first_once(void) {
  set_handler(SIGSEGV, theirs, SA_RESETHAND, 0);
  install();
  CAUGHT(touch(none));
  EXPECT(seen.calls == 1);
  EXPECT(copies_survive() && copies_survive());
  crash();
}

/* A handler that comes later and calls the one before: nothing needs to be done. */
static struct sigaction before_theirs;
static void theirs_calls_previous(int signal, siginfo_t *info, void *context) {
  seen.calls++;
  before_theirs.sa_sigaction(signal, info, context);
}
static void theirs_later_polite(void) {
  install();
  struct sigaction action = {.sa_sigaction = theirs_calls_previous, .sa_flags = SA_SIGINFO};
  MUST(sigaction(SIGSEGV, &action, &before_theirs) == 0);
  EXPECT(copies_survive() && seen.calls > 0);
  /* In front of it again: no loop, for a crash in particular. */
  seen.calls = 0;
  EXPECT(sbx_safecopy_install() == 0 && copies_survive() && seen.calls == 0);
  crash();
}

/* A handler that comes later and forgets the one before: install again, and both work. */
static void theirs_later(void) {
  install();
  set_handler(SIGSEGV, theirs, 0, 0);
  set_handler(SIGBUS, theirs, 0, 0);
  install();
  EXPECT(seen.calls == 0);
  CAUGHT(touch(none));
  EXPECT(seen.calls == 1 && seen.signal == SIGSEGV);
  CAUGHT(touch(past_end));
  EXPECT(seen.calls == 1 && seen.signal == SIGBUS);
  /* Again with another one; each gets what the one in front of it passes on. */
  set_handler(SIGSEGV, theirs_calls_previous, 0, 0);
  memset(&before_theirs, 0, sizeof(before_theirs));
  before_theirs.sa_sigaction = theirs;
  install();
  CAUGHT(touch(none));
  EXPECT(seen.calls == 2);
}

/* Somebody switches a handler on and off for ever: no slots are lost. Sixteen different ones are the limit. */
static void on_and_off(void) {
  for (int i = 0; i < 100; i++) {
    set_handler(SIGSEGV, theirs, 0, 0);
    install();
    signal(SIGSEGV, SIG_DFL);
    install();
  }
  int result = 0, installed = 0;
  for (; result == 0 && installed < 100; installed++) {
    set_handler(SIGSEGV, theirs, 0, 1 + (installed < 8 ? installed : installed + 2));
    result = sbx_safecopy_install();
  }
  EXPECT(result == -ENOSPC && installed == 15);
}

/* Flags and mask: kept from the handler before, with the extra mask added. */
static void nothing(int signal, siginfo_t *info, void *context) { (void)signal, (void)info, (void)context; }
static void flags_and_mask(void) {
  struct sigaction previous, now;
  uint64_t mask;
  set_handler(SIGUSR1, theirs_returns, SA_RESTART, SIGHUP);
  EXPECT(sbx_replace_signal_handler(SIGUSR1, nothing, 0, SBX_SIGNAL_MUST_CHAIN, &previous) == 0);
  EXPECT(previous.sa_sigaction == theirs_returns);
  MUST(sigaction(SIGUSR1, NULL, &now) == 0);
  memcpy(&mask, &now.sa_mask, sizeof(mask));
  EXPECT(now.sa_sigaction == nothing && mask == BIT(SIGHUP));
  EXPECT((now.sa_flags & (SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_NODEFER | SA_RESETHAND)) == (SA_SIGINFO | SA_RESTART));
  EXPECT(sbx_replace_signal_handler(SIGUSR1, nothing, 0, 0, &previous) == -EALREADY);

  set_handler(SIGUSR1, theirs_returns, SA_ONSTACK | SA_NODEFER | SA_RESETHAND, SIGHUP);
  EXPECT(sbx_replace_signal_handler(SIGUSR1, nothing, BIT(SIGUSR2) | BIT(40), 0, &previous) == 0);
  MUST(sigaction(SIGUSR1, NULL, &now) == 0);
  memcpy(&mask, &now.sa_mask, sizeof(mask));
  EXPECT(mask == (BIT(SIGHUP) | BIT(SIGUSR2) | BIT(40)));
  EXPECT((now.sa_flags & (SA_SIGINFO | SA_RESTART | SA_ONSTACK | SA_NODEFER | SA_RESETHAND)) == (SA_SIGINFO | SA_ONSTACK | SA_NODEFER));
  EXPECT((previous.sa_flags & SA_RESETHAND) != 0);

  /* No handler before: refused only if chaining was asked for. */
  signal(SIGUSR2, SIG_DFL);
  EXPECT(sbx_replace_signal_handler(SIGUSR2, nothing, 0, SBX_SIGNAL_MUST_CHAIN, &previous) == -ENOENT);
  signal(SIGUSR2, SIG_IGN);
  EXPECT(sbx_replace_signal_handler(SIGUSR2, nothing, 0, SBX_SIGNAL_MUST_CHAIN, &previous) == -ENOENT);
  MUST(sigaction(SIGUSR2, NULL, &now) == 0);
  EXPECT(now.sa_handler == SIG_IGN);
  EXPECT(sbx_replace_signal_handler(SIGUSR2, nothing, UINT64_MAX, 0, &previous) == 0);
  EXPECT(previous.sa_handler == SIG_IGN);
  EXPECT(sbx_replace_signal_handler(SIGKILL, nothing, 0, 0, &previous) == -EINVAL);
  EXPECT(sbx_replace_signal_handler(999, nothing, 0, 0, &previous) == -EINVAL);
}

static bool emulated;
static uint64_t blocked_in_handler;
static struct sigaction chained;
static void records_mask(int signal, siginfo_t *info, void *context) {
  blocked_in_handler = blocked_now();
  sbx_call_previous(&chained, signal, info, context);
}
static void everything_blocked(void) {
  set_handler(SIGUSR1, theirs_returns, 0, SIGHUP);
  EXPECT(sbx_replace_signal_handler(SIGUSR1, records_mask, UINT64_MAX, SBX_SIGNAL_MUST_CHAIN, &chained) == 0);
  raise(SIGUSR1);
  /* An emulator keeps some of the real-time signals to itself. */
  uint64_t all = emulated ? 0x7fffffff : UINT64_MAX;
  EXPECT(((blocked_in_handler | BIT(SIGKILL) | BIT(SIGSTOP)) & all) == all);
  EXPECT(seen.calls == 1 && seen.signal == SIGUSR1 && blocked_now() == 0);
}

/* Chaining to a default action: ignored signals stay ignored, stopping ones stop, the others end the process. */
static void default_of_others(void) {
  int ignored[] = {SIGCHLD, SIGCONT, SIGURG, SIGWINCH};
  for (int i = 0; i < 4; i++) {
    EXPECT(sbx_replace_signal_handler(ignored[i], records_mask, 0, 0, &chained) == 0);
    raise(ignored[i]);
  }
}
static void default_of_term(void) {
  EXPECT(sbx_replace_signal_handler(SIGTERM, records_mask, 0, 0, &chained) == 0);
  raise(SIGTERM);
}

/*
 * kill(SIGSEGV) while a copy runs is not the copy's fault: it goes to the handler before. One signal is not enough: what is
 * sent between a fault and its delivery is merged with it (signal(7): standard signals do not queue), and a sender that
 * shares the CPU can send hundreds in that moment.
 */
enum { SENT_SIGNALS_SEEN = 100 };
static atomic_bool done;
static void *send_segv(void *thread) {
  while (!atomic_load(&done)) {
    MUST(pthread_kill((pthread_t)(uintptr_t)thread, SIGSEGV) == 0);
    for (volatile int spin = 0; spin < 20000; spin++) {}
  }
  return NULL;
}
static void killed_in_copy(void) {
  static char from[1 << 16], to[1 << 16];
  set_handler(SIGSEGV, theirs_returns, 0, 0);
  install();
  pthread_t thread;
  MUST(pthread_create(&thread, NULL, send_segv, (void *)(uintptr_t)pthread_self()) == 0);
  while (seen.calls < SENT_SIGNALS_SEEN) {
    struct sbx_fault fault;
    EXPECT(sbx_safe_copy(to, from, sizeof(to), &fault) == sizeof(to) && fault.signal == 0);
    EXPECT(sbx_safe_copy(to, none, 1, &fault) == 0 && fault.signal == SIGSEGV);
    EXPECT(seen.code <= 0);
  }
  atomic_store(&done, true);
  pthread_join(thread, NULL);
}

/* A handler runs on the alternate stack exactly if the handler before did. */
static char alternate_stack[65536];
static char *handler_stack;
static void records_stack(int signal, siginfo_t *info, void *context) {
  (void)signal, (void)info, (void)context;
  handler_stack = __builtin_frame_address(0);
}
static void alternate(void) {
  stack_t stack = {.ss_sp = alternate_stack, .ss_size = sizeof(alternate_stack)};
  MUST(sigaltstack(&stack, NULL) == 0);
  for (int flags = 0; flags <= 1; flags++) {
    struct sigaction previous;
    set_handler(SIGUSR1, theirs_returns, flags ? SA_ONSTACK : 0, 0);
    EXPECT(sbx_replace_signal_handler(SIGUSR1, records_stack, 0, 0, &previous) == 0);
    raise(SIGUSR1);
    int on_alternate = handler_stack >= alternate_stack && handler_stack < alternate_stack + sizeof(alternate_stack);
    EXPECT(on_alternate == flags);
  }
  install();
}

int main(int count, char **arguments) {
  emulated = count > 1 && strcmp(arguments[1], "emulated") == 0;
  make_bad_pages();
  PASSES(install);
  DIES_OF(SIGSEGV, read_none);
  DIES_OF(SIGSEGV, install_read_none);
  DIES_OF(SIGBUS, install_read_past_end);
  DIES_OF(SIGSEGV, install_call_null);
  DIES_OF(SIGSEGV, install_kill_segv);
  DIES_OF(SIGBUS, install_raise_bus);
  DIES_OF(SIGSEGV, install_ignored_crash);
  DIES_OF(SIGSEGV, install_memcpy);
  DIES_OF(SIGSEGV, install_crash_in_thread);
  PASSES(theirs_first);
  PASSES(theirs_first_simple);
  DIES_OF(SIGSEGV, theirs_first_once);
  DIES_OF(SIGSEGV, theirs_later_polite);
  PASSES(theirs_later);
  PASSES(on_and_off);
  PASSES(flags_and_mask);
  PASSES(everything_blocked);
  PASSES(default_of_others);
  DIES_OF(SIGTERM, default_of_term);
  PASSES(killed_in_copy);
  PASSES(alternate);
  printf("%d failures\n", failures);
  return failures != 0;
}
