// Runs one guest routine of the conformance suite in this process and prints, as JSON, the signal that ends it.
// Arguments: code file; addresses of code, data, length of data, read-only page, stack top, stack size; rip, rdi, rsp; bytes for the data in hex.
#define _GNU_SOURCE
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <ucontext.h>
#include <unistd.h>
#include <x86intrin.h>

static void handler(int signo, siginfo_t *info, void *context) {
  __writeeflags(__readeflags() & ~0x40000ull);  // no alignment checks in the C library
  const greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
  // The process ends here, and the fault was not in the C library: stdio is safe.
  printf("{\"signo\":%d,\"code\":%d,\"addr\":\"0x%llx\",\"rip\":\"0x%llx\",\"trapno\":%lld,\"err\":%lld}\n", signo, info->si_code,
         (unsigned long long)(uintptr_t)info->si_addr, (unsigned long long)regs[REG_RIP], regs[REG_TRAPNO], regs[REG_ERR]);
  fflush(stdout);
  _exit(0);
}

static uint64_t start_values[3];

// The return from this handler is how the routine starts: it can load any rip and rsp.
static void start(int signo, siginfo_t *info, void *context) {
  (void)signo;
  (void)info;
  greg_t *regs = ((ucontext_t *)context)->uc_mcontext.gregs;
  regs[REG_RIP] = (greg_t)start_values[0];
  regs[REG_RDI] = (greg_t)start_values[1];
  regs[REG_RSP] = (greg_t)start_values[2];
}

static void *map(uint64_t address, size_t length, int protection) {
  void *area = mmap((void *)address, length, protection, MAP_PRIVATE | MAP_ANONYMOUS | MAP_FIXED_NOREPLACE, -1, 0);
  if (area == MAP_FAILED) {
    perror("mmap");
    exit(1);
  }
  return area;
}

int main(int argc, char **argv) {
  uint64_t values[9];
  if (argc < 11) return 2;
  for (int i = 0; i < 9; i++) values[i] = strtoull(argv[i + 2], NULL, 0);
  uint8_t *code = map(values[0], 0x1000, PROT_READ | PROT_WRITE);
  FILE *file = fopen(argv[1], "rb");
  if (file == NULL || fread(code, 1, 0x1000, file) == 0) return 3;
  fclose(file);
  mprotect(code, 0x1000, PROT_READ | PROT_EXEC);
  uint8_t *data = map(values[1], values[2], PROT_READ | PROT_WRITE);
  for (const char *hex = argc > 11 ? argv[11] : ""; *hex != 0; hex += 2) {
    unsigned byte;
    if (sscanf(hex, "%2x", &byte) != 1) return 4;
    *data++ = (uint8_t)byte;
  }
  map(values[3], 0x1000, PROT_READ);
  map(values[4] - values[5], values[5], PROT_READ | PROT_WRITE);

  stack_t alternate = {.ss_sp = malloc(65536), .ss_size = 65536};
  sigaltstack(&alternate, NULL);
  struct sigaction action = {.sa_sigaction = handler, .sa_flags = SA_SIGINFO | SA_ONSTACK};
  const int signals[] = {SIGILL, SIGTRAP, SIGBUS, SIGFPE, SIGSEGV};
  for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++) sigaction(signals[i], &action, NULL);
  sigaction(SIGUSR1, &(struct sigaction){.sa_sigaction = start, .sa_flags = SA_SIGINFO | SA_ONSTACK}, NULL);
  memcpy(start_values, &values[6], sizeof start_values);
  raise(SIGUSR1);
  return 5;
}
