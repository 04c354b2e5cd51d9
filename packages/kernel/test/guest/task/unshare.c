// covers: unshare(EINVAL EPERM)
// What a process can take for itself.
#include "../processes.h"
#include <fcntl.h>

static struct gate ready, go;

static void *sharer(void *argument) {
  int fd = *(int *)argument;
  char cwd[64];
  T(unshare(CLONE_FILES));
  T(close(fd));
  T(unshare(CLONE_FS));
  T(chdir("/"));
  umask(0111);
  SAY("thread in %s", getcwd(cwd, sizeof cwd));
  return NULL;
}
static void *waiter(void *argument) {
  gate_open(ready);
  gate_pass(go);
  return argument;
}

int main(void) {
  CASE("alone");
  T(unshare(0));
  T(unshare(CLONE_FS | CLONE_FILES | CLONE_SYSVSEM));
  T(unshare(CLONE_THREAD));
  T(unshare(CLONE_SIGHAND));
  T(unshare(CLONE_VM));
  T(unshare(CLONE_PARENT));
  T(unshare(CLONE_PTRACE));
  T(unshare(0x1000000));
  T(unshare(-1));

  CASE("threads");
  umask(022);
  if (chdir("/tmp") < 0) return 1;
  int fd = dup(1);
  pthread_t thread;
  pthread_create(&thread, NULL, sharer, &fd);
  pthread_join(thread, NULL);
  T(fcntl(fd, F_GETFD));
  char cwd[64];
  SAY("in %s, umask %o", getcwd(cwd, sizeof cwd), umask(022));
  ready = new_gate();
  go = new_gate();
  pthread_create(&thread, NULL, waiter, NULL);
  gate_pass(ready);
  T(unshare(CLONE_THREAD));
  T(unshare(CLONE_VM));
  T(unshare(CLONE_SIGHAND));
  T(unshare(CLONE_FILES));
  gate_open(go);
  pthread_join(thread, NULL);

  CASE("processes");
  say_end("namespaces without privilege", CHILD({
            drop_privileges();
            T(unshare(CLONE_NEWUTS));
            T(unshare(CLONE_NEWIPC));
            T(unshare(CLONE_NEWNET));
            T(unshare(CLONE_NEWPID));
            T(unshare(CLONE_NEWNS));
          }));
  return 0;
}
