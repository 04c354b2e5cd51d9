/* What every case shares: output of one line for each fact, results with errno, and faults that are caught and named. */
#ifndef CASE_H
#define CASE_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#define PAGE 4096UL

/* Prints `CASE name: text`. */
__attribute__((format(printf, 2, 3), unused)) static void say(const char *name, const char *format, ...) {
  va_list list;
  va_start(list, format);
  printf("CASE %s: ", name);
  vprintf(format, list);
  printf("\n");
  fflush(stdout);
  va_end(list);
}

/* Prints a call's result: "ok" for what depends on the run, the value otherwise, or its errno. */
__attribute__((unused)) static void result(const char *name, long value) {
  if (value == -1) say(name, "errno %d", errno);
  else say(name, "%ld", value);
}
__attribute__((unused)) static void result_ptr(const char *name, const void *value) {
  if (value == (void *)-1) say(name, "errno %d", errno);
  else say(name, "ok");
}

static sigjmp_buf fault_return;
static volatile siginfo_t fault_info;
__attribute__((unused)) static void fault_handler(int signo, siginfo_t *info, void *context) {
  (void)signo;
  (void)context;
  fault_info = *info;
  siglongjmp(fault_return, 1);
}
__attribute__((unused)) static void catch_faults(void) {
  struct sigaction action = {.sa_sigaction = fault_handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  static char stack[65536];
  stack_t alternate = {.ss_sp = stack, .ss_size = sizeof stack};
  sigaltstack(&alternate, NULL);
  sigaction(SIGSEGV, &action, NULL);
  sigaction(SIGBUS, &action, NULL);
}

enum access { READ, WRITE, EXECUTE };
/* Touches a byte and prints what happened: fine, or signal, code and whether the address is right. */
__attribute__((unused)) static void touch(const char *name, void *where, enum access how) {
  volatile unsigned char *byte = where;
  if (sigsetjmp(fault_return, 1) == 0) {
    if (how == READ) (void)*byte;
    else if (how == WRITE) *byte = 42;
    else ((void (*)(void))where)();
    say(name, "fine");
  } else {
    say(name, "signal %d code %d address %s", fault_info.si_signo, fault_info.si_code, fault_info.si_addr == where ? "exact" : "other");
  }
}

/* Runs `body` in a child and prints how that ended. */
#define IN_CHILD(name, body)                                                   \
  do {                                                                         \
    fflush(stdout);                                                            \
    pid_t child_ = fork();                                                     \
    if (child_ == 0) {                                                         \
      body;                                                                    \
      fflush(stdout);                                                          \
      _exit(0);                                                                \
    }                                                                          \
    int status_ = 0;                                                           \
    waitpid(child_, &status_, 0);                                              \
    if (WIFSIGNALED(status_)) say(name, "killed by %d", WTERMSIG(status_));    \
    else say(name, "exit %d", WEXITSTATUS(status_));                           \
  } while (0)
#endif
