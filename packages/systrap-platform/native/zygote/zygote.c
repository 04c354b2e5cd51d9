/*
 * The zygote: makes stub processes for a sentry, which can't make them itself: a child has its parent's seccomp filters, and a sentry's do not allow what stubs
 * need. It uses no C library, so that little is in it. It ends with its socket, and stubs end with it, however it ends.
 */
#include <linux/fcntl.h>
#include <linux/memfd.h>
#include <linux/poll.h>
#include <linux/prctl.h>
#include <linux/resource.h>
#include <linux/sched.h>
#include <linux/signal.h>
#include <linux/socket.h>
#include <linux/uio.h>
#include <linux/wait.h>
#include <stddef.h>
#include <asm/unistd.h>

#include "layout.h"
#include "zygote.h"

#define EFD_CLOEXEC 02000000
#define EFD_NONBLOCK 04000
#define SOL_SOCKET 1
#define SCM_RIGHTS 1
#define MSG_CMSG_CLOEXEC 0x40000000
#define MSG_NOSIGNAL 0x4000
#define EINTR 4
#define EAGAIN 11
#define EINVAL 22
/* Where the zygote's own descriptors are: above all those of a stub. */
#define OWN_FDS 64
#define MOST_FDS 5
#define MOST_DYING 64
#define SWEEP_MS 5
#ifndef MFD_NOEXEC_SEAL
#define MFD_NOEXEC_SEAL 8U
#endif

struct msghdr {
  void *name;
  int name_length;
  struct iovec *iov;
  size_t iov_length;
  void *control;
  size_t control_length;
  unsigned flags;
};
struct cmsg {
  size_t length;
  int level;
  int type;
  int fds[MOST_FDS];
};

static long call6(long nr, long a, long b, long c, long d, long e, long f) {
  register long r10 __asm__("r10") = d;
  register long r8 __asm__("r8") = e;
  register long r9 __asm__("r9") = f;
  long result;
  __asm__ volatile("syscall" : "=a"(result) : "a"(nr), "D"(a), "S"(b), "d"(c), "r"(r10), "r"(r8), "r"(r9) : "rcx", "r11", "memory");
  return result;
}
#define call(nr, a, b, c, d) call6(nr, (long)(a), (long)(b), (long)(c), (long)(d), 0, 0)

static _Noreturn void end(int status) {
  call(__NR_exit_group, status, 0, 0, 0);
  /* A filter above refused even that (its supervisor is gone): never go on, never spin. */
  __builtin_trap();
}

/* The zygote's descriptors; -1: not there yet. */
static struct {
  int socket, memory, doorbell, global, stub, patch;
  int pid;
} zygote = {-1, -1, -1, -1, -1, -1, 0};

/* Stubs that were killed, and whose end has not been seen yet: nobody waits for that. */
static struct {
  int count;
  int pids[MOST_DYING];
} dying;

/* Takes note of those that have ended; with options 0 it waits for them. */
static void sweep(int options) {
  for (int i = dying.count; i-- > 0;) {
    if (call(__NR_wait4, dying.pids[i], 0, options, 0) != 0) dying.pids[i] = dying.pids[--dying.count];
  }
}

static void reap(int pid) {
  if (dying.count == MOST_DYING) sweep(0);
  dying.pids[dying.count++] = pid;
  sweep(WNOHANG);
}

/* Waits for a message; until then it looks after those that are dying. */
static void await_message(void) {
  while (dying.count > 0) {
    struct pollfd fd = {.fd = zygote.socket, .events = POLLIN};
    if (call(__NR_poll, &fd, 1, SWEEP_MS, 0) == 1) return;
    sweep(WNOHANG);
  }
}

/* Receives a message with up to MOST_FDS descriptors. Ends with the sentry. */
static void receive(struct message *m, int fds[MOST_FDS]) {
  struct cmsg control;
  struct iovec data = {m, sizeof(*m)};
  for (int i = 0; i < MOST_FDS; i++) fds[i] = -1;
  for (;;) {
    struct msghdr header = {.iov = &data, .iov_length = 1, .control = &control, .control_length = sizeof(control)};
    control.length = 0;
    await_message();
    long n = call(__NR_recvmsg, zygote.socket, &header, MSG_CMSG_CLOEXEC, 0);
    if (n == -EINTR) continue;
    if (n != sizeof(*m)) end(0);
    if (header.control_length == 0 || control.level != SOL_SOCKET || control.type != SCM_RIGHTS) return;
    for (size_t i = 0; i < MOST_FDS && offsetof(struct cmsg, fds) + (i + 1) * sizeof(int) <= control.length; i++) fds[i] = control.fds[i];
    return;
  }
}

static void send(int type, int value, const int *fds, int count) {
  struct message m = {type, value};
  struct cmsg control = {.length = offsetof(struct cmsg, fds) + count * sizeof(int), .level = SOL_SOCKET, .type = SCM_RIGHTS};
  struct iovec data = {&m, sizeof(m)};
  struct msghdr header = {.iov = &data, .iov_length = 1};
  for (int i = 0; i < count; i++) control.fds[i] = fds[i];
  if (count > 0) {
    header.control = &control;
    header.control_length = sizeof(control);
  }
  while (call(__NR_sendmsg, zygote.socket, &header, MSG_NOSIGNAL, 0) == -EINTR) {
  }
}

static int move_up(int fd) {
  if (fd < 0) return fd;
  long moved = call(__NR_fcntl, fd, F_DUPFD_CLOEXEC, OWN_FDS, 0);
  call(__NR_close, fd, 0, 0, 0);
  return (int)moved;
}

/* In the child, which shares the zygote's memory and stack: becomes a stub. */
static _Noreturn void become_stub(int context, int done) {
  static const char *const arguments[] = {"sbx-stub", NULL};
  static const char *const environment[] = {NULL};
  call(__NR_prctl, PR_SET_PDEATHSIG, SIGKILL, 0, 0);
  if (call(__NR_getppid, 0, 0, 0, 0) != zygote.pid) end(1);
  if (call(__NR_dup2, zygote.memory, FD_MEMORY, 0, 0) < 0 || call(__NR_dup2, context, FD_CONTEXT, 0, 0) < 0 ||
      call(__NR_dup2, zygote.doorbell, FD_DOORBELL, 0, 0) < 0 || call(__NR_dup2, done, FD_DONE, 0, 0) < 0 ||
      call(__NR_dup2, zygote.global, FD_GLOBAL, 0, 0) < 0 || call(__NR_dup2, zygote.patch, FD_PATCH, 0, 0) < 0) {
    end(2);
  }
  call6(__NR_execveat, zygote.stub, (long)"", (long)arguments, (long)environment, AT_EMPTY_PATH, 0);
  end(3);
}

/* Not inlined, so that the child, which must not return, does not touch the caller's frame. */
static __attribute__((noinline)) long fork_stub(int context, int done, int *pidfd) {
  long pid = call(__NR_clone, CLONE_VM | CLONE_VFORK | CLONE_PIDFD | SIGCHLD, 0, pidfd, 0);
  if (pid == 0) become_stub(context, done);
  return pid;
}

/* The signal stack of a stub's first thread, which begins by itself. */
static const struct sigaltstack first_stack = {.ss_sp = (void *)(SLOT_BASE + SLOT_STACK), .ss_size = SLOT_SIZE - SLOT_STACK};

static void spawn(void) {
  int fds[3] = {-1, -1, -1};
  const char *const name = "sbx-context";
  long context = call(__NR_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING | MFD_NOEXEC_SEAL, 0, 0);
  if (context == -EINVAL) context = call(__NR_memfd_create, name, MFD_CLOEXEC | MFD_ALLOW_SEALING, 0, 0);
  long result = context;
  long done = -1;
  if (result >= 0) result = call(__NR_ftruncate, context, CONTROL_SIZE + SLOT_CHUNK * SLOT_SIZE, 0, 0);
  if (result >= 0) result = call(__NR_fcntl, context, F_ADD_SEALS, F_SEAL_SHRINK, 0);
  if (result >= 0) result = call(__NR_pwrite64, context, &first_stack, sizeof(first_stack), CONTROL_LINES + LINE_ALTSTACK);
  if (result >= 0) result = done = call(__NR_eventfd2, 0, EFD_CLOEXEC | EFD_NONBLOCK, 0, 0);
  sweep(WNOHANG);
  if (result >= 0) result = fork_stub((int)context, (int)done, &fds[0]);
  if (result == -EAGAIN && dying.count > 0) {
    sweep(0);
    result = fork_stub((int)context, (int)done, &fds[0]);
  }
  fds[1] = (int)context;
  fds[2] = (int)done;
  send(MESSAGE_SPAWN, (int)result, fds, result > 0 ? 3 : 0);
  for (int i = 0; i < 3; i++) {
    if (fds[i] >= 0) call(__NR_close, fds[i], 0, 0, 0);
  }
}

static void limit(int resource, unsigned long value) {
  struct {
    unsigned long soft, hard;
  } values = {value, value};
  call(__NR_setrlimit, resource, &values, 0, 0);
}

/* Where memory is short, the host ends a stub and not the sentry, whose program would be gone. Inherited by stubs. */
static void volunteer(void) {
  static const char most[] = "1000";
  long fd = call6(__NR_openat, AT_FDCWD, (long)"/proc/self/oom_score_adj", O_WRONLY, 0, 0, 0);
  if (fd < 0) return;
  call(__NR_write, fd, most, sizeof(most) - 1, 0);
  call(__NR_close, fd, 0, 0, 0);
}

static void prepare(int socket) {
  zygote.pid = (int)call(__NR_getpid, 0, 0, 0, 0);
  zygote.socket = move_up(socket);
  call(__NR_close_range, 0, OWN_FDS - 1, 0, 0);
  call(__NR_close_range, zygote.socket + 1, ~0U, 0, 0);
  volunteer();
  call(__NR_setsid, 0, 0, 0, 0);
  call(__NR_prctl, PR_SET_NO_NEW_PRIVS, 1, 0, 0);
  call(__NR_prctl, PR_SET_DUMPABLE, 0, 0, 0);
  call(__NR_prctl, PR_SET_NAME, "sbx-zygote", 0, 0);
  limit(RLIMIT_CORE, 0);
  limit(RLIMIT_MEMLOCK, 0);
  limit(RLIMIT_MSGQUEUE, 0);
}

_Noreturn void zygote_run(int socket) {
  struct message m;
  int fds[MOST_FDS];
  prepare(socket);
  for (;;) {
    receive(&m, fds);
    if (m.type == MESSAGE_INIT && zygote.memory < 0) {
      zygote.memory = move_up(fds[0]);
      zygote.doorbell = move_up(fds[1]);
      zygote.global = move_up(fds[2]);
      zygote.stub = move_up(fds[3]);
      zygote.patch = move_up(fds[4]);
      if (zygote.patch < 0) end(4);
    } else if (m.type == MESSAGE_SPAWN && zygote.memory >= 0) {
      spawn();
    } else if (m.type == MESSAGE_REAP) {
      reap(m.value);
    } else {
      end(5);
    }
  }
}
