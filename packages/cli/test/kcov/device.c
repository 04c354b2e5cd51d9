/* What /sys/kernel/debug/kcov answers: each check prints a line that begins with "ok" or with "FAIL". The argument names the part. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define KCOV_INIT_TRACE _IOR('c', 1, uint64_t)
#define KCOV_ENABLE _IO('c', 100)
#define KCOV_DISABLE _IO('c', 101)
#define KCOV_REMOTE_ENABLE 0x40186366
#define WORDS 4096UL
#define BYTES (WORDS * 8)
#define PATH "/sys/kernel/debug/kcov"
#define SMALL 512UL
#define PAGE 4096UL

typedef volatile uint64_t word;

static int failures;
/* A result as a call gives it: 0 or more, or -errno. */
static void check(const char *name, long got, long want) {
  if (got == want) printf("ok %s\n", name);
  else {
    printf("FAIL %s: %ld, not %ld\n", name, got, want);
    failures++;
  }
  fflush(stdout);
}
static void yes(const char *name, int truth) { check(name, truth != 0, 1); }
static long result(long value) { return value < 0 ? -errno : value; }
static long control(int fd, unsigned long command, unsigned long argument) { return result(syscall(SYS_ioctl, fd, command, argument)); }
static long init(int fd, unsigned long words) { return control(fd, KCOV_INIT_TRACE, words); }
static long enable(int fd) { return control(fd, KCOV_ENABLE, 0); }
static long disable(int fd) { return control(fd, KCOV_DISABLE, 0); }
static int fresh(void) {
  int fd = open(PATH, O_RDWR);
  if (fd < 0) perror(PATH), exit(2);
  return fd;
}
static word *map(int fd, unsigned long bytes) {
  word *area = mmap(NULL, bytes, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  if (area == MAP_FAILED) perror("mmap"), exit(2);
  return area;
}
static int ready(unsigned long words, word **area) {
  int fd = fresh();
  if (init(fd, words) != 0) exit(2);
  *area = map(fd, words * 8);
  return fd;
}
static long mapped(int fd, unsigned long bytes, int prot, int flags, long offset) {
  void *at = (void *)syscall(SYS_mmap, NULL, bytes, prot, flags, fd, offset);
  if (at == MAP_FAILED) return -errno;
  munmap(at, bytes);
  return 0;
}
static int wait_for(pid_t pid) {
  int status = -1;
  waitpid(pid, &status, 0);
  return status;
}

static void files(void) {
  struct stat st;
  check("stat of debug", stat("/sys/kernel/debug", &st), 0);
  check("mode of debug", st.st_mode & 07777, 0700);
  check("stat of kcov", stat(PATH, &st), 0);
  check("mode of kcov", st.st_mode & 07777, 0600);
  check("owner", st.st_uid, 0);
  int fd = fresh();
  char byte = 0;
  check("read", result(read(fd, &byte, 1)), -EINVAL);
  check("write", result(write(fd, &byte, 1)), -EINVAL);
  check("pread", result(pread(fd, &byte, 1, 0)), -ESPIPE);
  check("pwrite", result(pwrite(fd, &byte, 1, 0)), -ESPIPE);
  check("lseek", result(lseek(fd, 0, SEEK_SET)), -ESPIPE);
  close(fd);
}

static void sizes(void) {
  static const unsigned long bad[] = {0, 1, 2, 511, 513, 1023, 10UL * 1024 * 1024 + 1, 10UL * 1024 * 1024 + 512, 1UL << 31, 1UL << 32, (1UL << 32) + 512,
                                      1UL << 53, (1UL << 61) + 512, 1UL << 63, ~0UL, ~0UL - 511};
  int fd = fresh();
  for (unsigned i = 0; i < sizeof bad / sizeof *bad; i++) {
    char name[64];
    snprintf(name, sizeof name, "INIT_TRACE of %#lx words", bad[i]);
    check(name, init(fd, bad[i]), -EINVAL);
  }
  check("INIT_TRACE of the smallest", init(fd, 512), 0);
  check("INIT_TRACE twice", init(fd, 512), -EBUSY);
  check("INIT_TRACE twice, wrong size", init(fd, 1), -EBUSY);
  close(fd);
  fd = fresh();
  check("INIT_TRACE of the largest", init(fd, 10UL * 1024 * 1024), 0);
  word *area = map(fd, 80UL * 1024 * 1024);
  check("ENABLE of the largest", enable(fd), 0);
  area[0] = 10UL * 1024 * 1024 - 2;
  getppid();
  check("the last word of the largest", (long)area[0], 10L * 1024 * 1024 - 1);
  yes("a PC in the last word", area[10UL * 1024 * 1024 - 1] >> 31 == 0x1ffffffff);
  check("DISABLE of the largest", disable(fd), 0);
  munmap((void *)area, 80UL * 1024 * 1024);
  close(fd);
}

static void commands(void) {
  int fd = fresh();
  check("ENABLE before INIT_TRACE", enable(fd), -EINVAL);
  check("DISABLE before INIT_TRACE", disable(fd), -EINVAL);
  static const unsigned long wrong[] = {_IO('c', 1),           _IOR('c', 1, uint32_t), _IOW('c', 1, uint64_t),  _IOWR('c', 1, uint64_t), _IOR('c', 2, uint64_t),
                                        _IOR('c', 100, uint64_t), _IOW('c', 101, int),    _IO('c', 102), _IO('d', 100), KCOV_REMOTE_ENABLE, 0};
  for (unsigned i = 0; i < sizeof wrong / sizeof *wrong; i++) {
    char name[64];
    snprintf(name, sizeof name, "ioctl %#lx", wrong[i]);
    check(name, control(fd, wrong[i], WORDS), -ENOTTY);
  }
  check("the upper half of a command is none", control(fd, KCOV_DISABLE | 1UL << 32, 0), -EINVAL);
  check("INIT_TRACE", init(fd, WORDS), 0);
  check("ENABLE before mmap", enable(fd), -EINVAL);
  word *area = map(fd, BYTES);
  check("ENABLE of comparisons", control(fd, KCOV_ENABLE, 1), -ENOTSUP);
  check("ENABLE of type 2", control(fd, KCOV_ENABLE, 2), -EINVAL);
  check("ENABLE of type 2^32", control(fd, KCOV_ENABLE, 1UL << 32), -EINVAL);
  check("ENABLE of type -1", control(fd, KCOV_ENABLE, -1UL), -EINVAL);
  check("DISABLE while not enabled", disable(fd), -EINVAL);
  check("ENABLE", enable(fd), 0);
  check("ENABLE twice", enable(fd), -EINVAL);
  check("ENABLE twice, wrong type", control(fd, KCOV_ENABLE, 7), -EINVAL);
  check("INIT_TRACE while enabled", init(fd, WORDS), -EBUSY);
  check("mmap while enabled", mapped(fd, BYTES, PROT_READ, MAP_SHARED, 0), -EINVAL);
  word *other_area;
  int other = ready(WORDS, &other_area);
  check("ENABLE of a second instance", enable(other), -EBUSY);
  check("ENABLE of a second instance, wrong type", control(other, KCOV_ENABLE, 7), -EBUSY);
  check("DISABLE of a second instance", disable(other), -EINVAL);
  check("DISABLE with an argument", control(fd, KCOV_DISABLE, 1), -EINVAL);
  check("DISABLE with a high argument", control(fd, KCOV_DISABLE, 1UL << 32), -EINVAL);
  check("DISABLE", disable(fd), 0);
  check("DISABLE twice", disable(fd), -EINVAL);
  check("ENABLE of a second instance after DISABLE", enable(other), 0);
  check("DISABLE of it", disable(other), 0);
  area[0] = 0;
  check("ENABLE again, on the same mapping", enable(fd), 0);
  area[0] = 0;
  getppid();
  yes("it counts again", area[0] > 0);
  check("DISABLE again", disable(fd), 0);
  uint64_t count = area[0];
  getppid();
  yes("nothing comes after DISABLE", area[0] == count);
  check("INIT_TRACE after DISABLE", init(fd, WORDS), -EBUSY);
  close(fd), close(other);
}

static void maps(void) {
  int fd = fresh();
  check("mmap before INIT_TRACE", mapped(fd, BYTES, PROT_READ, MAP_SHARED, 0), -EINVAL);
  check("INIT_TRACE", init(fd, WORDS), 0);
  check("mmap of less", mapped(fd, BYTES - PAGE, PROT_READ, MAP_SHARED, 0), -EINVAL);
  check("mmap of more", mapped(fd, BYTES + PAGE, PROT_READ, MAP_SHARED, 0), -EINVAL);
  check("mmap of much more", mapped(fd, 1UL << 40, PROT_READ, MAP_SHARED, 0), -EINVAL);
  check("mmap of nothing", mapped(fd, 0, PROT_READ, MAP_SHARED, 0), -EINVAL);
  check("mmap from the second page on", mapped(fd, BYTES, PROT_READ, MAP_SHARED, PAGE), -EINVAL);
  check("mmap inside a page", mapped(fd, BYTES, PROT_READ, MAP_SHARED, 8), -EINVAL);
  check("mmap of the last page", mapped(fd, PAGE, PROT_READ, MAP_SHARED, BYTES - PAGE), -EINVAL);
  check("mmap, read", mapped(fd, BYTES, PROT_READ, MAP_SHARED, 0), 0);
  check("mmap, write", mapped(fd, BYTES, PROT_WRITE, MAP_SHARED, 0), 0);
  check("mmap, none", mapped(fd, BYTES, PROT_NONE, MAP_SHARED, 0), 0);
  check("mmap, private", mapped(fd, BYTES, PROT_READ | PROT_WRITE, MAP_PRIVATE, 0), 0);
  /* Whole pages are mapped, so Linux compares those. */
  check("mmap up to the middle of the last page", mapped(fd, BYTES - 8, PROT_READ, MAP_SHARED, 0), 0);
  word *one = map(fd, BYTES), *two = map(fd, BYTES);
  one[7] = 42;
  check("mappings are of the same memory", (long)two[7], 42);
  check("mremap to more", result((long)mremap((void *)two, BYTES, BYTES * 2, MREMAP_MAYMOVE)), -EFAULT);
  char line[512], want[64];
  snprintf(want, sizeof want, "[kcov:%ld]", syscall(SYS_gettid));
  FILE *list = fopen("/proc/self/maps", "r");
  int found = 0;
  while (fgets(line, sizeof line, list)) found += strstr(line, want) != NULL && strstr(line, " rw-s 00000000 ") != NULL;
  fclose(list);
  check("its name in maps", found, 2);
  int reader = open(PATH, O_RDONLY);
  check("INIT_TRACE, opened for reading", init(reader, WORDS), 0);
  check("mmap for reading, opened for reading", mapped(reader, BYTES, PROT_READ, MAP_SHARED, 0), 0);
  check("mmap for writing, opened for reading", mapped(reader, BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, 0), -EACCES);
  int writer = open(PATH, O_WRONLY);
  check("INIT_TRACE, opened for writing", init(writer, WORDS), 0);
  check("mmap, opened for writing", mapped(writer, BYTES, PROT_WRITE, MAP_SHARED, 0), -EACCES);
  close(reader), close(writer), close(fd);
}

/* Calls that touch much code. */
static void work(void) {
  int fds[2];
  struct stat st;
  struct timespec ts;
  if (pipe(fds) == 0) close(fds[0]), close(fds[1]);
  stat("/proc/self/status", &st);
  clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &ts);
  int fd = open("/proc/self/maps", O_RDONLY);
  char bytes[256];
  if (read(fd, bytes, sizeof bytes) < 0) exit(2);
  close(fd);
  mapped(-1, 4096, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, 0);
}

static void full(void) {
  /* The area, with a page on either side that nobody may touch. */
  char *room = mmap(NULL, 3 * PAGE, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  int fd = fresh();
  check("INIT_TRACE", init(fd, SMALL), 0);
  word *area = mmap(room + PAGE, PAGE, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_FIXED, fd, 0);
  yes("between guard pages", (char *)area == room + PAGE);
  /* Its neighbours in the kernel's memory. */
  word *after;
  int neighbour = ready(SMALL, &after);
  after[0] = after[511] = 0;
  check("ENABLE", enable(fd), 0);
  area[0] = 0;
  for (int i = 0; i < 20; i++) work();
  check("the count stops at the capacity", (long)area[0], 511);
  yes("the last word is a PC", area[511] >> 31 == 0x1ffffffff);
  uint64_t first = area[1], last = area[511];
  work();
  yes("nothing is overwritten", area[0] == 511 && area[1] == first && area[511] == last);
  int clean = 1;
  for (int i = 0; i < 512; i++) clean &= after[i] == 0;
  yes("nothing is written beyond it", clean);
  area[0] = 510, area[511] = 1;
  getppid();
  yes("one place left", area[0] == 511 && area[511] >> 31 == 0x1ffffffff);
  static const uint64_t counts[] = {512, 513, 1UL << 31, 1UL << 32, (1UL << 32) - 1, 1UL << 53, 1UL << 63, ~0UL - 1, ~0UL};
  int kept = 1;
  for (unsigned i = 0; i < sizeof counts / sizeof *counts; i++) {
    area[0] = counts[i], area[1] = 77, area[511] = 78;
    getppid();
    kept &= area[0] == counts[i] && area[1] == 77 && area[511] == 78;
  }
  yes("a count beyond the end stops it", kept);
  area[0] = 0;
  getppid();
  yes("it goes on from 0, with what is new alone", area[0] > 0 && area[0] < 200);
  check("DISABLE", disable(fd), 0);
  close(fd), close(neighbour);
}

/* Until the main thread of a process waits for something. */
static void until_asleep(pid_t pid) {
  char path[32], text[256];
  snprintf(path, sizeof path, "/proc/%d/stat", pid);
  for (;;) {
    int file = open(path, O_RDONLY);
    ssize_t size = read(file, text, sizeof text - 1);
    close(file);
    if (size <= 0) _exit(4);
    text[size] = 0;
    char *end = strrchr(text, ')');
    if (end != NULL && end[2] == 'S') return;
    usleep(1000);
  }
}

static void children(void) {
  word *area;
  int fd = ready(WORDS, &area);
  check("ENABLE", enable(fd), 0);
  pid_t child = fork();
  if (child == 0) {
    /* What the parent did is written each time before it returns: no more once it waits. */
    until_asleep(getppid());
    area[0] = 0;
    for (int i = 0; i < 5; i++) work();
    uint64_t seen = area[0];
    if (seen != 0) _exit(1);
    if (enable(fd) != -EINVAL) _exit(2);
    if (disable(fd) != -EINVAL) _exit(3);
    _exit(0);
  }
  check("a child does not trace, and can't stop its parent", wait_for(child), 0);
  area[0] = 0;
  getppid();
  yes("the parent goes on", area[0] > 0);
  check("DISABLE", disable(fd), 0);

  child = fork();
  if (child == 0) {
    if (enable(fd) != 0) _exit(1);
    area[0] = 0;
    _exit(0);
  }
  check("a child traces and exits", wait_for(child), 0);
  yes("its exit is in the area", area[0] > 0);
  check("the instance is free again: ENABLE", enable(fd), 0);
  check("DISABLE", disable(fd), 0);

  child = fork();
  if (child == 0) {
    while (enable(fd) != 0) usleep(1000);
    for (;;) pause();
  }
  while (enable(fd) == 0) disable(fd), usleep(1000);
  check("ENABLE while a child has it", enable(fd), -EINVAL);
  check("DISABLE of what a child has", disable(fd), -EINVAL);
  kill(child, SIGKILL);
  check("the child is killed", wait_for(child), SIGKILL);
  check("free again after SIGKILL", enable(fd), 0);
  check("DISABLE", disable(fd), 0);
  close(fd);
}

static void *thread_exits(void *fd) { return (void *)enable((int)(intptr_t)fd); }

static void threads(void) {
  word *area;
  int fd = ready(WORDS, &area);
  pthread_t thread;
  void *value;
  pthread_create(&thread, NULL, thread_exits, (void *)(intptr_t)fd);
  pthread_join(thread, &value);
  check("ENABLE in a thread", (long)value, 0);
  /* pthread_join is woken before the thread has ended. */
  long free_again = -1;
  for (int i = 0; i < 1000 && (free_again = enable(fd)) != 0; i++) usleep(1000);
  check("free again after the thread's end", free_again, 0);
  check("DISABLE", disable(fd), 0);
  close(fd);
}

static void exec(char *self) {
  word *area;
  int fd = ready(WORDS, &area);
  char number[16];
  snprintf(number, sizeof number, "%d", fd);
  pid_t child = fork();
  if (child == 0) {
    if (enable(fd) != 0) _exit(1);
    execl(self, self, "after-exec", number, NULL);
    _exit(2);
  }
  check("a task traces on after execve", wait_for(child), 0);
  yes("into the area, which its creator maps", area[0] > 0);
  check("ENABLE after its end", enable(fd), 0);
  check("DISABLE", disable(fd), 0);
  close(fd);
}
/* Runs after an execve of a task that traces. */
static int after_exec(int fd) {
  if (mapped(fd, BYTES, PROT_READ, MAP_SHARED, 0) != -EINVAL) return 3;
  if (enable(fd) != -EINVAL) return 4;
  return disable(fd) == 0 ? 0 : 5;
}

static void closing(void) {
  word *area, *other_area;
  int fd = ready(WORDS, &area);
  int other = ready(WORDS, &other_area);
  int copy = dup(fd);
  check("ENABLE", enable(fd), 0);
  close(fd);
  area[0] = 0;
  getppid();
  yes("it goes on when one of two descriptors is closed", area[0] > 0);
  check("DISABLE through the other", disable(copy), 0);
  check("ENABLE through the other", enable(copy), 0);
  close(copy);
  area[0] = 0;
  getppid();
  yes("a mapping keeps it open, as in Linux", area[0] > 0);
  check("so the task is taken", enable(other), -EBUSY);
  munmap((void *)area, BYTES);
  check("with the last of it the task is free", enable(other), 0);
  other_area[0] = 0;
  getppid();
  yes("and traces anew", other_area[0] > 0);
  check("DISABLE", disable(other), 0);
  munmap((void *)other_area, BYTES);
  word *third;
  third = map(other, BYTES);
  check("a new mapping after the first is gone: ENABLE", enable(other), 0);
  third[0] = 0;
  getppid();
  yes("is of the same area", third[0] > 0);
  check("closed while it is mapped nowhere", (munmap((void *)third, BYTES), close(other)), 0);
}

static pthread_barrier_t together;
static int contested;
static long won, lost, wrong_results;
static void *contend(void *unused) {
  (void)unused;
  pthread_barrier_wait(&together);
  for (int i = 0; i < 500; i++) {
    long result = enable(contested);
    if (result == 0) {
      __atomic_fetch_add(&won, 1, __ATOMIC_RELAXED);
      if (disable(contested) != 0) __atomic_fetch_add(&wrong_results, 1, __ATOMIC_RELAXED);
    } else if (result == -EINVAL) __atomic_fetch_add(&lost, 1, __ATOMIC_RELAXED);
    else __atomic_fetch_add(&wrong_results, 1, __ATOMIC_RELAXED);
    if (disable(contested) != -EINVAL) __atomic_fetch_add(&wrong_results, 1, __ATOMIC_RELAXED);
    if (init(contested, WORDS) != -EBUSY) __atomic_fetch_add(&wrong_results, 1, __ATOMIC_RELAXED);
  }
  return NULL;
}
static void race(void) {
  word *area;
  contested = ready(WORDS, &area);
  pthread_t list[4];
  pthread_barrier_init(&together, NULL, 4);
  for (int i = 0; i < 4; i++) pthread_create(&list[i], NULL, contend, NULL);
  for (int i = 0; i < 4; i++) pthread_join(list[i], NULL);
  check("four threads enable and disable one instance: wrong results", wrong_results, 0);
  check("each ENABLE succeeded or found it taken", won + lost, 2000);
  yes("some succeeded", won > 0);
  check("it is free afterwards", enable(contested), 0);
  check("DISABLE", disable(contested), 0);
  close(contested);
}

/* Many cycles; says when it is warm and when it is done, and waits each time for a byte. */
static void cycles(int count) {
  word *area;
  int fd = ready(WORDS, &area);
  for (int i = 0; i < count; i++) {
    if (i == count / 10) {
      printf("warm\n"), fflush(stdout);
      getchar();
    }
    if (enable(fd) != 0 || disable(fd) != 0) printf("FAIL in cycle %d\n", i), exit(1);
  }
  printf("done\n"), fflush(stdout);
  getchar();
}

static void print_pcs(const char *who, word *area) {
  for (uint64_t i = 1; i <= area[0]; i++) printf("%s 0x%lx\n", who, (unsigned long)area[i]);
}
static int ends[2];
static word *areas[2];
static void *reads_pipe(void *unused) {
  (void)unused;
  int fd = ready(WORDS, &areas[0]);
  char byte;
  enable(fd);
  areas[0][0] = 0;
  for (int i = 0; i < 50; i++)
    if (read(ends[0], &byte, 1) != 1) exit(2);
  disable(fd);
  return NULL;
}
static void *sets_names(void *unused) {
  (void)unused;
  int fd = ready(WORDS, &areas[1]);
  char name[65];
  enable(fd);
  areas[1][0] = 0;
  for (int i = 0; i < 500; i++)
    if (gethostname(name, sizeof name) != 0 || sethostname(name, strlen(name)) != 0) exit(2);
  disable(fd);
  return NULL;
}
/* Two tasks trace at the same time while a third, which doesn't, wakes one of them. */
static void two(void) {
  pthread_t reader, namer;
  if (pipe(ends) != 0) exit(2);
  pthread_create(&reader, NULL, reads_pipe, NULL);
  pthread_create(&namer, NULL, sets_names, NULL);
  for (int i = 0; i < 50; i++) {
    usleep(500);
    if (write(ends[1], "x", 1) != 1) exit(2);
  }
  pthread_join(reader, NULL), pthread_join(namer, NULL);
  print_pcs("reader", areas[0]);
  print_pcs("namer", areas[1]);
}

int main(int argc, char **argv) {
  const char *part = argc > 1 ? argv[1] : "";
  if (strcmp(part, "after-exec") == 0) return after_exec(atoi(argv[2]));
  static const struct { const char *name; void (*run)(void); } parts[] = {
      {"files", files}, {"sizes", sizes}, {"commands", commands}, {"maps", maps}, {"full", full}, {"children", children},
      {"threads", threads}, {"closing", closing}, {"race", race}, {"two", two}};
  for (unsigned i = 0; i < sizeof parts / sizeof *parts; i++)
    if (strcmp(part, parts[i].name) == 0) return parts[i].run(), failures != 0;
  if (strcmp(part, "cycles") == 0) return cycles(atoi(argv[2])), 0;
  if (strcmp(part, "exec") == 0) return exec(argv[0]), failures != 0;
  return 2;
}
