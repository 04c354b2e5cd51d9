/* A pseudo terminal, its two ends, and what goes through it as printable text. */
#ifndef TERMINAL_H
#define TERMINAL_H
#include "../processes.h"
#include <sys/ioctl.h>
#include <termios.h>

static int master = -1, slave = -1;
static char device[64];

/* Opens a pair. The slave becomes nobody's controlling terminal. */
__attribute__((unused)) static void open_pair(void) {
  int number, unlock = 0;
  master = open("/dev/ptmx", O_RDWR | O_NOCTTY);
  if (master < 0 || ioctl(master, TIOCSPTLCK, &unlock) < 0 || ioctl(master, TIOCGPTN, &number) < 0) {
    SAY("no terminal: error %d", errno);
    exit(1);
  }
  snprintf(device, sizeof device, "/dev/pts/%d", number);
  slave = open(device, O_RDWR | O_NOCTTY);
  if (slave < 0) SAY("no slave: error %d", errno);
}
__attribute__((unused)) static void close_pair(void) {
  if (slave >= 0) close(slave);
  if (master >= 0) close(master);
  slave = master = -1;
}

/* Bytes as text: control characters as \n, \r, \t or \xNN. */
__attribute__((unused)) static const char *visible(const char *bytes, int length) {
  static char text[65536];
  char *out = text;
  for (int i = 0; i < length && out < text + sizeof text - 8; i++) {
    unsigned char c = bytes[i];
    if (c == '\n') out += sprintf(out, "\\n");
    else if (c == '\r') out += sprintf(out, "\\r");
    else if (c == '\t') out += sprintf(out, "\\t");
    else if (c == '\\') out += sprintf(out, "\\\\");
    else if (c < 32 || c > 126) out += sprintf(out, "\\x%02x", c);
    else *out++ = c;
  }
  *out = 0;
  return text;
}

/* Whether `fd` becomes readable within `ms`. */
__attribute__((unused)) static int readable(int fd, int ms) {
  struct pollfd p = {fd, POLLIN, 0};
  return poll(&p, 1, ms) > 0 && (p.revents & POLLIN);
}

/* How long to wait, in milliseconds, for what must come. Only a failure takes so long. */
#define PATIENCE 20000
/* How long nothing comes where nothing should. */
#define SILENCE 250

/* Everything that comes from `fd` until it is quiet: on Linux the line is served by another thread. The first of it may take `ms`. */
__attribute__((unused)) static int collect(int fd, char *buffer, int size, int ms) {
  int length = 0;
  while (length < size && readable(fd, length == 0 ? ms : 60)) {
    int n = read(fd, buffer + length, size - length);
    if (n <= 0) break;
    length += n;
  }
  return length;
}

/* Types at the terminal. */
__attribute__((unused)) static void type_bytes(const char *bytes, int length) {
  while (length > 0) {
    int n = write(master, bytes, length);
    if (n < 0) {
      SAY("typing: error %d", errno);
      return;
    }
    bytes += n;
    length -= n;
  }
}
__attribute__((unused)) static void type(const char *text) { type_bytes(text, strlen(text)); }

/* Prints what the terminal has sent: echo and output. */
__attribute__((unused)) static void show_screen_within(const char *what, int ms) {
  static char buffer[65536];
  int length = collect(master, buffer, sizeof buffer, ms);
  SAY("%s: screen \"%s\"", what, visible(buffer, length));
}
/* There must be some. */
__attribute__((unused)) static void show_screen(const char *what) { show_screen_within(what, PATIENCE); }
/* There must be none. */
__attribute__((unused)) static void show_silence(const char *what) { show_screen_within(what, SILENCE); }
/* Several processes may write it, the last of them `ending`. */
__attribute__((unused)) static void show_screen_until(const char *what, const char *ending) {
  static char buffer[65536];
  int length = 0, wanted = strlen(ending);
  while (length < (int)sizeof buffer && (length < wanted || memcmp(buffer + length - wanted, ending, wanted) != 0)) {
    if (!readable(master, PATIENCE)) break;
    int n = read(master, buffer + length, sizeof buffer - length);
    if (n <= 0) break;
    length += n;
  }
  SAY("%s: screen \"%s\"", what, visible(buffer, length));
}

/* Prints what one read of the terminal gives, if it gives anything within `ms`. */
__attribute__((unused)) static void show_read_within(const char *what, int size, int ms) {
  static char buffer[65536];
  if (!readable(slave, ms)) {
    SAY("%s: nothing to read", what);
    return;
  }
  int n = read(slave, buffer, size);
  if (n < 0) SAY("%s: error %d", what, errno);
  else SAY("%s: %d \"%s\"", what, n, visible(buffer, n));
}
/* There must be something. */
__attribute__((unused)) static void show_read(const char *what, int size) { show_read_within(what, size, PATIENCE); }
/* There must be nothing. */
__attribute__((unused)) static void show_no_read(const char *what) { show_read_within(what, 64, SILENCE); }

/* Sets and clears mode bits. */
__attribute__((unused)) static void set_modes(int local_on, int local_off, int input_on, int input_off, int output_on, int output_off) {
  struct termios t;
  tcgetattr(slave, &t);
  t.c_lflag = (t.c_lflag | local_on) & ~local_off;
  t.c_iflag = (t.c_iflag | input_on) & ~input_off;
  t.c_oflag = (t.c_oflag | output_on) & ~output_off;
  if (tcsetattr(slave, TCSANOW, &t) < 0) SAY("tcsetattr: error %d", errno);
}
__attribute__((unused)) static void set_character(int index, int c) {
  struct termios t;
  tcgetattr(slave, &t);
  t.c_cc[index] = c;
  if (tcsetattr(slave, TCSANOW, &t) < 0) SAY("tcsetattr: error %d", errno);
}
/* Raw, with VMIN and VTIME. */
__attribute__((unused)) static void set_raw(int minimum, int tenths) {
  struct termios t;
  tcgetattr(slave, &t);
  cfmakeraw(&t);
  t.c_cc[VMIN] = minimum;
  t.c_cc[VTIME] = tenths;
  if (tcsetattr(slave, TCSANOW, &t) < 0) SAY("tcsetattr: error %d", errno);
}
__attribute__((unused)) static int pending(int fd) {
  int n = -1;
  ioctl(fd, FIONREAD, &n);
  return n;
}
/* What poll says of a descriptor now. */
__attribute__((unused)) static int events(int fd) {
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};
  poll(&p, 1, 0);
  return p.revents;
}
#endif
