// covers: clone mmap munmap mprotect madvise wait4
// Threads store, map, unmap and protect while the process forks: nobody sees what is not his.
#include "../case.h"
#include <pthread.h>
#include <sys/mman.h>

#define AREAS 8
#define AREA (16 * PAGE)
static unsigned char *area;
static volatile int stop;
static long errors;

static void *store(void *argument) {
  unsigned char *p = area + (long)argument * AREA;
  for (unsigned char value = 1; !stop; value++) {
    for (unsigned long i = 0; i < AREA; i += PAGE) p[i] = value;
    for (unsigned long i = 0; i < AREA; i += PAGE)
      if (p[i] != value) __atomic_add_fetch(&errors, 1, __ATOMIC_RELAXED);
  }
  return NULL;
}
static void *remake(void *unused) {
  (void)unused;
  unsigned seed = 7;
  while (!stop) {
    size_t pages = 1 + (size_t)rand_r(&seed) % 40;
    unsigned char *p = mmap(NULL, pages * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    long wrong = 0;
    for (size_t i = 0; i < pages; i++) {
      wrong += p[i * PAGE] != 0;
      p[i * PAGE] = 9;
    }
    if (pages > 4) {
      mprotect(p + PAGE, PAGE, PROT_READ);
      madvise(p + 2 * PAGE, PAGE, MADV_DONTNEED);
      wrong += p[PAGE] != 9 || p[2 * PAGE] != 0 || p[3 * PAGE] != 9;
    }
    munmap(p, pages * PAGE);
    if (wrong) __atomic_add_fetch(&errors, wrong, __ATOMIC_RELAXED);
  }
  return NULL;
}

int main(void) {
  area = mmap(NULL, AREAS * AREA, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  pthread_t threads[4];
  for (long i = 0; i < 3; i++) pthread_create(&threads[i], NULL, store, (void *)i);
  pthread_create(&threads[3], NULL, remake, NULL);
  long children = 0;
  for (int round = 0; round < 6; round++) {
    pid_t child = fork();
    if (child == 0) {
      /* The child's memory stands still. */
      unsigned char seen[AREAS];
      for (int i = 0; i < AREAS; i++) seen[i] = area[i * AREA];
      usleep(2000);
      int wrong = 0;
      for (int i = 0; i < AREAS; i++) wrong |= seen[i] != area[i * AREA];
      memset(area, 3, AREAS * AREA);
      _exit(wrong);
    }
    int status;
    waitpid(child, &status, 0);
    children += status != 0;
  }
  stop = 1;
  for (int i = 0; i < 4; i++) pthread_join(threads[i], NULL);
  say("threads", "errors %ld", errors);
  say("children", "errors %ld", children);
  return 0;
}
