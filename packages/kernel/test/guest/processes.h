/* For cases with processes and threads: waiting for each other instead of for a time, and wait statuses as text. */
#ifndef PROCESSES_H
#define PROCESSES_H
#include "vfs/calls.h"
#include "states.h"
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>

/* A pipe that one side waits on until the other lets it go. */
struct gate {
  int ends[2];
};
__attribute__((unused)) static struct gate new_gate(void) {
  struct gate gate;
  if (pipe(gate.ends) < 0) perror("pipe");
  return gate;
}
__attribute__((unused)) static void gate_open(struct gate gate) {
  if (write(gate.ends[1], "x", 1) != 1) perror("gate");
}
__attribute__((unused)) static void gate_pass(struct gate gate) {
  char byte;
  while (read(gate.ends[0], &byte, 1) < 0 && errno == EINTR);
}
__attribute__((unused)) static void gate_close(struct gate gate) {
  close(gate.ends[0]);
  close(gate.ends[1]);
}

/* "exit 3", "signal 9", "stopped 19", "continued". */
__attribute__((unused)) static const char *status_text(int status) {
  static char text[32];
  if (WIFEXITED(status)) snprintf(text, sizeof text, "exit %d", WEXITSTATUS(status));
  else if (WIFSIGNALED(status)) snprintf(text, sizeof text, "signal %d", WTERMSIG(status));
  else if (WIFSTOPPED(status)) snprintf(text, sizeof text, "stopped %d", WSTOPSIG(status));
  else if (WIFCONTINUED(status)) snprintf(text, sizeof text, "continued");
  else snprintf(text, sizeof text, "status %x", status);
  return text;
}

/* Waits for the child and prints how it ended. */
__attribute__((unused)) static void say_end(const char *what, pid_t child) {
  int status = -1;
  pid_t got;
  do got = waitpid(child, &status, 0);
  while (got < 0 && errno == EINTR);
  if (got < 0) SAY("%s: error %d", what, errno);
  else SAY("%s: %s", what, status_text(status));
}

/* Starts a child that runs the code and exits with 0. */
#define CHILD(...)         \
  ({                       \
    fflush(stdout);        \
    pid_t forked_ = fork(); \
    if (forked_ == 0) {    \
      __VA_ARGS__;         \
      fflush(stdout);      \
      _exit(0);            \
    }                      \
    forked_;               \
  })
#endif
