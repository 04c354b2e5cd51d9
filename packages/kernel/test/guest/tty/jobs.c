// covers: ioctl(EINVAL EIO ENOTTY EPERM ESRCH) read(EIO) write openat(ENXIO) setsid(EPERM) setpgid kill wait4 rt_sigaction rt_sigprocmask
// timing: sensitive
// Job control: controlling terminals, foreground groups, signals from the keyboard, background processes, hang-ups.
#include "terminal.h"
#include <sys/mman.h>

static volatile sig_atomic_t got[65];
static void note(int signo) { got[signo]++; }
static void watch(int signo) {
  struct sigaction action = {.sa_handler = note};
  sigaction(signo, &action, NULL);
}
static void print_signals(const char *what) {
  char text[256], *out = text;
  *out = 0;
  for (int i = 1; i < 65; i++)
    if (got[i] > 0) {
      out += sprintf(out, " %d", i);
      got[i] = 0;
    }
  SAY("%s:%s", what, text);
}
static void wait_signal(int signo) {
  for (int i = 0; i < PATIENCE / 5 && got[signo] == 0; i++) sleep_ms(5);
}

/* Lets what follows be printed into memory: two processes that run at the same time would print in any order. */
static int print_to_memory(void) {
  fflush(stdout);
  int memory = memfd_create("printed", MFD_CLOEXEC);
  if (memory < 0) SAY("memfd_create: error %d", errno);
  return memory;
}
static void print_memory(int memory) {
  char buffer[4096];
  ssize_t n;
  for (off_t at = 0; (n = pread(memory, buffer, sizeof buffer, at)) > 0; at += n) fwrite(buffer, 1, n, stdout);
  fflush(stdout);
  close(memory);
}

/* Runs a part as a session leader with the terminal of a fresh pair; the parent has the master. What the session prints is shown when both
   are done. */
#define IN_SESSION(parent_part, ...)              \
  do {                                            \
    open_pair();                                  \
    int printed_ = print_to_memory();             \
    pid_t leader_ = fork();                       \
    if (leader_ == 0) {                           \
      dup2(printed_, 1);                          \
      close(master);                              \
      setsid();                                   \
      if (ioctl(slave, TIOCSCTTY, 0) < 0) SAY("TIOCSCTTY: error %d", errno); \
      __VA_ARGS__;                                \
      fflush(stdout);                             \
      _exit(0);                                   \
    }                                             \
    close(slave);                                 \
    slave = -1;                                   \
    parent_part;                                  \
    say_end("leader", leader_);                   \
    print_memory(printed_);                       \
    close_pair();                                 \
  } while (0)

static pid_t foreground(int fd) {
  pid_t group = -1;
  return ioctl(fd, TIOCGPGRP, &group) < 0 ? -errno : group;
}

static void controlling(void) {
  CASE("controlling");
  open_pair();
  pid_t word = 0;
  T(ioctl(slave, TIOCGPGRP, &word));
  T(ioctl(slave, TIOCGSID, &word));
  T(ioctl(master, TIOCGSID, &word));
  T(ioctl(master, TIOCGPGRP, &word));
  SAY("no foreground: %d", word);
  T(ioctl(slave, TIOCSPGRP, &word));
  T(ioctl(slave, TIOCNOTTY));
  IN_CHILD({
    /* Not a session leader. */
    T(ioctl(slave, TIOCSCTTY, 0));
    T(open("/dev/tty", O_RDWR));
    setsid();
    T(open("/dev/tty", O_RDWR));
    T(ioctl(slave, TIOCSCTTY, 0));
    T(ioctl(slave, TIOCSCTTY, 0));
    SAY("foreground is mine: %d", foreground(slave) == getpid());
    T(ioctl(slave, TIOCGSID, &word));
    SAY("session is mine: %d", word == getpid());
    word = 0;
    T(ioctl(master, TIOCGSID, &word));
    SAY("the master says so too: %d", word == getpid());
    int tty;
    OK(tty = open("/dev/tty", O_RDWR));
    T(write(tty, "tty\n", 4));
    show_screen("/dev/tty");
    SAY("the same terminal: %d", foreground(tty) == getpid());
    word = -5;
    T(ioctl(slave, TIOCSPGRP, &word));
    word = 999999;
    T(ioctl(slave, TIOCSPGRP, &word));
    word = getppid();
    T(ioctl(slave, TIOCSPGRP, &word));
    IN_CHILD({
      setsid();
      T(ioctl(slave, TIOCSCTTY, 0));
      T(ioctl(slave, TIOCGPGRP, &word));
      T(ioctl(slave, TIOCSPGRP, &word));
    });
    signal(SIGHUP, SIG_IGN);
    T(ioctl(tty, TIOCNOTTY));
    T(ioctl(slave, TIOCGPGRP, &word));
    T(open("/dev/tty", O_RDWR));
    close(slave);
    OK(slave = open(device, O_RDWR));
    SAY("opening made it mine: %d", foreground(slave) == getpid());
  });
  close_pair();
  open_pair();
  IN_CHILD({
    setsid();
    close(slave);
    OK(slave = open(device, O_WRONLY));
    T(ioctl(slave, TIOCGPGRP, &word));
    close(slave);
    OK(slave = open(device, O_RDWR | O_NOCTTY));
    T(ioctl(slave, TIOCGPGRP, &word));
    OK(slave = open(device, O_RDONLY));
    SAY("reading is enough: %d", foreground(slave) == getpid());
    IN_CHILD({
      /* A member of the session gives it up for itself only. */
      T(ioctl(slave, TIOCNOTTY));
      T(open("/dev/tty", O_RDWR));
    });
    OK(open("/dev/tty", O_RDWR));
  });
  close_pair();
}

static void keyboard(void) {
  CASE("keyboard");
  struct gate noted = new_gate();
  IN_SESSION(
    {
      show_screen("ready");
      type("abc\x03");
      show_screen("interrupt");
      gate_pass(noted);
      type("abc\x1c");
      show_screen("quit");
      gate_pass(noted);
      type("\x1a");
      show_screen("suspend");
      type("one\x03two\n");
      show_screen("a line is dropped");
    },
    {
      watch(SIGINT);
      watch(SIGQUIT);
      watch(SIGTSTP);
      write(slave, "ready\n", 6);
      wait_signal(SIGINT);
      print_signals("interrupt");
      gate_open(noted);
      wait_signal(SIGQUIT);
      print_signals("quit");
      gate_open(noted);
      wait_signal(SIGTSTP);
      print_signals("suspend");
      char buffer[64];
      int n = -1;
      while (n < 0) n = read(slave, buffer, sizeof buffer);
      SAY("what is left: \"%s\"", visible(buffer, n));
    });
  IN_SESSION(
    {
      show_screen("ready");
      type("abc\x03" "def\n");
      show_screen("no flush");
    },
    {
      set_modes(NOFLSH, 0, 0, 0, 0, 0);
      watch(SIGINT);
      write(slave, "ready\n", 6);
      wait_signal(SIGINT);
      show_read("with NOFLSH", 64);
      print_signals("signals");
    });
  IN_SESSION(
    {
      show_screen("ready");
      type("a\x03\x1a" "b\n");
      show_screen("no signals");
    },
    {
      set_modes(0, ISIG, 0, 0, 0, 0);
      write(slave, "ready\n", 6);
      show_read("without ISIG", 64);
    });
  IN_SESSION(
    {
      show_screen("ready");
      T(ioctl(master, TIOCSIG, SIGINT));
      T(ioctl(master, TIOCSIG, SIGKILL));
    },
    {
      watch(SIGINT);
      write(slave, "ready\n", 6);
      wait_signal(SIGINT);
      print_signals("TIOCSIG");
    });
}

static struct gate done;
/* Says what became of the child: it must have stopped. Lets it go on in the foreground until it has done its step. */
static void grant(pid_t child) {
  int status;
  waitpid(child, &status, WUNTRACED);
  SAY("child %s", status_text(status));
  tcsetpgrp(slave, child);
  kill(child, SIGCONT);
  gate_pass(done);
  tcsetpgrp(slave, getpgrp());
}

static void background(void) {
  CASE("background");
  IN_SESSION(
    {
      show_screen_until("output", "allowed\r\n");
      type("a line\n");
      show_screen_until("more output", "ignored\r\n");
    },
    {
      signal(SIGTTOU, SIG_IGN);
      struct gate gate = new_gate();
      done = new_gate();
      pid_t child = fork();
      if (child == 0) {
        char buffer[16];
        struct termios t;
        signal(SIGTTOU, SIG_DFL);
        gate_pass(gate);
        T(write(slave, "allowed\n", 8));
        T(read(slave, buffer, sizeof buffer));
        gate_open(done);
        gate_pass(gate);
        T(tcgetattr(slave, &t));
        t.c_lflag |= TOSTOP;
        T(tcsetattr(slave, TCSANOW, &t));
        gate_open(done);
        gate_pass(gate);
        T(write(slave, "stopped\n", 8));
        gate_open(done);
        gate_pass(gate);
        signal(SIGTTOU, SIG_IGN);
        T(tcsetattr(slave, TCSANOW, &t));
        T(write(slave, "ignored\n", 8));
        signal(SIGTTIN, SIG_IGN);
        T(read(slave, buffer, sizeof buffer));
        sigset_t set;
        sigemptyset(&set);
        sigaddset(&set, SIGTTIN);
        signal(SIGTTIN, SIG_DFL);
        sigprocmask(SIG_BLOCK, &set, NULL);
        T(read(slave, buffer, sizeof buffer));
        _exit(7);
      }
      setpgid(child, child);
      for (int i = 0; i < 3; i++) {
        gate_open(gate);
        grant(child);
      }
      gate_open(gate);
      say_end("child", child);
    });
}

static void orphans(void) {
  CASE("orphans");
  IN_SESSION({ show_screen("output"); }, {
    struct gate gate = new_gate(), finished = new_gate();
    pid_t child = fork();
    if (child == 0) {
      setpgid(0, 0);
      pid_t grandchild = fork();
      if (grandchild == 0) {
        gate_pass(gate);
        char buffer[4];
        T(read(slave, buffer, sizeof buffer));
        struct termios t;
        T(tcgetattr(slave, &t));
        T(tcsetattr(slave, TCSANOW, &t));
        T(ioctl(slave, TIOCSPGRP, &(pid_t){getpgrp()}));
        T(tcflush(slave, TCIFLUSH));
        T(write(slave, "fine\n", 5));
        gate_open(finished);
        _exit(0);
      }
      _exit(0);
    }
    say_end("parent of the orphan", child);
    gate_open(gate);
    gate_pass(finished);
  });
}

static void hangups(void) {
  CASE("hang-ups");
  /* The master closes: leader and, when it exits, the foreground group are told. */
  struct gate foreground = new_gate(), told = new_gate(), looked = new_gate(), finished = new_gate();
  open_pair();
  fflush(stdout);
  pid_t leader = fork();
  if (leader == 0) {
    close(master);
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    watch(SIGHUP);
    watch(SIGCONT);
    pid_t job = fork();
    if (job == 0) {
      setpgid(0, 0);
      gate_pass(told);
      print_signals("foreground job before the leader's exit");
      gate_open(looked);
      wait_signal(SIGHUP);
      wait_signal(SIGCONT);
      print_signals("foreground job");
      gate_open(finished);
      _exit(0);
    }
    setpgid(job, job);
    signal(SIGTTOU, SIG_IGN);
    tcsetpgrp(slave, job);
    gate_open(foreground);
    wait_signal(SIGHUP);
    wait_signal(SIGCONT);
    print_signals("leader");
    char byte;
    T(read(slave, &byte, 1));
    T(open("/dev/tty", O_RDWR));
    gate_open(told);
    gate_pass(looked);
    _exit(0);
  }
  gate_pass(foreground);
  close_pair();
  gate_pass(finished);
  say_end("leader", leader);
  /* The leader exits: the foreground group gets SIGHUP, and the terminal is free for another session. */
  open_pair();
  fflush(stdout);
  struct gate reaped = new_gate();
  finished = new_gate();
  leader = fork();
  if (leader == 0) {
    setsid();
    ioctl(slave, TIOCSCTTY, 0);
    watch(SIGHUP);
    pid_t job = fork();
    if (job == 0) {
      wait_signal(SIGHUP);
      gate_pass(reaped);
      print_signals("job of an exited leader");
      pid_t word;
      T(ioctl(slave, TIOCGPGRP, &word));
      T(write(slave, "alive\n", 6));
      gate_open(finished);
      _exit(0);
    }
    _exit(0);
  }
  say_end("leader", leader);
  gate_open(reaped);
  gate_pass(finished);
  show_screen("the line is not cut");
  leader = fork();
  if (leader == 0) {
    setsid();
    T(ioctl(slave, TIOCSCTTY, 0));
    _exit(0);
  }
  say_end("next leader", leader);
  close_pair();
}

int main(void) {
  signal(SIGHUP, SIG_DFL);
  setsid();
  controlling();
  keyboard();
  background();
  orphans();
  hangups();
  return 0;
}
