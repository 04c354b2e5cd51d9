// covers: openat(EACCES EEXIST ENOENT) read(EISDIR) write poll epoll_ctl(EPERM) newfstatat uname
// Files of /proc and /sys about the system: their form, and what may be changed.
#include "../vfs/calls.h"
#include <ctype.h>
#include <poll.h>
#include <sys/epoll.h>
#include <sys/sysinfo.h>
#include <sys/utsname.h>

static char text[1 << 17];

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
static int put(const char *path, const char *what) {
  int fd = open(path, O_WRONLY);
  if (fd < 0) return -errno;
  int n = write(fd, what, strlen(what));
  if (n < 0) n = -errno;
  close(fd);
  return n;
}
static int has(const char *what) { return strstr(text, what) != NULL; }

static void forms(void) {
  CASE("forms");
  slurp("/proc/meminfo");
  SAY("meminfo %d %d %d", has("MemTotal: "), has("\nMemAvailable: "), has("\nSwapFree: "));
  slurp("/proc/stat");
  SAY("stat %d %d %d %d", strncmp(text, "cpu  ", 5) == 0, has("\ncpu0 "), has("\nbtime "), has("\nprocs_running "));
  slurp("/proc/cpuinfo");
  int processors = 0;
  for (char *p = text; (p = strstr(p, "processor\t: ")) != NULL; p++) processors++;
  SAY("cpuinfo %d", processors == get_nprocs_conf());
  slurp("/proc/uptime");
  double up, idle;
  SAY("uptime %d", sscanf(text, "%lf %lf", &up, &idle) == 2 && up >= 0);
  slurp("/proc/loadavg");
  float a, b, c;
  int running, total, last;
  SAY("loadavg %d", sscanf(text, "%f %f %f %d/%d %d", &a, &b, &c, &running, &total, &last));
  slurp("/proc/version");
  SAY("version %d", strncmp(text, "Linux version ", 14) == 0);
  struct utsname names;
  uname(&names);
  slurp("/proc/sys/kernel/osrelease");
  SAY("release %d", strncmp(text, names.release, strlen(names.release)) == 0 && text[strlen(names.release)] == '\n');
  slurp("/proc/sys/kernel/hostname");
  SAY("host name %d", strncmp(text, names.nodename, strlen(names.nodename)) == 0);
  slurp("/proc/filesystems");
  SAY("filesystems %d %d", has("nodev\tproc\n"), has("nodev\ttmpfs\n"));
  slurp("/proc/mounts");
  SAY("mounts %d", has(" /proc proc "));
  slurp("/proc/self/mountinfo");
  SAY("mountinfo %d", has(" - proc proc "));
  slurp("/proc/devices");
  SAY("devices %d %d", has("Character devices:\n  1 mem\n"), has("\nBlock devices:\n"));
  slurp("/proc/swaps");
  SAY("swaps %d", has("Filename\t"));
  slurp("/proc/vmstat");
  SAY("vmstat %d", has("nr_free_pages "));
  slurp("/proc/net/dev");
  SAY("net/dev %d", has("    lo: "));
  slurp("/proc/sys/kernel/random/uuid");
  int form = strlen(text) == 37;
  for (int i = 0; i < 36; i++) form &= i == 8 || i == 13 || i == 18 || i == 23 ? text[i] == '-' : isxdigit((unsigned char)text[i]) != 0;
  SAY("uuid %d", form);
  static char before[64];
  snprintf(before, sizeof before, "%.40s", text);
  slurp("/proc/sys/kernel/random/uuid");
  SAY("another %d", strcmp(text, before) != 0);
  slurp("/proc/sys/kernel/random/boot_id");
  snprintf(before, sizeof before, "%.40s", text);
  slurp("/proc/sys/kernel/random/boot_id");
  SAY("the same %d", strcmp(text, before) == 0);
  slurp("/proc/sys/kernel/random/entropy_avail");
  SAY("entropy %s", text);
}

static void values(void) {
  CASE("values");
  const char *paths[] = {"kernel/ostype", "kernel/ngroups_max", "kernel/overflowuid", "fs/nr_open", "fs/overflowuid", "vm/overcommit_ratio", "net/ipv4/ip_forward"};
  for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
    char path[64];
    snprintf(path, sizeof path, "/proc/sys/%s", paths[i]);
    int n = slurp(path);
    if (n > 0) text[n - 1] = 0;
    SAY("%s = %s", paths[i], text);
  }
  T(slurp("/proc/sys/kernel/nothing"));
  T(slurp("/proc/sys"));
  T(put("/proc/sys/kernel/ostype", "x"));
  IN_CHILD({
    drop_privileges();
    T(put("/proc/sys/vm/overcommit_memory", "1"));
    T(put("/proc/sys/kernel/hostname", "x"));
    T(slurp("/proc/sys/kernel/hostname") > 0);
  });
}

static int events(const char *path) {
  int fd = open(path, O_RDONLY);
  struct pollfd p = {fd, POLLIN | POLLOUT | POLLPRI, 0};
  poll(&p, 1, 0);
  close(fd);
  return p.revents;
}

static void polling(void) {
  CASE("polling");
  int ep = epoll_create1(0);
  struct epoll_event event = {EPOLLIN, {0}};
  const char *paths[] = {"/proc/self/maps", "/proc/meminfo", "/proc/self/mounts", "/proc/sys/kernel/ostype", "/sys/devices/system/cpu/online"};
  for (unsigned i = 0; i < sizeof paths / sizeof *paths; i++) {
    int fd = open(paths[i], O_RDONLY);
    errno = 0;
    int n = epoll_ctl(ep, EPOLL_CTL_ADD, fd, &event);
    SAY("%s: %d error %d", paths[i], n, errno);
    close(fd);
  }
  SAY("mounts: %x", events("/proc/self/mounts"));
  SAY("maps: %x", events("/proc/self/maps"));
}

static void sys(void) {
  CASE("sys");
  const char *directories[] = {"block", "bus", "class", "dev", "devices", "firmware", "fs", "kernel", "module", "power", "devices/system/cpu/cpu0", "class/net/lo", "kernel/mm/transparent_hugepage"};
  for (unsigned i = 0; i < sizeof directories / sizeof *directories; i++) {
    char path[96];
    struct stat st;
    snprintf(path, sizeof path, "/sys/%s", directories[i]);
    SAY("%s %d", directories[i], stat(path, &st) == 0 && S_ISDIR(st.st_mode));
  }
  slurp("/sys/devices/system/cpu/online");
  char expected[32];
  int cpus = get_nprocs_conf();
  if (cpus == 1) snprintf(expected, sizeof expected, "0\n");
  else snprintf(expected, sizeof expected, "0-%d\n", cpus - 1);
  SAY("online %d", strcmp(text, expected) == 0);
  slurp("/sys/devices/system/cpu/possible");
  SAY("possible %d", text[0] == '0');
  slurp("/sys/kernel/mm/transparent_hugepage/enabled");
  SAY("huge pages %d", has("[") && has("madvise"));
  T(open("/sys/devices/system/cpu/online", O_CREAT | O_EXCL, 0644));
  T(mkdir("/sys/x", 0755));
  struct stat st;
  T(stat("/sys/devices/system/cpu/online", &st));
  SAY("%o %d", st.st_mode, (int)st.st_size);
  T(lstat("/sys/class/net/lo", &st));
  SAY("%o", st.st_mode & S_IFMT);
}

int main(void) {
  forms();
  values();
  polling();
  sys();
  return 0;
}
