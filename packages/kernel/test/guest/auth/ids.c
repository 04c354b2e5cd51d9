// covers: getuid geteuid getgid getegid setuid(EINVAL EPERM) setgid(EINVAL EPERM) setreuid(EPERM) setregid(EPERM) setresuid(EPERM) setresgid(EPERM) getresuid(EFAULT) getresgid(EFAULT) setfsuid setfsgid clone chown(EPERM) chmod openat(EACCES) kill(EPERM) access(EACCES)
// User and group ids: what the calls change for root and for others, and what they refuse.
#include "../processes.h"

static void ids(const char *what) {
  uid_t ruid = 1, euid = 1, suid = 1;
  gid_t rgid = 1, egid = 1, sgid = 1;
  syscall(SYS_getresuid, &ruid, &euid, &suid);
  syscall(SYS_getresgid, &rgid, &egid, &sgid);
  SAY("%s: uid %d %d %d fs %ld, gid %d %d %d fs %ld; %d %d %d %d", what, ruid, euid, suid, syscall(SYS_setfsuid, -1), rgid, egid, sgid,
      syscall(SYS_setfsgid, -1), getuid() == ruid, geteuid() == euid, getgid() == rgid, getegid() == egid);
}
/* Runs the code in a child, as root or with the real, effective and saved ids. */
#define AS_ROOT(what, ...) say_end(what, CHILD(__VA_ARGS__))
#define AS(what, r, e, s, ...)                                                \
  say_end(what, CHILD({                                                       \
            if (syscall(SYS_setresgid, r, e, s) < 0 || syscall(SYS_setresuid, r, e, s) < 0) SAY("cannot become %d", r); \
            __VA_ARGS__;                                                      \
          }))

static void queries(void) {
  CASE("getresuid");
  uid_t id;
  T(syscall(SYS_getresuid, &id, &id, &id));
  T(syscall(SYS_getresuid, 8, &id, &id));
  T(syscall(SYS_getresuid, &id, 8, &id));
  T(syscall(SYS_getresuid, &id, &id, 8));
  CASE("getresgid");
  T(syscall(SYS_getresgid, &id, &id, &id));
  T(syscall(SYS_getresgid, &id, &id, 8));
  T(syscall(SYS_getresgid, 8, 8, 8));
  ids("at the start");
}

static void set_one(void) {
  CASE("setuid");
  AS_ROOT("root", T(syscall(SYS_setuid, 1000)); ids("all three"); T(syscall(SYS_setuid, 0)); T(syscall(SYS_setuid, 1000)));
  AS_ROOT("no id", T(syscall(SYS_setuid, -1)); ids("as before"));
  AS("real", 1000, 1001, 1002, T(syscall(SYS_setuid, 1000)); ids("effective only"));
  AS("saved", 1000, 1001, 1002, T(syscall(SYS_setuid, 1002)); ids("effective only"));
  AS("effective", 1000, 1001, 1002, T(syscall(SYS_setuid, 1001)); ids("as before"));
  AS("other", 1000, 1001, 1002, T(syscall(SYS_setuid, 1003)); ids("as before"));
  CASE("setgid");
  AS_ROOT("root", T(syscall(SYS_setgid, 1000)); ids("all three"); T(syscall(SYS_setgid, 0)));
  AS_ROOT("no id", T(syscall(SYS_setgid, -1)));
  AS("real", 1000, 1001, 1002, T(syscall(SYS_setgid, 1000)); ids("effective only"));
  AS("saved", 1000, 1001, 1002, T(syscall(SYS_setgid, 1002)); ids("effective only"));
  AS("effective", 1000, 1001, 1002, T(syscall(SYS_setgid, 1001)); ids("as before"));
  AS("other", 1000, 1001, 1002, T(syscall(SYS_setgid, 1003)));
}

static void set_two(void) {
  CASE("setreuid");
  AS_ROOT("both", T(syscall(SYS_setreuid, 1000, 1001)); ids("saved follows"));
  AS_ROOT("real only", T(syscall(SYS_setreuid, 1000, -1)); ids("saved is the effective"));
  AS_ROOT("effective only", T(syscall(SYS_setreuid, -1, 1001)); ids("saved follows"));
  AS_ROOT("neither", T(syscall(SYS_setreuid, -1, -1)); ids("as before"));
  AS("swap", 1000, 1001, 1002, T(syscall(SYS_setreuid, 1001, 1000)); ids("swapped"));
  AS("effective is the real", 1000, 1001, 1002, T(syscall(SYS_setreuid, -1, 1000)); ids("saved stays"));
  AS("effective is the saved", 1000, 1001, 1002, T(syscall(SYS_setreuid, -1, 1002)); ids("saved"));
  AS("real is the saved", 1000, 1001, 1002, T(syscall(SYS_setreuid, 1002, -1)); ids("as before"));
  AS("other", 1000, 1001, 1002, T(syscall(SYS_setreuid, -1, 1003)); T(syscall(SYS_setreuid, 1003, -1)));
  CASE("setregid");
  AS_ROOT("both", T(syscall(SYS_setregid, 1000, 1001)); ids("saved follows"));
  AS_ROOT("real only", T(syscall(SYS_setregid, 1000, -1)); ids("saved is the effective"));
  AS("swap", 1000, 1001, 1002, T(syscall(SYS_setregid, 1001, 1000)); ids("swapped"));
  AS("effective is the saved", 1000, 1001, 1002, T(syscall(SYS_setregid, -1, 1002)); ids("saved"));
  AS("real is the saved", 1000, 1001, 1002, T(syscall(SYS_setregid, 1002, -1)); ids("saved"));
  AS("other", 1000, 1001, 1002, T(syscall(SYS_setregid, -1, 1003)); T(syscall(SYS_setregid, 1003, -1)));
}

static void set_three(void) {
  CASE("setresuid");
  AS_ROOT("all", T(syscall(SYS_setresuid, 1000, 1001, 1002)); ids("all"));
  AS_ROOT("none", T(syscall(SYS_setresuid, -1, -1, -1)); ids("none"));
  AS("rotate", 1000, 1001, 1002, T(syscall(SYS_setresuid, 1001, 1002, 1000)); ids("rotated"));
  AS("one foreign", 1000, 1001, 1002, T(syscall(SYS_setresuid, 1001, 1002, 1003)); ids("as before"));
  AS("root", 1000, 1001, 1002, T(syscall(SYS_setresuid, 0, -1, -1)); T(syscall(SYS_setresuid, -1, 0, -1)); T(syscall(SYS_setresuid, -1, -1, 0)));
  CASE("saved root");
  AS_ROOT("comes back", T(syscall(SYS_setresuid, 1000, 1001, 0)); T(syscall(SYS_setresuid, -1, 0, -1)); ids("root again");
          T(syscall(SYS_setresuid, 7, 8, 9)); ids("anything"));
  CASE("setresgid");
  AS_ROOT("all", T(syscall(SYS_setresgid, 1000, 1001, 1002)); ids("all"));
  AS("rotate", 1000, 1001, 1002, T(syscall(SYS_setresgid, 1001, 1002, 1000)); ids("rotated"));
  AS("one foreign", 1000, 1001, 1002, T(syscall(SYS_setresgid, 1001, 1002, 1003)); T(syscall(SYS_setresgid, -1, -1, 0)); ids("as before"));
}

static void set_fs(void) {
  CASE("setfsuid");
  AS_ROOT("root", T(syscall(SYS_setfsuid, 1000)); ids("only fs"); T(syscall(SYS_setfsuid, 0)); T(syscall(SYS_setfsuid, 7)));
  AS("other", 1000, 1001, 1002, T(syscall(SYS_setfsuid, 1000)); T(syscall(SYS_setfsuid, 1003)); T(syscall(SYS_setfsuid, 1002)); ids("refused silently"));
  AS_ROOT("follows the effective", T(syscall(SYS_setfsuid, 1000)); T(syscall(SYS_setresuid, -1, 1001, -1)); ids("follows"));
  CASE("setfsgid");
  AS_ROOT("root", T(syscall(SYS_setfsgid, 1000)); ids("only fs"));
  AS("other", 1000, 1001, 1002, T(syscall(SYS_setfsgid, 1002)); T(syscall(SYS_setfsgid, 5)); ids("refused silently"));
}

/* What ids are for: files made, files opened, signals sent. */
static void effects(void) {
  CASE("files");
  make_file("secret", "x");
  chown("secret", 1000, 1000);
  chmod("secret", 0600);
  chmod(".", 0777);
  struct stat st;
  AS("owner", 1000, 1000, 1000, OK(open("secret", O_RDONLY)); T(access("secret", R_OK)));
  AS("other", 1001, 1001, 1001, OK(open("secret", O_RDONLY)); T(access("secret", R_OK)));
  AS("access asks for the real id", 1000, 1001, 1001, OK(open("secret", O_RDONLY)); T(access("secret", R_OK)); T(faccessat(AT_FDCWD, "secret", R_OK, AT_EACCESS)));
  AS_ROOT("fsuid", syscall(SYS_setfsuid, 1001); OK(open("secret", O_RDONLY)); syscall(SYS_setfsuid, 1000); OK(open("secret", O_RDONLY)));
  AS_ROOT("made", syscall(SYS_setfsuid, 1001); syscall(SYS_setfsgid, 1002); make_file("made", "x"); stat("made", &st); SAY("%d %d", st.st_uid, st.st_gid));
  AS("chown", 1000, 1000, 1000, T(chown("secret", 1001, -1)); T(chown("secret", -1, 1001)); T(chown("secret", -1, 1000)));
  unlink("made");
  unlink("secret");
  CASE("signals");
  struct gate gate = new_gate();
  pid_t target = CHILD({
    setresuid(1000, 1001, 1002);
    gate_open(gate);
    pause();
  });
  gate_pass(gate);
  AS("stranger", 1003, 1003, 1003, T(kill(target, 0)); T(kill(target, SIGTERM)));
  AS("the same effective id", 1003, 1001, 1001, T(kill(target, 0)));
  AS("the same real id", 1000, 1003, 1003, T(kill(target, 0)));
  AS("the saved id", 1003, 1002, 1002, T(kill(target, 0)));
  AS_ROOT("root", T(kill(target, SIGTERM)));
  say_end("target", target);
}

/* Each thread has ids of its own; the C library's functions change those of all, the system calls of one. */
static void *become(void *unused) {
  (void)unused;
  T(syscall(SYS_setresuid, 1000, 1000, 1000));
  SAY("thread %d", getuid());
  return NULL;
}
static void threads(void) {
  CASE("threads");
  say_end("child", CHILD({
            pthread_t thread;
            pthread_create(&thread, NULL, become, NULL);
            pthread_join(thread, NULL);
            SAY("others %d", getuid());
            T(setresuid(1001, 1001, 1001));
            SAY("all %d", getuid());
          }));
}

int main(void) {
  fresh_directory("ids");
  queries();
  set_one();
  set_two();
  set_three();
  set_fs();
  effects();
  threads();
  return 0;
}
