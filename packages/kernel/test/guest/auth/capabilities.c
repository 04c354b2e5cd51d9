// covers: capget(EFAULT EINVAL ESRCH) capset(EFAULT EINVAL EPERM) prctl(EINVAL EPERM) setresuid(EPERM) setgroups(EPERM) clone chown(EPERM) chmod(EPERM) openat(EACCES) kill(EPERM) setresgid(EPERM) mknodat(EPERM) mount(EPERM) chroot(EPERM) sethostname(EPERM) clock_settime(EPERM) utimensat(EPERM)
// oracle: vm
// Capabilities: sets and their rules, what changes of ids and prctl do to them, what they allow. Takes a root that has them all.
#include "../processes.h"
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/mount.h>

typedef struct __user_cap_header_struct header_t;
typedef struct __user_cap_data_struct data_t;
static data_t data[2];

static long get(uint32_t version, pid_t pid) {
  header_t header = {version, pid};
  memset(data, 0, sizeof data);
  return syscall(SYS_capget, &header, data);
}
static void show(const char *what) {
  if (get(_LINUX_CAPABILITY_VERSION_3, 0) < 0) SAY("%s: error %d", what, errno);
  SAY("%s: effective %x:%08x permitted %x:%08x inheritable %x:%08x", what, data[1].effective, data[0].effective, data[1].permitted,
      data[0].permitted, data[1].inheritable, data[0].inheritable);
}
static long set(uint64_t effective, uint64_t permitted, uint64_t inheritable) {
  header_t header = {_LINUX_CAPABILITY_VERSION_3, 0};
  data_t wanted[2] = {{effective, permitted, inheritable}, {effective >> 32, permitted >> 32, inheritable >> 32}};
  return syscall(SYS_capset, &header, wanted);
}
#define BIT(cap) (1UL << (cap))
#define ALL 0x1ffffffffffUL

static void reading(void) {
  CASE("capget");
  T(get(_LINUX_CAPABILITY_VERSION_3, 0));
  SAY("%x %x", data[0].effective, data[1].effective);
  T(get(_LINUX_CAPABILITY_VERSION_2, 0));
  T(get(_LINUX_CAPABILITY_VERSION_1, 0));
  SAY("%x %x", data[0].effective, data[1].effective);
  header_t header = {0x12345678, 0};
  T(syscall(SYS_capget, &header, data));
  SAY("version %x", header.version);
  header.version = 0;
  T(syscall(SYS_capget, &header, NULL));
  SAY("version %x", header.version);
  T(syscall(SYS_capget, &header, NULL));
  T(get(_LINUX_CAPABILITY_VERSION_3, -1));
  T(get(_LINUX_CAPABILITY_VERSION_3, 1234567));
  T(get(_LINUX_CAPABILITY_VERSION_3, getpid()));
  T(syscall(SYS_capget, 8, data));
  T(syscall(SYS_capget, &header, 8));
  struct gate gate = new_gate();
  pid_t child = CHILD(set(BIT(CAP_KILL), BIT(CAP_KILL) | BIT(CAP_CHOWN), 0); gate_open(gate); pause());
  gate_pass(gate);
  T(get(_LINUX_CAPABILITY_VERSION_3, child));
  SAY("of a child: %x %x", data[0].effective, data[0].permitted);
  kill(child, SIGKILL);
  waitpid(child, NULL, 0);
}

static void setting(void) {
  CASE("capset");
  header_t header = {_LINUX_CAPABILITY_VERSION_3, 0};
  T(syscall(SYS_capset, 8, data));
  T(syscall(SYS_capset, &header, 8));
  header.version = 7;
  T(syscall(SYS_capset, &header, data));
  SAY("version %x", header.version);
  header = (header_t){_LINUX_CAPABILITY_VERSION_3, getppid()};
  T(syscall(SYS_capset, &header, data));
  say_end("rules", CHILD({
            T(set(BIT(CAP_KILL), BIT(CAP_CHOWN), 0));
            T(set(BIT(CAP_KILL), BIT(CAP_KILL) | BIT(CAP_CHOWN), BIT(CAP_CHOWN)));
            show("fewer");
            T(set(BIT(CAP_KILL), ALL, 0));
            T(set(0, BIT(CAP_KILL), BIT(CAP_CHOWN)));
            T(set(0, BIT(CAP_KILL), BIT(CAP_FOWNER)));
            show("fewest");
            T(set(BIT(CAP_KILL), BIT(CAP_KILL), 0));
            show("effective again");
            T(set(0, 0, 0));
            T(set(BIT(CAP_KILL), BIT(CAP_KILL), 0));
          }));
  say_end("unknown bits", CHILD(T(set(~0UL, ~0UL, 0)); show("cut")));
}

static void ids(void) {
  CASE("changes of ids");
  say_end("all ids", CHILD(T(setresuid(1000, 1000, 1000)); show("none left")));
  say_end("effective", CHILD(T(setresuid(-1, 1000, -1)); show("effective gone"); T(setresuid(-1, 0, -1)); show("back")));
  say_end("saved root", CHILD(T(setresuid(1000, 1000, 0)); show("permitted kept"); T(setresuid(-1, -1, 1000)); show("gone")));
  say_end("file system id", CHILD(set(ALL, ALL, 0); syscall(SYS_setfsuid, 1000); show("file capabilities gone"); syscall(SYS_setfsuid, 0); show("back")));
  CASE("PR_SET_KEEPCAPS");
  T(prctl(PR_GET_KEEPCAPS));
  T(prctl(PR_SET_KEEPCAPS, 2));
  say_end("kept", CHILD({
            T(prctl(PR_SET_KEEPCAPS, 1));
            T(prctl(PR_GET_KEEPCAPS));
            T(setresuid(1000, 1000, 1000));
            show("permitted kept");
            T(set(BIT(CAP_SETUID), ALL, 0));
            T(setresuid(0, 0, 0));
            show("root by CAP_SETUID");
          }));
  CASE("securebits");
  T(prctl(PR_GET_SECUREBITS));
  say_end("no fixup", CHILD({
            T(prctl(PR_SET_SECUREBITS, SECBIT_NO_SETUID_FIXUP));
            T(prctl(PR_GET_SECUREBITS));
            T(setresuid(1000, 1000, 1000));
            show("unchanged");
          }));
  say_end("locked", CHILD({
            T(prctl(PR_SET_SECUREBITS, SECBIT_KEEP_CAPS | SECBIT_NOROOT_LOCKED));
            T(prctl(PR_GET_KEEPCAPS));
            T(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
            T(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT_LOCKED));
            T(prctl(PR_SET_SECUREBITS, 0x10000));
          }));
  say_end("without CAP_SETPCAP", CHILD(setresuid(1000, 1000, 1000); T(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT)); T(prctl(PR_GET_SECUREBITS))));
}

static void bounding(void) {
  CASE("bounding set");
  T(prctl(PR_CAPBSET_READ, CAP_CHOWN));
  T(prctl(PR_CAPBSET_READ, CAP_LAST_CAP));
  T(prctl(PR_CAPBSET_READ, 41));
  T(prctl(PR_CAPBSET_READ, -1));
  say_end("dropped", CHILD({
            T(prctl(PR_CAPBSET_DROP, CAP_CHOWN));
            T(prctl(PR_CAPBSET_READ, CAP_CHOWN));
            T(prctl(PR_CAPBSET_DROP, 41));
            show("sets as before");
            T(set(ALL, ALL, BIT(CAP_KILL)));
            T(set(ALL, ALL, BIT(CAP_CHOWN)));
            setresuid(1000, 1000, 1000);
            T(prctl(PR_CAPBSET_DROP, CAP_KILL));
          }));
  CASE("ambient set");
  T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
  T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
  T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, 41, 0, 0));
  T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 1, 0));
  T(prctl(PR_CAP_AMBIENT, 9, CAP_KILL, 0, 0));
  T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
  say_end("raised", CHILD({
            T(set(ALL, ALL, BIT(CAP_KILL)));
            T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
            T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
            T(set(ALL, ALL, 0));
            T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
            set(ALL, ALL, BIT(CAP_KILL) | BIT(CAP_CHOWN));
            T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_CHOWN, 0, 0));
            T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_LOWER, CAP_CHOWN, 0, 0));
            T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_CHOWN, 0, 0));
            T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
            T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
            T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
          }));
}

/* One capability less, and the call that needs it. */
static void without(int cap) {
  if (set(ALL & ~BIT(cap), ALL, 0) == 0) return;
  SAY("cannot drop %d", cap);
  _exit(1);
}
#define WITHOUT(cap, ...) say_end(#cap, CHILD(without(cap); __VA_ARGS__))
static void needs(void) {
  CASE("needs");
  make_file("file", "x");
  chown("file", 1000, 1000);
  chmod("file", 0);
  pid_t other = CHILD(setresuid(1000, 1000, 1000); pause());
  while (get(_LINUX_CAPABILITY_VERSION_3, other) < 0 || data[0].permitted != 0) sleep_ms(1);
  WITHOUT(CAP_CHOWN, T(chown("file", 1, 1)));
  WITHOUT(CAP_DAC_OVERRIDE, OK(open("file", O_WRONLY)); OK(open("file", O_RDONLY)));
  WITHOUT(CAP_DAC_READ_SEARCH, OK(open("file", O_RDONLY)));
  WITHOUT(CAP_FOWNER, T(chmod("file", 0600)); T(utimensat(AT_FDCWD, "file", (struct timespec[2]){{1, 0}, {2, 0}}, 0)));
  WITHOUT(CAP_KILL, T(kill(other, 0)));
  WITHOUT(CAP_SETUID, T(setresuid(-1, 1000, -1)));
  WITHOUT(CAP_SETGID, T(setresgid(-1, 1000, -1)); T(syscall(SYS_setgroups, 0, NULL)));
  WITHOUT(CAP_SETPCAP, T(prctl(PR_CAPBSET_DROP, CAP_KILL)));
  WITHOUT(CAP_SYS_CHROOT, T(chroot(".")));
  WITHOUT(CAP_MKNOD, T(mknod("node", S_IFCHR | 0600, 0x103)));
  WITHOUT(CAP_SYS_NICE, T(nice(-5)));
  WITHOUT(CAP_SYS_ADMIN, T(sethostname("x", 1)); T(mount("none", ".", "tmpfs", 0, NULL)));
  WITHOUT(CAP_SYS_TIME, T(clock_settime(CLOCK_REALTIME, &(struct timespec){1, 0})));
  kill(other, SIGKILL);
  waitpid(other, NULL, 0);
}

int main(void) {
  fresh_directory("capabilities");
  reading();
  setting();
  ids();
  bounding();
  needs();
  return 0;
}
