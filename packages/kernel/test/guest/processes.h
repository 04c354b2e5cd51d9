/* For cases with processes and threads: waiting for states instead of sleeping, and wait statuses as text. */
#ifndef PROCESSES_H
#define PROCESSES_H
#include "vfs/calls.h"
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>

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

__attribute__((unused)) static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
__attribute__((unused)) static void sleep_ms(long ms) {
  struct timespec left = {ms / 1000, ms % 1000 * 1000000};
  while (nanosleep(&left, &left) < 0 && errno == EINTR);
}

/* The state of a process: 'R', 'S', 'T', 'Z', …; 0 if there is none. */
__attribute__((unused)) static char process_state(pid_t pid) {
  char path[32], text[512];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  int fd = open(path, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (n <= 0) return 0;
  text[n] = 0;
  const char *after = strrchr(text, ')');
  return after == NULL ? 0 : after[2];
}
/* Waits until a process sleeps in a call (or is in another state): seen twice, as sleeps on the way there are short. */
__attribute__((unused)) static void wait_state(pid_t pid, char state) {
  for (int seen = 0, tries = 0; seen < 3 && tries < 20000; tries++) {
    seen = process_state(pid) == state ? seen + 1 : 0;
    sleep_ms(1);
  }
}
#define wait_asleep(pid) wait_state(pid, 'S')

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
