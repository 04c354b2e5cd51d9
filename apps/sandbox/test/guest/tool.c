// What tests want of a program and no shell can do: tool WHAT [ARGUMENT...]
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <unistd.h>

static _Noreturn void fail(const char *what) {
  printf("%s: %s\n", what, strerror(errno));
  exit(1);
}

static void say(const char *what) {
  printf("%s\n", what);
  fflush(stdout);
}

// A byte from stdin, or its end.
static void await_input(void) {
  char byte;
  if (read(0, &byte, 1) < 0) fail("read");
}

// spin: never makes a system call again.
static void spin(void) {
  say("ready");
  for (volatile unsigned long i = 0;; i++) {
  }
}

// ignore: everything that can be ignored is, and blocked as well.
static void ignore(void) {
  sigset_t all;
  for (int signo = 1; signo <= 64; signo++) signal(signo, SIG_IGN);
  sigfillset(&all);
  sigprocmask(SIG_BLOCK, &all, NULL);
  say("ready");
  for (;;) pause();
}

// forks: as many processes as there may be; then ends them.
static void forks(void) {
  int count = 0;
  pid_t pid;
  setpgid(0, 0);
  while ((pid = fork()) > 0) count++;
  if (pid == 0)
    for (;;) pause();
  printf("%d %s\n", count, strerrorname_np(errno));
  fflush(stdout);
  signal(SIGTERM, SIG_IGN);
  kill(0, SIGTERM);
  while (wait(NULL) > 0) {
  }
  say("gone");
}

// bomb: a fork bomb.
static void bomb(void) {
  for (;;) fork();
}

// open COUNT: so many descriptors at once, each of which works.
static void open_many(int count) {
  struct rlimit limit;
  getrlimit(RLIMIT_NOFILE, &limit);
  limit.rlim_cur = limit.rlim_max;
  setrlimit(RLIMIT_NOFILE, &limit);
  int opened = 0, last = -1;
  while (opened < count) {
    const int fd = open(opened % 2 ? "/etc/passwd" : "/proc/self/status", O_RDONLY);
    if (fd < 0) break;
    last = fd;
    opened++;
  }
  char byte;
  printf("%d %s %zd\n", opened, opened == count ? "OK" : strerrorname_np(errno), read(last, &byte, 1));
}

// eat MEGABYTES: touches so much memory.
static void eat(size_t megabytes) {
  for (size_t i = 0; i < megabytes; i++) {
    char *p = mmap(NULL, 1 << 20, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (p == MAP_FAILED) fail("mmap");
    memset(p, 1, 1 << 20);
  }
  say("eaten");
  await_input();
}

// store FILE HOW: stores to a shared mapping of the file; then msync, munmap, exit, or nothing (keep), and waits for input before it leaves.
static void store(const char *path, const char *how) {
  const size_t size = 3 * 4096;
  const int fd = open(path, O_RDWR | O_CREAT, 0644);
  if (fd < 0 || ftruncate(fd, (off_t)size) != 0) fail("open");
  char *p = mmap(NULL, size, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) fail("mmap");
  strcpy(p, "first");
  strcpy(p + size - 5, "last");
  if (strcmp(how, "exit") == 0) _exit(0);
  if (strcmp(how, "msync") == 0 && msync(p, size, MS_SYNC) != 0) fail("msync");
  if (strcmp(how, "munmap") == 0 && munmap(p, size) != 0) fail("munmap");
  say("done");
  await_input();
}

// see FILE: prints the first line of a shared mapping of the file at each line of input.
static void see(const char *path) {
  const int fd = open(path, O_RDONLY);
  const char *p = fd < 0 ? MAP_FAILED : mmap(NULL, 4096, PROT_READ, MAP_SHARED, fd, 0);
  if (p == MAP_FAILED) fail("mmap");
  do {
    printf("%.*s\n", (int)strcspn(p, "\n"), p);
    fflush(stdout);
  } while (getchar() != EOF);
}

// append FILE: appends numbered records of 16 bytes for ever, and says each after it was written.
static void append(const char *path) {
  const int fd = open(path, O_WRONLY | O_CREAT | O_APPEND, 0644);
  char record[32];
  if (fd < 0) fail("open");
  for (int i = 0;; i++) {
    snprintf(record, sizeof record, "record %08d\n", i);
    if (write(fd, record, 16) != 16) fail("write");
    if (write(1, record, 16) != 16) exit(1);
  }
}

int main(int argc, char **argv) {
  const char *what = argc > 1 ? argv[1] : "";
  const char *first = argc > 2 ? argv[2] : "", *second = argc > 3 ? argv[3] : "";
  if (strcmp(what, "spin") == 0) spin();
  else if (strcmp(what, "ignore") == 0) ignore();
  else if (strcmp(what, "forks") == 0) forks();
  else if (strcmp(what, "bomb") == 0) bomb();
  else if (strcmp(what, "open") == 0) open_many(atoi(first));
  else if (strcmp(what, "eat") == 0) eat((size_t)atoi(first));
  else if (strcmp(what, "store") == 0) store(first, second);
  else if (strcmp(what, "see") == 0) see(first);
  else if (strcmp(what, "append") == 0) append(first);
  else {
    printf("unknown: %s\n", what);
    return 2;
  }
  return 0;
}
