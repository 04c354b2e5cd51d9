// Usage: elf SEED COUNT. Executes COUNT damaged ELF files and scripts.
#include "random.h"
#include <elf.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/syscall.h>
#include <sys/time.h>

/* A whole program: mov $60, %eax; mov $7, %edi; syscall. */
static const unsigned char code[] = {0xb8, 60, 0, 0, 0, 0xbf, 7, 0, 0, 0, 0x0f, 0x05};
static unsigned char file[3 * 4096];
static size_t size;

static void good_file(void) {
  memset(file, 0, sizeof file);
  Elf64_Ehdr header = {.e_ident = {0x7f, 'E', 'L', 'F', ELFCLASS64, ELFDATA2LSB, EV_CURRENT},
                       .e_type = below(2) ? ET_EXEC : ET_DYN,
                       .e_machine = EM_X86_64,
                       .e_version = EV_CURRENT,
                       .e_phoff = sizeof header,
                       .e_ehsize = sizeof header,
                       .e_phentsize = sizeof(Elf64_Phdr),
                       .e_phnum = 3 + below(3)};
  uint64_t base = header.e_type == ET_EXEC ? 0x400000 : 0;
  header.e_entry = base + 0x1000;
  Elf64_Phdr parts[6] = {
      {PT_LOAD, PF_R | PF_X, 0, base, base, 0x1000 + sizeof code, 0x1000 + sizeof code, 0x1000},
      {PT_LOAD, PF_R | PF_W, 0x2000, base + 0x3000, base + 0x3000, 0x100, 0x5000, 0x1000},
      {PT_GNU_STACK, PF_R | PF_W, 0, 0, 0, 0, 0, 16},
      {PT_NOTE, PF_R, 0x2000, base + 0x3000, 0, 0x20, 0x20, 4},
      {PT_INTERP, PF_R, 0x800, base + 0x800, 0, 20, 20, 1},
      {PT_PHDR, PF_R, sizeof header, base + sizeof header, 0, 6 * sizeof *parts, 6 * sizeof *parts, 8},
  };
  strcpy((char *)file + 0x800, below(2) ? "/bin/program" : "./other");
  memcpy(file, &header, sizeof header);
  memcpy(file + sizeof header, parts, sizeof parts);
  memcpy(file + 0x1000, code, sizeof code);
  size = sizeof file;
}

/* Writes a number of 1, 2, 4 or 8 bytes somewhere into the headers. */
static void damage(void) {
  size_t width = 1UL << below(4), at = below(sizeof(Elf64_Ehdr) + 6 * sizeof(Elf64_Phdr) - 8) / width * width;
  uint64_t value;
  switch (below(6)) {
  case 0: value = random64(); break;
  case 1: value = any_size(); break;
  case 2: value = 1UL << below(64); break;
  case 3: value = -(int64_t)below(8192); break;
  case 4: value = 0x1000 * below(1 << 20); break;
  default: value = below(16);
  }
  memcpy(file + at, &value, width);
}

static void script(void) {
  static const char *const lines[] = {"#!", "#! ", "#!\n", "#!./test\n", "#!/proc/self/exe x\n", "#!/bin/program /bin/program\n", "#!/dev/null\n", "#!missing\n", "#!./other", "\x7f" "ELF", ""};
  size = snprintf((char *)file, 64, "%s", lines[below(sizeof lines / sizeof *lines)]);
  if (below(3) == 0) memset(file + size, 'x', 300), size += 300;
}

static void write_file(const char *path) {
  int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
  if (write(fd, file, size) != (ssize_t)size) printf("cannot write\n");
  close(fd);
}

int main(int argc, char **argv) {
  // Run as the interpreter of a damaged file.
  if (argc < 3 || strcmp(argv[0], "test") == 0) return 9;
  seed_random(strtoul(argv[1], NULL, 0));
  long count = atol(argv[2]), exits = 0, errors = 0, signals = 0, stuck = 0;
  setrlimit(RLIMIT_CORE, &(struct rlimit){0, 0});
  good_file();
  write_file("other");
  for (long i = 0; i < count; i++) {
    good_file();
    if (below(10) == 0) script();
    else {
      for (long n = below(4); n >= 0; n--) damage();
      if (below(20) == 0) size = below(sizeof file);
    }
    write_file("test");
    pid_t pid = fork();
    if (pid == 0) {
      struct itimerval timer = {.it_value = {1, 0}};
      setitimer(ITIMER_REAL, &timer, NULL);
      close(0), close(1), close(2);
      char *arguments[] = {"test", NULL}, *environment[] = {NULL};
      if (below(2)) execve("test", arguments, environment);
      else syscall(SYS_execveat, open("test", O_RDONLY | O_CLOEXEC), "", arguments, environment, AT_EMPTY_PATH);
      _exit(100 + (errno & 15));
    }
    int status;
    if (pid < 0 || waitpid(pid, &status, 0) != pid) {
      printf("error %d at %ld\n", errno, i);
      return 1;
    }
    if (WIFSIGNALED(status)) WTERMSIG(status) == SIGALRM ? stuck++ : signals++;
    else WEXITSTATUS(status) >= 100 ? errors++ : exits++;
  }
  unlink("test");
  unlink("other");
  fprintf(stderr, "%ld files: %ld ran, %ld refused, %ld died, %ld ran on\n", count, exits, errors, signals, stuck);
  printf("done\n");
  return 0;
}
