// covers: execve prctl setresuid(EPERM) capget clone chown chmod openat access(ENOENT) setresgid
// oracle: vm
// What execve does to ids and capabilities: set-user-ID programs, root, ambient capabilities, no_new_privs.
#include "../processes.h"
#include <linux/capability.h>
#include <linux/securebits.h>
#include <sys/auxv.h>
#include <sys/stat.h>

static char program[256];
static struct __user_cap_data_struct data[2];

static void show(const char *what) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  uid_t ruid, euid, suid;
  gid_t rgid, egid, sgid;
  getresuid(&ruid, &euid, &suid);
  getresgid(&rgid, &egid, &sgid);
  syscall(SYS_capget, &header, data);
  SAY("%s: uid %d %d %d gid %d %d %d effective %x permitted %x inheritable %x ambient kill %d, keep %d, dumpable %d, secure %lu", what, ruid, euid,
      suid, rgid, egid, sgid, data[0].effective, data[0].permitted, data[0].inheritable,
      prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0), prctl(PR_GET_KEEPCAPS), prctl(PR_GET_DUMPABLE), getauxval(AT_SECURE));
}
static void set(uint32_t effective, uint32_t permitted, uint32_t inheritable) {
  struct __user_cap_header_struct header = {_LINUX_CAPABILITY_VERSION_3, 0};
  struct __user_cap_data_struct wanted[2] = {{effective, permitted, inheritable}, {0, 0, 0}};
  if (syscall(SYS_capset, &header, wanted) < 0) SAY("capset: %d", errno);
}
static void run(const char *what) {
  char *argv[] = {program, (char *)case_name, (char *)what, NULL};
  execve(program, argv, NULL);
  SAY("execve: error %d", errno);
}
static void copy_self(void) {
  static char bytes[1 << 20];
  int from = open("/proc/self/exe", O_RDONLY), to = open(program, O_CREAT | O_WRONLY, 0755);
  for (ssize_t n; (n = read(from, bytes, sizeof bytes)) > 0;)
    if (write(to, bytes, n) != n) SAY("cannot copy");
  close(from);
  close(to);
}
static void mode(uid_t uid, gid_t gid, mode_t bits) {
  chown(program, uid, gid);
  chmod(program, bits);
}
#define KILL (1u << CAP_KILL)

static void set_user_id(void) {
  CASE("plain");
  mode(0, 0, 0755);
  say_end("root", CHILD(run("root")));
  say_end("user", CHILD(setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); run("user")));
  say_end("effective", CHILD(setresuid(1000, 1001, 1002); run("saved becomes effective")));
  CASE("set-user-ID");
  mode(1001, 1002, 04755);
  say_end("user", CHILD(setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); run("user")));
  say_end("root", CHILD(run("root")));
  mode(0, 0, 04755);
  say_end("to root", CHILD(setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); run("to root")));
  say_end("no_new_privs", CHILD(setresuid(1000, 1000, 1000); prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0); run("no_new_privs")));
  CASE("set-group-ID");
  mode(1001, 1002, 02755);
  say_end("user", CHILD(setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); run("user")));
  mode(1001, 1002, 02745);
  say_end("without group execution", CHILD(setresuid(1000, 1000, 1000); run("only mandatory locking")));
  mode(1001, 1002, 06755);
  say_end("both", CHILD(setresgid(1000, 1000, 1000); setresuid(1000, 1000, 1000); run("both")));
}

static void capabilities(void) {
  CASE("capabilities");
  mode(0, 0, 0755);
  say_end("root gets all again", CHILD(set(0, 0, 0); run("root")));
  say_end("bounding set", CHILD(prctl(PR_CAPBSET_DROP, CAP_CHOWN, 0, 0, 0); run("all but one")));
  say_end("kept for one program", CHILD(prctl(PR_SET_KEEPCAPS, 1); setresuid(1000, 1000, 1000); show("before"); run("after")));
  say_end("ambient", CHILD({
            prctl(PR_SET_KEEPCAPS, 1);
            setresuid(1000, 1000, 1000);
            set(KILL, KILL, KILL);
            prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0);
            run("ambient");
          }));
  say_end("noroot", CHILD(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT); run("root is nobody")));
  say_end("inheritable alone", CHILD(set(KILL, KILL, KILL); setresuid(1000, 1000, 1000); run("inheritable alone")));
  CASE("dumpable");
  say_end("set again", CHILD(prctl(PR_SET_DUMPABLE, 0); run("set again")));
  mode(0, 0, 0711);
  say_end("unreadable", CHILD(setresuid(1000, 1000, 1000); run("unreadable program")));
}

int main(int argc, char **argv) {
  if (argc == 3) {
    case_name = argv[1];
    show(argv[2]);
    return 0;
  }
  fresh_directory("execute");
  chmod(".", 0777);
  snprintf(program, sizeof program, "/tmp/case-execute-%d/program", (int)getpid());
  copy_self();
  set_user_id();
  capabilities();
  unlink(program);
  return 0;
}
