// covers: execve(E2BIG EACCES EFAULT EIO ELOOP ENOENT ENOEXEC ETXTBSY) execveat(EBADF ENOENT ENOTDIR) vfork wait4
#include "../case.h"
#pragma GCC diagnostic ignored "-Wstringop-overread"
#include <elf.h>
#include <fcntl.h>
#include <link.h>
#include <stddef.h>
#include <sys/auxv.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <sys/syscall.h>

static const char dir[] = "/tmp/exec-case";
static const char *in_dir(const char *name) {
  static char paths[4][256];
  static int next;
  char *path = paths[next++ % 4];
  snprintf(path, 256, "%s/%s", dir, name);
  return path;
}
static const char *put(const char *name, const void *bytes, size_t length, int mode) {
  const char *path = in_dir(name);
  unlink(path);
  int fd = open(path, O_CREAT | O_WRONLY | O_TRUNC, 0755);
  if (write(fd, bytes, length) != (ssize_t)length) exit(1);
  fchmod(fd, (mode_t)mode);
  close(fd);
  return path;
}
static const char *text(const char *name, const char *contents) { return put(name, contents, strlen(contents), 0755); }

/* Executes in a child; prints the error, or how the program ended. */
static void run(const char *name, const char *path, char *const argv[], char *const envp[]) {
  fflush(stdout);
  pid_t child = fork();
  if (child == 0) {
    execve(path, argv, envp);
    say(name, "errno %d", errno);
    fflush(stdout);
    _exit(111);
  }
  int status;
  waitpid(child, &status, 0);
  if (WIFSIGNALED(status)) say(name, "killed by %d", WTERMSIG(status));
  else if (WEXITSTATUS(status) != 111) say(name, "exit %d", WEXITSTATUS(status));
}

/* The smallest program: exits with 42. */
struct tiny {
  Elf64_Ehdr header;
  Elf64_Phdr segments[4];
  unsigned char code[64];
};
static const unsigned char exit42[] = {0xb8, 60, 0, 0, 0, 0xbf, 42, 0, 0, 0, 0x0f, 0x05};
static struct tiny tiny(void) {
  struct tiny t;
  memset(&t, 0, sizeof t);
  memcpy(t.header.e_ident, ELFMAG, 4);
  t.header.e_ident[EI_CLASS] = ELFCLASS64;
  t.header.e_ident[EI_DATA] = ELFDATA2LSB;
  t.header.e_ident[EI_VERSION] = EV_CURRENT;
  t.header.e_type = ET_EXEC;
  t.header.e_machine = EM_X86_64;
  t.header.e_version = 1;
  t.header.e_entry = 0x400000 + offsetof(struct tiny, code);
  t.header.e_phoff = offsetof(struct tiny, segments);
  t.header.e_ehsize = sizeof t.header;
  t.header.e_phentsize = sizeof(Elf64_Phdr);
  t.header.e_phnum = 1;
  t.segments[0] = (Elf64_Phdr){.p_type = PT_LOAD, .p_flags = PF_R | PF_X, .p_vaddr = 0x400000, .p_filesz = sizeof t, .p_memsz = sizeof t, .p_align = PAGE};
  memcpy(t.code, exit42, sizeof exit42);
  return t;
}
static void run_tiny(const char *name, const struct tiny *t) {
  char *argv[] = {(char *)"tiny", NULL}, *envp[] = {NULL};
  run(name, put("tiny", t, sizeof *t, 0755), argv, envp);
}

static int show(int argc, char **argv, char **envp) {
  for (int i = 1; i < argc; i++) say("argument", "%d [%s]", i, argv[i]);
  for (int i = 0; envp[i]; i++) say("variable", "%d [%s]", i, envp[i]);
  Elf64_auxv_t *aux = (void *)envp;
  while (*(void **)aux) aux = (void *)((void **)aux + 1);
  aux = (void *)((void **)aux + 1);
  say("stack pointer alignment", "%lu", (unsigned long)((uintptr_t)(argv - 1) & 15));
  say("strings follow each other", "%d", argc > 1 ? argv[1] == argv[0] + strlen(argv[0]) + 1 : 1);
  if (envp[0]) say("environment follows arguments", "%d", envp[0] == argv[argc - 1] + strlen(argv[argc - 1]) + 1);
  say("page size", "%lu", getauxval(AT_PAGESZ));
  say("clock ticks", "%lu", getauxval(AT_CLKTCK));
  say("program headers", "%lu", getauxval(AT_PHENT));
  say("platform", "%s", (char *)getauxval(AT_PLATFORM));
  say("secure", "%lu", getauxval(AT_SECURE));
  say("flags", "%lu", getauxval(AT_FLAGS));
  say("ids", "%d", getauxval(AT_UID) == getuid() && getauxval(AT_EUID) == geteuid() && getauxval(AT_GID) == getgid() && getauxval(AT_EGID) == getegid());
  const unsigned char *random = (void *)getauxval(AT_RANDOM);
  int bits = 0;
  for (int i = 0; i < 16; i++) bits |= random[i];
  say("random bytes", "%d", bits != 0);
  say("file name", "%d", strcmp((char *)getauxval(AT_EXECFN), argv[0]) == 0 || argc > 2);
  say("min signal stack", "%d", getauxval(51) > 512 && getauxval(51) < 65536);
  return 7;
}

int main(int argc, char **argv, char **envp) {
  if (argc > 1 && strncmp(argv[1], "show", 4) == 0) return show(argc, argv, envp);
  if (argc > 1) return 99; /* Only ever run with "show" by itself. */
  char self[512];
  if (argv[0][0] == '/') snprintf(self, sizeof self, "%s", argv[0]);
  else if (realpath(argv[0], self) == NULL) return 1;
  if (mkdir(dir, 0777) < 0 && errno != EEXIST) return 1;
  char *none[] = {NULL};
  char *plain[] = {(char *)"prog", (char *)"one", NULL};

  /* Vectors. */
  char *shown[] = {self, (char *)"show", (char *)"", (char *)"two words", (char *)"\xff", NULL};
  char *vars[] = {(char *)"A=1", (char *)"", (char *)"NOEQUALS", NULL};
  run("show", self, shown, vars);
  run("missing", in_dir("missing"), plain, none);
  run("empty path", "", plain, none);
  run("directory", dir, plain, none);
  run("path through a file", in_dir("x/y"), plain, none);
  run("bad path pointer", (char *)8, plain, none);
  run("bad argv pointer", self, (char **)8, none);
  run("bad string", self, (char *[]){(char *)8, NULL}, none);

  /* Formats. */
  run("empty file", text("empty", ""), plain, none);
  run("text", text("text", "echo hello\n"), plain, none);
  run("not executable", put("plain", "#!/bin/sh\n", 10, 0644), plain, none);
  struct tiny t = tiny();
  run_tiny("tiny", &t);
  put("short", &t, 80, 0755);
  run("cut off in the headers", in_dir("short"), plain, none);
  t.header.e_machine = EM_AARCH64;
  run_tiny("other machine", &t);
  t = tiny();
  t.header.e_type = ET_REL;
  run_tiny("relocatable", &t);
  t = tiny();
  t.header.e_ident[EI_CLASS] = ELFCLASS32;
  run_tiny("class is not looked at", &t);
  t = tiny();
  t.header.e_phnum = 0;
  run_tiny("no program headers", &t);
  t.header.e_phnum = 80;
  run_tiny("too many program headers", &t);
  t = tiny();
  t.header.e_phentsize = 32;
  run_tiny("entry size", &t);
  t = tiny();
  t.header.e_phoff = 1 << 20;
  run_tiny("headers past the end", &t);
  t.header.e_phoff = UINT64_MAX - 8;
  run_tiny("headers at a wild offset", &t);
  t = tiny();
  t.segments[0].p_vaddr += 1;
  run_tiny("offset and address disagree", &t);
  t = tiny();
  t.segments[0].p_vaddr = 1UL << 47;
  run_tiny("segment too high", &t);
  t = tiny();
  t.segments[0].p_memsz = 8;
  run_tiny("file size above memory size", &t);
  t = tiny();
  t.segments[0].p_memsz = UINT64_MAX;
  run_tiny("memory size wraps", &t);
  t = tiny();
  t.segments[0].p_memsz = 1UL << 46;
  t.segments[0].p_flags |= PF_W;
  run_tiny("more memory than there is", &t);
  t = tiny();
  t.header.e_entry = 0;
  run_tiny("entry 0", &t);
  t.header.e_entry = UINT64_MAX;
  run_tiny("entry -1", &t);
  t = tiny();
  t.header.e_type = ET_DYN;
  t.header.e_entry -= 0x400000;
  t.segments[0].p_vaddr = 0;
  run_tiny("static position-independent", &t);
  t = tiny();
  t.header.e_phnum = 2;
  t.segments[1] = t.segments[0];
  t.segments[1].p_flags = PF_R | PF_W;
  t.segments[1].p_vaddr = 0x500000;
  t.segments[1].p_memsz = 0x3000;
  /* Exits with the byte in .bss plus 3. */
  memcpy(t.code, (unsigned char[]){0x8a, 0x3c, 0x25, 0x00, 0x10, 0x50, 0x00, 0x88, 0xf8, 0x04, 3, 0x0f, 0xb6, 0xf8, 0xb8, 60, 0, 0, 0, 0x0f, 0x05}, 21);
  run_tiny("zeroed memory", &t);
  t = tiny();
  t.header.e_phnum = 2;
  t.segments[1] = (Elf64_Phdr){.p_type = PT_GNU_STACK, .p_flags = PF_R | PF_W | PF_X};
  /* push 0x050f; mov eax, 60; mov edi, 9; jmp rsp */
  memcpy(t.code, (unsigned char[]){0x68, 0x0f, 0x05, 0x00, 0x00, 0xb8, 60, 0, 0, 0, 0xbf, 9, 0, 0, 0, 0xff, 0xe4}, 17);
  run_tiny("executable stack", &t);
  t.segments[1].p_flags = PF_R | PF_W;
  run_tiny("stack is not executable", &t);
  t.header.e_phnum = 1;
  run_tiny("stack is not executable by default", &t);

  /* Interpreters. */
  t = tiny();
  t.header.e_phnum = 2;
  t.segments[1] = (Elf64_Phdr){.p_type = PT_INTERP, .p_offset = offsetof(struct tiny, code) + 32, .p_filesz = 9, .p_memsz = 9};
  memcpy(t.code + 32, "/missing", 9);
  run_tiny("interpreter missing", &t);
  t.segments[1].p_filesz = 8;
  run_tiny("interpreter without end", &t);
  t.segments[1].p_filesz = 1;
  run_tiny("interpreter too short", &t);
  t.segments[1].p_filesz = 8192;
  run_tiny("interpreter too long", &t);
  t.segments[1].p_filesz = 5;
  memcpy(t.code + 32, "/tmp", 5);
  run_tiny("interpreter is a directory", &t);
  t.segments[1].p_offset = 1 << 20;
  run_tiny("interpreter past the end", &t);

  /* Scripts. */
  char line[1024];
  snprintf(line, sizeof line, "#!%s show\n", self);
  run("script", text("script", line), plain, vars);
  snprintf(line, sizeof line, "#! \t %s \t show  and more \t\nrest", self);
  run("script with blanks", text("script", line), plain, none);
  run("script without interpreter", text("script", "#!\n"), plain, none);
  run("script with blanks only", text("script", "#!   \n/bin/true"), plain, none);
  run("script, nothing else", text("script", "#!"), plain, none);
  run("script, interpreter missing", text("script", "#!/missing/interpreter\n"), plain, none);
  run("script, interpreter is a directory", text("script", "#!/tmp\n"), plain, none);
  memset(line, 'a', sizeof line);
  memcpy(line, "#!/", 3);
  line[400] = 0;
  run("script, name too long", text("script", line), plain, none);
  snprintf(line, sizeof line, "#!%s", in_dir("nest0"));
  text("nest0", line);
  run("script of itself", in_dir("nest0"), plain, none);
  snprintf(line, sizeof line, "#!%s show\n", self);
  text("nest0", line);
  for (int i = 1; i < 7; i++) {
    char name[16], below[16];
    snprintf(name, sizeof name, "nest%d", i);
    snprintf(below, sizeof below, "nest%d", i - 1);
    snprintf(line, sizeof line, "#!%s\n", in_dir(below));
    text(name, line);
  }
  int out = dup(1), null = open("/dev/null", O_WRONLY);
  if (null < 0) null = open(in_dir("null"), O_CREAT | O_WRONLY, 0600);
  for (int i = 3; i < 7; i++) {
    char name[16];
    snprintf(name, sizeof name, "nest%d", i);
    fflush(stdout);
    pid_t child = fork();
    if (child == 0) {
      dup2(null, 1);
      execve(in_dir(name), plain, none);
      dup2(out, 1);
      say("nested", "%d errno %d", i, errno);
      _exit(111);
    }
    int status;
    waitpid(child, &status, 0);
    say("nested", "%d exit %d", i, WEXITSTATUS(status));
  }

  /* Limits. */
  char *large = malloc(200000);
  memset(large, 'x', 200000);
  large[131071] = 0;
  run("longest argument", put("ok", "#!/missing\n", 11, 0755), (char *[]){(char *)"x", large, NULL}, none);
  large[131071] = 'x';
  large[131072] = 0;
  run("argument too long", self, (char *[]){(char *)"x", large, NULL}, none);
  large[131072] = 'x';
  large[100000] = 0;
  char **many = calloc(200, sizeof *many);
  for (int i = 0; i < 100; i++) many[i] = large;
  run("arguments too long together", self, many, none);
  run("no arguments", text("script", "#!/missing\n"), none, none);

  /* Descriptors. */
  t = tiny();
  put("tiny", &t, sizeof t, 0755);
  int writer = open(in_dir("tiny"), O_WRONLY);
  run("open for writing", in_dir("tiny"), plain, none);
  close(writer);
  int fd = open(in_dir("tiny"), O_RDONLY);
  IN_CHILD("execveat empty path", { syscall(SYS_execveat, fd, "", plain, none, AT_EMPTY_PATH); _exit(errno); });
  IN_CHILD("execveat flags", { syscall(SYS_execveat, fd, "", plain, none, 1); _exit(errno); });
  IN_CHILD("execveat not a directory", { syscall(SYS_execveat, fd, "x", plain, none, 0); _exit(errno); });
  IN_CHILD("execveat bad descriptor", { syscall(SYS_execveat, 99, "x", plain, none, 0); _exit(errno); });
  close(fd);
  text("script", "#!/missing\n");
  fd = open(in_dir("script"), O_RDONLY | O_CLOEXEC);
  IN_CHILD("execveat script by close-on-exec descriptor", { syscall(SYS_execveat, fd, "", plain, none, AT_EMPTY_PATH); _exit(errno); });
  pid_t child = vfork();
  if (child == 0) {
    execve(in_dir("tiny"), plain, none);
    _exit(1);
  }
  int status;
  waitpid(child, &status, 0);
  say("vfork", "exit %d", WEXITSTATUS(status));
  const char *made[] = {"short", "empty", "text", "plain", "tiny", "script", "ok", "null", "nest0", "nest1", "nest2", "nest3", "nest4", "nest5", "nest6"};
  for (size_t i = 0; i < sizeof made / sizeof *made; i++) unlink(in_dir(made[i]));
  rmdir(dir);
  return 0;
}
