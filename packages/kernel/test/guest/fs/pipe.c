// covers: pipe2(EFAULT EINVAL) read(EAGAIN EBADF) write(EAGAIN EBADF EFAULT EPIPE) fcntl(EBUSY EINVAL EPERM) ioctl poll splice(EAGAIN EBADF EFAULT EINVAL EPIPE ESPIPE) tee(EBADF EINVAL) vmsplice(EAGAIN EBADF EINVAL) readv writev
// Pipes: order, capacity, atomicity, ends, signals, packets, splicing.
#include "../processes.h"
#include <sys/ioctl.h>
#include <sys/uio.h>

static char buffer[1 << 17];
static int p[2];

static void on_signal(int signo) { SAY("signal %d", signo); }

static int events(int fd) {
  struct pollfd pfd = {fd, POLLIN | POLLOUT | POLLPRI, 0};
  poll(&pfd, 1, 0);
  return pfd.revents;
}

static void basics(void) {
  CASE("basics");
  T(pipe(p));
  T(write(p[1], "hello", 5));
  T(write(p[1], " world", 6));
  T(read(p[0], buffer, 3));
  T(read(p[0], buffer, 100));
  SAY("%.8s", buffer);
  T(write(p[0], "x", 1));
  T(read(p[1], buffer, 1));
  T(write(p[1], buffer, 0));
  T(read(p[0], buffer, 0));
  T(write(p[1], (void *)1, 5));
  T(pipe((int *)1));
  T(pipe2(p, 0x1));
  T(fcntl(p[0], F_GETFL));
  T(fcntl(p[1], F_GETFL));
  struct iovec out[2] = {{"ab", 2}, {"cd", 2}};
  T(writev(p[1], out, 2));
  struct iovec in[2] = {{buffer, 1}, {buffer + 10, 10}};
  T(readv(p[0], in, 2));
  struct stat st;
  T(fstat(p[0], &st));
  SAY("%o size %d", st.st_mode, (int)st.st_size);
  T(lseek(p[0], 0, SEEK_SET));
  close(p[0]);
  close(p[1]);
}

static void capacity(void) {
  CASE("capacity");
  T(pipe2(p, O_NONBLOCK | O_CLOEXEC));
  T(fcntl(p[0], F_GETFL));
  T(fcntl(p[0], F_GETFD));
  T(read(p[0], buffer, 1));
  int n;
  long total = 0;
  while ((n = write(p[1], buffer, 1000)) > 0) total += n;
  SAY("filled with %ld, error %d", total, errno);
  T(ioctl(p[0], FIONREAD, &n));
  SAY("%d bytes to read", n);
  T(write(p[1], buffer, 1));
  T(read(p[0], buffer, 4096));
  T(write(p[1], buffer, 4096));
  T(read(p[0], buffer, sizeof buffer));
  T(write(p[1], buffer, 100000));
  T(read(p[0], buffer, 4095));
  T(write(p[1], buffer, 4097));
  T(read(p[0], buffer, 2));
  T(write(p[1], buffer, 4097));
  T(write(p[1], buffer, 4096));
  while ((n = read(p[0], buffer, 777)) > 0) total = n;
  SAY("last %ld, error %d", total, errno);
  total = 0;
  while ((n = write(p[1], "x", 1)) > 0) total += n;
  SAY("filled with %ld", total);
  T(fcntl(p[0], F_GETPIPE_SZ));
  T(fcntl(p[0], F_SETPIPE_SZ, 4096));
  T(read(p[0], buffer, sizeof buffer));
  T(fcntl(p[0], F_SETPIPE_SZ, 4096));
  T(fcntl(p[0], F_SETPIPE_SZ, 5000));
  T(write(p[1], buffer, 100000));
  T(fcntl(p[1], F_SETPIPE_SZ, 1 << 20));
  T(write(p[1], buffer, 100000));
  T(fcntl(p[1], F_SETPIPE_SZ, -1));
  T(fcntl(p[1], F_SETPIPE_SZ, 0));
  IN_CHILD({
    drop_privileges();
    T(fcntl(p[1], F_SETPIPE_SZ, 2 << 20));
  });
  close(p[0]);
  close(p[1]);
}

static void ends(void) {
  CASE("ends");
  signal(SIGPIPE, on_signal);
  pipe(p);
  T(events(p[0]));
  T(events(p[1]));
  write(p[1], "abc", 3);
  T(events(p[0]));
  close(p[1]);
  T(events(p[0]));
  T(read(p[0], buffer, 10));
  T(events(p[0]));
  T(read(p[0], buffer, 10));
  close(p[0]);
  pipe(p);
  close(p[0]);
  T(events(p[1]));
  T(write(p[1], "x", 1));
  T(write(p[1], "x", 0));
  signal(SIGPIPE, SIG_IGN);
  T(write(p[1], "x", 1));
  close(p[1]);
  IN_CHILD({
    signal(SIGPIPE, SIG_DFL);
    pipe(p);
    close(p[0]);
    write(p[1], "x", 1);
  });
  // A reader that comes late gets everything, in order; a writer that fills the pipe waits.
  pipe(p);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    close(p[0]);
    for (int i = 0; i < 300; i++) {
      memset(buffer, 'a' + i % 26, 1000);
      if (write(p[1], buffer, 1000) != 1000) _exit(1);
    }
    if (write(p[1], buffer, 100000) != 100000) _exit(2);
    _exit(0);
  }
  close(p[1]);
  long total = 0, wrong = 0, n;
  wait_asleep(child);
  while ((n = read(p[0], buffer, 7001)) > 0) {
    for (long i = 0; i < n && total + i < 300000; i++) wrong += buffer[i] != 'a' + (total + i) / 1000 % 26;
    total += n;
  }
  int status;
  waitpid(child, &status, 0);
  SAY("%ld bytes, %ld wrong, writer %d", total, wrong, status);
  close(p[0]);
}

static void on_alarm(int signo) { (void)signo; }
static void interrupted(void) {
  CASE("interrupted");
  pipe(p);
  for (int restart = 0; restart < 2; restart++) {
    struct sigaction action = {.sa_handler = on_alarm, .sa_flags = restart ? SA_RESTART : 0};
    sigaction(SIGUSR1, &action, NULL);
    fflush(stdout);
    pid_t parent = getpid();
    pid_t child = fork();
    if (child == 0) {
      wait_asleep(parent);
      kill(parent, SIGUSR1);
      wait_asleep(parent);
      write(p[1], "late", 4);
      _exit(0);
    }
    T(read(p[0], buffer, 10));
    waitpid(child, NULL, 0);
    if (!restart) T(read(p[0], buffer, 10));
  }
  // A write that has done a part returns that.
  fflush(stdout);
  pid_t parent = getpid();
  pid_t child = fork();
  if (child == 0) {
    wait_asleep(parent);
    kill(parent, SIGUSR1);
    _exit(0);
  }
  T(write(p[1], buffer, 100000));
  waitpid(child, NULL, 0);
  close(p[0]);
  close(p[1]);
}

static void packets(void) {
  CASE("packets");
  T(pipe2(p, O_DIRECT | O_NONBLOCK));
  T(write(p[1], "one", 3));
  T(write(p[1], "three", 5));
  T(write(p[1], buffer, 5000));
  T(read(p[0], buffer, 2));
  T(read(p[0], buffer, 100));
  T(read(p[0], buffer, 100));
  T(read(p[0], buffer, 10000));
  T(read(p[0], buffer, 10000));
  close(p[0]);
  close(p[1]);
}

static void splicing(void) {
  CASE("splice");
  int q[2];
  loff_t offset;
  pipe2(p, O_NONBLOCK);
  pipe2(q, O_NONBLOCK);
  int fd = open("/tmp/splice-test", O_CREAT | O_RDWR | O_TRUNC, 0644);
  for (int i = 0; i < 10000; i++) buffer[i] = 'a' + i % 26;
  write(fd, buffer, 10000);
  offset = 5;
  T(splice(fd, &offset, p[1], NULL, 100, 0));
  T(offset);
  T(lseek(fd, 0, SEEK_CUR));
  T(splice(p[0], NULL, q[1], NULL, 30, 0));
  T(tee(p[0], q[1], 1000, 0));
  T(read(q[0], buffer + 20000, 1000));
  SAY("%.100s", buffer + 20000);
  offset = 20000;
  T(splice(p[0], NULL, fd, &offset, 1000, 0));
  struct stat st;
  fstat(fd, &st);
  SAY("size %d", (int)st.st_size);
  T(splice(p[0], NULL, fd, NULL, 1000, 0));
  T(splice(p[0], NULL, p[1], NULL, 10, 0));
  T(tee(p[0], p[1], 10, 0));
  T(splice(fd, NULL, fd, NULL, 10, 0));
  T(splice(p[0], &offset, q[1], NULL, 10, 0));
  T(splice(p[0], NULL, q[1], NULL, 10, 0x1000));
  T(splice(-1, NULL, q[1], NULL, 10, 0));
  T(splice(p[1], NULL, q[0], NULL, 10, 0));
  T(splice(fd, (loff_t *)1, p[1], NULL, 10, 0));
  offset = -1;
  T(splice(fd, &offset, p[1], NULL, 10, 0));
  T(splice(fd, NULL, p[1], NULL, 0, 0));
  T(tee(fd, p[1], 10, 0));
  T(tee(-1, p[1], 10, 0));
  lseek(fd, 0, SEEK_SET);
  T(splice(fd, NULL, p[1], NULL, 100000, 0));
  T(read(p[0], buffer, 100000));
  struct iovec iov[2] = {{"vm", 2}, {"splice", 6}};
  T(vmsplice(p[1], iov, 2, 0));
  struct iovec in = {buffer, 100};
  T(vmsplice(p[0], &in, 1, 0));
  SAY("%.8s", buffer);
  T(vmsplice(p[0], &in, 1, SPLICE_F_NONBLOCK));
  T(vmsplice(fd, iov, 1, 0));
  T(vmsplice(-1, iov, 1, 0));
  T(vmsplice(p[1], iov, 1, 0x1000));
  close(q[0]);
  signal(SIGPIPE, SIG_IGN);
  write(p[1], "x", 1);
  T(splice(p[0], NULL, q[1], NULL, 10, 0));
  close(p[1]);
  int append = open("/tmp/splice-test", O_WRONLY | O_APPEND);
  T(splice(p[0], NULL, append, NULL, 10, 0));
  T(read(p[0], buffer, 10));
  T(splice(p[0], NULL, fd, NULL, 10, 0));
  unlink("/tmp/splice-test");
}

int main(void) {
  basics();
  capacity();
  ends();
  interrupted();
  packets();
  splicing();
  return 0;
}
