#include <cpuid.h>
#include <string.h>

#include "machine.h"

/* Components (SDM Vol. 1 13.1): those of AMX have to be asked for by each process, and stubs don't. */
#define XFEATURE_AMX (UINT64_C(3) << 17)
#define HEADER 512
#define HEADER_SIZE 64
#define LEGACY_RESERVED 416
#define MXCSR 24
#define MXCSR_MASK 28

static uint32_t mxcsr_mask;

void xstate_probe(uint32_t *size, uint64_t *features) {
  uint32_t low, high;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));
  *features = (((uint64_t)high << 32) | low) & ~XFEATURE_AMX;
  *size = HEADER + HEADER_SIZE;
  for (uint32_t i = 2; i < 63; i++) {
    uint32_t a, b, c, d;
    if ((*features >> i & 1) == 0 || !__get_cpuid_count(0xd, i, &a, &b, &c, &d)) continue;
    if (a + b > *size) *size = a + b;
  }
  _Alignas(16) uint8_t area[512];
  memset(area, 0, sizeof(area));
  __asm__ volatile("fxsave64 %0" : "=m"(area));
  memcpy(&mxcsr_mask, area + MXCSR_MASK, sizeof(mxcsr_mask));
  if (mxcsr_mask == 0) mxcsr_mask = 0xffbf;
}

void xstate_copy(uint8_t *to, const uint8_t *from, uint32_t size, uint64_t features) {
  memcpy(to, from, size);
  /* XRSTOR refuses reserved bits of MXCSR and of the header (SDM Vol. 1 13.8.1). What Linux keeps in the legacy area's free bytes says nothing here. */
  uint32_t mxcsr;
  memcpy(&mxcsr, to + MXCSR, sizeof(mxcsr));
  mxcsr &= mxcsr_mask;
  memcpy(to + MXCSR, &mxcsr, sizeof(mxcsr));
  memset(to + LEGACY_RESERVED, 0, HEADER - LEGACY_RESERVED);
  uint64_t present;
  memcpy(&present, to + HEADER, sizeof(present));
  present &= features;
  memcpy(to + HEADER, &present, sizeof(present));
  memset(to + HEADER + sizeof(present), 0, HEADER_SIZE - sizeof(present));
}
