// covers: setpgid(EACCES EINVAL EPERM ESRCH) getpgid(ESRCH) getpgrp setsid(EPERM) getsid(ESRCH) kill(ESRCH)
// libc: glibc musl
// Process groups and sessions.
#include "../processes.h"

static void queries(void) {
  CASE("queries");
  SAY("%d %d %d", getpgid(0) == getpgrp(), getpgid(getpid()) == getpgrp(), getsid(0) == getsid(getpid()));
  SAY("raw getpgrp %d", syscall(SYS_getpgrp) == getpgid(0));
  SAY("leader of group %d and session %d", getpgrp() == getpid(), getsid(0) == getpid());
  T(getpgid(1234567));
  T(getsid(1234567));
  T(getpgid(-1));
  T(getsid(-1));
}

static void moving(void) {
  CASE("moving");
  struct gate gate = new_gate();
  pid_t a = CHILD(gate_pass(gate));
  pid_t b = CHILD(gate_pass(gate));
  T(setpgid(a, a));
  SAY("%d", getpgid(a) == a);
  T(setpgid(b, a));
  SAY("%d", getpgid(b) == a);
  T(setpgid(b, b));
  T(setpgid(b, b));
  T(setpgid(a, b));
  T(setpgid(a, getpgrp()));
  /* b's group has b alone; a is back with us. */
  T(setpgid(a, 0));
  T(setpgid(a, 1234567));
  T(setpgid(a, -1));
  T(setpgid(1234567, 0));
  T(setpgid(-1, 0));
  T(setpgid(getppid(), 0));
  T(setpgid(0, 0));
  pid_t out = CHILD({
    SAY("own %d %d", setpgid(0, 0), getpgrp() == getpid());
    T(setpgid(0, getppid()));
    SAY("parent's %d", setpgid(a, 0));
    T(setpgid(a, 0));
  });
  say_end("child", out);
  gate_open(gate);
  gate_open(gate);
  say_end("a", a);
  say_end("b", b);
  /* The group of a process that is gone. */
  T(getpgid(a));
  pid_t child = CHILD(_exit(0));
  siginfo_t info;
  waitid(P_PID, child, &info, WEXITED | WNOWAIT);
  SAY("zombie's group %d", getpgid(child) == getpgrp());
  T(setpgid(child, child) < 0 ? -errno : 0);
  waitpid(child, NULL, 0);
  gate_close(gate);
}

static void executed(const char *self) {
  CASE("after-exec");
  int ready[2];
  if (pipe(ready) < 0) return;
  fflush(stdout);
  struct gate gate = new_gate();
  pid_t child = fork();
  if (child == 0) {
    dup2(ready[1], 10);
    dup2(gate.ends[0], 11);
    execl(self, self, "child", NULL);
    _exit(1);
  }
  char byte;
  T(read(ready[0], &byte, 1));
  T(setpgid(child, child));
  gate_open(gate);
  say_end("child", child);
}

static void sessions(void) {
  CASE("sessions");
  T(setsid());
  struct gate gate = new_gate(), done = new_gate();
  pid_t child = CHILD({
    SAY("setsid gives own pid: %d", setsid() == getpid());
    SAY("group %d session %d", getpgrp() == getpid(), getsid(0) == getpid());
    T(setsid());
    T(setpgid(0, 0));
    gate_open(done);
    gate_pass(gate);
    pid_t inner = CHILD({
      SAY("inner in the session %d", getsid(0) == getppid());
      T(setpgid(0, 0));
      SAY("other group %d", getpgrp() == getpid());
    });
    say_end("inner", inner);
  });
  gate_pass(done);
  T(setpgid(child, child));
  T(setpgid(child, getpgrp()));
  SAY("%d %d", getsid(child) == child, getpgid(child) == child);
  pid_t other = CHILD(gate_pass(done));
  SAY("into a group of another session");
  T(setpgid(other, child));
  gate_open(gate);
  say_end("child", child);
  gate_open(done);
  say_end("other", other);
}

static void signals(void) {
  CASE("signals");
  struct gate ready = new_gate();
  pid_t children[3];
  for (int i = 0; i < 3; i++) {
    children[i] = CHILD({
      if (i < 2) setpgid(0, i == 0 ? 0 : children[0]);
      gate_open(ready);
      pause();
    });
    gate_pass(ready);
  }
  T(kill(-children[0], 0));
  T(kill(-children[0], SIGTERM));
  say_end("first", children[0]);
  say_end("second", children[1]);
  T(waitpid(children[2], NULL, WNOHANG));
  T(kill(-children[0], SIGTERM));
  T(kill(children[2], SIGINT));
  say_end("third", children[2]);
  /* 0: everybody in the caller's group. */
  pid_t leader = CHILD({
    setpgid(0, 0);
    pid_t inner[2];
    for (int i = 0; i < 2; i++) inner[i] = CHILD(gate_open(ready); pause());
    gate_pass(ready);
    gate_pass(ready);
    signal(SIGUSR1, SIG_IGN);
    T(kill(0, SIGUSR1));
    say_end("inner", inner[0]);
    say_end("inner", inner[1]);
  });
  say_end("leader", leader);
  gate_close(ready);
}

/* A stopped process whose group becomes orphaned gets SIGHUP and SIGCONT. */
static void orphaned(void) {
  CASE("orphaned");
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  int words[2];
  if (pipe(words) < 0) return;
  pid_t middle = CHILD({
    setsid();
    pid_t job = CHILD({
      setpgid(0, 0);
      raise(SIGSTOP);
      _exit(5);
    });
    waitpid(job, NULL, WUNTRACED);
    if (write(words[1], &job, sizeof job) < 0) _exit(1);
  });
  pid_t job;
  if (read(words[0], &job, sizeof job) < 0) return;
  say_end("middle", middle);
  say_end("stopped job", job);
  /* A stop signal from the terminal does not stop an orphaned group; SIGSTOP does. */
  middle = CHILD({
    setsid();
    job = CHILD({
      gate_pass((struct gate){{words[0], words[1]}});
      raise(SIGTSTP);
      raise(SIGTTIN);
      raise(SIGTTOU);
      _exit(6);
    });
    if (write(words[1], "xx", 2) < 0) _exit(1);
    if (write(words[1], &job, sizeof job) < 0) _exit(1);
  });
  say_end("middle", middle);
  char skip;
  if (read(words[0], &skip, 1) < 0) return;
  if (read(words[0], &job, sizeof job) < 0) return;
  (void)skip;
  int status;
  pid_t got = waitpid(-1, &status, WUNTRACED);
  SAY("orphaned job: %s %d", status_text(status), got > 0);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
  close(words[0]);
  close(words[1]);
}

int main(int argc, char **argv) {
  if (argc > 1) {
    char byte = 'x';
    if (write(10, &byte, 1) < 0 || read(11, &byte, 1) < 0) return 1;
    return 3;
  }
  queries();
  moving();
  executed(argv[0]);
  sessions();
  signals();
  orphaned();
  return 0;
}
