/*
 * Sees every system call that the host performs for stub processes:
 *
 *   observer ZYGOTE LOG COMMAND...
 *
 * Starts the zygote under a seccomp filter that reports each system call (SECCOMP_RET_USER_NOTIF), and COMMAND, with the descriptor of the zygote's socket in
 * SBX_ZYGOTE. All stubs inherit the filter. What a filter of their own refuses is not reported, for SECCOMP_RET_TRAP comes first: what is reported is what
 * would have an effect. It is written to LOG (struct record) and let through; what threads may call at any time is summed up, by everything in it that is not
 * free, and written at the end.
 *
 * Exit status: COMMAND's; 125 when nothing could be observed, 124 when a process of the zygote is left over.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <linux/audit.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "layout.h"

/* Where the linker puts the zygote, which is not position-independent; guest code of the attacks is elsewhere. */
#define ZYGOTE_TEXT 0x400000
#define ZYGOTE_TEXT_SIZE 0x100000

enum { CANNOT = 125, LEFT_OVER = 124, ZYGOTE_FD = 3, PATIENCE_MS = 20000, MOST_SUMS = 64, MOST_ARGUMENTS = 6 };
enum role { UNKNOWN, ZYGOTE, CHILD, MAPPER, THREAD };
enum kind { CALL = 1, SUM = 2 };

struct record {
  uint32_t kind, role, process, thread;
  uint64_t count, nr, arch, ip, arguments[MOST_ARGUMENTS];
};

static FILE *out;
static pid_t zygote;
static int zygotes_end;
/* By thread number. */
static uint8_t *roles;
static uint8_t *stages;
static uint32_t *processes;
static long most_threads;
static struct record sums[MOST_SUMS];
static size_t sum_count;

static _Noreturn void die(const char *format, ...) {
  va_list arguments;
  va_start(arguments, format);
  fputs("observer: ", stderr);
  vfprintf(stderr, format, arguments);
  fprintf(stderr, " (%s)\n", strerror(errno));
  exit(CANNOT);
}

static uint32_t process_of(uint32_t thread) {
  char path[64], line[256];
  unsigned value = 0;
  snprintf(path, sizeof path, "/proc/%u/status", thread);
  FILE *f = fopen(path, "r");
  if (f == NULL) return 0;
  while (fgets(line, sizeof line, f) != NULL && sscanf(line, "Tgid: %u", &value) != 1) {
  }
  fclose(f);
  return value;
}

static void write_record(const struct record *r) {
  if (fwrite(r, sizeof *r, 1, out) != 1) die("the log can't be written");
}

/* What a thread of a stub may call at any time, with zeros for what is free in it: the line that it sleeps on, the value there, and registers that the call does
   not read. False: it is none of that. */
static bool generalize(struct record *r) {
  size_t used;
  const uint64_t lines = CONTROL_BASE + CONTROL_LINES;
  if (r->nr == SYS_futex) {
    if (r->arguments[0] < lines || r->arguments[0] >= lines + (SLOT_COUNT << LINE_SHIFT)) return false;
    r->arguments[0] = r->arguments[2] = 0;
    used = 4;
  } else if (r->nr == SYS_write) {
    used = 3;
  } else if (r->nr == SYS_rt_sigprocmask) {
    used = 4;
  } else {
    return false;
  }
  for (size_t i = used; i < MOST_ARGUMENTS; i++) r->arguments[i] = 0;
  return true;
}

static bool add_up(struct record r) {
  if (!generalize(&r)) return false;
  r.process = r.thread = 0;
  for (size_t i = 0; i < sum_count; i++) {
    if (sums[i].nr != r.nr || sums[i].arch != r.arch || sums[i].ip != r.ip || memcmp(sums[i].arguments, r.arguments, sizeof r.arguments) != 0) continue;
    sums[i].count++;
    return true;
  }
  if (sum_count == MOST_SUMS) return false;
  r.kind = SUM;
  sums[sum_count++] = r;
  return true;
}

/* Sleeping for commands, and reporting them. */
static bool is_mappers_wait(const struct record *r) {
  if (r->nr == SYS_futex) return r->arguments[0] == CONTROL_BASE && r->arguments[1] == 0 && r->arguments[3] == 0;
  return r->nr == SYS_write && r->arguments[0] == FD_DONE && r->arguments[2] == 8 && r->arguments[1] - STUB_BASE < STUB_SIZE;
}

/* How many calls a thread makes before it runs guest code: sigaltstack, prctl, seccomp. */
enum { SETUP_CALLS = 3 };

static void note(const struct seccomp_notif *n) {
  if (n->pid >= (uint32_t)most_threads) die("a thread's number is %u", n->pid);
  struct record r = {.kind = CALL, .thread = n->pid, .count = 1, .nr = (uint32_t)n->data.nr, .arch = n->data.arch, .ip = n->data.instruction_pointer};
  memcpy(r.arguments, n->data.args, sizeof r.arguments);
  uint8_t *role = &roles[n->pid];
  /* Numbers of threads are used again: processes begin in the zygote's code, threads with sigaltstack. */
  const bool in_zygote = r.ip - ZYGOTE_TEXT < ZYGOTE_TEXT_SIZE;
  if (*role != ZYGOTE && (*role == UNKNOWN || r.nr == SYS_sigaltstack || in_zygote)) {
    processes[n->pid] = process_of(n->pid);
    if (processes[n->pid] != n->pid) {
      *role = THREAD;
      stages[n->pid] = 0;
    } else if (in_zygote) {
      *role = CHILD;
    }
  }
  r.role = *role;
  r.process = processes[n->pid];
  if (*role == ZYGOTE) {
    /* It has a table of descriptors of its own by now. */
    if (r.nr == SYS_execve) close(zygotes_end);
    return;
  }
  if (*role == CHILD) {
    if (r.nr == SYS_execveat) {
      *role = MAPPER;
      write_record(&r);
    }
    return;
  }
  if (*role == MAPPER && is_mappers_wait(&r)) return;
  if (*role == THREAD && stages[n->pid] >= SETUP_CALLS && add_up(r)) return;
  if (*role == THREAD && stages[n->pid] < SETUP_CALLS) stages[n->pid]++;
  write_record(&r);
}

/* In a process that shares descriptors with its parent: puts the filter on, says which descriptor the listener is, and becomes the zygote. */
static _Noreturn void become_zygote(const char *image, int socket, _Atomic int *listener) {
  struct sock_filter code[] = {BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_USER_NOTIF)};
  struct sock_fprog program = {1, code};
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  long fd = syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, SECCOMP_FILTER_FLAG_NEW_LISTENER, &program);
  *listener = fd < 0 ? -errno : (int)fd;
  if (fd < 0) _exit(CANNOT);
  unshare(CLONE_FILES);
  if (socket != ZYGOTE_FD) dup2(socket, ZYGOTE_FD);
  char *arguments[] = {"sbx-zygote", NULL}, *environment[] = {NULL};
  execve(image, arguments, environment);
  _exit(CANNOT);
}

static int start_zygote(const char *image, int socket) {
  _Atomic int *listener = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  if (listener == MAP_FAILED) die("no memory");
  zygote = (pid_t)syscall(SYS_clone, CLONE_FILES | SIGCHLD, NULL, NULL, NULL, NULL);
  if (zygote == 0) become_zygote(image, socket, listener);
  if (zygote < 0) die("no process");
  while (*listener == 0) usleep(100);
  if (*listener < 0) {
    errno = -*listener;
    die("system calls can't be reported");
  }
  return *listener;
}

static pid_t start_command(char **command, int socket) {
  pid_t pid = fork();
  if (pid != 0) return pid;
  close(zygotes_end);
  char value[16];
  snprintf(value, sizeof value, "%d", socket);
  setenv("SBX_ZYGOTE", value, 1);
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  execvp(command[0], command);
  _exit(CANNOT);
}

/* Serves the listener until `command` has ended and every process under the filter has. */
static int serve(int listener, pid_t command, int command_socket) {
  struct seccomp_notif_sizes sizes;
  if (syscall(SYS_seccomp, SECCOMP_GET_NOTIF_SIZES, 0, &sizes) != 0) die("sizes");
  struct seccomp_notif *n = calloc(1, sizes.seccomp_notif + sizeof *n);
  struct seccomp_notif_resp *answer = calloc(1, sizes.seccomp_notif_resp + sizeof *answer);
  int exited = (int)syscall(SYS_pidfd_open, command, 0), status = -1;
  if (n == NULL || answer == NULL || exited < 0) die("no memory or no pidfd");
  close(command_socket);
  for (;;) {
    struct pollfd fds[2] = {{.fd = listener, .events = POLLIN}, {.fd = status == -1 ? exited : -1, .events = POLLIN}};
    int ready = poll(fds, 2, status == -1 ? -1 : PATIENCE_MS);
    if (ready == 0) return LEFT_OVER;
    if (ready < 0 && errno != EINTR) die("poll");
    if (fds[1].revents != 0 && waitpid(command, &status, 0) == command) {
      status = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    }
    if ((fds[0].revents & POLLIN) != 0) {
      memset(n, 0, sizes.seccomp_notif);
      if (ioctl(listener, SECCOMP_IOCTL_NOTIF_RECV, n) != 0) {
        if (errno == ENOENT || errno == EINTR) continue;
        die("a report can't be read");
      }
      note(n);
      memset(answer, 0, sizes.seccomp_notif_resp);
      answer->id = n->id;
      answer->flags = SECCOMP_USER_NOTIF_FLAG_CONTINUE;
      if (ioctl(listener, SECCOMP_IOCTL_NOTIF_SEND, answer) != 0 && errno != ENOENT) die("a call can't go on");
    } else if ((fds[0].revents & POLLHUP) != 0) {
      if (status != -1) return status;
      usleep(1000);
    }
  }
}

int main(int argc, char **argv) {
  if (argc < 4) return CANNOT;
  most_threads = 1 << 22;
  roles = calloc((size_t)most_threads, 1);
  stages = calloc((size_t)most_threads, 1);
  processes = calloc((size_t)most_threads, sizeof *processes);
  out = fopen(argv[2], "wb");
  int ends[2];
  if (roles == NULL || stages == NULL || processes == NULL || out == NULL || socketpair(AF_UNIX, SOCK_SEQPACKET, 0, ends) != 0) die("can't start");
  zygotes_end = ends[1];
  int listener = start_zygote(argv[1], zygotes_end);
  roles[zygote] = ZYGOTE;
  pid_t command = start_command(argv + 3, ends[0]);
  if (command < 0) die("no process");
  int status = serve(listener, command, ends[0]);
  for (size_t i = 0; i < sum_count; i++) write_record(&sums[i]);
  if (fclose(out) != 0) die("the log can't be written");
  waitpid(zygote, NULL, WNOHANG);
  if (status == LEFT_OVER) fprintf(stderr, "observer: a process of the zygote is left over\n");
  return status;
}
