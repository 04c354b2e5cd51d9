/* The sentry's side of zygote/protocol.h. */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "machine.h"
#include "protocol.h"

#define MOST_FDS 5

/* In the child, which shares memory with its parent until it has become the zygote: only system calls. */
static void become_zygote(int image, int socket, const sigset_t *none) {
  static char *const arguments[] = {"sbx-zygote", NULL};
  static char *const environment[] = {NULL};
  if (socket == ZYGOTE_SOCKET) fcntl(socket, F_SETFD, 0);
  else if (dup2(socket, ZYGOTE_SOCKET) < 0) _exit(1);
  sigprocmask(SIG_SETMASK, none, NULL);
  syscall(SYS_execveat, image, "", arguments, environment, AT_EMPTY_PATH);
  _exit(2);
}

int zygote_start(pid_t *pid) {
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return -errno;
  int image = zygote_image_open();
  int error = image < 0 ? -image : 0;
  if (error == 0) {
    sigset_t none, all, before;
    sigemptyset(&none);
    sigfillset(&all);
    /* No handler of this process may run in the child. */
    sigprocmask(SIG_SETMASK, &all, &before);
    pid_t child = vfork();
    if (child == 0) become_zygote(image, ends[1], &none);
    error = child < 0 ? errno : 0;
    sigprocmask(SIG_SETMASK, &before, NULL);
    *pid = child;
    close(image);
  }
  close(ends[1]);
  if (error == 0) return ends[0];
  close(ends[0]);
  return -error;
}

static int send_message(int socket, int type, int value, const int *fds, size_t count) {
  struct message m = {type, value};
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(MOST_FDS * sizeof(int))];
  struct iovec data = {&m, sizeof(m)};
  struct msghdr header = {.msg_iov = &data, .msg_iovlen = 1};
  if (count > 0) {
    memset(control, 0, sizeof(control));
    header.msg_control = control;
    header.msg_controllen = CMSG_SPACE(count * sizeof(int));
    struct cmsghdr *c = CMSG_FIRSTHDR(&header);
    *c = (struct cmsghdr){.cmsg_len = CMSG_LEN(count * sizeof(int)), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
    memcpy(CMSG_DATA(c), fds, count * sizeof(int));
  }
  ssize_t n;
  do n = sendmsg(socket, &header, MSG_NOSIGNAL);
  while (n < 0 && errno == EINTR);
  return n < 0 ? -errno : 0;
}

int zygote_init(int socket, int memory, int doorbell, int global, int stub, int patch) {
  int fds[] = {memory, doorbell, global, stub, patch};
  return send_message(socket, MESSAGE_INIT, 0, fds, MOST_FDS);
}

int zygote_ask(int socket) { return send_message(socket, MESSAGE_SPAWN, 0, NULL, 0); }

int zygote_take(int socket, int *pidfd, int *context, int *done) {
  struct message m = {0, 0};
  _Alignas(struct cmsghdr) char control[CMSG_SPACE(MOST_FDS * sizeof(int))];
  struct iovec data = {&m, sizeof(m)};
  struct msghdr header;
  ssize_t n;
  do {
    header = (struct msghdr){.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof(control)};
    n = recvmsg(socket, &header, MSG_CMSG_CLOEXEC);
  } while (n < 0 && errno == EINTR);
  if (n < 0) return -errno;
  if (n != sizeof(m)) return -EPIPE;
  if (m.value < 0) return m.value;
  struct cmsghdr *c = CMSG_FIRSTHDR(&header);
  if (c == NULL || c->cmsg_type != SCM_RIGHTS || c->cmsg_len != CMSG_LEN(3 * sizeof(int))) return -EMFILE;
  int fds[3];
  memcpy(fds, CMSG_DATA(c), sizeof(fds));
  *pidfd = fds[0];
  *context = fds[1];
  *done = fds[2];
  return m.value;
}

void zygote_reap(int socket, pid_t pid) { (void)send_message(socket, MESSAGE_REAP, pid, NULL, 0); }
