// covers: ioctl(EFAULT EINVAL ENOTTY) read(EAGAIN) write(EAGAIN EFAULT) poll fcntl
// timing: sensitive
// Modes as they are set and read, output processing, raw reads, flow control, flushing, window size.
#include "terminal.h"
#include <asm/ioctls.h>

struct kernel_termios2 {
  unsigned iflag, oflag, cflag, lflag;
  unsigned char line, cc[19];
  unsigned ispeed, ospeed;
};
struct kernel_termio {
  unsigned short iflag, oflag, cflag, lflag;
  unsigned char line, cc[8];
};

static void print_modes(const char *what, int fd) {
  struct kernel_termios2 t;
  if (ioctl(fd, _IOR('T', 0x2A, struct kernel_termios2), &t) < 0) {
    SAY("%s: error %d", what, errno);
    return;
  }
  char text[64], *out = text;
  for (int i = 0; i < 19; i++) out += sprintf(out, "%02x", t.cc[i]);
  SAY("%s: i %o o %o c %o l %o line %d cc %s speeds %u %u", what, t.iflag, t.oflag, t.cflag, t.lflag, t.line, text, t.ispeed, t.ospeed);
}

static void setting(void) {
  CASE("setting");
  print_modes("new", slave);
  print_modes("through the master", master);
  struct termios t;
  T(tcgetattr(slave, &t));
  t.c_iflag |= IXOFF | IMAXBEL;
  t.c_oflag |= NL1 | CR2;
  t.c_cflag = CS5 | PARENB | HUPCL | CLOCAL;
  t.c_lflag |= TOSTOP;
  t.c_line = 7;
  t.c_cc[VINTR] = 5;
  cfsetospeed(&t, B9600);
  cfsetispeed(&t, B9600);
  T(tcsetattr(slave, TCSADRAIN, &t));
  print_modes("set", slave);
  struct kernel_termios2 t2;
  T(ioctl(master, _IOR('T', 0x2A, struct kernel_termios2), &t2));
  t2.cflag = (t2.cflag & ~0x100f) | 0x1000;
  t2.ispeed = 12345;
  t2.ospeed = 54321;
  T(ioctl(slave, _IOW('T', 0x2B, struct kernel_termios2), &t2));
  print_modes("own speed", slave);
  struct kernel_termio old;
  T(ioctl(slave, TCGETA, &old));
  SAY("old form: i %o o %o c %o l %o line %d cc %02x%02x", old.iflag, old.oflag, old.cflag, old.lflag, old.line, old.cc[0], old.cc[7]);
  old.cc[0] = 3;
  old.lflag &= ~TOSTOP;
  T(ioctl(slave, TCSETAW, &old));
  print_modes("set in the old form", slave);
  T(ioctl(slave, TCGETS, (void *)1));
  T(ioctl(slave, TCSETS, (void *)1));
  T(ioctl(slave, TCSETAF, (void *)1));
  int value = -1;
  T(ioctl(slave, TIOCGETD, &value));
  SAY("discipline %d", value);
  T(ioctl(slave, TIOCSETD, &value));
  value = 77;
  T(ioctl(slave, TIOCSETD, &value));
  T(ioctl(slave, TIOCGSOFTCAR, &value));
  SAY("soft carrier %d", value);
  T(ioctl(slave, TIOCMGET, &value));
  T(ioctl(slave, TIOCGICOUNT, (void *)0));
  T(ioctl(slave, 0x4B33, &value));
  T(ioctl(slave, TIOCOUTQ, &value));
  SAY("output queue %d", value);
  T(ioctl(slave, TIOCGEXCL, &value));
  SAY("exclusive %d", value);
  T(ioctl(slave, TIOCPKT, &value));
  T(ioctl(slave, TIOCGPTN, &value));
  T(tcsendbreak(slave, 0));
  T(tcdrain(slave));
  T(lseek(slave, 0, SEEK_SET));
  T(pread(slave, &value, 1, 0));
  SAY("isatty %d %d", isatty(slave), isatty(master));
}

static void output(const char *what, const char *text) {
  T(write(slave, text, strlen(text)));
  show_screen(what);
}

static void outputs(void) {
  CASE("outputs");
  output("plain", "abc\n\tdef\r\n\bx\n");
  set_modes(0, 0, 0, 0, XTABS, 0);
  output("XTABS", "a\tb\n\tc\n1234567\t8\n12345678\t9\n\b\tx\n");
  output("XTABS after a control character", "a\x01\tb\n");
  set_modes(0, 0, 0, 0, OCRNL, XTABS | ONLCR);
  output("OCRNL", "a\rb\n");
  set_modes(0, 0, 0, 0, ONOCR, OCRNL);
  output("ONOCR", "\ra\r\rb\n\r");
  set_modes(0, 0, 0, 0, ONLRET, 0);
  output("ONLRET and ONOCR", "ab\n\rc\n");
  set_modes(0, 0, 0, 0, OLCUC | ONLCR, ONLRET | ONOCR);
  output("OLCUC", "hello World\n");
  set_modes(0, 0, 0, 0, 0, OPOST);
  output("no processing", "a\nb\r\tc\n");
  set_modes(0, 0, 0, 0, OPOST, OLCUC);
  T(write(slave, (void *)1, 10));
  T(write(slave, "", 0));
}

static void raw_reads(void) {
  CASE("raw reads");
  char buffer[64];
  set_raw(1, 0);
  type("ab\rc\x03\x04\x7f");
  show_silence("no echo");
  show_read("as it came", 64);
  set_raw(3, 0);
  type("xy");
  sleep_ms(40);
  SAY("poll below the minimum: %x", events(slave));
  type("zw");
  sleep_ms(40);
  SAY("poll: %x, %d pending", events(slave), pending(slave));
  T(read(slave, buffer, 2));
  T(read(slave, buffer, 1));
  T(fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK));
  T(read(slave, buffer, 64));
  T(read(slave, buffer, 64));
  T(fcntl(slave, F_SETFL, O_RDWR));
  set_raw(0, 0);
  T(read(slave, buffer, 64));
  set_raw(0, 1);
  T(read(slave, buffer, 64));
  type("q");
  sleep_ms(40);
  T(read(slave, buffer, 64));
  set_raw(5, 1);
  type("abc");
  sleep_ms(40);
  SAY("poll with a timer: %x", events(slave));
  T(read(slave, buffer, 64));
  set_raw(2, 0);
  type("12345");
  sleep_ms(40);
  T(read(slave, buffer, 64));
}

static void changes(void) {
  CASE("changes");
  set_modes(ICANON, ECHO, 0, 0, 0, 0);
  type("partial");
  sleep_ms(40);
  SAY("poll while a line is typed: %x, %d pending", events(slave), pending(slave));
  set_raw(1, 0);
  SAY("poll in raw mode: %x, %d pending", events(slave), pending(slave));
  show_read("raw", 4);
  set_modes(ICANON, 0, 0, 0, 0, 0);
  SAY("poll back in lines: %x, %d pending", events(slave), pending(slave));
  show_read("as a line", 100);
  type("one\ntwo");
  sleep_ms(40);
  set_raw(1, 0);
  show_read("lines as bytes", 100);
  set_modes(ICANON | ISIG | IEXTEN | ECHO | ECHOE | ECHOK | ECHOCTL | ECHOKE, 0, ICRNL | IXON, 0, OPOST, 0);
}

static void flow(void) {
  CASE("flow");
  char buffer[64];
  fcntl(slave, F_SETFL, O_RDWR | O_NONBLOCK);
  type("\x13");
  sleep_ms(40);
  T(write(slave, "held", 4));
  SAY("poll when stopped: %x", events(slave));
  type("abc");
  show_silence("echoes wait");
  type("\x11");
  show_screen("echoes come");
  T(write(slave, "free", 4));
  show_screen("started");
  type("\x13");
  sleep_ms(40);
  set_modes(0, 0, IXANY, 0, 0, 0);
  type("x");
  show_screen("any character starts");
  type("\x13");
  sleep_ms(40);
  set_modes(0, 0, 0, IXON | IXANY, 0, 0);
  T(write(slave, "on", 2));
  show_screen("without IXON");
  set_modes(0, 0, IXON, 0, 0, 0);
  T(tcflow(slave, TCOOFF));
  T(write(slave, "held", 4));
  type("\x11");
  sleep_ms(40);
  T(write(slave, "held", 4));
  T(tcflow(slave, TCOON));
  T(write(slave, "free", 4));
  show_screen("tcflow");
  T(tcflow(slave, TCIOFF));
  T(tcflow(slave, TCION));
  show_screen("tcflow of input");
  T(ioctl(slave, TCXONC, 9));
  fcntl(slave, F_SETFL, O_RDWR);
  type("typed ahead\nmore");
  sleep_ms(40);
  SAY("%d pending", pending(slave));
  T(tcflush(slave, TCIFLUSH));
  SAY("%d pending", pending(slave));
  show_screen("echo of what was flushed");
  T(tcflush(slave, TCOFLUSH));
  T(tcflush(slave, TCIOFLUSH));
  T(ioctl(slave, TCFLSH, 9));
  type("abc");
  sleep_ms(40);
  struct termios t;
  tcgetattr(slave, &t);
  T(tcsetattr(slave, TCSAFLUSH, &t));
  type("x\n");
  sleep_ms(40);
  T(read(slave, buffer, sizeof buffer));
  show_screen("set with flush");
}

static volatile int winches;
static void on_winch(int signo) {
  (void)signo;
  winches++;
}

static void window(void) {
  CASE("window");
  struct winsize size = {1, 2, 3, 4};
  T(ioctl(slave, TIOCGWINSZ, &size));
  SAY("%d %d %d %d", size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel);
  size = (struct winsize){24, 80, 640, 480};
  T(ioctl(master, TIOCSWINSZ, &size));
  size = (struct winsize){0, 0, 0, 0};
  T(ioctl(slave, TIOCGWINSZ, &size));
  SAY("%d %d %d %d", size.ws_row, size.ws_col, size.ws_xpixel, size.ws_ypixel);
  size.ws_row = 25;
  T(ioctl(slave, TIOCSWINSZ, &size));
  T(ioctl(master, TIOCGWINSZ, &size));
  SAY("%d %d", size.ws_row, size.ws_col);
  T(ioctl(slave, TIOCGWINSZ, (void *)1));
  T(ioctl(slave, TIOCSWINSZ, (void *)1));
  pid_t child = fork();
  if (child == 0) {
    signal(SIGWINCH, on_winch);
    setsid();
    T(ioctl(slave, TIOCSCTTY, 0));
    size.ws_col = 132;
    T(ioctl(slave, TIOCSWINSZ, &size));
    T(ioctl(slave, TIOCSWINSZ, &size));
    sleep_ms(10);
    SAY("%d signals for two settings of one size", winches);
    _exit(0);
  }
  waitpid(child, NULL, 0);
}

int main(void) {
  open_pair();
  setting();
  close_pair();
  open_pair();
  outputs();
  raw_reads();
  changes();
  close_pair();
  open_pair();
  flow();
  window();
  close_pair();
  return 0;
}
