// covers: setsockopt(EDOM EFAULT EINVAL ENOPROTOOPT EOPNOTSUPP) getsockopt(EFAULT EINVAL ENOPROTOOPT EOPNOTSUPP) socketpair recvfrom(EAGAIN) sendto(EAGAIN) accept(EAGAIN) bind listen
// Socket options: values, sizes, timeouts, peers' credentials, errors.
#include "sockets.h"

static int value;
static socklen_t length;
static long get(int fd, int option) {
  value = -77;
  length = sizeof value;
  return getsockopt(fd, SOL_SOCKET, option, &value, &length);
}
static long set(int fd, int option, int new_value) { return setsockopt(fd, SOL_SOCKET, option, &new_value, sizeof new_value); }
#define SHOW(fd, option)                    \
  do {                                      \
    long result_ = get(fd, option);         \
    SAY(#option ": %ld value %d length %d", result_, result_ < 0 ? errno : value, length); \
  } while (0)
#define BOTH(fd, option, number)            \
  do {                                      \
    T(set(fd, option, number));             \
    SHOW(fd, option);                       \
  } while (0)

static void values(void) {
  CASE("getsockopt");
  int pair[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  int datagrams = socket(AF_UNIX, SOCK_DGRAM, 0);
  SHOW(pair[0], SO_TYPE);
  SHOW(datagrams, SO_TYPE);
  SHOW(pair[0], SO_DOMAIN);
  SHOW(pair[0], SO_PROTOCOL);
  SHOW(pair[0], SO_ERROR);
  SHOW(pair[0], SO_ACCEPTCONN);
  SHOW(pair[0], SO_SNDBUF);
  SHOW(pair[0], SO_RCVBUF);
  SHOW(pair[0], SO_RCVLOWAT);
  SHOW(pair[0], SO_SNDLOWAT);
  SHOW(pair[0], SO_KEEPALIVE);
  SHOW(pair[0], SO_PRIORITY);
  SHOW(pair[0], SO_DEBUG);
  SHOW(pair[0], SO_OOBINLINE);
  SHOW(pair[0], 9999);
  CASE("setsockopt");
  BOTH(pair[0], SO_PASSCRED, 1);
  BOTH(pair[0], SO_PASSCRED, 0);
  BOTH(pair[0], SO_REUSEADDR, 5);
  BOTH(pair[0], SO_KEEPALIVE, 1);
  BOTH(pair[0], SO_BROADCAST, 1);
  BOTH(pair[0], SO_SNDBUF, 10000);
  BOTH(pair[0], SO_SNDBUF, 1);
  BOTH(pair[0], SO_PRIORITY, 3);
  BOTH(pair[0], SO_OOBINLINE, 1);
  BOTH(pair[0], SO_RCVBUF, 10000);
  BOTH(pair[0], SO_RCVBUF, 1);
  BOTH(pair[0], SO_RCVLOWAT, 100);
  BOTH(pair[0], SO_RCVLOWAT, 0);
  T(set(pair[0], SO_TYPE, 1));
  T(set(pair[0], SO_ERROR, 1));
  T(set(pair[0], SO_DOMAIN, 1));
  T(set(pair[0], SO_ACCEPTCONN, 1));
  T(set(pair[0], 9999, 1));
  CASE("sizes");
  value = 1;
  T(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &value, 3));
  T(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &value, -1));
  T(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, (void *)8, 4));
  T(setsockopt(pair[0], SOL_SOCKET, SO_PASSCRED, &value, 4));
  T(setsockopt(pair[0], 77, 1, &value, 4));
  length = 2;
  T(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, &length));
  SAY("length %d", length);
  length = -1;
  T(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, &length));
  length = 4;
  T(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, (void *)8, &length));
  T(getsockopt(pair[0], SOL_SOCKET, SO_TYPE, &value, (void *)8));
  T(getsockopt(pair[0], 77, 1, &value, &length));
  struct linger linger = {1, 5};
  T(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, sizeof linger));
  T(setsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, 4));
  memset(&linger, 0, sizeof linger);
  length = sizeof linger;
  T(getsockopt(pair[0], SOL_SOCKET, SO_LINGER, &linger, &length));
  SAY("%d %d", linger.l_onoff, linger.l_linger);
  close(pair[0]), close(pair[1]), close(datagrams);
}

static void timeouts(void) {
  CASE("SO_RCVTIMEO");
  int pair[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  struct timeval time = {0, 60000};
  char byte[4096] = {0};
  T(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
  T(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, 8));
  length = sizeof time;
  memset(&time, 0, sizeof time);
  T(getsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, &length));
  SAY("%ld %ld length %d", (long)time.tv_sec, (long)time.tv_usec, length);
  long start = now_ms();
  T(recv(pair[0], byte, 1, 0));
  SAY("waited %d", now_ms() - start >= 59);
  time = (struct timeval){0, 1000000};
  T(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
  time = (struct timeval){0, -1};
  T(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
  time = (struct timeval){-1, 0};
  T(setsockopt(pair[0], SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time));
  T(recv(pair[0], byte, 1, 0));
  CASE("SO_SNDTIMEO");
  time = (struct timeval){0, 60000};
  T(setsockopt(pair[0], SOL_SOCKET, SO_SNDTIMEO, &time, sizeof time));
  while (send(pair[0], byte, sizeof byte, MSG_DONTWAIT) > 0);
  start = now_ms();
  T(send(pair[0], byte, sizeof byte, 0));
  SAY("waited %d", now_ms() - start >= 59);
  close(pair[0]), close(pair[1]);
  CASE("accept with a timeout");
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  bind_to(fd, "timeout");
  listen(fd, 1);
  setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &time, sizeof time);
  T(accept(fd, NULL, NULL));
  SHOW(fd, SO_ACCEPTCONN);
  close(fd);
}

static void peers(void) {
  CASE("SO_PEERCRED");
  int pair[2];
  struct ucred who;
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  length = sizeof who;
  T(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &who, &length));
  SAY("pid %d uid %d gid %d length %d", who.pid == getpid(), who.uid == geteuid(), who.gid == getegid(), length);
  length = 4;
  T(getsockopt(pair[0], SOL_SOCKET, SO_PEERCRED, &who, &length));
  SAY("length %d", length);
  close(pair[0]), close(pair[1]);
  int fd = socket(AF_UNIX, SOCK_STREAM, 0);
  length = sizeof who;
  T(getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &length));
  SAY("pid %d uid %d gid %d", who.pid, who.uid, who.gid);
  bind_to(fd, "peer");
  listen(fd, 1);
  chmod("peer", 0777);
  pid_t child = CHILD({
    drop_privileges();
    int client = socket(AF_UNIX, SOCK_STREAM, 0);
    T(connect_to(client, "peer"));
    length = sizeof who;
    T(getsockopt(client, SOL_SOCKET, SO_PEERCRED, &who, &length));
    SAY("listener: pid %d uid %d", who.pid == getppid(), who.uid);
    recv(client, &value, 1, 0);
  });
  int server = accept(fd, NULL, NULL);
  wait_asleep(child);
  length = sizeof who;
  T(getsockopt(server, SOL_SOCKET, SO_PEERCRED, &who, &length));
  SAY("client: pid %d uid %d gid %d", who.pid == child, who.uid, who.gid);
  close(server);
  say_end("child", child);
  close(fd);
}

int main(void) {
  fresh_directory("options");
  values();
  timeouts();
  peers();
  return 0;
}
