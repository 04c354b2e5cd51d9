// covers: personality execve mmap mprotect
#include "../case.h"
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/personality.h>

/* Prints three addresses: stack, heap, mapping. */
static int places(void) {
  int local;
  printf("%p %p %p\n", (void *)&local, sbrk(0), mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0));
  return 0;
}

static void ask(char *self, char *answer, size_t size) {
  int fds[2];
  if (pipe(fds) < 0) exit(1);
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    dup2(fds[1], 1);
    execve(self, (char *[]){self, (char *)"places", NULL}, (char *[]){NULL});
    _exit(1);
  }
  close(fds[1]);
  ssize_t n = 0, more;
  while ((more = read(fds[0], answer + n, size - 1 - (size_t)n)) > 0) n += more;
  answer[n] = 0;
  close(fds[0]);
  waitpid(child, NULL, 0);
}

int main(int argc, char **argv) {
  if (argc > 1) return places();
  char self[512], first[256], second[256];
  if (realpath(argv[0], self) == NULL) return 1;
  ask(self, first, sizeof first);
  ask(self, second, sizeof second);
  say("random by default", "%d", strcmp(first, second) != 0);
  say("old", "%#x", (unsigned)personality(ADDR_NO_RANDOMIZE));
  ask(self, first, sizeof first);
  ask(self, second, sizeof second);
  say("not random", "%d", strcmp(first, second) == 0);
  say("inherited", "%#x", (unsigned)personality(0xffffffff));
  personality(0);

  catch_faults();
  unsigned char *before = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  before[0] = 0xc3;
  touch("execute what may be read", before, EXECUTE);
  personality(READ_IMPLIES_EXEC);
  unsigned char *after = mmap(NULL, PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  after[0] = 0xc3;
  touch("READ_IMPLIES_EXEC", after, EXECUTE);
  mprotect(before, PAGE, PROT_READ);
  touch("READ_IMPLIES_EXEC, mprotect", before, EXECUTE);
  personality(0);
  result("query", personality(0xffffffff));
  return 0;
}
