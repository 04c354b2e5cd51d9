// covers: openat(EACCES ESRCH) read(EIO ESRCH) readlink(EACCES ENOENT) getdents64 access(ENOENT) kill(ESRCH) wait4
// Other processes under /proc: what one may see of them, and what is left when they end.
#include "../processes.h"
#include <dirent.h>

static char text[1 << 16];

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
static char path[300];
static const char *of(pid_t pid, const char *name) {
  snprintf(path, sizeof path, "/proc/%d/%s", pid, name);
  return path;
}
static const char *state(pid_t pid) {
  static char value[32];
  slurp(of(pid, "status"));
  char *line = strstr(text, "State:\t");
  snprintf(value, sizeof value, "%.*s", line == NULL ? 6 : (int)strcspn(line + 7, "\n"), line == NULL ? "(none)" : line + 7);
  return value;
}

static pid_t start(struct gate gate, int other_user) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    if (other_user) drop_privileges();
    prctl(PR_SET_NAME, "subject");
    if (other_user) prctl(PR_SET_DUMPABLE, 1);
    gate_pass(gate);
    _exit(3);
  }
  /* It waits at the gate when it sleeps, and has its name. */
  for (int i = 0; i < 400; i++) {
    const char *now = state(child);
    if (now[0] == 'S' && strstr(text, "Name:\tsubject") != NULL) break;
    sleep_ms(5);
  }
  return child;
}

/* What may be opened or read of a process. */
static void try(pid_t pid) {
  const char *files[] = {"status", "stat", "statm", "cmdline", "comm", "limits", "maps", "environ", "auxv", "mem", "io", "syscall", "personality", "wchan", "mounts", "oom_score", "cgroup", "loginuid"};
  for (unsigned i = 0; i < sizeof files / sizeof *files; i++) {
    int n = slurp(of(pid, files[i]));
    if (strcmp(files[i], "mem") == 0 && n == -EIO) n = 0;
    SAY("%s: %s %d", files[i], n < 0 ? "error" : "readable", n < 0 ? -n : 0);
  }
  const char *links[] = {"exe", "cwd", "root", "fd/0", "ns/mnt"};
  for (unsigned i = 0; i < sizeof links / sizeof *links; i++) {
    int n = readlink(of(pid, links[i]), text, sizeof text);
    SAY("%s: %s %d", links[i], n < 0 ? "error" : "link", n < 0 ? errno : 0);
    struct stat st;
    n = stat(path, &st);
    SAY("%s followed: %d", links[i], n < 0 ? errno : 0);
  }
  const char *directories[] = {"", "fd", "fdinfo", "task", "ns"};
  for (unsigned i = 0; i < sizeof directories / sizeof *directories; i++) {
    DIR *directory = opendir(of(pid, directories[i]));
    int count = 0;
    errno = 0;
    if (directory != NULL)
      while (readdir(directory) != NULL) count++;
    SAY("%s/: %s %d", directories[i], directory == NULL ? "closed" : "open", errno);
    if (directory != NULL) closedir(directory);
  }
}

static void permissions(void) {
  CASE("own child");
  struct gate gate = new_gate();
  pid_t child = start(gate, 0);
  SAY("%s", state(child));
  try(child);
  CASE("as another user");
  IN_CHILD({
    drop_privileges();
    try(child);
    struct stat st;
    T(stat(of(child, "status"), &st));
    T(open(of(child, "comm"), O_WRONLY));
  });
  gate_open(gate);
  CASE("own child");
  say_end("child", child);
  CASE("another user's process");
  child = start(gate, 1);
  struct stat st;
  T(stat(of(child, "status"), &st));
  SAY("owner %d", st.st_uid == 12345 || geteuid() != 0);
  IN_CHILD({
    drop_privileges();
    T(slurp(of(child, "environ")) >= 0);
    T(readlink(of(child, "cwd"), text, sizeof text) > 0);
  });
  int fd = open(of(child, "comm"), O_WRONLY);
  T(write(fd, "x", 1));
  close(fd);
  gate_open(gate);
  say_end("child", child);
}

static void ends(void) {
  CASE("ends");
  struct gate gate = new_gate();
  pid_t child = start(gate, 0);
  int status = open(of(child, "status"), O_RDONLY);
  int maps = open(of(child, "maps"), O_RDONLY);
  int mem = open(of(child, "mem"), O_RDONLY);
  int environment = open(of(child, "environ"), O_RDONLY);
  int directory = open(of(child, ""), O_RDONLY);
  int stopped = kill(child, SIGSTOP);
  for (int i = 0; i < 400 && state(child)[0] != 'T'; i++) sleep_ms(5);
  SAY("stopped %d: %s", stopped, state(child));
  kill(child, SIGCONT);
  gate_open(gate);
  for (int i = 0; i < 400 && state(child)[0] != 'Z'; i++) sleep_ms(5);
  SAY("zombie: %s", state(child));
  T(read(maps, text, 100));
  T(pread(mem, text, 8, (long)text));
  T(read(environment, text, 100));
  T(slurp(of(child, "cmdline")));
  T(slurp(of(child, "maps")));
  T(slurp(of(child, "comm")));
  SAY("%s", text);
  T(readlink(of(child, "exe"), text, sizeof text));
  T(readlink(of(child, "cwd"), text, sizeof text));
  DIR *names = opendir(of(child, "fd"));
  int count = 0;
  while (names != NULL && readdir(names) != NULL) count++;
  SAY("%d names in fd", count);
  if (names != NULL) closedir(names);
  say_end("child", child);
  T(read(status, text, 100));
  T(openat(directory, "status", O_RDONLY));
  T(access(of(child, ""), F_OK));
  T(kill(child, 0));
  lseek(directory, 0, SEEK_SET);
  struct stat st;
  T(fstat(directory, &st));
}

static void listing(void) {
  CASE("listing");
  struct gate gate = new_gate();
  pid_t child = start(gate, 0);
  DIR *directory = opendir("/proc");
  int mine = 0, children = 0, last = 0, sorted = 1, version = 0;
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) {
    int pid = atoi(entry->d_name);
    if (strcmp(entry->d_name, "version") == 0) version++;
    if (pid == 0) continue;
    mine += pid == getpid();
    children += pid == child;
    if (pid <= last || entry->d_type != DT_DIR) sorted = 0;
    last = pid;
  }
  SAY("found %d %d, sorted %d, others %d", mine, children, sorted, version);
  rewinddir(directory);
  gate_open(gate);
  say_end("child", child);
  for (struct dirent *entry; (entry = readdir(directory)) != NULL;) children -= atoi(entry->d_name) == child;
  SAY("afterwards %d", children);
  closedir(directory);
  T(slurp("/proc/1/comm") > 0);
}

int main(void) {
  setsid();
  permissions();
  ends();
  listing();
  return 0;
}
