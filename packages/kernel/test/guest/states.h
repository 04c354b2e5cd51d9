/* Waiting for what other processes and threads do, instead of for a time. */
#ifndef STATES_H
#define STATES_H
#ifndef _GNU_SOURCE
#define _GNU_SOURCE
#endif
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

__attribute__((unused)) static long now_ms(void) {
  struct timespec now;
  clock_gettime(CLOCK_MONOTONIC, &now);
  return now.tv_sec * 1000 + now.tv_nsec / 1000000;
}
__attribute__((unused)) static void sleep_ms(long ms) {
  struct timespec left = {ms / 1000, ms % 1000 * 1000000};
  while (nanosleep(&left, &left) < 0 && errno == EINTR);
}

/* The state of a process or thread, of which `stat` is the file in /proc: 'R', 'S', 'T', 'Z', …; 0 if there is none. */
__attribute__((unused)) static char state_in(const char *stat) {
  char text[512];
  int fd = open(stat, O_RDONLY | O_CLOEXEC);
  ssize_t n = fd < 0 ? -1 : read(fd, text, sizeof text - 1);
  if (fd >= 0) close(fd);
  if (n <= 0) return 0;
  text[n] = 0;
  const char *after = strrchr(text, ')');
  return after == NULL ? 0 : after[2];
}
/* Seen three times, as sleeps on the way there are short. */
__attribute__((unused)) static void wait_state_in(const char *stat, char state) {
  for (int seen = 0, tries = 0; seen < 3 && tries < 20000; tries++) {
    seen = state_in(stat) == state ? seen + 1 : 0;
    sleep_ms(1);
  }
}

__attribute__((unused)) static char process_state(pid_t pid) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  return state_in(path);
}
/* Waits until a process sleeps in a call (or is in another state). */
__attribute__((unused)) static void wait_state(pid_t pid, char state) {
  char path[32];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  wait_state_in(path, state);
}
#define wait_asleep(pid) wait_state(pid, 'S')

/* The same for a thread of this process. */
__attribute__((unused)) static void wait_thread_asleep(pid_t tid) {
  char path[48];
  snprintf(path, sizeof path, "/proc/self/task/%d/stat", tid);
  wait_state_in(path, 'S');
}
#endif
