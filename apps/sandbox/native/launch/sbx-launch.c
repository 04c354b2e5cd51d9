// sbx-launch: starts a sentry and watches over it.
//
//   sbx-launch [--parent=PID] SCRIPT [ARGUMENT...]
//
// Runs `node SCRIPT ARGUMENT...` as a child with a clean environment, so that nothing of the caller's (NODE_OPTIONS, LD_PRELOAD, ...) changes what runs
// in the sentry. The child dies with this process, however it dies; with --parent, this process dies with PID, which must be its parent. It ends with the
// child's status, and puts the terminal's modes back as they were, also when the child was killed.
//
// Signals that somebody sends to this process go on to the child; those that the terminal sends reach both anyway. When the child is stopped (Ctrl-Z), so
// is this process, and both go on together.
//
// Environment
//   SBX_NODE            in: the node binary (default: `node` on PATH)
//   SBX_KEPT_NAME       out: a variable NAME that was removed, which the guest may be given
//   SBX_IGNORED         out: numbers of the signals that the caller ignores, separated by commas (node sets them to their defaults)
//   SBX_ZYGOTE          out: the descriptor of a socket to a zygote (packages/systrap-platform), which this process makes beside the sentry
//   SBX_NODE_ENTRY      out: if the node binary's version is not known: a symlink that the sentry makes to say which it is, see node_version
//
// Exit status: the child's; 125 when it can't be started or was killed.
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <sched.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <termios.h>
#include <unistd.h>

extern char **environ;

#ifdef SBX_ZYGOTE
#include <sys/socket.h>

#include "zygote.h"
#endif

enum { EXIT_SBX = 125, MOST_VARIABLES_ADDED = 4 };
// Threads that node makes before it runs a script, besides its first one: four of V8's, one for delayed tasks, one for its debugger.
enum { NODE_THREADS = 6 };

static const char NO_THREADS[] = "cannot start: the host gives no more threads (ulimit -u, pids.max)";

// Variables that would change how node or the dynamic linker behave.
static const char *const REMOVED_PREFIXES[] = {"NODE_", "LD_", "UV_", "GCONV_PATH=", "MALLOC_", "GLIBC_TUNABLES=", "OPENSSL_", "SSL_CERT_", NULL};
// Signals that are passed on when a process sent them.
static const int FORWARDED[] = {SIGTERM, SIGHUP, SIGQUIT, SIGINT, SIGUSR1, SIGUSR2, SIGWINCH, SIGTSTP};

// What this process does, read-only after the start.
static struct {
  pid_t parent;
  char node[PATH_MAX];
  char version[16];
  char **environment;
  int argc;
  char **argv;
  // The sentry's end of the socket to its zygote; -1: there is none.
  int zygote;
} launch = {.zygote = -1};

// The terminal's modes at the start, to be put back.
static struct {
  int fd;
  bool saved;
  struct termios modes;
} terminal;

static void fail(const char *what) {
  fprintf(stderr, "sbx: %s: %s\n", what, strerror(errno));
}

static bool has_prefix(const char *text, const char *prefix) {
  return strncmp(text, prefix, strlen(prefix)) == 0;
}

// Finds `node`: SBX_NODE, or on PATH. False with a message when there is none.
static bool find_node(void) {
  const char *given = getenv("SBX_NODE");
  if (given != NULL && *given != '\0') {
    snprintf(launch.node, sizeof launch.node, "%s", given);
    return true;
  }
  const char *directories = getenv("PATH");
  if (directories == NULL) directories = "/usr/local/bin:/usr/bin:/bin";
  while (*directories != '\0') {
    const size_t length = strcspn(directories, ":");
    struct stat st;
    snprintf(launch.node, sizeof launch.node, "%.*s/node", length == 0 ? 1 : (int)length, length == 0 ? "." : directories);
    if (stat(launch.node, &st) == 0 && S_ISREG(st.st_mode) && access(launch.node, X_OK) == 0) return true;
    directories += length + (directories[length] == ':');
  }
  fprintf(stderr, "sbx: no node on PATH; install Node.js 20 or newer, or set SBX_NODE to its binary\n");
  return false;
}

// Looks up the version of the node binary, which decides the flags that it understands: asking it would take as long as starting the sentry. A sentry that
// runs says it by a symlink to the version, named after the binary's device, inode and time of change. Unknown: the symlink's path is left in `entry`.
static void find_version(char *entry, size_t size) {
  const char *cache = getenv("XDG_CACHE_HOME"), *home = getenv("HOME");
  const bool has_cache = cache != NULL && *cache == '/';
  struct stat st;
  entry[0] = '\0';
  if ((!has_cache && (home == NULL || *home != '/')) || stat(launch.node, &st) != 0) return;
  const int length = snprintf(entry, size, "%s%s/sbx/node/%lx-%lx-%lx.%lx", has_cache ? cache : home, has_cache ? "" : "/.cache", (unsigned long)st.st_dev,
                              (unsigned long)st.st_ino, (unsigned long)st.st_mtim.tv_sec, (unsigned long)st.st_mtim.tv_nsec);
  struct stat link;
  // A link of somebody else's says nothing.
  if (length < 0 || (size_t)length >= size) entry[0] = '\0';
  else if (lstat(entry, &link) == 0 && S_ISLNK(link.st_mode) && link.st_uid == geteuid()) {
    const ssize_t n = readlink(entry, launch.version, sizeof launch.version - 1);
    launch.version[n > 0 ? n : 0] = '\0';
    entry[0] = '\0';
  }
}

// Whether the node binary understands --disable-sigusr1: 22.14 and later of 22, 23.7 and later.
static bool knows_disable_sigusr1(void) {
  int major = 0, minor = 0;
  if (sscanf(launch.version, "%d.%d.", &major, &minor) != 2) return false;
  return (major == 22 && minor >= 14) || (major == 23 && minor >= 7) || major > 23;
}

// SBX_IGNORED=1,3: what the caller ignores, as nohup(1) and shells do for background jobs.
static char *ignored_signals(void) {
  char *text = strdup("SBX_IGNORED=");
  bool any = false;
  for (int signo = 1; signo <= 31 && text != NULL; signo++) {
    struct sigaction action;
    if (sigaction(signo, NULL, &action) != 0 || action.sa_handler != SIG_IGN) continue;
    char *longer = NULL;
    if (asprintf(&longer, "%s%s%d", text, any ? "," : "", signo) < 0) longer = NULL;
    free(text);
    text = longer;
    any = true;
  }
  return text;
}

// Makes the environment for node. False when out of memory.
static bool make_environment(const char *entry) {
  size_t count = 0, used = 0;
  while (environ[count] != NULL) count++;
  char **clean = calloc(count + MOST_VARIABLES_ADDED + 1, sizeof *clean);
  if (clean == NULL) return false;
  for (size_t i = 0; i < count; i++) {
    bool removed = false;
    if (has_prefix(environ[i], "SBX_KEPT_") || has_prefix(environ[i], "SBX_IGNORED=") || has_prefix(environ[i], "SBX_NODE_ENTRY=") ||
        has_prefix(environ[i], "SBX_ZYGOTE="))
      continue;
    for (const char *const *p = REMOVED_PREFIXES; *p != NULL; p++) removed = removed || has_prefix(environ[i], *p);
    clean[used] = environ[i];
    if (removed && asprintf(&clean[used], "SBX_KEPT_%s", environ[i]) < 0) return false;
    used++;
  }
  clean[used] = ignored_signals();
  if (clean[used++] == NULL) return false;
  if (*entry != '\0' && asprintf(&clean[used++], "SBX_NODE_ENTRY=%s", entry) < 0) return false;
  if (launch.zygote >= 0 && asprintf(&clean[used++], "SBX_ZYGOTE=%d", launch.zygote) < 0) return false;
  launch.environment = clean;
  return true;
}

static void save_terminal(void) {
  for (int fd = 0; fd <= 2 && !terminal.saved; fd++) {
    if (tcgetattr(fd, &terminal.modes) != 0) continue;
    terminal.fd = fd;
    terminal.saved = true;
  }
}

static void restore_terminal(void) {
  struct termios now;
  if (!terminal.saved || tcgetattr(terminal.fd, &now) != 0) return;
  if (memcmp(&now, &terminal.modes, sizeof now) == 0) return;
  // From the background this would stop us: SIGTTOU is ignored for the call.
  signal(SIGTTOU, SIG_IGN);
  tcsetattr(terminal.fd, TCSADRAIN, &terminal.modes);
}

// Dies with `parent`, and does not start if it is gone. The kernel's signal comes when the *thread* that forked ends.
static bool die_with(pid_t parent) {
  return prctl(PR_SET_PDEATHSIG, SIGKILL) == 0 && getppid() == parent;
}

// Makes the zygote: a child of this process and not of the sentry, whose seccomp filter the stubs must not have. It ends with the sentry. Where it can't be made,
// the sentry makes one of its own.
static void make_zygote(void) {
#ifdef SBX_ZYGOTE
  int ends[2];
  if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0) return;
  const pid_t zygote = fork();
  if (zygote == 0) zygote_run(ends[1]);
  close(ends[1]);
  if (zygote > 0) launch.zygote = ends[0];
  else close(ends[0]);
#endif
}

static int wait_for_exec(void *unused) {
  (void)unused;
  while (pause() < 0) continue;
  return 0;
}

// Whether node would get its threads; it waits for ever for those of V8's that it does not get (WorkerThreadsTaskRunner in its node_platform.cc). What counts
// (ulimit -u, pids.max, kernel.threads-max) can't be asked in one place, so they are made here, and last until execve, which waits for their end.
static bool node_has_threads(void) {
  static _Alignas(16) char stacks[NODE_THREADS][4096];
  const int flags = CLONE_VM | CLONE_FS | CLONE_FILES | CLONE_SIGHAND | CLONE_THREAD | CLONE_SYSVSEM;
  for (int i = 0; i < NODE_THREADS; i++)
    if (clone(wait_for_exec, stacks[i] + sizeof stacks[i], flags, NULL) < 0) return false;
  return true;
}

// The child: becomes node.
static void run_node(pid_t launcher, const sigset_t *mask) {
  char **arguments = calloc((size_t)launch.argc + 5, sizeof *arguments);
  int used = 0;
  if (arguments == NULL || !die_with(launcher)) _exit(EXIT_SBX);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  sigprocmask(SIG_SETMASK, mask, NULL);
  if (launch.zygote >= 0) fcntl(launch.zygote, F_SETFD, 0);
  arguments[used++] = launch.node;
  arguments[used++] = "--no-rehash-snapshot";
  // V8 would collect garbage once more, on all its threads, 8 s after a sandbox has become idle.
  arguments[used++] = "--no-memory-reducer";
  // Node's debugger would open a socket when somebody sends SIGUSR1.
  if (knows_disable_sigusr1()) arguments[used++] = "--disable-sigusr1";
  for (int i = 0; i < launch.argc; i++) arguments[used++] = launch.argv[i];
  if (!node_has_threads()) {
    fail(NO_THREADS);
    _exit(EXIT_SBX);
  }
  execve(launch.node, arguments, launch.environment);
  fprintf(stderr, "sbx: cannot run %s: %s\n", launch.node, strerror(errno));
  _exit(EXIT_SBX);
}

// A descriptor from which the signals for this process are read; blocks them. Those that the caller ignores stay ignored.
static int open_signals(void) {
  sigset_t mask;
  sigemptyset(&mask);
  sigaddset(&mask, SIGCHLD);
  for (size_t i = 0; i < sizeof FORWARDED / sizeof FORWARDED[0]; i++) {
    struct sigaction action;
    if (sigaction(FORWARDED[i], NULL, &action) == 0 && action.sa_handler == SIG_IGN) continue;
    sigaddset(&mask, FORWARDED[i]);
  }
  sigprocmask(SIG_BLOCK, &mask, NULL);
  return signalfd(-1, &mask, SFD_CLOEXEC);
}

// Waits for the child, passing signals on. Its wait status.
static int watch(pid_t child, int signals) {
  for (;;) {
    struct signalfd_siginfo info;
    if (read(signals, &info, sizeof info) != sizeof info) {
      if (errno == EINTR) continue;
      fail("cannot read signals");
      kill(child, SIGKILL);
    } else if (info.ssi_signo != SIGCHLD) {
      // A terminal sends to its whole foreground group, so the child has it already.
      if (info.ssi_code <= 0) kill(child, (int)info.ssi_signo);
      continue;
    }
    int status;
    const pid_t pid = waitpid(child, &status, WNOHANG | WUNTRACED);
    if (pid != child) continue;
    if (!WIFSTOPPED(status)) return status;
    raise(SIGSTOP);
    kill(child, SIGCONT);
  }
}

// Reads the command line. False with a message when it is wrong.
static bool read_arguments(int argc, char **argv) {
  int first = 1;
  if (argc > 1 && has_prefix(argv[1], "--parent=")) {
    launch.parent = (pid_t)atol(argv[1] + strlen("--parent="));
    first = 2;
  }
  launch.argc = argc - first;
  launch.argv = argv + first;
  if (launch.argc > 0) return true;
  fprintf(stderr, "usage: sbx-launch [--parent=PID] SCRIPT [ARGUMENT...]\n");
  return false;
}

// Opens those of descriptors 0 to 2 that are closed, so that nothing else takes their numbers: on /dev/null, the wrong way round, so that the program reads and
// writes with EBADF as it would without.
static bool open_closed(void) {
  for (int fd = STDIN_FILENO; fd <= STDERR_FILENO; fd++)
    if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == STDIN_FILENO ? O_WRONLY : O_RDONLY) != fd) return false;
  return true;
}

int main(int argc, char **argv) {
  char entry[PATH_MAX];
  sigset_t before;
  if (!open_closed()) return EXIT_SBX;
  if (!read_arguments(argc, argv) || !find_node()) return EXIT_SBX;
  if (launch.parent != 0 && !die_with(launch.parent)) return EXIT_SBX;
  find_version(entry, sizeof entry);
  sigprocmask(SIG_SETMASK, NULL, &before);
  make_zygote();
  const int signals = open_signals();
  if (!make_environment(entry) || signals < 0) {
    fail("cannot start");
    return EXIT_SBX;
  }
  save_terminal();
  const pid_t launcher = getpid();
  const pid_t child = fork();
  if (child < 0) {
    fail(NO_THREADS);
    return EXIT_SBX;
  }
  if (child == 0) run_node(launcher, &before);
  if (launch.zygote >= 0) close(launch.zygote);
  const int status = watch(child, signals);
  restore_terminal();
  if (WIFEXITED(status)) return WEXITSTATUS(status);
  fprintf(stderr, "sbx: the sandbox's kernel was killed by signal %d (%s)\n", WTERMSIG(status), strsignal(WTERMSIG(status)));
  return EXIT_SBX;
}
