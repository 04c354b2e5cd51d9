// Usage: calls SEED COUNT. Makes COUNT system calls with random numbers and arguments, in children, which may die of them.
#include "random.h"
#include <ftw.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/time.h>
#include <sys/uio.h>

#define PAGE 4096UL

/* What parent and child share: how many calls were made, and the last one. */
static volatile struct {
  long made;
  long last[7];
} *shared;
static pid_t driver;
static long total;

/* Memory that arguments point into: random words, made anew now and then, with what structures have in them. */
static uint64_t *arena;
enum { WORDS = 8192 };
static char *read_only, *edge;
static const char *const texts[] = {"f0", "f1", "d0", "d0/f2", "d0/../f0", "l0", "missing/x", "", "/", ".", "..", "/proc/self/maps", "/proc/self/mem", "/dev/null", "/dev/zero", "/dev/full", "/dev/tty", "/dev/ptmx", "user.x", "tmpfs", "/proc/self/fd/3", "/proc/sys/kernel/ostype", "/sys/devices", "f0\xff\xfe"};
enum { TEXTS = sizeof texts / sizeof *texts };

static uint64_t pointer(void) {
  switch (below(16)) {
  case 0: return 0;
  case 1: return random64();
  case 2: return (uint64_t)read_only + below(4096);
  case 3: return (uint64_t)edge - below(64);
  case 4: return 0x7ffffffff000 - below(8192);
  case 5: return (1UL << 47) - 4096 + below(8192);
  case 6: return 0xffff800000000000UL + below(1 << 20);
  case 7:
  case 8: return (uint64_t)texts[below(TEXTS)];
  default: return (uint64_t)arena + below(WORDS * 8 - 1024);
  }
}
static uint64_t word(void) {
  switch (below(12)) {
  case 0: return 0;
  case 1:
  case 2: return below(24);
  case 3: return -(int64_t)below(200);
  case 4: return 1UL << below(64);
  case 5: return any_size();
  case 6: return below(1 << 16);
  case 7: return 4096 * below(64);
  case 8: return (1UL << below(64)) - 1;
  default: return pointer();
  }
}
static void refill(void) {
  for (int i = 0; i < WORDS; i++) arena[i] = below(3) == 0 ? random64() : below(2) ? word() : below(16);
}

static int sends_signals(long number) {
  return number == SYS_kill || number == SYS_tkill || number == SYS_tgkill || number == SYS_rt_sigqueueinfo || number == SYS_rt_tgsigqueueinfo;
}

static void one_call(pid_t self) {
  long number = below(50) == 0 ? (long)any_size() : (long)below(460);
  uint64_t a[6];
  for (int i = 0; i < 6; i++) {
    a[i] = i == 0 && below(3) == 0 ? below(24) : word();
    // The driver is to live.
    if ((int)a[i] == driver || (int)a[i] == -driver) a[i] = self;
  }
  if (sends_signals(number) && (int)a[0] <= 1) a[0] = self;
  if (number == SYS_exit || number == SYS_exit_group || sends_signals(number))
    if (below(20) != 0) number = SYS_getpid;
  if (number == SYS_vfork) number = SYS_fork;
  shared->last[0] = number;
  for (int i = 0; i < 6; i++) shared->last[i + 1] = a[i];
  syscall(number, a[0], a[1], a[2], a[3], a[4], a[5]);
  shared->made++;
  if (number == SYS_fork || number == SYS_clone || number == SYS_clone3)
    if (syscall(SYS_getpid) != self) syscall(SYS_exit_group, 0);
}

static void interrupted(int signo) { (void)signo; }

/* Memory with nothing before and after it, so that no copy runs into it or out of it. */
static char *guarded(size_t size, int shared_or_private) {
  char *all = mmap(NULL, size + 2 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  return mmap(all + PAGE, size, PROT_READ | PROT_WRITE, MAP_FIXED | shared_or_private | MAP_ANONYMOUS, -1, 0);
}

/* Descriptors of all kinds, 3 and up. */
static void open_files(void) {
  int ends[2];
  open("f0", O_CREAT | O_RDWR, 0600);
  open(".", O_RDONLY);
  pipe2(ends, O_NONBLOCK);
  socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0, ends);
  socketpair(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0, ends);
  eventfd(1, EFD_NONBLOCK);
  epoll_create1(0);
  open("/dev/zero", O_RDWR);
  open("/proc/self/status", O_RDONLY);
  open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
  memfd_create("m", MFD_ALLOW_SEALING);
  mkdir("d0", 0700);
  symlink("f0", "l0");
}

static void *make_calls(void *seed) {
  if (seed != NULL) seed_random((uint64_t)seed);
  pid_t self = getpid();
  for (int i = 0; shared->made < total; i++) {
    if (i % 64 == 0) refill();
    one_call(self);
  }
  _exit(0);
}

static void child(uint64_t seed, long first) {
  seed_random(seed + first);
  setsid();
  // What it takes stays within bounds, so that all of the calls have something to do.
  setrlimit(RLIMIT_FSIZE, &(struct rlimit){16 << 20, 16 << 20});
  setrlimit(RLIMIT_AS, &(struct rlimit){512 << 20, 512 << 20});
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  for (int i = 0; i < 64; i++) close(i);
  for (int i = 0; i < 3; i++) open("/dev/null", O_RDWR);
  open_files();
  arena = (uint64_t *)guarded(WORDS * 8, MAP_PRIVATE);
  char *pages = mmap(NULL, 3 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  read_only = pages;
  edge = pages + 2 * 4096;
  mprotect(read_only, 4096, PROT_READ);
  munmap(edge, 4096);
  struct sigaction action = {.sa_handler = interrupted};
  sigaction(SIGALRM, &action, NULL);
  setitimer(ITIMER_REAL, &(struct itimerval){{0, 10000}, {0, 10000}}, NULL);
  // Half of them have a second thread: calls then meet others that wait, and memory and files that change under them.
  pthread_t other;
  if (below(2)) pthread_create(&other, NULL, make_calls, (void *)(seed + first + 1));
  make_calls(NULL);
}

static int remove_one(const char *path, const struct stat *st, int type, struct FTW *at) {
  (void)st;
  if (at->level > 0) type == FTW_DP || type == FTW_DNR ? rmdir(path) : unlink(path);
  return 0;
}

int main(int argc, char **argv) {
  uint64_t seed = argc > 1 ? strtoul(argv[1], NULL, 0) : 1;
  total = argc > 2 ? atol(argv[2]) : 10000;
  driver = getpid();
  shared = (void *)guarded(PAGE, MAP_SHARED);
  int children = 0, signals = 0, stuck = 0;
  signal(SIGHUP, SIG_IGN);
  while (shared->made < total) {
    long first = shared->made;
    pid_t pid = fork();
    if (pid < 0) {
      printf("fork: error %d after %ld calls\n", errno, first);
      return 1;
    }
    if (pid == 0) child(seed, first + children);
    children++;
    int status = 0;
    long seen = -1;
    for (int quiet = 0; waitpid(pid, &status, WNOHANG | WUNTRACED) == 0; sleep_ms(1)) {
      quiet = shared->made == seen ? quiet + 1 : 0;
      seen = shared->made;
      if (quiet > 60) kill(pid, SIGKILL), stuck++, quiet = 0;
    }
    if (WIFSTOPPED(status)) kill(pid, SIGKILL), waitpid(pid, &status, 0);
    if (WIFSIGNALED(status)) signals++;
    // What it left behind: children, and names.
    while (waitpid(-1, NULL, WNOHANG) > 0);
    // A child may have overwritten the number after all.
    if (shared->made <= first || shared->made > first + 1000000) shared->made = first + 1;
  }
  nftw(".", remove_one, 16, FTW_DEPTH | FTW_PHYS);
  fprintf(stderr, "%ld calls in %d children, %d died of a signal, %d were stuck\n", shared->made, children, signals, stuck);
  printf("done\n");
  return 0;
}
