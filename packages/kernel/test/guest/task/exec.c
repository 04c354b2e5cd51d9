// covers: execve(EACCES EFAULT ENOENT ENOEXEC ETXTBSY) execveat(EBADF EINVAL ELOOP ENOENT) exit_group
// libc: glibc musl
// What is left of a process after execve, seen by the new program; other threads; failures leave the process as it was.
#include "../processes.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/time.h>

static void handler(int signo) { (void)signo; }

static int show(char **argv) {
  CASE(argv[2]);
  struct sigaction action;
  sigset_t set;
  sigaction(SIGUSR1, NULL, &action);
  SAY("handler %s", action.sa_handler == SIG_DFL ? "default" : "other");
  sigaction(SIGUSR2, NULL, &action);
  SAY("ignored %d", action.sa_handler == SIG_IGN);
  sigprocmask(SIG_BLOCK, NULL, &set);
  SAY("blocked %d", sigismember(&set, SIGTERM));
  sigpending(&set);
  SAY("pending %d", sigismember(&set, SIGTERM));
  stack_t stack;
  sigaltstack(NULL, &stack);
  SAY("alternate stack %d", stack.ss_flags);
  SAY("alarm %d", alarm(0) > 900);
  struct itimerval timer;
  getitimer(ITIMER_VIRTUAL, &timer);
  SAY("virtual timer %d", timer.it_value.tv_sec > 900);
  T(timer_delete((timer_t)0));
  SAY("umask %o", umask(0));
  SAY("nice %d", getpriority(PRIO_PROCESS, 0));
  struct rlimit limit;
  getrlimit(RLIMIT_CPU, &limit);
  SAY("limit %ld", (long)limit.rlim_cur);
  char name[16];
  prctl(PR_GET_NAME, name);
  SAY("name is the file's: %d", strcmp(name, "parent") != 0);
  int signo;
  prctl(PR_GET_PDEATHSIG, &signo);
  SAY("pdeathsig %d", signo);
  SAY("dumpable %d, keepcaps %d, slack %d", prctl(PR_GET_DUMPABLE), prctl(PR_GET_KEEPCAPS), prctl(PR_GET_TIMERSLACK));
  SAY("open %d, close-on-exec %d", fcntl(10, F_GETFD), fcntl(11, F_GETFD));
  char text[8] = "";
  T(read(10, text, 3));
  SAY("position kept: %s", text);
  SAY("leads: %d", getpid() == (pid_t)syscall(SYS_gettid));
  SAY("pid kept: %d", atoi(argv[3]) == getpid());
  SAY("locked %d", mlock(text, 1) == 0 && munlock(text, 1) == 0);
  return 42;
}

static char *self;

static void block_term(void) {
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGTERM);
  sigprocmask(SIG_BLOCK, &set, NULL);
}

static void prepare(void) {
  signal(SIGUSR1, handler);
  signal(SIGUSR2, SIG_IGN);
  block_term();
  kill(getpid(), SIGTERM);
  static char area[65536];
  sigaltstack(&(stack_t){.ss_sp = area, .ss_size = sizeof area}, NULL);
  alarm(1000);
  setitimer(ITIMER_VIRTUAL, &(struct itimerval){.it_value.tv_sec = 1000}, NULL);
  timer_t timer;
  timer_create(CLOCK_MONOTONIC, NULL, &timer);
  umask(031);
  setpriority(PRIO_PROCESS, 0, 4);
  setrlimit(RLIMIT_CPU, &(struct rlimit){500, 600});
  prctl(PR_SET_NAME, "parent");
  prctl(PR_SET_PDEATHSIG, SIGUSR2);
  prctl(PR_SET_KEEPCAPS, 1);
  prctl(PR_SET_TIMERSLACK, 777);
  prctl(PR_SET_DUMPABLE, 0);
  int fd = memfd_create("kept", 0);
  write(fd, "abcdef", 6);
  lseek(fd, 2, SEEK_SET);
  dup2(fd, 10);
  dup3(fd, 11, O_CLOEXEC);
}

static void start_self(const char *name) {
  char pid[16];
  snprintf(pid, sizeof pid, "%d", getpid());
  execl(self, self, "show", name, pid, NULL);
  SAY("execve: error %d", errno);
  _exit(1);
}

static struct gate forever;
static void *blocked(void *argument) {
  if (argument != NULL) gate_open(*(struct gate *)argument);
  gate_pass(forever);
  return NULL;
}
static void *spinning(void *argument) {
  gate_open(*(struct gate *)argument);
  for (;;) __asm__ volatile("pause");
  return NULL;
}
/* Ends after the leader, whose exit clears the word. */
static volatile int leader_lives = 1;
static void *outlives(void *argument) {
  while (leader_lives) sched_yield();
  syscall(SYS_exit, 14);
  return argument;
}
static void *executing(void *argument) {
  (void)argument;
  prepare();
  start_self("from-thread");
  return NULL;
}

static void failures(void) {
  CASE("failures");
  char *argv[] = {"x", NULL};
  T(execve("/no/such/file", argv, NULL));
  T(execve("/tmp", argv, NULL));
  T(execve((char *)8, argv, NULL));
  T(execve(self, (char **)8, NULL));
  T(execve(self, argv, (char **)8));
  T(execve(self, (char *[]){(char *)8, NULL}, NULL));
  T(execve("", argv, NULL));
  int fd = open("script", O_CREAT | O_WRONLY, 0644);
  T(execve("script", argv, NULL));
  fchmod(fd, 0755);
  T(execve("script", argv, NULL));
  close(fd);
  T(execve("script", argv, NULL));
  T(syscall(SYS_execveat, -1, "x", argv, NULL, 0));
  T(syscall(SYS_execveat, AT_FDCWD, "x", argv, NULL, 0x20000));
  T(syscall(SYS_execveat, AT_FDCWD, "", argv, NULL, 0));
  T(syscall(SYS_execveat, AT_FDCWD, "no", argv, NULL, 0));
  symlink("script", "link");
  T(syscall(SYS_execveat, AT_FDCWD, "link", argv, NULL, AT_SYMLINK_NOFOLLOW));
  unlink("link");
  unlink("script");
}

int main(int argc, char **argv) {
  self = argv[0];
  if (argc < 1 || *self == 0) {
    CASE("no-arguments");
    SAY("%d", argc);
    return 44;
  }
  if (argc > 3) return show(argv);
  if (argc == 3) {
    CASE(argv[2]);
    SAY("arguments %d", argc);
    return 43;
  }
  failures();
  CASE("plain");
  say_end("program", CHILD(prepare(); start_self("plain")));

  CASE("threads");
  forever = new_gate();
  struct gate ready = new_gate();
  say_end("leader", CHILD({
            pthread_t thread;
            block_term();
            for (int i = 0; i < 3; i++) pthread_create(&thread, NULL, i == 1 ? spinning : blocked, &ready);
            for (int i = 0; i < 3; i++) gate_pass(ready);
            prepare();
            start_self("from-leader");
          }));
  say_end("thread", CHILD({
            pthread_t thread;
            block_term();
            for (int i = 0; i < 3; i++) pthread_create(&thread, NULL, i == 1 ? spinning : blocked, &ready);
            for (int i = 0; i < 3; i++) gate_pass(ready);
            pthread_create(&thread, NULL, executing, NULL);
            gate_pass(forever);
          }));
  say_end("exit of all", CHILD({
            pthread_t thread;
            block_term();
            for (int i = 0; i < 3; i++) pthread_create(&thread, NULL, i == 1 ? spinning : blocked, &ready);
            for (int i = 0; i < 3; i++) gate_pass(ready);
            exit(12);
          }));
  say_end("leader exits first", CHILD({
            pthread_t thread;
            pthread_create(&thread, NULL, outlives, NULL);
            syscall(SYS_set_tid_address, &leader_lives);
            syscall(SYS_exit, 13);
          }));

  CASE("vfork");
  fflush(stdout);
  pid_t child = vfork();
  if (child == 0) {
    execl(self, self, "again", "vfork", NULL);
    _exit(1);
  }
  say_end("program", child);
  CASE("by-descriptor");
  int fd = open(self, O_RDONLY | O_CLOEXEC);
  say_end("program", CHILD(syscall(SYS_execveat, fd, "", (char *[]){"x", "again", "by-descriptor", NULL}, NULL, AT_EMPTY_PATH); _exit(errno)));
  close(fd);
  fd = open(self, O_PATH);
  say_end("program", CHILD(syscall(SYS_execveat, fd, "", (char *[]){"x", "again", "o-path", NULL}, NULL, AT_EMPTY_PATH); _exit(errno)));
  CASE("no-arguments");
  say_end("program", CHILD(execve(self, NULL, NULL); _exit(errno)));
  return 0;
}
