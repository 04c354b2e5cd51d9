// covers: socket socketpair bind connect(ENOENT EPERM EPROTOTYPE) sendto(EAGAIN ECONNREFUSED EFAULT EINVAL EMSGSIZE ENOENT ENOTCONN EOPNOTSUPP EPERM EPIPE) recvfrom(EAGAIN EFAULT ENOTCONN EOPNOTSUPP) getpeername(ENOTCONN) shutdown listen(EOPNOTSUPP)
// Datagrams and sequenced packets: borders of messages, addresses, queues, peers that go.
#include "sockets.h"

static char buffer[300000];
static struct sockaddr_un got;
static socklen_t length;

static long receive(int fd, int flags) {
  length = sizeof got;
  memset(buffer, 0, 100);
  return recvfrom(fd, buffer, 100, flags, (struct sockaddr *)&got, &length);
}
#define RECEIVE(fd)                                                                        \
  do {                                                                                     \
    T(receive(fd, MSG_DONTWAIT));                                                          \
    SAY("\"%s\" from %s", buffer, address_text(&got, length));                             \
  } while (0)

static void addresses(void) {
  CASE("addresses");
  int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
  T(bind_to(a, "a"));
  T(bind_to(b, "b"));
  T(send_to(b, "hello", "a"));
  RECEIVE(a);
  T(send_to(c, "anonymous", "a"));
  RECEIVE(a);
  T(receive(a, MSG_DONTWAIT));
  T(send(b, "x", 1, 0));
  T(send_to(b, "x", "nobody"));
  T(send_to(b, "x", "/"));
  T(sendto(b, "x", 1, 0, name("a"), 1));
  T(sendto(b, "x", 1, 0, (void *)8, 10));
  T(listen(a, 1));
  T(accept(a, NULL, NULL));
  T(getpeername(a, (struct sockaddr *)&got, &length));
  CASE("connect");
  T(connect_to(b, "a"));
  T(send(b, "connected", 9, 0));
  RECEIVE(a);
  length = sizeof got;
  T(getpeername(b, (struct sockaddr *)&got, &length));
  SAY("%s", address_text(&got, length));
  T(send_to(b, "elsewhere", "b"));
  T(connect_to(a, "b"));
  T(send_to(c, "not from you", "a"));
  T(send(b, "from me", 7, 0));
  RECEIVE(a);
  T(connect_to(c, "a"));
  T(connect(a, &(struct sockaddr){.sa_family = AF_UNSPEC}, sizeof(sa_family_t)));
  T(send_to(c, "now from me", "a"));
  RECEIVE(a);
  T(connect_to(b, "nobody"));
  T(connect_to(b, "b"));
  T(send(b, "myself", 6, 0));
  RECEIVE(b);
  CASE("close");
  T(connect_to(c, "a"));
  close(a);
  T(send(c, "x", 1, 0));
  T(send(c, "x", 1, 0));
  T(send_to(c, "x", "a"));
  T(getpeername(c, (struct sockaddr *)&got, &length));
  close(b), close(c);
}

static void pairs(void) {
  int pair[2];
  CASE("pairs");
  T(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
  T(send(pair[0], "one", 3, 0));
  T(send(pair[0], "", 0, 0));
  T(send(pair[0], "three", 5, 0));
  RECEIVE(pair[1]);
  RECEIVE(pair[1]);
  T(recv(pair[1], buffer, 2, MSG_PEEK));
  T(recv(pair[1], buffer, 2, MSG_PEEK | MSG_TRUNC));
  T(recv(pair[1], buffer, 2, MSG_TRUNC));
  T(recv(pair[1], buffer, 2, MSG_DONTWAIT));
  T(send(pair[0], (void *)8, 1, 0));
  send(pair[0], "x", 1, 0);
  T(recv(pair[1], (void *)8, 1, MSG_DONTWAIT));
  T(recv(pair[1], buffer, 1, MSG_DONTWAIT));
  T(send(pair[0], buffer, 250000, 0));
  int waiting = -1;
  send(pair[0], "12345", 5, 0), send(pair[0], "6", 1, 0);
  T(ioctl(pair[1], FIONREAD, &waiting));
  SAY("%d", waiting);
  T(shutdown(pair[0], SHUT_WR));
  T(send(pair[0], "x", 1, MSG_NOSIGNAL));
  T(receive(pair[1], 0));
  T(receive(pair[1], 0));
  T(receive(pair[1], MSG_DONTWAIT));
  T(shutdown(pair[1], SHUT_RD));
  T(receive(pair[1], 0));
  close(pair[0]), close(pair[1]);
  CASE("a peer that goes");
  T(socketpair(AF_UNIX, SOCK_DGRAM, 0, pair));
  send(pair[0], "last", 4, 0);
  close(pair[0]);
  RECEIVE(pair[1]);
  T(receive(pair[1], MSG_DONTWAIT));
  T(send(pair[1], "x", 1, 0));
  close(pair[1]);
}

static void queues(void) {
  CASE("queue");
  int a = socket(AF_UNIX, SOCK_DGRAM, 0), b = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK, 0), c = socket(AF_UNIX, SOCK_DGRAM, 0);
  bind_to(a, "queue");
  T(connect_to(b, "queue"));
  T(connect_to(c, "queue"));
  int count = 0;
  while (send(b, "x", 1, 0) == 1) count++;
  SAY("%d sent, then %d", count, errno);
  struct pollfd p = {b, POLLOUT, 0};
  T(poll(&p, 1, 0));
  T(receive(a, 0));
  T(poll(&p, 1, 0));
  T(send(b, "x", 1, 0));
  CASE("a sender waits");
  pid_t self = getpid();
  pid_t child = CHILD(wait_asleep(self); receive(a, 0));
  T(send(c, "y", 1, 0));
  say_end("child", child);
  child = CHILD(wait_asleep(self); receive(a, 0));
  T(poll((p.fd = c, &p), 1, -1));
  say_end("child", child);
  CASE("a sender's peer goes");
  while (send(c, "y", 1, MSG_DONTWAIT) == 1);
  child = CHILD(close(b); close(c); wait_asleep(self));
  close(a);
  T(send(c, "z", 1, 0));
  say_end("child", child);
  close(b), close(c);
}

static void packets(void) {
  int pair[2];
  CASE("sequenced packets");
  T(socketpair(AF_UNIX, SOCK_SEQPACKET, 0, pair));
  T(send(pair[0], "one", 3, 0));
  T(send(pair[0], "two!", 4, 0));
  RECEIVE(pair[1]);
  T(recv(pair[1], buffer, 2, MSG_TRUNC));
  T(receive(pair[1], MSG_DONTWAIT));
  T(send(pair[0], "", 0, 0));
  T(receive(pair[1], MSG_DONTWAIT));
  T(send_to(pair[0], "x", "a"));
  T(receive(pair[1], MSG_DONTWAIT));
  T(send(pair[0], buffer, 250000, 0));
  T(recv(pair[0], buffer, 1, MSG_OOB));
  T(send(pair[0], "x", 1, MSG_OOB));
  send(pair[0], "last", 4, 0);
  close(pair[0]);
  T(receive(pair[1], 0));
  T(receive(pair[1], 0));
  T(send(pair[1], "x", 1, MSG_NOSIGNAL));
  say_end("SIGPIPE", CHILD(T(write(pair[1], "x", 1))));
  close(pair[1]);
  int fd = socket(AF_UNIX, SOCK_SEQPACKET, 0), client = socket(AF_UNIX, SOCK_SEQPACKET, 0);
  T(recv(fd, buffer, 1, 0));
  T(send(fd, "x", 1, MSG_NOSIGNAL));
  T(bind_to(fd, "packets"));
  T(listen(fd, 5));
  int stream = socket(AF_UNIX, SOCK_STREAM, 0);
  T(connect_to(stream, "packets"));
  T(connect_to(client, "packets"));
  int server = accept(fd, NULL, NULL);
  T(send(client, "abc", 3, 0));
  T(send(client, "de", 2, 0));
  RECEIVE(server);
  RECEIVE(server);
  close(server), close(client), close(stream), close(fd);
}

int main(void) {
  fresh_directory("datagram");
  addresses();
  pairs();
  queues();
  packets();
  return 0;
}
