// covers: clone mmap wait4 pipe2
#include "../case.h"
#include <sys/mman.h>

#define PAGES 600

static unsigned sum(const unsigned char *p) {
  unsigned total = 0;
  for (int i = 0; i < PAGES; i++) total = total * 31 + p[i * PAGE];
  return total;
}

int main(void) {
  unsigned char *private = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  unsigned char *shared = mmap(NULL, PAGES * PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  for (int i = 0; i < PAGES; i++) private[i * PAGE] = (unsigned char)i;
  unsigned before = sum(private);
  IN_CHILD("child", {
    say("child sees", "%d", sum(private) == before);
    for (int i = 0; i < PAGES; i += 3) private[i * PAGE] = 200;
    for (int i = 0; i < PAGES; i += 2) shared[i * PAGE] = (unsigned char)(i + 1);
    unsigned mine = sum(private);
    IN_CHILD("grandchild", {
      say("grandchild sees the child's", "%d", sum(private) == mine);
      memset(private, 0, PAGES * PAGE);
    });
    say("child keeps its own", "%d", sum(private) == mine);
  });
  say("parent keeps its own", "%d", sum(private) == before);
  int right = 1;
  for (int i = 0; i < PAGES; i++) right &= shared[i * PAGE] == (i % 2 == 0 ? (unsigned char)(i + 1) : 0);
  say("shared stores arrive", "%d", right);

  /* Parent and child store in turn; neither sees the other. */
  int go[2], done[2];
  char byte = 0;
  if (pipe(go) < 0 || pipe(done) < 0) return 1;
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    for (int round = 0; round < 20; round++) {
      if (read(go[0], &byte, 1) != 1) _exit(1);
      if (private[round * PAGE] != (unsigned char)round) _exit(2);
      private[round * PAGE] = 77;
      if (write(done[1], &byte, 1) != 1) _exit(1);
    }
    _exit(0);
  }
  int mixed = 0;
  for (int round = 0; round < 20; round++) {
    private[round * PAGE] = 99;
    if (write(go[1], &byte, 1) != 1 || read(done[0], &byte, 1) != 1) return 1;
    mixed |= private[round * PAGE] != 99;
  }
  int status;
  waitpid(child, &status, 0);
  say("in turn", "%d %d", mixed, WEXITSTATUS(status));

  /* Pages of a child that is gone are stored to without harm. */
  for (int i = 0; i < 5; i++) IN_CHILD("short child", private[0] = 1);
  memset(private, 4, PAGES * PAGE);
  say("after many children", "%d %d", private[0], private[(PAGES - 1) * PAGE]);
  return 0;
}
