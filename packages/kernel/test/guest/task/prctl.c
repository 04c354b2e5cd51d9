// covers: prctl(EFAULT EINVAL EPERM)
// Options of prctl that programs use, and what they refuse.
#include "../processes.h"
#include <linux/capability.h>
#include <linux/securebits.h>

static void names(void) {
  CASE("name");
  char name[17] = "";
  T(prctl(PR_SET_NAME, "short"));
  T(prctl(PR_GET_NAME, name));
  SAY("%s", name);
  T(prctl(PR_SET_NAME, "a name that is too long"));
  T(prctl(PR_GET_NAME, name));
  SAY("%s", name);
  T(prctl(PR_SET_NAME, ""));
  T(prctl(PR_GET_NAME, name));
  SAY("[%s]", name);
  T(prctl(PR_SET_NAME, 8));
  T(prctl(PR_GET_NAME, 8));
  prctl(PR_SET_NAME, "parent");
  say_end("child", CHILD({
            prctl(PR_GET_NAME, name);
            SAY("inherited %s", name);
          }));
}

static void death_signal(void) {
  CASE("pdeathsig");
  int signo = -1;
  T(prctl(PR_GET_PDEATHSIG, &signo));
  SAY("%d", signo);
  T(prctl(PR_SET_PDEATHSIG, SIGUSR1));
  T(prctl(PR_GET_PDEATHSIG, &signo));
  SAY("%d", signo);
  T(prctl(PR_SET_PDEATHSIG, 65));
  T(prctl(PR_SET_PDEATHSIG, -1));
  T(prctl(PR_GET_PDEATHSIG, 8));
  say_end("child", CHILD({
            prctl(PR_GET_PDEATHSIG, &signo);
            SAY("not inherited %d", signo);
          }));
  T(prctl(PR_SET_PDEATHSIG, 0));
  prctl(PR_SET_CHILD_SUBREAPER, 1);
  struct gate ready = new_gate(), go = new_gate();
  int words[2];
  if (pipe(words) < 0) return;
  pid_t middle = CHILD({
    pid_t inner = CHILD({
      sigset_t set;
      siginfo_t info;
      sigemptyset(&set);
      sigaddset(&set, SIGUSR2);
      sigprocmask(SIG_BLOCK, &set, NULL);
      pid_t parent = getppid();
      prctl(PR_SET_PDEATHSIG, SIGUSR2);
      gate_open(ready);
      sigwaitinfo(&set, &info);
      gate_pass(go);
      SAY("code %d from the parent %d", info.si_code, info.si_pid == parent);
      _exit(4);
    });
    gate_pass(ready);
    if (write(words[1], &inner, sizeof inner) < 0) _exit(1);
    gate_pass(go);
  });
  pid_t inner;
  if (read(words[0], &inner, sizeof inner) < 0) return;
  gate_open(go);
  say_end("middle", middle);
  gate_open(go);
  say_end("inner", inner);
  prctl(PR_SET_CHILD_SUBREAPER, 0);
}

static pid_t thread_child;
static struct gate thread_ready;
static void *short_lived(void *argument) {
  (void)argument;
  thread_child = fork();
  if (thread_child == 0) {
    prctl(PR_SET_PDEATHSIG, SIGTERM);
    gate_open(thread_ready);
    pause();
    _exit(0);
  }
  gate_pass(thread_ready);
  return NULL;
}

/* The parent is a thread: its exit counts, not that of the process. */
static void death_of_thread(void) {
  CASE("pdeathsig-thread");
  thread_ready = new_gate();
  pthread_t thread;
  pthread_create(&thread, NULL, short_lived, NULL);
  pthread_join(thread, NULL);
  say_end("child of a thread that ended", thread_child);
}

static void flags(void) {
  CASE("flags");
  int word = 7;
  T(prctl(PR_GET_DUMPABLE));
  T(prctl(PR_SET_DUMPABLE, 0));
  T(prctl(PR_GET_DUMPABLE));
  T(prctl(PR_SET_DUMPABLE, 2));
  T(prctl(PR_SET_DUMPABLE, 1));
  T(prctl(PR_GET_CHILD_SUBREAPER, &word));
  SAY("%d", word);
  T(prctl(PR_SET_CHILD_SUBREAPER, 1));
  T(prctl(PR_GET_CHILD_SUBREAPER, &word));
  SAY("%d", word);
  T(prctl(PR_GET_CHILD_SUBREAPER, 8));
  T(prctl(PR_SET_CHILD_SUBREAPER, 0));
  T(prctl(PR_GET_TIMERSLACK));
  T(prctl(PR_SET_TIMERSLACK, 1234));
  T(prctl(PR_GET_TIMERSLACK));
  say_end("child", CHILD({
            T(prctl(PR_GET_TIMERSLACK));
            T(prctl(PR_SET_TIMERSLACK, 77));
            T(prctl(PR_SET_TIMERSLACK, 0));
            T(prctl(PR_GET_TIMERSLACK));
          }));
  T(prctl(PR_SET_TIMERSLACK, 0));
  T(prctl(PR_GET_TIMERSLACK));
  T(prctl(PR_GET_TIMING));
  T(prctl(PR_SET_TIMING, 1));
  T(prctl(PR_GET_TSC, &word));
  SAY("%d", word);
  T(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  T(prctl(PR_SET_THP_DISABLE, 1, 0, 0, 0));
  T(prctl(PR_GET_THP_DISABLE, 0, 0, 0, 0));
  T(prctl(PR_GET_THP_DISABLE, 1, 0, 0, 0));
  T(prctl(PR_SET_THP_DISABLE, 0, 0, 0, 0));
  T(prctl(PR_GET_SECCOMP));
  T(prctl(PR_MCE_KILL_GET, 0, 0, 0, 0));
  T(prctl(PR_MCE_KILL_GET, 1, 0, 0, 0));
  T(prctl(99999));
  T(prctl(-1));
}

static void no_new_privs(void) {
  CASE("no-new-privs");
  say_end("child", CHILD({
            T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
            T(prctl(PR_GET_NO_NEW_PRIVS, 1, 0, 0, 0));
            T(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
            T(prctl(PR_SET_NO_NEW_PRIVS, 1, 1, 0, 0));
            T(prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0));
            T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0));
            T(prctl(PR_SET_NO_NEW_PRIVS, 0, 0, 0, 0));
            say_end("inherited", CHILD(T(prctl(PR_GET_NO_NEW_PRIVS, 0, 0, 0, 0))));
          }));
}

static void capabilities(void) {
  CASE("capabilities");
  T(prctl(PR_CAPBSET_READ, CAP_KILL));
  T(prctl(PR_CAPBSET_READ, 41));
  T(prctl(PR_CAPBSET_DROP, 41));
  T(prctl(PR_GET_KEEPCAPS));
  T(prctl(PR_SET_KEEPCAPS, 2));
  T(prctl(PR_GET_SECUREBITS));
  T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 0, 0));
  T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, 41, 0, 0));
  T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_IS_SET, CAP_KILL, 1, 0));
  T(prctl(PR_CAP_AMBIENT, 99, CAP_KILL, 0, 0));
  T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0));
  T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 1, 0, 0));
  say_end("child", CHILD({
            T(prctl(PR_SET_KEEPCAPS, 1));
            T(prctl(PR_GET_KEEPCAPS));
            drop_privileges();
            T(prctl(PR_SET_SECUREBITS, SECBIT_NOROOT));
            T(prctl(PR_CAPBSET_DROP, CAP_KILL));
            T(prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_KILL, 0, 0));
          }));
}

int main(void) {
  names();
  death_signal();
  death_of_thread();
  flags();
  no_new_privs();
  capabilities();
  return 0;
}
