// covers: openat(EIO ENXIO) read(EBADF EFAULT) write(EFAULT ENOSPC) lseek pread64 pwrite64 readv writev mmap(ENODEV) ioctl(EFAULT EINVAL ENOTTY EPERM) poll epoll_ctl(EPERM) newfstatat readlink mknodat
// Devices: null, zero, full, random, urandom; links in /dev; nodes made elsewhere.
#include "../vfs/calls.h"
#include <dirent.h>
#include <linux/random.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/sysmacros.h>
#include <sys/uio.h>

static char buffer[1 << 16];

static void node(const char *path) {
  struct stat st;
  if (stat(path, &st) < 0) SAY("%s: error %d", path, errno);
  else SAY("%s: %o %d:%d", path, st.st_mode & S_IFMT, major(st.st_rdev), minor(st.st_rdev));
}
static void link_text(const char *path) {
  int n = readlink(path, buffer, sizeof buffer);
  SAY("%s -> %.*s", path, n < 0 ? 0 : n, buffer);
}
static int events(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};
  poll(&p, 1, 0);
  return p.revents;
}
static int all_zero(const char *bytes, long length) {
  for (long i = 0; i < length; i++)
    if (bytes[i] != 0) return 0;
  return 1;
}

static void nodes(void) {
  CASE("nodes");
  const char *paths[] = {"null", "zero", "full", "random", "urandom", "tty", "ptmx"};
  for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
    char path[32];
    snprintf(path, sizeof path, "/dev/%s", paths[i]);
    node(path);
  }
  link_text("/dev/fd");
  link_text("/dev/stdin");
  link_text("/dev/stdout");
  link_text("/dev/stderr");
  struct stat st;
  T(stat("/dev/shm", &st));
  SAY("/dev/shm: %o", st.st_mode);
  int fds[2];
  T(pipe(fds));
  char path[32];
  snprintf(path, sizeof path, "/dev/fd/%d", fds[0]);
  int again = open(path, O_RDONLY);
  SAY("the pipe again: %d", again >= 0);
  write(fds[1], "abc", 3);
  T(read(again, buffer, 10));
}

static void null_device(void) {
  CASE("null");
  int fd = open("/dev/null", O_RDWR);
  T(read(fd, buffer, 100));
  T(read(fd, (void *)1, 100));
  T(write(fd, buffer, 1000));
  T(write(fd, (void *)1, 1000));
  T(write(fd, buffer, 0));
  T(lseek(fd, 1000, SEEK_SET));
  T(lseek(fd, 10, SEEK_END));
  T(pread(fd, buffer, 10, 500));
  T(pwrite(fd, buffer, 10, 500));
  struct iovec v[2] = {{buffer, 10}, {buffer, 20}};
  T(writev(fd, v, 2));
  T(readv(fd, v, 2));
  SAY("poll %x", events(fd));
  T(ioctl(fd, TIOCGWINSZ, buffer));
  T(mmap(NULL, 4096, PROT_READ, MAP_PRIVATE, fd, 0));
  T(ftruncate(fd, 10));
  T(fsync(fd));
  int ep = epoll_create1(0);
  struct epoll_event event = {EPOLLIN, {0}};
  T(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
  close(ep);
  close(fd);
  OK(fd = open("/dev/null", O_WRONLY | O_TRUNC | O_CREAT, 0666));
  T(read(fd, buffer, 1));
  close(fd);
}

static void zero_device(void) {
  CASE("zero");
  int fd = open("/dev/zero", O_RDWR);
  memset(buffer, 1, sizeof buffer);
  T(read(fd, buffer, sizeof buffer));
  SAY("zeroes: %d", all_zero(buffer, sizeof buffer));
  T(read(fd, (void *)1, 10));
  T(write(fd, buffer, 5000));
  T(lseek(fd, 100, SEEK_SET));
  T(pread(fd, buffer, 10, 1L << 40));
  size_t size = 8 << 20;
  char *big = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  memset(big, 7, size);
  T(read(fd, big, size));
  SAY("zeroes: %d", all_zero(big, size));
  T(mprotect(big + (4 << 20), 4096, PROT_NONE));
  T(read(fd, big, size));
  munmap(big, size);
  char *private = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE, fd, 0);
  SAY("private: %d", private != MAP_FAILED && all_zero(private, 8192));
  private[0] = 1;
  char *shared = mmap(NULL, 8192, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  SAY("shared: %d", shared != MAP_FAILED && all_zero(shared, 8192));
  fflush(stdout);
  if (fork() == 0) {
    shared[5] = 'x';
    private[0] = 9;
    _exit(0);
  }
  wait(NULL);
  SAY("after a child: %d %d", shared[5], private[0]);
  char *other = mmap(NULL, 8192, PROT_READ, MAP_SHARED, fd, 0);
  SAY("another mapping is another object: %d", other[5]);
  close(fd);
}

static void full_device(void) {
  CASE("full");
  int fd = open("/dev/full", O_RDWR);
  memset(buffer, 1, 100);
  T(read(fd, buffer, 100));
  SAY("zeroes: %d", all_zero(buffer, 100));
  T(write(fd, buffer, 1));
  T(write(fd, buffer, 0));
  T(lseek(fd, 100, SEEK_CUR));
  SAY("poll %x", events(fd));
  close(fd);
}

static void random_device(const char *path) {
  CASE("random");
  SAY("%s", path);
  int fd = open(path, O_RDWR);
  char other[64];
  memset(buffer, 0, 4096);
  T(read(fd, buffer, 64));
  T(read(fd, other, 64));
  SAY("different: %d", memcmp(buffer, other, 64) != 0 && !all_zero(buffer, 64));
  T(read(fd, buffer, 40000));
  SAY("filled: %d", !all_zero(buffer + 39000, 1000));
  T(read(fd, (void *)1, 10));
  T(write(fd, "seed", 4));
  T(write(fd, (void *)1, 10));
  T(lseek(fd, 10, SEEK_SET));
  SAY("poll %x", events(fd));
  int bits = -1;
  T(ioctl(fd, RNDGETENTCNT, &bits));
  SAY("entropy %d", bits);
  T(ioctl(fd, RNDGETENTCNT, (void *)1));
  T(ioctl(fd, TIOCGWINSZ, buffer));
  if (geteuid() == 0) {
    T(ioctl(fd, RNDZAPENTCNT));
    struct {
      int bits, size;
      char bytes[8];
    } add = {8, 8, "entropy"};
    T(ioctl(fd, RNDADDENTROPY, &add));
    add.bits = -1;
    T(ioctl(fd, RNDADDENTROPY, &add));
  }
  int ep = epoll_create1(0);
  struct epoll_event event = {EPOLLIN, {0}};
  T(epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event));
  close(ep);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    drop_privileges();
    T(ioctl(fd, RNDZAPENTCNT));
    T(ioctl(fd, RNDADDTOENTCNT, &bits));
    _exit(0);
  }
  waitpid(child, NULL, 0);
  close(fd);
}

static void made_nodes(void) {
  CASE("made nodes");
  if (geteuid() != 0) return;
  fresh_directory("dev");
  T(mknod("null", S_IFCHR | 0666, makedev(1, 3)));
  int fd;
  OK(fd = open("null", O_RDWR));
  T(write(fd, "abc", 3));
  close(fd);
  T(mknod("nothing", S_IFCHR | 0666, makedev(1, 250)));
  T(open("nothing", O_RDWR));
  T(mknod("block", S_IFBLK | 0666, makedev(250, 250)));
  T(open("block", O_RDONLY));
  /* A terminal's number outside of devpts leads nowhere. */
  T(mknod("pts", S_IFCHR | 0666, makedev(136, 0)));
  T(open("pts", O_RDWR | O_NOCTTY));
}

int main(void) {
  setsid();
  nodes();
  null_device();
  zero_device();
  full_device();
  random_device("/dev/urandom");
  random_device("/dev/random");
  made_nodes();
  return 0;
}
