#define _GNU_SOURCE
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/uio.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>
#include "program.h"
#include "tables.h"

/* Pointers lead into slots of an arena; the page behind the last one faults. */
#define SLOTS 12
#define SLOT 4096UL
#define ARENA ((char *)0x20000000000)
#define ARENA_SIZE (SLOTS * SLOT)
/* Mappings are made, changed and removed in a window of their own. */
#define WINDOW 0x30000000000UL
#define WINDOW_PAGES 64
#define MAX_FDS 24

static const char *const paths[] = {
    "a",           "b",          "c",          "d",           "d/a",        "d/b",         "d/e",        "d/e/f",      "a/b",          "l",
    "s",           "p",          "..",         ".",           "d/../a",     "/",           "",           "a/",         "d/",           "/proc/self/maps",
    "/proc/self/status", "/proc/self/stat", "/proc/self/fd", "/proc/self/fdinfo/3", "/proc/self/mem", "/proc/self/exe", "/proc/self/cmdline", "/proc/self/environ", "/proc/self/oom_score_adj",
    "/proc/self/smaps", "/proc/self/pagemap", "/proc/self/task", "/proc/self/comm", "/proc/self/limits", "/proc/self/mountinfo", "/proc/self/clear_refs", "/proc/meminfo", "/proc/stat",
    "/proc/cpuinfo", "/proc/loadavg", "/proc/sys/kernel/hostname", "/proc/sys/vm/max_map_count", "/proc/net/unix", "/proc/filesystems", "/proc/1/stat", "/dev/null", "/dev/zero", "/dev/full",
    "/dev/urandom", "/dev/tty", "/dev/ptmx", "/dev/pts/0", "/dev/pts", "/dev/shm/a", "/dev/console", "/sys/devices/system/cpu/online", "/sys/kernel/debug", "/etc/passwd", "/usr/bin/env", "/usr/lib", "/nothing"};
static const char *const strings[] = {"user.a", "user.b", "trusted.c", "security.d", "system.posix_acl_access", "name", "", "tmpfs", "proc", "user.", "0123456789012345678901234567890123456789"};

static int fds[MAX_FDS], fd_count;

/* Ends waits: the supervisor sends it. */
static void interrupted(int signo) { (void)signo; }

void prepare_execution(void) {
  mmap(ARENA, ARENA_SIZE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  mmap((void *)WINDOW, 16 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  struct sigaction action = {.sa_handler = interrupted};
  sigaction(SIGUSR1, &action, NULL);
}

static void add_fd(long fd) {
  if (fd < 3 || fd > 1 << 20) return;
  if (fd_count < MAX_FDS) fds[fd_count++] = (int)fd;
  else fds[fd % MAX_FDS] = (int)fd;
}

static int64_t number(uint64_t *random) {
  static const int64_t list[] = {0, 0, 0, 1, 2, 3, 5, 8, 16, 24, 100, 4095, 4096, 0x7fffffff, 0x80000000, 0xffffffff, -1, 0x7fffffffffffffff};
  switch (below(random, 4)) {
    case 0:
      return (int64_t)next_random(random);
    case 1:
      return (int64_t)(ARENA + below(random, ARENA_SIZE));
    case 2:
      return fd_count > 0 ? fds[below(random, fd_count)] : 3;
    default:
      return list[below(random, sizeof list / sizeof *list)];
  }
}

/* A place in the arena, filled with numbers. */
static char *place(uint64_t *random) {
  char *slot = ARENA + below(random, SLOTS) * SLOT;
  if (below(random, 12) == 0) return ARENA + ARENA_SIZE - below(random, 64);
  if (below(random, 20) == 0) slot += below(random, SLOT);
  int halves = below(random, 2);
  for (int i = 0; i < 8 && slot + 8 * i + 8 <= ARENA + ARENA_SIZE; i++) {
    int64_t value = number(random);
    memcpy(slot + 8 * i, &value, halves ? 4 : 8);
    if (halves) value = number(random), memcpy(slot + 8 * i + 4, &value, 4);
  }
  return slot;
}

static uint64_t pointer(uint64_t *random, const void *from, size_t size) {
  char *at = place(random);
  if (at + size <= ARENA + ARENA_SIZE) memcpy(at, from, size);
  return (uint64_t)at;
}

static struct iovec vector(uint64_t *random) {
  static const size_t lengths[] = {0, 1, 8, 100, 4096, 8192, 65536, (size_t)-1};
  return (struct iovec){place(random), lengths[below(random, 8)]};
}
static uint64_t vectors(uint64_t *random) {
  struct iovec list[4];
  for (int i = 0; i < 4; i++) list[i] = vector(random);
  return pointer(random, list, sizeof list);
}

static uint64_t address(uint64_t *random) {
  struct sockaddr_un un = {.sun_family = AF_UNIX};
  struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(1024 + below(random, 4)), .sin_addr.s_addr = htonl(below(random, 3) ? INADDR_LOOPBACK : INADDR_ANY)};
  struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(1024 + below(random, 4)), .sin6_addr = IN6ADDR_LOOPBACK_INIT};
  switch (below(random, 5)) {
    case 0:
      strcpy(un.sun_path + 1, below(random, 2) ? "x" : "y");
      return pointer(random, &un, sizeof un);
    case 1:
    case 2:
      strcpy(un.sun_path, paths[below(random, 12)]);
      return pointer(random, &un, sizeof un);
    case 3:
      return pointer(random, &in, sizeof in);
    default:
      return pointer(random, &in6, sizeof in6);
  }
}

static uint64_t message(uint64_t *random) {
  static char control[64];
  struct cmsghdr header = {.cmsg_len = CMSG_LEN(4 * (1 + below(random, 3))), .cmsg_level = SOL_SOCKET, .cmsg_type = below(random, 8) ? SCM_RIGHTS : SCM_CREDENTIALS};
  memcpy(control, &header, sizeof header);
  for (int i = 0; i < 3; i++) {
    int fd = fd_count > 0 ? fds[below(random, fd_count)] : 0;
    memcpy(CMSG_DATA((struct cmsghdr *)control) + 4 * i, &fd, 4);
  }
  struct msghdr message = {.msg_iov = (struct iovec *)vectors(random), .msg_iovlen = below(random, 3)};
  if (below(random, 2)) message.msg_name = (void *)address(random), message.msg_namelen = below(random, 2) ? 110 : 16;
  if (below(random, 2)) message.msg_control = (void *)pointer(random, control, sizeof control), message.msg_controllen = below(random, 3) ? header.cmsg_len : 64;
  return pointer(random, &message, sizeof message);
}

static uint64_t resolve(enum kind kind, uint64_t value) {
  static const int low[] = {0, 1, 2, 3, 4, 5, 6, 7, 8, 100, -1, AT_FDCWD, AT_FDCWD};
  uint64_t random = value;
  switch (kind) {
    case K_FD:
      if (fd_count > 0 && below(&random, 5) != 0) return fds[fd_count - 1 - below(&random, fd_count)];
      return (uint64_t)(int64_t)low[below(&random, 13)];
    case K_PATH:
      return (uint64_t)paths[below(&random, 3) ? below(&random, 15) : below(&random, sizeof paths / sizeof *paths)];
    case K_DIR:
      return (uint64_t)(below(&random, 3) ? "d" : "d/e");
    case K_BUF:
      if (below(&random, 8) == 0) return below(&random, 3) ? 0 : next_random(&random);
      return (uint64_t)place(&random);
    case K_STR:
      return (uint64_t)strings[below(&random, sizeof strings / sizeof *strings)];
    case K_IOV:
      return vectors(&random);
    case K_MSG:
      return message(&random);
    case K_TIME: {
      struct timespec times[2] = {{below(&random, 8) == 0 ? number(&random) : 0, below(&random, 4) == 0 ? number(&random) : below(&random, 100000)}, {0, 1000}};
      return below(&random, 8) == 0 ? 0 : pointer(&random, times, sizeof times);
    }
    case K_SOCKADDR:
      return address(&random);
    case K_PID: {
      uint64_t list[] = {0, getpid(), getpid(), 0x7fffffff, 99999};
      return list[below(&random, 5)];
    }
    case K_ADDR:
      return WINDOW + below(&random, WINDOW_PAGES) * 4096 + (below(&random, 20) == 0 ? below(&random, 4096) : 0);
    default:
      return value;
  }
}

void execute(const struct program *program, void (*seen)(int index)) {
  fd_count = 0;
  for (int i = 0; i < program->count; i++) {
    const struct call *call = &program->calls[i];
    const struct call_type *type = &call_types[call->type];
    uint64_t a[6] = {0};
    for (int j = 0; j < type->args; j++) a[j] = resolve(type->types[j].kind, call->args[j]);
    /* 0, 1 and 2 stay as they are: close_range begins above, and nobody is to close them. */
    if (type->number == SYS_close && (int)a[0] < 3) a[0] = -1;
    if (type->number == SYS_dup2 || type->number == SYS_dup3) a[1] = (int)a[1] >= 0 && (int)a[1] < 8 ? 8 : a[1];
    long result = syscall(type->number, a[0], a[1], a[2], a[3], a[4], a[5]);
    if (type->number == SYS_fork && result == 0) _exit(0);
    if (result > 0 && type->args > 0 && type->number != SYS_read) add_fd(result);
    if (result == 0 && (type->number == SYS_pipe || type->number == SYS_pipe2 || type->number == SYS_socketpair)) {
      int *pair = (int *)a[type->number == SYS_socketpair ? 3 : 0];
      add_fd(pair[0]), add_fd(pair[1]);
    }
    seen(i);
  }
}
