// covers: sendmsg(EBADF EFAULT EINVAL EMSGSIZE ENOBUFS EPERM ESRCH) recvmsg(EAGAIN EFAULT EMSGSIZE) sendmmsg(EBADF EFAULT) recvmmsg(EAGAIN EBADF EFAULT EINVAL) socketpair bind listen
// Messages with descriptors and credentials; many messages in one call.
#include "sockets.h"
#include <sys/mman.h>
#include <sys/resource.h>

static char data[64];
static char control[4096];
static struct iovec part = {data, sizeof data};
static struct msghdr header;

/* Sends bytes with descriptors. */
static long send_files(int socket, const char *bytes, int count, const int *files) {
  struct iovec out = {(char *)bytes, strlen(bytes)};
  memset(control, 0, sizeof control);
  header = (struct msghdr){.msg_iov = &out, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(count * sizeof(int))};
  struct cmsghdr *message = CMSG_FIRSTHDR(&header);
  message->cmsg_level = SOL_SOCKET;
  message->cmsg_type = SCM_RIGHTS;
  message->cmsg_len = CMSG_LEN(count * sizeof(int));
  memcpy(CMSG_DATA(message), files, count * sizeof(int));
  return sendmsg(socket, &header, MSG_NOSIGNAL);
}
static int taken[300], taken_count;
/* Receives with room for control messages, and prints all of it. */
static void receive(int socket, size_t room, int flags) {
  memset(data, 0, sizeof data);
  memset(control, 0, sizeof control);
  part = (struct iovec){data, sizeof data - 1};
  header = (struct msghdr){.msg_iov = &part, .msg_iovlen = 1, .msg_control = control, .msg_controllen = room};
  long n = recvmsg(socket, &header, flags | MSG_DONTWAIT);
  if (n < 0) {
    SAY("recvmsg: error %d", errno);
    return;
  }
  SAY("recvmsg: %ld \"%s\" flags %x control %zu", n, data, header.msg_flags, header.msg_controllen);
  taken_count = 0;
  for (struct cmsghdr *message = CMSG_FIRSTHDR(&header); message != NULL; message = CMSG_NXTHDR(&header, message)) {
    if (message->cmsg_type == SCM_RIGHTS) {
      int count = (message->cmsg_len - CMSG_LEN(0)) / sizeof(int);
      for (int i = 0; i < count; i++) memcpy(&taken[taken_count++], CMSG_DATA(message) + i * sizeof(int), sizeof(int));
      SAY("rights: length %zu, %d files, close on exec %d", message->cmsg_len, count, count > 0 ? fcntl(taken[0], F_GETFD) : -1);
    } else if (message->cmsg_type == SCM_CREDENTIALS) {
      struct ucred who;
      memcpy(&who, CMSG_DATA(message), sizeof who);
      SAY("credentials: length %zu pid %s uid %d gid %d", message->cmsg_len, who.pid == getpid() ? "own" : who.pid == 0 ? "none" : "other", who.uid, who.gid);
    } else SAY("type %d", message->cmsg_type);
  }
}
static void drop(void) {
  for (int i = 0; i < taken_count; i++) close(taken[i]);
}

static void rights(void) {
  CASE("SCM_RIGHTS");
  int pair[2], ends[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  pipe(ends);
  T(send_files(pair[0], "pipe", 2, ends));
  receive(pair[1], 200, 0);
  T(write(taken[1], "through", 7));
  T(read(ends[0], data, 20));
  drop();
  T(send_files(pair[0], "x", 1, ends));
  receive(pair[1], 200, MSG_CMSG_CLOEXEC);
  drop();
  T(send_files(pair[0], "x", 2, ends));
  receive(pair[1], CMSG_SPACE(4), 0);
  drop();
  T(send_files(pair[0], "x", 2, ends));
  receive(pair[1], CMSG_LEN(4), 0);
  drop();
  T(send_files(pair[0], "x", 2, ends));
  receive(pair[1], CMSG_LEN(0), 0);
  T(send_files(pair[0], "x", 2, ends));
  receive(pair[1], 0, 0);
  T(send_files(pair[0], "x", 2, ends));
  receive(pair[1], 4, 0);
  T(send_files(pair[0], "x", 2, ends));
  T(read(pair[1], data, 10));
  CASE("peek");
  T(send_files(pair[0], "peek", 1, ends));
  receive(pair[1], 200, MSG_PEEK);
  T(write(ends[1], "y", 1));
  T(read(taken[0], data, 1));
  drop();
  receive(pair[1], 200, 0);
  drop();
  CASE("borders");
  T(write(pair[0], "ab", 2));
  T(send_files(pair[0], "cd", 1, ends));
  T(write(pair[0], "ef", 2));
  T(send_files(pair[0], "gh", 1, ends));
  receive(pair[1], 200, 0);
  drop();
  receive(pair[1], 200, 0);
  drop();
  receive(pair[1], 200, 0);
  drop();
  receive(pair[1], 200, 0);
  drop();
  CASE("no bytes");
  T(send_files(pair[0], "", 1, ends));
  receive(pair[1], 200, 0);
  drop();
  close(pair[0]), close(pair[1]);
  CASE("datagrams with files");
  socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
  T(send_files(pair[0], "", 1, ends));
  receive(pair[1], 200, 0);
  drop();
  T(send_files(pair[0], "x", 1, ends));
  receive(pair[1], 8, 0);
  close(pair[0]), close(pair[1]);
  close(ends[0]), close(ends[1]);
}

static void rights_errors(void) {
  CASE("errors");
  int pair[2], files[260];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  T(send_files(pair[0], "x", 1, (int[]){999}));
  T(send_files(pair[0], "x", 2, (int[]){0, -1}));
  for (int i = 0; i < 260; i++) files[i] = 1;
  T(send_files(pair[0], "x", 254, files));
  T(send_files(pair[0], "x", 253, files));
  receive(pair[1], sizeof control, 0);
  drop();
  struct cmsghdr *message = (struct cmsghdr *)control;
  struct iovec out = {"x", 1};
  memset(control, 0, sizeof control);
  header = (struct msghdr){.msg_iov = &out, .msg_iovlen = 1, .msg_control = control, .msg_controllen = 20};
  *message = (struct cmsghdr){.cmsg_len = 100, .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_RIGHTS};
  T(sendmsg(pair[0], &header, 0));
  message->cmsg_len = 3;
  T(sendmsg(pair[0], &header, 0));
  message->cmsg_len = 16;
  message->cmsg_type = 99;
  T(sendmsg(pair[0], &header, 0));
  message->cmsg_level = 77;
  T(sendmsg(pair[0], &header, 0));
  header.msg_controllen = 8;
  T(sendmsg(pair[0], &header, 0));
  header.msg_controllen = 1 << 30;
  T(sendmsg(pair[0], &header, 0));
  header.msg_controllen = 20;
  header.msg_control = (void *)8;
  T(sendmsg(pair[0], &header, 0));
  header.msg_control = NULL;
  header.msg_controllen = 0;
  header.msg_iov = (void *)8;
  T(sendmsg(pair[0], &header, 0));
  header.msg_iov = &out;
  header.msg_iovlen = 1025;
  T(sendmsg(pair[0], &header, 0));
  header.msg_iovlen = -1;
  T(sendmsg(pair[0], &header, 0));
  header.msg_iovlen = 1;
  out.iov_len = -1;
  T(sendmsg(pair[0], &header, 0));
  out = (struct iovec){(void *)8, 1};
  T(sendmsg(pair[0], &header, 0));
  T(sendmsg(pair[0], (void *)8, 0));
  while (recv(pair[1], data, 10, MSG_DONTWAIT) > 0);
  T(recvmsg(pair[1], (void *)8, MSG_DONTWAIT));
  send(pair[0], "x", 1, 0);
  T(recvmsg(pair[1], &header, MSG_DONTWAIT));
  header.msg_iovlen = 1025;
  T(recvmsg(pair[1], &header, MSG_DONTWAIT));
  T(recv(pair[1], data, 1, MSG_DONTWAIT));
  CASE("no descriptors left");
  int fds[2];
  pipe(fds);
  T(send_files(pair[0], "x", 2, fds));
  struct rlimit limit, low;
  getrlimit(RLIMIT_NOFILE, &limit);
  low = (struct rlimit){fds[1] + 2, limit.rlim_max};
  setrlimit(RLIMIT_NOFILE, &low);
  receive(pair[1], 200, 0);
  drop();
  low.rlim_cur = fds[1] + 1;
  setrlimit(RLIMIT_NOFILE, &low);
  T(send_files(pair[0], "x", 2, fds));
  receive(pair[1], 200, 0);
  setrlimit(RLIMIT_NOFILE, &limit);
  close(fds[0]), close(fds[1]), close(pair[0]), close(pair[1]);
}

/* Descriptors on their way hold the file; those that nobody takes are closed. */
static void on_their_way(void) {
  CASE("on their way");
  int pair[2], ends[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  pipe(ends);
  T(send_files(pair[0], "x", 1, &ends[1]));
  close(ends[1]);
  fcntl(ends[0], F_SETFL, O_NONBLOCK);
  T(read(ends[0], data, 1));
  close(pair[1]);
  T(read(ends[0], data, 1));
  close(pair[0]), close(ends[0]);
  CASE("through themselves");
  for (int i = 0; i < 20; i++) {
    socketpair(AF_UNIX, i % 2 ? SOCK_STREAM : SOCK_DGRAM, 0, pair);
    if (send_files(pair[0], "a", 2, pair) != 1 || send_files(pair[1], "b", 2, pair) != 1) SAY("error %d", errno);
    close(pair[0]), close(pair[1]);
  }
  int other[2];
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  socketpair(AF_UNIX, SOCK_STREAM, 0, other);
  T(send_files(pair[0], "x", 2, other));
  T(send_files(other[0], "x", 2, pair));
  close(pair[0]), close(pair[1]), close(other[0]), close(other[1]);
  CASE("a listener on its own way");
  int listener = socket(AF_UNIX, SOCK_STREAM, 0), client = socket(AF_UNIX, SOCK_STREAM, 0);
  bind_to(listener, "cycle");
  listen(listener, 5);
  T(connect_to(client, "cycle"));
  T(send_files(client, "x", 1, &listener));
  close(client), close(listener);
  CASE("still in use");
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  T(send_files(pair[0], "x", 1, &pair[1]));
  socketpair(AF_UNIX, SOCK_STREAM, 0, other);
  T(send_files(other[0], "x", 1, &other[0]));
  close(other[0]), close(other[1]);
  receive(pair[1], 200, 0);
  T(write(pair[0], "alive", 5));
  T(read(taken[0], data, 5));
  drop();
  close(pair[0]), close(pair[1]);
}

static long send_credentials(int socket, pid_t pid, uid_t uid, gid_t gid) {
  struct iovec out = {"c", 1};
  struct ucred who = {pid, uid, gid};
  memset(control, 0, sizeof control);
  header = (struct msghdr){.msg_iov = &out, .msg_iovlen = 1, .msg_control = control, .msg_controllen = CMSG_SPACE(sizeof who)};
  struct cmsghdr *message = CMSG_FIRSTHDR(&header);
  *message = (struct cmsghdr){.cmsg_len = CMSG_LEN(sizeof who), .cmsg_level = SOL_SOCKET, .cmsg_type = SCM_CREDENTIALS};
  memcpy(CMSG_DATA(message), &who, sizeof who);
  return sendmsg(socket, &header, 0);
}

static void credentials(void) {
  CASE("SCM_CREDENTIALS");
  int pair[2], on = 1;
  socketpair(AF_UNIX, SOCK_STREAM, 0, pair);
  T(send_credentials(pair[0], getpid(), getuid(), getgid()));
  receive(pair[1], 200, 0);
  T(setsockopt(pair[1], SOL_SOCKET, SO_PASSCRED, &on, 4));
  T(send_credentials(pair[0], getpid(), getuid(), getgid()));
  receive(pair[1], 200, 0);
  T(write(pair[0], "plain", 5));
  receive(pair[1], 200, 0);
  T(write(pair[0], "cut", 3));
  receive(pair[1], CMSG_LEN(4), 0);
  T(write(pair[0], "cut", 3));
  receive(pair[1], 0, 0);
  T(send_credentials(pair[0], getpid(), 1234, 5678));
  receive(pair[1], 200, 0);
  T(send_credentials(pair[0], 1234567, 0, 0));
  T(send_files(pair[0], "both", 1, pair));
  receive(pair[1], 200, 0);
  drop();
  say_end("user", CHILD({
            setresgid(1000, 1001, 1002);
            setresuid(1000, 1001, 1002);
            T(send_credentials(pair[0], getpid(), 1000, 1001));
            T(send_credentials(pair[0], getpid(), 1002, 1000));
            T(send_credentials(pair[0], getpid(), 0, 1000));
            T(send_credentials(pair[0], getpid(), 1000, 0));
            T(send_credentials(pair[0], getppid(), 1000, 1000));
            write(pair[0], "real", 4);
          }));
  receive(pair[1], 200, 0);
  receive(pair[1], 200, 0);
  receive(pair[1], 200, 0);
  receive(pair[1], 200, 0);
  close(pair[0]), close(pair[1]);
  CASE("autobind by SO_PASSCRED");
  int fd = socket(AF_UNIX, SOCK_DGRAM, 0), receiver = socket(AF_UNIX, SOCK_DGRAM, 0);
  bind_to(receiver, "receiver");
  setsockopt(fd, SOL_SOCKET, SO_PASSCRED, &on, 4);
  T(send_to(fd, "x", "receiver"));
  struct sockaddr_un from;
  socklen_t length = sizeof from;
  T(recvfrom(receiver, data, 10, 0, (struct sockaddr *)&from, &length));
  SAY("length %d", length);
  close(fd), close(receiver);
}

static void many(void) {
  CASE("sendmmsg");
  int pair[2];
  socketpair(AF_UNIX, SOCK_DGRAM, 0, pair);
  struct iovec parts[3] = {{"a", 1}, {"bb", 2}, {"ccc", 3}};
  struct mmsghdr list[3];
  memset(list, 0, sizeof list);
  for (int i = 0; i < 3; i++) list[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  T(sendmmsg(pair[0], list, 3, 0));
  SAY("%u %u %u", list[0].msg_len, list[1].msg_len, list[2].msg_len);
  T(sendmmsg(pair[0], list, 0, 0));
  list[1].msg_hdr.msg_iov = (void *)8;
  T(sendmmsg(pair[0], list, 3, 0));
  T(sendmmsg(pair[0], list + 1, 2, 0));
  T(sendmmsg(pair[0], (void *)8, 2, 0));
  T(sendmmsg(999, list, 2, 0));
  CASE("recvmmsg");
  char space[3][10];
  memset(space, 0, sizeof space);
  for (int i = 0; i < 3; i++) {
    parts[i] = (struct iovec){space[i], 9};
    list[i].msg_hdr = (struct msghdr){.msg_iov = &parts[i], .msg_iovlen = 1};
  }
  T(recvmmsg(pair[1], list, 2, 0, NULL));
  SAY("%u \"%s\" %u \"%s\"", list[0].msg_len, space[0], list[1].msg_len, space[1]);
  T(recvmmsg(pair[1], list, 3, MSG_DONTWAIT, NULL));
  SAY("%u \"%s\" %u \"%s\"", list[0].msg_len, space[0], list[1].msg_len, space[1]);
  T(recvmmsg(pair[1], list, 3, MSG_DONTWAIT, NULL));
  T(recvmmsg(pair[1], list, 0, MSG_DONTWAIT, NULL));
  send(pair[0], "w", 1, 0);
  T(recvmmsg(pair[1], list, 3, MSG_WAITFORONE, NULL));
  send(pair[0], "t", 1, 0);
  struct timespec timeout = {0, 0};
  T(recvmmsg(pair[1], list, 3, 0, &timeout));
  timeout.tv_nsec = 1000000000;
  T(recvmmsg(pair[1], list, 3, MSG_DONTWAIT, &timeout));
  T(recvmmsg(pair[1], list, 3, MSG_DONTWAIT, (void *)8));
  T(recvmmsg(999, list, 3, MSG_DONTWAIT, NULL));
  send(pair[0], "f", 1, 0);
  T(recvmmsg(pair[1], (void *)8, 3, MSG_DONTWAIT, NULL));
  close(pair[0]), close(pair[1]);
}

/* Data that can't be read to its end, with a descriptor: nothing is sent of what is one message. */
static void faulting(void) {
  static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  char *pages = mmap(NULL, 2 * 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  munmap(pages + 4096, 4096);
  memset(pages, 'x', 4096);
  for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
    int pair[2], ends[2];
    char control[CMSG_SPACE(4)] = {0}, bytes[4096];
    struct iovec data[2] = {{pages, 8}, {pages + 4096 - 8, 16}};
    struct msghdr message = {.msg_iov = data, .msg_iovlen = 2, .msg_control = control, .msg_controllen = sizeof control};
    struct cmsghdr *header = CMSG_FIRSTHDR(&message);
    if (socketpair(AF_UNIX, types[i], 0, pair) != 0 || pipe(ends) != 0) return;
    header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(4);
    memcpy(CMSG_DATA(header), &ends[1], 4);
    T(sendmsg(pair[0], &message, 0));
    T(recv(pair[1], bytes, sizeof bytes, MSG_DONTWAIT));
    /* Nobody holds the pipe's end any more. */
    close(ends[1]);
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    T(read(ends[0], bytes, 1));
    close(pair[0]), close(pair[1]), close(ends[0]);
  }
}

/* read(2) takes the bytes, and closes the descriptors that came with them. */
static void read_drops(void) {
  static const int types[] = {SOCK_STREAM, SOCK_DGRAM, SOCK_SEQPACKET};
  for (unsigned i = 0; i < sizeof types / sizeof *types; i++) {
    for (size_t length = i == 0; length < 3; length += 2) {
      int pair[2], ends[2];
      char control[CMSG_SPACE(4)] = {0}, bytes[16] = "ab";
      struct iovec data = {bytes, length};
      struct msghdr message = {.msg_iov = &data, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
      struct cmsghdr *header = CMSG_FIRSTHDR(&message);
      if (socketpair(AF_UNIX, types[i], 0, pair) != 0 || pipe(ends) != 0) return;
      header->cmsg_level = SOL_SOCKET, header->cmsg_type = SCM_RIGHTS, header->cmsg_len = CMSG_LEN(4);
      memcpy(CMSG_DATA(header), &ends[1], 4);
      T(sendmsg(pair[0], &message, 0));
      close(ends[1]);
      T(read(pair[1], bytes, sizeof bytes));
      fcntl(ends[0], F_SETFL, O_NONBLOCK);
      T(read(ends[0], bytes, 1));
      close(pair[0]), close(pair[1]), close(ends[0]);
    }
  }
}

int main(void) {
  fresh_directory("messages");
  rights();
  rights_errors();
  on_their_way();
  credentials();
  many();
  faulting();
  read_drops();
  return 0;
}
