// covers: clock_gettime(EINVAL) getcpu
// Reads the clocks through the vDSO and through the system calls in turn: both show the same time, which never runs backwards.
#include "../case.h"
#include <elf.h>
#include <link.h>
#include <sys/auxv.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <time.h>

/* Looks a symbol of version LINUX_2.6 up in the vDSO, as a libc does. */
static void *symbol(const char *name) {
  uintptr_t base = getauxval(AT_SYSINFO_EHDR);
  if (base == 0) return NULL;
  const Elf64_Ehdr *header = (void *)base;
  const Elf64_Phdr *segment = (void *)(base + header->e_phoff);
  const Elf64_Dyn *dynamic = NULL;
  uintptr_t load = 0;
  for (int i = 0; i < header->e_phnum; i++) {
    if (segment[i].p_type == PT_LOAD) load = base + segment[i].p_offset - segment[i].p_vaddr;
    if (segment[i].p_type == PT_DYNAMIC) dynamic = (void *)(base + segment[i].p_offset);
  }
  const Elf64_Sym *symbols = NULL;
  const char *strings = NULL;
  const Elf64_Word *hash = NULL;
  const Elf64_Half *versions = NULL;
  for (; dynamic->d_tag != DT_NULL; dynamic++) {
    void *at = (void *)(load + dynamic->d_un.d_ptr);
    if (dynamic->d_tag == DT_SYMTAB) symbols = at;
    if (dynamic->d_tag == DT_STRTAB) strings = at;
    if (dynamic->d_tag == DT_HASH) hash = at;
    if (dynamic->d_tag == DT_VERSYM) versions = at;
  }
  if (hash == NULL) return NULL;
  for (Elf64_Word i = 0; i < hash[1]; i++)
    if (strcmp(strings + symbols[i].st_name, name) == 0 && versions != NULL && symbols[i].st_shndx != SHN_UNDEF) return (void *)(load + symbols[i].st_value);
  return NULL;
}

typedef int (*clock_gettime_t)(clockid_t, struct timespec *);
static int64_t ns(const struct timespec *t) { return t->tv_sec * 1000000000LL + t->tv_nsec; }

int main(void) {
  /* Long enough for a kernel that has just started to have measured the TSC. */
  struct timespec nap = {.tv_nsec = 60000000};
  nanosleep(&nap, NULL);
  clock_gettime_t vdso = (clock_gettime_t)(uintptr_t)symbol("__vdso_clock_gettime");
  int (*of_day)(struct timeval *, void *) = (int (*)(struct timeval *, void *))(uintptr_t)symbol("__vdso_gettimeofday");
  time_t (*seconds)(time_t *) = (time_t(*)(time_t *))(uintptr_t)symbol("__vdso_time");
  long (*cpu)(unsigned *, unsigned *, void *) = (long (*)(unsigned *, unsigned *, void *))(uintptr_t)symbol("__vdso_getcpu");
  say("there", "%d %d %d %d", vdso != NULL, of_day != NULL, seconds != NULL, cpu != NULL);
  if (vdso == NULL || of_day == NULL || seconds == NULL || cpu == NULL) return 1;

  const clockid_t clocks[] = {CLOCK_REALTIME, CLOCK_MONOTONIC, CLOCK_BOOTTIME};
  for (int c = 0; c < 3; c++) {
    int backwards = 0, outside = 0, errors = 0;
    int64_t last = 0;
    for (int i = 0; i < 3000; i++) {
      struct timespec before, between, after;
      errors |= (int)syscall(SYS_clock_gettime, clocks[c], &before);
      errors |= vdso(clocks[c], &between);
      errors |= (int)syscall(SYS_clock_gettime, clocks[c], &after);
      backwards += ns(&between) < last;
      last = ns(&between);
      /* To within a microsecond of what lies around it. */
      outside += ns(&between) < ns(&before) - 1000 || ns(&between) > ns(&after) + 1000;
      for (int k = 0; k < 50; k++) {
        vdso(clocks[c], &between);
        backwards += ns(&between) < last;
        last = ns(&between);
      }
      if (i % 1000 == 999) nanosleep(&nap, NULL);
    }
    say("clock", "%d backwards %d outside %s errors %d", clocks[c], backwards, outside <= 3 ? "no" : "yes", errors);
  }
  struct timespec spec;
  struct timeval val;
  vdso(CLOCK_REALTIME, &spec);
  of_day(&val, NULL);
  int64_t apart = val.tv_sec * 1000000000LL + val.tv_usec * 1000 - ns(&spec);
  say("gettimeofday", "%d", apart > -2000 && apart < 1000000);
  say("time", "%d", llabs(seconds(NULL) - val.tv_sec) <= 1);
  time_t stored = 0;
  seconds(&stored);
  say("time stores", "%d", llabs(stored - val.tv_sec) <= 1);
  unsigned number = 9999, node = 9999;
  long got = cpu(&number, &node, NULL);
  say("getcpu", "%ld %d %u", got, number < 9999, node);
  say("thread clock", "%d", vdso(CLOCK_THREAD_CPUTIME_ID, &spec));
  say("unknown clock", "%d", vdso(99, &spec));
  say("through libc", "%d", clock_gettime(CLOCK_MONOTONIC, &spec));
  /* The parameters can't be written. */
  catch_faults();
  touch("vvar", (void *)(getauxval(AT_SYSINFO_EHDR) - PAGE + 8), WRITE);
  touch("vdso", (void *)getauxval(AT_SYSINFO_EHDR), WRITE);
  struct timespec start, end;
  vdso(CLOCK_MONOTONIC, &start);
  for (int i = 0; i < 100000; i++) vdso(CLOCK_MONOTONIC, &end);
  fprintf(stderr, "%.1f ns a call\n", (double)(ns(&end) - ns(&start)) / 100000);
  return 0;
}
