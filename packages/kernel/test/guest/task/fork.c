// covers: fork vfork clone wait4(ECHILD) getpid getppid gettid getpgrp exit exit_group
// libc: glibc musl
// What a child has of its parent, and what not.
#include "../processes.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>
#include <sys/times.h>

static int global = 1;
static volatile int seen;

static void handler(int signo) { seen = signo; }

static void copies(void) {
  CASE("copies");
  int local = 2;
  int *heap = malloc(sizeof *heap);
  *heap = 3;
  int *shared = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  pid_t parent = getpid();
  pid_t child = CHILD({
    SAY("parent %d, ids differ %d, tid is pid %d", getppid() == parent, getpid() != parent, (pid_t)syscall(SYS_gettid) == getpid());
    SAY("group %d session %d", getpgrp() == getpgid(parent), getsid(0) == getsid(parent));
    SAY("%d %d %d", global, local, *heap);
    global = local = *heap = 100;
    *shared = 100;
    _exit(global + local + *heap == 300 ? 7 : 8);
  });
  say_end("child", child);
  SAY("%d %d %d %d", global, local, *heap, *shared);
}

/* The C library may use clone for fork: the old calls themselves. */
static void raw(void) {
  CASE("raw");
  fflush(stdout);
  pid_t child = (pid_t)syscall(SYS_fork);
  if (child == 0) syscall(SYS_exit, 5);
  say_end("fork", child);
  child = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);
  if (child == 0) syscall(SYS_exit_group, 0x1206);
  say_end("clone", child);
  volatile int touched = 0;
  child = vfork();
  if (child == 0) {
    touched = 1;
    _exit(9);
  }
  say_end("vfork", child);
  SAY("memory of a vfork child: %d", touched);
}

static void inheritance(void) {
  CASE("inheritance");
  struct sigaction action = {.sa_handler = handler}, got;
  sigaction(SIGUSR1, &action, NULL);
  signal(SIGUSR2, SIG_IGN);
  sigset_t set, old;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, &old);
  kill(getpid(), SIGTERM);
  alarm(1000);
  umask(027);
  nice(3);
  struct rlimit limit = {100, 200};
  setrlimit(RLIMIT_CORE, &limit);
  setrlimit(RLIMIT_NOFILE, &(struct rlimit){77, 777});
  prctl(PR_SET_NAME, "parent-name");
  pid_t child = CHILD({
    sigaction(SIGUSR1, NULL, &got);
    SAY("handler %d", got.sa_handler == handler);
    sigaction(SIGUSR2, NULL, &got);
    SAY("ignored %d", got.sa_handler == SIG_IGN);
    sigset_t pending;
    sigpending(&pending);
    sigprocmask(SIG_BLOCK, NULL, &set);
    SAY("SIGTERM blocked %d pending %d", sigismember(&set, SIGTERM), sigismember(&pending, SIGTERM));
    T(alarm(0));
    T(umask(0));
    errno = 0;
    SAY("nice %d", getpriority(PRIO_PROCESS, 0));
    getrlimit(RLIMIT_NOFILE, &limit);
    SAY("limit %ld %ld", (long)limit.rlim_cur, (long)limit.rlim_max);
    char name[16];
    prctl(PR_GET_NAME, name);
    SAY("name %s", name);
    raise(SIGUSR1);
    SAY("handler ran %d", seen);
    struct tms tms;
    times(&tms);
    SAY("child times %ld %ld", (long)tms.tms_cutime, (long)tms.tms_cstime);
  });
  say_end("child", child);
  T(alarm(0) > 900);
  SAY("handler did not run here %d", seen);
  signal(SIGTERM, SIG_IGN);
  sigprocmask(SIG_SETMASK, &old, NULL);
}

static void descriptors(void) {
  CASE("descriptors");
  int fd = memfd_create("shared", 0);
  T(write(fd, "0123456789", 10));
  lseek(fd, 2, SEEK_SET);
  fcntl(fd, F_SETFD, FD_CLOEXEC);
  pid_t child = CHILD({
    char text[4] = "";
    T(read(fd, text, 3));
    SAY("read %s", text);
    T(fcntl(fd, F_GETFD));
    close(fd);
  });
  say_end("child", child);
  T(lseek(fd, 0, SEEK_CUR));
  close(fd);
}

static void exits(void) {
  CASE("exits");
  for (int code = 254; code <= 258; code++) say_end("exit", CHILD(_exit(code)));
  say_end("negative", CHILD(_exit(-1)));
  say_end("killed", CHILD(kill(getpid(), SIGKILL)));
  say_end("aborted", CHILD(abort()));
  say_end("no handler", CHILD(raise(SIGUSR2); signal(SIGUSR2, SIG_DFL); raise(SIGUSR2)));
  say_end("realtime", CHILD(raise(SIGRTMIN + 2)));
  for (int signo = 1; signo < 32; signo++) {
    if (signo == SIGSTOP || signo == SIGTSTP || signo == SIGTTIN || signo == SIGTTOU) continue;
    say_end(strsignal(signo), CHILD(signal(signo, SIG_DFL); raise(signo); _exit(33)));
  }
}

static void many(void) {
  CASE("many");
  enum { COUNT = 60 };
  pid_t children[COUNT];
  struct gate gate = new_gate();
  for (int i = 0; i < COUNT; i++) {
    children[i] = CHILD({
      gate_pass(gate);
      _exit(i);
    });
  }
  for (int i = 0; i < COUNT; i++) gate_open(gate);
  int right = 0;
  for (int i = COUNT - 1; i >= 0; i--) {
    int status;
    if (waitpid(children[i], &status, 0) == children[i] && WEXITSTATUS(status) == i) right++;
  }
  SAY("%d children ended as they should", right);
  gate_close(gate);
  T(wait(NULL));
}

static void nested(int depth) {
  CASE("nested");
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    if (depth < 12) nested(depth + 1);
    _exit(depth);
  }
  int status;
  waitpid(child, &status, 0);
  if (depth % 4 == 0) SAY("depth %d: %s", depth, status_text(status));
}

int main(void) {
  copies();
  raw();
  inheritance();
  descriptors();
  exits();
  many();
  nested(0);
  return 0;
}
