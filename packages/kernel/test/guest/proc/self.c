// covers: openat(EACCES ENOENT ENXIO) read write(EINVAL) lseek(EINVAL) pread64(EIO) readlink(EINVAL ENOENT) newfstatat getdents64 prctl
// /proc/self: what a process finds about itself.
#include "../processes.h"
#include <dirent.h>
#include <sys/auxv.h>
#include <sys/eventfd.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>

static char text[1 << 17];

/* Reads a file whole: its length, or -errno. */
static int slurp(const char *path) {
  int fd = open(path, O_RDONLY), length = 0, n;
  text[0] = 0;
  if (fd < 0) return -errno;
  while ((n = read(fd, text + length, sizeof text - 1 - length)) > 0) length += n;
  if (n < 0) length = -errno;
  close(fd);
  text[length < 0 ? 0 : length] = 0;
  return length;
}
/* The rest of the line that begins with `key`. */
static const char *line_of(const char *key) {
  static char values[4][256];
  static int next;
  char *value = values[next++ & 3];
  for (char *line = text; line != NULL && *line; line = strchr(line, '\n') ? strchr(line, '\n') + 1 : NULL) {
    if (strncmp(line, key, strlen(key)) != 0) continue;
    snprintf(value, sizeof *values, "%.*s", (int)strcspn(line + strlen(key), "\n"), line + strlen(key));
    return value;
  }
  return "(none)";
}
static long number_of(const char *key) { return atol(line_of(key)); }
static int put(const char *path, const char *what) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return -errno;
  int n = write(fd, what, strlen(what));
  if (n < 0) n = -errno;
  close(fd);
  return n;
}

static void on_signal(int signo) { (void)signo; }

static void status(void) {
  CASE("status");
  prctl(PR_SET_NAME, "a \\name\n");
  SAY("read: %d", slurp("/proc/self/status") > 500);
  SAY("name %s", line_of("Name:\t"));
  prctl(PR_SET_NAME, "self");
  slurp("/proc/self/status");
  SAY("umask %s state %s", line_of("Umask:\t"), line_of("State:\t"));
  SAY("ids %d %d %d", number_of("Pid:\t") == getpid(), number_of("Tgid:\t") == getpid(), number_of("PPid:\t") == getppid());
  SAY("tracer %s threads %s", line_of("TracerPid:\t"), line_of("Threads:\t"));
  char expected[128];
  uid_t r, e, s;
  getresuid(&r, &e, &s);
  snprintf(expected, sizeof expected, "%u\t%u\t%u\t%u", r, e, s, e);
  SAY("uids %d", strcmp(line_of("Uid:\t"), expected) == 0);
  SAY("memory %d %d", number_of("VmSize:\t") >= number_of("VmRSS:\t"), number_of("VmRSS:\t") > 0);
  SAY("session %d", number_of("NSsid:\t") == getsid(0));
  sigset_t set;
  sigemptyset(&set);
  sigaddset(&set, SIGUSR1);
  sigaddset(&set, SIGRTMIN + 5);
  sigprocmask(SIG_BLOCK, &set, NULL);
  signal(SIGHUP, SIG_IGN);
  signal(SIGTERM, on_signal);
  raise(SIGUSR1);
  slurp("/proc/self/status");
  SAY("blocked %s", line_of("SigBlk:\t"));
  SAY("ignored %s", line_of("SigIgn:\t"));
  SAY("caught %s", line_of("SigCgt:\t"));
  SAY("pending %s %s", line_of("SigPnd:\t"), line_of("ShdPnd:\t"));
  signal(SIGUSR1, SIG_IGN);
  sigprocmask(SIG_UNBLOCK, &set, NULL);
  prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
  slurp("/proc/self/status");
  SAY("no new privileges %s", line_of("NoNewPrivs:\t"));
}

static void numbers(void) {
  CASE("numbers");
  slurp("/proc/self/stat");
  int pid, ppid, group, session, tty, foreground;
  char name[32], state;
  int n = sscanf(text, "%d (%31[^)]) %c %d %d %d %d %d", &pid, name, &state, &ppid, &group, &session, &tty, &foreground);
  SAY("%d fields: %s %c %d %d %d %d tty %d %d", n, name, state, pid == getpid(), ppid == getppid(), group == getpgrp(), session == getsid(0), tty, foreground);
  int fields = 1;
  for (char *p = strrchr(text, ')'); *p; p++) fields += *p == ' ';
  SAY("%d fields in all", fields + 1);
  slurp("/proc/self/statm");
  long size, resident, shared, code, library, data, dirty;
  n = sscanf(text, "%ld %ld %ld %ld %ld %ld %ld", &size, &resident, &shared, &code, &library, &data, &dirty);
  SAY("%d: %d %d %d %ld %ld", n, size >= resident, resident >= shared, code > 0, library, dirty);
  struct rlimit limit = {123, 456};
  setrlimit(RLIMIT_NOFILE, &limit);
  slurp("/proc/self/limits");
  SAY("%s", line_of("Limit"));
  SAY("files %s", line_of("Max open files"));
}

static void names(char **argv) {
  CASE("names");
  char path[4096], target[4096];
  int n = readlink("/proc/self/exe", path, sizeof path - 1);
  path[n < 0 ? 0 : n] = 0;
  SAY("exe: %d", realpath(argv[0], target) != NULL && strcmp(path, target) == 0);
  n = readlink("/proc/self/cwd", path, sizeof path - 1);
  path[n < 0 ? 0 : n] = 0;
  SAY("cwd: %d", getcwd(target, sizeof target) != NULL && strcmp(path, target) == 0);
  T(readlink("/proc/self/root", path, sizeof path));
  n = readlink("/proc/self", path, sizeof path - 1);
  path[n] = 0;
  SAY("self: %d", atoi(path) == getpid());
  n = readlink("/proc/thread-self", path, sizeof path - 1);
  path[n] = 0;
  snprintf(target, sizeof target, "%d/task/%d", getpid(), (int)syscall(SYS_gettid));
  SAY("thread-self: %d", strcmp(path, target) == 0);
  n = slurp("/proc/self/cmdline");
  SAY("cmdline: %d %d", n == (int)strlen(argv[0]) + 1, strcmp(text, argv[0]) == 0);
  T(slurp("/proc/self/environ"));
  SAY("environ: %s", text);
  T(slurp("/proc/self/comm"));
  T(put("/proc/self/comm", "a-very-long-name-indeed"));
  slurp("/proc/self/comm");
  SAY("comm: %s", line_of(""));
  T(slurp("/proc/self/auxv") % 16);
  unsigned long *pair = (unsigned long *)text;
  int agreed = 1;
  for (; pair[0] != AT_NULL; pair += 2)
    /* The C library changes what it says of the hardware. */
    if (pair[0] != AT_HWCAP && pair[0] != AT_HWCAP2 && pair[0] != AT_PLATFORM && getauxval(pair[0]) != pair[1]) agreed = 0;
  SAY("auxv: %d", agreed);
  struct stat a, b;
  stat("/proc/self/root", &a);
  stat("/", &b);
  SAY("root: %d", a.st_ino == b.st_ino && a.st_dev == b.st_dev);
  T(readlink("/proc/self/nothing", path, sizeof path));
  OK(open("/proc/self/exe", O_RDONLY));
  OK(open("/proc/self/cwd/../proc/version", O_RDONLY));
}

static void descriptor_link(const char *what, int fd) {
  char path[64], target[256];
  snprintf(path, sizeof path, "/proc/self/fd/%d", fd);
  int n = readlink(path, target, sizeof target - 1);
  target[n < 0 ? 0 : n] = 0;
  struct stat st, through;
  fstat(fd, &st);
  char *bracket = strchr(target, '[');
  int matches = bracket != NULL && strtoul(bracket + 1, NULL, 10) == st.st_ino;
  if (matches) bracket[1] = 0;
  lstat(path, &through);
  SAY("%s: %s%s mode %o size %d", what, target, matches ? "N]" : "", through.st_mode, (int)through.st_size);
  int again = open(path, O_RDONLY | O_NONBLOCK);
  if (again < 0) SAY("%s: opened again: error %d", what, errno);
  else SAY("%s: opened again", what);
  if (again >= 0) close(again);
}

static void descriptors(void) {
  CASE("descriptors");
  fresh_directory("proc");
  int fds[2];
  int file = open("file", O_CREAT | O_RDWR, 0644);
  write(file, "contents", 8);
  unlink("file");
  char path[64], buffer[64];
  snprintf(path, sizeof path, "/proc/self/fd/%d", file);
  int n = readlink(path, text, sizeof text);
  SAY("a deleted file: %.*s", 15, text + n - 15);
  int again = open(path, O_RDONLY);
  SAY("opened again: %.*s", (int)read(again, buffer, sizeof buffer), buffer);
  close(again);
  pipe(fds);
  descriptor_link("pipe", fds[0]);
  descriptor_link("write end", fds[1]);
  descriptor_link("eventfd", eventfd(0, 0));
  descriptor_link("epoll", epoll_create1(0));
  int place = open("/dev/null", O_PATH);
  descriptor_link("place", place);
  T(readlink("/proc/self/fd/999", buffer, sizeof buffer));
  T(readlink("/proc/self/fd/01", buffer, sizeof buffer));
  T(open("/proc/self/fd/-1", O_RDONLY));
  int count = 0;
  DIR *directory = opendir("/proc/self/fd");
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) count += entry->d_name[0] != '.' && entry->d_type == DT_LNK;
  int open_descriptors = 0;
  for (int fd = 0; fd < 1024; fd++) open_descriptors += fcntl(fd, F_GETFD) >= 0;
  SAY("as many names as descriptors: %d", count == open_descriptors);
  lseek(file, 5, SEEK_SET);
  fcntl(file, F_SETFL, O_APPEND);
  fcntl(file, F_SETFD, FD_CLOEXEC);
  snprintf(path, sizeof path, "/proc/self/fdinfo/%d", file);
  slurp(path);
  SAY("pos %s flags %s", line_of("pos:\t"), line_of("flags:\t"));
}

static void memory(void) {
  CASE("memory");
  static volatile long variable = 0x1122334455667788;
  static const long constant = 42;
  long value = 0;
  int fd = open("/proc/self/mem", O_RDWR);
  T(pread(fd, &value, 8, (long)&variable));
  SAY("%lx", value);
  value = 7;
  T(pwrite(fd, &value, 8, (long)&variable));
  SAY("%lx", variable);
  T(pread(fd, &value, 8, 16));
  T(pwrite(fd, &value, 8, 16));
  value = 43;
  T(pwrite(fd, &value, 8, (long)&constant));
  SAY("a constant: %ld", *(volatile const long *)&constant);
  char *page = mmap(NULL, 8192, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  T(pwrite(fd, "hidden", 6, (long)page));
  char buffer[8192];
  T(pread(fd, buffer, 8192, (long)page));
  SAY("%.6s", buffer);
  munmap(page + 4096, 4096);
  T(pread(fd, buffer, 8192, (long)page));
  T(lseek(fd, (long)&variable, SEEK_SET) == (long)&variable);
  T(read(fd, &value, 4));
  T(lseek(fd, 0, SEEK_END));
  T(pread(fd, buffer, 8, 1L << 62));
  close(fd);
}

static void mappings(void) {
  CASE("mappings");
  void *at = (void *)0x123450000;
  mmap(at, 8192, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED, -1, 0);
  mprotect((char *)at + 4096, 4096, PROT_READ);
  slurp("/proc/self/maps");
  SAY("first: %s", line_of("123450000-123451000"));
  SAY("second: %s", line_of("123451000-123452000"));
  SAY("heap %d stack %d program %d", strstr(text, "[heap]\n") != NULL, strstr(text, "[stack]\n") != NULL, strstr(text, "r-xp") != NULL);
  int fd = open("/dev/zero", O_RDWR);
  void *shared = mmap(NULL, 4096, PROT_READ, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  char key[64];
  slurp("/proc/self/maps");
  snprintf(key, sizeof key, "%lx-%lx ", (long)shared, (long)shared + 4096);
  const char *line = line_of(key);
  SAY("shared: %.14s ... %s", line, strchr(line, '/'));
  close(fd);
  /* Small reads continue where the last one ended, also when mappings come and go. */
  fd = open("/proc/self/maps", O_RDONLY);
  char one[2];
  long total = 0;
  while (read(fd, one, 1) == 1) total++;
  SAY("byte by byte as long: %d", total == slurp("/proc/self/maps"));
  T(lseek(fd, 0, SEEK_SET));
  T(read(fd, one, 1));
  T(lseek(fd, -5, SEEK_SET));
  T(lseek(fd, 0, SEEK_END));
  close(fd);
  slurp("/proc/self/smaps");
  SAY("smaps: %d %d", strstr(text, "VmFlags: ") != NULL, strstr(text, "\nRss: ") != NULL);
}

static void *thread(void *argument) {
  struct gate *gates = argument;
  prctl(PR_SET_NAME, "worker");
  gate_open(gates[1]);
  gate_pass(gates[0]);
  return NULL;
}

static void threads(void) {
  CASE("threads");
  struct gate gates[2] = {new_gate(), new_gate()};
  pthread_t id;
  pthread_create(&id, NULL, thread, gates);
  gate_pass(gates[1]);
  DIR *directory = opendir("/proc/self/task");
  int count = 0;
  char path[300], name[64] = "";
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    if (entry->d_name[0] == '.') continue;
    count++;
    if (atoi(entry->d_name) != getpid()) snprintf(name, sizeof name, "%.20s", entry->d_name);
  }
  SAY("%d threads", count);
  snprintf(path, sizeof path, "/proc/self/task/%s/comm", name);
  slurp(path);
  SAY("the other is %s", line_of(""));
  snprintf(path, sizeof path, "/proc/self/task/%s/status", name);
  for (int i = 0; i < 400; i++) {
    slurp(path);
    if (line_of("State:\t")[0] == 'S') break;
    sleep_ms(5);
  }
  SAY("its process is ours: %d, threads %s, state %s", number_of("Tgid:\t") == getpid(), line_of("Threads:\t"), line_of("State:\t"));
  snprintf(path, sizeof path, "/proc/%s/comm", name);
  SAY("by its own number: %d", slurp(path));
  T(open("/proc/self/task/1", O_RDONLY));
  gate_open(gates[0]);
  pthread_join(id, NULL);
  /* On Linux it is joined a moment before it is gone. */
  snprintf(path, sizeof path, "/proc/self/task/%s", name);
  for (int i = 0; i < 4000 && access(path, F_OK) == 0; i++) sleep_ms(5);
  T(access(path, F_OK));
}

static void settings(void) {
  CASE("settings");
  T(slurp("/proc/self/oom_score_adj"));
  T(put("/proc/self/oom_score_adj", "500"));
  slurp("/proc/self/oom_score_adj");
  SAY("%s", line_of(""));
  T(put("/proc/self/oom_score_adj", "1001"));
  T(put("/proc/self/oom_score_adj", "x"));
  T(put("/proc/self/oom_score_adj", " 600\n"));
  slurp("/proc/self/oom_adj");
  SAY("%s", line_of(""));
  T(put("/proc/self/status", "x"));
  T(put("/proc/self/maps", "x"));
  IN_CHILD({
    slurp("/proc/self/oom_score_adj");
    SAY("a child has %s", line_of(""));
    drop_privileges();
    T(put("/proc/self/oom_score_adj", "100"));
  });
}

static void no_files(void) {
  CASE("no files");
  T(mkdir("/proc/x", 0755));
  T(open("/proc/x", O_CREAT | O_RDWR, 0644));
  T(unlink("/proc/version"));
  T(rmdir("/proc/self"));
  T(symlink("x", "/proc/self/x"));
  T(rename("/proc/version", "/proc/x"));
  T(chmod("/proc/self/status", 0777));
  T(open("/proc/0", O_RDONLY));
  T(open("/proc/01", O_RDONLY));
  T(open("/proc/4000000", O_RDONLY));
  T(open("/proc/999999999999", O_RDONLY));
  struct stat st;
  T(stat("/proc/self/status", &st));
  SAY("%o %d %d", st.st_mode, (int)st.st_size, (int)st.st_nlink);
  T(stat("/proc/self", &st));
  SAY("%o uid %d", st.st_mode, st.st_uid == geteuid());
  T(lstat("/proc/self", &st));
  SAY("%o", st.st_mode);
}

int main(int argc, char **argv) {
  (void)argc;
  setsid();
  status();
  names(argv);
  descriptors();
  numbers();
  memory();
  mappings();
  threads();
  settings();
  no_files();
  return 0;
}
