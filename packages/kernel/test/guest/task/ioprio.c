// covers: ioprio_set(EINVAL EPERM ESRCH) ioprio_get(EINVAL ESRCH)
// I/O priorities, as a program can read and set them. (Not: data from 8 on, which later versions of Linux take for hints.)
#include "../processes.h"
#include <linux/ioprio.h>

static long set(int which, int who, int priority) {
  return syscall(SYS_ioprio_set, which, who, priority);
}
static long get(int which, int who) {
  return syscall(SYS_ioprio_get, which, who);
}
static int value(int class, int data) {
  return class << 13 | data;
}

static void values(void) {
  CASE("values");
  T(get(IOPRIO_WHO_PROCESS, 0));
  T(set(IOPRIO_WHO_PROCESS, 0, value(IOPRIO_CLASS_BE, 7)));
  T(get(IOPRIO_WHO_PROCESS, 0));
  T(get(IOPRIO_WHO_PROCESS, getpid()));
  T(set(IOPRIO_WHO_PROCESS, getpid(), value(IOPRIO_CLASS_IDLE, 5)));
  T(get(IOPRIO_WHO_PROCESS, 0));
  T(set(IOPRIO_WHO_PROCESS, 0, value(IOPRIO_CLASS_RT, 3)));
  T(get(IOPRIO_WHO_PROCESS, 0));
  T(set(IOPRIO_WHO_PROCESS, 0, value(IOPRIO_CLASS_NONE, 4)));
  for (int class = 4; class < 8; class++) T(set(IOPRIO_WHO_PROCESS, 0, value(class, 0)));
  // Only three bits of the class are looked at, and kept.
  T(set(IOPRIO_WHO_PROCESS, 0, 1 << 16 | value(IOPRIO_CLASS_BE, 1)));
  T(get(IOPRIO_WHO_PROCESS, 0));
  T(set(IOPRIO_WHO_PROCESS, 0, -1));
  T(set(IOPRIO_WHO_PROCESS, 0, value(IOPRIO_CLASS_NONE, 0)));
  T(get(IOPRIO_WHO_PROCESS, 0));
}

static void targets(void) {
  CASE("targets");
  for (int which = 0; which < 5; which += 4) {
    T(get(which, 0));
    T(set(which, 0, value(IOPRIO_CLASS_BE, 1)));
    T(set(which, 0, value(IOPRIO_CLASS_NONE, 1)));
  }
  for (int which = 1; which < 4; which++) {
    T(get(which, 1234567));
    T(set(which, 1234567, value(IOPRIO_CLASS_BE, 1)));
    T(get(which, -1));
    T(set(which, -1, value(IOPRIO_CLASS_BE, 1)));
  }
}

static void groups(void) {
  CASE("groups");
  setpgid(0, 0);
  struct gate gate = new_gate();
  pid_t child = CHILD(gate_pass(gate));
  T(set(IOPRIO_WHO_PGRP, 0, value(IOPRIO_CLASS_BE, 6)));
  T(get(IOPRIO_WHO_PROCESS, child));
  T(set(IOPRIO_WHO_PROCESS, child, value(IOPRIO_CLASS_BE, 2)));
  T(get(IOPRIO_WHO_PGRP, 0));
  T(get(IOPRIO_WHO_PGRP, getpgrp()));
  T(set(IOPRIO_WHO_PROCESS, child, value(IOPRIO_CLASS_IDLE, 0)));
  T(get(IOPRIO_WHO_PGRP, 0));
  gate_open(gate);
  say_end("child", child);
}

// Where none is set, that of several threads follows from nice value and policy.
static void nice_values(void) {
  CASE("nice");
  setpgid(0, 0);
  T(get(IOPRIO_WHO_PGRP, 0));
  T(nice(7));
  T(get(IOPRIO_WHO_PGRP, 0));
  T(get(IOPRIO_WHO_PROCESS, 0));
  struct sched_param param = {0};
  T(sched_setscheduler(0, SCHED_BATCH, &param));
  T(get(IOPRIO_WHO_PGRP, 0));
  T(sched_setscheduler(0, SCHED_IDLE, &param));
  T(get(IOPRIO_WHO_PGRP, 0));
  T(set(IOPRIO_WHO_PROCESS, 0, value(IOPRIO_CLASS_BE, 3)));
  T(get(IOPRIO_WHO_PGRP, 0));
}

static int in_thread(void *how) {
  SAY("%s starts with %ld", (const char *)how, get(IOPRIO_WHO_PROCESS, 0));
  T(set(IOPRIO_WHO_PROCESS, 0, value(IOPRIO_CLASS_BE, 5)));
  return 0;
}
static void run_thread(const char *how, int flags) {
  static char stack[65536] __attribute__((aligned(16)));
  const pid_t child = clone(in_thread, stack + sizeof stack, flags | SIGCHLD, (void *)how);
  say_end(how, child);
  T(get(IOPRIO_WHO_PROCESS, 0));
}

static void inheritance(void) {
  CASE("inheritance");
  run_thread("fork, nothing set", 0);
  run_thread("CLONE_IO, nothing set", CLONE_IO);
  T(set(IOPRIO_WHO_PROCESS, 0, value(IOPRIO_CLASS_BE, 1)));
  run_thread("fork", 0);
  run_thread("CLONE_VM", CLONE_VM);
  run_thread("CLONE_IO", CLONE_IO);
  T(set(IOPRIO_WHO_PROCESS, 0, value(IOPRIO_CLASS_NONE, 0)));
  run_thread("fork, none", 0);
  run_thread("CLONE_IO, none", CLONE_IO);
}

static void users(void) {
  CASE("users");
  T(set(IOPRIO_WHO_PROCESS, 0, value(IOPRIO_CLASS_BE, 2)));
  const pid_t parent = getpid();
  say_end("user", CHILD({
            drop_privileges();
            T(set(IOPRIO_WHO_PROCESS, 0, value(IOPRIO_CLASS_RT, 0)));
            T(set(IOPRIO_WHO_PROCESS, 0, value(IOPRIO_CLASS_RT, 9)));
            T(set(IOPRIO_WHO_PROCESS, 0, value(IOPRIO_CLASS_BE, 4)));
            T(set(IOPRIO_WHO_PROCESS, 0, value(IOPRIO_CLASS_BE, 0)));
            T(get(IOPRIO_WHO_USER, 0));
            T(get(IOPRIO_WHO_USER, 12345));
            T(set(IOPRIO_WHO_USER, 12345, value(IOPRIO_CLASS_IDLE, 0)));
            T(get(IOPRIO_WHO_USER, 12345));
            T(set(IOPRIO_WHO_PROCESS, parent, value(IOPRIO_CLASS_BE, 4)));
            T(set(IOPRIO_WHO_USER, 0, value(IOPRIO_CLASS_BE, 4)));
            SAY("anybody may look: %ld", get(IOPRIO_WHO_PROCESS, parent));
          }));
  T(get(IOPRIO_WHO_PROCESS, 0));
}

int main(void) {
  IN_CHILD(values());
  targets();
  IN_CHILD(groups());
  IN_CHILD(nice_values());
  IN_CHILD(inheritance());
  IN_CHILD(users());
  return 0;
}
