// covers: eventfd eventfd2(EINVAL) read(EAGAIN EFAULT EINVAL) write(EAGAIN EFAULT EINVAL)
// oracle: vm
// Event counters: reading, semaphores, limits, readiness.
#include "../processes.h"
#include <sys/eventfd.h>

static uint64_t value;
static long take(int fd) {
  value = 0;
  return read(fd, &value, 8);
}
static long give(int fd, uint64_t n) { return write(fd, &n, 8); }
static int ready(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT, 0};
  poll(&p, 1, 0);
  return p.revents;
}

int main(void) {
  CASE("eventfd");
  int fd;
  OK(fd = syscall(SYS_eventfd, 3));
  T(take(fd));
  SAY("%lu", value);
  close(fd);
  OK(fd = syscall(SYS_eventfd, -1));
  T(take(fd));
  SAY("%lx", value);
  close(fd);
  CASE("eventfd2");
  T(syscall(SYS_eventfd2, 0, 4));
  T(syscall(SYS_eventfd2, 0, -1));
  OK(fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK));
  T(fcntl(fd, F_GETFD));
  T(fcntl(fd, F_GETFL));
  CASE("counting");
  T(take(fd));
  T(give(fd, 1));
  T(give(fd, 2));
  T(take(fd));
  SAY("%lu", value);
  T(take(fd));
  T(give(fd, 0));
  T(take(fd));
  T(give(fd, -1));
  T(give(fd, -2));
  T(give(fd, 1));
  SAY("ready %x", ready(fd));
  T(take(fd));
  SAY("%lx, ready %x", value, ready(fd));
  T(give(fd, -3));
  SAY("ready %x", ready(fd));
  T(give(fd, 1));
  SAY("ready %x", ready(fd));
  T(give(fd, 1));
  T(take(fd));
  CASE("sizes");
  char bytes[16] = {1};
  T(read(fd, bytes, 7));
  T(write(fd, bytes, 7));
  T(write(fd, bytes, 16));
  T(read(fd, bytes, 16));
  T(write(fd, (void *)8, 8));
  give(fd, 5);
  T(read(fd, (void *)8, 8));
  T(take(fd));
  T(pread(fd, bytes, 8, 0));
  T(pwrite(fd, bytes, 8, 0));
  T(lseek(fd, 0, SEEK_SET));
  T(ftruncate(fd, 0));
  close(fd);
  CASE("semaphore");
  fd = eventfd(2, EFD_SEMAPHORE | EFD_NONBLOCK);
  T(take(fd));
  SAY("%lu", value);
  T(take(fd));
  T(take(fd));
  close(fd);
  CASE("waiting");
  fd = eventfd(0, 0);
  pid_t self = getpid();
  pid_t child = CHILD(wait_asleep(self); give(fd, 9));
  T(take(fd));
  SAY("%lu", value);
  say_end("child", child);
  give(fd, -2);
  child = CHILD(wait_asleep(self); take(fd); _exit(value != -2UL));
  T(give(fd, 4));
  say_end("child", child);
  T(take(fd));
  SAY("%lu", value);
  struct stat st;
  T(fstat(fd, &st));
  SAY("mode %o", st.st_mode);
  return 0;
}
