/* Runs in the sandbox: makes programs, has workers execute them, keeps what reached new code.
 *
 *   fuzz run SEED CALLS SECONDS guided|unguided OUT BATCH [FILE...]   FILE: programs to begin with
 *   fuzz replay OUT BATCH FILE...                                     the programs of the files, in their order
 *
 * OUT is a directory of the host: OUT/current has the programs of the worker that runs, so that they are known if the kernel does not survive them; OUT/corpus
 * what was kept, OUT/pcs the blocks that were reached. A worker executes BATCH programs. Between workers nothing but the supervisor may be left: then /sys/kernel/debug/check says whether the kernel
 * is as before. What is wrong is a line "FIND kind: text" and exit status 10. */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>
#include "program.h"

#define COVER_WORDS 32768UL
#define MAX_BLOCKS 65536
#define MAX_CORPUS 8192
#define MARKS 40
#define LOG_FD 900
#define KCOV_FD 901
#define NULL_FD 902
#define TEXT (64 * 1024)

#define MS 1000000L
/* A worker without progress is interrupted after this time, then killed; if it does not die then, the kernel hangs. */
#define INTERRUPT_AFTER (6 * MS)
#define KILL_AFTER (400 * MS)
#define HANG_AFTER (10000 * MS)
/* What the processes that are gone have left behind is gone as well after this time. */
#define SETTLED_AFTER (1000 * MS)

/* Shared with the workers. */
static struct shared {
  uint64_t random, calls, limit, programs, progress, blocks, log_size;
  uint64_t next_mark, marks, mark_calls[MARKS + 1], mark_blocks[MARKS + 1];
  int guided, batch, replaying, corpus_count, loaded, replayed;
  uint8_t seen[MAX_BLOCKS];
  struct scores scores;
  struct program corpus[MAX_CORPUS];
} *shared;

static volatile uint64_t *cover;
static const char *out;
static int fresh, last_fresh;
static const struct program *running;

static int64_t now(void) {
  struct timespec ts;
  clock_gettime(CLOCK_MONOTONIC, &ts);
  return ts.tv_sec * 1000000000L + ts.tv_nsec;
}

static void mark(void) {
  if (shared->marks > MARKS) return;
  shared->mark_calls[shared->marks] = shared->calls;
  shared->mark_blocks[shared->marks++] = shared->blocks;
}

/* After each call: what it reached. */
static void take_coverage(int index) {
  uint64_t count = __atomic_load_n(&cover[0], __ATOMIC_RELAXED);
  int before = fresh;
  for (uint64_t i = 1; i <= count && i < COVER_WORDS; i++) {
    uint32_t block = (uint32_t)cover[i] - 0x80000000u;
    if (block >= MAX_BLOCKS || shared->seen[block]) continue;
    shared->seen[block] = 1;
    shared->blocks++;
    fresh++;
    last_fresh = index;
  }
  __atomic_store_n(&cover[0], 0, __ATOMIC_RELAXED);
  score(&shared->scores, running->calls[index].type, fresh - before);
  shared->progress++;
  if (++shared->calls >= shared->next_mark) {
    mark();
    shared->next_mark += shared->limit / MARKS + 1;
  }
}

static int choose(struct program *program) {
  if (shared->replayed < shared->loaded) {
    *program = shared->corpus[shared->replayed++];
    return 1;
  }
  if (shared->replaying) return 0;
  uint64_t *random = &shared->random;
  const struct scores *scores = shared->guided ? &shared->scores : NULL;
  int count = shared->corpus_count;
  if (!shared->guided || count == 0 || below(random, 2) == 0) {
    generate(program, scores, random);
    return 1;
  }
  /* What was found last leads further more often. */
  int recent = below(random, 2) ? count : (count + 3) / 4;
  *program = shared->corpus[count - 1 - below(random, recent)];
  mutate(program, &shared->corpus[below(random, count)], scores, random);
  return 1;
}

static void work(int batch) {
  static char text[TEXT];
  struct program program;
  setpgid(0, 0);
  for (int fd = 0; fd < 3; fd++) dup2(NULL_FD, fd);
  prepare_execution();
  if (ioctl(KCOV_FD, _IO('c', 100), 0) != 0) _exit(1);
  for (int i = 0; i < batch && shared->calls < shared->limit && choose(&program); i++) {
    int size = write_program(text, sizeof text, &program);
    /* A program may have closed it. */
    if (pwrite(LOG_FD, text, size, shared->log_size) != size) _exit(0);
    shared->log_size += size;
    int known = shared->replayed < shared->loaded || shared->replaying;
    fresh = 0;
    cover[0] = 0;
    running = &program;
    execute(&program, take_coverage);
    shared->programs++;
    if (fresh > 0 && shared->guided && !known && shared->corpus_count < MAX_CORPUS) {
      program.count = last_fresh + 1;
      shared->corpus[shared->corpus_count] = program;
      __atomic_store_n(&shared->corpus_count, shared->corpus_count + 1, __ATOMIC_RELEASE);
    }
  }
  _exit(0);
}

static void finding(const char *kind, const char *text) {
  printf("FIND %s: %s\n", kind, text);
  fflush(stdout);
  exit(10);
}

/* Makes the working directory of programs. They are root: earlier ones may have unmounted /tmp, and made what is there now read-only. */
static void enter(const char *folder) {
  if (mkdir(folder, 0755) != 0 && (mount("tmpfs", "/tmp", "tmpfs", 0, NULL) != 0 || mkdir(folder, 0755) != 0)) perror(folder), exit(2);
  if (chdir(folder) != 0) perror(folder), exit(2);
}

/* Names that programs use in their working directory. */
static void clean(const char *folder) {
  static const char *const names[] = {"d/e/f", "d/e", "d/a", "d/b", "d", "a", "b", "c", "l", "s", "p", "d/s", "d/l", "/dev/shm/a"};
  if (chdir(folder) != 0) return;
  for (int round = 0; round < 2; round++)
    for (unsigned i = 0; i < sizeof names / sizeof *names; i++) {
      umount2(names[i], MNT_DETACH);
      if (unlink(names[i]) != 0) rmdir(names[i]);
    }
  if (chdir("/") == 0) rmdir(folder);
}

static void on_child(int signo) { (void)signo; }

/* Kills everybody else and waits until they are gone. */
static void alone(void) {
  int64_t start = now();
  for (;;) {
    kill(-1, SIGKILL);
    pid_t pid = waitpid(-1, NULL, WNOHANG);
    if (pid < 0 && errno == ECHILD) return;
    if (pid == 0) usleep(500);
    if (now() - start > HANG_AFTER) finding("hang", "a killed process does not die");
  }
}

static void watch(pid_t worker) {
  uint64_t progress = 0;
  int64_t since = now();
  int killed = 0;
  for (;;) {
    pid_t pid = waitpid(worker, NULL, WNOHANG);
    if (pid == worker || (pid < 0 && errno == ECHILD)) return;
    usleep(3000);
    int64_t idle = now() - since;
    if (shared->progress != progress) {
      progress = shared->progress;
      since = now();
    } else if (idle > HANG_AFTER) finding("hang", "a killed worker does not die");
    else if (idle > KILL_AFTER) {
      if (!killed) kill(worker, SIGKILL);
      killed = 1;
    } else if (idle > INTERRUPT_AFTER) kill(worker, SIGUSR1);
  }
}

/* The numbers that /sys/kernel/debug/check gives. */
struct state {
  long descriptions, anonymous, committed, processes;
};
static struct state check(int fd) {
  static char text[4096];
  struct state state = {0, 0, 0, 0};
  ssize_t size = pread(fd, text, sizeof text - 1, 0);
  if (size <= 0) finding("check", "cannot be read");
  text[size] = 0;
  if (strstr(text, "problem: ") != NULL) {
    strstr(text, "problem: ")[strcspn(strstr(text, "problem: "), "\n")] = 0;
    finding("invariant", strstr(text, "problem: ") + 9);
  }
  sscanf(text, "descriptions %ld\nanonymous %ld\ncommitted %ld\nprocesses %ld\n", &state.descriptions, &state.anonymous, &state.committed, &state.processes);
  return state;
}

/* What there is more than before, or NULL. */
static const char *left_over(const struct state *before, const struct state *after) {
  static char text[128];
  if (after->descriptions > before->descriptions) snprintf(text, sizeof text, "%ld file descriptions", after->descriptions - before->descriptions);
  else if (after->anonymous > before->anonymous + (64 << 10)) snprintf(text, sizeof text, "%ld bytes of anonymous memory", after->anonymous - before->anonymous);
  else if (after->committed != before->committed) snprintf(text, sizeof text, "%ld committed pages", after->committed - before->committed);
  else if (after->processes != before->processes) snprintf(text, sizeof text, "%ld processes", after->processes - before->processes);
  else return NULL;
  return text;
}

/* A leak is what stays. The kernel ends sockets that only messages hold at the end of its slice (packages/kernel/src/socket/in-flight.ts): some milliseconds after the
 * last process that had them, as Linux 6.9 and later do in a work queue. */
static void compare(int fd, const struct state *before) {
  for (int64_t start = now();; usleep(1000)) {
    struct state after = check(fd);
    const char *text = left_over(before, &after);
    if (text == NULL) return;
    if (now() - start > SETTLED_AFTER) finding("leak", text);
  }
}

static void save_corpus(void) {
  static char text[TEXT];
  char path[256];
  snprintf(path, sizeof path, "%s/corpus", out);
  FILE *file = fopen(path, "w");
  if (file == NULL) return;
  for (int i = 0; i < shared->corpus_count; i++) fwrite(text, 1, write_program(text, sizeof text, &shared->corpus[i]), file);
  fclose(file);
}

/* OUT/pcs: for sbx kcov report. */
static void save_pcs(void) {
  char path[256];
  snprintf(path, sizeof path, "%s/pcs", out);
  FILE *file = fopen(path, "w");
  if (file == NULL) return;
  for (unsigned i = 0; i < MAX_BLOCKS; i++)
    if (shared->seen[i]) fprintf(file, "0x%lx\n", 0xffffffff80000000UL + i);
  fclose(file);
}

static void load(const char *path) {
  FILE *file = fopen(path, "r");
  if (file == NULL) perror(path), exit(2);
  fseek(file, 0, SEEK_END);
  long size = ftell(file);
  rewind(file);
  char *text = calloc(1, size + 1);
  const char *rest = text;
  if (fread(text, 1, size, file) != (size_t)size) exit(2);
  while (shared->corpus_count < MAX_CORPUS && read_program(&rest, &shared->corpus[shared->corpus_count])) shared->corpus_count++;
  free(text);
  fclose(file);
}

static void open_all(void) {
  char path[256];
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
  int fd = open("/sys/kernel/debug/kcov", O_RDWR);
  if (fd < 0 || ioctl(fd, _IOR('c', 1, uint64_t), COVER_WORDS) != 0) perror("kcov"), exit(2);
  cover = mmap(NULL, COVER_WORDS * 8, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  dup2(fd, KCOV_FD), close(fd);
  fd = open("/dev/null", O_RDWR);
  dup2(fd, NULL_FD), close(fd);
  snprintf(path, sizeof path, "%s/current", out);
  fd = open(path, O_RDWR | O_CREAT | O_TRUNC, 0644);
  if (fd < 0) perror(path), exit(2);
  dup2(fd, LOG_FD), close(fd);
}

int main(int argc, char **argv) {
  int replaying = argc > 4 && strcmp(argv[1], "replay") == 0;
  if (!replaying && (argc < 8 || strcmp(argv[1], "run") != 0)) return 2;
  out = replaying ? argv[2] : argv[6];
  open_all();
  shared->replaying = replaying;
  shared->random = replaying ? 0 : strtoul(argv[2], NULL, 0);
  shared->limit = replaying ? ~0UL : strtoul(argv[3], NULL, 0);
  shared->next_mark = replaying ? ~0UL : 0;
  shared->guided = !replaying && strcmp(argv[5], "guided") == 0;
  shared->batch = atoi(argv[replaying ? 3 : 7]);
  for (int i = replaying ? 4 : 8; i < argc; i++) load(argv[i]);
  shared->loaded = shared->corpus_count;

  prctl(PR_SET_CHILD_SUBREAPER, 1);
  signal(SIGCHLD, on_child);
  int check_fd = open("/sys/kernel/debug/check", O_RDONLY);
  struct state before = {0, 0, 0, 0};
  int64_t start = now(), end = start + (replaying ? 100000L : atol(argv[4])) * 1000 * MS;
  for (int round = 0; shared->calls < shared->limit && now() < end && !(replaying && shared->replayed >= shared->loaded); round++) {
    char folder[64];
    snprintf(folder, sizeof folder, "/tmp/fuzz-%d", round);
    enter(folder);
    shared->log_size = 0;
    if (ftruncate(LOG_FD, 0) != 0) exit(2);
    pid_t worker = fork();
    if (worker < 0) finding("fork", strerror(errno));
    /* The first two do nothing: what the kernel makes at the first use is there then. */
    if (worker == 0) work(round < 2 ? 0 : shared->batch);
    watch(worker);
    alone();
    clean(folder);
    if (round < 2) before = check(check_fd);
    else compare(check_fd, &before);
    if (round % 200 == 199) save_corpus();
  }
  mark();
  save_corpus();
  save_pcs();
  double seconds = (now() - start) / 1e9;
  printf("calls %lu programs %lu blocks %lu corpus %d seconds %.1f\n", shared->calls, shared->programs, shared->blocks, shared->corpus_count, seconds);
  for (uint64_t i = 0; i < shared->marks; i++) printf("curve %lu %lu\n", shared->mark_calls[i], shared->mark_blocks[i]);
  return 0;
}
