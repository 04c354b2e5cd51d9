// covers: prlimit64(EFAULT EINVAL EPERM ESRCH) getrlimit(EFAULT EINVAL) setrlimit(EFAULT EINVAL EPERM) getrusage(EFAULT EINVAL) clone(EAGAIN) kill rt_sigqueueinfo(EAGAIN) pipe2(EMFILE) openat fork(EAGAIN) vfork(EAGAIN)
// Resource limits: reading, setting, and what happens at them.
#include "../processes.h"
#include <fcntl.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>

static void reading(void) {
  CASE("reading");
  struct rlimit limit, raw;
  T(prlimit(0, RLIMIT_STACK, NULL, &limit));
  SAY("stack %ld", (long)limit.rlim_cur);
  T(syscall(SYS_getrlimit, RLIMIT_STACK, &raw));
  SAY("same %d", memcmp(&limit, &raw, sizeof raw) == 0);
  T(prlimit(0, RLIMIT_NOFILE, NULL, &limit));
  SAY("files %ld", (long)limit.rlim_cur);
  T(prlimit(0, RLIMIT_CORE, NULL, &limit));
  SAY("core %ld", (long)limit.rlim_cur);
  T(prlimit(getpid(), RLIMIT_CPU, NULL, &limit));
  SAY("cpu %ld", (long)limit.rlim_cur);
  T(syscall(SYS_getrlimit, 16, &raw));
  T(syscall(SYS_getrlimit, -1, &raw));
  T(syscall(SYS_getrlimit, RLIMIT_STACK, 8));
  T(prlimit(0, 16, NULL, &limit));
  T(prlimit(-1, RLIMIT_CORE, NULL, &limit));
  T(prlimit(1234567, RLIMIT_CORE, NULL, &limit));
  T(prlimit(0, RLIMIT_CORE, (void *)8, NULL));
  T(prlimit(0, RLIMIT_CORE, NULL, (void *)8));
  T(prlimit(0, RLIMIT_CORE, NULL, NULL));
}

static void setting(void) {
  CASE("setting");
  struct rlimit limit;
  T(syscall(SYS_setrlimit, RLIMIT_CPU, &(struct rlimit){1000, 2000}));
  T(prlimit(0, RLIMIT_CPU, NULL, &limit));
  SAY("%ld %ld", (long)limit.rlim_cur, (long)limit.rlim_max);
  T(prlimit(0, RLIMIT_CPU, &(struct rlimit){1500, 1800}, &limit));
  SAY("old %ld %ld", (long)limit.rlim_cur, (long)limit.rlim_max);
  T(syscall(SYS_setrlimit, RLIMIT_CPU, &(struct rlimit){1801, 1800}));
  T(syscall(SYS_setrlimit, 99, &(struct rlimit){1, 1}));
  T(syscall(SYS_setrlimit, RLIMIT_CPU, 8));
  T(syscall(SYS_setrlimit, RLIMIT_NOFILE, &(struct rlimit){RLIM_INFINITY, RLIM_INFINITY}));
  say_end("user", CHILD({
            drop_privileges();
            T(prlimit(0, RLIMIT_CPU, &(struct rlimit){100, 1801}, NULL));
            T(prlimit(0, RLIMIT_CPU, &(struct rlimit){100, 1800}, NULL));
            T(prlimit(0, RLIMIT_CPU, &(struct rlimit){100, 200}, NULL));
            T(prlimit(0, RLIMIT_CPU, &(struct rlimit){100, 201}, NULL));
            T(prlimit(getppid(), RLIMIT_CPU, NULL, &limit));
          }));
  struct gate gate = new_gate();
  pid_t child = CHILD(gate_pass(gate); getrlimit(RLIMIT_CORE, &limit); SAY("set by the parent: %ld", (long)limit.rlim_cur));
  T(prlimit(child, RLIMIT_CORE, &(struct rlimit){0, 0}, NULL));
  gate_open(gate);
  say_end("child", child);
}

static void processes(void) {
  CASE("nproc");
  say_end("user", CHILD({
            drop_privileges();
            /* What this user has on this machine does not matter: one more is too many. */
            T(prlimit(0, RLIMIT_NPROC, &(struct rlimit){1, 1}, NULL));
            pid_t child = fork();
            if (child == 0) _exit(0);
            if (child < 0) SAY("fork: error %d", errno);
            T(syscall(SYS_fork));
            T(syscall(SYS_vfork));
            pthread_t thread;
            T(pthread_create(&thread, NULL, NULL, NULL));
          }));
}

static volatile sig_atomic_t limit_signal;
static void on_limit(int signo) { limit_signal = signo; }

static void files(void) {
  CASE("fsize");
  signal(SIGXFSZ, on_limit);
  say_end("child", CHILD({
            setrlimit(RLIMIT_FSIZE, &(struct rlimit){10, 10});
            int fd = open("limited", O_CREAT | O_RDWR, 0600);
            T(write(fd, "0123456789abc", 13));
            T(write(fd, "x", 1));
            SAY("signal %d", limit_signal);
            T(ftruncate(fd, 11));
            T(truncate("limited", 10));
            signal(SIGXFSZ, SIG_DFL);
            write(fd, "x", 1);
          }));
  CASE("nofile");
  say_end("child", CHILD({
            setrlimit(RLIMIT_NOFILE, &(struct rlimit){8, 8});
            for (int i = 3; i < 8; i++) close(i);
            int count = 0;
            while (dup(0) >= 0) count++;
            SAY("%d until error %d", count, errno);
            T(dup2(0, 8));
            int ends[2];
            T(pipe(ends));
            T(socket(1, 1, 0));
          }));
}

static void signals(void) {
  CASE("sigpending");
  say_end("child", CHILD({
            drop_privileges();
            sigset_t set;
            sigemptyset(&set);
            sigaddset(&set, SIGRTMIN);
            sigaddset(&set, SIGUSR1);
            sigprocmask(SIG_BLOCK, &set, NULL);
            setrlimit(RLIMIT_SIGPENDING, &(struct rlimit){5, 5});
            int count = 0;
            while (count < 100 && sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = count}) == 0) count++;
            SAY("%d until error %d", count, errno);
            T(kill(getpid(), SIGRTMIN));
            T(kill(getpid(), SIGUSR1));
            siginfo_t info;
            for (int i = 0; i < 3; i++) {
              sigwaitinfo(&set, &info);
              SAY("%d %d", info.si_signo, info.si_code == SI_QUEUE ? info.si_value.sival_int : -1);
            }
            T(sigqueue(getpid(), SIGRTMIN, (union sigval){.sival_int = 7}));
          }));
}

static void spin(long ms) {
  clock_t end = clock() + ms * CLOCKS_PER_SEC / 1000;
  while (clock() < end);
}

static void cpu(void) {
  CASE("cpu");
  say_end("soft", CHILD({
            signal(SIGXCPU, on_limit);
            setrlimit(RLIMIT_CPU, &(struct rlimit){1, 10});
            while (limit_signal == 0);
            SAY("signal %d", limit_signal);
          }));
  say_end("hard", CHILD({
            setrlimit(RLIMIT_CPU, &(struct rlimit){1, 1});
            for (;;);
          }));
}

static void usage(void) {
  CASE("usage");
  struct rusage usage;
  T(getrusage(RUSAGE_SELF, &usage));
  spin(30);
  struct rusage later;
  getrusage(RUSAGE_SELF, &later);
  long before = usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec;
  long after = later.ru_utime.tv_sec * 1000000 + later.ru_utime.tv_usec + later.ru_stime.tv_sec * 1000000 + later.ru_stime.tv_usec;
  SAY("used at least 20 ms: %d, resident %d", after - before >= 20000, later.ru_maxrss > 100);
  T(getrusage(RUSAGE_THREAD, &usage));
  T(getrusage(RUSAGE_CHILDREN, &usage));
  say_end("child", CHILD(spin(40)));
  getrusage(RUSAGE_CHILDREN, &later);
  before = usage.ru_utime.tv_sec * 1000000 + usage.ru_utime.tv_usec + usage.ru_stime.tv_sec * 1000000 + usage.ru_stime.tv_usec;
  after = later.ru_utime.tv_sec * 1000000 + later.ru_utime.tv_usec + later.ru_stime.tv_sec * 1000000 + later.ru_stime.tv_usec;
  SAY("child used at least 30 ms: %d, resident %d", after - before >= 30000, later.ru_maxrss > 100);
  T(getrusage(5, &usage));
  T(getrusage(-3, &usage));
  T(getrusage(RUSAGE_SELF, (void *)8));
}

int main(void) {
  reading();
  processes();
  files();
  signals();
  usage();
  cpu();
  setting();
  return 0;
}
