// covers: mmap munmap
// SGDT, SIDT, SLDT, STR and SMSW: what Linux answers on a CPU that refuses them to user mode (UMIP). On another one they tell the truth, and there is nothing
// to compare.
#include "../case.h"
#include <cpuid.h>
#include <sys/mman.h>

#define FILL 0x1122334455667788UL

static int refused(void) {
  unsigned a, b, c = 0, d;
  return __get_cpuid_count(7, 0, &a, &b, &c, &d) && (c & 1 << 2) != 0;
}

static void bytes(const char *name, const unsigned char *at, int count) {
  char text[64];
  for (int i = 0; i < count; i++) sprintf(text + 2 * i, "%02x", at[i]);
  say(name, "%s", text);
}

/* The instruction with a register of each size: only its bytes change. */
#define REGISTER(insn, reg, in)                                    \
  do {                                                             \
    unsigned long value = FILL;                                    \
    __asm__ volatile(insn " %%" reg : "+" in(value));              \
    say(insn " " reg, "%lx", value);                               \
  } while (0)

static unsigned char table[16] __attribute__((aligned(16)));

static void memory_operands(unsigned char *page) {
  unsigned long base = (unsigned long)page, index = 4;
#define STORE(name, text, ...)                                     \
  do {                                                             \
    memset(page, 0xaa, 64);                                        \
    __asm__ volatile(text : : __VA_ARGS__ : "r12", "r13", "memory"); \
    bytes(name, page, 32);                                         \
  } while (0)
  STORE("base", "sgdt (%0)", "r"(base));
  STORE("base and short displacement", "sidt 3(%0)", "r"(base));
  STORE("base and long displacement", "smsw -0x1000(%0)", "r"(base + 0x1000));
  STORE("base, index, scale", "sgdt 1(%0,%1,4)", "r"(base), "r"(index));
  STORE("high registers", "mov %0, %%r12; mov %1, %%r13; sidt (%%r12,%%r13,2)", "r"(base), "r"(index));
  STORE("r13 as the base", "mov %0, %%r13; str (%%r13)", "r"(base));
  STORE("index alone", "smsw (,%0,2)", "r"(base / 2));
  /* Neither page is there yet. */
  unsigned char *fresh = mmap(NULL, 64 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  __asm__ volatile("sidt (%0)" : : "r"(fresh + 32 * PAGE - 4) : "memory");
  bytes("across pages", fresh + 32 * PAGE - 8, 16);
  STORE("prefixes", ".byte 0xf3, 0x2e, 0x66; sldt (%0)", "r"(base));
#undef STORE
}

static void own_segment(void) {
  static __thread unsigned char local[16];
  memset(local, 0xaa, sizeof local);
  __asm__ volatile("mov %0, %%rax; sub %%fs:0, %%rax; sgdt %%fs:(%%rax)" : : "r"(local) : "rax", "memory");
  bytes("fs", local, 16);
  memset(table, 0xaa, sizeof table);
  __asm__ volatile("sidt %0" : "=m"(table));
  bytes("relative to rip", table, 16);
}

static unsigned char *volatile at;

static void faults(unsigned char *page) {
#define FAULT(name, where, text)                                             \
  do {                                                                       \
    at = where;                                                              \
    if (sigsetjmp(fault_return, 1) == 0) {                                   \
      __asm__ volatile(text : : "r"(at) : "memory");                         \
      say(name, "fine");                                                     \
    } else {                                                                 \
      const char *exact = fault_info.si_addr == at ? "exact" : "other";      \
      say(name, "signal %d code %d address %s", fault_info.si_signo, fault_info.si_code, exact); \
    }                                                                        \
  } while (0)
  unsigned char *hole = page + 2 * PAGE;
  munmap(hole, PAGE);
  FAULT("nothing there", hole, "sgdt (%0)");
  FAULT("across the end", hole - 4, "sgdt (%0)");
  FAULT("the kernel's half", (unsigned char *)0xffff800000000000UL, "smsw (%0)");
  unsigned char *readable = mmap(NULL, PAGE, PROT_READ, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  FAULT("read-only", readable, "sidt (%0)");
  FAULT("lgdt", page, "lgdt (%0)");
#undef FAULT
}

int main(void) {
  unsigned char *page = mmap(NULL, 3 * PAGE, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  if (!refused()) {
    munmap(page + 2 * PAGE, PAGE);
    return 0;
  }
  REGISTER("smsw", "ax", "a");
  REGISTER("smsw", "eax", "a");
  REGISTER("smsw", "rax", "a");
  REGISTER("sldt", "ecx", "c");
  REGISTER("str", "edx", "d");
  {
    register unsigned long high __asm__("r9") = FILL;
    __asm__ volatile("str %%r9" : "+r"(high));
    say("str r9", "%lx", high);
  }
  memory_operands(page);
  own_segment();
  catch_faults();
  faults(page);
  return 0;
}
