#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include "include/sbx/signal_chain.h"

#include <errno.h>
#include <string.h>
#include <sys/syscall.h>
#include <ucontext.h>
#include <unistd.h>

int sbx_replace_signal_handler(int signal, sbx_signal_handler *handler, uint64_t extra_mask, int flags, struct sigaction *previous) {
  struct sigaction current, replacement, replaced;
  if (sigaction(signal, NULL, &current) != 0) return -errno;
  if (current.sa_sigaction == handler) return -EALREADY;
  for (;;) {
    int chains = current.sa_handler != SIG_DFL && current.sa_handler != SIG_IGN;
    if ((flags & SBX_SIGNAL_MUST_CHAIN) != 0 && !chains) return -ENOENT;

    memset(&replacement, 0, sizeof(replacement));
    replacement.sa_sigaction = handler;
    replacement.sa_flags = chains ? (current.sa_flags & ~SA_RESETHAND) | SA_SIGINFO : SA_SIGINFO | SA_ONSTACK | SA_RESTART;
    /* The kernel's signal set is 64 bits; both libcs put it first in their larger type. */
    uint64_t mask = 0;
    if (chains) memcpy(&mask, &current.sa_mask, sizeof(mask));
    mask |= extra_mask;
    memcpy(&replacement.sa_mask, &mask, sizeof(mask));

    /* Before the handler can run, so that it always has somebody to call. */
    *previous = current;
    if (sigaction(signal, &replacement, &replaced) != 0) return -errno;
    if (replaced.sa_sigaction == current.sa_sigaction || replaced.sa_sigaction == handler) return 0;
    /* Somebody installed another one since we looked: that is the previous one. */
    current = replaced;
  }
}

static void reset_to_default(int signal) {
  struct sigaction action;
  int saved_errno = errno;
  memset(&action, 0, sizeof(action));
  action.sa_handler = SIG_DFL;
  sigaction(signal, &action, NULL);
  errno = saved_errno;
}

/* Sends this thread a signal. It is delivered when the handler returns if it is blocked until then, else at once. */
static void send_to_self(int signal) {
  int saved_errno = errno;
  syscall(SYS_tgkill, getpid(), (pid_t)syscall(SYS_gettid), signal);
  errno = saved_errno;
}

/* The default action of a signal that was not caused by the interrupted instruction. */
static void default_action(int signal) {
  switch (signal) {
  case SIGCHLD:
  case SIGCONT:
  case SIGURG:
  case SIGWINCH:
    return;
  case SIGTSTP:
  case SIGTTIN:
  case SIGTTOU:
    send_to_self(SIGSTOP);
    return;
  default:
    reset_to_default(signal);
    send_to_self(signal);
  }
}

/* 1 for a signal that the interrupted instruction caused. The kernel gives those an si_code above 0, kill and its like do not. */
static int is_fault(int signal, const siginfo_t *info) {
  if (info->si_code <= 0) return 0;
  if (signal == SIGBUS) return info->si_code != BUS_MCEERR_AO; /* a memory error found somewhere else */
  return signal == SIGSEGV || signal == SIGILL || signal == SIGFPE || signal == SIGTRAP;
}

/* Blocks what would be blocked had the kernel called this handler: what the interrupted code blocked, its mask, and the signal. */
static void set_mask(const struct sigaction *action, int signal, const void *context) {
  sigset_t set;
  uint64_t mask, interrupted;
  memcpy(&interrupted, &((const ucontext_t *)context)->uc_sigmask, sizeof(interrupted));
  memcpy(&mask, &action->sa_mask, sizeof(mask));
  mask |= interrupted;
  if ((action->sa_flags & SA_NODEFER) == 0) mask |= (uint64_t)1 << (signal - 1);
  memset(&set, 0, sizeof(set));
  memcpy(&set, &mask, sizeof(mask));
  int saved_errno = errno;
  /* Not pthread_sigmask, which would change the two signals that glibc keeps to itself. */
  syscall(SYS_rt_sigprocmask, SIG_SETMASK, &set, NULL, sizeof(mask));
  errno = saved_errno;
}

void sbx_call_previous(struct sigaction *previous, int signal, siginfo_t *info, void *context) {
  void (*handler)(int) = previous->sa_handler;
  if (handler == SIG_DFL || handler == SIG_IGN) {
    /* A fault ends the process even where its signal is ignored: the kernel does not return to an instruction that can't run. */
    if (is_fault(signal, info)) {
      reset_to_default(signal);
    } else if (handler == SIG_DFL) {
      default_action(signal);
    }
    return;
  }
  struct sigaction action = *previous;
  if ((action.sa_flags & SA_RESETHAND) != 0) previous->sa_handler = SIG_DFL;
  set_mask(&action, signal, context);
  if ((action.sa_flags & SA_SIGINFO) != 0) {
    action.sa_sigaction(signal, info, context);
  } else {
    action.sa_handler(signal);
  }
}
