#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static __thread int local = 21;

static void *twice(void *argument) {
  local += (int)(long)argument;
  return (void *)(long)(local * 2);
}

int main(int argc, char **argv) {
  pthread_t thread;
  void *result;
  if (pthread_create(&thread, NULL, twice, (void *)0L) != 0 || pthread_join(thread, &result) != 0) return 99;
  printf("hello, world; a thread says %ld; %d arguments", (long)result, argc - 1);
  for (int i = 1; i < argc; i++) printf(" %s", argv[i]);
  printf("; home %s, %.3f\n", getenv("HOME") == NULL ? "missing" : "set", 3.14159);
  char *memory = malloc(10 << 20);
  memset(memory, 1, 10 << 20);
  free(memory);
  return fflush(stdout) == 0 ? argc : 98;
}
