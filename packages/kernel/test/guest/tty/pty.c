// covers: openat(EIO ENOENT ENXIO) ioctl(EIO ENOTTY) read(EAGAIN EIO) write(EAGAIN EIO) poll close newfstatat(ENOENT) fcntl
// timing: sensitive
// Pseudo terminals as devices: names, locks, packet mode, what each end sees when the other closes.
#include "terminal.h"
#include <sys/sysmacros.h>

static void names(void) {
  CASE("names");
  int number = -1, word = -1;
  struct stat st;
  int fd = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  T(fstat(fd, &st));
  SAY("master %o %d:%d", st.st_mode & S_IFMT, major(st.st_rdev), minor(st.st_rdev));
  T(ioctl(fd, TIOCGPTN, &number));
  snprintf(device, sizeof device, "/dev/pts/%d", number);
  T(stat(device, &st));
  SAY("slave %o uid %d device %s", st.st_mode & S_IFMT, st.st_uid == getuid(), st.st_rdev == makedev(136 + number / 256, number % 256) ? "right" : "wrong");
  T(ioctl(fd, TIOCGPTLCK, &word));
  SAY("locked %d", word);
  T(open(device, O_RDWR | O_NOCTTY));
  word = 0;
  T(ioctl(fd, TIOCSPTLCK, &word));
  OK(slave = open(device, O_RDWR | O_NOCTTY));
  T(fstat(slave, &st));
  SAY("inode of the name: %s", st.st_rdev == makedev(136 + number / 256, number % 256) ? "right" : "wrong");
  int device_number = 0;
  T(ioctl(slave, TIOCGDEV, &device_number));
  SAY("TIOCGDEV %s", device_number == ((136 + number / 256) << 8 | (number & 255)) ? "right" : "wrong");
  int peer = ioctl(fd, TIOCGPTPEER, O_RDWR | O_NOCTTY | O_CLOEXEC);
  SAY("peer %s, flags %d", peer >= 0 ? "open" : "missing", fcntl(peer, F_GETFD));
  close(peer);
  T(ioctl(slave, TIOCEXCL));
  if (geteuid() != 0) T(open(device, O_RDWR | O_NOCTTY));
  T(ioctl(slave, TIOCNXCL));
  close(slave);
  close(fd);
  T(open(device, O_RDWR | O_NOCTTY));
  T(stat(device, &st));
  T(open("/dev/tty", O_RDWR));
}

static void closing(void) {
  CASE("closing");
  char buffer[64];
  int number, unlock = 0;
  master = open("/dev/ptmx", O_RDWR | O_NOCTTY | O_NONBLOCK);
  ioctl(master, TIOCSPTLCK, &unlock);
  ioctl(master, TIOCGPTN, &number);
  snprintf(device, sizeof device, "/dev/pts/%d", number);
  SAY("master, slave never open: %x", events(master));
  T(read(master, buffer, sizeof buffer));
  T(write(master, "early\n", 6));
  slave = open(device, O_RDWR | O_NOCTTY);
  show_read("typed before the open", 64);
  show_screen("its echo");
  T(write(slave, "last words", 10));
  sleep_ms(40);
  close(slave);
  SAY("master, slave closed: %x", events(master));
  T(read(master, buffer, sizeof buffer));
  T(read(master, buffer, sizeof buffer));
  SAY("master, all read: %x", events(master));
  T(write(master, "later\n", 6));
  slave = open(device, O_RDWR | O_NOCTTY);
  sleep_ms(40);
  SAY("master, slave open again: %x", events(master));
  show_read("typed while closed", 64);
  show_screen("echo");
  type("unread\n");
  sleep_ms(40);
  close(master);
  SAY("slave, master closed: %x", events(slave));
  T(read(slave, buffer, sizeof buffer));
  T(write(slave, "x", 1));
  T(ioctl(slave, TCGETS, buffer));
  T(ioctl(slave, TIOCSPGRP, &number));
  struct termios t;
  T(tcgetattr(slave, &t));
  close(slave);
}

static void waiting(void) {
  CASE("waiting");
  char buffer[64];
  open_pair();
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    close(master);
    int n = read(slave, buffer, sizeof buffer);
    SAY("read while the master closes: %d", n);
    _exit(0);
  }
  close(slave);
  slave = -1;
  sleep_ms(60);
  close_pair();
  waitpid(child, NULL, 0);
  open_pair();
  fflush(stdout);
  child = fork();
  if (child == 0) {
    close(slave);
    int n = read(master, buffer, sizeof buffer);
    SAY("read while the slave closes: %d %d", n, n < 0 ? errno : 0);
    _exit(0);
  }
  sleep_ms(60);
  close_pair();
  waitpid(child, NULL, 0);
}

static void show_packet(const char *what) {
  char buffer[256];
  int n = read(master, buffer, sizeof buffer);
  if (n < 0) SAY("%s: error %d", what, errno);
  else SAY("%s: type %02x \"%s\"", what, buffer[0], visible(buffer + 1, n - 1));
}

static void packets(void) {
  CASE("packets");
  int on = 1, word = -1;
  open_pair();
  fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
  T(ioctl(master, TIOCPKT, &on));
  T(ioctl(master, TIOCGPKT, &word));
  SAY("packet mode %d", word);
  show_packet("nothing");
  write(slave, "data", 4);
  sleep_ms(40);
  show_packet("data");
  T(tcflush(slave, TCIFLUSH));
  SAY("poll: %x", events(master));
  show_packet("flushed input");
  T(tcflush(slave, TCOFLUSH));
  show_packet("flushed output");
  type("\x13");
  sleep_ms(40);
  show_packet("stopped");
  type("\x11");
  sleep_ms(40);
  show_packet("started");
  set_modes(0, 0, 0, IXON, 0, 0);
  show_packet("no flow control");
  set_modes(0, 0, IXON, 0, 0, 0);
  show_packet("flow control");
  set_modes(EXTPROC, 0, 0, 0, 0, 0);
  show_packet("external processing");
  set_modes(0, EXTPROC, 0, 0, 0, 0);
  show_packet("and back");
  on = 0;
  T(ioctl(master, TIOCPKT, &on));
  write(slave, "plain", 5);
  show_screen("without packets");
  close_pair();
}

static void external(void) {
  CASE("external processing");
  open_pair();
  set_modes(EXTPROC, 0, 0, 0, 0, 0);
  type("ab\x7f\x03" "c\n");
  show_silence("nothing is echoed");
  show_read("nothing is edited", 64);
  close_pair();
}

static void filling(void) {
  CASE("filling");
  static char text[65536], buffer[65536];
  open_pair();
  set_raw(1, 0);
  fcntl(master, F_SETFL, O_RDWR | O_NONBLOCK);
  fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
  memset(text, 'x', sizeof text);
  long total = 0;
  for (int i = 0; i < 20; i++) {
    int n = write(slave, text, 4096);
    if (n > 0) total += n;
    sleep_ms(2);
  }
  SAY("output is bounded: %d", total >= 4096 && total < 65536);
  SAY("poll of a full terminal: %x", events(slave) & POLLOUT);
  long got = 0;
  int n;
  while (readable(master, 40) && (n = read(master, buffer, sizeof buffer)) > 0) got += n;
  SAY("all of it arrived: %d", got == total);
  total = 0;
  for (int i = 0; i < 20; i++) {
    n = write(master, text, 4096);
    if (n > 0) total += n;
    sleep_ms(2);
  }
  SAY("input is bounded: %d", total >= 4096 && total < 65536);
  got = 0;
  while (readable(slave, 40) && (n = read(slave, buffer, sizeof buffer)) > 0) got += n;
  SAY("all of it arrived: %d", got == total);
  fcntl(slave, F_SETFL, O_RDWR);
  fflush(stdout);
  struct gate read_all = new_gate();
  pid_t child = fork();
  if (child == 0) {
    n = write(slave, text, 50000);
    gate_pass(read_all);
    SAY("a blocking write wrote %d", n);
    _exit(0);
  }
  fcntl(master, F_SETFL, O_RDWR);
  got = 0;
  while (got < 50000 && readable(master, 20000) && (n = read(master, buffer, 1000)) > 0) got += n;
  SAY("read %ld", got);
  gate_open(read_all);
  waitpid(child, NULL, 0);
  close_pair();
}

int main(void) {
  setsid();
  names();
  closing();
  waiting();
  packets();
  external();
  filling();
  return 0;
}
