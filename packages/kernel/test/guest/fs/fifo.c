// covers: mknodat openat(ENOTDIR ENXIO) read(EAGAIN) write(EPIPE) poll unlink
// Named pipes: opening, ends, readiness.
#include "../processes.h"

static int events(int fd) {
  struct pollfd pfd = {fd, POLLIN | POLLOUT, 0};
  poll(&pfd, 1, 0);
  return pfd.revents;
}
static void on_alarm(int signo) { (void)signo; }

int main(void) {
  char buffer[100];
  fresh_directory("fifo");
  signal(SIGPIPE, SIG_IGN);
  CASE("open");
  T(mkfifo("f", 0644));
  T(open("f", O_WRONLY | O_NONBLOCK));
  int r = OK(open("f", O_RDONLY | O_NONBLOCK));
  T(events(r));
  T(read(r, buffer, 10));
  int w = OK(open("f", O_WRONLY | O_NONBLOCK));
  T(read(r, buffer, 10));
  T(write(w, "hello", 5));
  T(events(r));
  T(read(r, buffer, 10));
  close(w);
  T(events(r));
  T(read(r, buffer, 10));
  w = OK(open("f", O_WRONLY));
  T(events(r));
  close(r);
  T(events(w));
  T(write(w, "x", 1));
  close(w);
  int both = OK(open("f", O_RDWR));
  T(write(both, "abc", 3));
  T(read(both, buffer, 10));
  T(events(both));
  close(both);
  T(lseek(both = open("f", O_RDWR), 0, SEEK_SET));
  T(ftruncate(both, 0));
  T(truncate("f", 0));
  OK(open("f", O_RDWR | O_TRUNC | O_CREAT, 0600));
  T(open("f", O_RDWR | O_DIRECTORY));
  close(both);

  CASE("wait");
  T(mkfifo("g", 0600));
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    wait_asleep(getppid());
    int out = open("g", O_WRONLY);
    write(out, "late", 4);
    wait_asleep(getppid());
    close(out);
    _exit(0);
  }
  r = OK(open("g", O_RDONLY));
  T(read(r, buffer, 10));
  T(read(r, buffer, 10));
  waitpid(child, NULL, 0);
  close(r);
  fflush(stdout);
  child = fork();
  if (child == 0) {
    wait_asleep(getppid());
    int in = open("g", O_RDONLY);
    int n = read(in, buffer, 10);
    _exit(n);
  }
  w = OK(open("g", O_WRONLY));
  T(write(w, "four", 4));
  int status;
  waitpid(child, &status, 0);
  SAY("child read %d", WEXITSTATUS(status));
  close(w);

  CASE("interrupted");
  struct sigaction action = {.sa_handler = on_alarm};
  sigaction(SIGUSR1, &action, NULL);
  fflush(stdout);
  pid_t parent = getpid();
  child = fork();
  if (child == 0) {
    wait_asleep(parent);
    kill(parent, SIGUSR1);
    _exit(0);
  }
  T(open("g", O_RDONLY));
  waitpid(child, NULL, 0);
  T(open("g", O_WRONLY | O_NONBLOCK));

  CASE("removed");
  both = open("g", O_RDWR);
  T(unlink("g"));
  T(write(both, "still", 5));
  T(read(both, buffer, 10));
  T(mkfifo("g", 0600));
  T(open("g", O_WRONLY | O_NONBLOCK));
  return 0;
}
